//! The numbers that GNS's programs know.

use bowline::ConfigScope;
use bowline::ConfigType;
use bowline::ConnectionState;
use bowline::EndReason;

#[test]
fn connection_states_have_the_numbers_of_gns() {
    for (state, number) in [
        (ConnectionState::None, 0),
        (ConnectionState::Connecting, 1),
        (ConnectionState::FindingRoute, 2),
        (ConnectionState::Connected, 3),
        (ConnectionState::ClosedByPeer, 4),
        (ConnectionState::ProblemDetectedLocally, 5),
        (ConnectionState::FinWait, -1),
        (ConnectionState::Linger, -2),
        (ConnectionState::Dead, -3),
    ] {
        assert_eq!(state as i32, number, "{state}");
    }
}

#[test]
fn end_reasons_have_the_numbers_of_gns() {
    for (reason, number) in [
        (EndReason::INVALID, 0),
        (EndReason::APP_GENERIC, 1000),
        (EndReason::APP_OUT_OF_RANGE, 1999),
        (EndReason::APP_EXCEPTION_GENERIC, 2000),
        (EndReason::LIBRARY_SHUTDOWN, 2999),
        (EndReason::REMOTE_BAD_CRYPT, 4002),
        (EndReason::REMOTE_BAD_CERT, 4003),
        (EndReason::REMOTE_BAD_PROTOCOL_VERSION, 4006),
        (EndReason::MISC_GENERIC, 5001),
        (EndReason::MISC_INTERNAL_ERROR, 5002),
        (EndReason::MISC_TIMEOUT, 5003),
        (EndReason::MISC_PEER_SENT_NO_CONNECTION, 5010),
    ] {
        assert_eq!(reason.code(), number, "{reason}");
    }
}

#[test]
fn config_scopes_and_types_have_the_numbers_of_gns() {
    let scopes = [
        ConfigScope::Global,
        ConfigScope::Interface,
        ConfigScope::ListenSocket,
        ConfigScope::Connection,
    ];
    assert_eq!(scopes.map(ConfigScope::number), [1, 2, 3, 4]);
    let types = [
        ConfigType::Int32,
        ConfigType::Int64,
        ConfigType::Float,
        ConfigType::String,
        ConfigType::Callback,
    ];
    assert_eq!(types.map(ConfigType::number), [1, 2, 3, 4, 5]);
}
