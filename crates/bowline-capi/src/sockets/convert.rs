//! What the Rust library tells of connections, in the structs of the interface.

use std::ffi::c_int;

use bowline::AuthenticationStatus;
use bowline::ConnectionInfo;
use bowline::Identity;
use bowline::LaneStatus;
use bowline::RealTimeStatus;
use bowline::Span;

use crate::abi::identity::RawAddr;
use crate::abi::identity::RawIdentity;
use crate::abi::pointer::fill_text;
use crate::abi::structs::RawAuthenticationStatus;
use crate::abi::structs::RawConnectionInfo;
use crate::abi::structs::RawLaneStatus;
use crate::abi::structs::RawRealTimeStatus;
use crate::library::Role;
use crate::sockets::handles::Numbering;

/// `SteamNetConnectionInfo_t` of a connection of that interface.
pub(crate) fn connection_info(
    listeners: Numbering,
    role: Role,
    info: &ConnectionInfo,
) -> RawConnectionInfo {
    let listener = info.listener.map(|id| listeners.handle(role, id));
    let mut raw = RawConnectionInfo {
        identity_remote: RawIdentity::from(info.identity.as_ref()),
        user_data: info.user_data,
        listen_socket: listener.unwrap_or(0),
        addr_remote: RawAddr::from(info.remote_addr),
        pad: 0,
        pop_remote: info.remote_pop,
        pop_relay: info.pop_relay,
        state: info.state as c_int,
        end_reason: saturate(info.end_reason.code()),
        end_debug: [0; 128],
        description: [0; 128],
        flags: saturate(info.flags.bits()),
        reserved: [0; 63],
    };
    fill_text(&mut raw.end_debug, &info.end_text);
    fill_text(&mut raw.description, &info.description);
    raw
}

/// `SteamNetConnectionInfo_t` of a connection to that peer of which nothing is left.
pub(crate) fn no_connection(peer: &Identity) -> RawConnectionInfo {
    RawConnectionInfo {
        identity_remote: RawIdentity::from(Some(peer)),
        user_data: -1,
        listen_socket: 0,
        addr_remote: RawAddr::default(),
        pad: 0,
        pop_remote: 0,
        pop_relay: 0,
        state: 0,
        end_reason: 0,
        end_debug: [0; 128],
        description: [0; 128],
        flags: 0,
        reserved: [0; 63],
    }
}

/// `SteamNetConnectionRealTimeStatus_t`.
pub(crate) fn real_time_status(status: &RealTimeStatus) -> RawRealTimeStatus {
    RawRealTimeStatus {
        state: status.state as c_int,
        ping_ms: status.ping_ms.map_or(-1, saturate),
        quality_local: status.quality_local.unwrap_or(-1.0),
        quality_remote: status.quality_remote.unwrap_or(-1.0),
        out_packets_per_sec: status.out_packets_per_sec,
        out_bytes_per_sec: status.out_bytes_per_sec,
        in_packets_per_sec: status.in_packets_per_sec,
        in_bytes_per_sec: status.in_bytes_per_sec,
        send_rate_bytes_per_sec: status
            .send_rate_bytes_per_sec
            .map_or(MAX_SEND_RATE, |rate| saturate(rate).min(MAX_SEND_RATE)),
        pending_unreliable: saturate(status.pending_unreliable_bytes),
        pending_reliable: saturate(status.pending_reliable_bytes),
        sent_unacked_reliable: saturate(status.unacked_reliable_bytes),
        queue_time_us: queue_time_us(
            status.queue_time,
            status.pending_unreliable_bytes + status.pending_reliable_bytes,
        ),
        max_jitter_us: status.max_jitter_us.map_or(-1, saturate),
        reserved: [0; 15],
    }
}

/// `SteamNetConnectionRealTimeLaneStatus_t`.
pub(crate) fn lane_status(status: &LaneStatus) -> RawLaneStatus {
    RawLaneStatus {
        pending_unreliable: saturate(status.pending_unreliable_bytes),
        pending_reliable: saturate(status.pending_reliable_bytes),
        sent_unacked_reliable: saturate(status.unacked_reliable_bytes),
        pad: 0,
        queue_time_us: queue_time_us(
            status.queue_time,
            status.pending_unreliable_bytes + status.pending_reliable_bytes,
        ),
        reserved: [0; 10],
    }
}

/// `SteamNetAuthenticationStatus_t`.
pub(crate) fn authentication_status(status: &AuthenticationStatus) -> RawAuthenticationStatus {
    let mut raw = RawAuthenticationStatus {
        availability: status.availability.number(),
        debug: [0; 256],
    };
    fill_text(&mut raw.debug, &status.text);
    raw
}

/// A count as the interface has it, or the largest that it can have.
pub(crate) fn saturate(count: impl TryInto<c_int>) -> c_int {
    count.try_into().unwrap_or(c_int::MAX)
}

/// The highest rate that can be set, in bytes per second: what is told where nothing holds a sender back.
/// GNS e707b3a: csteamnetworkingsockets.cpp, `SendRateMax`.
const MAX_SEND_RATE: c_int = 0x1000_0000;

/// How long a message would wait; without a known rate forever, as in GNS, if anything waits at all.
fn queue_time_us(time: Option<Span>, pending: usize) -> i64 {
    match time {
        Some(time) => i64::try_from(time.as_micros()).unwrap_or(i64::MAX),
        None if pending == 0 => 0,
        None => i64::MAX,
    }
}
