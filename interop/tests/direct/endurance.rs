//! Idle and busy for a long time.

use std::time::{Duration, Instant};

use bowline_interop::host::{Host, Link, Options, Outgoing, State};
use bowline_interop::pair::{PROMPT, Pair, Pairing};
use bowline_interop::traffic::{assert_reliable_intact, exchange, payload, plan};

use crate::{Cost, Scenario};

pub(crate) const SCENARIOS: &[Scenario] = &[
    Scenario {
        name: "idle_for_30_seconds",
        cost: Cost::Waits,
        limit_s: 60,
        run: idle,
    },
    Scenario {
        name: "busy_from_client",
        cost: Cost::Works,
        limit_s: 100,
        run: busy_up,
    },
    Scenario {
        name: "busy_from_server",
        cost: Cost::Works,
        limit_s: 100,
        run: busy_down,
    },
];

/// Longer than three times the limit for silence, so that only keepalives can save it.
fn idle(pairing: Pairing) {
    let (mut pair, ends) = Pair::connected(pairing, &Options::default());
    let start = Instant::now();
    while start.elapsed() < Duration::from_secs(32) {
        pair.run_for(Duration::from_millis(100));
        assert_eq!(pair.client.host.info(ends.client).state, State::Connected);
        assert_eq!(pair.server.host.info(ends.server).state, State::Connected);
    }
    let messages = plan(true, [10, 2000]);
    let (at_server, at_client) = exchange(&mut pair, ends, &messages, &messages, PROMPT);
    assert_reliable_intact(&messages, &at_server);
    assert_reliable_intact(&messages, &at_client);
}

fn busy_up(pairing: Pairing) {
    let (mut pair, ends) = Pair::connected(pairing, &highest_rate());
    let Pair { client, server, .. } = &mut pair;
    let time = if pairing.is_mixed() {
        BUSY
    } else {
        BUSY_BRIEFLY
    };
    flood(
        time,
        client.host.as_mut(),
        ends.client,
        server.host.as_mut(),
        ends.server,
    );
}

fn busy_down(pairing: Pairing) {
    let (mut pair, ends) = Pair::connected(pairing, &highest_rate());
    let Pair { client, server, .. } = &mut pair;
    flood(
        BUSY_BRIEFLY,
        server.host.as_mut(),
        ends.server,
        client.host.as_mut(),
        ends.client,
    );
}

/// What GNS holds on one machine without losing the connection; it has no flow control.
fn highest_rate() -> Options {
    Options {
        send_rate: Some(60_000_000),
        send_buffer: Some(4 << 20),
        recv_buffer: Some(8 << 20),
        recv_buffer_messages: Some(10_000),
        ..Options::default()
    }
}

/// Sends reliably for a time, as fast as it goes, and checks every message.
fn flood(time: Duration, from: &mut dyn Host, from_link: Link, to: &mut dyn Host, to_link: Link) {
    // A few kinds of contents suffice to notice a swap, and cost no time to make.
    let payloads: Vec<Vec<u8>> = (0..13).map(|id| payload(id, MESSAGE)).collect();
    let (mut sent, mut received) = (0, 0);
    let mut arrived = Vec::new();
    let mut changes = Vec::new();
    let start = Instant::now();
    let mut quiet_since = start;
    while start.elapsed() < time || received < sent {
        if start.elapsed() < time {
            for _ in 0..8 {
                let message = Outgoing::reliable(&payloads[sent % payloads.len()]);
                if from.send(from_link, &message).is_err() {
                    break;
                }
                sent += 1;
            }
        }
        to.receive(to_link, &mut arrived);
        if arrived.is_empty() {
            let quiet = quiet_since.elapsed();
            assert!(
                quiet < PROMPT,
                "nothing for {quiet:?} after {received} messages"
            );
            std::thread::sleep(Duration::from_micros(200));
        } else {
            quiet_since = Instant::now();
        }
        for message in arrived.drain(..) {
            assert!(
                message.data == payloads[received % payloads.len()],
                "message {received}"
            );
            received += 1;
        }
        from.changes(&mut changes);
        to.changes(&mut changes);
    }
    assert_eq!(from.info(from_link).state, State::Connected);
    assert_eq!(to.info(to_link).state, State::Connected);
    let rate = (received * MESSAGE) as f64 / start.elapsed().as_secs_f64() / 1e6;
    println!("{rate:.1} MB/s over {:?}", start.elapsed());
    assert!(rate > 5.0, "only {rate:.1} MB/s");
}

/// In each pairing of the two libraries the client sends this long.
const BUSY: Duration = Duration::from_secs(60);

const BUSY_BRIEFLY: Duration = Duration::from_secs(8);

const MESSAGE: usize = 16 * 1024;
