//! Packet numbers that no packet has: nobody is taken for a liar who is none.

use bowline_core::connection::ConnectionState;
use bowline_core::crypto::key_update::KeyLimits;
use bowline_core::message::SendFlags;
use bowline_sim::{Chance, HostConfig, World, deterministic};

use crate::support::{connected, far, ms};

/// Both ends send half a megabyte a second, under keys that last for 40 packets.
fn eager() -> HostConfig {
    let mut limits = KeyLimits::DEFAULT;
    limits.packets = 40;
    let mut config = HostConfig {
        key_limits: limits,
        ..HostConfig::default()
    };
    let rate = Some(500_000);
    config.connection.set_send_rate(None, rate).unwrap();
    config
}

fn both_flood(world: &mut World, config: HostConfig) {
    let (ours, theirs) = connected(world, config);
    for _ in 0..400 {
        for conn in [ours, theirs] {
            while world.send(conn, SendFlags::RELIABLE, &[1; 5000]).is_ok() {}
        }
        world.run_for(ms(25));
    }
    for conn in [ours, theirs] {
        assert_eq!(world.state(conn), ConnectionState::Connected);
        let skipped = world.status(conn).unwrap().skipped_numbers;
        assert!((2..=5).contains(&skipped), "{skipped}");
    }
}

#[test]
fn faithful_peers_are_trusted_whatever_the_network_does() {
    for seed in 0..4 {
        deterministic(seed, |world| {
            let bad = far()
                .loss(Chance::percent(3))
                .reorder(Chance::percent(10), ms(30))
                .duplicate(Chance::percent(3), ms(200));
            world.set_links(bad);
            both_flood(world, eager());
        });
    }
}

/// What is left out is no loss to those who left it out.
#[test]
fn a_number_that_was_left_out_is_no_packet_that_was_lost() {
    deterministic(5, |world| {
        world.set_links(far());
        let (ours, theirs) = connected(world, eager());
        for _ in 0..400 {
            while world.send(ours, SendFlags::RELIABLE, &[1; 5000]).is_ok() {}
            world.run_for(ms(25));
        }
        let status = world.status(ours).unwrap();
        assert!(status.skipped_numbers >= 2, "{}", status.skipped_numbers);
        assert_eq!(status.loss.packets, 0);
        assert_eq!(status.loss.resent_bytes, 0);
        assert_eq!(status.armour.packets, 0);
        assert_eq!(world.state(theirs), ConnectionState::Connected);
    });
}
