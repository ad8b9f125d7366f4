//! The structs of the interface, field by field as in GNS (e707b3a: `steamnetworkingtypes.h`; SDK 1.65 for
//! those that only Steam's own library has).
//!
//! Most are packed to 4 bytes, except on Windows, where they are packed to 8 (GNS e707b3a:
//! `steamtypes.h`, `VALVE_CALLBACK_PACK_SMALL`). Sizes and offsets are asserted at compile time, so that a
//! field that moves does not build.

use std::ffi::c_char;
use std::ffi::c_int;
use std::ffi::c_void;

use crate::abi::identity::RawAddr;
use crate::abi::identity::RawIdentity;

/// A handle of a connection; 0 is none.
pub type ConnectionHandle = u32;
/// A handle of a listen socket; 0 is none.
pub type ListenHandle = u32;
/// A handle of a poll group; 0 is none.
pub type PollGroupHandle = u32;
/// A truth value from outside: everything but 0 is true, because not every caller fills a `bool` well.
pub type RawBool = u8;

/// `SteamNetworkingErrMsg`: a buffer for a text that tells what was wrong.
pub type ErrorText = [u8; 1024];

/// Defines a struct with the packing of callbacks.
macro_rules! packed_struct {
    ($(#[$doc:meta])* pub struct $name:ident { $($(#[$field_doc:meta])* pub $field:ident: $kind:ty,)* }) => {
        $(#[$doc])*
        #[derive(Clone, Copy)]
        #[cfg_attr(windows, repr(C))]
        #[cfg_attr(not(windows), repr(C, packed(4)))]
        pub struct $name { $($(#[$field_doc])* pub $field: $kind,)* }

        impl std::fmt::Debug for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.debug_struct(stringify!($name)).finish_non_exhaustive()
            }
        }
    };
}

packed_struct! {
    /// `SteamNetConnectionInfo_t`: what a connection is.
    pub struct RawConnectionInfo {
        /// The peer.
        pub identity_remote: RawIdentity,
        /// The application's number.
        pub user_data: i64,
        /// The listen socket that it came in on, or 0.
        pub listen_socket: ListenHandle,
        /// The peer's address.
        pub addr_remote: RawAddr,
        /// Padding.
        pub pad: u16,
        /// The peer's data center.
        pub pop_remote: u32,
        /// The relay's data center.
        pub pop_relay: u32,
        /// `ESteamNetworkingConnectionState`.
        pub state: c_int,
        /// `ESteamNetConnectionEnd`.
        pub end_reason: c_int,
        /// Why it ended, in words.
        pub end_debug: [u8; 128],
        /// What logs call it.
        pub description: [u8; 128],
        /// `k_nSteamNetworkConnectionInfoFlags_*`.
        pub flags: c_int,
        /// Zeros.
        pub reserved: [u32; 63],
    }
}

packed_struct! {
    /// `SteamNetConnectionRealTimeStatus_t`: how a connection does.
    pub struct RawRealTimeStatus {
        /// `ESteamNetworkingConnectionState`.
        pub state: c_int,
        /// Round-trip time in milliseconds, -1 if unknown.
        pub ping_ms: c_int,
        /// Share of packets that arrived here, 0 to 1, -1 if unknown.
        pub quality_local: f32,
        /// The same at the peer.
        pub quality_remote: f32,
        /// Packets sent per second.
        pub out_packets_per_sec: f32,
        /// Bytes sent per second.
        pub out_bytes_per_sec: f32,
        /// Packets received per second.
        pub in_packets_per_sec: f32,
        /// Bytes received per second.
        pub in_bytes_per_sec: f32,
        /// What the connection may send, bytes per second.
        pub send_rate_bytes_per_sec: c_int,
        /// Unreliable bytes that wait to be sent.
        pub pending_unreliable: c_int,
        /// Reliable bytes that wait to be sent.
        pub pending_reliable: c_int,
        /// Reliable bytes that were sent and not acknowledged.
        pub sent_unacked_reliable: c_int,
        /// How long a message would wait that was sent now, microseconds.
        pub queue_time_us: i64,
        /// The greatest jitter since this was last read, microseconds, -1 if unknown.
        pub max_jitter_us: c_int,
        /// Zeros.
        pub reserved: [u32; 15],
    }
}

packed_struct! {
    /// `SteamNetConnectionRealTimeLaneStatus_t`: how a lane does.
    pub struct RawLaneStatus {
        /// Unreliable bytes that wait to be sent.
        pub pending_unreliable: c_int,
        /// Reliable bytes that wait to be sent.
        pub pending_reliable: c_int,
        /// Reliable bytes that were sent and not acknowledged.
        pub sent_unacked_reliable: c_int,
        /// Padding.
        pub pad: c_int,
        /// How long a message would wait that was sent now, microseconds.
        pub queue_time_us: i64,
        /// Zeros.
        pub reserved: [u32; 10],
    }
}

packed_struct! {
    /// `SteamNetConnectionStatusChangedCallback_t`, callback 1221.
    pub struct RawConnectionStatusChanged {
        /// The connection.
        pub connection: ConnectionHandle,
        /// What it is now.
        pub info: RawConnectionInfo,
        /// The state before.
        pub old_state: c_int,
    }
}

/// `SteamNetworkingMessagesSessionRequest_t`, callback 1251.
#[derive(Clone, Copy, Debug)]
#[repr(C, packed)]
pub struct RawSessionRequest {
    /// Who wants to send messages.
    pub identity_remote: RawIdentity,
}

/// `SteamNetworkingMessagesSessionFailed_t`, callback 1252.
#[derive(Clone, Copy, Debug)]
#[repr(C, packed)]
pub struct RawSessionFailed {
    /// The connection, with the reason.
    pub info: RawConnectionInfo,
}

packed_struct! {
    /// `SteamNetAuthenticationStatus_t`, callback 1222.
    pub struct RawAuthenticationStatus {
        /// `ESteamNetworkingAvailability`.
        pub availability: c_int,
        /// The status in words.
        pub debug: [u8; 256],
    }
}

packed_struct! {
    /// `SteamRelayNetworkStatus_t`, callback 1281.
    pub struct RawRelayNetworkStatus {
        /// `ESteamNetworkingAvailability` of all of it.
        pub availability: c_int,
        /// Whether pings are being measured.
        pub is_measuring: c_int,
        /// `ESteamNetworkingAvailability` of the network's configuration.
        pub config: c_int,
        /// `ESteamNetworkingAvailability` of relays.
        pub any_relay: c_int,
        /// The status in words.
        pub debug: [u8; 256],
    }
}

packed_struct! {
    /// `SteamNetworkingFakeIPResult_t`, callback 1223.
    pub struct RawFakeIpResult {
        /// `EResult`.
        pub result: c_int,
        /// Whose address it is.
        pub identity: RawIdentity,
        /// The address, host byte order.
        pub ip: u32,
        /// The ports.
        pub ports: [u16; 8],
    }
}

packed_struct! {
    /// `P2PSessionState_t` of the legacy interface.
    pub struct RawP2pSessionState {
        /// Whether there is a connection.
        pub is_active: u8,
        /// Whether one is being made.
        pub is_connecting: u8,
        /// `EP2PSessionError`.
        pub error: u8,
        /// Whether it goes by a relay.
        pub uses_relay: u8,
        /// Bytes that wait to be sent.
        pub bytes_queued: i32,
        /// Packets that wait to be sent.
        pub packets_queued: i32,
        /// The peer's address, host byte order.
        pub remote_ip: u32,
        /// The peer's port.
        pub remote_port: u16,
    }
}

/// `P2PSessionRequest_t` of the legacy interface.
#[derive(Clone, Copy, Debug)]
#[repr(C, packed)]
pub struct RawP2pSessionRequest {
    /// The SteamID of who asks.
    pub peer: u64,
}

/// `P2PSessionConnectFail_t` of the legacy interface.
#[derive(Clone, Copy, Debug)]
#[repr(C, packed)]
pub struct RawP2pSessionConnectFail {
    /// The SteamID of who was not reached.
    pub peer: u64,
    /// `EP2PSessionError`.
    pub error: u8,
}

/// `SteamIPAddress_t` of the legacy interface.
#[derive(Clone, Copy, Debug)]
#[repr(C, packed)]
pub struct RawSteamIp {
    /// The address.
    pub ip: [u8; 16],
    /// `ESteamIPType`.
    pub kind: c_int,
}

/// `SteamNetworkPingLocation_t`.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct RawPingLocation {
    /// Opaque.
    pub data: [u8; 512],
}

/// `SteamNetworkingConfigValue_t`: a setting and its value, for the creation of listen sockets and
/// connections.
#[derive(Clone, Copy)]
#[repr(C)]
pub struct RawOption {
    /// `ESteamNetworkingConfigValue`.
    pub key: c_int,
    /// `ESteamNetworkingConfigDataType`.
    pub kind: c_int,
    /// The value.
    pub value: RawOptionValue,
}

impl std::fmt::Debug for RawOption {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RawOption")
            .field("key", &self.key)
            .field("kind", &self.kind)
            .finish_non_exhaustive()
    }
}

/// The value of a [`RawOption`].
#[derive(Clone, Copy)]
#[repr(C)]
#[allow(
    missing_debug_implementations,
    reason = "which field counts is not in here"
)]
pub union RawOptionValue {
    /// Of kind 1.
    pub int32: i32,
    /// Of kind 2.
    pub int64: i64,
    /// Of kind 3.
    pub float: f32,
    /// Of kind 4.
    pub string: *const c_char,
    /// Of kind 5.
    pub pointer: *mut c_void,
}

