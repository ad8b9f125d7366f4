//! Limits for strangers, through the API: attacks of classes 4 and 6 over real sockets.
#![allow(
    clippy::unwrap_used,
    missing_docs,
    reason = "a test may panic, in its helpers too"
)]

mod support;

use std::net::UdpSocket;

use bowline::Config;
use bowline::ConfigError;
use bowline::ConfigKey;
use bowline::ConfigScope;
use bowline::Connection;
use bowline::ConnectionState;
use bowline::DropReason;
use bowline::Event;
use bowline::Listener;
use bowline::Sockets;

use crate::support::LIMIT;
use crate::support::connect;
use crate::support::listen;
use crate::support::wait_until;

/// A server that two players of one network can connect to at once, and one more each second.
fn strict() -> (Sockets, Listener) {
    let mut config = Config::at(ConfigScope::Interface);
    config.set(ConfigKey::LimitNetworkRequests, 1).unwrap();
    config.set(ConfigKey::LimitLoopback, 1).unwrap();
    let server = Sockets::builder().config(config).build().unwrap();
    let listener = listen(&server);
    (server, listener)
}

fn accept_all(server: &Sockets) {
    for event in server.events() {
        if let Event::ConnectionChanged(change) = event
            && change.is_request()
        {
            change.connection.accept().unwrap();
        }
    }
}

fn refused(server: &Sockets) -> u64 {
    server.drops().of(DropReason::NetworkOverload)
}

/// A third player, whom the server has refused already.
fn third(server: &Sockets, client: &Sockets, listener: &Listener) -> Connection {
    for _ in 0..2 {
        connect(server, client, listener.local_addr());
    }
    assert_eq!(refused(server), 0);
    let third = client.connect(listener.local_addr()).unwrap();
    wait_until(|| refused(server) > 0);
    assert_eq!(third.state(), ConnectionState::Connecting);
    third
}

#[test]
fn class_6_who_comes_when_too_many_do_gets_in_later_by_itself() {
    let (server, listener) = strict();
    let client = Sockets::new().unwrap();
    let third = third(&server, &client, &listener);
    wait_until(|| {
        accept_all(&server);
        third.state() == ConnectionState::Connected
    });
}

#[test]
fn class_6_limits_change_at_once() {
    let (server, listener) = strict();
    let client = Sockets::new().unwrap();
    let third = third(&server, &client, &listener);
    server.set_config(ConfigKey::LimitLoopback, 0).unwrap();
    wait_until(|| {
        accept_all(&server);
        third.state() == ConnectionState::Connected
    });
    server.events().for_each(drop);
    // None of these has to wait for its turn.
    let client = Sockets::new().unwrap();
    let before = refused(&server);
    for _ in 0..20 {
        connect(&server, &client, listener.local_addr());
    }
    assert_eq!(refused(&server), before);
}

#[test]
fn limits_for_strangers_are_not_for_one_listener_or_connection() {
    let server = Sockets::new().unwrap();
    let listener = listen(&server);
    let error = listener.set_config(ConfigKey::LimitSignatures, 1);
    assert!(
        matches!(error, Err(ConfigError::TooNarrow { .. })),
        "{error:?}"
    );
}

#[test]
fn class_4_what_a_stranger_draws_is_less_than_what_it_sent() {
    let (server, listener) = strict();
    let stranger = UdpSocket::bind("127.0.0.1:0").unwrap();
    stranger.connect(listener.local_addr()).unwrap();
    stranger.set_read_timeout(Some(LIMIT)).unwrap();
    // Kind 0x20, a message of 5 bytes (connection ID), padding.
    let mut request = vec![0; 512];
    request[..8].copy_from_slice(&[0x20, 5, 0, 0x0D, 1, 1, 1, 1]);
    stranger.send(&request).unwrap();
    let mut answer = [0; 1500];
    let len = stranger.recv(&mut answer).unwrap();
    assert_eq!(answer[0], 0x21);
    assert!(len < 64, "{len}");
    // Without padding there is nothing.
    stranger.send(&request[..511]).unwrap();
    wait_until(|| server.drops().of(DropReason::BadPadding) == 1);
}
