//! From the library to the caller.

use std::ffi::c_int;

use bowline::Message;

use crate::abi::identity::RawIdentity;
use crate::abi::message::RawMessage;
use crate::abi::structs::ConnectionHandle;
use crate::abi::structs::PollGroupHandle;
use crate::messages::connection;
use crate::messages::holder;
use crate::messages::holder::Facts;
use crate::messages::poll_group;

/// Takes messages of a connection; -1 if there is none of that handle.
///
/// # Safety
/// If `out` is not null, it has room for `max` pointers.
pub(super) unsafe fn on_connection(
    handle: ConnectionHandle,
    out: *mut *mut RawMessage,
    max: c_int,
) -> c_int {
    let Some(connection) = connection(handle) else {
        return -1;
    };
    let mut messages = Vec::new();
    let Some(max) = room(out, max) else {
        return 0;
    };
    match connection.receive_batch(&mut messages, max) {
        // SAFETY: there is room for `max` by the caller's promise.
        Ok(_) => unsafe { hand_out(messages, out) },
        Err(_) => -1,
    }
}

/// Takes messages of a poll group; -1 if there is none of that handle.
///
/// # Safety
/// As [`on_connection`].
pub(super) unsafe fn on_poll_group(
    handle: PollGroupHandle,
    out: *mut *mut RawMessage,
    max: c_int,
) -> c_int {
    let Some(group) = poll_group(handle) else {
        return -1;
    };
    let mut messages = Vec::new();
    if let Some(max) = room(out, max) {
        group.receive_batch(&mut messages, max);
    }
    // SAFETY: there is room for `max` by the caller's promise.
    unsafe { hand_out(messages, out) }
}

/// For how many messages the caller has room, if any.
fn room(out: *mut *mut RawMessage, max: c_int) -> Option<usize> {
    usize::try_from(max)
        .ok()
        .filter(|max| *max > 0 && !out.is_null())
}

/// # Safety
/// There is room for all of them.
unsafe fn hand_out(messages: Vec<Message>, out: *mut *mut RawMessage) -> c_int {
    let count = messages.len();
    // Most messages come from the peer of the one before.
    let mut last = (0, RawIdentity::INVALID);
    for (index, message) in messages.into_iter().enumerate() {
        let connection = message.connection().id().get();
        if connection != last.0 {
            last = (connection, RawIdentity::from(message.connection().peer()));
        }
        let raw = to_raw(message, connection, last.1);
        // SAFETY: there is room for all of them.
        unsafe { out.add(index).write(raw) };
    }
    // At most as many as `max`, which was one.
    count as c_int
}

fn to_raw(message: Message, connection: u32, identity: RawIdentity) -> *mut RawMessage {
    let facts = Facts {
        connection,
        identity,
        connection_user_data: message.user_data(),
        time_received_us: i64::try_from(message.received_at().as_micros()).unwrap_or(i64::MAX),
        number: i64::try_from(message.number().get()).unwrap_or(i64::MAX),
        flags: if message.is_reliable() { RELIABLE } else { 0 },
        lane: u16::from(message.lane().get()),
    };
    holder::received(message.into_shared_bytes(), facts)
}

/// `k_nSteamNetworkingSend_Reliable`.
const RELIABLE: c_int = 8;
