//! Packets to identities.

use std::sync::Arc;
use std::time::Duration;
use std::time::Instant;

use bowline::Config;
use bowline::ConfigKey;
use bowline::ConnectP2pError;
use bowline::DropReason;
use bowline::Event;
use bowline::Identity;
use bowline::ListenP2pError;
use bowline::MessagesSendError;
use bowline::NoSession;
use bowline::P2pSessionError;
use bowline::PacketKind;
use bowline::Packets;
use bowline::PacketsSession;
use bowline::ResultCode;
use bowline::SendError;
use bowline::SendFlags;
use bowline::ServiceMode;
use bowline::SessionMessage;
use bowline::ToResult;
use bowline::VirtualPort;

use crate::room::Player;
use crate::room::Room;

const RELIABLE: PacketKind = PacketKind::Reliable;
const ALL: [PacketKind; 4] = [
    PacketKind::Unreliable,
    PacketKind::UnreliableNoDelay,
    PacketKind::Reliable,
    PacketKind::ReliableWithBuffering,
];
const MIB: usize = 1024 * 1024;

/// Players with packets, and what carries their signals.
fn senders<const N: usize>(names: [&str; N]) -> (Room, [Player; N], [Packets; N]) {
    let (room, players) = Room::new(names);
    let packets = players.each_ref().map(packets_of);
    (room, players, packets)
}

fn packets_of(player: &Player) -> Packets {
    player.sockets.set_signaling(Arc::clone(&player.signaling));
    player.sockets.packets().unwrap()
}

impl Room {
    fn wait_asked(&mut self, player: &Player) -> Identity {
        let sockets = player.sockets.clone();
        self.run_longer(|| match sockets.next_event()? {
            Event::PacketsSessionRequest { peer } => Some(peer),
            event => panic!("{event:?}"),
        })
    }

    fn wait_unreached(&mut self, player: &Player) -> (Identity, P2pSessionError) {
        let sockets = player.sockets.clone();
        self.run_longer(|| match sockets.next_event()? {
            Event::PacketsSessionFailed { peer, error, .. } => Some((peer, error)),
            event => panic!("{event:?}"),
        })
    }

    fn wait_packet(&mut self, packets: &Packets, channel: i32) -> SessionMessage {
        self.run_longer(|| packets.receive(channel))
    }

    fn wait_session(
        &mut self,
        packets: &Packets,
        peer: &Player,
        is: impl Fn(&PacketsSession) -> bool,
    ) -> PacketsSession {
        self.run_longer(|| packets.session(&peer.name).filter(&is))
    }

    /// Anna and Ben have a session, and nothing is under way.
    fn introduce(&mut self, [anna, ben]: [&Player; 2], [from_anna, from_ben]: [&Packets; 2]) {
        from_anna.send(&ben.name, 0, b"hello", RELIABLE).unwrap();
        assert_eq!(self.wait_asked(ben), anna.name);
        from_ben.accept(&anna.name).unwrap();
        assert_eq!(&*self.wait_packet(from_ben, 0), b"hello");
        self.wait_session(from_anna, ben, |session| {
            session.is_active && session.queued_bytes == 0
        });
    }
}

#[test]
fn a_packet_arrives_once_it_is_accepted() {
    let (mut room, [anna, ben], [from_anna, from_ben]) = senders(["anna", "ben"]);
    from_anna.send(&ben.name, 3, b"one", RELIABLE).unwrap();
    from_anna.send(&ben.name, 3, b"", RELIABLE).unwrap();
    assert_eq!(room.wait_asked(&ben), anna.name);
    assert_eq!(from_ben.available(3), None, "not before it is accepted");
    from_ben.accept(&anna.name).unwrap();
    let size = room.run(|| from_ben.available(3));
    assert_eq!((size, from_ben.available(4)), (3, None));
    let first = from_ben.receive(3).unwrap();
    assert_eq!(
        (&*first, first.peer(), first.channel()),
        (&b"one"[..], &anna.name, 3)
    );
    assert_eq!(&*room.wait_packet(&from_ben, 3), b"", "an empty one, too");
    assert_eq!(from_ben.available(3), None);
    assert!(from_ben.receive(3).is_none());
}

