//! From the library to the caller.

use std::cell::Cell;
use std::ffi::c_int;

use bowline::Message;

use crate::abi::identity::RawIdentity;
use crate::abi::message::RawMessage;
use crate::abi::structs::ConnectionHandle;
use crate::abi::structs::PollGroupHandle;
use crate::messages::connection;
use crate::messages::holder;
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
    let Some(max) = room(out, max) else {
        return 0;
    };
    let mut messages = take_list();
    let received = connection.receive_batch(&mut messages, max);
    // SAFETY: there is room for `max` by the caller's promise.
    let count = unsafe { hand_out(messages, out) };
    if received.is_ok() { count } else { -1 }
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
    let mut messages = take_list();
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
unsafe fn hand_out(mut messages: Vec<Message>, out: *mut *mut RawMessage) -> c_int {
    let count = messages.len();
    // Most messages come from the peer of the one before.
    let mut last = (0, RawIdentity::INVALID);
    for (index, message) in messages.drain(..).enumerate() {
        let connection = message.connection().id().get();
        if connection != last.0 {
            last = (connection, RawIdentity::from(message.connection().peer()));
        }
        let raw = holder::received(message, connection, &last.1);
        // SAFETY: there is room for all of them.
        unsafe { out.add(index).write(raw) };
    }
    if messages.capacity() <= MAX_SPARE_LIST {
        let _ = LIST.try_with(|list| list.set(messages));
    }
    // At most as many as `max`, which was one.
    count as c_int
}

/// An empty list.
fn take_list() -> Vec<Message> {
    LIST.try_with(Cell::take).unwrap_or_default()
}

/// The largest list that a thread keeps for its next call.
const MAX_SPARE_LIST: usize = 1024;

thread_local! {
    /// Kept for its memory.
    static LIST: Cell<Vec<Message>> = const { Cell::new(Vec::new()) };
}
