//! Asking about credentials, on threads that may wait.

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
use bowline_core::hub::Refusal;
use bowline_core::ids::ConnectionId;

use crate::hub::Check;
use crate::hub::Verdict;
use crate::limits::CHECK_THREADS;
use crate::limits::CHECK_TIMEOUT;
use crate::limits::MAX_CHECKS;

/// Says whether a credential is good. May take its time, but not for ever: it has a thread of few.
pub trait Checker: Send + Sync {
    /// The answer to a question. It comes to nothing if it takes longer than
    /// [`CHECK_TIMEOUT`].
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

/// The threads, which end when this is dropped, each once its checker has answered.
#[derive(Debug)]
pub(super) struct Checks {
    questions: mpsc::SyncSender<Question>,
    verdicts: mpsc::Receiver<(ConnectionId, Verdict)>,
}

struct Question {
    check: Check,
    asked: Instant,
}

impl Checks {
    /// Starts the threads. `waker` ends the wait of whoever takes the verdicts.
    pub(super) fn start(checker: &Arc<dyn Checker>, waker: &Waker) -> io::Result<Self> {
        let (questions, waiting) = mpsc::sync_channel(MAX_CHECKS);
        let (answers, verdicts) = mpsc::sync_channel(MAX_CHECKS);
        let waiting = Arc::new(Mutex::new(waiting));
        for _ in 0..CHECK_THREADS {
            let (checker, waiting) = (Arc::clone(checker), Arc::clone(&waiting));
            let (answers, waker) = (answers.clone(), waker.clone());
            let name = "hub-check".to_owned();
            thread::Builder::new()
                .name(name)
                .spawn(move || work(&*checker, &waiting, &answers, &waker))?;
        }
        Ok(Self {
            questions,
            verdicts,
        })
    }

    /// Puts a question.
    ///
    /// # Errors
    /// The verdict, if there is no room for it.
    pub(super) fn ask(&self, check: Check) -> Result<(), Verdict> {
        let asked = Instant::now();
        let sent = self.questions.try_send(Question { check, asked });
        sent.map_err(|_| {
            let text = "too many credentials are being checked".to_owned();
            Verdict::Bad(Refusal::Busy, text)
        })
    }

    /// The next verdict that there is.
    pub(super) fn next(&self) -> Option<(ConnectionId, Verdict)> {
        self.verdicts.try_recv().ok()
    }
}

fn work(
    checker: &dyn Checker,
    questions: &Mutex<mpsc::Receiver<Question>>,
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
        // Nobody waits for it any more.
        if asked.elapsed() > Duration::from(CHECK_TIMEOUT) {
            continue;
        }
        let answer = catch_unwind(AssertUnwindSafe(|| checker.check(&check)));
        let verdict = answer.unwrap_or_else(|_| {
            tracing::error!(method = %check.method, "a check of a credential panicked");
            let text = "the check of the credential failed".to_owned();
            Verdict::Bad(Refusal::Unavailable, text)
        });
        if answers.send((check.client, verdict)).is_err() {
            return;
        }
        waker.wake();
    }
}
