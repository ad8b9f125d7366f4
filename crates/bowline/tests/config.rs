//! Settings: levels, changes while connections live, refusals.
#![allow(
    clippy::unwrap_used,
    missing_docs,
    reason = "a test may panic, in its helpers too"
)]

mod support;

use std::time::Duration;
use std::time::Instant;

use bowline::Config;
use bowline::ConfigError;
use bowline::ConfigKey;
use bowline::ConfigScope;
use bowline::ConfigValue;
use bowline::Connection;
use bowline::ConnectionState;
use bowline::EndReason;
use bowline::Event;
use bowline::ListenError;
use bowline::SendError;
use bowline::SendFlags;
use bowline::SettingError;
use bowline::Sockets;
use bowline::global_config;

use crate::support::LOOPBACK;
use crate::support::Pair;
use crate::support::connect;
use crate::support::listen;
use crate::support::manual;
use crate::support::wait_event;
use crate::support::wait_state;

#[test]
fn a_change_reaches_everything_below_that_has_no_value_of_its_own() {
    let key = ConfigKey::RecvMaxSegmentsPerPacket;
    let pair = Pair::new();
    let (listener, connection) = (pair.listener.as_ref().unwrap(), &pair.accepted);
    let seen = || {
        let config = connection.config().unwrap();
        (config.get(key), config.origin(key))
    };
    let is = |value: i32, origin| (ConfigValue::from(value), origin);
    assert_eq!(seen(), is(1300, None));

    global_config::set(key, 1001).unwrap();
    assert_eq!(seen(), is(1001, Some(ConfigScope::Global)));
    pair.server.set_config(key, 1002).unwrap();
    assert_eq!(seen(), is(1002, Some(ConfigScope::Interface)));
    listener.set_config(key, 1003).unwrap();
    assert_eq!(seen(), is(1003, Some(ConfigScope::ListenSocket)));
    connection.set_config(key, 1004).unwrap();
    assert_eq!(seen(), is(1004, Some(ConfigScope::Connection)));

    // Its own value holds, whatever the wider levels do.
    listener.set_config(key, 1005).unwrap();
    assert_eq!(seen(), is(1004, Some(ConfigScope::Connection)));
    connection.unset_config(key).unwrap();
    assert_eq!(seen(), is(1005, Some(ConfigScope::ListenSocket)));
    listener.unset_config(key).unwrap();
    assert_eq!(seen(), is(1002, Some(ConfigScope::Interface)));
    pair.server.unset_config(key).unwrap();
    assert_eq!(seen(), is(1001, Some(ConfigScope::Global)));

    // A connection that was dialled has no listener, and a later one inherits the same.
    let dialled = pair.dialled.config().unwrap();
    assert_eq!(dialled.get(key), ConfigValue::from(1001));
    let (late, _) = connect(&pair.server, &pair.client, listener.local_addr());
    assert_eq!(late.config().unwrap().get(key), ConfigValue::from(1001));
    global_config::unset(key).unwrap();
    assert_eq!(seen(), is(1300, None));
    assert_eq!(late.config().unwrap().get(key), ConfigValue::from(1300));
}

#[test]
fn options_at_creation_are_of_that_level() {
    let server = Sockets::new().unwrap();
    let client = Sockets::new().unwrap();
    let mut options = Config::new();
    options.set(ConfigKey::NagleTime, 1).unwrap();
    let listener = server
        .listen_with(LOOPBACK.parse().unwrap(), options.clone())
        .unwrap();
    let origin = |config: &Config| config.origin(ConfigKey::NagleTime);
    assert_eq!(origin(&listener.config()), Some(ConfigScope::ListenSocket));
    let connection = client.connect_with(listener.local_addr(), options).unwrap();
    let config = connection.config().unwrap();
    assert_eq!(origin(&config), Some(ConfigScope::Connection));
    assert_eq!(config.own().count(), 1);
}

#[test]
fn a_running_connection_follows_its_settings() {
    let pair = Pair::new();
    // The send buffer: smaller at once, and larger at once.
    let connection = &pair.dialled;
    connection
        .set_config(ConfigKey::SendRateMin, 20_000)
        .unwrap();
    connection
        .set_config(ConfigKey::SendRateMax, 20_000)
        .unwrap();
    connection
        .set_config(ConfigKey::SendBufferSize, 8192)
        .unwrap();
    let refused = connection.send(&[0; 8193], SendFlags::RELIABLE);
    assert_eq!(
        refused,
        Err(SendError::TooLarge {
            len: 8193,
            max: 8192
        })
    );
    let full = loop {
        if let Err(error) = connection.send(&[0; 4000], SendFlags::RELIABLE) {
            break error;
        }
    };
    assert!(
        matches!(
            full,
            SendError::BufferFull {
                limit_bytes: 8192,
                ..
            }
        ),
        "{full:?}"
    );
    let rate = connection.status().unwrap().send_rate_bytes_per_sec;
    assert_eq!(rate, Some(20_000));
    connection
        .set_config(ConfigKey::SendBufferSize, 1 << 20)
        .unwrap();
    wait_event(&pair.client, |event| {
        matches!(event, Event::Writable(writable) if writable == *connection).then_some(())
    });
    connection.send(&[0; 8193], SendFlags::RELIABLE).unwrap();
}

