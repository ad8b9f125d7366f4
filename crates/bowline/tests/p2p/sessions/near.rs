//! Sessions with peers in the same process, and with nobody else than oneself.

use std::time::Duration;

use bowline::ConnectionState;
use bowline::EndReason;
use bowline::Event;
use bowline::Identity;
use bowline::InfoFlags;
use bowline::Messages;
use bowline::MessagesSendError;
use bowline::P2pSessionError;
use bowline::PacketKind;
use bowline::ResultCode;
use bowline::ServiceMode;
use bowline::Sockets;
use bowline::SocketsBuilder;
use bowline::ToResult;

use super::CHANNEL;
use super::RELIABLE;
use crate::within::wait;

/// Interfaces are found by their identities in all of the process, where other tests run at the same time.
fn builder(test: &str, who: &str) -> SocketsBuilder {
    let name = Identity::str(&format!("{who} near {test}")).unwrap();
    Sockets::builder().identity(name)
}

/// Two for whom nothing carries signals.
fn neighbours(test: &str) -> [Sockets; 2] {
    let make = |who| builder(test, who).shortcuts(true).build().unwrap();
    ["anna", "ben"].map(make)
}

fn wait_request(sockets: &Sockets) -> Identity {
    wait(|| match sockets.next_event()? {
        Event::MessagesSessionRequest { peer, .. } | Event::PacketsSessionRequest { peer } => {
            Some(peer)
        }
        event => panic!("{event:?}"),
    })
}

fn wait_text(messages: &Messages) -> Vec<u8> {
    let message = wait(|| messages.receive(CHANNEL));
    message.into_bytes().to_vec()
}

#[test]
fn regression_messages_within_the_process_need_no_signaling() {
    let [anna, ben] = neighbours("messages");
    let [from_anna, from_ben] = [&anna, &ben].map(|side| side.messages().unwrap());
    let (annas, bens) = (anna.identity(), ben.identity());
    for text in [b"one", b"two"] {
        from_anna.send(&bens, CHANNEL, text, RELIABLE).unwrap();
    }
    assert_eq!(wait_request(&ben), annas);
    assert!(
        from_ben.receive(CHANNEL).is_none(),
        "not before it is accepted"
    );
    from_ben.accept(&annas).unwrap();
    assert_eq!(wait_text(&from_ben), b"one");
    assert_eq!(wait_text(&from_ben), b"two");
    from_ben.send(&annas, CHANNEL, b"back", RELIABLE).unwrap();
    assert_eq!(wait_text(&from_anna), b"back");
    for (sockets, messages, peer) in [(&anna, &from_anna, &bens), (&ben, &from_ben, &annas)] {
        let session = messages.session(peer).unwrap();
        assert_eq!(session.state, ConnectionState::Connected);
        let connection = session.connection.unwrap();
        assert!(connection.flags.contains(InfoFlags::LOOPBACK_BUFFERS));
        assert_eq!(connection.identity.as_ref(), Some(peer));
        assert_eq!(sockets.connection_count(), 1);
        if let Some(event) = sockets.next_event() {
            panic!("connections are not told of: {event:?}");
        }
    }
}

/// A request is told again after ten seconds, not before.
#[test]
fn who_is_asked_within_the_process_is_asked_once() {
    let make = |who| {
        let builder = builder("once", who).shortcuts(true);
        builder.service(ServiceMode::Manual).build().unwrap()
    };
    let [anna, ben] = ["anna", "ben"].map(make);
    let (from_anna, _) = (anna.messages().unwrap(), ben.messages().unwrap());
    let sent = from_anna.send(&ben.identity(), CHANNEL, b"x", RELIABLE);
    assert_eq!(sent, Ok(()));
    assert_eq!(wait_request(&ben), anna.identity());
    for _ in 0..5 {
        std::thread::sleep(Duration::from_millis(20));
        for side in [&anna, &ben] {
            side.poll();
            assert!(side.next_event().is_none());
        }
    }
}

#[test]
fn regression_packets_within_the_process_need_no_signaling() {
    let [anna, ben] = neighbours("packets");
    let [from_anna, from_ben] = [&anna, &ben].map(|side| side.packets().unwrap());
    let (annas, bens) = (anna.identity(), ben.identity());
    let largest = vec![7; PacketKind::Reliable.max_bytes()];
    let sent = from_anna.send(&bens, 3, &largest, PacketKind::Reliable);
    assert_eq!(sent, Ok(()));
    assert_eq!(wait_request(&ben), annas);
    // To send is to accept.
    let sent = from_ben.send(&annas, 3, b"back", PacketKind::Unreliable);
    assert_eq!(sent, Ok(()));
    assert_eq!(&*wait(|| from_anna.receive(3)), b"back");
    assert!(*wait(|| from_ben.receive(3)) == *largest);
    let session = from_anna.session(&bens).unwrap();
    assert!(session.is_active);
    assert_eq!(session.remote_addr, None);
    from_ben.close(&annas).unwrap();
    wait(|| (anna.connection_count() == 0).then_some(()));
    assert!(anna.next_event().is_none(), "nothing was under way");
}

