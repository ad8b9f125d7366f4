//! Between Bowline's types and those of the scenarios.

use bowline::{
    Config, ConfigError, ConfigKey, ConnectionState, EncryptionPolicy, EndReason, LaneConfig,
    LaneIndex, RealTimeStatus, SendFlags, Span,
};

use crate::host::{Lane, Options, Outgoing, State, Status};

pub(crate) fn config(options: &Options) -> Config {
    let mut config = Config::new();
    set_config(&mut config, options).unwrap_or_else(|error| panic!("{options:?}: {error}"));
    config
}

fn set_config(config: &mut Config, options: &Options) -> Result<(), ConfigError> {
    let millis = |ms: u32| Span::from_millis(u64::from(ms));
    if let Some(rate) = options.send_rate {
        config.set_send_rate(None, Some(u64::from(rate)))?;
    }
    if let Some(bytes) = options.send_buffer {
        config.set_send_buffer(bytes as usize)?;
    }
    if let Some(bytes) = options.recv_buffer {
        config.set_recv_buffer(bytes as usize)?;
    }
    if let Some(count) = options.recv_buffer_messages {
        config.set_recv_buffer_messages(count as usize)?;
    }
    if let Some(ms) = options.timeout_initial_ms {
        config.set_timeout_initial(millis(ms))?;
    }
    if let Some(ms) = options.timeout_connected_ms {
        config.set_timeout_connected(millis(ms))?;
    }
    if let Some(us) = options.nagle_time_us {
        config.set_nagle(Span::from_micros(u64::from(us)))?;
    }
    if let Some(bytes) = options.mtu {
        config.set_mtu(bytes as usize)?;
    }
    if let Some(policy) = options.unencrypted {
        config.set_encryption(match policy {
            0 => EncryptionPolicy::Required,
            1 => EncryptionPolicy::Preferred,
            2 => EncryptionPolicy::Avoided,
            _ => EncryptionPolicy::Off,
        });
    }
    if let Some(value) = options.time_since_previous {
        config.set(ConfigKey::SendTimeSincePreviousPacket, value.cast_signed())?;
    }
    Ok(())
}

pub(crate) fn state(state: ConnectionState) -> State {
    match state {
        ConnectionState::None => State::None,
        ConnectionState::Connecting => State::Connecting,
        ConnectionState::FindingRoute => State::FindingRoute,
        ConnectionState::Connected => State::Connected,
        ConnectionState::ClosedByPeer => State::ClosedByPeer,
        ConnectionState::ProblemDetectedLocally => State::ProblemDetectedLocally,
        ConnectionState::FinWait => State::FinWait,
        ConnectionState::Linger => State::Linger,
        ConnectionState::Dead => State::Dead,
    }
}

pub(crate) fn end_reason(reason: i32) -> EndReason {
    match reason.unsigned_abs() {
        0 => EndReason::APP_GENERIC,
        code => EndReason::from_app(code),
    }
}

pub(crate) fn lane(lane: u16) -> LaneIndex {
    LaneIndex::new(u8::try_from(lane).expect("there are at most 255 lanes"))
}

pub(crate) fn lanes(lanes: &[Lane]) -> Vec<LaneConfig> {
    lanes
        .iter()
        .map(|lane| LaneConfig::new(lane.priority, lane.weight))
        .collect()
}

pub(crate) fn send_flags(message: &Outgoing<'_>) -> SendFlags {
    match (message.reliable, message.no_nagle) {
        (false, false) => SendFlags::UNRELIABLE,
        (false, true) => SendFlags::UNRELIABLE_NO_NAGLE,
        (true, false) => SendFlags::RELIABLE,
        (true, true) => SendFlags::RELIABLE_NO_NAGLE,
    }
}

pub(crate) fn status(status: &RealTimeStatus) -> Status {
    Status {
        ping_ms: status.ping_ms.map_or(-1, u32::cast_signed),
        quality_local: status.quality_local.unwrap_or(-1.0),
        quality_remote: status.quality_remote.unwrap_or(-1.0),
        max_jitter_us: status.max_jitter_us.map_or(-1, u32::cast_signed),
        out_bytes_per_sec: status.out_bytes_per_sec,
        in_bytes_per_sec: status.in_bytes_per_sec,
        pending_reliable_bytes: status.pending_reliable_bytes,
        pending_unreliable_bytes: status.pending_unreliable_bytes,
        unacked_reliable_bytes: status.unacked_reliable_bytes,
    }
}
