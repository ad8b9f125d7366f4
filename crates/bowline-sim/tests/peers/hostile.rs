//! Class 31: signals that are forged, replayed, cut off, too large, or meant for somebody else; and packets
//! from where no peer is.

use std::cell::RefCell;
use std::rc::Rc;

use bowline_core::p2p::signal::{ReliableMessage, Signal, SignalKind};
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

/// Signals of Bob's as somebody may forge who sees them: the numbers are right, the rest is not.
fn forge(heard: &Rc<RefCell<Vec<Vec<u8>>>>, change: impl Fn(&mut Signal)) -> Vec<u8> {
    let heard = heard.borrow();
    let mut signals = heard.iter().map(|bytes| Signal::parse(bytes).unwrap());
    let mut last = signals
        .rfind(|signal| signal.from_identity.to_string() == "str:bob")
        .unwrap();
    last.kind = SignalKind::None;
    last.first_reliable = None;
    last.reliable.clear();
    change(&mut last);
    let mut bytes = Vec::new();
    last.encode(&mut bytes);
    bytes
}

#[test]
fn class_31_a_signal_without_ice_ends_no_connection_that_stands() {
    let (mut world, alice, bob) = two(6);
    let heard = tap(&mut world);
    let ours = world.connect_p2p(alice, bob, port()).unwrap();
    let theirs = meet(&mut world, ours, secs(2));
    world.run_for(secs(1));
    let forged = forge(&heard, |signal| signal.ice_enabled = false);
    world.inject_signal(alice, &forged);
    world.run_for(secs(60));
    assert_eq!(world.state(ours), ConnectionState::Connected);
    talk(&mut world, (ours, theirs));
}

#[test]
fn class_31_another_password_by_a_signal_ends_no_connection_that_stands() {
    let (mut world, alice, bob) = two(7);
    let heard = tap(&mut world);
    let ours = world.connect_p2p(alice, bob, port()).unwrap();
    let theirs = meet(&mut world, ours, secs(2));
    world.run_for(secs(1));
    for number in 1..20 {
        let forged = forge(&heard, |signal| {
            signal.first_reliable = Some(number);
            signal.reliable.push(ReliableMessage::Auth {
                password: "not the one".into(),
            });
        });
        world.inject_signal(alice, &forged);
    }
    world.run_for(secs(120));
    assert_eq!(world.state(ours), ConnectionState::Connected);
    talk(&mut world, (ours, theirs));
}

#[test]
fn class_43_a_connection_prints_no_password_of_its_own() {
    let (mut world, alice, bob) = two(8);
    let heard = tap(&mut world);
    let ours = world.connect_p2p(alice, bob, port()).unwrap();
    world.run_for(ms(35));
    let first = Signal::parse(&heard.borrow()[0]).unwrap();
    let Some(ReliableMessage::Auth { password }) = first.reliable.first() else {
        panic!("the password comes first")
    };
    let printed = format!("{:?} {first:?}", world.connection(ours).unwrap());
    assert!(!printed.contains(password), "{printed}");
    assert_eq!(world.connections(bob).len(), 1);
}
