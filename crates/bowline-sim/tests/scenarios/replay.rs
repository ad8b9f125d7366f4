use std::cell::RefCell;
use std::rc::Rc;

use bowline_core::connection::replay;
use bowline_core::message::SendFlags;
use bowline_sim::{Chance, HostConfig, Verdict, World, deterministic};

use crate::support::{connected, far, ms, payload, secs};

/// A scenario with a bit of everything.
fn mixed(world: &mut World) {
    let bad = far()
        .loss(Chance::percent(3))
        .reorder(Chance::percent(3), ms(20));
    world.set_links(bad.duplicate(Chance::percent(3), ms(200)));
    let (ours, theirs) = connected(world, HostConfig::default());
    let mut rng = world.rng("messages");
    for n in 0..200 {
        let len = rng.below(3_000) as usize;
        let data = payload(&mut rng, len);
        let conn = if n % 2 == 0 { ours } else { theirs };
        let flags = if n % 3 == 0 {
            SendFlags::UNRELIABLE
        } else {
            SendFlags::RELIABLE
        };
        // A full buffer is as deterministic as anything else.
        let _ = world.send(conn, flags, &data);
        world.run_for(ms(u64::from(rng.below(20))));
    }
    world.run_for(secs(2));
}

#[test]
fn the_same_seed_gives_the_same_run() {
    let hash = |seed| {
        let mut world = World::new(seed);
        mixed(&mut world);
        world.verify().unwrap();
        world.trace_hash()
    };
    assert_eq!(hash(50), hash(50));
    assert_ne!(hash(50), hash(51));
    deterministic(52, mixed);
}

#[test]
#[should_panic(expected = "two runs part after")]
fn runs_that_differ_are_noticed() {
    let runs = RefCell::new(0);
    deterministic(53, |world| {
        *runs.borrow_mut() += 1;
        let (ours, _) = connected(world, HostConfig::default());
        world.run_for(secs(3));
        let text = format!("run {}", runs.borrow());
        world
            .send(ours, SendFlags::RELIABLE, text.as_bytes())
            .unwrap();
        world.run_for(secs(1));
    });
}

#[test]
fn a_recorded_connection_replays_to_the_bit() {
    let mut world = World::new(54);
    world.set_links(far().loss(Chance::percent(5)).jitter_out_of_order(ms(30)));
    let (ours, theirs) = connected(&mut world, HostConfig::default());
    world.run_for(ms(500));

    let before = world.record(ours, 10_000_000).unwrap();
    let sent = Rc::new(RefCell::new(Vec::new()));
    let log = Rc::clone(&sent);
    let mut source = None;
    world.set_filter(move |_, datagram| {
        // The first datagram after this is the client's: it sends first below.
        let source = *source.get_or_insert(datagram.from);
        if datagram.from == source {
            log.borrow_mut().push(datagram.bytes.clone());
        }
        Verdict::Pass
    });
    let mut rng = world.rng("messages");
    for _ in 0..100 {
        let len = rng.below(5_000) as usize;
        let data = payload(&mut rng, len);
        let _ = world.send(ours, SendFlags::RELIABLE_NO_NAGLE, &data);
        let _ = world.send(theirs, SendFlags::UNRELIABLE, &data);
        world.run_for(ms(u64::from(rng.below(25))));
    }
    world.wait_for_delivery(ours, secs(10)).unwrap();
    world.clear_filter();
    let recording = world.take_recording(ours).unwrap();
    assert!(!recording.is_full());

    let mut replayed = Vec::new();
    let after = replay(before, recording.into_inputs(), |_, bytes| {
        replayed.push(bytes.to_vec())
    });
    let sent = sent.borrow();
    assert!(sent.len() > 150, "{} datagrams", sent.len());
    assert_eq!(replayed.len(), sent.len());
    assert!(replayed == *sent, "a datagram differs");
    let now = world.connection(ours).unwrap();
    assert_eq!(after.state(), now.state());
    assert_eq!(after.drops(), now.drops());
}
