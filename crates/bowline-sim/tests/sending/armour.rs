//! Small reliable messages on a path that loses: a lost one is there with a later packet, long before its
//! loss is known, and what that costs follows the loss.
//!
//! The rows are those of the benchmarks: 30 messages of 200 bytes a second.

use bowline_core::config::LaneConfig;
use bowline_core::crypto::cipher_negotiation::EncryptionPolicy;
use bowline_core::ids::LaneIndex;
use bowline_core::message::SendFlags;
use bowline_core::stats::ArmourStats;
use bowline_core::time::Span;
use bowline_sim::{Chance, Conn, GilbertElliott, HostConfig, LinkConfig, World, deterministic};

const MESSAGE: usize = 200;
/// What such a message takes in its stream: a header of two bytes comes first.
const IN_STREAM: u64 = 202;
/// Learning what the path loses is not measured.
const WARM_UP: u64 = 150;
const SEEDS: u64 = 6;

/// Messages at a steady pace.
#[derive(Clone, Copy)]
struct Flow {
    link: LinkConfig,
    armour: bool,
    every: Span,
    count: u64,
    /// Messages at the beginning that are not measured.
    warm_up: u64,
    /// A receiver that keeps to the limits of GNS.
    gns: bool,
}

/// One-way latencies, and what the armour cost.
struct Run {
    /// From short to long.
    latencies: Vec<Span>,
    armour: ArmourStats,
    sent_bytes: u64,
}

impl Flow {
    /// A minute of inputs.
    const fn inputs(link: LinkConfig) -> Self {
        Self {
            link,
            armour: true,
            every: Span::from_micros(33_333),
            count: 1800,
            warm_up: WARM_UP,
            gns: false,
        }
    }

    const fn without_armour(mut self) -> Self {
        self.armour = false;
        self
    }

    /// Sends it, and sees to it that all arrives once and in order.
    fn run(self, world: &mut World) -> Run {
        world.set_links(self.link);
        let mut config = settings(self.armour);
        if self.gns {
            config.is_like_gns = true;
            config.connection.set_encryption(EncryptionPolicy::Off);
        }
        let (client, server) = pair(world, config);
        let mut sent_at = Vec::new();
        for n in 0..self.count {
            sent_at.push(world.now());
            let message = [n as u8; MESSAGE];
            let flags = SendFlags::RELIABLE_NO_NAGLE;
            world.send(client, flags, &message).unwrap();
            world.run_for(self.every);
        }
        world
            .wait_for_delivery(client, Span::from_secs(10))
            .unwrap();
        let mut latencies = Vec::new();
        for (sent_at, n) in sent_at.into_iter().zip(0..) {
            let message = world.receive(server).unwrap();
            assert_eq!(message.data, [n as u8; MESSAGE]);
            if n >= self.warm_up {
                latencies.push(message.at.since(sent_at));
            }
        }
        latencies.sort_unstable();
        Run {
            latencies,
            armour: world.status(client).unwrap().armour,
            sent_bytes: self.count * IN_STREAM,
        }
    }
}

impl Run {
    /// The latency that so many of 1000 messages do not exceed, in milliseconds.
    fn per_mille_ms(&self, share: usize) -> u64 {
        per_mille_ms(&self.latencies, share)
    }

    /// Bytes that rode again, in percent of those that were sent.
    const fn overhead_percent(&self) -> u64 {
        self.armour.bytes * 100 / self.sent_bytes
    }
}

/// The same of latencies from short to long.
fn per_mille_ms(latencies: &[Span], share: usize) -> u64 {
    latencies[latencies.len() * share / 1000].as_millis()
}

fn settings(armour: bool) -> HostConfig {
    let mut config = HostConfig::default();
    let connection = &mut config.connection;
    connection.set_armours_small_messages(armour).unwrap();
    config
}

fn pair(world: &mut World, config: HostConfig) -> (Conn, Conn) {
    let server = world.add_host("server", config.clone());
    let client = world.add_host("client", config);
    let address = world.listen(server, 27_015);
    world.connect_pair(client, address).unwrap()
}

