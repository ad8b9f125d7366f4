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
        (EndReason::LOCAL_OFFLINE_MODE, 3001),
        (EndReason::LOCAL_MANY_RELAY_CONNECTIVITY, 3002),
        (EndReason::LOCAL_HOSTED_SERVER_PRIMARY_RELAY, 3003),
        (EndReason::LOCAL_NETWORK_CONFIG, 3004),
        (EndReason::LOCAL_RIGHTS, 3005),
        (EndReason::LOCAL_ICE_NO_PUBLIC_ADDRESSES, 3006),
        (EndReason::REMOTE_TIMEOUT, 4001),
        (EndReason::REMOTE_BAD_CRYPT, 4002),
        (EndReason::REMOTE_BAD_CERT, 4003),
        (EndReason::REMOTE_BAD_PROTOCOL_VERSION, 4006),
        (EndReason::REMOTE_ICE_NO_PUBLIC_ADDRESSES, 4007),
        (EndReason::MISC_GENERIC, 5001),
        (EndReason::MISC_INTERNAL_ERROR, 5002),
        (EndReason::MISC_TIMEOUT, 5003),
        (EndReason::MISC_STEAM_CONNECTIVITY, 5005),
        (EndReason::MISC_NO_RELAY_SESSIONS_TO_CLIENT, 5006),
        (EndReason::MISC_P2P_RENDEZVOUS, 5008),
        (EndReason::MISC_P2P_NAT_FIREWALL, 5009),
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
