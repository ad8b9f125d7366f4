//! How connections come and go, over real sockets on loopback.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on may panic")]

mod support;

use std::net::UdpSocket;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering;
use std::thread;
use std::time::Duration;
use std::time::Instant;

use bowline::AcceptError;
use bowline::Config;
use bowline::ConnectError;
use bowline::ConnectionState;
use bowline::EndReason;
use bowline::Event;
use bowline::LaneIndex;
use bowline::ListenError;
use bowline::NoSuchConnection;
use bowline::SendError;
use bowline::SendFlags;
use bowline::Sockets;

use support::LOOPBACK;
use support::Pair;
use support::connect;
use support::listen;
use support::wait_event;
use support::wait_message;
use support::wait_state;
use support::wait_until;

#[test]
fn connect_accept_echo() {
    let pair = Pair::new();
    let number = pair
        .dialled
        .send(b"hello", SendFlags::RELIABLE_NO_NAGLE)
        .unwrap();
    assert_eq!(number.get(), 1);
    let message = wait_message(&pair.server, &pair.accepted);
    assert_eq!(&*message, b"hello");
    assert!(message.is_reliable());
    assert_eq!(message.number(), number);
    assert_eq!(message.lane(), LaneIndex::ZERO);
    assert_eq!(message.connection(), &pair.accepted);

    let flags = SendFlags::UNRELIABLE_NO_NAGLE;
    message.connection().send(&message, flags).unwrap();
    let echo = wait_message(&pair.client, &pair.dialled);
    assert_eq!(&*echo.clone().into_bytes(), b"hello");
    assert!(!echo.is_reliable());
    assert!(echo.received_at() <= pair.client.now());
}

#[test]
fn events_tell_every_state_in_order() {
    let server = Sockets::new().unwrap();
    let client = Sockets::new().unwrap();
    let listener = listen(&server);
    let dialled = client.connect(listener.local_addr()).unwrap();
    let request = wait_state(&server, ConnectionState::Connecting);
    assert_eq!(request.old, ConnectionState::None);
    assert_eq!(request.info.listener, Some(listener.id()));
    assert_eq!(request.connection.listener(), Some(listener.id()));
    request.connection.accept().unwrap();
    wait_state(&server, ConnectionState::Connected);
    wait_event(&client, |event| {
        let Event::ConnectionChanged(change) = event else {
            return None;
        };
        assert_eq!(change.connection, dialled);
        assert_eq!(change.old, ConnectionState::None);
        assert_eq!(change.new, ConnectionState::Connecting);
        assert!(!change.is_request());
        Some(())
    });
    let connected = wait_state(&client, ConnectionState::Connected);
    assert_eq!(connected.old, ConnectionState::Connecting);
    dialled.close(EndReason::APP_GENERIC, "", false).unwrap();
    let closed = wait_state(&client, ConnectionState::None);
    assert_eq!(closed.old, ConnectionState::Connected);
    assert_eq!(closed.connection, dialled);
    let ended = wait_state(&server, ConnectionState::ClosedByPeer);
    assert_eq!(ended.old, ConnectionState::Connected);
    assert!(ended.is_ended());
}

#[test]
fn a_request_can_be_refused() {
    let server = Sockets::new().unwrap();
    let client = Sockets::new().unwrap();
    let listener = listen(&server);
    let dialled = client.connect(listener.local_addr()).unwrap();
    let request = wait_state(&server, ConnectionState::Connecting);
    request
        .connection
        .close(EndReason::new(1234), "server is full", false)
        .unwrap();
    assert_eq!(
        request.connection.accept(),
        Err(AcceptError::NoSuchConnection(NoSuchConnection))
    );
    let refused = wait_state(&client, ConnectionState::ClosedByPeer);
    assert_eq!(refused.connection, dialled);
    assert_eq!(refused.info.end_reason.code(), 1234);
    assert_eq!(refused.info.end_text, "server is full");
}

