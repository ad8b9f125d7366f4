//! How connections come about, on good roads and bad ones, and how long that takes.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::rc::Rc;
use std::time::{Duration, Instant};

use bowline::{Config, ConnectionState, InfoFlags};
use bowline_core::ice::Candidate;
use bowline_core::p2p::signal::ReliableMessage;
use bowline_interop::courier::Roads;
use bowline_interop::host::State;

use crate::messages::exchange;
use crate::room::{ANNA, Asks, BEN, BOTH, Ends, LIMIT, PORT, Room, Way, name, story};

/// Why a connection of ours can be asked.
const LIVES: &str = "it is not closed";

/// Loses, doubles and swaps.
pub(crate) const BAD: Roads = Roads {
    loss_pct: 25,
    duplicate_pct: 20,
    delay: Duration::from_millis(10),
    jitter: Duration::from_millis(60),
};

#[test]
fn each_may_ask_the_other() {
    for asks in BOTH {
        let mut room = Room::new();
        room.ask(asks);
        let theirs = room.theirs_in(State::Connected);
        let ours = room.ours_in(ConnectionState::Connected).connection;
        assert_eq!(theirs.peer, ANNA);
        assert!(!theirs.vouched && !theirs.relayed);
        let info = ours.info().unwrap();
        assert_eq!(info.identity, Some(name(BEN)));
        assert!(!info.authenticated && info.encrypted);
        assert!(info.flags.contains(InfoFlags::UNAUTHENTICATED));
        assert!(!info.flags.contains(InfoFlags::RELAYED));
        assert_ne!(info.remote_addr.port(), 0, "{}", story(&ours));
        let ends = Ends {
            ours,
            theirs: theirs.link,
        };
        exchange(&mut room, &ends);
    }
}

/// Both tell an address that the other has named, and of what kind the way is.
#[test]
fn both_tell_how_they_reach_each_other() {
    for asks in BOTH {
        let mut room = Room::new();
        let named = Rc::new(RefCell::new(BTreeMap::<_, BTreeSet<_>>::new()));
        let note = Rc::clone(&named);
        room.change_signals(move |from, signal| {
            for message in &signal.reliable {
                if let ReliableMessage::Candidate(text) = message {
                    let address = Candidate::parse(text).unwrap().address;
                    let mut named = note.borrow_mut();
                    named.entry(from.to_owned()).or_default().insert(address);
                }
            }
            Some(signal)
        });
        let ends = room.connect(asks);
        exchange(&mut room, &ends);
        // Each may have heard the other by a way that it does not take itself yet.
        let mut told = None;
        let settled = room.run_for(LIMIT, |room| {
            let ours = our_way(&ends);
            let theirs = room.their_way(ends.theirs);
            told = Some((ours, theirs));
            let is_told = |way: &Way, by| {
                way.ping_ms >= 0
                    && way
                        .address
                        .is_some_and(|at| named.borrow()[by].contains(&at))
            };
            (is_told(&ours, BEN) && is_told(&theirs, ANNA)).then_some((ours, theirs))
        });
        let (ours, theirs) = settled.unwrap_or_else(|| panic!("{told:?}{}", story(&ends.ours)));
        println!("{asks:?} asks: ours {ours:?}, theirs {theirs:?}");
        for way in [ours, theirs] {
            let is_fast = way.address.is_some_and(|at| is_private(at.ip()));
            let fast = InfoFlags::FAST.bits() * u32::from(is_fast);
            assert_eq!(
                way.flags,
                InfoFlags::UNAUTHENTICATED.bits() | fast,
                "{way:?}"
            );
            // Nothing lies between them.
            assert!(way.ping_ms < 100, "{way:?}");
        }
        // If we choose, GNS may stay with a way of another address family, which it likes better.
        if asks == Asks::Bowline {
            assert_eq!(ours.flags, theirs.flags, "{ours:?} {theirs:?}");
        }
    }
}

fn is_private(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => ip.is_private(),
        IpAddr::V6(ip) => ip.is_unique_local(),
    }
}

fn our_way(ends: &Ends) -> Way {
    let info = ends.ours.info().expect(LIVES);
    let ping_ms = ends.ours.status().expect(LIVES).ping_ms;
    Way {
        address: (info.remote_addr.port() != 0).then_some(info.remote_addr),
        flags: info.flags.bits(),
        ping_ms: ping_ms.map_or(-1, u32::cast_signed),
    }
}

#[test]
fn bad_roads_only_take_longer() {
    for seed in 1..=4 {
        for asks in BOTH {
            let mut room = Room::with(seed, BAD);
            let ends = room.connect(asks);
            exchange(&mut room, &ends);
        }
    }
}

#[test]
fn reordered_signals_do_no_harm() {
    let roads = Roads {
        jitter: Duration::from_millis(300),
        ..Roads::default()
    };
    for asks in BOTH {
        let mut room = Room::with(9, roads);
        let ends = room.connect(asks);
        exchange(&mut room, &ends);
    }
}

/// How long it takes, told with `--nocapture`; what is asserted leaves room for a busy machine.
#[test]
fn it_takes_moments() {
    const ROUNDS: usize = 9;
    for asks in BOTH {
        let mut room = Room::new();
        room.theirs.listen(PORT, false);
        room.listen();
        // The first round starts what is there later.
        let mut took: Vec<[Duration; 2]> = (0..=ROUNDS).map(|_| round(&mut room, asks)).collect();
        took.remove(0);
        let median = [0, 1].map(|end| {
            let mut times: Vec<Duration> = took.iter().map(|both| both[end]).collect();
            times.sort();
            times[ROUNDS / 2]
        });
        println!(
            "{asks:?} asks: medians of {ROUNDS} rounds: ours {:?}, theirs {:?}",
            median[0], median[1]
        );
        assert!(median.iter().all(|median| *median < Duration::from_secs(2)));
    }
}

/// One connection: how long it took us, and GNS, to be connected.
fn round(room: &mut Room, asks: Asks) -> [Duration; 2] {
    let start = Instant::now();
    match asks {
        Asks::Bowline => drop(room.call(Config::new())),
        Asks::Gns => room.theirs.connect(ANNA, PORT, false),
    }
    let mut took = [None; 2];
    room.run("a round", |room| {
        let [ours, theirs] = &mut took;
        if ours.is_none() && room.take_ours(ConnectionState::Connected).is_some() {
            *ours = Some(start.elapsed());
        }
        if theirs.is_none() && room.take_theirs(State::Connected).is_some() {
            *theirs = Some(start.elapsed());
        }
        took.iter().all(Option::is_some).then_some(())
    });
    took.map(|took| took.expect("both are connected"))
}
