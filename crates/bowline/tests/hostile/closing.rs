//! Class 27: ends that meet other ends.

use std::sync::Barrier;
use std::thread;

use bowline::{
    Config, ConfigKey, Connection, ConnectionState, EndReason, Event, LaneIndex, NoSuchConnection,
    SendFlags, Sockets,
};
use bowline_sim::scripted::Heard;

use crate::peer::{UdpPeer, bind};
use crate::support::{
    LOOPBACK, Pair, connect, listen, wait_event, wait_message, wait_state, wait_until,
};

/// Lets the peer through its handshake; returns the server's end.
pub(crate) fn admit(server: &Sockets, peer: &mut UdpPeer) -> Connection {
    peer.start();
    let mut accepted = None;
    peer.pump_until(|peer| {
        if let Some(Event::ConnectionChanged(change)) = server.next_event()
            && change.is_request()
        {
            change.connection.accept().unwrap();
            accepted = Some(change.connection);
        }
        peer.is_connected() && accepted.is_some()
    });
    accepted.unwrap()
}

/// A message arrives, and one comes back.
fn assert_works(server: &Sockets, connection: &Connection, peer: &mut UdpPeer) {
    let datagrams = peer.peer.send_reliable(LaneIndex::ZERO, b"there");
    peer.send_all(&datagrams);
    assert_eq!(&*wait_message(server, connection), b"there");
    connection
        .send(b"back", SendFlags::RELIABLE_NO_NAGLE)
        .unwrap();
    peer.pump_until(|peer| {
        peer.take_messages()
            .iter()
            .any(|message| message.data == b"back")
    });
}

#[test]
fn class_27_both_ends_close_at_once() {
    let server = Sockets::new().unwrap();
    let listener = listen(&server);
    let client = Sockets::new().unwrap();
    for n in 0..20 {
        let (accepted, dialled) = connect(&server, &client, listener.local_addr());
        for connection in [&accepted, &dialled] {
            connection.send(&[7; 5_000], SendFlags::RELIABLE).unwrap();
        }
        let barrier = Barrier::new(2);
        let close = |connection: &Connection, linger| {
            barrier.wait();
            connection.close(EndReason::APP_GENERIC, "", linger)
        };
        thread::scope(|scope| {
            let ours = scope.spawn(|| close(&accepted, n % 2 == 0));
            let theirs = scope.spawn(|| close(&dialled, n % 4 < 2));
            assert_eq!(ours.join().unwrap(), Ok(()));
            assert_eq!(theirs.join().unwrap(), Ok(()));
        });
        for connection in [&accepted, &dialled] {
            assert_eq!(
                connection.send(b"x", SendFlags::RELIABLE),
                Err(NoSuchConnection.into())
            );
        }
    }
    // Nobody lingers for ever, and nothing is left of any.
    wait_until(|| server.connection_count() + client.connection_count() == 0);
    connect(&server, &client, listener.local_addr());
}

#[test]
fn class_27_threads_race_to_close_one_connection_and_one_wins() {
    for _ in 0..20 {
        let pair = Pair::new();
        let barrier = Barrier::new(4);
        let results: Vec<_> = thread::scope(|scope| {
            let close = || {
                barrier.wait();
                pair.dialled.close(EndReason::APP_GENERIC, "", true).is_ok()
            };
            let threads: Vec<_> = (0..4).map(|_| scope.spawn(close)).collect();
            threads
                .into_iter()
                .map(|thread| thread.join().unwrap())
                .collect()
        });
        assert_eq!(results.iter().filter(|won| **won).count(), 1);
        wait_state(&pair.server, ConnectionState::ClosedByPeer);
    }
}

