//! Messages to identities.

mod anew;
mod crowds;
mod delivery;
mod ends;
mod near;
mod sizes;

use std::sync::Arc;
use std::time::Duration;
use std::time::Instant;

use bowline::Config;
use bowline::ConfigKey;
use bowline::ConnectP2pError;
use bowline::ConnectionInfo;
use bowline::ConnectionState;
use bowline::DropReason;
use bowline::EndReason;
use bowline::Event;
use bowline::Identity;
use bowline::ListenP2pError;
use bowline::Messages;
use bowline::MessagesSendError;
use bowline::NoSession;
use bowline::ResultCode;
use bowline::SendFlags;
use bowline::ServiceMode;
use bowline::SessionMessage;
use bowline::ToResult;
use bowline::VirtualPort;

use crate::room::Player;
use crate::room::Room;

const CHANNEL: i32 = 5;
const RELIABLE: SendFlags = SendFlags::RELIABLE;

/// Players with messages, and what carries their signals.
fn talkers<const N: usize>(names: [&str; N]) -> (Room, [Player; N], [Messages; N]) {
    with_config(names, Config::new())
}

fn with_config<const N: usize>(
    names: [&str; N],
    config: Config,
) -> (Room, [Player; N], [Messages; N]) {
    let (room, players) = Room::with(names, |builder| builder.config(config.clone()));
    let messages = players.clone().map(|player| {
        player.sockets.set_signaling(Arc::clone(&player.signaling));
        player.sockets.messages().unwrap()
    });
    (room, players, messages)
}

impl Room {
    /// The next request for a session; nothing else may happen before.
    fn wait_request(&mut self, player: &Player) -> Identity {
        let sockets = player.sockets.clone();
        self.run(|| match sockets.next_event()? {
            Event::MessagesSessionRequest { peer, .. } => Some(peer),
            event => panic!("{event:?}"),
        })
    }

    fn wait_failure(&mut self, player: &Player) -> Box<ConnectionInfo> {
        let sockets = player.sockets.clone();
        self.run_longer(|| match sockets.next_event()? {
            Event::MessagesSessionFailed { info, .. } => Some(info),
            event => panic!("{event:?}"),
        })
    }

    fn wait_on(&mut self, messages: &Messages, channel: i32) -> SessionMessage {
        let messages = messages.clone();
        self.run_longer(|| messages.receive(channel))
    }

    fn wait_gone(&mut self, messages: &Messages, peer: &Player) {
        self.run_longer(|| messages.session(&peer.name).is_none().then_some(()));
    }

    /// Anna and Ben have a session, and nothing is under way.
    fn acquaint(&mut self, [anna, ben]: [&Player; 2], [from_anna, from_ben]: [&Messages; 2]) {
        from_anna
            .send(&ben.name, CHANNEL, b"hello", RELIABLE)
            .unwrap();
        assert_eq!(self.wait_request(ben), anna.name);
        from_ben.accept(&anna.name).unwrap();
        assert_eq!(&*self.wait_on(from_ben, CHANNEL), b"hello");
        self.wait_delivered(from_anna, ben);
    }

    fn wait_delivered(&mut self, messages: &Messages, peer: &Player) {
        self.run(|| {
            let status = messages.session(&peer.name)?.status?;
            let left = status.pending_reliable_bytes + status.unacked_reliable_bytes;
            (left == 0).then_some(())
        });
    }
}

#[test]
fn a_message_to_an_identity_arrives_once_it_is_accepted() {
    let (mut room, [anna, ben], [from_anna, from_ben]) = talkers(["anna", "ben"]);
    from_anna
        .send(&ben.name, CHANNEL, b"one", RELIABLE)
        .unwrap();
    // Reliable whatever is said, since nothing stands yet.
    let unreliable = SendFlags::UNRELIABLE_NO_DELAY;
    from_anna
        .send(&ben.name, CHANNEL, b"two", unreliable)
        .unwrap();
    assert_eq!(room.wait_request(&ben), anna.name);
    assert!(
        from_ben.receive(CHANNEL).is_none(),
        "not before it is accepted"
    );
    from_ben.accept(&anna.name).unwrap();
    let first = room.wait_on(&from_ben, CHANNEL);
    assert_eq!(
        (&*first, first.peer(), first.channel()),
        (&b"one"[..], &anna.name, CHANNEL)
    );
    assert!(first.is_reliable());
    let second = room.wait_on(&from_ben, CHANNEL);
    assert_eq!((&*second, second.is_reliable()), (&b"two"[..], true));
    from_ben.send(&anna.name, -7, b"back", RELIABLE).unwrap();
    assert_eq!(&*room.wait_on(&from_anna, -7), b"back");
    for player in [&anna, &ben] {
        assert_eq!(player.sockets.connection_count(), 1);
        assert!(
            player.sockets.next_event().is_none(),
            "connections are not told of"
        );
    }
}