const fn lossy(percent: u32, one_way_ms: u64) -> LinkConfig {
    LinkConfig::PERFECT
        .latency(Span::from_millis(one_way_ms))
        .loss(Chance::percent(percent))
}

/// Row a: 5 % loss, 25 ms one way.
#[test]
fn at_5_percent_loss_lost_messages_do_not_wait_for_a_round_trip() {
    let mut all = Vec::new();
    for seed in 0..SEEDS {
        let flow = Flow::inputs(lossy(5, 25));
        let run = deterministic(seed, |world| flow.run(world));
        let p99 = run.per_mille_ms(990);
        assert!(p99 <= 70, "seed {seed}: {p99} ms");
        let overhead = run.overhead_percent();
        assert!((150..=250).contains(&overhead), "seed {seed}: {overhead} %");
        let bare = deterministic(seed, |world| flow.without_armour().run(world));
        assert!(bare.per_mille_ms(990) > 100, "the test needs losses");
        assert_eq!(bare.armour, ArmourStats::default());
        all.extend(run.latencies);
    }
    // One of a thousand messages may lose all copies, but in one minute that is the second worst of all.
    all.sort_unstable();
    let p999 = per_mille_ms(&all, 999);
    assert!(p999 <= 80, "{p999} ms");
}

/// Row c: 20 % loss, 75 ms one way.
#[test]
fn at_20_percent_loss_lost_messages_do_not_wait_for_a_round_trip() {
    for seed in 0..SEEDS {
        let flow = Flow::inputs(lossy(20, 75));
        let run = deterministic(seed, |world| flow.run(world));
        let p99 = run.per_mille_ms(990);
        assert!(p99 <= 180, "seed {seed}: {p99} ms");
        // Five copies besides the first one at the most, and none of those that are acknowledged.
        let overhead = run.overhead_percent();
        assert!((300..=500).contains(&overhead), "seed {seed}: {overhead} %");
        // There is a packet every 33 ms anyway, and a quarter of a round trip is 37 ms.
        let alone = run.armour.packets;
        assert!(alone < flow.count, "seed {seed}: {alone} packets");
        let bare = deterministic(seed, |world| flow.without_armour().run(world));
        assert!(bare.per_mille_ms(990) > 360, "the test needs losses");
    }
}

/// A player who joins over a bad path does not wait until the loss is known to a percent.
#[test]
fn the_first_seconds_are_armoured_too() {
    for (link, bound_ms) in [(lossy(5, 25), 70), (lossy(20, 75), 180)] {
        let mut latencies = Vec::new();
        for seed in 0..4 * SEEDS {
            let flow = Flow {
                count: WARM_UP,
                warm_up: WARM_UP / 10,
                ..Flow::inputs(link)
            };
            latencies.extend(deterministic(seed, |world| flow.run(world)).latencies);
        }
        latencies.sort_unstable();
        let p99 = per_mille_ms(&latencies, 990);
        assert!(p99 <= bound_ms, "{p99} ms of {bound_ms}");
    }
}

/// One message a second finds no packet to ride in.
#[test]
fn a_lonely_message_has_packets_of_its_own() {
    for seed in 0..SEEDS {
        let flow = Flow {
            every: Span::from_secs(1),
            count: 600,
            ..Flow::inputs(lossy(5, 50))
        };
        let run = deterministic(seed, |world| flow.run(world));
        let p99 = run.per_mille_ms(990);
        assert!(p99 <= 50 + 25 + 1, "seed {seed}: {p99} ms");
        let alone = run.armour.packets;
        assert!(alone <= 3 * flow.count, "seed {seed}: {alone} packets");
    }
}