#[test]
fn to_send_a_packet_is_to_accept() {
    let (mut room, [anna, ben], [from_anna, from_ben]) = senders(["anna", "ben"]);
    from_anna.send(&ben.name, 0, b"hello", RELIABLE).unwrap();
    room.wait_asked(&ben);
    from_ben.send(&anna.name, 1, b"yourself", RELIABLE).unwrap();
    assert_eq!(&*room.wait_packet(&from_ben, 0), b"hello");
    assert_eq!(&*room.wait_packet(&from_anna, 1), b"yourself");
}

#[test]
fn packets_of_every_kind_arrive_up_to_their_limit() {
    let (mut room, [anna, ben], [from_anna, from_ben]) = senders(["anna", "ben"]);
    room.introduce([&anna, &ben], [&from_anna, &from_ben]);
    for (channel, kind) in (10..).zip(ALL) {
        let largest = (0..kind.max_bytes()).map(|i| (i % 253) as u8);
        let largest = largest.collect::<Vec<_>>();
        let small = [kind as u8];
        for packet in [&small[..], &largest] {
            from_anna.send(&ben.name, channel, packet, kind).unwrap();
            let received = room.wait_packet(&from_ben, channel);
            assert!(*received == *packet, "{kind:?}");
            let is_reliable = kind as u8 >= PacketKind::Reliable as u8;
            assert_eq!(received.is_reliable(), is_reliable);
        }
    }
}

#[test]
fn limit_packet_sizes() {
    let (_, [anna, ben], [from_anna, _]) = senders(["anna", "ben"]);
    for (kind, max) in ALL.into_iter().zip([1200, 1200, MIB, MIB]) {
        let too_large = from_anna.send(&ben.name, 0, &vec![0; max + 1], kind);
        let len = max + 1;
        assert_eq!(too_large, Err(MessagesSendError::TooLarge { len, max }));
        assert_eq!(too_large.result(), ResultCode::InvalidParam);
        let nobody = from_anna.send(&Identity::anonymous(), 0, b"x", kind);
        assert_eq!(nobody, Err(MessagesSendError::NoPeer));
    }
    assert_eq!(from_anna.session_count(), 0, "nothing has begun");
    assert_eq!(anna.sockets.connection_count(), 0);
    assert_eq!(from_anna.accept(&ben.name), Err(NoSession));
    assert_eq!(from_anna.close(&ben.name), Err(NoSession));
    assert_eq!(from_anna.close_channel(&ben.name, 0), Err(NoSession));
    assert_eq!(from_anna.session(&ben.name), None);
}

#[test]
fn limit_queued_packets_are_taken_wholly_or_not_at_all() {
    let (mut room, [anna, ben], [from_anna, from_ben]) = senders(["anna", "ben"]);
    let packet = |byte: u8| vec![byte; MIB];
    from_anna.send(&ben.name, 0, &packet(1), RELIABLE).unwrap();
    let refused = from_anna.send(&ben.name, 0, &packet(2), RELIABLE);
    assert!(matches!(
        refused,
        Err(MessagesSendError::Refused(SendError::BufferFull { .. }))
    ));
    assert_eq!(refused.result(), ResultCode::LimitExceeded);
    from_anna.send(&ben.name, 0, b"small", RELIABLE).unwrap();
    let session = from_anna.session(&ben.name).unwrap();
    assert!(session.queued_bytes > MIB && session.queued_packets > MIB / 1300);
    room.wait_asked(&ben);
    from_ben.accept(&anna.name).unwrap();
    assert!(*room.wait_packet(&from_ben, 0) == packet(1)[..]);
    assert_eq!(&*room.wait_packet(&from_ben, 0), b"small");
    room.run(|| from_anna.send(&ben.name, 0, &packet(3), RELIABLE).ok());
    assert!(*room.wait_packet(&from_ben, 0) == packet(3)[..]);
    assert_eq!(from_ben.drops().of(DropReason::BadSessionHeader), 0);
}

