//! Many peers, and many threads.

use std::ops::Range;

use bowline::Config;
use bowline::ConfigKey;
use bowline::ConnectionState;
use bowline::DropReason;
use bowline::Event;

use super::CHANNEL;
use super::RELIABLE;
use super::talkers;
use super::with_config;

#[test]
fn limit_unread_messages_of_a_peer_that_comes_and_goes() {
    let mut config = Config::new();
    config.set_recv_buffer_messages(4).unwrap();
    let (mut room, [anna, ben], [from_anna, from_ben]) = with_config(["anna", "ben"], config);
    for round in 0..4 {
        for _ in 0..4 {
            let sent = from_anna.send(&ben.name, CHANNEL, b"unread", RELIABLE);
            sent.unwrap();
        }
        room.wait_request(&ben);
        from_ben.accept(&anna.name).unwrap();
        room.wait_delivered(&from_anna, &ben);
        from_anna.close(&ben.name).unwrap();
        if round < 2 {
            room.run(|| {
                let session = from_ben.session(&anna.name)?;
                (session.state == ConnectionState::None).then_some(())
            });
        } else {
            // What was acknowledged is lost, which is no end that nobody misses.
            room.wait_failure(&ben);
        }
    }
    let unread = std::iter::from_fn(|| from_ben.receive(CHANNEL));
    assert_eq!(unread.count(), 8);
    let lost = from_ben.drops().of(DropReason::ReceiveBufferFull);
    assert_eq!(lost, 8);
}

/// All of them were acknowledged, and waited for a reader in two places.
#[test]
fn regression_what_was_received_is_read_after_the_sender_has_left() {
    let mut config = Config::new();
    config.set_recv_buffer_messages(8).unwrap();
    let (mut room, [anna, ben], [from_anna, from_ben]) = with_config(["anna", "ben"], config);
    room.acquaint([&anna, &ben], [&from_anna, &from_ben]);
    for number in 0..12u8 {
        let sent = from_anna.send(&ben.name, CHANNEL, &[number], RELIABLE);
        sent.unwrap();
    }
    room.wait_delivered(&from_anna, &ben);
    from_anna.close(&ben.name).unwrap();
    room.run(|| {
        let session = from_ben.session(&anna.name)?;
        (session.state == ConnectionState::None).then_some(())
    });
    let read = std::iter::from_fn(|| from_ben.receive(CHANNEL));
    let read: Vec<_> = read.map(|message| message[0]).collect();
    assert!(read.into_iter().eq(0..12));
    assert!(ben.sockets.next_event().is_none());
}

#[test]
fn regression_room_in_the_send_buffer_is_told_once_while_nobody_listens() {
    let mut config = Config::new();
    config.set_send_buffer(20_000).unwrap();
    let (mut room, [anna, ben], [from_anna, from_ben]) = with_config(["anna", "ben"], config);
    room.acquaint([&anna, &ben], [&from_anna, &from_ben]);
    for heard in [false, true] {
        for _ in 0..3 {
            while from_anna
                .send(&ben.name, CHANNEL, &[0; 5000], RELIABLE)
                .is_ok()
            {}
            room.wait_delivered(&from_anna, &ben);
        }
        let events: Vec<_> = anna.sockets.events().collect();
        let [Event::MessagesWritable { peer }] = &events[..] else {
            panic!("{events:?}, after some were heard: {heard}")
        };
        assert_eq!(*peer, ben.name);
    }
}

#[test]
fn many_talk_to_one() {
    let names = ["host", "a", "b", "c", "d", "e", "f"];
    let (mut room, players, messages) = talkers(names);
    let [host, guests @ ..] = &players;
    let [from_host, from_guests @ ..] = &messages;
    for (guest, from_guest) in guests.iter().zip(from_guests) {
        let text = guest.name.to_string();
        from_guest
            .send(&host.name, CHANNEL, text.as_bytes(), RELIABLE)
            .unwrap();
    }
    for _ in guests {
        let peer = room.wait_request(host);
        from_host.accept(&peer).unwrap();
    }
    for _ in guests {
        let message = room.wait_on(from_host, CHANNEL);
        let peer = message.peer().clone();
        assert_eq!(*message, *peer.to_string().as_bytes());
        from_host
            .send(&peer, CHANNEL, b"welcome", RELIABLE)
            .unwrap();
    }
    for from_guest in from_guests {
        assert_eq!(&*room.wait_on(from_guest, CHANNEL), b"welcome");
    }
    assert_eq!(from_host.session_count(), guests.len());
}

