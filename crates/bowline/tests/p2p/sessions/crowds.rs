//! Many peers, and many threads.

use super::CHANNEL;
use super::RELIABLE;
use super::talkers;

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