#[test]
fn who_was_refused_hears_of_room() {
    let (mut room, [anna, ben], [from_anna, from_ben]) = senders(["anna", "ben"]);
    room.introduce([&anna, &ben], [&from_anna, &from_ben]);
    let messages = anna.sockets.messages().unwrap();
    let chunk = vec![0; 500_000];
    let (mut packets_refused, mut messages_refused) = (false, false);
    for _ in 0..10 {
        let packet = from_anna.send(&ben.name, 0, &chunk, RELIABLE);
        packets_refused |= packet.is_err();
        let message = messages.send(&ben.name, 0, &chunk, SendFlags::RELIABLE);
        messages_refused |= message.is_err();
    }
    assert!(packets_refused && messages_refused);
    let from_ben_too = ben.sockets.messages().unwrap();
    let (mut packets_told, mut messages_told) = (0, 0);
    room.run_longer(|| {
        while from_ben.receive(0).is_some() || from_ben_too.receive(0).is_some() {}
        for event in ben.sockets.events() {
            if let Event::MessagesSessionRequest { peer, .. } = event {
                from_ben_too.accept(&peer).unwrap();
            }
        }
        for event in anna.sockets.events() {
            match event {
                Event::PacketsWritable { peer } if peer == ben.name => packets_told += 1,
                Event::MessagesWritable { peer } if peer == ben.name => messages_told += 1,
                event => panic!("{event:?}"),
            }
        }
        (packets_told > 0 && messages_told > 0).then_some(())
    });
    assert_eq!((packets_told, messages_told), (1, 1));
    from_anna.send(&ben.name, 0, &chunk, RELIABLE).unwrap();
}

#[test]
fn early_packets_wait_but_for_those_that_must_not() {
    let (mut room, [anna, ben], [from_anna, from_ben]) = senders(["anna", "ben"]);
    for kind in ALL {
        from_anna.send(&ben.name, 0, &[kind as u8], kind).unwrap();
    }
    room.wait_asked(&ben);
    from_ben.accept(&anna.name).unwrap();
    for kind in [0, 2, 3] {
        assert_eq!(*room.wait_packet(&from_ben, 0), [kind]);
    }
    assert!(from_ben.receive(0).is_none());
}

#[test]
fn who_is_not_reached_has_failed_after_twenty_seconds() {
    let (mut room, [anna, ben], [from_anna, from_ben]) = senders(["anna", "ben"]);
    let start = Instant::now();
    from_anna.send(&ben.name, 0, b"hello?", RELIABLE).unwrap();
    // Ben is asked at once, and again after ten seconds.
    assert_eq!(room.wait_asked(&ben), anna.name);
    assert_eq!(room.wait_asked(&ben), anna.name);
    assert!(start.elapsed() >= Duration::from_secs(9));
    let failed = room.wait_unreached(&anna);
    assert_eq!(failed, (ben.name.clone(), P2pSessionError::Timeout));
    let waited = start.elapsed().as_secs_f64();
    // A busy machine may be late.
    assert!((19.5..60.0).contains(&waited), "{waited} s");
    let session = from_anna.session(&ben.name).unwrap();
    assert_eq!(session.error, Some(P2pSessionError::Timeout));
    assert!(!session.is_active && !session.is_connecting);
    // The next packet begins anew, and what was queued is gone.
    let ben_is_free = || from_ben.session(&anna.name).is_none().then_some(());
    room.run_longer(ben_is_free);
    from_anna.send(&ben.name, 0, b"again", RELIABLE).unwrap();
    let session = from_anna.session(&ben.name).unwrap();
    assert_eq!((session.error, session.is_connecting), (None, true));
    room.wait_asked(&ben);
    from_ben.accept(&anna.name).unwrap();
    assert_eq!(&*room.wait_packet(&from_ben, 0), b"again");
}

/// A large packet goes in pieces, and is refused before any of them.
#[test]
fn regression_room_for_a_large_packet_is_told_of() {
    let (mut room, [anna, ben], [from_anna, from_ben]) = senders(["anna", "ben"]);
    let large = vec![0; RELIABLE.max_bytes()];
    from_anna.send(&ben.name, 0, &large, RELIABLE).unwrap();
    let refused = from_anna.send(&ben.name, 0, &large, RELIABLE);
    let Err(MessagesSendError::Refused(SendError::BufferFull { .. })) = refused else {
        panic!("{refused:?}");
    };
    room.wait_asked(&ben);
    from_ben.accept(&anna.name).unwrap();
    let sockets = anna.sockets.clone();
    room.run_longer(|| match sockets.next_event()? {
        Event::PacketsWritable { peer } if peer == ben.name => Some(()),
        event => panic!("{event:?}"),
    });
    from_anna.send(&ben.name, 0, &large, RELIABLE).unwrap();
}

