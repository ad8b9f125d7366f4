//! How connections end, and what the other side hears of it.

use std::time::Instant;

use bowline::{Config, ConnectionState, EndReason, SendFlags, Span};
use bowline_core::p2p::signal::Signal;
use bowline_interop::host::State;

use crate::room::{ANNA, Asks, BOTH, Guests, PORT, Room};

const TIMEOUT_MS: u64 = 1_500;

#[test]
fn gns_hears_of_our_close_at_once() {
    for asks in BOTH {
        let mut room = Room::new();
        let ends = room.connect(asks);
        let start = Instant::now();
        ends.ours
            .close(EndReason::from_app(1300), "good night", false)
            .unwrap();
        let theirs = room.theirs_in(State::ClosedByPeer);
        assert_eq!((theirs.reason, theirs.text.as_str()), (1300, "good night"));
        assert!(start.elapsed().as_millis() < 1_000);
    }
}

/// GNS tells nothing of its own accord, and answers what it is sent for 5 s.
#[test]
fn we_hear_of_the_close_of_gns_when_we_send() {
    for asks in BOTH {
        let mut room = Room::new();
        let ends = room.connect(asks);
        room.theirs.close(ends.theirs, 1301, "good morning");
        let start = Instant::now();
        let mut sent = false;
        let ended = room.run("the close of GNS", |room| {
            if !sent && start.elapsed().as_millis() > 200 {
                sent = true;
                // It may have ended by now, if a packet of ours was under way.
                let _ = ends.ours.send(b"?", SendFlags::RELIABLE_NO_NAGLE);
            }
            room.take_ours(ConnectionState::ClosedByPeer)
        });
        assert_eq!(ended.info.end_reason, EndReason::from_app(1301));
        assert_eq!(ended.info.end_text, "good morning");
        assert!(start.elapsed().as_millis() < 1_500);
    }
}

#[test]
fn a_rejection_is_heard() {
    let mut room = Room::new();
    room.theirs.listen(PORT, false);
    room.theirs.reject();
    room.call(Config::new());
    let ended = room.ours_in(ConnectionState::ClosedByPeer);
    assert_eq!(ended.info.end_reason, EndReason::from_app(1234));
    assert_eq!(ended.info.end_text, "not today");

    let mut room = Room::new();
    room.guests = Guests::Rejected;
    room.ask(Asks::Gns);
    let theirs = room.theirs_in(State::ClosedByPeer);
    assert_eq!((theirs.reason, theirs.text.as_str()), (1234, "not today"));
}

#[test]
fn who_gives_up_before_an_answer_says_so() {
    let mut room = Room::new();
    room.theirs.keep_waiting();
    room.theirs.listen(PORT, false);
    let ours = room.call(Config::new());
    room.theirs_in(State::Connecting);
    ours.close(EndReason::from_app(1302), "never mind", false)
        .unwrap();
    let theirs = room.theirs_in(State::ClosedByPeer);
    assert_eq!((theirs.reason, theirs.text.as_str()), (1302, "never mind"));

    let mut room = Room::new();
    room.guests = Guests::KeptWaiting;
    room.ask(Asks::Gns);
    let link = room.theirs_in(State::Connecting).link;
    let request = room.ours_in(ConnectionState::Connecting);
    assert!(request.is_request());
    room.theirs.close(link, 1303, "changed my mind");
    // GNS answers only what it is sent: that we accept is the next that it hears.
    request.connection.accept().unwrap();
    let ended = room.ours_in(ConnectionState::ClosedByPeer);
    assert_eq!(ended.info.end_reason, EndReason::from_app(1303));
    assert_eq!(ended.info.end_text, "changed my mind");
}