#[test]
fn the_peer_sees_reason_and_text_and_may_read_on() {
    let pair = Pair::new();
    pair.dialled
        .send(b"last words", SendFlags::RELIABLE_NO_NAGLE)
        .unwrap();
    pair.dialled
        .close(EndReason::new(1042), "bye", true)
        .unwrap();
    let ended = wait_state(&pair.server, ConnectionState::ClosedByPeer);
    assert_eq!(ended.info.end_reason.code(), 1042);
    assert_eq!(ended.info.end_text, "bye");
    let message = pair.accepted.receive().unwrap().unwrap();
    assert_eq!(&*message, b"last words");
    assert_eq!(pair.accepted.state(), ConnectionState::ClosedByPeer);
    let refused = pair.accepted.send(b"too late", SendFlags::RELIABLE);
    assert_eq!(
        refused,
        Err(SendError::WrongState(ConnectionState::ClosedByPeer))
    );
    pair.accepted
        .close(EndReason::APP_GENERIC, "", false)
        .unwrap();
    assert_eq!(pair.accepted.receive().unwrap_err(), NoSuchConnection);
}

#[test]
fn linger_delivers_everything() {
    let pair = Pair::new();
    let mut messages = Vec::new();
    for number in 0..100u32 {
        let bytes = [number.to_le_bytes().as_slice(), &[7; 1500]].concat();
        pair.dialled.send(&bytes, SendFlags::RELIABLE).unwrap();
    }
    pair.dialled
        .close(EndReason::APP_GENERIC, "done", true)
        .unwrap();
    wait_state(&pair.server, ConnectionState::ClosedByPeer);
    pair.accepted.receive_batch(&mut messages, 1000).unwrap();
    assert_eq!(messages.len(), 100);
    for (number, message) in (0..100u32).zip(&messages) {
        assert_eq!(message[..4], number.to_le_bytes());
        assert_eq!(message.len(), 1504);
    }
}

#[test]
fn a_program_that_ends_waits_for_what_lingers() {
    let pair = Pair::new();
    let sent = vec![7; 400_000];
    pair.dialled.send(&sent, SendFlags::RELIABLE).unwrap();
    pair.dialled
        .close(EndReason::APP_GENERIC, "done", true)
        .unwrap();
    assert!(pair.client.wait_for_linger(Duration::from_secs(5)));
    drop(pair.client);
    wait_state(&pair.server, ConnectionState::ClosedByPeer);
    let message = pair.accepted.receive().unwrap().unwrap();
    assert!(*message == sent[..]);
}

#[test]
fn end_reasons_out_of_range_are_replaced() {
    let (usual, unusual) = (
        "Application closed connection",
        "Application closed connection in an unusual way",
    );
    let bad = "Invalid numeric reason code";
    for (code, text, told, told_text) in [
        (0, "", 1000, usual),
        (1999, "", 1999, usual),
        (2999, "", 2999, unusual),
        (0, "own", 1000, "own"),
        (1999, "own", 1999, "own"),
        (7, "own", 1999, bad),
        (999, "", 1999, bad),
        (3000, "own", 1999, bad),
    ] {
        let pair = Pair::new();
        let reason = EndReason::new(code);
        pair.dialled.close(reason, text, false).unwrap();
        let ended = wait_state(&pair.server, ConnectionState::ClosedByPeer).info;
        let seen = (ended.end_reason.code(), &*ended.end_text);
        assert_eq!(seen, (told, told_text), "{code} {text:?}");
    }
}