#[test]
fn to_send_is_to_accept() {
    let (mut room, [anna, ben], [from_anna, from_ben]) = talkers(["anna", "ben"]);
    from_anna.send(&ben.name, 0, b"hello", RELIABLE).unwrap();
    room.wait_request(&ben);
    from_ben.send(&anna.name, 1, b"yourself", RELIABLE).unwrap();
    assert_eq!(&*room.wait_on(&from_ben, 0), b"hello");
    assert_eq!(&*room.wait_on(&from_anna, 1), b"yourself");
}

#[test]
fn who_writes_at_once_meets_in_one_session() {
    for _ in 0..6 {
        let (mut room, [anna, ben], [from_anna, from_ben]) = talkers(["anna", "ben"]);
        from_anna
            .send(&ben.name, 0, b"from anna", RELIABLE)
            .unwrap();
        from_ben.send(&anna.name, 0, b"from ben", RELIABLE).unwrap();
        assert_eq!(&*room.wait_on(&from_ben, 0), b"from anna");
        assert_eq!(&*room.wait_on(&from_anna, 0), b"from ben");
        for (player, messages) in [(&anna, &from_anna), (&ben, &from_ben)] {
            assert_eq!(player.sockets.connection_count(), 1);
            assert_eq!(messages.session_count(), 1);
            assert!(player.sockets.next_event().is_none(), "both have agreed");
        }
    }
}

#[test]
fn reliable_messages_keep_their_order_on_every_channel() {
    let (mut room, [anna, ben], [from_anna, from_ben]) = talkers(["anna", "ben"]);
    for number in 0..200u32 {
        let channel = (number % 3).cast_signed();
        from_anna
            .send(&ben.name, channel, &number.to_le_bytes(), RELIABLE)
            .unwrap();
    }
    room.wait_request(&ben);
    from_ben.accept(&anna.name).unwrap();
    for channel in 0..3u32 {
        for number in (channel..200).step_by(3) {
            let message = room.wait_on(&from_ben, channel.cast_signed());
            assert_eq!(*message, number.to_le_bytes());
        }
    }
}

#[test]
fn a_reader_that_is_slow_gets_everything() {
    let mut config = Config::new();
    config.set_recv_buffer_messages(8).unwrap();
    let (mut room, [anna, ben], [from_anna, from_ben]) = with_config(["anna", "ben"], config);
    room.acquaint([&anna, &ben], [&from_anna, &from_ben]);
    for number in 0..200u32 {
        from_anna
            .send(&ben.name, CHANNEL, &number.to_le_bytes(), RELIABLE)
            .unwrap();
    }
    let end = Instant::now() + Duration::from_millis(200);
    room.run(|| (Instant::now() > end).then_some(()));
    for number in 0..200u32 {
        assert_eq!(*room.wait_on(&from_ben, CHANNEL), number.to_le_bytes());
    }
    let mut left = Vec::new();
    assert_eq!(from_ben.receive_batch(CHANNEL, &mut left, 5), 0);
}

#[test]
fn messages_are_read_in_batches() {
    let (mut room, [anna, ben], [from_anna, from_ben]) = talkers(["anna", "ben"]);
    room.acquaint([&anna, &ben], [&from_anna, &from_ben]);
    for text in ["a", "b", "c"] {
        from_anna
            .send(&ben.name, 1, text.as_bytes(), RELIABLE)
            .unwrap();
    }
    room.wait_delivered(&from_anna, &ben);
    assert!(
        ben.sockets.wait(Duration::ZERO),
        "there is something to read"
    );
    let mut messages = Vec::new();
    assert_eq!(from_ben.receive_batch(1, &mut messages, 2), 2);
    assert_eq!(from_ben.receive_batch(1, &mut messages, 2), 1);
    let texts = messages.iter().map(|message| &**message);
    assert!(texts.eq([b"a", b"b", b"c"]));
    assert!(!ben.sockets.wait(Duration::ZERO), "nothing is left");
}

