//! Messages to identities, between ours and those of GNS.

use std::time::Duration;

use bowline::{EndReason, Event, Messages, SendFlags, SessionMessage};
use bowline_interop::gns_p2p;

use crate::room::{ANNA, BEN, Room, name};

/// GNS's `k_nSteamNetworkingSend_Reliable`.
const RELIABLE: i32 = 8;
/// GNS's `k_nSteamNetworkingSend_AutoRestartBrokenSession`.
const RESTART: i32 = 32;
const OK: i32 = 1;
/// `k_EResultConnectFailed`, by which ours says it, too.
const CONNECT_FAILED: i32 = 35;
/// GNS's `k_ESteamNetworkingConnectionState_None`.
const NO_SESSION: i32 = 0;

fn room() -> (Room, Messages) {
    let mut room = Room::new();
    room.theirs.open_messages();
    let messages = room.ours.messages().expect("the port is free");
    (room, messages)
}

impl Room {
    fn wait_ours(&mut self, messages: &Messages, channel: i32) -> SessionMessage {
        self.run("a message of theirs", |_| messages.receive(channel))
    }

    fn wait_theirs(&mut self, wanted: i32) -> (bool, Vec<u8>) {
        self.theirs_tell(|event| match event {
            gns_p2p::Event::Letter {
                from,
                channel,
                reliable,
                data,
            } if *channel == wanted => {
                assert_eq!(from, ANNA);
                Some((*reliable, data.clone()))
            }
            _ => None,
        })
    }

    fn they_send(&mut self, channel: i32, flags: i32, data: &[u8]) -> i32 {
        self.theirs.post(ANNA, channel, flags, data);
        self.theirs_tell(|event| match event {
            gns_p2p::Event::Posted(result) => Some(*result),
            _ => None,
        })
    }

    fn done(&mut self) -> bool {
        self.theirs_tell(|event| match event {
            gns_p2p::Event::Done(done) => Some(*done),
            _ => None,
        })
    }

    fn their_session(&mut self) -> i32 {
        self.theirs.ask_session(ANNA);
        self.theirs_tell(|event| match event {
            gns_p2p::Event::Session(state) => Some(*state),
            _ => None,
        })
    }

    fn they_are_asked(&mut self) {
        let peer = self.theirs_tell(|event| match event {
            gns_p2p::Event::Asks(peer) => Some(peer.clone()),
            _ => None,
        });
        assert_eq!(peer, ANNA);
    }

    fn we_are_asked(&mut self) {
        let peer = self.run("a request", |room| {
            let event = room.sessions.pop()?;
            let Event::MessagesSessionRequest { peer, .. } = event else {
                panic!("{event:?}");
            };
            Some(peer)
        });
        assert_eq!(peer, name(BEN));
    }

    /// We have begun, and they have accepted.
    fn begin(&mut self, messages: &Messages) {
        let sent = messages.send(&name(BEN), 1, b"hello", SendFlags::RELIABLE);
        sent.expect("a session can begin");
        self.they_are_asked();
        self.theirs.accept_session(ANNA);
        assert!(self.done());
        assert_eq!(self.wait_theirs(1), (true, b"hello".to_vec()));
    }

    fn wait_delivered(&mut self, messages: &Messages) {
        self.run("an acknowledgement", |_| {
            let status = messages.session(&name(BEN))?.status?;
            let left = status.pending_reliable_bytes + status.unacked_reliable_bytes;
            (left == 0).then_some(())
        });
    }
}

#[test]
fn ours_begin_and_theirs_answer() {
    let (mut room, messages) = room();
    room.begin(&messages);
    assert_eq!(room.they_send(2, RELIABLE, b"hello yourself"), OK);
    let answer = room.wait_ours(&messages, 2);
    assert_eq!((&*answer, answer.channel()), (&b"hello yourself"[..], 2));
    assert_eq!(*answer.peer(), name(BEN));
    assert!(room.sessions.is_empty(), "who sends has accepted");
}

