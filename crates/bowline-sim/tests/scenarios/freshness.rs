//! Deadlines, keys and sequenced lanes on bad networks, against a receiver that checks every message.

use bowline_core::config::{Config, LaneConfig};
use bowline_core::counters::DropReason;
use bowline_core::ids::{LaneIndex, MessageNumber};
use bowline_core::message::{Freshness, Outgoing, SendFlags};
use bowline_sim::{Chance, Conn, HostConfig, World, deterministic};

use crate::support::{connected, far, ms, payload, secs};

const EVENTS: LaneIndex = LaneIndex::ZERO;
const STATE: LaneIndex = LaneIndex::new(1);

/// A game that says more than the path takes: events reliably, states with keys and deadlines.
fn play(world: &mut World, ours: Conn, rounds: u32) {
    let mut rng = world.rng("game");
    for round in 0..rounds {
        for entity in 0..8 {
            let len = 100 + rng.below(600) as usize;
            let data = payload(&mut rng, len);
            let mut message = Outgoing::new(STATE, SendFlags::UNRELIABLE, &data[..]);
            message.freshness = Freshness {
                deadline: (entity % 2 == 0).then_some(ms(60)),
                key: (entity % 3 != 0).then_some(entity),
            };
            world.send_message(ours, message).unwrap();
        }
        if round % 4 == 0 {
            let len = rng.below(3_000) as usize;
            let data = payload(&mut rng, len);
            world
                .send_in_lane(ours, EVENTS, SendFlags::RELIABLE, &data)
                .unwrap();
        }
        world.run_for(ms(33));
    }
}

fn slow_host() -> HostConfig {
    let mut config = Config::new();
    config.set_send_rate(Some(60_000), Some(60_000)).unwrap();
    HostConfig {
        connection: config,
        ..HostConfig::default()
    }
}

#[test]
fn stale_states_make_way_and_events_all_arrive() {
    for seed in 400..410 {
        deterministic(seed, |world| {
            world.set_links(
                far()
                    .loss(Chance::percent(5))
                    .jitter_out_of_order(ms(40))
                    .duplicate(Chance::percent(5), ms(20)),
            );
            let (ours, theirs) = connected(world, slow_host());
            let lanes = [LaneConfig::new(0, 1), LaneConfig::new(1, 1)];
            world.configure_lanes(ours, &lanes).unwrap();
            world.set_sequenced(theirs, Some(STATE), true);
            world.set_reads_at_once(theirs, false);
            play(world, ours, 150);
            world.set_reads_at_once(theirs, true);
            world.wait_for_delivery(ours, secs(30)).unwrap();
            world.run_for(secs(1));
            let status = world.status(ours).unwrap();
            assert!(status.expired_messages > 50, "{status:?}");
            assert!(status.replaced_messages > 50, "{status:?}");
            assert_eq!(status.pending_unreliable_bytes, 0);
            let drops = world.connection(theirs).unwrap().drops();
            assert!(drops.of(DropReason::LateMessage) > 10, "{drops:?}");
            let counts = world.deliveries(ours).unwrap().counts();
            assert_eq!(counts.reliable_received, counts.reliable_sent);
            let mut newest = MessageNumber::NONE;
            while let Some(message) = world.receive(theirs) {
                if message.lane == STATE {
                    assert!(message.number > newest);
                    newest = message.number;
                }
            }
        });
    }
}
