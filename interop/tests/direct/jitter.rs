//! Jitter, which a side can measure only if the other tells when it sent its packets.

use std::thread;
use std::time::Duration;

use bowline_interop::host::{Options, Outgoing};
use bowline_interop::pair::{Ends, Pair, Pairing};

use crate::{Cost, Scenario};

pub(crate) const SCENARIOS: &[Scenario] = &[
    Scenario {
        name: "jitter_where_the_times_are_told",
        cost: Cost::Waits,
        limit_s: 20,
        run: told,
    },
    Scenario {
        name: "no_jitter_where_they_are_not",
        cost: Cost::Waits,
        limit_s: 20,
        run: not_told,
    },
];

fn told(pairing: Pairing) {
    let (mut pair, ends) = connected(pairing, 1);
    talk(&mut pair, ends);
    let (client, server) = jitter(&pair, ends);
    println!("jitter of {client} us at the client, {server} us at the server");
    // A unit that is wrong by the factor 16, or a spacing that is not subtracted, is beyond this.
    for us in [client, server] {
        assert!((0..SPACING_US * 7 / 10).contains(&us), "{us}");
    }
}

fn not_told(pairing: Pairing) {
    let (mut pair, ends) = connected(pairing, 0);
    talk(&mut pair, ends);
    assert_eq!(jitter(&pair, ends), (-1, -1));
}

fn connected(pairing: Pairing, time_since_previous: u32) -> (Pair, Ends) {
    let options = Options {
        time_since_previous: Some(time_since_previous),
        ..Options::default()
    };
    Pair::connected(pairing, &options)
}

/// Small messages both ways, at an even pace.
fn talk(pair: &mut Pair, ends: Ends) {
    let message = Outgoing {
        no_nagle: true,
        ..Outgoing::unreliable(b"tick")
    };
    let sides = [
        (&mut pair.client, ends.client),
        (&mut pair.server, ends.server),
    ];
    let mut sides = sides.map(|(side, link)| (&mut side.host, link));
    for _ in 0..20 {
        for (host, link) in &mut sides {
            host.send(*link, &message).expect("there is room");
        }
        thread::sleep(Duration::from_micros(SPACING_US as u64));
    }
    pair.run_for(Duration::from_millis(200));
}

fn jitter(pair: &Pair, ends: Ends) -> (i32, i32) {
    (
        pair.client.host.status(ends.client).max_jitter_us,
        pair.server.host.status(ends.server).max_jitter_us,
    )
}

/// Between two messages.
const SPACING_US: i32 = 100_000;
