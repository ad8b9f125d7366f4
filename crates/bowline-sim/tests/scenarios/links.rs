//! The real protocol over links that lose in bursts, alter bits, or swallow what is big.

use bowline_core::connection::ConnectionState;
use bowline_core::counters::DropReason;
use bowline_core::end_reason::EndReason;
use bowline_core::message::SendFlags;
use bowline_sim::{Chance, Conn, GilbertElliott, HostConfig, LinkConfig, World, deterministic};

use crate::support::{Two, connected, drops, far, ms, payload, secs};

/// Messages of all sizes both ways, for `seconds`.
fn play(world: &mut World, ours: Conn, theirs: Conn, seconds: u64) {
    let mut rng = world.rng("play");
    for _ in 0..seconds * 30 {
        for conn in [ours, theirs] {
            let update = payload(&mut rng, 200);
            world
                .send(conn, SendFlags::UNRELIABLE_NO_NAGLE, &update)
                .unwrap();
            if rng.below(10) == 0 {
                let len = rng.below(4000) as usize;
                let chat = payload(&mut rng, len);
                world.send(conn, SendFlags::RELIABLE, &chat).unwrap();
            }
        }
        world.run_for(ms(33));
    }
}

#[test]
fn bursts_of_loss_delay_but_do_not_harm() {
    for seed in 0..4 {
        deterministic(seed, |world| {
            let fading = GilbertElliott::bursts(Chance::percent(5), 12);
            world.set_links(far().burst_loss(fading));
            let (ours, theirs) = connected(world, HostConfig::default());
            play(world, ours, theirs, 20);
            for conn in [ours, theirs] {
                world.wait_for_delivery(conn, secs(10)).unwrap();
            }
            let counters = world.link_counters(ours.host, theirs.host);
            assert!(counters.lost_in_bursts > 0, "{world:?}");
            assert_eq!(counters.lost_in_all(), counters.lost_in_bursts);
        });
    }
}

/// The AEAD refuses every altered data packet. That nothing altered is delivered is what the world
/// checks by itself.
#[test]
fn altered_packets_are_refused_and_made_good() {
    for seed in 0..8 {
        deterministic(seed, |world| {
            let (ours, theirs) = connected(world, HostConfig::default());
            world.set_links(far().corrupt(Chance::percent(20)));
            play(world, ours, theirs, 10);
            for conn in [ours, theirs] {
                world.wait_for_delivery(conn, secs(20)).unwrap();
                assert_eq!(world.state(conn), ConnectionState::Connected);
            }
            let altered = world.link_counters(ours.host, theirs.host).corrupted;
            assert!(altered > 50, "{altered} altered");
            assert!(
                drops(world, theirs, DropReason::DecryptFailed) > 0,
                "{world:?}"
            );
        });
    }
}

/// The packets of the handshake are in the clear. Most altered ones are dropped and sent again; one
/// whose signature does not hold ends the attempt, as with the original. Either way it ends, and what
/// comes of it works.
#[test]
fn an_altered_handshake_succeeds_or_fails_but_does_not_hang() {
    let (mut made, mut failed) = (0, 0);
    for seed in 0..40 {
        let is_made = deterministic(seed, |world| {
            world.set_links(far().corrupt(Chance::percent(20)));
            let two = Two::new(world, HostConfig::default());
            let ours = world.connect(two.client, two.address).unwrap();
            world
                .wait_for("an outcome", secs(20), |world| {
                    world.state(ours) != ConnectionState::Connecting
                })
                .unwrap();
            let is_made = world.state(ours) == ConnectionState::Connected;
            if is_made {
                world.send(ours, SendFlags::RELIABLE, &[7; 3000]).unwrap();
                world.wait_for_delivery(ours, secs(10)).unwrap();
            } else {
                assert_ne!(world.info(ours).end_reason, EndReason::INVALID);
            }
            is_made
        });
        *(if is_made { &mut made } else { &mut failed }) += 1;
    }
    assert!(made > 20 && failed > 0, "{made} made, {failed} failed");
}

#[test]
fn closing_survives_alteration() {
    for seed in 0..20 {
        deterministic(seed, |world| {
            let (ours, theirs) = connected(world, HostConfig::default());
            world.set_links(far().corrupt(Chance::percent(40)));
            world.send(ours, SendFlags::RELIABLE, &[7; 5000]).unwrap();
            world.close(ours, EndReason::APP_GENERIC, "bye", true);
            world.wait_for_delivery(ours, secs(20)).unwrap();
            world.run_for(secs(30));
            assert_eq!(world.state(ours), ConnectionState::Dead, "{world:?}");
            assert!(world.state(theirs).is_closed(), "{world:?}");
        });
    }
}

/// Packets of the default size fit what nearly every path carries. One that carries less is a black
/// hole for them: the handshake, whose packets are smaller or not, and small messages may pass, big
/// ones never, and the setting of the packet size is what helps.
#[test]
fn a_black_hole_stops_full_packets_until_they_are_made_smaller() {
    deterministic(310, |world| {
        world.set_links(far().mtu(1000));
        let mut small = HostConfig::default();
        small.connection.set_mtu(900).unwrap();
        let two = Two::new(world, small);
        let (ours, _) = world.connect_pair(two.client, two.address).unwrap();
        world.send(ours, SendFlags::RELIABLE, &[1; 20_000]).unwrap();
        world.wait_for_delivery(ours, secs(5)).unwrap();
    });
}

#[test]
fn a_black_hole_that_opens_later_is_counted() {
    deterministic(311, |world| {
        world.set_links(far());
        let (ours, theirs) = connected(world, HostConfig::default());
        world.set_links(far().mtu(600));
        world.send(ours, SendFlags::RELIABLE, &[1; 20_000]).unwrap();
        world.run_for(secs(3));
        assert_eq!(world.deliveries(ours).unwrap().reliable_due(), 1);
        assert!(world.link_counters(ours.host, theirs.host).too_big > 10);
        world.set_links(LinkConfig::PERFECT.any_size());
        world.wait_for_delivery(ours, secs(5)).unwrap();
    });
}