#[test]
fn threads_that_begin_at_once_begin_one_session() {
    let (mut room, [anna, ben], [from_anna, from_ben]) = talkers(["anna", "ben"]);
    let (peer, threads) = (&ben.name, 8);
    std::thread::scope(|scope| {
        for number in 0..threads {
            let messages = from_anna.clone();
            scope.spawn(move || messages.send(peer, 0, &[number], RELIABLE).unwrap());
        }
    });
    assert_eq!(anna.sockets.connection_count(), 1);
    room.wait_request(&ben);
    from_ben.accept(&anna.name).unwrap();
    let mut numbers = Vec::new();
    for _ in 0..threads {
        numbers.push(room.wait_on(&from_ben, 0)[0]);
    }
    numbers.sort_unstable();
    assert!(numbers.into_iter().eq(0..threads));
}

/// Ten thousand names of one stranger, whose certificate nobody has signed.
#[test]
fn limit_strangers_who_ask() {
    const MODEL: &str = "stranger-00000";
    let (mut room, [anna, ben, carl, stranger], [from_anna, from_ben, from_carl, from_stranger]) =
        talkers(["anna", "ben", "carl", MODEL]);
    room.acquaint([&anna, &ben], [&from_anna, &from_ben]);
    from_stranger
        .send(&ben.name, CHANNEL, b"hello?", RELIABLE)
        .unwrap();
    // What is left of the acquaintance may come before.
    let mut signal = loop {
        let signal = room.first_signal();
        if signal.from == stranger.name {
            break signal;
        }
    };
    room.service.queue().clear();
    stranger.sockets.shut_down();
    let names: Vec<usize> = at_each(&signal.bytes, MODEL.as_bytes());
    assert!(!names.is_empty());
    let mut flood = |numbers: Range<u32>, told: &mut usize| {
        for number in numbers {
            let name = format!("stranger-{number:05}");
            for at in &names {
                signal.bytes[*at..*at + MODEL.len()].copy_from_slice(name.as_bytes());
            }
            let _ = ben.hear(&signal);
            let requests = ben.sockets.events();
            *told += requests
                .filter(|event| matches!(event, Event::MessagesSessionRequest { .. }))
                .count();
        }
    };
    let mut told = 0;
    let limit = ConfigKey::LimitSignatures;
    ben.sockets.set_config(limit, 100).unwrap();
    flood(0..9_000, &mut told);
    // The rest may have their signatures looked at.
    ben.sockets.set_config(limit, 0).unwrap();
    flood(9_000..10_000, &mut told);

    assert_eq!(told, MAX_SESSION_REQUESTS);
    assert_eq!(from_ben.session_count(), 1 + told);
    let unseen = ben.sockets.drops().of(DropReason::SignatureOverload);
    let too_many = from_ben.drops().of(DropReason::Overload);
    assert!(unseen > 0);
    assert_eq!(told as u64 + unseen + too_many, 10_000);

    // Who is there already notices nothing, and who comes next is told of when there is room.
    from_anna.send(&ben.name, 9, b"busy?", RELIABLE).unwrap();
    assert_eq!(&*room.wait_on(&from_ben, 9), b"busy?");
    let strangers = (0..10_000).map(|number| format!("str:stranger-{number:05}"));
    let closed = strangers.filter(|name| from_ben.close(&name.parse().unwrap()).is_ok());
    assert_eq!(closed.count(), told);
    from_carl
        .send(&ben.name, CHANNEL, b"hello", RELIABLE)
        .unwrap();
    assert_eq!(room.wait_request(&ben), carl.name);
}

/// Where the one is in the other.
fn at_each(bytes: &[u8], wanted: &[u8]) -> Vec<usize> {
    let windows = bytes.windows(wanted.len()).enumerate();
    let found = windows.filter(|(_, window)| *window == wanted);
    found.map(|(at, _)| at).collect()
}

/// Requests that wait for the application.
const MAX_SESSION_REQUESTS: usize = 256;
