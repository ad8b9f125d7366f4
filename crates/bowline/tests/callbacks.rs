//! Opaque callback values: which one an event carries.
#![allow(
    clippy::unwrap_used,
    missing_docs,
    reason = "a test may panic, in its helpers too"
)]

mod support;

use bowline::CallbackToken;
use bowline::Config;
use bowline::ConfigKey;
use bowline::Connection;
use bowline::ConnectionState;
use bowline::EndReason;
use bowline::Event;
use bowline::PairKind;
use bowline::SendFlags;
use bowline::Sockets;

use crate::support::LOOPBACK;
use crate::support::listen;
use crate::support::wait_state;

const KEY: ConfigKey = ConfigKey::CallbackConnectionStatusChanged;

fn token(value: u64) -> CallbackToken {
    CallbackToken::new(value)
}

fn options(value: u64) -> Config {
    let mut config = Config::new();
    config.set(KEY, token(value)).unwrap();
    config
}

#[test]
fn an_event_keeps_the_callback_that_was_in_force_when_it_was_queued() {
    let sockets = Sockets::new().unwrap();
    let (one, _other) = sockets.socket_pair(PairKind::Pipe, None, None).unwrap();
    one.set_config(KEY, token(1)).unwrap();
    one.close(EndReason::APP_GENERIC, "", false).unwrap();
    sockets.set_config(KEY, token(2)).unwrap();
    let closed = wait_state(&sockets, ConnectionState::None);
    assert_eq!((closed.connection, closed.callback), (one, token(1)));
    let ended = wait_state(&sockets, ConnectionState::ClosedByPeer);
    assert!(ended.callback.is_none(), "none was set when it happened");
}

#[test]
fn options_count_from_the_first_event_on() {
    let (server, client) = (Sockets::new().unwrap(), Sockets::new().unwrap());
    server.set_config(KEY, token(3)).unwrap();
    let listener = server
        .listen_with(LOOPBACK.parse().unwrap(), options(4))
        .unwrap();
    let plain = listen(&server);

    let dialled = client
        .connect_with(listener.local_addr(), options(5))
        .unwrap();
    let made = wait_state(&client, ConnectionState::Connecting);
    assert_eq!(made.callback, token(5));
    dialled.set_config(KEY, token(6)).unwrap();
    let request = wait_state(&server, ConnectionState::Connecting);
    assert_eq!(request.callback, token(4), "of the listener");
    request.connection.accept().unwrap();
    let connected = wait_state(&client, ConnectionState::Connected);
    assert_eq!(connected.callback, token(6), "of the connection");

    client.connect(plain.local_addr()).unwrap();
    let made = wait_state(&client, ConnectionState::Connecting);
    assert!(made.callback.is_none());
    let request = wait_state(&server, ConnectionState::Connecting);
    assert_eq!(request.callback, token(3), "of the interface");
}

#[test]
fn a_callback_that_was_cleared_is_not_carried() {
    let sockets = Sockets::new().unwrap();
    sockets.set_config(KEY, token(7)).unwrap();
    let (one, other) = sockets.socket_pair(PairKind::Pipe, None, None).unwrap();
    one.set_config(KEY, CallbackToken::NONE).unwrap();
    other.set_config(KEY, token(8)).unwrap();
    other.unset_config(KEY).unwrap();
    one.close(EndReason::APP_GENERIC, "", false).unwrap();
    let closed = wait_state(&sockets, ConnectionState::None);
    assert!(closed.callback.is_none(), "none, of its own");
    let ended = wait_state(&sockets, ConnectionState::ClosedByPeer);
    assert_eq!(ended.callback, token(7), "of the interface again");
}

#[test]
fn where_events_need_callbacks_nothing_else_is_told() {
    let builder = Sockets::builder().events_need_callbacks(true);
    let sockets = builder.build().unwrap();
    let pair = || {
        let mut config = Config::new();
        config.set_recv_buffer_messages(2).unwrap();
        config.set_send_buffer(4096).unwrap();
        let made = sockets.socket_pair_with(PairKind::Pipe, None, None, config);
        made.unwrap()
    };
    let close = |connection: Connection| connection.close(EndReason::APP_GENERIC, "", false);
    // Neither states nor that there is room again, which has no callback.
    let (one, other) = pair();
    while one.send(&[0; 1000], SendFlags::RELIABLE).is_ok() {}
    while other.receive().unwrap().is_some() {}
    close(one).unwrap();
    close(other).unwrap();
    assert!(!sockets.poll());
    assert!(sockets.next_event().is_none());

    let (one, other) = pair();
    other.set_config(KEY, token(1)).unwrap();
    close(one).unwrap();
    let Some(Event::ConnectionChanged(ended)) = sockets.next_event() else {
        panic!("there is a callback for this one");
    };
    assert_eq!((ended.connection, ended.callback), (other, token(1)));
    assert!(sockets.next_event().is_none());

    // One that nobody was told of does not stand for those to come.
    let (one, other) = pair();
    while one.send(&[0; 1000], SendFlags::RELIABLE).is_ok() {}
    while other.receive().unwrap().is_some() {}
    assert_eq!(sockets.waiting_events(), 0);
    sockets.set_tells_writable(true);
    while one.send(&[0; 1000], SendFlags::RELIABLE).is_ok() {}
    while other.receive().unwrap().is_some() {}
    assert_eq!(sockets.waiting_events(), 1);
    assert!(matches!(sockets.next_event(), Some(Event::Writable(told)) if told == one));
    close(one).unwrap();
    close(other).unwrap();
    assert_eq!(sockets.waiting_events(), 0);
}
