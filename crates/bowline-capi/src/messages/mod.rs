//! Messages: made, sent, received and released.
//!
//! A caller holds pointers to [`RawMessage`]s that the library made. Each is the beginning of a
//! `holder::Holder`, which also keeps what the bytes live in: a buffer that was asked for, or what was
//! received, which is handed out where it lies. Small holders are used again by the thread that released
//! them.
//!
//! A message that is sent belongs to the library. A small one is copied into the send buffer and released
//! at once. One of 4 KiB and more is not: its bytes stay where they are until the peer has them all, and the
//! caller's free function runs then, by a thread of its own (`lent`), because the library may hold
//! locks at that moment.

pub mod generation;
pub mod holder;
mod lent;
mod receive;
pub(crate) mod send;

use std::ffi::c_int;
use std::sync::Arc;

use bowline::Connection;
use bowline::PollGroup;

use crate::abi::message::RawMessage;
use crate::abi::pointer;
use crate::abi::structs::ConnectionHandle;
use crate::abi::structs::PollGroupHandle;
use crate::abi::structs::RawBool;
use crate::abi::vtable::Object;
use crate::exports;
use crate::library;

pub(crate) use lent::finish as finish_lent;

exports! {
    /// A message with room for so many bytes, for the caller to fill (less than 4 KiB are 0 at first); without
    /// any room, for the caller to point it to bytes of its own. Null for a negative size.
    fn SteamAPI_ISteamNetworkingUtils_AllocateMessage(_this: *const Object, size: c_int) -> *mut RawMessage, else std::ptr::null_mut();
        holder::allocate(size);

    /// Releases a message and its bytes.
    fn SteamAPI_SteamNetworkingMessage_t_Release(message: *mut RawMessage);
        holder::release(message);

    /// Sends a copy of these bytes on the first lane. The number of the message goes to `out_number`, or -1.
    fn SteamAPI_ISteamNetworkingSockets_SendMessageToConnection(
        _this: *const Object,
        connection: ConnectionHandle,
        data: *const u8,
        size: u32,
        flags: c_int,
        out_number: *mut i64,
    ) -> c_int, else FAIL;
        send::one(connection, pointer::bytes(data, size as usize), flags, out_number);

    /// Sends messages, each to the connection that it names. For each the result is its number, a negative
    /// result code, or 0 if one before it to the same connection failed. What is sent belongs to the
    /// library, and what failed is released or left to the caller, whose pointers to what was sent become
    /// null then.
    fn SteamAPI_ISteamNetworkingSockets_SendMessages(
        _this: *const Object,
        count: c_int,
        messages: *mut *mut RawMessage,
        out_results: *mut i64,
        delete_failed: RawBool,
    );
        send::many(count, messages, out_results, delete_failed);

    /// Takes up to `max` messages of a connection, oldest first, and tells how many; -1 if there is no such
    /// connection. The caller releases them.
    fn SteamAPI_ISteamNetworkingSockets_ReceiveMessagesOnConnection(
        _this: *const Object,
        connection: ConnectionHandle,
        out_messages: *mut *mut RawMessage,
        max: c_int,
    ) -> c_int, else -1;
        receive::on_connection(connection, out_messages, max);

    /// The same of all connections of a poll group.
    fn SteamAPI_ISteamNetworkingSockets_ReceiveMessagesOnPollGroup(
        _this: *const Object,
        group: PollGroupHandle,
        out_messages: *mut *mut RawMessage,
        max: c_int,
    ) -> c_int, else -1;
        receive::on_poll_group(group, out_messages, max);
}

/// The connection of that handle.
fn connection(handle: ConnectionHandle) -> Option<Connection> {
    library::current()?.connection(handle)
}

/// The poll group of that handle.
fn poll_group(handle: PollGroupHandle) -> Option<Arc<PollGroup>> {
    library::current()?.poll_group(handle)
}

/// `k_EResultFail`.
const FAIL: c_int = 2;