#[test]
fn theirs_begin_and_ours_accept() {
    let (mut room, messages) = room();
    assert_eq!(room.they_send(3, 0, b"reliable until connected"), OK);
    room.we_are_asked();
    assert!(messages.receive(3).is_none());
    messages.accept(&name(BEN)).unwrap();
    let first = room.wait_ours(&messages, 3);
    assert_eq!(&*first, b"reliable until connected");
    assert!(first.is_reliable());
    messages
        .send(&name(BEN), 0, b"welcome", SendFlags::RELIABLE)
        .unwrap();
    assert_eq!(room.wait_theirs(0), (true, b"welcome".to_vec()));
}

#[test]
fn theirs_begin_and_ours_answer_by_sending() {
    let (mut room, messages) = room();
    assert_eq!(room.they_send(0, RELIABLE, b"hello"), OK);
    room.we_are_asked();
    messages
        .send(&name(BEN), 0, b"welcome", SendFlags::RELIABLE)
        .unwrap();
    assert_eq!(room.wait_theirs(0), (true, b"welcome".to_vec()));
    assert_eq!(&*room.wait_ours(&messages, 0), b"hello");
}

#[test]
fn both_begin_at_once() {
    for _ in 0..4 {
        let (mut room, messages) = room();
        messages
            .send(&name(BEN), 0, b"from anna", SendFlags::RELIABLE)
            .unwrap();
        assert_eq!(room.they_send(0, RELIABLE, b"from ben"), OK);
        assert_eq!(&*room.wait_ours(&messages, 0), b"from ben");
        assert_eq!(room.wait_theirs(0), (true, b"from anna".to_vec()));
        assert_eq!(room.ours.connection_count(), 1);
    }
}

#[test]
fn reliable_ones_keep_their_order_and_large_ones_arrive() {
    let (mut room, messages) = room();
    room.begin(&messages);
    for number in 0..100_u32 {
        let data = number.to_le_bytes();
        let sent = messages.send(&name(BEN), 1, &data, SendFlags::RELIABLE);
        sent.unwrap();
        room.theirs.post(ANNA, 2, RELIABLE, &data);
    }
    for number in 0..100_u32 {
        assert_eq!(room.wait_theirs(1), (true, number.to_le_bytes().to_vec()));
        assert_eq!(*room.wait_ours(&messages, 2), number.to_le_bytes());
    }
    let large = vec![7; 300 * 1024];
    messages
        .send(&name(BEN), 1, &large, SendFlags::RELIABLE)
        .unwrap();
    assert_eq!(room.wait_theirs(1), (true, large.clone()));
    room.theirs.post(ANNA, 2, RELIABLE, &large);
    assert_eq!(*room.wait_ours(&messages, 2), large[..]);
}

/// Of a message for a channel, five bytes are a header, which GNS counts in.
#[test]
fn the_largest_ones_arrive_both_ways() {
    let (mut room, messages) = room();
    room.begin(&messages);
    let largest = Messages::MAX_MESSAGE - 5;
    let largest: Vec<u8> = (0..largest).map(|at| at as u8).collect();
    messages
        .send(&name(BEN), 1, &largest, SendFlags::RELIABLE)
        .unwrap();
    let (_, theirs) = room.wait_theirs(1);
    assert!(theirs == largest, "{} bytes", theirs.len());
    assert_eq!(room.they_send(2, RELIABLE, &largest), OK);
    let ours = room.wait_ours(&messages, 2);
    assert!(*ours == *largest, "{} bytes", ours.len());
}

#[test]
fn unreliable_ones_are_so_once_connected() {
    let (mut room, messages) = room();
    room.begin(&messages);
    room.wait_delivered(&messages);
    messages
        .send(&name(BEN), 1, b"maybe", SendFlags::UNRELIABLE_NO_NAGLE)
        .unwrap();
    assert_eq!(room.wait_theirs(1), (false, b"maybe".to_vec()));
    assert_eq!(room.they_send(2, 0, b"perhaps"), OK);
    let message = room.wait_ours(&messages, 2);
    assert_eq!((&*message, message.is_reliable()), (&b"perhaps"[..], false));
}

