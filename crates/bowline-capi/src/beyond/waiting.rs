//! Waiting instead of polling.

use std::ffi::c_int;
#[cfg(windows)]
use std::ffi::c_void;
#[cfg(unix)]
use std::os::fd::AsRawFd;
#[cfg(windows)]
use std::os::windows::io::AsRawHandle;
use std::time::Duration;

use crate::abi::pointer;
use crate::abi::structs::PollGroupHandle;
use crate::abi::vtable::Object;
use crate::library::called;

/// What an event loop watches: `BowlineWaitHandle`.
#[cfg(unix)]
pub type RawWaitHandle = c_int;
/// What an event loop watches: `BowlineWaitHandle`.
#[cfg(windows)]
pub type RawWaitHandle = *mut c_void;

pub(super) fn wait(this: *const Object, timeout_ms: c_int) -> bool {
    called(this, false, |_, interface| {
        interface.sockets().wait(duration(timeout_ms))
    })
}

pub(super) fn wait_on_poll_group(
    this: *const Object,
    group: PollGroupHandle,
    timeout_ms: c_int,
) -> bool {
    called(this, false, |library, _| {
        let group = library.poll_group(group);
        group.is_some_and(|group| group.wait(duration(timeout_ms)))
    })
}

pub(super) fn wait_for_linger(this: *const Object, timeout_ms: c_int) -> bool {
    called(this, false, |_, interface| {
        interface.sockets().wait_for_linger(duration(timeout_ms))
    })
}

/// # Safety
/// The pointer leads to room for a handle, or is null.
pub(super) unsafe fn wait_handle(this: *const Object, out: *mut RawWaitHandle) -> bool {
    called(this, false, |_, interface| match interface.wait_handle() {
        Ok(handle) => {
            #[cfg(unix)]
            let handle = handle.as_raw_fd();
            #[cfg(windows)]
            let handle = handle.as_raw_handle();
            // SAFETY: the caller's promise.
            unsafe { pointer::write(out, handle) };
            !out.is_null()
        }
        Err(error) => {
            tracing::error!(target: "bowline::capi", "Bowline_GetWaitHandle: {error}");
            false
        }
    })
}

pub(super) fn next_timeout(this: *const Object) -> i64 {
    called(this, -1, |_, interface| {
        let timeout = interface.sockets().next_timeout();
        timeout.map_or(-1, |timeout| {
            i64::try_from(timeout.as_micros()).unwrap_or(i64::MAX)
        })
    })
}

fn duration(timeout_ms: c_int) -> Duration {
    u64::try_from(timeout_ms).map_or(FOR_EVER, Duration::from_millis)
}

/// As good as for ever, and far from what a clock cannot hold.
const FOR_EVER: Duration = Duration::from_secs(100 * 365 * 86_400);
