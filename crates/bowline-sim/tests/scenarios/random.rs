//! Random worlds: links, settings, traffic and faults drawn from a seed.

use bowline_core::config::LaneConfig;
use bowline_core::connection::ConnectionState;
use bowline_core::crypto::cipher_negotiation::EncryptionPolicy;
use bowline_core::end_reason::EndReason;
use bowline_core::ids::LaneIndex;
use bowline_core::message::SendFlags;
use bowline_core::rng::Rng;
use bowline_sim::{
    Chance, Conn, FindingKind, HostConfig, LinkConfig, Refusal, World, deterministic,
};

use crate::support::{Two, ms, payload, secs};

/// Seeds that failed once, and why.
const FAILED_ONCE: &[(u64, &str)] = &[
    (
        210,
        "a held piece was overwritten by a shorter one, and acknowledged bytes were gone",
    ),
    (220, "the same"),
    (
        899,
        "a packet that was refused was taken again, and an unreliable message came twice",
    ),
    (1771, "packets timed out one by one, a microsecond apart"),
    (1780, "the same"),
];

#[test]
fn random_worlds_keep_their_promises() {
    // `SIM_SEEDS=1000..3000` looks further.
    let asked = std::env::var("SIM_SEEDS").ok();
    let range = asked.as_deref().and_then(|range| range.split_once(".."));
    let (from, to) = range.map_or((0, 60), |(from, to)| {
        (from.parse().unwrap(), to.parse().unwrap())
    });
    for seed in FAILED_ONCE.iter().map(|(seed, _)| *seed).chain(from..to) {
        deterministic(seed, play);
    }
}

fn play(world: &mut World) {
    let mut rng = world.rng("random world");
    world.set_links(link(&mut rng));
    let is_like_gns = rng.below(2) == 0;
    let two = Two::new(world, config(&mut rng, is_like_gns));
    let Ok((ours, theirs)) = world.connect_pair(two.client, two.address) else {
        // A link that loses a fifth may well lose a handshake.
        return;
    };
    if is_like_gns {
        world.receive_as_gns(ours);
        world.receive_as_gns(theirs);
    }
    let lane = |rng: &mut Rng| LaneConfig::new(rng.below(3) as i32, 1 + rng.below(9) as u16);
    let lanes: Vec<LaneConfig> = (0..=rng.below(5)).map(|_| lane(&mut rng)).collect();
    world.configure_lanes(ours, &lanes).unwrap();
    for _ in 0..200 {
        disturb(world, &mut rng, ours, theirs);
        for _ in 0..rng.below(4) {
            talk(world, &mut rng, ours, theirs, lanes.len());
        }
        world.run_for(ms(u64::from(rng.below(40))));
        assert_eq!(world.state(ours), ConnectionState::Connected, "{world:?}");
    }
    come_to_rest(world, ours, theirs);
}

fn link(rng: &mut Rng) -> LinkConfig {
    let mut link = LinkConfig::PERFECT.latency(ms(u64::from(rng.below(150))));
    link = link.loss(Chance::percent(rng.below(20).saturating_sub(6)));
    if rng.below(2) == 0 {
        link = link.jitter_out_of_order(ms(u64::from(rng.below(50))));
    }
    if rng.below(2) == 0 {
        let delay = ms(u64::from(rng.below(100)));
        link = link.reorder(Chance::percent(rng.below(10)), delay);
    }
    if rng.below(2) == 0 {
        let delay = ms(u64::from(rng.below(300)));
        link = link.duplicate(Chance::percent(rng.below(30)), delay);
    }
    if rng.below(2) == 0 {
        let bytes_per_sec = 20_000 + u64::from(rng.below(2_000_000));
        link = link.rate(bytes_per_sec, 20_000 + u64::from(rng.below(200_000)));
    }
    link
}

fn config(rng: &mut Rng, is_like_gns: bool) -> HostConfig {
    let mut config = HostConfig::default();
    let settings = &mut config.connection;
    if is_like_gns {
        settings.set_encryption(EncryptionPolicy::Off);
    }
    if rng.below(4) == 0 {
        settings.set_mtu(200 + rng.below(1101) as usize).unwrap();
    }
    if rng.below(4) == 0 {
        settings
            .set_send_rate(Some(262_144), Some(262_144))
            .unwrap();
    }
    if rng.below(3) == 0 {
        settings
            .set_recv_buffer_messages(2 + rng.below(20) as usize)
            .unwrap();
    }
    config
}

/// An outage, or an application that stops or begins to read.
fn disturb(world: &mut World, rng: &mut Rng, ours: Conn, theirs: Conn) {
    match rng.below(40) {
        0 => {
            world.set_connected(ours.host, theirs.host, false);
            world.run_for(ms(u64::from(rng.below(3_000))));
            world.set_connected(ours.host, theirs.host, true);
        }
        1 => world.set_reads_at_once(theirs, false),
        2 => world.set_reads_at_once(theirs, true),
        3 => world.flush(ours).unwrap(),
        _ => {}
    }
}

/// A message of some size and kind, one way or the other.
fn talk(world: &mut World, rng: &mut Rng, ours: Conn, theirs: Conn, lanes: usize) {
    let len = match rng.below(20) {
        0 => rng.below(60_000),
        1..4 => rng.below(5_000),
        _ => rng.below(400),
    };
    let data = payload(rng, len as usize);
    let flags = SendFlags::from_bits(rng.below(16) as u8);
    // Refusals for a full buffer, or for NO_DELAY, are part of it.
    let _ = if rng.below(2) == 0 {
        let lane = LaneIndex::new(rng.below(lanes as u32) as u8);
        world.send_in_lane(ours, lane, flags, &data)
    } else {
        world.send(theirs, flags, &data)
    };
}

/// The faults end: everything reliable arrives, nothing remains, the connection closes.
fn come_to_rest(world: &mut World, ours: Conn, theirs: Conn) {
    world.set_reads_at_once(theirs, true);
    world.set_links(LinkConfig::PERFECT.latency(ms(20)));
    for conn in [ours, theirs] {
        world.wait_for_delivery(conn, secs(60)).unwrap();
    }
    world.run_for(secs(3));
    for conn in [ours, theirs] {
        let status = world.status(conn).unwrap();
        assert_eq!(status.unacked_reliable_bytes, 0, "{world:?}");
        let findings = world
            .gns_receiver(conn)
            .into_iter()
            .flat_map(|gns| gns.findings());
        let fatal = findings
            .filter(|finding| finding.is_violation())
            .find(|finding| {
                let holes =
                    |refusal| matches!(refusal, Refusal::Holes { .. } | Refusal::SplitHoles { .. });
                !matches!(finding.kind, FindingKind::Refused(refusal) if holes(refusal))
            });
        assert_eq!(fatal, None, "{world:?}");
    }
    world.close(ours, EndReason::APP_GENERIC, "", true);
    world.run_for(secs(6));
    assert_eq!(world.state(ours), ConnectionState::Dead, "{world:?}");
    assert!(world.state(theirs).is_closed(), "{world:?}");
}
