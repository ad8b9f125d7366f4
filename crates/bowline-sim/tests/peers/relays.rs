//! Peers that may not know each other's addresses: relays alone.

use std::cell::RefCell;
use std::net::IpAddr;
use std::rc::Rc;

use bowline_sim::{ConfigKey, LinkConfig, Verdict, World};

use crate::support::{ACCOUNT, meet, ms, port, secs, serve_stun, story, talk, with};

/// Neither in signals, nor in packets to the peer, nor in what the peer can look at.
#[test]
fn with_relays_alone_no_address_of_a_host_reaches_the_peer() {
    let mut world = World::new(1);
    world.set_links(LinkConfig::PERFECT.latency(ms(20)));
    let (_, address, _) = serve_stun(&mut world);
    let list = address.to_string();
    let hidden = |name: &str| {
        with(name, |config| {
            config.set(ConfigKey::P2pTransportIceEnable, 1).unwrap();
            config.set_stun_servers(&list).unwrap();
            config.set_turn_servers(&list, &[ACCOUNT]).unwrap();
        })
    };
    let alice = world.add_host("alice", hidden("alice"));
    let bob = world.add_host("bob", hidden("bob"));
    for host in [alice, bob] {
        world.open_peer_socket(host);
    }
    world.listen_p2p(bob, port()).unwrap();
    let secrets = [alice, bob].map(|host| world.address(host));
    let signals = Rc::new(RefCell::new(Vec::new()));
    let heard = Rc::clone(&signals);
    world.set_signal_filter(move |_, bytes| {
        heard.borrow_mut().extend_from_slice(bytes);
        true
    });
    let server = address.ip();
    let strays = Rc::new(RefCell::new(0));
    let counted = Rc::clone(&strays);
    world.set_filter(move |_, datagram| {
        let is_server = datagram.to.ip() == server || datagram.from.ip() == server;
        *counted.borrow_mut() += usize::from(!is_server);
        Verdict::Pass
    });
    let ours = world.connect_p2p(alice, bob, port()).unwrap();
    let theirs = meet(&mut world, ours, secs(8));
    talk(&mut world, (ours, theirs));
    world.run_for(secs(60));
    assert_eq!(*strays.borrow(), 0, "packets past the relay");
    let signals = signals.borrow();
    for secret in secrets {
        let text = secret.to_string();
        let IpAddr::V4(ip) = secret else {
            panic!("IPv4 expected")
        };
        let has = |needle: &[u8]| signals.windows(needle.len()).any(|bytes| bytes == needle);
        assert!(!has(text.as_bytes()), "{text} in a signal");
        assert!(!has(&ip.octets()), "{text} in a signal");
        for conn in [ours, theirs] {
            let story = story(&world, conn);
            assert!(!story.contains(&text), "{story}");
            let detail = world.connection(conn).unwrap().detailed_status(world.now());
            assert!(!detail.contains(&text), "{detail}");
        }
    }
}
