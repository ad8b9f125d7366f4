//! Ways that fail after they were found.

use bowline_core::endpoint::SocketId;
use bowline_core::ice::RouteKind;
use bowline_core::ice::gather::Interface;
use bowline_sim::stun_server::ServerFault;
use bowline_sim::{NatConfig, Span, deterministic};

use crate::support::{PORT, Place, Stage, ms};

const ALL: i32 = 7;

#[test]
fn a_way_that_fails_is_replaced_when_it_works_again() {
    deterministic(1, |world| {
        let places = [NatConfig::PORT_RESTRICTED; 2].map(Place::Behind);
        let mut stage = Stage::new(world, places, [ALL, ALL], false);
        assert!(stage.run_until_agreed(ms(2_000)).is_some());
        let [a, b] = [stage.peers[0].host, stage.peers[1].host];
        stage.world.set_connected(a, b, false);
        stage.run_for(ms(36_000));
        assert_eq!(
            (stage.peers[0].selected, stage.peers[1].selected),
            (None, None)
        );
        stage.world.set_connected(a, b, true);
        assert!(
            stage.run_until_agreed(ms(40_000)).is_some(),
            "{}",
            stage.story(0)
        );
    });
}

#[test]
fn a_relay_that_forgets_costs_the_way_and_another_allocation_brings_it_back() {
    deterministic(2, |world| {
        let places = [NatConfig::SYMMETRIC; 2].map(Place::Behind);
        let mut stage = Stage::new(world, places, [ALL, ALL], true);
        assert_eq!(stage.run_until_agreed(ms(3_000)), Some(RouteKind::Relayed));
        stage.server.set_fault(ServerFault::Silence);
        stage.run_for(Span::from_secs(60));
        assert_eq!(stage.agreed(), None);
        stage.server.set_fault(ServerFault::None);
        let kind = stage.run_until_agreed(Span::from_secs(60));
        assert_eq!(kind, Some(RouteKind::Relayed), "{}", stage.story(1));
    });
}

#[test]
fn another_address_of_the_host_is_told_and_used() {
    deterministic(3, |world| {
        let places = [Place::Public, Place::Behind(NatConfig::PORT_RESTRICTED)];
        let mut stage = Stage::new(world, places, [ALL, ALL], false);
        assert!(stage.run_until_agreed(ms(2_000)).is_some());
        stage.run_for(ms(2_000));
        let host = stage.peers[0].host;
        let address = stage.world.change_address(host);
        let now = stage.world.now();
        let interface = Interface {
            socket: SocketId::new(1),
            address: (address, PORT).into(),
        };
        stage.peers[0].gatherer.set_interfaces(now, &[interface]);
        stage.run_for(ms(500));
        assert!(stage.peers[0].selected.is_some(), "{}", stage.story(0));
        // The other side sees that the old way is dead when nobody answers there.
        let now = stage.world.now();
        stage.peers[1].agent.doubt(now);
        stage.run_for(ms(5_000));
        let (remote, _) = stage.peers[1].selected.unwrap();
        assert_eq!(remote.ip(), address, "{}", stage.story(1));
        assert_eq!(stage.agreed(), Some(RouteKind::Direct));
    });
}

#[test]
fn another_mapping_is_found_by_checks() {
    deterministic(4, |world| {
        let places = [Place::Public, Place::Behind(NatConfig::PORT_RESTRICTED)];
        let mut stage = Stage::new(world, places, [ALL, ALL], false);
        assert!(stage.run_until_agreed(ms(2_000)).is_some());
        stage.world.rebind_nat(stage.nat.unwrap());
        stage.run_for(Span::from_secs(45));
        assert_eq!(
            stage.agreed(),
            Some(RouteKind::Direct),
            "{}",
            stage.story(1)
        );
    });
}

#[test]
fn an_hour_of_a_good_way_costs_little() {
    deterministic(5, |world| {
        let places = [NatConfig::PORT_RESTRICTED; 2].map(Place::Behind);
        let mut stage = Stage::new(world, places, [ALL, ALL], true);
        assert!(stage.run_until_agreed(ms(2_000)).is_some());
        stage.run_for(Span::from_secs(10));
        let before = stage.packets;
        stage.run_for(Span::from_secs(600));
        // Both ask every twelve to eighteen seconds, and answer as often.
        let sent = stage.packets - before;
        assert!((133..=204).contains(&sent), "{sent} packets in ten minutes");
    });
}