#[test]
fn a_session_tells_how_it_does() {
    let (mut room, [anna, ben], [from_anna, from_ben]) = talkers(["anna", "ben"]);
    assert!(from_anna.session(&ben.name).is_none());
    room.acquaint([&anna, &ben], [&from_anna, &from_ben]);
    for (messages, peer) in [(&from_anna, &ben), (&from_ben, &anna)] {
        let session = messages.session(&peer.name).unwrap();
        assert_eq!(session.state, ConnectionState::Connected);
        let connection = session.connection.unwrap();
        assert_eq!(connection.identity.as_ref(), Some(&peer.name));
        assert_eq!(connection.listener, None, "it is nobody's business");
        assert!(session.status.unwrap().ping_ms.is_some());
    }
}

#[test]
fn a_session_that_is_closed_may_begin_again() {
    let (mut room, [anna, ben], [from_anna, from_ben]) = talkers(["anna", "ben"]);
    for _ in 0..3 {
        room.acquaint([&anna, &ben], [&from_anna, &from_ben]);
        from_anna.close(&ben.name).unwrap();
        assert_eq!(from_anna.close(&ben.name), Err(NoSession));
        assert!(from_anna.session(&ben.name).is_none());
        // The peer is not told, and its session rests.
        let messages = from_ben.clone();
        room.run(|| {
            let session = messages.session(&anna.name)?;
            (session.state == ConnectionState::None).then_some(())
        });
        assert!(ben.sockets.next_event().is_none());
    }
}

#[test]
fn the_last_channel_closes_the_session() {
    let (mut room, [anna, ben], [from_anna, from_ben]) = talkers(["anna", "ben"]);
    room.acquaint([&anna, &ben], [&from_anna, &from_ben]);
    assert_eq!(
        from_anna.close_channel(&ben.name, CHANNEL),
        Err(NoSession),
        "nothing came"
    );
    from_anna.send(&ben.name, 1, b"unread", RELIABLE).unwrap();
    room.wait_delivered(&from_anna, &ben);
    from_ben.close_channel(&anna.name, 1).unwrap();
    assert!(from_ben.receive(1).is_none(), "it is gone");
    assert_eq!(from_ben.close_channel(&anna.name, 1), Err(NoSession));
    assert!(from_ben.session(&anna.name).is_some());
    from_ben.close_channel(&anna.name, CHANNEL).unwrap();
    assert!(from_ben.session(&anna.name).is_none());
}

#[test]
fn a_session_that_nobody_uses_ends_without_a_word() {
    let (mut room, [anna, ben], [from_anna, from_ben]) = talkers(["anna", "ben"]);
    room.acquaint([&anna, &ben], [&from_anna, &from_ben]);
    // Only now: on a busy machine to get acquainted takes its time.
    from_anna.set_idle_timeout(Duration::from_millis(300));
    room.wait_gone(&from_anna, &ben);
    let sockets = ben.sockets.clone();
    room.run(|| (sockets.connection_count() == 0).then_some(()));
    for player in [&anna, &ben] {
        assert!(player.sockets.next_event().is_none());
    }
    from_anna.set_idle_timeout(Duration::from_secs(60));
    room.acquaint([&anna, &ben], [&from_anna, &from_ben]);
}

#[test]
fn to_receive_is_to_use() {
    let (mut room, [anna, ben], [from_anna, from_ben]) = talkers(["anna", "ben"]);
    room.acquaint([&anna, &ben], [&from_anna, &from_ben]);
    // As long as the thread of this test may have to wait for its turn.
    from_ben.set_idle_timeout(Duration::from_secs(3));
    let end = Instant::now() + Duration::from_secs(5);
    while Instant::now() < end {
        from_anna
            .send(&ben.name, CHANNEL, b"still here", RELIABLE)
            .unwrap();
        room.wait_on(&from_ben, CHANNEL);
        assert!(from_ben.session(&anna.name).is_some());
    }
    room.wait_gone(&from_ben, &anna);
}

