//! Who may ask a service now.
//!
//! So many at a time: whoever comes while there is no room waits a moment, and is sent away then. And nobody while the
//! service is dead: after some failures in a row the gate closes for a second, then one may try; if that fails as well
//! it closes for twice as long, up to half a minute. Failures are those that hold a thread (no connection, no answer);
//! a service that says that something went wrong does so at once, and might say so because of the credential alone.

use std::sync::Condvar;
use std::sync::Mutex;
use std::sync::MutexGuard;
use std::sync::PoisonError;
use std::time::Duration;
use std::time::Instant;

use crate::auth::Fault;
use crate::limits::HOOK_CLOSED_FIRST;
use crate::limits::HOOK_CLOSED_LONGEST;
use crate::limits::HOOK_FAILURES;

/// Lets callers of a service through, or not.
#[derive(Debug)]
pub(super) struct Gate {
    room: usize,
    patience: Duration,
    state: Mutex<State>,
    freed: Condvar,
}

/// Somebody who was let through. Counts as a failure unless it says otherwise.
#[derive(Debug)]
pub(super) struct Pass<'a> {
    gate: &'a Gate,
    has_failed: bool,
    /// Why, for the operator.
    error: String,
}

#[derive(Debug, Default)]
struct State {
    under_way: usize,
    /// Failures in a row.
    failures: u32,
    closed_until: Option<Instant>,
    /// How long it was closed the last time.
    closed_for: Duration,
}

impl Gate {
    pub(super) fn new(room: usize, patience: Duration) -> Self {
        Self {
            room,
            patience,
            state: Mutex::default(),
            freed: Condvar::new(),
        }
    }

    /// Lets somebody through, or says why not; that may take as long as the gate has patience.
    pub(super) fn enter(&self) -> Result<Pass<'_>, Fault> {
        let until = Instant::now() + self.patience;
        let mut state = self.lock();
        loop {
            let now = Instant::now();
            // Once it was closed, one at a time tries.
            let room = match state.closed_until {
                Some(closed_until) if now < closed_until => return Err(Fault::HookClosed),
                Some(_) if state.under_way > 0 => return Err(Fault::HookClosed),
                Some(_) => 1,
                None => self.room,
            };
            if state.under_way < room {
                state.under_way += 1;
                return Ok(Pass {
                    gate: self,
                    has_failed: true,
                    error: String::new(),
                });
            }
            let left = until.saturating_duration_since(now);
            if left.is_zero() {
                return Err(Fault::HookBusy);
            }
            let waited = self.freed.wait_timeout(state, left);
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    pub(super) fn is_closed(&self) -> bool {
        self.lock().closed_until.is_some()
    }

    fn leave(&self, has_failed: bool, error: &str) {
        let mut state = self.lock();
        state.under_way = state.under_way.saturating_sub(1);
        let was_closed = state.closed_until.is_some();
        if !has_failed {
            if was_closed {
                tracing::info!("the sign-in service answers again");
            }
            state.failures = 0;
            state.closed_until = None;
            state.closed_for = Duration::ZERO;
        } else {
            state.failures = state.failures.saturating_add(1);
            let now = Instant::now();
            let is_over = state.closed_until.is_none_or(|until| until <= now);
            if state.failures >= HOOK_FAILURES && is_over {
                let longer = (state.closed_for * 2).max(HOOK_CLOSED_FIRST);
                state.closed_for = longer.min(HOOK_CLOSED_LONGEST);
                state.closed_until = Some(now + state.closed_for);
            }
            if !was_closed && state.closed_until.is_some() {
                tracing::warn!(
                    failures = state.failures,
                    error,
                    "the sign-in service fails and is not asked for a while"
                );
            }
        }
        drop(state);
        self.freed.notify_all();
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Pass<'_> {
    /// The service has answered.
    pub(super) fn succeed(mut self) {
        self.has_failed = false;
    }

    /// It has not, for this reason.
    pub(super) fn fail(mut self, error: String) {
        self.error = error;
    }
}

impl Drop for Pass<'_> {
    fn drop(&mut self) {
        self.gate.leave(self.has_failed, &self.error);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHORT: Duration = Duration::from_millis(20);

    fn fail(gate: &Gate, times: u32) {
        for _ in 0..times {
            drop(gate.enter().unwrap());
        }
    }

    #[test]
    fn limit_callers_at_a_time() {
        let gate = Gate::new(2, SHORT);
        let (first, second) = (gate.enter().unwrap(), gate.enter().unwrap());
        let began = Instant::now();
        assert_eq!(gate.enter().unwrap_err(), Fault::HookBusy);
        assert!(began.elapsed() >= SHORT);
        first.succeed();
        gate.enter().unwrap().succeed();
        second.succeed();
    }

    #[test]
    fn whoever_waits_enters_when_there_is_room() {
        let gate = Gate::new(1, Duration::from_secs(20));
        let first = gate.enter().unwrap();
        std::thread::scope(|scope| {
            let waiting = scope.spawn(|| gate.enter().map(Pass::succeed));
            std::thread::sleep(SHORT);
            first.succeed();
            assert_eq!(waiting.join().unwrap(), Ok(()));
        });
    }

    #[test]
    fn a_dead_service_is_asked_by_one_now_and_then() {
        let gate = Gate::new(8, SHORT);
        fail(&gate, HOOK_FAILURES - 1);
        gate.enter().unwrap().succeed();
        fail(&gate, HOOK_FAILURES - 1);
        assert!(!gate.is_closed());
        fail(&gate, 1);
        assert!(gate.is_closed());
        assert_eq!(gate.enter().unwrap_err(), Fault::HookClosed);

        let longest = HOOK_CLOSED_LONGEST;
        let mut closed_for = HOOK_CLOSED_FIRST;
        for _ in 0..8 {
            assert_eq!(gate.lock().closed_for, closed_for);
            gate.lock().closed_until = Some(Instant::now());
            let one = gate.enter().unwrap();
            assert_eq!(gate.enter().unwrap_err(), Fault::HookClosed);
            drop(one);
            closed_for = (closed_for * 2).min(longest);
        }
        gate.lock().closed_until = Some(Instant::now());
        gate.enter().unwrap().succeed();
        assert!(!gate.is_closed());
        let _all: Vec<Pass<'_>> = (0..8).map(|_| gate.enter().unwrap()).collect();
    }

    #[test]
    fn those_under_way_when_it_closes_do_not_close_it_for_longer() {
        let gate = Gate::new(16, SHORT);
        let all: Vec<Pass<'_>> = (0..16).map(|_| gate.enter().unwrap()).collect();
        drop(all);
        assert_eq!(gate.lock().closed_for, HOOK_CLOSED_FIRST);
    }
}