#[test]
fn a_stale_handle_is_an_error_everywhere() {
    let pair = Pair::new();
    let stale = pair.dialled.clone();
    let group = pair.client.poll_group();
    stale.close(EndReason::APP_GENERIC, "", false).unwrap();
    assert_eq!(
        stale.close(EndReason::APP_GENERIC, "", false),
        Err(NoSuchConnection)
    );
    assert_eq!(
        stale.send(b"x", SendFlags::RELIABLE),
        Err(NoSuchConnection.into())
    );
    assert_eq!(stale.flush(), Err(NoSuchConnection.into()));
    assert_eq!(stale.accept(), Err(NoSuchConnection.into()));
    assert_eq!(stale.configure_lanes(&[]), Err(NoSuchConnection.into()));
    assert_eq!(
        stale.set_poll_group(Some(&group)),
        Err(NoSuchConnection.into())
    );
    assert_eq!(stale.set_user_data(1), Err(NoSuchConnection));
    assert!(stale.receive().is_err());
    assert!(stale.info().is_err());
    assert!(stale.status().is_err());
    assert_eq!(stale.state(), ConnectionState::None);
    assert!(pair.client.connection(stale.id()).is_none());

    // A later connection to the same server is another one.
    let addr = pair.listener.as_ref().unwrap().local_addr();
    let (_, fresh) = connect(&pair.server, &pair.client, addr);
    assert_ne!(fresh, stale);
    assert_ne!(fresh.id(), stale.id());
    assert!(stale.send(b"x", SendFlags::RELIABLE).is_err());
    assert_eq!(pair.client.connection(fresh.id()), Some(fresh));
}

#[test]
fn several_connections_to_one_server_at_once() {
    let server = Sockets::new().unwrap();
    let client = Sockets::new().unwrap();
    let listener = listen(&server);
    let ends: Vec<_> = (0..5)
        .map(|_| connect(&server, &client, listener.local_addr()))
        .collect();
    for (number, (_, dialled)) in ends.iter().enumerate() {
        dialled
            .send(&[number as u8], SendFlags::RELIABLE_NO_NAGLE)
            .unwrap();
    }
    for (number, (accepted, _)) in ends.iter().enumerate() {
        assert_eq!(*wait_message(&server, accepted), [number as u8]);
    }
}

#[test]
fn a_port_in_use_is_told_with_its_address() {
    let taken = UdpSocket::bind(LOOPBACK).unwrap();
    let addr = taken.local_addr().unwrap();
    let sockets = Sockets::new().unwrap();
    let error = sockets.listen(addr).unwrap_err();
    assert!(matches!(error, ListenError::AddressInUse { addr: told } if told == addr));

    let own = listen(&sockets);
    let error = sockets.listen(own.local_addr()).unwrap_err();
    assert!(matches!(error, ListenError::AddressInUse { .. }));
    let error = sockets.listen("192.0.2.1:0".parse().unwrap()).unwrap_err();
    assert!(matches!(error, ListenError::AddressNotAvailable { .. }));
    let error = sockets.listen("224.0.0.1:0".parse().unwrap()).unwrap_err();
    assert!(matches!(error, ListenError::BadAddress { .. }));
}

#[test]
fn bad_addresses_are_not_dialled() {
    let sockets = Sockets::new().unwrap();
    for addr in ["127.0.0.1:0", "0.0.0.0:1", "[::]:1", "224.0.0.1:1"] {
        let error = sockets.connect(addr.parse().unwrap()).unwrap_err();
        assert!(matches!(error, ConnectError::BadAddress { .. }), "{addr}");
    }
    assert_eq!(sockets.connection_count(), 0);
    assert!(sockets.next_event().is_none());
}

#[test]
fn a_closed_listener_frees_its_port_and_ends_its_connections() {
    let mut pair = Pair::new();
    let listener = pair.listener.take().unwrap();
    let addr = listener.local_addr();
    listener.close();
    assert_eq!(pair.accepted.receive().unwrap_err(), NoSuchConnection);
    wait_state(&pair.client, ConnectionState::ClosedByPeer);
    let again = pair.server.listen(addr).unwrap();
    assert_eq!(again.local_addr(), addr);
    connect(&pair.server, &pair.client, addr);
}

#[test]
fn a_listener_that_closes_while_clients_connect_keeps_none_of_them() {
    let server = Sockets::new().unwrap();
    for _ in 0..5 {
        let client = Sockets::new().unwrap();
        let listener = listen(&server);
        let addr = listener.local_addr();
        let is_closed = AtomicBool::new(false);
        thread::scope(|scope| {
            scope.spawn(|| {
                let dialled = (0..200).map(|_| client.connect(addr).unwrap());
                let dialled = dialled.take_while(|_| !is_closed.load(Ordering::Relaxed));
                assert!(dialled.count() > 0);
            });
            wait_until(|| server.connection_count() >= 3);
            listener.close();
            // Free at once, and nobody got in behind its back.
            let taken = UdpSocket::bind(addr).unwrap();
            assert_eq!(server.connection_count(), 0);
            is_closed.store(true, Ordering::Relaxed);
            drop(taken);
        });
        for event in server.events() {
            if let Event::ConnectionChanged(change) = event
                && change.is_request()
            {
                let accepted = change.connection.accept();
                assert!(matches!(accepted, Err(AcceptError::NoSuchConnection(_))));
            }
        }
        assert_eq!(server.connection_count(), 0);
    }
}

