//! How connections come about, on good roads and bad ones, and how long that takes.

use std::time::{Duration, Instant};

use bowline::{Config, ConnectionState, InfoFlags};
use bowline_interop::courier::Roads;
use bowline_interop::host::State;

use crate::messages::exchange;
use crate::room::{ANNA, Asks, BEN, BOTH, Ends, PORT, Room, name, story};

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
