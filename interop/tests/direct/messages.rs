//! Messages of every size and kind over a good network.

use std::time::Duration;

use bowline_interop::host::{Options, Outgoing};
use bowline_interop::pair::{PROMPT, Pair, Pairing};
use bowline_interop::traffic::{
    Planned, assert_reliable_intact, exchange, payload, plan, unreliable_arrived,
};

use crate::{Cost, Scenario};

pub(crate) const SCENARIOS: &[Scenario] = &[
    Scenario {
        name: "reliable_mixed_sizes",
        cost: Cost::Works,
        limit_s: 60,
        run: mixed,
    },
    Scenario {
        name: "large_both_ways",
        cost: Cost::Works,
        limit_s: 60,
        run: large,
    },
    Scenario {
        name: "many_small",
        cost: Cost::Works,
        limit_s: 60,
        run: small,
    },
    Scenario {
        name: "unreliable_fragments",
        cost: Cost::Waits,
        limit_s: 40,
        run: fragments,
    },
    Scenario {
        name: "empty_messages",
        cost: Cost::Waits,
        limit_s: 15,
        run: empty,
    },
    Scenario {
        name: "numbers_and_kinds",
        cost: Cost::Waits,
        limit_s: 15,
        run: numbers,
    },
    Scenario {
        name: "small_packets",
        cost: Cost::Works,
        limit_s: 60,
        run: small_packets,
    },
    Scenario {
        name: "default_rates",
        cost: Cost::Waits,
        limit_s: 40,
        run: default_rates,
    },
    Scenario {
        name: "slow_reader",
        cost: Cost::Waits,
        limit_s: 40,
        run: slow_reader,
    },
];

/// The largest message that GNS sends or takes.
const LARGEST: usize = 512 * 1024;

/// The largest message that GNS sends unreliably; it makes longer ones reliable.
const LARGEST_UNRELIABLE: usize = 16_500;

fn fast() -> Options {
    Options {
        send_rate: Some(20_000_000),
        ..Options::default()
    }
}

/// 1000 messages each way: 900 of up to 2 KiB, 90 of up to 32 KiB, 10 of up to 512 KiB.
fn mixed(pairing: Pairing) {
    let (mut pair, ends) = Pair::connected(pairing, &fast());
    let size = |index: usize| match index % 100 {
        7 => LARGEST - (index / 100) * 1000,
        n if n % 11 == 3 => 1 + index * 7919 % 32_768,
        _ => 1 + index * 7919 % 2048,
    };
    let messages = plan(true, (0..1000).map(size));
    assert!(messages.iter().any(|message| message.size == LARGEST));
    let limit = Duration::from_secs(50);
    let (at_server, at_client) = exchange(&mut pair, ends, &messages, &messages, limit);
    assert_reliable_intact(&messages, &at_server);
    assert_reliable_intact(&messages, &at_client);
}

fn large(pairing: Pairing) {
    let (mut pair, ends) = Pair::connected(pairing, &fast());
    let messages = plan(true, [LARGEST; 40]);
    let limit = Duration::from_secs(50);
    let (at_server, at_client) = exchange(&mut pair, ends, &messages, &messages, limit);
    assert_reliable_intact(&messages, &at_server);
    assert_reliable_intact(&messages, &at_client);
}

fn small(pairing: Pairing) {
    let (mut pair, ends) = Pair::connected(pairing, &fast());
    let messages = plan(true, (0..8_000).map(|index| 1 + index % 100));
    let limit = Duration::from_secs(50);
    let (at_server, at_client) = exchange(&mut pair, ends, &messages, &messages, limit);
    assert_reliable_intact(&messages, &at_server);
    assert_reliable_intact(&messages, &at_client);
}

/// One at a time: GNS keeps only some 20 fragments of incomplete messages.
fn fragments(pairing: Pairing) {
    let (mut pair, ends) = Pair::connected(pairing, &fast());
    let mut arrived = 0;
    let sizes: Vec<usize> = (1..=200)
        .map(|index| index * LARGEST_UNRELIABLE / 200)
        .collect();
    for (index, &size) in sizes.iter().enumerate() {
        let message = [Planned {
            id: index as u64 + 1,
            size: size.max(8),
            lane: 0,
            reliable: false,
        }];
        let (at_server, at_client) = exchange(&mut pair, ends, &message, &message, PROMPT);
        for outcome in [at_server, at_client] {
            arrived += unreliable_arrived(&message, &outcome);
        }
    }
    assert!(arrived >= 396, "only {arrived} of 400 messages arrived");
}

