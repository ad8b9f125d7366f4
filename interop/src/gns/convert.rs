//! Between GNS's C structures and the types of the scenarios.

use std::ffi::{CStr, CString, c_char};
use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::{mem, slice};

use gns::sys;

use crate::host::{Info, Options, Outgoing, Received, SendRefused, State, Status};

use sys::ESteamNetworkingConfigValue as Value;
use sys::ESteamNetworkingConnectionState as RawState;

pub(crate) fn config_values(options: &Options) -> Vec<sys::SteamNetworkingConfigValue_t> {
    let values = [
        (
            Value::k_ESteamNetworkingConfig_SendRateMin,
            options.send_rate,
        ),
        (
            Value::k_ESteamNetworkingConfig_SendRateMax,
            options.send_rate,
        ),
        (
            Value::k_ESteamNetworkingConfig_SendBufferSize,
            options.send_buffer,
        ),
        (
            Value::k_ESteamNetworkingConfig_RecvBufferSize,
            options.recv_buffer,
        ),
        (
            Value::k_ESteamNetworkingConfig_RecvBufferMessages,
            options.recv_buffer_messages,
        ),
        (
            Value::k_ESteamNetworkingConfig_TimeoutInitial,
            options.timeout_initial_ms,
        ),
        (
            Value::k_ESteamNetworkingConfig_TimeoutConnected,
            options.timeout_connected_ms,
        ),
        (
            Value::k_ESteamNetworkingConfig_NagleTime,
            options.nagle_time_us,
        ),
        (Value::k_ESteamNetworkingConfig_MTU_PacketSize, options.mtu),
        (
            Value::k_ESteamNetworkingConfig_Unencrypted,
            options.unencrypted,
        ),
        (
            Value::k_ESteamNetworkingConfig_SendTimeSincePreviousPacket,
            options.time_since_previous,
        ),
    ];
    values
        .into_iter()
        .filter_map(|(name, value)| Some((name, i32::try_from(value?).expect("below 2^31"))))
        .map(|(name, value)| int_value(name, value))
        .collect()
}

pub(crate) fn to_steam_address(address: SocketAddr) -> sys::SteamNetworkingIPAddr {
    let octets = match address.ip() {
        IpAddr::V4(ip) => ip.to_ipv6_mapped().octets(),
        IpAddr::V6(ip) => ip.octets(),
    };
    // SAFETY: all zeros is a valid value of this plain C structure, and every byte
    // string is a valid address in it.
    unsafe {
        let mut raw: sys::SteamNetworkingIPAddr = mem::zeroed();
        raw.__bindgen_anon_1.m_ipv6 = octets;
        raw.m_port = address.port();
        raw
    }
}

/// # Panics
/// If GNS cannot read it.
pub(crate) fn identity(text: &str) -> sys::SteamNetworkingIdentity {
    let terminated = c_string(text);
    // SAFETY: all zeros is a valid value of this plain C structure, and GNS fills it.
    unsafe {
        let mut raw = mem::zeroed();
        let parsed = sys::SteamAPI_SteamNetworkingIdentity_ParseString(
            &mut raw,
            size_of_val(&raw),
            terminated.as_ptr(),
        );
        assert!(parsed, "GNS cannot read the identity {text}");
        raw
    }
}

pub(crate) fn int_value(name: Value, value: i32) -> sys::SteamNetworkingConfigValue_t {
    sys::SteamNetworkingConfigValue_t {
        m_eValue: name,
        m_eDataType: sys::ESteamNetworkingConfigDataType::k_ESteamNetworkingConfig_Int32,
        m_val: sys::SteamNetworkingConfigValue_t__bindgen_ty_1 { m_int32: value },
    }
}

pub(crate) fn send_flags(message: &Outgoing<'_>) -> i32 {
    let reliable = if message.reliable {
        sys::k_nSteamNetworkingSend_Reliable
    } else {
        0
    };
    let no_nagle = if message.no_nagle {
        sys::k_nSteamNetworkingSend_NoNagle
    } else {
        0
    };
    reliable | no_nagle
}

/// GNS returns the message number, or a negated `EResult`.
pub(crate) fn send_result(result: i64) -> Result<u64, SendRefused> {
    const LIMIT_EXCEEDED: i64 = -(sys::EResult::k_EResultLimitExceeded as i64);
    match result {
        LIMIT_EXCEEDED => Err(SendRefused::Full),
        number if number > 0 => Ok(number.unsigned_abs()),
        other => Err(SendRefused::Other(format!("EResult {}", -other))),
    }
}