#[test]
fn a_dropped_listener_keeps_accepted_connections() {
    let mut pair = Pair::new();
    let addr = pair.listener.as_ref().unwrap().local_addr();
    let undecided = pair.client.connect(addr).unwrap();
    wait_state(&pair.server, ConnectionState::Connecting);
    drop(pair.listener.take());
    let refused = wait_state(&pair.client, ConnectionState::ClosedByPeer);
    assert_eq!(refused.connection, undecided);
    pair.dialled
        .send(b"still here", SendFlags::RELIABLE_NO_NAGLE)
        .unwrap();
    assert_eq!(&*wait_message(&pair.server, &pair.accepted), b"still here");
}

#[test]
fn a_server_that_does_not_answer_is_a_timeout() {
    let silent = UdpSocket::bind(LOOPBACK).unwrap();
    let mut config = Config::new();
    config
        .set_timeout_initial(Duration::from_millis(50))
        .unwrap();
    let client = Sockets::new().unwrap();
    let start = Instant::now();
    let dialled = client
        .connect_with(silent.local_addr().unwrap(), config)
        .unwrap();
    let failed = wait_state(&client, ConnectionState::ProblemDetectedLocally);
    assert_eq!(failed.connection, dialled);
    assert_eq!(failed.info.end_reason, EndReason::MISC_TIMEOUT);
    assert!(start.elapsed() < Duration::from_secs(2));
}

#[test]
fn drop_closes_peers_with_library_shutdown() {
    let pair = Pair::new();
    let kept = pair.dialled.clone();
    let clone = pair.client.clone();
    drop(pair.client);
    assert_eq!(kept.state(), ConnectionState::Connected);
    drop(clone);
    assert_eq!(kept.state(), ConnectionState::None);
    assert!(kept.send(b"x", SendFlags::RELIABLE).is_err());
    let ended = wait_state(&pair.server, ConnectionState::ClosedByPeer);
    assert_eq!(ended.info.end_reason, EndReason::LIBRARY_SHUTDOWN);
}

#[test]
fn a_dual_stack_listener_takes_ipv4() {
    let server = Sockets::new().unwrap();
    let client = Sockets::new().unwrap();
    let listener = server.listen("[::]:0".parse().unwrap()).unwrap();
    let port = listener.local_addr().port();
    let (accepted, _) = connect(&server, &client, ([127, 0, 0, 1], port).into());
    assert!(accepted.remote_addr().is_ipv4());
}

#[test]
fn names_and_user_data_stay_with_the_connection() {
    let pair = Pair::new();
    assert_eq!(pair.dialled.user_data(), Ok(-1));
    pair.dialled.set_user_data(42).unwrap();
    pair.dialled
        .set_name("a name that is longer than it may be")
        .unwrap();
    let info = pair.dialled.info().unwrap();
    assert_eq!(info.user_data, 42);
    assert_eq!(info.name, "a name that is longer than it m");
    assert_eq!(
        info.remote_addr,
        pair.listener.as_ref().unwrap().local_addr()
    );
    assert_eq!(info.state, ConnectionState::Connected);
    assert!(info.encrypted);
}

#[test]
fn closed_connections_are_forgotten() {
    let pair = Pair::new();
    pair.dialled
        .close(EndReason::APP_GENERIC, "", false)
        .unwrap();
    wait_state(&pair.server, ConnectionState::ClosedByPeer);
    pair.accepted
        .close(EndReason::APP_GENERIC, "", false)
        .unwrap();
    wait_until(|| pair.server.connection_count() == 0);
}