#[test]
fn who_does_not_answer_is_asked_again_and_who_is_not_answered_fails() {
    // Long enough for a request to be sent again.
    let mut config = Config::new();
    config
        .set_timeout_initial(Duration::from_millis(1500))
        .unwrap();
    let (mut room, [anna, ben], [from_anna, from_ben]) = with_config(["anna", "ben"], config);
    for _ in 0..2 {
        from_anna
            .send_restarting(&ben.name, 0, b"hello?", RELIABLE)
            .unwrap();
        assert_eq!(room.wait_request(&ben), anna.name);
        let failed = room.wait_failure(&anna);
        assert_eq!(failed.state, ConnectionState::ProblemDetectedLocally);
        assert_eq!(failed.identity, Some(ben.name.clone()));
        let refused = from_anna.send(&ben.name, 0, b"again", RELIABLE);
        assert_eq!(refused, Err(MessagesSendError::Broken));
        assert_eq!(refused.result(), ResultCode::ConnectFailed);
        let session = from_anna.session(&ben.name).unwrap();
        assert_eq!(session.state, failed.state);
        assert_eq!(session.connection.unwrap().end_reason, failed.end_reason);
        // Nobody has wanted it, so nothing is told of its end.
        room.wait_gone(&from_ben, &anna);
        assert!(ben.sockets.next_event().is_none());
    }
    from_anna.close(&ben.name).unwrap();
    for player in [&anna, &ben] {
        let key = ConfigKey::TimeoutInitial;
        player.sockets.set_config(key, 10_000i32).unwrap();
    }
    from_anna.send(&ben.name, 0, b"at last", RELIABLE).unwrap();
    room.wait_request(&ben);
    from_ben.accept(&anna.name).unwrap();
    assert_eq!(&*room.wait_on(&from_ben, 0), b"at last");
}

#[test]
fn a_request_that_is_closed_is_refused() {
    let (mut room, [anna, ben], [from_anna, from_ben]) = talkers(["anna", "ben"]);
    from_anna.send(&ben.name, 0, b"hello?", RELIABLE).unwrap();
    room.wait_request(&ben);
    from_ben.close(&anna.name).unwrap();
    let failed = room.wait_failure(&anna);
    assert_eq!(failed.state, ConnectionState::ClosedByPeer);
    assert_eq!(failed.end_reason, EndReason::new(1001));
}

#[test]
fn a_peer_that_is_gone_is_a_failure_if_something_was_under_way() {
    let mut config = Config::new();
    config
        .set_timeout_connected(Duration::from_secs(4))
        .unwrap();
    let (mut room, [anna, ben], [from_anna, from_ben]) = with_config(["anna", "ben"], config);
    room.acquaint([&anna, &ben], [&from_anna, &from_ben]);
    ben.sockets.shut_down();
    from_anna
        .send(&ben.name, 0, b"are you there?", RELIABLE)
        .unwrap();
    let failed = room.wait_failure(&anna);
    assert_eq!(failed.state, ConnectionState::ProblemDetectedLocally);
    drop(from_ben);
}

#[test]
fn bad_roads_lose_nothing() {
    let (mut room, [anna, ben], [from_anna, from_ben]) = talkers(["anna", "ben"]);
    room.faults.lost = 20;
    room.faults.doubled = 20;
    room.faults.swapped = 20;
    room.acquaint([&anna, &ben], [&from_anna, &from_ben]);
}

#[test]
fn what_cannot_be_sent_says_why() {
    let (_, [anna, ben], [from_anna, _]) = talkers(["anna", "ben"]);
    let send = |peer: &Identity, data: &[u8]| from_anna.send(peer, 0, data, RELIABLE);
    let nobody = send(&Identity::anonymous(), b"x");
    assert_eq!(nobody, Err(MessagesSendError::NoPeer));
    assert_eq!(nobody.result(), ResultCode::InvalidParam);
    let large = vec![0; Messages::MAX_MESSAGE + 1];
    let (len, max) = (large.len(), Messages::MAX_MESSAGE);
    let too_large = send(&ben.name, &large);
    assert_eq!(too_large, Err(MessagesSendError::TooLarge { len, max }));
    assert_eq!(too_large.result(), ResultCode::InvalidParam);
    assert_eq!(from_anna.session_count(), 0, "nothing has begun");
    assert_eq!(from_anna.accept(&ben.name), Err(NoSession));
    assert_eq!(from_anna.close(&ben.name), Err(NoSession));
    assert_eq!(from_anna.close_channel(&ben.name, 0), Err(NoSession));
    assert_eq!(anna.sockets.connection_count(), 0);
}

