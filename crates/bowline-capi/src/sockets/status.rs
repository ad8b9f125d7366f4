//! What is told about connections.

use std::ffi::c_char;
use std::ffi::c_int;

use bowline::Connection;
use bowline::LaneIndex;
use bowline::ResultCode;

use crate::abi::pointer;
use crate::abi::structs::ConnectionHandle;
use crate::abi::structs::RawConnectionInfo;
use crate::abi::structs::RawLaneStatus;
use crate::abi::structs::RawRealTimeStatus;
use crate::abi::vtable::Object;
use crate::library::called;
use crate::sockets::connections::with;
use crate::sockets::convert;

/// # Safety
/// The pointer leads to room for an info, or is null.
pub(super) unsafe fn info(
    this: *const Object,
    handle: ConnectionHandle,
    out: *mut RawConnectionInfo,
) -> bool {
    called(this, false, |library, _| {
        let Some((role, connection)) = library.connection_and_role(handle) else {
            return false;
        };
        let Ok(info) = connection.info() else {
            return false;
        };
        let listeners = library.listeners().numbering();
        if !out.is_null() {
            // SAFETY: the caller's promise.
            unsafe { pointer::write(out, convert::connection_info(listeners, role, &info)) };
        }
        true
    })
}

/// # Safety
/// The pointers lead to room for a status and for so many lanes, or are null.
pub(super) unsafe fn real_time(
    this: *const Object,
    handle: ConnectionHandle,
    out: *mut RawRealTimeStatus,
    count: c_int,
    lanes: *mut RawLaneStatus,
) -> c_int {
    let tell = |connection: &Connection| {
        let Some(lanes) = lanes_wanted(connection, count, lanes) else {
            return ResultCode::InvalidParam;
        };
        if !out.is_null() {
            let Ok(status) = connection.status() else {
                return ResultCode::NoConnection;
            };
            // SAFETY: the caller's promise.
            unsafe { pointer::write(out, convert::real_time_status(&status)) };
        }
        for (to, lane) in lanes {
            let Ok(status) = connection.lane_status(lane) else {
                return ResultCode::NoConnection;
            };
            // SAFETY: there is room for as many lanes as were asked for.
            unsafe { pointer::write(to, convert::lane_status(&status)) };
        }
        ResultCode::Ok
    };
    with(this, handle, tell)
        .unwrap_or(ResultCode::NoConnection)
        .number()
}

/// # Safety
/// The pointer leads to so much room, or is null.
pub(super) unsafe fn detailed(
    this: *const Object,
    handle: ConnectionHandle,
    out: *mut c_char,
    room: c_int,
) -> c_int {
    let Some(Ok(text)) = with(this, handle, Connection::detailed_status) else {
        return -1;
    };
    let room = usize::try_from(room).unwrap_or(0);
    // SAFETY: the caller's promise.
    unsafe { pointer::put_text(out, room, &text) };
    // With its zero byte.
    let size = text.len() + 1;
    if out.is_null() || room < size {
        convert::saturate(size + SPARE)
    } else {
        0
    }
}

/// Where to write the status of which lane; `None` if there are fewer lanes, or no room to write to.
fn lanes_wanted(
    connection: &Connection,
    count: c_int,
    to: *mut RawLaneStatus,
) -> Option<impl Iterator<Item = (*mut RawLaneStatus, LaneIndex)>> {
    let count = u8::try_from(count).ok()?;
    if to.is_null() && count != 0 {
        return None;
    }
    if let Some(last) = count.checked_sub(1) {
        connection.lane_status(LaneIndex::new(last)).ok()?;
    }
    Some((0..count).map(move |index| (to.wrapping_add(index.into()), LaneIndex::new(index))))
}

/// What the size that is told exceeds the text by, since that may be longer the next time.
/// GNS e707b3a: csteamnetworkingsockets.cpp, `GetDetailedConnectionStatus`.
const SPARE: usize = 1024;
