//! What we send never drives a GNS receiver over its limits.

use bowline_core::config::LaneConfig;
use bowline_core::crypto::cipher_negotiation::EncryptionPolicy;
use bowline_core::ids::LaneIndex;
use bowline_core::message::SendFlags;
use bowline_core::time::Span;
use bowline_sim::{
    Chance, Conn, FindingKind, GnsCounters, HostConfig, LinkConfig, Refusal, World, deterministic,
};

use crate::support::{connected, far, ms, payload, secs};

/// Without encryption, so that the model can read along, and with large buffers.
fn open() -> HostConfig {
    let mut config = HostConfig::default();
    config.connection.set_encryption(EncryptionPolicy::Off);
    config.connection.set_send_buffer(8 * 1024 * 1024).unwrap();
    config.connection.set_send_rate(None, None).unwrap();
    config
}

/// Connects, with the limits of a GNS receiver in front of the second end.
fn observed(world: &mut World) -> (Conn, Conn) {
    let (ours, theirs) = connected(world, open());
    assert!(!world.info(ours).encrypted);
    world.receive_as_gns(theirs);
    (ours, theirs)
}

/// Keeps the send buffer full for a while, in two lanes, with unreliable messages in between.
fn bulk(world: &mut World, conn: Conn, span: Span) {
    let mut rng = world.rng("bulk");
    let end = world.now() + span;
    while world.now() < end {
        for lane in [0, 1] {
            let data = payload(&mut rng, 20_000);
            // A full buffer is what this is after.
            let lane = LaneIndex::new(lane);
            while world
                .send_in_lane(conn, lane, SendFlags::RELIABLE, &data)
                .is_ok()
            {}
        }
        let data = payload(&mut rng, 4_000);
        let _ = world.send(conn, SendFlags::UNRELIABLE_NO_NAGLE, &data);
        world.run_for(ms(10));
    }
}

/// Nothing refused, nothing fatal.
fn assert_clean(world: &World, receiver: Conn) -> GnsCounters {
    let model = world.gns_receiver(receiver).unwrap();
    let violations: Vec<String> = model
        .violations()
        .take(5)
        .map(|v| format!("\n  {v}"))
        .collect();
    let counters = model.counters();
    assert!(
        violations.is_empty(),
        "{}\n{counters:?}\n{world:?}",
        violations.concat()
    );
    counters
}

fn flood(seed: u64, link: LinkConfig) -> GnsCounters {
    deterministic(seed, |world| {
        world.set_links(link);
        let (ours, theirs) = observed(world);
        world
            .configure_lanes(ours, &[LaneConfig::new(0, 1), LaneConfig::new(0, 2)])
            .unwrap();
        bulk(world, ours, secs(5));
        assert_clean(world, theirs)
    })
}

/// 100 Mbit/s with a queue of 50 ms.
fn broadband() -> LinkConfig {
    LinkConfig::PERFECT
        .latency(ms(15))
        .rate(12_500_000, 625_000)
}

#[test]
fn not_at_full_speed_without_loss() {
    let counters = flood(60, LinkConfig::PERFECT.latency(ms(15)));
    assert!(counters.messages > 100, "{counters:?}");
}

#[test]
fn not_with_one_percent_of_loss() {
    for seed in 61..64 {
        flood(seed, broadband().loss(Chance::percent(1)));
    }
}

#[test]
fn not_with_five_percent_of_loss() {
    for seed in 64..67 {
        flood(seed, broadband().loss(Chance::percent(5)));
    }
}

#[test]
fn not_with_reordering_and_duplicates() {
    for seed in 67..70 {
        let link = broadband().reorder(Chance::percent(2), ms(10));
        flood(seed, link.duplicate(Chance::percent(2), ms(50)));
    }
}

/// The first losses of a queue that overflows come before anybody can know of them, so GNS may have to
/// refuse. That must cost speed only, and not much of it.
#[test]
fn a_bottleneck_that_drops_the_tail_costs_only_speed() {
    for seed in 70..73 {
        deterministic(seed, |world| {
            world.set_links(LinkConfig::PERFECT.latency(ms(40)).rate(1_000_000, 50_000));
            let (ours, theirs) = observed(world);
            bulk(world, ours, secs(10));
            let model = world.gns_receiver(theirs).unwrap();
            let worse = model.violations().find(|finding| {
                let kind = finding.kind;
                !matches!(
                    kind,
                    FindingKind::Refused(Refusal::Holes { .. } | Refusal::SplitHoles { .. })
                )
            });
            assert_eq!(worse, None, "{world:?}");
            let received = world.deliveries(ours).unwrap().counts().reliable_received;
            // Of the ten megabytes that fit through.
            assert!(
                received * 20_000 > 6_000_000,
                "{received}\n{:?}\n{world:?}",
                model.counters()
            );
        });
    }
}

#[test]
fn not_around_an_outage_of_two_seconds() {
    for seed in 73..76 {
        deterministic(seed, |world| {
            world.set_links(broadband().loss(Chance::percent(1)));
            let (ours, theirs) = observed(world);
            world
                .configure_lanes(ours, &[LaneConfig::default(), LaneConfig::default()])
                .unwrap();
            bulk(world, ours, secs(2));
            world.set_connected(ours.host, theirs.host, false);
            bulk(world, ours, secs(2));
            world.set_connected(ours.host, theirs.host, true);
            bulk(world, ours, secs(3));
            assert_clean(world, theirs);
        });
    }
}

#[test]
fn not_by_unreliable_messages_flat_out_through_an_outage() {
    deterministic(76, |world| {
        world.set_links(far());
        let (ours, theirs) = observed(world);
        for n in 0..600u32 {
            for _ in 0..100 {
                // Refused when the buffer is full.
                let _ = world.send(ours, SendFlags::UNRELIABLE, &[7; 1000]);
            }
            world.run_for(ms(5));
            if n == 200 || n == 500 {
                world.set_connected(ours.host, theirs.host, n == 500);
            }
        }
        world.run_for(secs(1));
        assert_clean(world, theirs);
    });
}