#[test]
fn without_signaling_or_an_identity_nobody_is_reached() {
    let (_, [anna, ben]) = Room::new(["anna", "ben"]);
    let messages = anna.sockets.messages().unwrap();
    let mute = messages.send(&ben.name, 0, b"x", RELIABLE);
    assert_eq!(mute, Err(MessagesSendError::NoSignaling));
    assert_eq!(mute.result(), ResultCode::Fail);
    anna.sockets.set_signaling_factory(|_, port| {
        assert_eq!(port, VirtualPort::MESSAGES);
        None
    });
    let mute = messages.send(&ben.name, 0, b"x", RELIABLE);
    assert_eq!(mute, Err(MessagesSendError::NoSignaling));
    let somebody = bowline::Sockets::new().unwrap();
    somebody.set_signaling(Arc::clone(&ben.signaling));
    let anonymous = somebody
        .messages()
        .unwrap()
        .send(&ben.name, 0, b"x", RELIABLE);
    let expected = MessagesSendError::Connect(ConnectP2pError::NoIdentity);
    assert_eq!(anonymous, Err(expected));
}

#[test]
fn the_port_is_ours_once_messages_are_used() {
    let (_, [anna, _]) = Room::new(["anna", "ben"]);
    let port = VirtualPort::MESSAGES;
    let listener = anna.sockets.listen_p2p(port).unwrap();
    let taken = ListenP2pError::PortInUse { port };
    assert_eq!(anna.sockets.messages().err(), Some(taken.clone()));
    drop(listener);
    anna.sockets.messages().unwrap();
    anna.sockets.messages().unwrap();
    assert_eq!(anna.sockets.listen_p2p(port).err(), Some(taken));
}

#[test]
fn a_connection_of_a_session_may_be_closed_as_one() {
    let (mut room, [anna, ben], [from_anna, from_ben]) = talkers(["anna", "ben"]);
    from_anna.send(&ben.name, 0, b"hello", RELIABLE).unwrap();
    let id = room.first_signal().connection;
    let connection = anna.sockets.connection(id).unwrap();
    connection.close(EndReason::APP_GENERIC, "", false).unwrap();
    assert!(from_anna.session(&ben.name).is_none());
    room.acquaint([&anna, &ben], [&from_anna, &from_ben]);
}

#[test]
fn what_has_no_header_is_counted_and_hurts_nobody() {
    let (mut room, [anna, ben], [_, from_ben]) = talkers(["anna", "ben"]);
    let mut symmetric = Config::new();
    symmetric.set_symmetric_connect(true).unwrap();
    let (port, signaling) = (VirtualPort::MESSAGES, Arc::clone(&anna.signaling));
    let raw = anna
        .sockets
        .connect_p2p_with(&ben.name, port, signaling, symmetric);
    let raw = raw.unwrap();
    for bytes in [
        &b""[..],
        b"\x01\x05\0\0",
        b"\0\x05\0\0\0no",
        b"\x01\x05\0\0\0yes",
    ] {
        raw.send(bytes, RELIABLE).unwrap();
    }
    assert_eq!(room.wait_request(&ben), anna.name);
    from_ben.accept(&anna.name).unwrap();
    assert_eq!(&*room.wait_on(&from_ben, CHANNEL), b"yes");
    assert_eq!(from_ben.drops().of(DropReason::BadSessionHeader), 3);
    assert_eq!(raw.state(), ConnectionState::Connected);
}

#[test]
fn polling_is_enough() {
    let (mut room, [anna, ben]) = Room::with(["anna", "ben"], |builder| {
        builder.service(ServiceMode::Manual)
    });
    for player in [&anna, &ben] {
        player.sockets.set_signaling(Arc::clone(&player.signaling));
    }
    let [from_anna, from_ben] = [&anna, &ben].map(|player| player.sockets.messages().unwrap());
    room.acquaint([&anna, &ben], [&from_anna, &from_ben]);
    from_anna.set_idle_timeout(Duration::from_millis(300));
    room.wait_gone(&from_anna, &ben);
}
