//! Keys that are replaced while a connection lives (docs/extensions.md).

use std::cell::RefCell;
use std::rc::Rc;

use bowline_core::connection::{ConnectionState, replay};
use bowline_core::counters::DropReason;
use bowline_core::crypto::key_update::KeyLimits;
use bowline_core::crypto::once;
use bowline_core::end_reason::EndReason;
use bowline_core::message::SendFlags;
use bowline_sim::{Chance, HostConfig, Verdict, World, deterministic};

use crate::support::{connected, drops, far, ms, payload, secs};

/// Hosts whose keys last for 40 packets, and that notice any nonce that comes twice.
fn restless() -> HostConfig {
    let mut limits = KeyLimits::DEFAULT;
    limits.packets = 40;
    HostConfig {
        crypto: Some(once::provider()),
        key_limits: limits,
        ..HostConfig::default()
    }
}

#[test]
fn both_ends_replace_keys_under_loss_and_reordering() {
    for seed in 0..10 {
        deterministic(seed, |world| {
            let bad = far()
                .loss(Chance::percent(5))
                .reorder(Chance::percent(10), ms(30))
                .duplicate(Chance::percent(3), ms(200));
            world.set_links(bad);
            let (ours, theirs) = connected(world, restless());
            let mut rng = world.rng("messages");
            for _ in 0..300 {
                let len = rng.below(4_000) as usize;
                let data = payload(&mut rng, len);
                for conn in [ours, theirs] {
                    let _ = world.send(conn, SendFlags::RELIABLE_NO_NAGLE, &data);
                    let _ = world.send(conn, SendFlags::UNRELIABLE_NO_NAGLE, &data);
                }
                world.run_for(ms(20));
            }
            world.wait_for_delivery(ours, secs(20)).unwrap();
            world.wait_for_delivery(theirs, secs(20)).unwrap();
            for conn in [ours, theirs] {
                let info = world.info(conn);
                assert!(info.send_epoch.get() >= 10, "{:?}", info.send_epoch);
                assert!(info.recv_epoch.get() >= 10, "{:?}", info.recv_epoch);
                assert_eq!(drops(world, conn, DropReason::DecryptFailed), 0);
            }
            world.close(ours, EndReason::new(1001), "", false);
            let closed = |world: &mut World| world.state(theirs).is_closed();
            world.wait_for("the close", secs(5), closed).unwrap();
        });
    }
}

#[test]
fn forged_key_phases_change_nothing() {
    deterministic(67, |world| {
        world.set_links(far());
        let (ours, theirs) = connected(world, restless());
        world.run_for(secs(1));
        let mut count = 0;
        world.set_filter(move |_, datagram| {
            count += 1;
            if datagram.bytes[0] & 0x80 != 0 && count % 5 == 0 {
                datagram.bytes[0] ^= 0x04;
            }
            Verdict::Pass
        });
        for _ in 0..300 {
            world
                .send(ours, SendFlags::RELIABLE_NO_NAGLE, &[1; 900])
                .unwrap();
            world.run_for(ms(20));
        }
        world.clear_filter();
        world.wait_for_delivery(ours, secs(10)).unwrap();
        assert!(drops(world, theirs, DropReason::DecryptFailed) > 10);
        assert!(world.info(ours).send_epoch.get() >= 3);
    });
}

#[test]
fn keys_are_replaced_with_time() {
    deterministic(68, |world| {
        let mut config = HostConfig::default();
        config.key_limits.time = Some(secs(30));
        let (ours, theirs) = connected(world, config);
        world.run_for(secs(300));
        for conn in [ours, theirs] {
            let epoch = world.info(conn).send_epoch.get();
            assert!((5..=10).contains(&epoch), "{epoch}");
        }
        world
            .send(ours, SendFlags::RELIABLE, b"still here")
            .unwrap();
        world.wait_for_delivery(ours, secs(1)).unwrap();
    });
}

#[test]
fn too_many_forged_packets_end_a_connection() {
    deterministic(69, |world| {
        let mut config = HostConfig::default();
        config.key_limits.failed_opens = 20;
        let (ours, theirs) = connected(world, config);
        world.run_for(secs(1));
        world.set_filter(|_, datagram| {
            if let Some(last) = datagram.bytes.last_mut() {
                *last ^= 1;
            }
            Verdict::Pass
        });
        for n in 0..20 {
            assert_eq!(world.state(theirs), ConnectionState::Connected, "{n}");
            world
                .send(ours, SendFlags::UNRELIABLE_NO_NAGLE, b"x")
                .unwrap();
            world.run_for(ms(1));
        }
        assert_eq!(world.info(theirs).end_reason, EndReason::MISC_GENERIC);
    });
}

#[test]
fn a_connection_with_new_keys_and_a_sealed_close_replays_to_the_bit() {
    let mut world = World::new(72);
    world.set_links(far().loss(Chance::percent(5)));
    let config = HostConfig {
        crypto: None,
        ..restless()
    };
    let (ours, _) = connected(&mut world, config);
    world.run_for(secs(1));
    let before = world.record(ours, 10_000_000).unwrap();
    let sent = Rc::new(RefCell::new(Vec::new()));
    let log = Rc::clone(&sent);
    let mut source = None;
    world.set_filter(move |_, datagram| {
        // The client sends first below.
        if datagram.from == *source.get_or_insert(datagram.from) {
            log.borrow_mut().push(datagram.bytes.clone());
        }
        Verdict::Pass
    });
    for _ in 0..300 {
        let flags = SendFlags::RELIABLE_NO_NAGLE;
        world.send(ours, flags, &[7; 500]).unwrap();
        world.run_for(ms(10));
    }
    world.close(ours, EndReason::new(1001), "", true);
    let closed = |world: &mut World| world.state(ours) == ConnectionState::FinWait;
    world
        .wait_for("all to be delivered", secs(10), closed)
        .unwrap();
    world.run_for(secs(2));
    world.clear_filter();
    assert!(world.info(ours).send_epoch.get() >= 3);
    let recording = world.take_recording(ours).unwrap();
    let mut replayed = Vec::new();
    replay(before, recording.into_inputs(), |_, bytes| {
        replayed.push(bytes.to_vec());
    });
    assert!(replayed == *sent.borrow(), "a datagram differs");
}