#[test]
fn who_is_refused_hears_no_more_than_who_is_not_reached() {
    let (mut room, [anna, ben], [from_anna, from_ben]) = senders(["anna", "ben"]);
    from_anna.send(&ben.name, 0, b"hello?", RELIABLE).unwrap();
    room.wait_asked(&ben);
    from_ben.close(&anna.name).unwrap();
    let failed = room.wait_unreached(&anna);
    assert_eq!(failed, (ben.name.clone(), P2pSessionError::Timeout));
}

#[test]
fn a_session_tells_how_it_stands() {
    let (mut room, [anna, ben], [from_anna, from_ben]) = senders(["anna", "ben"]);
    from_anna.send(&ben.name, 0, b"hello", RELIABLE).unwrap();
    let session = from_anna.session(&ben.name).unwrap();
    assert!(session.is_connecting && !session.is_active);
    assert_eq!((session.error, session.remote_addr), (None, None));
    assert!((5..50).contains(&session.queued_bytes));
    assert_eq!(session.queued_packets, 1);
    room.wait_asked(&ben);
    assert!(from_ben.session(&anna.name).unwrap().is_connecting);
    from_ben.accept(&anna.name).unwrap();
    for (packets, peer) in [(&from_anna, &ben), (&from_ben, &anna)] {
        let session = room.wait_session(packets, peer, |session| session.is_active);
        assert!(!session.is_connecting && !session.uses_relay);
        assert!(session.remote_addr.unwrap().port() > 0);
    }
}

#[test]
fn channels_end_one_by_one_and_with_the_last_the_session() {
    let (mut room, [anna, ben], [from_anna, from_ben]) = senders(["anna", "ben"]);
    room.introduce([&anna, &ben], [&from_anna, &from_ben]);
    from_anna.send(&ben.name, 1, b"unread", RELIABLE).unwrap();
    room.run(|| from_ben.available(1));
    from_ben.close_channel(&anna.name, 1).unwrap();
    assert_eq!(from_ben.available(1), None, "it is gone");
    assert_eq!(from_ben.close_channel(&anna.name, 1), Err(NoSession));
    assert!(from_ben.session(&anna.name).is_some());
    // Anna has only sent.
    for channel in [0, 1] {
        from_anna.close_channel(&ben.name, channel).unwrap();
    }
    assert_eq!(from_anna.session(&ben.name), None);
    let rests = |session: &PacketsSession| !session.is_active;
    room.wait_session(&from_ben, &anna, rests);
    assert!(ben.sockets.next_event().is_none());
    // Whoever sends again is asked for again.
    from_ben.close(&anna.name).unwrap();
    room.introduce([&anna, &ben], [&from_anna, &from_ben]);
}

#[test]
fn without_relays_where_only_relays_are_allowed_nobody_is_reached() {
    let (mut room, [anna, ben], [from_anna, from_ben]) = senders(["anna", "ben"]);
    room.introduce([&anna, &ben], [&from_anna, &from_ben]);
    let relays_only = 1i32;
    let key = ConfigKey::P2pTransportIceEnable;
    anna.sockets.set_config(key, relays_only).unwrap();
    from_anna.allow_relay(false);
    // What there is stays.
    from_anna.send(&ben.name, 0, b"still", RELIABLE).unwrap();
    assert_eq!(&*room.wait_packet(&from_ben, 0), b"still");
    let carl = Identity::str("carl").unwrap();
    let refused = from_anna.send(&carl, 0, b"x", RELIABLE);
    let expected = MessagesSendError::Connect(ConnectP2pError::NoTransport);
    assert_eq!(refused, Err(expected));
    from_anna.allow_relay(true);
    from_anna.send(&carl, 0, b"x", RELIABLE).unwrap();
}

