//! Work for a connection that one thread at a time does, with no lock held meanwhile.

use crate::driver::lock_order::Guard;
use crate::driver::sync::baton::Baton;

/// The steps of such work, on a state behind a lock.
pub(crate) trait Work<S> {
    /// Takes what there is to do now. Tells whether there is anything.
    fn take(&mut self, state: &mut S) -> bool;

    /// Does it, without the lock.
    fn act(&mut self);

    /// What follows, with the lock again. Tells whether to go on.
    fn after(&mut self, state: &mut S) -> bool;
}

/// Does the work until nothing is left, with `baton` in hand, and puts that down. Returns with the lock
/// held. `None` if `lock` gave up on it: then the caller has to see to it that somebody looks later.
pub(crate) fn work_alone<'a, S>(
    baton: &Baton,
    lock: impl Fn() -> Option<Guard<'a, S>>,
    mut state: Guard<'a, S>,
    work: &mut impl Work<S>,
) -> Option<Guard<'a, S>> {
    while work.take(&mut state) {
        drop(state);
        work.act();
        let Some(again) = lock() else {
            baton.put_down();
            return None;
        };
        state = again;
        if !work.after(&mut state) {
            break;
        }
    }
    baton.put_down();
    Some(state)
}
