//! Who starts or ends the library, one at a time.
//!
//! An end is more than that the library is gone: whom it trusted and its debug output are forgotten, and
//! threads that run functions of the application are waited for. A start in the middle of that would lose what it
//! was just given. So whoever starts the library waits until an end is over, and whoever ends it until a
//! start is. Only two do not wait:
//! - whoever ends it while that is being done: nothing is left to end. The function of the application
//!   that an end waits for may call `GameNetworkingSockets_Kill` itself;
//! - a thread of the library that starts it during an end, which may be waiting for that very thread.
//!
//! No other lock is held while anybody waits here.

use std::cell::Cell;
use std::sync::Condvar;
use std::sync::Mutex;
use std::sync::MutexGuard;
use std::sync::PoisonError;

/// The turn of a thread to start or end the library; over when dropped.
#[derive(Debug)]
pub(crate) struct Turn(());

/// What is being done by whoever has the turn.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Change {
    Start,
    End,
}

/// The turn to start the library; `None` if it is being ended by somebody who may wait for this thread.
pub(crate) fn to_start() -> Option<Turn> {
    take(Change::Start, |doing| doing == Change::End && IS_OURS.get())
}

/// The turn to end the library; `None` if that is being done.
pub(crate) fn to_end() -> Option<Turn> {
    take(Change::End, |doing| doing == Change::End)
}

/// Says that this thread belongs to the library, so that an end waits for it.
pub(crate) fn adopt_thread() {
    IS_OURS.set(true);
}

/// Waits for the turn to do `change`; `None` if what is being done is not to be waited for.
fn take(change: Change, is_hopeless: impl Fn(Change) -> bool) -> Option<Turn> {
    let mut doing = lock();
    while let Some(other) = *doing {
        if is_hopeless(other) {
            return None;
        }
        doing = OVER.wait(doing).unwrap_or_else(PoisonError::into_inner);
    }
    *doing = Some(change);
    Some(Turn(()))
}

impl Drop for Turn {
    fn drop(&mut self) {
        *lock() = None;
        OVER.notify_all();
    }
}

fn lock() -> MutexGuard<'static, Option<Change>> {
    DOING.lock().unwrap_or_else(PoisonError::into_inner)
}

static DOING: Mutex<Option<Change>> = Mutex::new(None);
static OVER: Condvar = Condvar::new();

thread_local! {
    static IS_OURS: Cell<bool> = const { Cell::new(false) };
}
