//! What is done to connections.

use std::ffi::c_char;
use std::ffi::c_int;

use bowline::AcceptError;
use bowline::Connection;
use bowline::ConnectionState;
use bowline::EndReason;
use bowline::LaneConfig;
use bowline::ResultCode;
use bowline::ToResult;

use crate::abi::pointer;
use crate::abi::structs::ConnectionHandle;
use crate::abi::structs::PollGroupHandle;
use crate::abi::vtable::Object;
use crate::library::called;

/// The most bytes of a text for closing that are looked at. More than 127 do not go out.
pub(super) const MAX_CLOSE_TEXT: usize = 128;

/// The most bytes of a name that are looked at. More than 31 are not kept.
pub(super) const MAX_NAME: usize = 32;

pub(super) fn accept(this: *const Object, handle: ConnectionHandle) -> c_int {
    let accept = |connection: &Connection| match connection.accept() {
        // GNS asks for the state before it asks who began.
        Err(AcceptError::NotIncoming) if connection.state() != ConnectionState::Connecting => {
            ResultCode::InvalidState
        }
        accepted => accepted.result(),
    };
    let accepted = with(this, handle, accept);
    accepted.unwrap_or(ResultCode::InvalidParam).number()
}

pub(super) fn close(
    this: *const Object,
    handle: ConnectionHandle,
    reason: c_int,
    text: Option<&str>,
    linger: bool,
) -> bool {
    // A negative one is out of range, too.
    let reason = EndReason::new(u32::try_from(reason).unwrap_or(u32::MAX));
    let close = |connection: &Connection| connection.close(reason, text.unwrap_or(""), linger);
    with(this, handle, close).is_some_and(|closed| closed.is_ok())
}

pub(super) fn set_user_data(this: *const Object, handle: ConnectionHandle, user_data: i64) -> bool {
    let set = with(this, handle, |connection| {
        connection.set_user_data(user_data)
    });
    set.is_some_and(|set| set.is_ok())
}

pub(super) fn user_data(this: *const Object, handle: ConnectionHandle) -> i64 {
    let user_data = with(this, handle, |connection| connection.user_data().ok());
    user_data.flatten().unwrap_or(-1)
}

pub(super) fn set_name(this: *const Object, handle: ConnectionHandle, name: Option<&str>) {
    // A connection that is closed meanwhile needs no name any more.
    let _ = with(this, handle, |connection| {
        connection.set_name(name.unwrap_or(""))
    });
}

/// # Safety
/// The pointer leads to so much room, or is null.
pub(super) unsafe fn name(
    this: *const Object,
    handle: ConnectionHandle,
    out: *mut c_char,
    room: c_int,
) -> bool {
    let Some(Ok(name)) = with(this, handle, Connection::name) else {
        return false;
    };
    if out.is_null() {
        return false;
    }
    // SAFETY: the caller's promise.
    unsafe { pointer::put_text(out, usize::try_from(room).unwrap_or(0), &name) };
    true
}

pub(super) fn flush(this: *const Object, handle: ConnectionHandle) -> c_int {
    let flushed = with(this, handle, |connection| connection.flush().result());
    flushed.unwrap_or(ResultCode::InvalidParam).number()
}

pub(super) fn set_poll_group(
    this: *const Object,
    handle: ConnectionHandle,
    group: PollGroupHandle,
) -> bool {
    called(this, false, |library, _| {
        let Some(connection) = library.connection(handle) else {
            return false;
        };
        if group == 0 {
            return connection.set_poll_group(None).is_ok();
        }
        let Some(group) = library.poll_group(group) else {
            return false;
        };
        connection.set_poll_group(Some(&group)).is_ok()
    })
}

/// # Safety
/// The pointers lead to so many entries, or are null.
pub(super) unsafe fn configure_lanes(
    this: *const Object,
    handle: ConnectionHandle,
    count: c_int,
    priorities: *const c_int,
    weights: *const u16,
) -> c_int {
    let configure = |connection: &Connection| {
        if connection.state().is_closed() {
            return ResultCode::InvalidState;
        }
        let Ok(lanes @ 1..=MAX_LANES) = usize::try_from(count) else {
            return ResultCode::InvalidParam;
        };
        let lane = |index| {
            // SAFETY: so many entries are there by the caller's promise.
            let (priority, weight) = unsafe {
                (
                    pointer::read_at(priorities, index),
                    pointer::read_at(weights, index),
                )
            };
            let LaneConfig {
                priority: same,
                weight: one,
            } = LaneConfig::DEFAULT;
            LaneConfig::new(priority.unwrap_or(same), weight.unwrap_or(one))
        };
        let lanes = (0..lanes).map(lane).collect::<Vec<_>>();
        connection.configure_lanes(&lanes).result()
    };
    let configured = with(this, handle, configure);
    configured.unwrap_or(ResultCode::NoConnection).number()
}

/// Does something with the connection of that handle; `None` if there is none.
pub(crate) fn with<R>(
    this: *const Object,
    handle: ConnectionHandle,
    act: impl FnOnce(&Connection) -> R,
) -> Option<R> {
    called(this, None, |library, _| {
        library
            .connection(handle)
            .map(|connection| act(&connection))
    })
}

/// GNS e707b3a: steamnetworkingsockets_internal.h, `STEAMNETWORKINGSOCKETS_MAX_LANES`.
pub(crate) const MAX_LANES: usize = 255;