#[test]
fn a_session_that_we_close_may_begin_again() {
    let (mut room, messages) = room();
    for _ in 0..3 {
        room.begin(&messages);
        room.wait_delivered(&messages);
        messages.close(&name(BEN)).unwrap();
        room.run("the end", |room| {
            (room.their_session() == NO_SESSION).then_some(())
        });
    }
    let failed = room.theirs_take(|event| matches!(event, gns_p2p::Event::Failed(..)));
    assert_eq!(failed, None, "an end without anything under way is none");
}

/// GNS sends nothing when its application closes a session: the next packet is answered with the end.
#[test]
fn a_session_that_they_close_fails_when_we_go_on() {
    let (mut room, messages) = room();
    for _ in 0..2 {
        room.begin(&messages);
        room.wait_delivered(&messages);
        room.theirs.close_session(ANNA);
        assert!(room.done());
        messages
            .send(&name(BEN), 1, b"are you there?", SendFlags::RELIABLE)
            .unwrap();
        let failed = room.run("a failure", |room| room.sessions.pop());
        let Event::MessagesSessionFailed { info, .. } = failed else {
            panic!("{failed:?}");
        };
        assert_eq!(info.end_reason, EndReason::new(1001));
        messages.close(&name(BEN)).unwrap();
    }
}

#[test]
fn their_last_channel_closes_the_session() {
    let (mut room, messages) = room();
    room.begin(&messages);
    room.wait_delivered(&messages);
    room.theirs.close_channel(ANNA, 2);
    assert!(!room.done(), "nothing came on it");
    assert_ne!(room.their_session(), NO_SESSION);
    room.theirs.close_channel(ANNA, 1);
    assert!(room.done());
    assert_eq!(room.their_session(), NO_SESSION);
}

#[test]
fn a_request_that_they_refuse_fails_and_may_be_made_again() {
    let (mut room, messages) = room();
    messages
        .send(&name(BEN), 1, b"hello?", SendFlags::RELIABLE)
        .unwrap();
    room.they_are_asked();
    room.theirs.close_session(ANNA);
    assert!(room.done());
    let failed = room.run("a failure", |room| room.sessions.pop());
    let Event::MessagesSessionFailed { info, .. } = failed else {
        panic!("{failed:?}");
    };
    assert_eq!(info.end_reason, EndReason::new(1001));
    let again = messages.send(&name(BEN), 1, b"again", SendFlags::RELIABLE);
    assert!(again.is_err());
    messages.close(&name(BEN)).unwrap();
    room.begin(&messages);
}

#[test]
fn a_request_that_we_refuse_fails_and_may_be_made_again() {
    let (mut room, messages) = room();
    assert_eq!(room.they_send(0, RELIABLE, b"hello?"), OK);
    room.we_are_asked();
    messages.close(&name(BEN)).unwrap();
    let reason = room.theirs_tell(|event| match event {
        gns_p2p::Event::Failed(_, reason) => Some(*reason),
        _ => None,
    });
    assert_eq!(reason, 1001);
    assert_eq!(room.they_send(0, RELIABLE, b"again"), CONNECT_FAILED);
    assert_eq!(room.they_send(0, RELIABLE | RESTART, b"again"), OK);
    room.we_are_asked();
    messages.accept(&name(BEN)).unwrap();
    assert_eq!(&*room.wait_ours(&messages, 0), b"again");
}

#[test]
fn our_idle_session_ends_without_a_word() {
    let (mut room, messages) = room();
    messages.set_idle_timeout(Duration::from_millis(700));
    room.begin(&messages);
    room.run("the end", |_| {
        messages.session(&name(BEN)).is_none().then_some(())
    });
    room.run("their end", |room| {
        (room.their_session() == NO_SESSION).then_some(())
    });
    room.begin(&messages);
}
