//! `SteamNetworkingMessage_t`, the message as callers see it.

use std::ffi::c_int;
use std::ffi::c_void;

use crate::abi::identity::RawIdentity;
use crate::abi::structs::ConnectionHandle;

/// A message that was received or is to be sent. Made by the library only: callers hold pointers.
#[derive(Debug)]
#[repr(C)]
pub struct RawMessage {
    /// The bytes.
    pub data: *mut c_void,
    /// How many.
    pub size: c_int,
    /// Where it came from or is to go.
    pub connection: ConnectionHandle,
    /// Who sent it.
    pub identity_peer: RawIdentity,
    /// The number that the application attached to the connection.
    pub connection_user_data: i64,
    /// When it arrived, on the library's clock, microseconds.
    pub time_received_us: i64,
    /// Its number, counted by the sender.
    pub number: i64,
    /// Frees the bytes; may be null.
    pub free_data: Option<unsafe extern "C-unwind" fn(*mut Self)>,
    /// Frees the message, after its bytes.
    pub release: Option<unsafe extern "C-unwind" fn(*mut Self)>,
    /// The channel, of messages of the Messages interface.
    pub channel: c_int,
    /// `k_nSteamNetworkingSend_*`.
    pub flags: c_int,
    /// The sender's own number.
    pub user_data: i64,
    /// The lane.
    pub lane: u16,
    /// Padding.
    pub pad: u16,
}

#[cfg(target_pointer_width = "64")]
const _: () = {
    use std::mem::offset_of;
    assert!(size_of::<RawMessage>() == 216);
    assert!(offset_of!(RawMessage, size) == 8);
    assert!(offset_of!(RawMessage, connection) == 12);
    assert!(offset_of!(RawMessage, identity_peer) == 16);
    assert!(offset_of!(RawMessage, connection_user_data) == 152);
    assert!(offset_of!(RawMessage, time_received_us) == 160);
    assert!(offset_of!(RawMessage, number) == 168);
    assert!(offset_of!(RawMessage, free_data) == 176);
    assert!(offset_of!(RawMessage, release) == 184);
    assert!(offset_of!(RawMessage, channel) == 192);
    assert!(offset_of!(RawMessage, flags) == 196);
    assert!(offset_of!(RawMessage, user_data) == 200);
    assert!(offset_of!(RawMessage, lane) == 208);
};
