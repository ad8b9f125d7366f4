//! What only one thread at a time may do for a connection, without holding its lock meanwhile.

use std::sync::atomic::Ordering;

use crate::driver::sync::primitives::AtomicBool;

/// The right to do something for a connection: the thread that has it comes back to look whether there
/// is more before it puts it down, so another one that comes by leaves its own to it.
///
/// It is taken under the lock of what it belongs to, and put down under that lock when nothing is left
/// to do. A thread that cannot have the lock may put it down without, if it sees to it that somebody
/// looks later.
#[derive(Debug)]
pub(crate) struct Baton(AtomicBool);

impl Baton {
    pub(crate) fn new() -> Self {
        Self(AtomicBool::new(false))
    }

    /// Takes it, unless another thread has it. Only under the lock.
    pub(crate) fn take(&self) -> bool {
        if self.is_taken() {
            return false;
        }
        // Nobody else can be here, because of the lock; and nobody puts down what is not taken.
        self.0.store(true, Ordering::Relaxed);
        true
    }

    /// Puts it down. What was done with it in hand is seen by the thread that takes it next.
    pub(crate) fn put_down(&self) {
        self.0.store(false, Ordering::Release);
    }

    /// Whether a thread has it, and will look again. Only under the lock.
    pub(crate) fn is_taken(&self) -> bool {
        self.0.load(Ordering::Acquire)
    }
}
