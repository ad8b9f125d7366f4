//! Asking about credentials, on threads that may wait.
//!
//! There are two queues with threads of their own: one for the operator's service, which may take seconds for each answer,
//! and one for all else. So those who sign in by a token do not stand in line behind those whose service is slow.
//!
//! When more is asked than is answered, all would wait for longer and longer, until each answer came too late. So who has waited for
//! [`QUESTION_PATIENCE`] is told to come again, and those whose questions are put get their answers in time.

use std::io;
use std::panic::AssertUnwindSafe;
use std::panic::catch_unwind;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;
use std::time::Instant;

use bowline::Waker;
use bowline_core::hub::Method;
use bowline_core::hub::Refusal;
use bowline_core::ids::ConnectionId;

use crate::hub::Check;
use crate::hub::Verdict;
use crate::limits::CHECK_THREADS;
use crate::limits::MAX_CHECKS;
use crate::limits::MAX_HOOK_CALLS;
use crate::limits::QUESTION_PATIENCE;

/// Says whether a credential is good. May take its time, but not for ever: it has a thread of few.
pub trait Checker: Send + Sync {
    /// The answer to a question. It comes to nothing if it takes longer than
    /// [`CHECK_TIMEOUT`](crate::limits::CHECK_TIMEOUT).
    fn check(&self, check: &Check) -> Verdict;
}

/// Knows nobody who could be asked: for a hub whose policy asks nobody.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoChecker;

impl Checker for NoChecker {
    fn check(&self, _: &Check) -> Verdict {
        let text = "nobody is set up to check this credential";
        Verdict::Bad(Refusal::Unavailable, text.to_owned())
    }
}

/// The threads and their queues. They end when this is dropped, each once its checker has answered.
#[derive(Debug)]
pub(super) struct Checks {
    of_hook: mpsc::SyncSender<Question>,
    others: mpsc::SyncSender<Question>,
    verdicts: mpsc::Receiver<(ConnectionId, Verdict)>,
}

struct Question {
    check: Check,
    asked: Instant,
}

impl Checks {
    /// Starts the threads. `waker` ends the wait of whoever takes the verdicts.
    pub(super) fn start(checker: &Arc<dyn Checker>, waker: &Waker) -> io::Result<Self> {
        Self::with_patience(checker, waker, QUESTION_PATIENCE)
    }

    fn with_patience(
        checker: &Arc<dyn Checker>,
        waker: &Waker,
        patience: Duration,
    ) -> io::Result<Self> {
        let (answers, verdicts) = mpsc::sync_channel(MAX_CHECKS);
        let queue = |threads| {
            // Half of all that may be asked: neither takes the room of the other.
            let (questions, waiting) = mpsc::sync_channel(MAX_CHECKS / 2);
            let waiting = Arc::new(Mutex::new(waiting));
            for _ in 0..threads {
                let (checker, waiting) = (Arc::clone(checker), Arc::clone(&waiting));
                let (answers, waker) = (answers.clone(), waker.clone());
                let thread = thread::Builder::new().name("hub-check".to_owned());
                thread.spawn(move || work(&*checker, &waiting, patience, &answers, &waker))?;
            }
            Ok::<_, io::Error>(questions)
        };
        Ok(Self {
            of_hook: queue(MAX_HOOK_CALLS)?,
            others: queue(CHECK_THREADS - MAX_HOOK_CALLS)?,
            verdicts,
        })
    }

    /// Puts a question.
    ///
    /// # Errors
    /// The verdict, if there is no room for it.
    pub(super) fn ask(&self, check: Check) -> Result<(), Verdict> {
        let asked = Instant::now();
        let queue = match check.method {
            Method::Hook => &self.of_hook,
            _ => &self.others,
        };
        let sent = queue.try_send(Question { check, asked });
        sent.map_err(|_| too_many())
    }

    /// The next verdict that there is.
    pub(super) fn next(&self) -> Option<(ConnectionId, Verdict)> {
        self.verdicts.try_recv().ok()
    }
}

fn too_many() -> Verdict {
    let text = "too many credentials are being checked".to_owned();
    Verdict::Bad(Refusal::Busy, text)
}