#[test]
fn a_smaller_limit_for_messages_holds_for_connections_that_live() {
    let pair = Pair::new();
    let listener = pair.listener.as_ref().unwrap();
    listener
        .set_config(ConfigKey::RecvMaxMessageSize, 100)
        .unwrap();
    pair.dialled
        .send(&[7; 101], SendFlags::RELIABLE_NO_NAGLE)
        .unwrap();
    let ended = wait_state(&pair.server, ConnectionState::ProblemDetectedLocally);
    assert_eq!(ended.info.end_reason, EndReason::MISC_INTERNAL_ERROR);
}

#[test]
fn a_shorter_timeout_holds_at_once() {
    let server = manual();
    let client = Sockets::new().unwrap();
    let listener = listen(&server);
    let (_accepted, dialled) = connect(&server, &client, listener.local_addr());
    // The server is driven no more: as good as gone, without a word.
    let start = Instant::now();
    client.set_config(ConfigKey::TimeoutConnected, 200).unwrap();
    dialled
        .send(b"anyone?", SendFlags::RELIABLE_NO_NAGLE)
        .unwrap();
    let ended = wait_state(&client, ConnectionState::ProblemDetectedLocally);
    assert_eq!(ended.info.end_reason, EndReason::MISC_TIMEOUT);
    assert!(
        start.elapsed() < Duration::from_secs(8),
        "{:?}",
        start.elapsed()
    );
}

#[test]
fn user_data_is_bound_when_the_connection_is_made() {
    let server = Sockets::new().unwrap();
    let client = Sockets::new().unwrap();
    let listener = listen(&server);
    listener
        .set_config(ConfigKey::ConnectionUserData, 77)
        .unwrap();
    let (accepted, dialled) = connect(&server, &client, listener.local_addr());
    assert_eq!(accepted.user_data(), Ok(77));
    assert_eq!(dialled.user_data(), Ok(-1));
    listener
        .set_config(ConfigKey::ConnectionUserData, 78)
        .unwrap();
    assert_eq!(accepted.user_data(), Ok(77), "bound when it was made");
    let seen = |connection: &Connection| {
        let config = connection.config().unwrap();
        let key = ConfigKey::ConnectionUserData;
        (config.get(key), config.origin(key))
    };
    let own = Some(ConfigScope::Connection);
    assert_eq!(seen(&accepted).0, ConfigValue::Int64(77));
    assert_eq!(seen(&dialled), (ConfigValue::Int64(-1), None));
    dialled.set_user_data(5).unwrap();
    assert_eq!(seen(&dialled), (ConfigValue::Int64(5), own), "one number");
    dialled.set_config(ConfigKey::NagleTime, 0).unwrap();
    assert_eq!(
        dialled.user_data(),
        Ok(5),
        "another setting leaves it alone"
    );
    accepted
        .set_config(ConfigKey::ConnectionUserData, 79)
        .unwrap();
    assert_eq!(accepted.user_data(), Ok(79));
    assert_eq!(
        accepted.unset_config(ConfigKey::ConnectionUserData),
        Err(ConfigError::CannotUnset(ConfigKey::ConnectionUserData).into())
    );
}

#[test]
fn what_cannot_be_set_is_refused_and_changes_nothing() {
    let pair = Pair::new();
    let refused = |key, value: ConfigValue| match pair.dialled.set_config(key, value) {
        Err(SettingError::Config(error)) => error,
        other => panic!("{key}: {other:?}"),
    };
    let late = refused(ConfigKey::Unencrypted, 3.into());
    assert_eq!(late, ConfigError::TooLate(ConfigKey::Unencrypted));
    let read_only = refused(ConfigKey::MtuDataSize, 500.into());
    assert_eq!(read_only, ConfigError::ReadOnly(ConfigKey::MtuDataSize));
    let narrow = refused(ConfigKey::FakePacketLossSend, 5.into());
    assert!(matches!(narrow, ConfigError::TooNarrow { .. }));
    let range = refused(ConfigKey::MtuPacketSize, 1301.into());
    assert_eq!(
        range.to_string(),
        "MTU_PacketSize is 1301: it must be 200 to 1300"
    );
    let callback = refused(ConfigKey::CallbackConnectionStatusChanged, 1.into());
    assert!(matches!(callback, ConfigError::WrongType { .. }));
    let config = pair.dialled.config().unwrap();
    assert_eq!(config.own().count(), 0);

    let mut options = Config::at(ConfigScope::Interface);
    options.set(ConfigKey::FakePacketLossSend, 5).unwrap();
    let listening = pair
        .server
        .listen_with(LOOPBACK.parse().unwrap(), options.clone());
    assert!(matches!(listening, Err(ListenError::Config(_))));
    let addr = pair.listener.as_ref().unwrap().local_addr();
    assert!(pair.client.connect_with(addr, options).is_err());

    pair.dialled
        .close(EndReason::APP_GENERIC, "", false)
        .unwrap();
    assert!(matches!(
        pair.dialled.set_config(ConfigKey::NagleTime, 1),
        Err(SettingError::NoSuchConnection(_))
    ));
    assert!(pair.dialled.config().is_err());
}
