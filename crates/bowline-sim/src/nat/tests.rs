use std::collections::BTreeSet;

use bowline_core::rng::Rng;
use bowline_core::time::Timestamp;

use super::*;

const START: Timestamp = Timestamp::from_micros(1_000_000);

fn at(secs: u64) -> Timestamp {
    START + Span::from_secs(secs)
}

fn nat(config: NatConfig) -> Nat {
    let outside = [10, 0, 0, 9].into();
    Nat::new("home", outside, config, Rng::from_seed([5; 32]))
}

fn inside(port: u16) -> SocketAddr {
    ([192, 168, 0, 2], port).into()
}

fn remote(last: u8, port: u16) -> SocketAddr {
    ([10, 0, 0, last], port).into()
}

fn port(port: Option<Port>) -> u16 {
    let (Port::Known(number) | Port::New(number)) = port.expect("no mapping");
    number
}

/// RFC 4787, sections 4.1 and 5: all nine kinds.
#[test]
fn every_mapping_with_every_filtering() {
    for mapping in NatBehaviour::ALL {
        for filtering in NatBehaviour::ALL {
            let mut nat = nat(NatConfig::new(mapping, filtering));
            let first = port(nat.outward(START, inside(5), remote(1, 1)));
            let ports = [remote(1, 1), remote(1, 2), remote(2, 1)]
                .map(|to| port(nat.outward(START, inside(5), to)));
            let one_per = match mapping {
                NatBehaviour::EndpointIndependent => [first; 3],
                NatBehaviour::AddressDependent => [first, first, first + 1],
                NatBehaviour::AddressAndPortDependent => [first, first + 1, first + 2],
            };
            assert_eq!(ports, one_per, "{mapping:?}");

            // Through the mapping of somebody who has sent to 1:1 only.
            let own = port(nat.outward(START, inside(6), remote(1, 1)));
            let may_send = [remote(1, 1), remote(1, 2), remote(2, 1)]
                .map(|from| nat.inward(START, from, own) == Some(inside(6)));
            let allowed = match filtering {
                NatBehaviour::EndpointIndependent => [true; 3],
                NatBehaviour::AddressDependent => [true, true, false],
                NatBehaviour::AddressAndPortDependent => [true, false, false],
            };
            assert_eq!(may_send, allowed, "{filtering:?}");
            let refused = allowed.iter().filter(|allowed| !**allowed).count() as u64;
            assert_eq!(nat.counters().filtered, refused);
        }
    }
}

#[test]
fn mappings_live_as_long_as_they_are_used_from_inside() {
    let config = NatConfig::FULL_CONE
        .lifetime(Span::from_secs(30))
        .ports(PortAllocation::Sequential);
    let mut kept = nat(config);
    let first = port(kept.outward(at(0), inside(5), remote(1, 1)));
    for secs in [29, 58, 87] {
        assert_eq!(
            kept.outward(at(secs), inside(5), remote(1, 1)),
            Some(Port::Known(first))
        );
    }
    // What comes from outside does not keep it, unless told so.
    assert_eq!(kept.inward(at(116), remote(1, 1), first), Some(inside(5)));
    assert_eq!(kept.inward(at(117), remote(1, 1), first), None);
    let again = kept.outward(at(118), inside(5), remote(1, 1));
    assert_eq!(again, Some(Port::New(first + 1)));
    let counters = kept.counters();
    assert_eq!(
        (counters.mappings, counters.expired, counters.unmapped),
        (2, 1, 1)
    );

    let mut open = nat(config.refreshed_from_outside(true));
    let first = port(open.outward(at(0), inside(5), remote(1, 1)));
    for secs in [29, 58, 87] {
        assert!(open.inward(at(secs), remote(1, 1), first).is_some());
    }
    assert!(open.inward(at(117), remote(1, 1), first).is_none());
}

#[test]
fn leave_to_send_back_expires_for_each_remote_by_itself() {
    let mut nat = nat(NatConfig::PORT_RESTRICTED.lifetime(Span::from_secs(30)));
    let own = port(nat.outward(at(0), inside(5), remote(1, 1)));
    port(nat.outward(at(20), inside(5), remote(2, 1)));
    assert_eq!(nat.inward(at(29), remote(1, 1), own), Some(inside(5)));
    assert_eq!(nat.inward(at(30), remote(1, 1), own), None);
    assert_eq!(nat.inward(at(30), remote(2, 1), own), Some(inside(5)));
    assert_eq!(nat.counters().filtered, 1);
}