macro_rules! assert_layout {
    ($name:ident: $size:expr $(, $field:ident @ $offset:expr)*) => {
        const _: () = {
            assert!(size_of::<$name>() == $size);
            $(assert!(std::mem::offset_of!($name, $field) == $offset);)*
        };
    };
}

assert_layout!(RawConnectionInfo: 696, identity_remote @ 0, user_data @ 136, listen_socket @ 144,
    addr_remote @ 148, pop_remote @ 168, pop_relay @ 172, state @ 176, end_reason @ 180, end_debug @ 184,
    description @ 312, flags @ 440, reserved @ 444);
assert_layout!(RawRealTimeStatus: 120, ping_ms @ 4, quality_local @ 8, quality_remote @ 12,
    out_packets_per_sec @ 16, out_bytes_per_sec @ 20, in_packets_per_sec @ 24, in_bytes_per_sec @ 28,
    send_rate_bytes_per_sec @ 32, pending_unreliable @ 36, pending_reliable @ 40,
    sent_unacked_reliable @ 44, queue_time_us @ 48, max_jitter_us @ 56, reserved @ 60);
assert_layout!(RawLaneStatus: 64, pending_unreliable @ 0, pending_reliable @ 4,
    sent_unacked_reliable @ 8, queue_time_us @ 16, reserved @ 24);
#[cfg(not(windows))]
assert_layout!(RawConnectionStatusChanged: 704, info @ 4, old_state @ 700);
#[cfg(windows)]
assert_layout!(RawConnectionStatusChanged: 712, info @ 8, old_state @ 704);
assert_layout!(RawSessionRequest: 136, identity_remote @ 0);
assert_layout!(RawSessionFailed: 696, info @ 0);
assert_layout!(RawAuthenticationStatus: 260, debug @ 4);
assert_layout!(RawRelayNetworkStatus: 272, is_measuring @ 4, config @ 8, any_relay @ 12, debug @ 16);
assert_layout!(RawFakeIpResult: 160, identity @ 4, ip @ 140, ports @ 144);
assert_layout!(RawP2pSessionState: 20, bytes_queued @ 4, remote_ip @ 12, remote_port @ 16);
assert_layout!(RawP2pSessionRequest: 8, peer @ 0);
assert_layout!(RawP2pSessionConnectFail: 9, peer @ 0, error @ 8);
assert_layout!(RawSteamIp: 20, kind @ 16);
assert_layout!(RawPingLocation: 512);
assert_layout!(RawOption: 16, kind @ 4, value @ 8);
