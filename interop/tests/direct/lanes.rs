//! Lanes 0 to 7; GNS writes the headers of higher ones wrong.

use std::thread;
use std::time::{Duration, Instant};

use bowline_interop::host::{Lane, Options, Outgoing};
use bowline_interop::pair::{Ends, Library, Pair, Pairing};
use bowline_interop::traffic::{Planned, assert_reliable_intact, exchange, unreliable_arrived};

use crate::{Cost, Scenario};

pub(crate) const SCENARIOS: &[Scenario] = &[
    Scenario {
        name: "lanes_of_one_priority",
        cost: Cost::Waits,
        limit_s: 40,
        run: equal,
    },
    Scenario {
        name: "lanes_by_priority",
        cost: Cost::Waits,
        limit_s: 40,
        run: by_priority,
    },
    Scenario {
        name: "lanes_by_weight",
        cost: Cost::Works,
        limit_s: 40,
        run: by_weight,
    },
];

fn equal(pairing: Pairing) {
    run(
        pairing,
        &[Lane {
            priority: 0,
            weight: 1,
        }; LANES as usize],
    );
}

fn by_priority(pairing: Pairing) {
    let lane = |index| Lane {
        priority: i32::from(index % 3),
        weight: 1 + index,
    };
    run(pairing, &(0..LANES).map(lane).collect::<Vec<_>>());
}

fn run(pairing: Pairing, lanes: &[Lane]) {
    let options = Options {
        send_rate: Some(2_000_000),
        ..Options::default()
    };
    let (mut pair, ends) = Pair::connected(pairing, &options);
    pair.client.host.configure_lanes(ends.client, lanes);
    pair.server.host.configure_lanes(ends.server, lanes);
    let messages = mixed_over_lanes();
    let limit = Duration::from_secs(30);
    let (at_server, at_client) = exchange(&mut pair, ends, &messages, &messages, limit);
    for (side, outcome) in [("server", at_server), ("client", at_client)] {
        assert_reliable_intact(&messages, &outcome);
        let sent = messages.iter().filter(|message| !message.reliable).count();
        let arrived = unreliable_arrived(&messages, &outcome);
        assert!(
            arrived * 100 >= sent * 99,
            "{arrived} of {sent} reached the {side}"
        );
        assert_numbers_count_per_lane(&messages, &outcome.numbers);
        for message in &outcome.received {
            let of_lane = |(planned, number): &(&Planned, &u64)| {
                planned.lane == message.lane && **number == message.number
            };
            let (planned, _) = messages
                .iter()
                .zip(&outcome.numbers)
                .find(of_lane)
                .expect("it bears a number that was given");
            assert_eq!(planned.reliable, message.reliable);
            assert_eq!(planned.size, message.data.len());
        }
    }
}

/// A second's worth waits on two lanes that share 25 to 75, reliable and unreliable by turns, and less on
/// a third one that goes after them. Shares and order are what arrives, and our queue times come true.
fn by_weight(pairing: Pairing) {
    let options = Options {
        send_rate: Some(RATE),
        ..Options::default()
    };
    let (mut pair, ends) = Pair::connected(pairing, &options);
    let lanes = [(0, 25), (0, 75), (1, 1)].map(|(priority, weight)| Lane { priority, weight });
    pair.client.host.configure_lanes(ends.client, &lanes);
    // On a busy machine a sender may miss its time. Not every time.
    let worst = (0..5).map(|_| share_and_wait(&mut pair, ends));
    let worst = worst
        .inspect(|error| println!("queue times wrong by up to {error} ms"))
        .find(|error| *error <= 50 || pairing.client == Library::Gns);
    assert!(
        worst.is_some(),
        "our queue times are wrong by more than 50 ms"
    );
}

/// Returns by how many milliseconds the worst of the lanes' queue times was wrong.
fn share_and_wait(pair: &mut Pair, ends: Ends) -> u128 {
    let client = &mut pair.client.host;
    // Lane 2 comes last: with nothing else to send, it would go at once.
    for (lanes, count) in [(0..2, 300), (2..3, 100)] {
        for index in 0..count {
            for lane in lanes.clone() {
                let bytes = [7; 500];
                let reliable = Outgoing::reliable(&bytes);
                let unreliable = Outgoing::unreliable(&bytes);
                let message = if index % 2 == 0 { reliable } else { unreliable };
                let sent = client.send(ends.client, &message.on_lane(lane));
                sent.expect("there is room");
            }
        }
    }
    let estimates = [0, 1, 2].map(|lane| client.queue_time(ends.client, lane));
    let asked_at = Instant::now();
    for lane in 0..3 {
        let last = Outgoing::reliable(b"last").on_lane(lane).no_nagle();
        client.send(ends.client, &last).expect("there is room");
    }
    let (mut bytes, mut waited) = ([0; 3], [None; 3]);
    let mut received = Vec::new();
    while waited.contains(&None) {
        assert!(asked_at.elapsed() < Duration::from_secs(8), "{waited:?}");
        pair.client.changes();
        pair.server.changes();
        pair.server.host.receive(ends.server, &mut received);
        for message in received.drain(..) {
            let lane = usize::from(message.lane);
            if message.data == b"last" {
                waited[lane] = Some(asked_at.elapsed());
            } else if waited[1].is_none() {
                bytes[lane] += message.data.len();
            }
        }
        thread::sleep(Duration::from_millis(1));
    }
    let share = bytes[0] * 1000 / (bytes[0] + bytes[1]);
    assert!(
        share.abs_diff(250) <= 20,
        "lane 0 has {share} of 1000: {bytes:?}"
    );
    assert_eq!(
        bytes[2], 0,
        "the worse priority came before the better was done"
    );
    let waited = waited.map(Option::unwrap_or_default);
    let errors = estimates
        .iter()
        .zip(&waited)
        .map(|(estimate, waited)| estimate.as_millis().abs_diff(waited.as_millis()));
    errors.max().unwrap_or(0)
}

/// Bytes per second.
const RATE: u32 = 200_000;

/// Reliable and unreliable messages of all sizes, spread over the lanes.
fn mixed_over_lanes() -> Vec<Planned> {
    (0..800)
        .map(|index: u64| Planned {
            id: index + 1,
            size: 8 + (index * 7919 % 2500) as usize,
            lane: (index * 5 % u64::from(LANES)) as u16,
            reliable: !index.is_multiple_of(3),
        })
        .collect()
}

/// Each lane counts its messages from 1, whether reliable or not.
fn assert_numbers_count_per_lane(messages: &[Planned], numbers: &[u64]) {
    for lane in 0..LANES {
        let of_lane: Vec<u64> = messages
            .iter()
            .zip(numbers)
            .filter(|(planned, _)| planned.lane == lane)
            .map(|(_, &number)| number)
            .collect();
        assert!(
            of_lane.iter().copied().eq(1..=of_lane.len() as u64),
            "lane {lane}: {of_lane:?}"
        );
    }
}

const LANES: u16 = 8;