/// # Safety
/// The message's data must be valid.
pub(crate) unsafe fn received(raw: &sys::SteamNetworkingMessage_t) -> Received {
    let size = usize::try_from(raw.m_cbSize).expect("GNS messages have a size");
    let data = if size == 0 {
        Vec::new()
    } else {
        // SAFETY: the caller vouches for the data, which is `size` bytes long.
        unsafe { slice::from_raw_parts(raw.m_pData.cast::<u8>(), size) }.to_vec()
    };
    Received {
        data,
        number: raw.m_nMessageNumber.unsigned_abs(),
        lane: raw.m_idxLane,
        reliable: raw.m_nFlags & sys::k_nSteamNetworkingSend_Reliable != 0,
    }
}

pub(crate) fn state(raw: RawState) -> State {
    match raw {
        RawState::k_ESteamNetworkingConnectionState_None => State::None,
        RawState::k_ESteamNetworkingConnectionState_Connecting => State::Connecting,
        RawState::k_ESteamNetworkingConnectionState_FindingRoute => State::FindingRoute,
        RawState::k_ESteamNetworkingConnectionState_Connected => State::Connected,
        RawState::k_ESteamNetworkingConnectionState_ClosedByPeer => State::ClosedByPeer,
        RawState::k_ESteamNetworkingConnectionState_ProblemDetectedLocally => {
            State::ProblemDetectedLocally
        }
        RawState::k_ESteamNetworkingConnectionState_FinWait => State::FinWait,
        RawState::k_ESteamNetworkingConnectionState_Linger => State::Linger,
        RawState::k_ESteamNetworkingConnectionState_Dead
        | RawState::k_ESteamNetworkingConnectionState__Force32Bit => State::Dead,
    }
}

pub(crate) fn info(raw: &sys::SteamNetConnectionInfo_t) -> Info {
    // GNS's SteamNetworkConnectionInfoFlags: 1 unauthenticated, 2 unencrypted.
    let flag = |bit| raw.m_nFlags & bit != 0;
    Info {
        state: state(raw.m_eState),
        end_reason: raw.m_eEndReason,
        end_text: text(&raw.m_szEndDebug),
        identity: identity_text(&raw.m_identityRemote),
        remote: from_steam_address(&raw.m_addrRemote),
        encrypted: !flag(2),
        authenticated: !flag(1),
    }
}

pub(crate) fn status(raw: &sys::SteamNetConnectionRealTimeStatus_t) -> Status {
    let bytes = |count| usize::try_from(count).unwrap_or(0);
    Status {
        ping_ms: raw.m_nPing,
        quality_local: raw.m_flConnectionQualityLocal,
        quality_remote: raw.m_flConnectionQualityRemote,
        max_jitter_us: raw.m_usecMaxJitter,
        out_bytes_per_sec: raw.m_flOutBytesPerSec,
        in_bytes_per_sec: raw.m_flInBytesPerSec,
        pending_reliable_bytes: bytes(raw.m_cbPendingReliable),
        pending_unreliable_bytes: bytes(raw.m_cbPendingUnreliable),
        unacked_reliable_bytes: bytes(raw.m_cbSentUnackedReliable),
    }
}

pub(crate) fn c_string(text: &str) -> CString {
    CString::new(text).expect("scenarios use texts without zero bytes")
}

/// Text of a C array that ends at the first zero.
pub(crate) fn text(raw: &[c_char]) -> String {
    let bytes: Vec<u8> = raw
        .iter()
        .take_while(|&&c| c != 0)
        .map(|&c| u8::from_ne_bytes(c.to_ne_bytes()))
        .collect();
    String::from_utf8_lossy(&bytes).into_owned()
}

pub(crate) fn identity_text(raw: &sys::SteamNetworkingIdentity) -> String {
    let mut buffer: [c_char; 128] = [0; 128];
    let raw: *const sys::SteamNetworkingIdentity = raw;
    // SAFETY: GNS only reads the identity (its C interface lacks the const), and writes a
    // terminated text of at most the given size.
    unsafe {
        sys::SteamAPI_SteamNetworkingIdentity_ToString(
            raw.cast_mut(),
            buffer.as_mut_ptr(),
            buffer.len(),
        );
        CStr::from_ptr(buffer.as_ptr())
            .to_string_lossy()
            .into_owned()
    }
}

fn from_steam_address(raw: &sys::SteamNetworkingIPAddr) -> Option<SocketAddr> {
    // SAFETY: every member of the union is plain bytes.
    let ip = Ipv6Addr::from(unsafe { raw.__bindgen_anon_1.m_ipv6 });
    let port = raw.m_port;
    (port != 0).then(|| SocketAddr::new(ip.to_canonical(), port))
}
