//! Waiting until what was sent has arrived.

use std::time::Duration;

use bowline::Config;
use bowline::EndReason;
use bowline::MessagesSendError;
use bowline::NotDelivered;
use bowline::ResultCode;
use bowline::SendError;
use bowline::SendFlags;
use bowline::ServiceMode;
use bowline::ToResult;

use super::CHANNEL;
use super::RELIABLE;
use super::talkers;
use super::with_config;
use crate::support::LIMIT;

/// What the connection counts for a message of four bytes: they, the channel, and the frame.
const FOUR: usize = 10;
const SHORTLY: Duration = Duration::from_millis(30);

#[test]
fn what_was_sent_reliably_is_waited_for() {
    let (mut room, [anna, ben], [from_anna, from_ben]) = talkers(["anna", "ben"]);
    let nothing = from_anna.wait_until_delivered(&ben.name, Duration::MAX);
    assert_eq!(nothing, Ok(()), "there is no session");
    room.acquaint([&anna, &ben], [&from_anna, &from_ben]);
    for mode in [ServiceMode::Thread, ServiceMode::Manual] {
        anna.sockets.set_service_mode(mode).unwrap();
        let large = vec![7; 300_000];
        from_anna
            .send(&ben.name, CHANNEL, &large, RELIABLE)
            .unwrap();
        let waited = from_anna.wait_until_delivered(&ben.name, Duration::MAX);
        assert_eq!(waited, Ok(()));
        let status = from_anna.session(&ben.name).unwrap().status.unwrap();
        assert_eq!(status.pending_reliable_bytes, 0);
        assert_eq!(status.unacked_reliable_bytes, 0);
        assert_eq!(from_anna.wait_until_all_delivered(Duration::MAX), []);
        assert_eq!(room.wait_on(&from_ben, CHANNEL).len(), large.len());
    }
}

#[test]
fn what_has_not_arrived_is_told_with_the_reason() {
    let names = ["anna", "ben", "carl", "dora"];
    let (mut room, [anna, ben, carl, dora], [from_anna, from_ben, _carls, from_dora]) =
        talkers(names);
    room.acquaint([&anna, &ben], [&from_anna, &from_ben]);
    for peer in [&carl, &dora] {
        from_anna
            .send(&peer.name, CHANNEL, b"well", RELIABLE)
            .unwrap();
        room.wait_request(peer);
    }
    from_dora.close(&anna.name).unwrap();
    room.wait_failure(&anna);

    let late = NotDelivered::TimedOut { bytes: FOUR };
    let waited = from_anna.wait_until_delivered(&carl.name, SHORTLY);
    assert_eq!(waited, Err(late.clone()));
    let broken = from_anna.wait_until_delivered(&dora.name, LIMIT);
    let Err(NotDelivered::Broken { reason, .. }) = &broken else {
        panic!("{broken:?}")
    };
    assert_eq!(*reason, EndReason::new(1001));

    let mut left = from_anna.wait_until_all_delivered(SHORTLY);
    left.sort_by_key(|(peer, _)| peer.to_string());
    let expected = [(carl.name, late), (dora.name, broken.unwrap_err())];
    assert_eq!(left, expected, "Ben has all");
    assert_eq!(left[0].1.to_string(), "10 bytes have not arrived in time");
}

#[test]
fn a_wait_ends_with_the_session_and_with_the_interface() {
    let (mut room, [anna, ben], [from_anna, _from_ben]) = talkers(["anna", "ben"]);
    let send = || {
        from_anna
            .send(&ben.name, CHANNEL, b"well", RELIABLE)
            .unwrap();
    };
    let wait_while = |end: &dyn Fn()| {
        std::thread::scope(|scope| {
            let waiting = scope.spawn(|| from_anna.wait_until_delivered(&ben.name, LIMIT));
            std::thread::sleep(SHORTLY);
            assert!(!waiting.is_finished());
            end();
            waiting.join().unwrap()
        })
    };
    let waited = loop {
        send();
        room.wait_request(&ben);
        let waited = wait_while(&|| from_anna.close(&ben.name).unwrap());
        // A thread that gets its turn late finds no session, and nothing to wait for.
        if waited.is_err() {
            break waited;
        }
    };
    assert_eq!(waited, Err(NotDelivered::Closed));
    send();
    let waited = wait_while(&|| anna.sockets.shut_down());
    assert_eq!(waited, Err(NotDelivered::TimedOut { bytes: FOUR }));
}

/// As `k_nSteamNetworkingSend_NoDelay`: at once or not at all, once the two are connected.
#[test]
fn what_must_not_wait_is_refused_where_it_would() {
    let mut config = Config::new();
    config.set_send_rate(Some(100_000), Some(100_000)).unwrap();
    let (mut room, [anna, ben], [from_anna, from_ben]) = with_config(["anna", "ben"], config);
    room.acquaint([&anna, &ben], [&from_anna, &from_ben]);
    let send = |text: &[u8], flags| from_anna.send(&ben.name, CHANNEL, text, flags);
    send(b"soon", SendFlags::UNRELIABLE_NO_DELAY).unwrap();
    let soon = room.wait_on(&from_ben, CHANNEL);
    assert_eq!((&*soon, soon.is_reliable()), (&b"soon"[..], false));
    // A second's worth.
    send(&[7; 100_000], RELIABLE).unwrap();
    let late = send(b"late", SendFlags::UNRELIABLE_NO_DELAY);
    assert_eq!(late, Err(MessagesSendError::Refused(SendError::NotNow)));
    assert_eq!(late.result(), ResultCode::Ignored);
    // Reliable ones are never dropped.
    send(b"must", RELIABLE | SendFlags::NO_DELAY).unwrap();
    assert_eq!(room.wait_on(&from_ben, CHANNEL).len(), 100_000);
    assert_eq!(&*room.wait_on(&from_ben, CHANNEL), b"must");
}