#[test]
fn a_close_is_heard_while_no_way_is_found() {
    for asks in BOTH {
        let mut room = Room::new();
        room.change_signals(|_, signal| Some(without_ways(signal)));
        room.ask(asks);
        let ours = room.ours_in(ConnectionState::FindingRoute).connection;
        room.theirs_in(State::FindingRoute);
        ours.close(EndReason::from_app(1304), "lost", false)
            .unwrap();
        let theirs = room.theirs_in(State::ClosedByPeer);
        assert_eq!((theirs.reason, theirs.text.as_str()), (1304, "lost"));
    }
    // GNS answers what we signal: here our addresses, which it has not acknowledged.
    for asks in BOTH {
        let mut room = Room::new();
        room.change_signals(|_, signal| Some(without_ways(signal)));
        room.ask(asks);
        room.ours_in(ConnectionState::FindingRoute);
        let link = room.theirs_in(State::FindingRoute).link;
        room.theirs.close(link, 1305, "lost too");
        let ended = room.ours_in(ConnectionState::ClosedByPeer);
        assert_eq!(ended.info.end_reason, EndReason::from_app(1305));
        assert_eq!(ended.info.end_text, "lost too");
    }
}

#[test]
fn who_finds_no_way_says_why() {
    for asks in BOTH {
        let mut room = impatient();
        room.change_signals(|_, signal| Some(without_ways(signal)));
        room.ask(asks);
        let (mut ours, mut theirs) = (None, None);
        room.run("both ends", |room| {
            ours = ours.take().or_else(|| ended(room));
            theirs = theirs.take().or_else(|| {
                room.take_theirs(State::ProblemDetectedLocally)
                    .or_else(|| room.take_theirs(State::ClosedByPeer))
            });
            (ours.is_some() && theirs.is_some()).then_some(())
        });
        let (ours, theirs) = (ours.unwrap(), theirs.unwrap());
        assert_eq!(ours.info.end_reason, EndReason::MISC_P2P_RENDEZVOUS);
        assert!(!ours.info.end_text.is_empty());
        assert_eq!(theirs.reason, 5008, "{}", theirs.text);
    }
}

#[test]
fn nobody_listens() {
    // Who is not asked does not answer.
    let mut room = impatient();
    room.guests = Guests::Ignored;
    room.theirs.connect(ANNA, PORT, false);
    let theirs = room.theirs_in(State::ProblemDetectedLocally);
    assert_eq!(theirs.reason, 5003, "{}", theirs.text);

    // GNS shows such a request to nobody here, and gives it up when we do.
    let mut room = impatient();
    room.call(Config::new());
    let ended = room.ours_in(ConnectionState::ProblemDetectedLocally);
    assert_eq!(ended.info.end_reason, EndReason::MISC_TIMEOUT);
}

#[test]
fn who_does_not_decide_lets_it_time_out() {
    let mut room = impatient();
    room.guests = Guests::KeptWaiting;
    room.ask(Asks::Gns);
    let theirs = room.theirs_in(State::ProblemDetectedLocally);
    assert_eq!(theirs.reason, 5003, "{}", theirs.text);

    let mut room = impatient();
    room.theirs.keep_waiting();
    room.ask(Asks::Bowline);
    let ended = room.run("our end", ended);
    assert_eq!(ended.info.end_reason, EndReason::MISC_TIMEOUT);
}

/// Both give up soon.
fn impatient() -> Room {
    let mut config = Config::new();
    config
        .set_timeout_initial(Span::from_millis(TIMEOUT_MS))
        .expect("a sound time");
    let mut room = Room::built(1, bowline_interop::courier::Roads::default(), |builder| {
        builder.config(config)
    });
    room.theirs.set("TimeoutInitial", &TIMEOUT_MS.to_string());
    room
}

fn ended(room: &mut Room) -> Option<bowline::ConnectionEvent> {
    room.take_ours(ConnectionState::ProblemDetectedLocally)
        .or_else(|| room.take_ours(ConnectionState::ClosedByPeer))
}

/// The signal with none of the passwords and candidates: the reliable messages arrive never.
fn without_ways(signal: Signal) -> Signal {
    Signal {
        first_reliable: None,
        reliable: Vec::new(),
        ..signal
    }
}