#[test]
fn a_session_within_the_process_ends_and_begins_again() {
    let [anna, ben] = neighbours("again");
    let [from_anna, from_ben] = [&anna, &ben].map(|side| side.messages().unwrap());
    let (annas, bens) = (anna.identity(), ben.identity());
    for round in 0..20 {
        from_anna.send(&bens, CHANNEL, &[round], RELIABLE).unwrap();
        assert_eq!(wait_request(&ben), annas);
        from_ben.accept(&annas).unwrap();
        assert_eq!(wait_text(&from_ben), [round]);
        from_anna.close(&bens).unwrap();
        wait(|| {
            let session = from_ben.session(&annas)?;
            (session.state == ConnectionState::None).then_some(())
        });
    }
    from_anna.send(&bens, CHANNEL, b"?", RELIABLE).unwrap();
    wait_request(&ben);
    from_ben.close(&annas).unwrap();
    let failed = wait(|| match anna.next_event()? {
        Event::MessagesSessionFailed { info, .. } => Some(info),
        event => panic!("{event:?}"),
    });
    assert_eq!(failed.state, ConnectionState::ClosedByPeer);
    assert_eq!(failed.end_reason, EndReason::new(1001));
    let refused = from_anna.send(&bens, CHANNEL, b"?", RELIABLE);
    assert_eq!(refused, Err(MessagesSendError::Broken));
}

#[test]
fn packets_that_are_refused_within_the_process_fail() {
    let [anna, ben] = neighbours("refused packets");
    let [from_anna, from_ben] = [&anna, &ben].map(|side| side.packets().unwrap());
    let bens = ben.identity();
    from_anna
        .send(&bens, 0, b"?", PacketKind::Reliable)
        .unwrap();
    let annas = wait_request(&ben);
    from_ben.close(&annas).unwrap();
    let failed = wait(|| match anna.next_event()? {
        Event::PacketsSessionFailed { peer, error, .. } => Some((peer, error)),
        event => panic!("{event:?}"),
    });
    assert_eq!(failed, (bens, P2pSessionError::Timeout));
}

#[test]
fn threads_of_two_sides_begin_one_session_within_the_process() {
    for round in 0..8 {
        let sides = neighbours(&format!("threads {round}"));
        let messages = [&sides[0], &sides[1]].map(|side| side.messages().unwrap());
        let names = [sides[1].identity(), sides[0].identity()];
        let each = 3_u8;
        std::thread::scope(|scope| {
            for (from, to) in messages.iter().zip(&names) {
                for number in 0..each {
                    scope.spawn(move || from.send(to, CHANNEL, &[number], RELIABLE).unwrap());
                }
            }
        });
        for (side, from) in sides.iter().zip(&messages) {
            let mut numbers: Vec<u8> = (0..each).map(|_| wait_text(from)[0]).collect();
            numbers.sort_unstable();
            assert!(numbers.into_iter().eq(0..each));
            assert_eq!((side.connection_count(), from.session_count()), (1, 1));
        }
    }
}

#[test]
fn who_has_no_sessions_or_takes_no_shortcuts_is_asked_by_signals() {
    let [anna, ben] = neighbours("signals");
    let from_anna = anna.messages().unwrap();
    let send = |to: &Sockets| from_anna.send(&to.identity(), 0, b"x", RELIABLE);
    assert_eq!(send(&ben), Err(MessagesSendError::NoSignaling));
    let eve = builder("signals", "eve").build().unwrap();
    eve.messages().unwrap();
    assert_eq!(send(&eve), Err(MessagesSendError::NoSignaling));
    ben.messages().unwrap();
    assert_eq!(send(&ben), Ok(()));
}

#[test]
fn shortcuts_may_be_for_sessions_alone() {
    let make = |who| builder("alone", who).session_shortcuts(true);
    let [anna, ben] = ["anna", "ben"].map(|who| make(who).build().unwrap());
    let (from_anna, _) = (anna.messages().unwrap(), ben.messages().unwrap());
    let sent = from_anna.send(&ben.identity(), CHANNEL, b"x", RELIABLE);
    assert_eq!(sent, Ok(()));
    assert_eq!(wait_request(&ben), anna.identity());
    let _listener = ben.listen_p2p(7).unwrap();
    let nobody_carries = |_: &bowline::signaling::SignalTarget, _: &[u8]| Ok(());
    let signaling = std::sync::Arc::new(nobody_carries);
    let own = anna.connect_p2p(&ben.identity(), 7, signaling).unwrap();
    assert!(!own.is_pipe());
}

#[test]
fn regression_nothing_is_sent_to_oneself() {
    for takes_shortcuts in [true, false] {
        let test = format!("self {takes_shortcuts}");
        let nobody_carries = |_: &bowline::signaling::SignalTarget, _: &[u8]| Ok(());
        let anna = builder(&test, "anna")
            .shortcuts(takes_shortcuts)
            .signaling(std::sync::Arc::new(nobody_carries))
            .build()
            .unwrap();
        let name = anna.identity();
        let (messages, packets) = (anna.messages().unwrap(), anna.packets().unwrap());
        let message = messages.send(&name, 0, b"x", RELIABLE);
        let packet = packets.send(&name, 0, b"x", PacketKind::Reliable);
        for refused in [message, packet] {
            assert_eq!(refused, Err(MessagesSendError::ToSelf));
            assert_eq!(refused.result(), ResultCode::InvalidParam);
        }
        assert_eq!((messages.session_count(), packets.session_count()), (0, 0));
        assert_eq!(anna.connection_count(), 0);
    }
}
