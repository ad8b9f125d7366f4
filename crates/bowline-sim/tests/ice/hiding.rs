//! With relays alone, nothing of the host's address gets out.

use std::cell::RefCell;
use std::net::IpAddr;
use std::rc::Rc;

use bowline_core::ice::RouteKind;
use bowline_sim::{Datagram, NatConfig, Verdict, deterministic};

use crate::support::{Place, Stage, ms};

const ALL: i32 = 7;
const RELAY_ONLY: i32 = 1;
/// What addresses are hidden with from routers (RFC 8489, section 14.2).
const COOKIE: u32 = 0x2112_A442;

/// Whether the bytes name an IPv4 address, in the open or as STUN writes it.
fn names(bytes: &[u8], ip: u32) -> bool {
    let forms = [ip.to_be_bytes(), (ip ^ COOKIE).to_be_bytes()];
    bytes
        .windows(4)
        .any(|window| forms.iter().any(|form| window == form))
}

#[test]
fn relay_only_leaks_no_address_anywhere() {
    let places = [Place::Public, Place::Behind(NatConfig::FULL_CONE)];
    for hidden_place in places {
        deterministic(1, |world| {
            let places = [Place::Public, hidden_place];
            let mut stage = Stage::new(world, places, [ALL, RELAY_ONLY], true);
            let hidden = stage.peers[1].host;
            let peer = stage.peers[0].host;
            let own = stage.world.address(hidden);
            let outside = match hidden_place {
                Place::Public => own,
                _ => IpAddr::from([10, 0, 0, 3]),
            };
            let server = stage.world.address(stage.server_host);
            let peer = stage.world.address(peer);
            let found: Rc<RefCell<Vec<String>>> = Rc::default();
            let (leaks, has_sent) = (found.clone(), Rc::new(RefCell::new(0)));
            let count = has_sent.clone();
            stage.world.set_filter(move |at, datagram: &mut Datagram| {
                let (from, to) = (datagram.from.ip(), datagram.to.ip());
                if from == own || from == outside {
                    *count.borrow_mut() += 1;
                    if to != server {
                        leaks.borrow_mut().push(format!("{at} {from} to {to}"));
                    }
                }
                // What reaches the peer says nothing of it either.
                if to == peer {
                    for ip in [own, outside] {
                        let IpAddr::V4(ip) = ip else { continue };
                        if names(&datagram.bytes, ip.to_bits()) {
                            leaks
                                .borrow_mut()
                                .push(format!("{at} {from} to {to} names {ip}"));
                        }
                    }
                }
                Verdict::Pass
            });
            let kind = stage.run_until_agreed(ms(3_000));
            assert_eq!(kind, Some(RouteKind::Relayed), "{}", stage.story(1));
            stage.run_for(ms(60_000));
            assert_eq!(stage.agreed(), Some(RouteKind::Relayed));
            assert!(*has_sent.borrow() > 10);
            assert_eq!(*found.borrow(), Vec::<String>::new());
            let mut said = stage.peers[1].signalled.clone();
            said.extend(
                stage.peers[1]
                    .events
                    .iter()
                    .map(|event| format!("{event:?}")),
            );
            said.push(stage.story(1));
            said.push(format!("{:?}", stage.peers[1].agent));
            // The peer cannot tell what it never heard of.
            said.push(stage.story(0));
            for text in &said {
                for ip in [own, outside] {
                    assert!(!text.contains(&format!("{ip} ")), "{ip} in {text}");
                    assert!(!text.contains(&format!("{ip}:")), "{ip} in {text}");
                }
            }
            assert_eq!(stage.peers[1].signalled.len(), 2);
        });
    }
}

#[test]
fn who_hides_from_somebody_who_hides_meets_at_the_relays() {
    deterministic(2, |world| {
        let places = [NatConfig::SYMMETRIC, NatConfig::PORT_RESTRICTED].map(Place::Behind);
        let mut stage = Stage::new(world, places, [RELAY_ONLY, RELAY_ONLY], true);
        let kind = stage.run_until_agreed(ms(3_000));
        assert_eq!(kind, Some(RouteKind::Relayed), "{}", stage.story(1));
    });
}