#[test]
fn class_27_packets_after_a_close_reach_nobody_and_the_peer_is_told() {
    let server = Sockets::new().unwrap();
    let listener = listen(&server);
    let mut peer = UdpPeer::new(1, listener.local_addr());
    let accepted = admit(&server, &mut peer);
    assert_works(&server, &accepted, &mut peer);
    let before = peer.peer.send_unreliable(LaneIndex::ZERO, b"old");
    accepted
        .close(EndReason::new(1007), "enough", false)
        .unwrap();
    peer.pump_until(|peer| {
        let closes = |heard: &Heard| {
            matches!(heard, Heard::ConnectionClosed(closed) if closed.reason == EndReason::new(1007))
        };
        peer.take_heard().iter().any(closes)
    });
    while server.next_event().is_some() {}
    // What was on the way, and what a peer sends that did not hear it: it is told again.
    peer.send(&before);
    let more = peer.peer.send_reliable(LaneIndex::ZERO, &[1; 3_000]);
    peer.pump_until(|peer| {
        let mut heard = peer.take_heard().into_iter();
        heard.any(|heard| matches!(heard, Heard::ConnectionClosed(_) | Heard::NoConnection(_)))
    });
    peer.send_all(&more);
    assert_eq!(accepted.receive().unwrap_err(), NoSuchConnection);
    assert!(
        server.next_event().is_none(),
        "the application hears no more of it"
    );
    let mut next = UdpPeer::new(2, listener.local_addr());
    let accepted = admit(&server, &mut next);
    assert_works(&server, &accepted, &mut next);
}

#[test]
fn class_27_a_client_that_crashed_comes_again_from_the_same_port() {
    let mut config = Config::new();
    config.set(ConfigKey::TimeoutConnected, 1_000).unwrap();
    let server = Sockets::builder().config(config).build().unwrap();
    let listener = listen(&server);
    let mut peer = UdpPeer::new(3, listener.local_addr());
    let first = admit(&server, &mut peer);
    assert_works(&server, &first, &mut peer);
    // The process is gone without a word; the next one gets the same port, and no keys.
    let mut peer = UdpPeer::on(peer.socket, 4, listener.local_addr());
    let second = admit(&server, &mut peer);
    assert_ne!(first, second);
    assert_works(&server, &second, &mut peer);
    // What is for the one before is not for the one there now.
    first
        .send(b"anybody", SendFlags::RELIABLE_NO_NAGLE)
        .unwrap();
    let lost = wait_event(&server, |event| match event {
        Event::ConnectionChanged(change) if change.connection == first => Some(change),
        _ => {
            peer.pump_once();
            None
        }
    });
    assert_eq!(lost.new, ConnectionState::ProblemDetectedLocally);
    assert_eq!(lost.info.end_reason, EndReason::MISC_TIMEOUT);
    assert_works(&server, &second, &mut peer);
}

#[test]
fn class_27_a_client_comes_back_at_once_from_the_same_port_again_and_again() {
    let server = Sockets::new().unwrap();
    let listener = listen(&server);
    let mut socket = bind(LOOPBACK.parse().unwrap());
    for seed in 10..30 {
        let mut peer = UdpPeer::on(socket, seed, listener.local_addr());
        let accepted = admit(&server, &mut peer);
        assert_works(&server, &accepted, &mut peer);
        if seed % 2 == 0 {
            let close = peer.peer.close(EndReason::new(1001), "");
            peer.send(&close);
            wait_state(&server, ConnectionState::ClosedByPeer);
            accepted.close(EndReason::APP_GENERIC, "", false).unwrap();
        } else {
            accepted.close(EndReason::APP_GENERIC, "", false).unwrap();
        }
        socket = peer.socket;
    }
}

#[test]
fn class_27_a_server_that_crashed_and_came_back_is_noticed() {
    let mut config = Config::new();
    config.set(ConfigKey::TimeoutConnected, 1_000).unwrap();
    let client = Sockets::builder().config(config).build().unwrap();
    // The first server is a script, so that it can vanish without a word.
    let socket = bind(LOOPBACK.parse().unwrap());
    let addr = socket.local_addr().unwrap();
    let dialled = client.connect(addr).unwrap();
    let mut script = bowline_sim::scripted::ScriptedPeer::server(5);
    let now = bowline::Timestamp::from_micros(1 << 40);
    wait_until(|| {
        let mut buf = [0; 2_000];
        if let Ok((len, from)) = socket.recv_from(&mut buf) {
            for answer in script.handle(now, &buf[..len]) {
                socket.send_to(&answer, from).unwrap();
            }
        }
        dialled.state() == ConnectionState::Connected
    });
    drop(socket);
    let server = Sockets::new().unwrap();
    let listener = server.listen(addr).unwrap();
    dialled
        .send(b"are you there", SendFlags::RELIABLE_NO_NAGLE)
        .unwrap();
    let lost = wait_state(&client, ConnectionState::ProblemDetectedLocally);
    assert_eq!(lost.connection, dialled);
    assert_eq!(lost.info.end_reason, EndReason::MISC_TIMEOUT);
    connect(&server, &client, listener.local_addr());
}
