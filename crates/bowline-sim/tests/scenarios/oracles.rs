//! The checks themselves: what goes wrong is noticed and told.

use bowline_core::crypto::cipher_negotiation::EncryptionPolicy;
use bowline_core::end_reason::EndReason;
use bowline_core::message::SendFlags;
use bowline_sim::{Chance, DeliveryError, Fault, HostConfig, Verdict, World};

use crate::support::{Two, connected, far, ms, secs};

#[test]
fn an_altered_message_is_noticed() {
    let mut config = HostConfig::default();
    config.connection.set_encryption(EncryptionPolicy::Off);
    let mut world = World::new(80);
    let (ours, theirs) = connected(&mut world, config);
    world.set_filter(|_, datagram| {
        let end = datagram.bytes.len() - 1;
        if datagram.bytes.ends_with(b"hello") {
            datagram.bytes[end] = b'0';
        }
        Verdict::Pass
    });
    world
        .send(ours, SendFlags::RELIABLE_NO_NAGLE, b"hello")
        .unwrap();
    world.run_for(ms(100));
    let [violation] = world.violations() else {
        panic!("one violation expected\n{world:?}");
    };
    assert_eq!(violation.conn, Some(theirs));
    assert!(matches!(
        violation.fault,
        Fault::Delivery(DeliveryError::Altered(_))
    ));
    let story = world.verify().unwrap_err().to_string();
    assert!(story.contains("message 1 was altered"), "{story}");
}

#[test]
fn encryption_protects_against_alteration() {
    let mut world = World::new(81);
    let (ours, _) = connected(&mut world, HostConfig::default());
    let mut count = 0u32;
    world.set_filter(move |_, datagram| {
        count += 1;
        if count.is_multiple_of(3) && datagram.bytes[0] & 0x80 != 0 {
            let middle = datagram.bytes.len() / 2;
            datagram.bytes[middle] ^= 1;
        }
        Verdict::Pass
    });
    for _ in 0..50 {
        world
            .send(ours, SendFlags::RELIABLE_NO_NAGLE, b"hello")
            .unwrap();
        world.run_for(ms(5));
    }
    world.wait_for_delivery(ours, secs(5)).unwrap();
    world.verify().unwrap();
}

#[test]
fn what_did_not_come_is_told_with_its_story() {
    let mut world = World::new(82);
    world.set_links(far());
    let two = Two::new(&mut world, HostConfig::default());
    world.kill(two.server);
    let stuck = world
        .connect_pair(two.client, two.address)
        .unwrap_err()
        .to_string();
    for part in [
        "an end closed before both were connected\n",
        "server is switched off",
        "ProblemDetectedLocally, ended 5003",
        "link client to server: 50.000ms latency",
    ] {
        assert!(stuck.contains(part), "{part:?} is missing in:\n{stuck}");
    }
}

#[test]
fn garbage_from_strangers_harms_nobody() {
    let mut world = World::new(83);
    world.set_links(far());
    let (ours, theirs) = connected(&mut world, HostConfig::default());
    let mut rng = world.rng("garbage");
    let mut any = world.rng("which");
    world.set_filter(move |_, datagram| {
        if any.below(4) == 0 {
            let len = rng.below(1400) as usize;
            datagram.bytes = rng.bytes::<1400>()[..len].to_vec();
        }
        Verdict::Pass
    });
    for _ in 0..200 {
        world
            .send(ours, SendFlags::RELIABLE, b"through it all")
            .unwrap();
        world.run_for(ms(10));
    }
    world.wait_for_delivery(ours, secs(10)).unwrap();
    world.clear_filter();
    world.close(ours, EndReason::APP_GENERIC, "", false);
    world.run_for(ms(100));
    assert!(world.state(theirs).is_closed());
    world.verify().unwrap();
}

#[test]
fn everything_reliable_arrives_in_time_after_the_faults() {
    let mut world = World::new(84);
    world.set_links(far().loss(Chance::percent(20)));
    let (ours, theirs) = connected(&mut world, HostConfig::default());
    world.set_reads_at_once(theirs, false);
    world.set_connected(ours.host, theirs.host, false);
    for _ in 0..200 {
        world.send(ours, SendFlags::RELIABLE, &[7; 2_000]).unwrap();
    }
    world.pause(theirs.host);
    world.run_for(secs(3));
    let (began, limit) = (world.now(), world.settling_time());
    world.settle().unwrap();
    assert!(world.now().since(began) <= limit);
    assert_eq!(world.deliveries(ours).unwrap().reliable_due(), 0);
    assert!(world.is_on(theirs.host));
    let holds = world.connection(ours).unwrap();
    assert!(holds.memory_bytes() < holds.memory_bound());
    world.verify().unwrap();
}
