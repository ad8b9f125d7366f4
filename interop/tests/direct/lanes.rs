//! Lanes 0 to 7; GNS writes the headers of higher ones wrong.

use std::time::Duration;

use bowline_interop::host::{Lane, Options};
use bowline_interop::pair::{Pair, Pairing};
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
