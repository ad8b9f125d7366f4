//! A bad network, made by GNS at its end.

use std::time::Duration;

use bowline_interop::gns::{Conditions, impair};
use bowline_interop::host::Options;
use bowline_interop::pair::{Pair, Pairing};
use bowline_interop::traffic::{Planned, assert_reliable_intact, exchange, unreliable_arrived};

use crate::{Cost, Scenario};

pub(crate) const SCENARIOS: &[Scenario] = &[
    Scenario {
        name: "loss_lag_and_reordering",
        cost: Cost::Waits,
        limit_s: 90,
        run: all_three,
    },
    Scenario {
        name: "loss",
        cost: Cost::Waits,
        limit_s: 60,
        run: loss,
    },
    Scenario {
        name: "reordering",
        cost: Cost::Waits,
        limit_s: 60,
        run: reordering,
    },
    Scenario {
        name: "duplicates",
        cost: Cost::Waits,
        limit_s: 60,
        run: duplicates,
    },
    Scenario {
        name: "handshake_under_loss",
        cost: Cost::Waits,
        limit_s: 120,
        run: handshake,
    },
];

const LOSS_LAG_REORDER: Conditions = Conditions {
    loss_pct: 5.0,
    lag_ms: 50,
    reorder_pct: 5.0,
    reorder_ms: 15,
    duplicate_pct: 0.0,
};

const PERFECT: Conditions = Conditions {
    loss_pct: 0.0,
    lag_ms: 0,
    reorder_pct: 0.0,
    reorder_ms: 15,
    duplicate_pct: 0.0,
};

fn all_three(pairing: Pairing) {
    run(pairing, &LOSS_LAG_REORDER, 70);
}

fn loss(pairing: Pairing) {
    run(
        pairing,
        &Conditions {
            loss_pct: 5.0,
            ..PERFECT
        },
        70,
    );
}

fn reordering(pairing: Pairing) {
    run(
        pairing,
        &Conditions {
            reorder_pct: 5.0,
            ..PERFECT
        },
        90,
    );
}

fn duplicates(pairing: Pairing) {
    run(
        pairing,
        &Conditions {
            duplicate_pct: 20.0,
            ..PERFECT
        },
        99,
    );
}

/// Sends 1.5 MB of both kinds each way; `least_pct` of the unreliable ones must arrive.
fn run(pairing: Pairing, conditions: &Conditions, least_pct: usize) {
    let options = Options {
        send_rate: Some(1_000_000),
        ..Options::default()
    };
    impair(conditions);
    let mut pair = Pair::new(pairing, &options);
    // The first packets may be lost, so this may take several attempts of the handshake.
    pair.patience = PATIENCE;
    let ends = pair.connect(&options);
    let messages: Vec<Planned> = (0..1000)
        .map(|index: u64| Planned {
            id: index + 1,
            size: 8 + (index * 7919 % 3000) as usize,
            lane: 0,
            reliable: !index.is_multiple_of(3),
        })
        .collect();
    let limit = Duration::from_secs(50);
    let (at_server, at_client) = exchange(&mut pair, ends, &messages, &messages, limit);
    for (side, outcome) in [("server", at_server), ("client", at_client)] {
        assert_reliable_intact(&messages, &outcome);
        let sent = messages.iter().filter(|message| !message.reliable).count();
        let arrived = unreliable_arrived(&messages, &outcome);
        assert!(
            arrived * 100 >= sent * least_pct,
            "{arrived} of {sent} reached the {side}"
        );
    }
    // GNS delays what it sends and what it receives.
    let lag_ms = 2 * conditions.lag_ms;
    for status in [
        pair.client.host.status(ends.client),
        pair.server.host.status(ends.server),
    ] {
        assert!(
            status.ping_ms >= lag_ms * 9 / 10,
            "ping {} ms, lag {lag_ms} ms",
            status.ping_ms
        );
        assert!(
            status.ping_ms <= lag_ms * 3 + 150,
            "ping {} ms, lag {lag_ms} ms",
            status.ping_ms
        );
    }
}

/// Connects again and again while a fifth of all packets is lost each way.
fn handshake(pairing: Pairing) {
    impair(&Conditions {
        loss_pct: 20.0,
        ..PERFECT
    });
    let limit_ms = PATIENCE.as_millis().try_into().ok();
    let options = Options {
        timeout_initial_ms: limit_ms,
        ..Options::default()
    };
    let mut pair = Pair::new(pairing, &options);
    pair.patience = PATIENCE;
    for _ in 0..8 {
        let ends = pair.connect(&options);
        pair.client.host.close(ends.client, 0, "", false);
        pair.server.forget_changes();
    }
}

/// Dozens of attempts of the handshake, half a second apart.
const PATIENCE: Duration = Duration::from_secs(25);
