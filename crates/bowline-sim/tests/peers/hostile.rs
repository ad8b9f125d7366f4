//! Class 31: signals that are forged, replayed, cut off, too large, or meant for somebody else; and packets
//! from where no peer is.

use std::cell::RefCell;
use std::rc::Rc;

use bowline_sim::{ConnectionState, DropReason, EndReason, World};

use crate::support::{meet, ms, named, port, secs, talk, two};

/// All signals of a world, as they are sent.
fn tap(world: &mut World) -> Rc<RefCell<Vec<Vec<u8>>>> {
    let heard = Rc::new(RefCell::new(Vec::new()));
    let tap = Rc::clone(&heard);
    world.set_signal_filter(move |_, bytes| {
        tap.borrow_mut().push(bytes.clone());
        true
    });
    heard
}

#[test]
fn class_31_signals_that_are_played_again_make_nothing_new_and_end_nothing() {
    let (mut world, alice, bob) = two(1);
    let heard = tap(&mut world);
    let ours = world.connect_p2p(alice, bob, port()).unwrap();
    let theirs = meet(&mut world, ours, secs(2));
    for signal in heard.borrow().clone() {
        for host in [alice, bob] {
            world.inject_signal(host, &signal);
        }
    }
    world.run_for(secs(1));
    assert_eq!(world.connections(alice).len(), 1);
    assert_eq!(world.connections(bob).len(), 1);
    talk(&mut world, (ours, theirs));
}

#[test]
fn class_31_cut_and_damaged_signals_are_counted_and_change_nothing() {
    let (mut world, alice, bob) = two(2);
    let heard = tap(&mut world);
    let ours = world.connect_p2p(alice, bob, port()).unwrap();
    let theirs = meet(&mut world, ours, secs(2));
    let signals = heard.borrow().clone();
    let mut rng = world.rng("damage");
    for signal in &signals {
        for cut in 0..signal.len() {
            world.inject_signal(bob, &signal[..cut]);
        }
        for _ in 0..200 {
            let mut damaged = signal.clone();
            let at = rng.u32() as usize % damaged.len();
            damaged[at] ^= 1 << (rng.u32() % 8);
            world.inject_signal(alice, &damaged);
        }
    }
    world.inject_signal(bob, &vec![0x55; 100_000]);
    world.run_for(secs(1));
    // A flipped bit in a name makes another peer of it, which may ask; those that were asked for remain.
    for conn in [ours, theirs] {
        assert_eq!(world.state(conn), ConnectionState::Connected);
    }
    talk(&mut world, (ours, theirs));
}

#[test]
fn class_31_a_third_party_can_neither_join_nor_end_a_connection_in_its_own_name() {
    let (mut world, alice, bob) = two(3);
    let mallory = world.add_host("mallory", named("mallory"));
    world.open_peer_socket(mallory);
    let heard = tap(&mut world);
    let ours = world.connect_p2p(alice, bob, port()).unwrap();
    let theirs = meet(&mut world, ours, secs(2));
    // Her own connection with Bob, whose signals she sends to Alice, and the other way round.
    let hers = world.connect_p2p(mallory, bob, port()).unwrap();
    meet(&mut world, hers, secs(2));
    world.close(hers, EndReason::APP_GENERIC, "", false);
    world.run_for(secs(1));
    for signal in heard.borrow().clone() {
        world.inject_signal(alice, &signal);
    }
    world.run_for(secs(1));
    assert_eq!(world.connections(alice).len(), 1);
    let dropped = world.drops(alice);
    assert!(dropped.of(DropReason::SignalForAnother) > 0);
    talk(&mut world, (ours, theirs));
}

#[test]
fn class_31_a_signal_for_a_connection_of_another_kind_is_counted() {
    let (mut world, alice, bob) = two(4);
    let heard = tap(&mut world);
    let ours = world.connect_p2p(alice, bob, port()).unwrap();
    meet(&mut world, ours, secs(2));
    let address = world.listen(bob, 27_015);
    let (_, direct) = world.connect_pair(alice, address).unwrap();
    // The first signal, as if it were for the direct connection: of a field that comes twice the last counts.
    let mut signal = heard.borrow()[0].clone();
    signal.push(0x0D);
    signal.extend_from_slice(&direct.id.get().to_le_bytes());
    world.inject_signal(bob, &signal);
    let dropped = world.drops(bob);
    assert_eq!(dropped.of(DropReason::SignalForAnotherKind), 1);
    assert_eq!(world.state(direct), ConnectionState::Connected);
}

#[test]
fn data_from_where_the_peer_is_not_is_counted_and_not_read() {
    let (mut world, alice, bob) = two(5);
    let ours = world.connect_p2p(alice, bob, port()).unwrap();
    let theirs = meet(&mut world, ours, secs(2));
    let stray = world.add_host("stray", named("stray"));
    world.open_raw(stray, 9_999);
    let to = std::net::SocketAddr::new(world.address(bob), 40_000);
    let mut bytes = vec![0x80];
    bytes.extend_from_slice(&theirs.id.get().to_le_bytes());
    bytes.extend_from_slice(&[0; 60]);
    world.send_raw(stray, 9_999, to, &bytes);
    world.run_for(ms(100));
    let dropped = world.connection(theirs).unwrap().drops();
    assert_eq!(dropped.of(DropReason::UnknownSource), 1);
    talk(&mut world, (ours, theirs));
}