fn work(
    checker: &dyn Checker,
    questions: &Mutex<mpsc::Receiver<Question>>,
    patience: Duration,
    answers: &mpsc::SyncSender<(ConnectionId, Verdict)>,
    waker: &Waker,
) {
    loop {
        let next = questions
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .recv();
        let Ok(Question { check, asked }) = next else {
            return;
        };
        let verdict = if asked.elapsed() > patience {
            too_many()
        } else {
            let answer = catch_unwind(AssertUnwindSafe(|| checker.check(&check)));
            answer.unwrap_or_else(|_| {
                tracing::error!(method = %check.method, "a check of a credential panicked");
                let text = "the check of the credential failed".to_owned();
                Verdict::Bad(Refusal::Unavailable, text)
            })
        };
        if answers.send((check.client, verdict)).is_err() {
            return;
        }
        waker.wake();
    }
}

#[cfg(test)]
mod tests {
    use bowline::Sockets;
    use bowline_core::hub::Role;
    use bowline_core::ids::AppId;

    use super::*;

    /// Knows about tokens at once, and about everything else when it may.
    struct Slow(Mutex<mpsc::Receiver<()>>);

    impl Checker for Slow {
        fn check(&self, check: &Check) -> Verdict {
            if check.method == Method::Hook {
                // Ends with the test at the latest.
                let _ = self.0.lock().unwrap().recv();
            }
            Verdict::Bad(Refusal::Credential, check.method.to_string())
        }
    }

    fn check(method: Method) -> Check {
        Check {
            client: ConnectionId::new(0x0001_0001),
            method,
            credential: Vec::new(),
            app: AppId::new(480),
            role: Role::User,
            wanted_identity: None,
        }
    }

    /// Takes its time for each.
    struct Steady(Duration);

    impl Checker for Steady {
        fn check(&self, _: &Check) -> Verdict {
            thread::sleep(self.0);
            Verdict::Bad(Refusal::Credential, "steady".to_owned())
        }
    }

    #[test]
    fn regression_of_too_many_some_are_answered_while_they_wait() {
        let most = Duration::from(crate::limits::CHECK_TIMEOUT);
        assert!(QUESTION_PATIENCE * 2 <= most, "time left for the answer");
        let sockets = Sockets::builder().build().unwrap();
        let takes = Duration::from_millis(400);
        let checker: Arc<dyn Checker> = Arc::new(Steady(takes));
        let patience = Duration::from_secs(2);
        let checks = Checks::with_patience(&checker, &sockets.waker(), patience).unwrap();
        let asked = 200;
        let began = Instant::now();
        (0..asked).for_each(|_| checks.ask(check(Method::Hook)).unwrap());
        let (mut put, mut busy) = (0, 0);
        while put + busy < asked {
            match checks.next() {
                Some((_, Verdict::Bad(Refusal::Credential, _))) => put += 1,
                Some((_, Verdict::Bad(Refusal::Busy, _))) => busy += 1,
                Some(other) => panic!("{other:?}"),
                None => thread::sleep(Duration::from_millis(1)),
            }
            assert!(began.elapsed() < Duration::from_secs(20), "{put} {busy}");
        }
        // Five rounds of the threads, fewer where the machine is slow.
        assert!(put > 0 && busy >= asked / 2, "{put} {busy}");
    }

    #[test]
    fn regression_limit_tokens_do_not_wait_for_a_service_that_is_slow() {
        let sockets = Sockets::builder().build().unwrap();
        let (go, slow) = mpsc::channel();
        let checker: Arc<dyn Checker> = Arc::new(Slow(Mutex::new(slow)));
        let checks = Checks::start(&checker, &sockets.waker()).unwrap();
        // More than there is room for: threads, and what waits.
        let asked = (0..MAX_CHECKS).filter(|_| checks.ask(check(Method::Hook)).is_ok());
        let asked = asked.count();
        assert!(
            (MAX_CHECKS / 2..=MAX_CHECKS / 2 + MAX_HOOK_CALLS).contains(&asked),
            "{asked}"
        );
        let began = Instant::now();
        checks.ask(check(Method::Jwt)).unwrap();
        let verdict = loop {
            match checks.next() {
                Some((_, verdict)) => break verdict,
                None => thread::sleep(Duration::from_millis(1)),
            }
            assert!(began.elapsed() < Duration::from_secs(20));
        };
        let expected = Verdict::Bad(Refusal::Credential, Method::Jwt.to_string());
        assert_eq!(verdict, expected);
        drop(go);
    }
}
