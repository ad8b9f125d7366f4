//! How sessions end while something is under way.

use std::time::Duration;
use std::time::Instant;

use bowline::Config;
use bowline::Event;
use bowline::PacketKind;
use bowline::Sockets;

use super::CHANNEL;
use super::RELIABLE;
use super::with_config;
use crate::room::Room;

fn failures(sockets: &Sockets) -> usize {
    let failed = |event: &Event| {
        matches!(
            event,
            Event::MessagesSessionFailed { .. } | Event::PacketsSessionFailed { .. }
        )
    };
    sockets.events().filter(failed).count()
}

#[test]
fn a_session_that_is_closed_while_the_other_sends_fails_once() {
    // More than goes without being read, so that something is under way however late the close comes.
    let mut config = Config::new();
    config.set_recv_buffer(4096).unwrap();
    config.set_send_buffer(4_000_000).unwrap();
    let (mut room, [anna, ben], [from_anna, from_ben]) = with_config(["anna", "ben"], config);
    room.acquaint([&anna, &ben], [&from_anna, &from_ben]);
    let large = [7; 100_000];
    for _ in 0..30 {
        from_anna
            .send(&ben.name, CHANNEL, &large, RELIABLE)
            .unwrap();
    }
    from_ben.close(&anna.name).unwrap();
    let mut failed = 0;
    room.run_longer(|| {
        failed += failures(&anna.sockets);
        (failed > 0).then_some(())
    });
    let end = Instant::now() + Duration::from_millis(500);
    room.run(|| {
        failed += failures(&anna.sockets);
        (Instant::now() > end).then_some(())
    });
    assert_eq!(failed, 1);
    assert_eq!(failures(&ben.sockets), 0, "who has closed it knows");
}

/// Each begins with a packet that is dropped for want of a connection.
#[test]
fn two_who_begin_at_once_with_packets_that_cannot_wait_meet() {
    let (mut room, players) = Room::new(["anna", "ben"]);
    let [anna, ben] = &players;
    let packets = players.each_ref().map(|player| {
        player
            .sockets
            .set_signaling(std::sync::Arc::clone(&player.signaling));
        player.sockets.packets().unwrap()
    });
    for (from, to) in packets.iter().zip([ben, anna]) {
        let sent = from.send(&to.name, 0, b"dropped", PacketKind::UnreliableNoDelay);
        assert_eq!(sent, Ok(()));
    }
    for (from, to) in packets.iter().zip([ben, anna]) {
        room.run_longer(|| from.session(&to.name)?.is_active.then_some(()));
    }
    for (from, to) in packets.iter().zip([ben, anna]) {
        from.send(&to.name, 0, b"arrives", PacketKind::Reliable)
            .unwrap();
    }
    for (player, to) in players.iter().zip(&packets) {
        assert_eq!(&*room.run_longer(|| to.receive(0)), b"arrives");
        assert_eq!(player.sockets.connection_count(), 1);
        assert!(player.sockets.next_event().is_none(), "both have agreed");
    }
}