#[test]
fn bursts_of_loss_are_survived_as_well() {
    for seed in 0..SEEDS {
        let bursts = GilbertElliott::bursts(Chance::percent(10), 3);
        let link = lossy(0, 25).burst_loss(bursts);
        let flow = Flow::inputs(link);
        let with = deterministic(seed, |world| flow.run(world));
        let without = deterministic(seed, |world| flow.without_armour().run(world));
        let (p99, bare) = (with.per_mille_ms(990), without.per_mille_ms(990));
        assert!(p99 * 10 < bare * 8, "seed {seed}: {p99} and {bare} ms");
    }
}

/// With nothing lost not one byte differs, whatever else the link does.
#[test]
fn without_loss_it_costs_nothing() {
    for seed in 0..SEEDS {
        let link = lossy(0, 25).jitter(Span::from_millis(5));
        let play = |armour| {
            let mut world = World::new(seed);
            let flow = Flow {
                armour,
                count: 300,
                ..Flow::inputs(link)
            };
            let run = flow.run(&mut world);
            world.verify().unwrap();
            assert_eq!(run.armour, ArmourStats::default());
            let (client, server) = (world.host_ids()[1], world.host_ids()[0]);
            world.link_counters(client, server)
        };
        assert_eq!(play(true), play(false));
    }
}

#[test]
fn it_ends_with_the_loss() {
    for seed in 0..SEEDS {
        deterministic(seed, |world| {
            let link = lossy(5, 25);
            world.set_links(link);
            let (client, _) = pair(world, settings(true));
            let play = |world: &mut World, seconds: u64| {
                for _ in 0..seconds * 30 {
                    let flags = SendFlags::RELIABLE_NO_NAGLE;
                    world.send(client, flags, &[7; MESSAGE]).unwrap();
                    world.run_for(Span::from_millis(33));
                }
                world.status(client).unwrap().armour
            };
            assert!(play(world, 20).bytes > 0, "seed {seed}");
            world.set_links(link.loss(Chance::NEVER));
            let then = play(world, 20);
            assert_eq!(play(world, 20), then, "seed {seed}");
        });
    }
}

/// What GNS refuses or takes for an attack is a violation in this world.
#[test]
fn a_gns_receiver_takes_what_rides_again() {
    for seed in 0..SEEDS {
        let flow = Flow {
            gns: true,
            ..Flow::inputs(lossy(10, 25))
        };
        let run = deterministic(seed, |world| flow.run(world));
        assert!(run.armour.segments > flow.count, "seed {seed}");
        let p99 = run.per_mille_ms(990);
        assert!(p99 <= 70, "seed {seed}: {p99} ms");
    }
}

/// Bytes of bulk that arrive in 20 seconds, with small messages in a lane before it.
fn bulk(world: &mut World, link: LinkConfig, armour: bool) -> (usize, ArmourStats) {
    world.set_links(link);
    let (client, server) = pair(world, settings(armour));
    let (inputs, bulk) = (LaneIndex::new(0), LaneIndex::new(1));
    let lanes = [LaneConfig::new(0, 1), LaneConfig::new(1, 1)];
    world.configure_lanes(client, &lanes).unwrap();
    let mut arrived = 0;
    for _ in 0..600 {
        let flags = SendFlags::RELIABLE_NO_NAGLE;
        world
            .send_in_lane(client, inputs, flags, &[7; MESSAGE])
            .unwrap();
        while world
            .send_in_lane(client, bulk, SendFlags::RELIABLE, &[9; 60_000])
            .is_ok()
        {}
        world.run_for(Span::from_millis(33));
        while let Some(message) = world.receive(server) {
            arrived += message.data.len();
        }
    }
    (arrived, world.status(client).unwrap().armour)
}

#[test]
fn bulk_that_fills_the_window_does_not_pay() {
    for seed in 0..SEEDS {
        let link = lossy(2, 25).rate(500_000, 50_000);
        let (with, armour) = deterministic(seed, |world| bulk(world, link, true));
        let (without, _) = deterministic(seed, |world| bulk(world, link, false));
        let apart = with.abs_diff(without);
        assert!(apart * 100 <= without, "seed {seed}: {with} and {without}");
        assert!(armour.bytes * 1000 < with as u64, "seed {seed}: {armour:?}");
    }
}