#[test]
fn direct_ways_do_without_relays() {
    let (mut room, [anna, ben], [from_anna, from_ben]) = senders(["anna", "ben"]);
    for packets in [&from_anna, &from_ben] {
        packets.allow_relay(false);
    }
    room.introduce([&anna, &ben], [&from_anna, &from_ben]);
}

#[test]
fn packets_and_messages_do_not_meet() {
    let (mut room, [anna, ben], [from_anna, from_ben]) = senders(["anna", "ben"]);
    room.introduce([&anna, &ben], [&from_anna, &from_ben]);
    let messages = [&anna, &ben].map(|player| player.sockets.messages().unwrap());
    messages[0]
        .send(&ben.name, 0, b"a message", SendFlags::RELIABLE)
        .unwrap();
    from_anna.send(&ben.name, 0, b"a packet", RELIABLE).unwrap();
    let sockets = ben.sockets.clone();
    let peer = room.run(|| match sockets.next_event()? {
        Event::MessagesSessionRequest { peer, .. } => Some(peer),
        event => panic!("{event:?}"),
    });
    messages[1].accept(&peer).unwrap();
    assert_eq!(&*room.wait_packet(&from_ben, 0), b"a packet");
    assert_eq!(&*room.run(|| messages[1].receive(0)), b"a message");
    messages[1].close(&anna.name).unwrap();
    assert!(from_ben.session(&anna.name).unwrap().is_active);
}

#[test]
fn the_port_is_ours_once_packets_are_used() {
    let (_, [anna, _]) = Room::new(["anna", "ben"]);
    let port = VirtualPort::PACKETS;
    let listener = anna.sockets.listen_p2p(port).unwrap();
    let taken = ListenP2pError::PortInUse { port };
    assert_eq!(anna.sockets.packets().err(), Some(taken.clone()));
    drop(listener);
    anna.sockets.packets().unwrap();
    anna.sockets.packets().unwrap();
    assert_eq!(anna.sockets.listen_p2p(port).err(), Some(taken));
}

#[test]
fn pieces_that_do_not_fit_are_counted_and_hurt_nobody() {
    let (mut room, [anna, ben], [_, from_ben]) = senders(["anna", "ben"]);
    let mut symmetric = Config::new();
    symmetric.set_symmetric_connect(true).unwrap();
    let (port, signaling) = (VirtualPort::PACKETS, Arc::clone(&anna.signaling));
    let raw = anna
        .sockets
        .connect_p2p_with(&ben.name, port, signaling, symmetric);
    let raw = raw.unwrap();
    for bytes in [
        &b""[..],
        b"\x01\0\0\0",
        b"\x03\0\0\0\0begun",
        b"\x01\x07\0\0\0on another channel",
        b"\x01\0\0\0\0yes",
    ] {
        raw.send(bytes, SendFlags::RELIABLE).unwrap();
    }
    assert_eq!(room.wait_asked(&ben), anna.name);
    from_ben.accept(&anna.name).unwrap();
    assert_eq!(&*room.wait_packet(&from_ben, 0), b"yes");
    assert_eq!(from_ben.available(7), None);
    assert_eq!(from_ben.drops().of(DropReason::BadSessionHeader), 3);
}

#[test]
fn bindings_are_told_if_they_ask_for_it() {
    for tells in [false, true] {
        let (mut room, [anna, ben]) = Room::with(["anna", "ben"], |builder| {
            builder.events_need_callbacks(true)
        });
        let [from_anna, from_ben] = [packets_of(&anna), packets_of(&ben)];
        ben.sockets.set_tells_packets(tells);
        from_anna.send(&ben.name, 0, b"hello", RELIABLE).unwrap();
        room.run(|| from_ben.session(&anna.name));
        assert_eq!(ben.sockets.next_event().is_some(), tells);
    }
}

#[test]
fn polling_is_enough_for_packets() {
    let (mut room, [anna, ben]) = Room::with(["anna", "ben"], |builder| {
        builder.service(ServiceMode::Manual)
    });
    let [from_anna, from_ben] = [packets_of(&anna), packets_of(&ben)];
    room.introduce([&anna, &ben], [&from_anna, &from_ben]);
}