fn empty(pairing: Pairing) {
    let (mut pair, ends) = Pair::connected(pairing, &Options::default());
    let messages: Vec<Planned> = (0..20)
        .map(|index| Planned {
            id: index + 1,
            size: if index % 5 == 4 { 30 } else { 0 },
            lane: 0,
            reliable: index % 2 == 0,
        })
        .collect();
    let (at_server, at_client) = exchange(&mut pair, ends, &messages, &messages, PROMPT);
    for outcome in [at_server, at_client] {
        assert_reliable_intact(&messages, &outcome);
        assert_eq!(unreliable_arrived(&messages, &outcome), 10);
    }
}

/// A receiver sees the numbers and the kinds that the sender gave.
fn numbers(pairing: Pairing) {
    let (mut pair, ends) = Pair::connected(pairing, &Options::default());
    let messages: Vec<Planned> = (0..60)
        .map(|index| Planned {
            id: index + 1,
            size: 50,
            lane: 0,
            reliable: index % 4 < 2,
        })
        .collect();
    let (at_server, at_client) = exchange(&mut pair, ends, &messages, &messages, PROMPT);
    for outcome in [at_server, at_client] {
        assert!(
            outcome.numbers.iter().copied().eq(1..=60),
            "{:?}",
            outcome.numbers
        );
        assert_eq!(outcome.received.len(), messages.len());
        for message in &outcome.received {
            let planned = &messages[message.number as usize - 1];
            assert_eq!(
                message.reliable, planned.reliable,
                "message {}",
                message.number
            );
            assert!(message.data == payload(planned.id, planned.size));
        }
    }
}

/// Both sides keep to a small packet size.
fn small_packets(pairing: Pairing) {
    let options = Options {
        mtu: Some(400),
        ..fast()
    };
    let (mut pair, ends) = Pair::connected(pairing, &options);
    let messages = plan(true, (0..200).map(|index| 1 + index * 97));
    let limit = Duration::from_secs(50);
    let (at_server, at_client) = exchange(&mut pair, ends, &messages, &messages, limit);
    assert_reliable_intact(&messages, &at_server);
    assert_reliable_intact(&messages, &at_client);
}

/// Nothing configured on either side.
fn default_rates(pairing: Pairing) {
    let (mut pair, ends) = Pair::connected(pairing, &Options::default());
    let messages = plan(true, [LARGEST, 10, LARGEST, 10]);
    let limit = Duration::from_secs(30);
    let (at_server, at_client) = exchange(&mut pair, ends, &messages, &messages, limit);
    assert_reliable_intact(&messages, &at_server);
    assert_reliable_intact(&messages, &at_client);
}

/// A receiver that reads nothing for a while loses nothing.
fn slow_reader(pairing: Pairing) {
    let (mut pair, ends) = Pair::connected(pairing, &fast());
    let messages = plan(true, [40_000; 50]);
    let mut unsent = messages.iter().peekable();
    let deadline = std::time::Instant::now() + Duration::from_secs(3);
    // Twice what a receiver buffers, with nobody reading.
    while std::time::Instant::now() < deadline {
        if let Some(planned) = unsent.peek() {
            let data = payload(planned.id, planned.size);
            if pair
                .client
                .host
                .send(ends.client, &Outgoing::reliable(&data))
                .is_ok()
            {
                unsent.next();
                continue;
            }
        }
        pair.run_for(Duration::from_millis(5));
    }
    let mut received = Vec::new();
    pair.until("all has been read", Duration::from_secs(20), |pair| {
        if let Some(planned) = unsent.peek() {
            let data = payload(planned.id, planned.size);
            if pair
                .client
                .host
                .send(ends.client, &Outgoing::reliable(&data))
                .is_ok()
            {
                unsent.next();
            }
        }
        pair.server.host.receive(ends.server, &mut received);
        received.len() == messages.len()
    });
    for (planned, message) in messages.iter().zip(&received) {
        assert!(
            message.data == payload(planned.id, planned.size),
            "message {}",
            message.number
        );
    }
}