#[test]
fn ports_are_preserved_sequential_or_random() {
    let give = |ports, inside_ports: [u16; 3]| {
        let mut nat = nat(NatConfig::FULL_CONE.ports(ports));
        inside_ports.map(|number| {
            let from = SocketAddr::from(([192, 168, 0, number as u8], number));
            port(nat.outward(START, from, remote(1, 1)))
        })
    };
    let kept = give(PortAllocation::Preserving, [5000, 53, 65_535]);
    assert_eq!(kept, [5000, 1024, 65_535]);
    let counted = give(PortAllocation::Sequential, [5000, 53, 65_535]);
    assert_eq!(counted, [1024, 1025, 1026]);
    let random = give(PortAllocation::Random, [1, 2, 3]);
    assert!(random.iter().all(|port| *port >= 1024));
    assert_eq!(random.iter().collect::<BTreeSet<_>>().len(), 3);
    // Two hosts with the same port inside: one keeps it, the other gets the next one.
    let mut nat = nat(NatConfig::FULL_CONE);
    let twice = [2, 3].map(|host| {
        let from = SocketAddr::from(([192, 168, 0, host], u16::MAX));
        port(nat.outward(START, from, remote(1, 1)))
    });
    assert_eq!(twice, [u16::MAX, 1024]);
}

#[test]
fn rebinding_forgets_all_and_gives_other_ports() {
    for ports in [
        PortAllocation::Preserving,
        PortAllocation::Sequential,
        PortAllocation::Random,
    ] {
        let mut nat = nat(NatConfig::FULL_CONE.ports(ports));
        let before = port(nat.outward(START, inside(5000), remote(1, 1)));
        nat.rebind();
        assert_eq!(nat.inward(START, remote(1, 1), before), None);
        let after = port(nat.outward(START, inside(5000), remote(1, 1)));
        assert_ne!(before, after);
        assert_eq!(nat.inward(START, remote(1, 1), after), Some(inside(5000)));
    }
}

#[test]
fn a_hairpin_is_let_in_only_by_a_nat_that_does_so() {
    let own_address = SocketAddr::from(([10, 0, 0, 9], 7000));
    for has_hairpin in [true, false] {
        let mut nat = nat(NatConfig::FULL_CONE.hairpin(has_hairpin));
        let to = port(nat.outward(START, inside(5), remote(1, 1)));
        let arrives = nat.inward(START, own_address, to).is_some();
        assert_eq!(arrives, has_hairpin);
        let counters = nat.counters();
        assert_eq!(counters.hairpinned, u64::from(has_hairpin));
        assert_eq!(counters.not_hairpinned, u64::from(!has_hairpin));
    }
}

#[test]
fn limit_mappings_of_a_nat() {
    let config = NatConfig::SYMMETRIC
        .capacity(3)
        .lifetime(Span::from_secs(30));
    let mut small = nat(config);
    for secs in 0..3 {
        assert!(
            small
                .outward(at(secs), inside(5), remote(1, secs as u16))
                .is_some()
        );
    }
    assert_eq!(small.outward(at(3), inside(5), remote(1, 9)), None);
    assert_eq!(small.counters().refused, 1);
    // The first one is over; its place is free.
    assert!(small.outward(at(30), inside(5), remote(1, 9)).is_some());

    let mut full = nat(NatConfig::SYMMETRIC.capacity(usize::MAX));
    let many = |nat: &mut Nat| {
        (0..)
            .take_while(|n| nat.outward(START, inside(*n), remote(1, 1)).is_some())
            .count()
    };
    assert_eq!(many(&mut full), MAX_CAPACITY);
    full.rebind();
    assert_eq!(many(&mut full), MAX_CAPACITY);
}

#[test]
fn limit_remotes_of_a_mapping() {
    let mut nat = nat(NatConfig::PORT_RESTRICTED);
    for number in 0..=1024 {
        port(nat.outward(at(u64::from(number) / 16), inside(5), remote(1, number)));
    }
    let own = inside(5).port().max(1024);
    assert_eq!(nat.inward(at(65), remote(1, 0), own), None);
    assert!(nat.inward(at(65), remote(1, 1), own).is_some());
    assert!(nat.inward(at(65), remote(1, 1024), own).is_some());
}

#[test]
fn a_config_tells_how_it_behaves() {
    assert_eq!(
        NatConfig::SYMMETRIC.hairpin(false).to_string(),
        "address and port dependent mapping, address and port dependent filtering, random ports, \
         lifetime 120000.000ms, no hairpin"
    );
}
