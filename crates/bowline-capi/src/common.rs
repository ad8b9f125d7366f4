//! What the interfaces of the process have in common, before they are made too.
//!
//! It is locked while an interface is made and until it can be found, and while something of it changes. So
//! whoever changes something and then looks for interfaces to tell finds all that were made with what it
//! was before. A service thread that begins may wait for the lock, so nobody who has it waits for one.

use std::sync::Mutex;
use std::sync::MutexGuard;
use std::sync::PoisonError;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering;

use bowline::ServiceMode;
use bowline::cert::CertStore;

/// What the interfaces have in common.
#[derive(Debug)]
pub(crate) struct Common {
    /// Whom we trust.
    pub(crate) trust: CertStore,
    /// Which game this is.
    pub(crate) app_id: u32,
}

/// The lock.
pub(crate) fn lock() -> MutexGuard<'static, Common> {
    COMMON.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Sets who drives the sockets of interfaces that are made from now on.
pub(crate) fn set_manual_poll(manual: bool) {
    let _common = lock();
    MANUAL_POLL.store(manual, Ordering::Relaxed);
}

/// Whether the application drives the sockets.
pub(crate) fn is_manual_poll() -> bool {
    MANUAL_POLL.load(Ordering::Relaxed)
}

/// Who drives the sockets.
pub(crate) fn service_mode() -> ServiceMode {
    if is_manual_poll() {
        ServiceMode::Manual
    } else {
        ServiceMode::Thread
    }
}

static COMMON: Mutex<Common> = Mutex::new(Common {
    trust: CertStore::new(),
    app_id: 0,
});
/// Changed under the lock, but read without: each question whether something has happened looks.
static MANUAL_POLL: AtomicBool = AtomicBool::new(false);
