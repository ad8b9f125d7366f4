//! Receive windows between two peers of ours.

use super::*;
use crate::config::ConfigKey;
use crate::config::ConfigScope;
use crate::event::ToConnection;
use crate::event::ToEndpoint;

/// Keeps the client's send buffer full for so many steps of 10 ms.
fn push(pair: &mut Pair, client: ConnectionId, steps: usize) {
    for _ in 0..steps {
        let now = pair.now;
        let connection = pair.client.connections.get_mut(&client).unwrap();
        while connection
            .send(
                now,
                Outgoing::new(
                    LaneIndex::ZERO,
                    SendFlags::RELIABLE,
                    Payload::Borrowed(&[7; 4000]),
                ),
            )
            .is_ok()
        {}
        pair.run(Span::from_millis(10));
    }
}

fn refused(pair: &Pair, server: ConnectionId) -> u64 {
    let drops = pair.server.connections[&server].drops();
    drops.of(DropReason::ReceiveBufferFull)
}

#[test]
fn a_sender_stops_when_nobody_reads_and_goes_on_at_once() {
    let (mut pair, client, server) = Pair::connected();
    push(&mut pair, client, 200);
    // All that was promised has come, and nothing that was not.
    let sent = pair.log.len();
    push(&mut pair, client, 200);
    assert!(pair.log.len() < sent + 20, "{}", pair.log.len() - sent);
    assert_eq!(refused(&pair, server), 0);
    assert!(pair.server.connections[&server].queued_bytes() > 900_000);
    // What waited for the reader is there at once, and a round trip later what follows.
    let read = pair.server.received(pair.now, server).len();
    let sent = pair.log.len();
    push(&mut pair, client, 4);
    assert!(read > 300, "{read}");
    assert!(pair.log.len() > sent + 20, "{}", pair.log.len() - sent);
    for _ in 0..50 {
        push(&mut pair, client, 1);
        pair.server.received(pair.now, server);
    }
    assert_eq!(refused(&pair, server), 0);
}

#[test]
fn that_there_is_room_again_may_be_lost() {
    let (mut pair, client, server) = Pair::connected();
    push(&mut pair, client, 200);
    pair.lose = Box::new(|by_client, _, _| !by_client);
    pair.server.received(pair.now, server);
    pair.run(Span::from_millis(15));
    pair.lose = Box::new(|_, _, _| false);
    let sent = pair.log.len();
    pair.run(Span::from_millis(150));
    assert!(pair.log.len() > sent + 20, "{}", pair.log.len() - sent);
}

#[test]
fn limit_windows_of_all_connections_together() {
    const TOTAL: u64 = 300_000;
    let mut config = Config::at(ConfigScope::Interface);
    config.set_recv_buffer(4096).unwrap();
    config.set_recv_window_max(256 * 1024).unwrap();
    let total = TOTAL as i32;
    config.set(ConfigKey::RecvWindowTotal, total).unwrap();
    let mut pair = Pair::with(config);
    let mut ends = Vec::new();
    for _ in 0..4 {
        ends.push(pair.connect(Config::new()));
    }
    let (mut most, mut windows) = (0, Vec::new());
    for _ in 0..60 {
        for (client, server) in &ends {
            push(&mut pair, *client, 1);
            pair.server.received(pair.now, *server);
        }
        most = most.max(pair.server.endpoint.lent_window_bytes());
        windows.push(most);
    }
    assert_eq!(most, TOTAL, "{windows:?}");
    let now = pair.now;
    for (client, server) in &ends {
        for (side, id) in [(&mut pair.client, client), (&mut pair.server, server)] {
            let connection = side.connections.get_mut(id).unwrap();
            connection.close(now, EndReason::APP_GENERIC, "", false);
        }
    }
    pair.run(Span::from_secs(30));
    assert_eq!(pair.server.endpoint.lent_window_bytes(), 0);
}

/// A client, and a server that has read enough of it to have been lent a window.
fn with_a_lent_window() -> (Pair, ConnectionId, ConnectionId) {
    let mut config = Config::new();
    config.set_recv_buffer(4096).unwrap();
    let mut pair = Pair::with(config);
    let (client, server) = pair.connect(Config::new());
    for _ in 0..20 {
        push(&mut pair, client, 1);
        pair.server.received(pair.now, server);
    }
    assert!(pair.server.endpoint.lent_window_bytes() > 0);
    (pair, client, server)
}

#[test]
fn what_was_lent_comes_back_when_a_connection_falls_silent() {
    let (mut pair, _, server) = with_a_lent_window();
    for _ in 0..60 {
        pair.run(Span::from_millis(500));
        pair.server.received(pair.now, server);
    }
    assert_eq!(pair.server.endpoint.lent_window_bytes(), 0);
    assert_eq!(pair.server.state(server), ConnectionState::Connected);
}

#[test]
fn what_was_lent_comes_back_at_once_when_nothing_more_can_come() {
    for server_closes in [false, true] {
        let (mut pair, client, server) = with_a_lent_window();
        let (side, id) = match server_closes {
            true => (&mut pair.server, server),
            false => (&mut pair.client, client),
        };
        let connection = side.connections.get_mut(&id).unwrap();
        connection.close(pair.now, EndReason::APP_GENERIC, "", false);
        pair.run(Span::from_millis(200));
        let expected = match server_closes {
            true => ConnectionState::FinWait,
            // The application has not closed its end.
            false => ConnectionState::ClosedByPeer,
        };
        assert_eq!(pair.server.state(server), expected);
        // What waits to be read is still there.
        let held = pair.server.endpoint.lent_window_bytes();
        assert!(held == 0 || !server_closes, "{held}");
        pair.server.received(pair.now, server);
        pair.run(Span::from_millis(200));
        assert_eq!(pair.server.endpoint.lent_window_bytes(), 0);
    }
}

#[test]
fn limit_nothing_is_lent_to_a_connection_that_is_gone() {
    let (mut pair, _, server) = Pair::connected();
    let (bytes, budget_bytes) = (1000, 2000);
    let wish = ToEndpoint::ReceiveWindow {
        bytes,
        budget_bytes,
    };
    let now = pair.now;
    let endpoint = &mut pair.server.endpoint;
    let answer = endpoint.handle_event(now, server, wish);
    assert_eq!(answer, Some(ToConnection::ReceiveWindow(bytes)));
    assert_eq!(endpoint.handle_event(now, server, ToEndpoint::Dead), None);
    assert_eq!(endpoint.handle_event(now, server, wish), None);
    assert_eq!(endpoint.lent_window_bytes(), 0);
}
