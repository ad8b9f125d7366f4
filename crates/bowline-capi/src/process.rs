//! Start and end of the library, and what holds for all of the process.

use std::ffi::c_char;
use std::ffi::c_int;
use std::ffi::c_void;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::time::Duration;
use std::time::Instant;

use crate::abi::identity::RawIdentity;
use crate::abi::pointer;
use crate::abi::structs::ErrorText;
use crate::abi::structs::RawBool;
use crate::common;
use crate::exports;
use crate::guard;
use crate::library;
use crate::life;

exports! {
    /// Starts the library. Without an identity this side is anonymous. If it runs already nothing
    /// happens; the result is false only if it could not be started, and `error` then tells why. While
    /// another thread ends the library this waits, but not on a thread of the library's own.
    fn GameNetworkingSockets_Init(identity: *const RawIdentity, error: *mut ErrorText) -> bool, else false;
        init(pointer::read(identity), error);

    /// With true the application drives the sockets by [`SteamNetworkingSockets_Poll`], and there is no
    /// service thread; with false there is one again. At any time, but not on the service thread.
    fn SteamNetworkingSockets_SetManualPollMode(manual: RawBool); library::set_manual_poll(manual != 0);

    /// Does what there is to do for sockets and timers, and waits at most so many milliseconds for that;
    /// messages and callbacks that are left unread make no difference. Nothing happens while there is a
    /// service thread.
    fn SteamNetworkingSockets_Poll(max_wait_ms: c_int); poll(max_wait_ms);

    /// Sets what each service thread that begins from now on does first; null is nothing.
    fn SteamNetworkingSockets_SetServiceThreadInitCallback(callback: Option<ThreadStart>);
        { *THREAD_START.lock().unwrap_or_else(PoisonError::into_inner) = callback; };

    /// Says which game this is, for certificates and connections from now on; 0 at first.
    fn GameNetworkingSockets_SetAppID(app_id: u32); library::set_app_id(app_id);

    /// Accepted, and without effect: there is no lock that everybody waits for.
    fn SteamNetworkingSockets_SetLockWaitWarningThreshold(_threshold_us: i64); ();

    /// Accepted, and without effect: there is no lock that everybody waits for.
    fn SteamNetworkingSockets_SetLockAcquiredCallback(_callback: Option<LockHook>); ();

    /// Accepted, and without effect: there is no lock that everybody waits for.
    fn SteamNetworkingSockets_SetLockHeldCallback(_callback: Option<LockHook>); ();

    /// Accepted, and without effect: memory comes from the system.
    fn SteamNetworkingSockets_SetCustomMemoryAllocator(
        _allocate: *const c_void,
        _free: *const c_void,
        _reallocate: *const c_void,
    ); ();
}

/// What a service thread does first.
pub type ThreadStart = unsafe extern "C" fn();
/// What GNS tells of its locks: which, and how long.
pub type LockHook = unsafe extern "C" fn(*const c_char, i64);

/// Ends the library: closes all connections, with reason 2999 and without linger. Nothing happens if it
/// does not run, or is being ended by another thread. After a bug was caught it is what makes the library work again.
///
/// # Safety
/// Safe in itself; unsafe as all functions of the interface are.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn GameNetworkingSockets_Kill() {
    guard::call_always("GameNetworkingSockets_Kill", (), library::stop);
}

static THREAD_START: Mutex<Option<ThreadStart>> = Mutex::new(None);

/// Runs on each service thread when it begins.
pub(crate) fn begin_thread() {
    life::adopt_thread();
    let start = *THREAD_START.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(start) = start {
        // SAFETY: it was installed as such a function.
        unsafe { start() };
    }
}

fn poll(max_wait_ms: c_int) {
    if !common::is_manual_poll() {
        tracing::error!(target: "bowline::capi", "Poll: not in manual poll mode");
        return;
    }
    let Some(library) = library::current() else {
        return;
    };
    let max_wait = Duration::from_millis(u64::try_from(max_wait_ms).unwrap_or(0));
    let end = Instant::now() + max_wait;
    let count = library.interfaces().count();
    let mut is_over = count == 0;
    while !is_over {
        let mut has_turned = false;
        for interface in library.interfaces() {
            let left = match end.saturating_duration_since(Instant::now()) {
                _ if has_turned => Duration::ZERO,
                left if count > 1 => left.min(TURN),
                left => left,
            };
            has_turned |= interface.sockets().drive(left);
        }
        is_over = has_turned || Instant::now() >= end;
    }
}

/// How long the one of two interfaces is waited for before the other has its turn.
const TURN: Duration = Duration::from_millis(1);

unsafe fn init(identity: Option<RawIdentity>, error: *mut ErrorText) -> bool {
    let refuse = |text: &str| {
        // SAFETY: the caller's buffer has the size that its type says.
        unsafe { pointer::put_text(error.cast(), size_of::<ErrorText>(), text) };
        false
    };
    let identity = match identity {
        None => None,
        // `Some(None)` is nobody, until a certificate tells.
        Some(raw) => match raw.argument("GameNetworkingSockets_Init") {
            Ok(identity) => Some(identity),
            Err(error) => return refuse(&error.to_string()),
        },
    };
    match library::start(identity) {
        Ok(()) => true,
        Err(error) => refuse(&error.to_string()),
    }
}
