//! Who starts or ends the library, one at a time.
//!
//! An end is more than that the library is gone: whom it trusted and its debug output are forgotten, and
//! threads that run functions of the application are waited for. A start in the middle of that would lose what it
//! was just given. So whoever starts the library waits until an end is over, and whoever ends it until a
//! start is. Only three do not wait:
//! - whoever ends it while that is being done: nothing is left to end. The function of the application
//!   that an end waits for may call `GameNetworkingSockets_Kill` itself;
//! - a thread of the library that starts it during an end, which may be waiting for that very thread;
//! - the thread that is at it, should it come here a second time.
//!
//! No other lock is held while anybody waits here.

use std::cell::Cell;
use std::sync::Condvar;
use std::sync::Mutex;
use std::sync::MutexGuard;
use std::sync::PoisonError;
use std::thread;
use std::thread::ThreadId;

/// The turn of a thread to start or end the library; over when dropped.
#[derive(Debug)]
pub(crate) struct Turn(());

/// What is being done by whoever has the turn.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Change {
    Start,
    End,
}

/// The turn to start the library; `None` if it is being ended by somebody who may wait for this thread, or by
/// this thread.
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
    let this_thread = thread::current().id();
    let mut doing = lock();
    while let Some((other, by)) = *doing {
        if by == this_thread || is_hopeless(other) {
            return None;
        }
        doing = OVER.wait(doing).unwrap_or_else(PoisonError::into_inner);
    }
    *doing = Some((change, this_thread));
    Some(Turn(()))
}

impl Drop for Turn {
    fn drop(&mut self) {
        *lock() = None;
        OVER.notify_all();
    }
}

fn lock() -> MutexGuard<'static, Option<(Change, ThreadId)>> {
    DOING.lock().unwrap_or_else(PoisonError::into_inner)
}

static DOING: Mutex<Option<(Change, ThreadId)>> = Mutex::new(None);
static OVER: Condvar = Condvar::new();

thread_local! {
    static IS_OURS: Cell<bool> = const { Cell::new(false) };
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thread_that_has_the_turn_does_not_wait_for_itself() {
        let turn = to_end().unwrap();
        assert!(to_start().is_none());
        assert!(to_end().is_none());
        drop(turn);
        assert!(to_start().is_some());
    }
}
