//! The TURN client against a server that follows the RFC, and against one that does not.

mod net;

use std::net::SocketAddr;

use bowline_core::stun::AddressFamily;
use bowline_core::turn::{TurnFailure, TurnSendError, TurnState, Wrapped};
use bowline_sim::stun_server::{ServerFault, StunServer, StunServerConfig};
use bowline_sim::{Span, Timestamp};

use crate::net::Net;

fn peer(number: u8) -> SocketAddr {
    SocketAddr::from(([198, 51, 100, number], 27015))
}

const HOUR: Span = Span::from_secs(3600);

#[test]
fn an_allocation_takes_two_requests_and_tells_two_addresses() {
    let net = Net::allocated();
    let mapped = net.sides[0].address;
    let relayed = "192.0.2.1:49152".parse().unwrap();
    assert_eq!(net.state(0), TurnState::Allocated { relayed, mapped });
    assert_eq!(net.sent, 2);
}

#[test]
fn data_passes_both_ways() {
    let mut net = Net::allocated();
    let relayed = net.relayed(0);
    let (friend, stranger) = (peer(1), peer(2));
    net.permit(0, friend);
    net.send(0, friend, b"there");
    assert_eq!(net.arrived(friend), [(relayed, b"there".to_vec())]);
    net.send_from(friend, relayed, b"and back");
    net.send_from(stranger, relayed, b"spam");
    assert_eq!(net.received(0), [(friend, b"and back".to_vec())]);
    assert_eq!(net.server().counters().not_permitted, 1);
}

#[test]
fn two_clients_talk_relay_to_relay() {
    let mut net = Net::allocated();
    net.add(AddressFamily::Ipv4);
    net.run_for(Span::ZERO);
    let (a, b) = (net.relayed(0), net.relayed(1));
    net.permit(0, b);
    net.permit(1, a);
    net.send(0, b, b"ping");
    net.send(1, a, b"pong");
    assert_eq!(net.received(1), [(a, b"ping".to_vec())]);
    assert_eq!(net.received(0), [(b, b"pong".to_vec())]);
}

#[test]
fn data_goes_through_a_channel_once_there_is_one() {
    let mut net = Net::allocated();
    let friend = peer(1);
    assert_eq!(net.client().overhead(friend), 39);
    net.permit(0, friend);
    assert!(net.client().has_channel(friend));
    assert_eq!(net.client().overhead(friend), 4);
    let relayed = net.relayed(0);
    for _ in 0..30 {
        net.send(0, friend, b"x");
        net.send_from(friend, relayed, b"y");
        net.run_for(Span::from_secs(60));
    }
    let counters = net.server().counters();
    assert_eq!((counters.channel_data, counters.sends), (30, 0));
    assert_eq!(net.arrived(friend).len(), 30);
    assert_eq!(net.received(0).len(), 30);
}

#[test]
fn what_is_sent_before_the_permission_is_there_arrives() {
    let mut net = Net::allocated();
    let friend = peer(1);
    let now = net.now;
    net.client().permit(now, friend).unwrap();
    let mut bytes = Vec::new();
    let held = net.client().wrap(friend, b"early", &mut bytes);
    assert_eq!((held, bytes.len()), (Ok(Wrapped::Held), 0));
    net.run_for(Span::ZERO);
    assert_eq!(net.arrived(friend).len(), 1);
    assert_eq!(net.server().counters().not_permitted, 0);
}

#[test]
fn permissions_and_channels_live_for_as_long_as_something_passes() {
    let mut net = Net::allocated();
    let (sender, receiver) = (peer(1), peer(2));
    net.permit(0, sender);
    net.permit(0, receiver);
    let relayed = net.relayed(0);
    for _ in 0..120 {
        // One only sends to us, the other is only sent to.
        net.send_from(sender, relayed, b"x");
        net.send(0, receiver, b"y");
        net.run_for(Span::from_secs(30));
    }
    assert_eq!(net.received(0).len(), 120);
    assert_eq!(net.arrived(receiver).len(), 120);
    assert_eq!(net.server().counters().not_permitted, 0);
    // In an hour: 12 refreshes, 15 times two permissions, 7 times two channels.
    assert!(net.sent < 70, "{}", net.sent);
}

#[test]
fn what_nobody_uses_lapses_and_can_come_back() {
    let mut net = Net::allocated();
    let friend = peer(1);
    net.permit(0, friend);
    net.run_for(HOUR);
    let mut bytes = Vec::new();
    let lapsed = net.client().wrap(friend, b"x", &mut bytes);
    assert_eq!(lapsed, Ok(Wrapped::Held));
    // A permission and a channel were asked for twice, since `permit` itself is a use, and all else is refreshes.
    assert!(net.sent < 20, "{}", net.sent);
    // Use is enough.
    let now = net.now;
    net.client().handle_timeout(now);
    net.run_for(Span::ZERO);
    net.send(0, friend, b"y");
    assert_eq!(net.arrived(friend).len(), 2);
}

#[test]
fn what_lapses_is_woken_by_use() {
    let mut net = Net::allocated();
    let friend = peer(1);
    net.permit(0, friend);
    // Asked for at 0 s; looked at and left to lapse at 240 s; over at 300 s.
    net.run_for(Span::from_secs(250));
    net.send(0, friend, b"x");
    net.run_for(Span::from_secs(100));
    net.send(0, friend, b"y");
    assert_eq!(net.arrived(friend).len(), 2);
    assert_eq!(net.server().counters().not_permitted, 0);
}

#[test]
fn a_nonce_may_change_at_any_time() {
    let mut net = Net::new(StunServerConfig {
        nonce_lifetime: Some(Span::from_secs(70)),
        ..StunServerConfig::default()
    });
    net.add(AddressFamily::Ipv4);
    net.run_for(Span::ZERO);
    let relayed = net.relayed(0);
    let friends: Vec<SocketAddr> = (1..6).map(peer).collect();
    for friend in &friends {
        let now = net.now;
        net.server().renew_nonce(now);
        net.permit(0, *friend);
    }
    for _ in 0..120 {
        for friend in &friends {
            net.send(0, *friend, b"x");
        }
        net.run_for(Span::from_secs(30));
    }
    assert_eq!(net.relayed(0), relayed);
    assert_eq!(net.server().counters().not_permitted, 0);
    for friend in friends {
        assert_eq!(net.arrived(friend).len(), 120);
    }
    net.client().close(Timestamp::ZERO + HOUR * 2);
    net.run_for(Span::ZERO);
    assert_eq!(net.state(0), TurnState::Idle);
    assert_eq!(net.server().allocations(), 0);
}

#[test]
fn an_allocation_lives_and_says_little_for_hours() {
    let mut net = Net::allocated();
    let relayed = net.relayed(0);
    net.run_for(HOUR * 5);
    assert_eq!(net.relayed(0), relayed);
    // One refresh in five minutes.
    assert_eq!(net.sent, 2 + 60);
}

#[test]
fn close_gives_the_allocation_back() {
    let mut net = Net::allocated();
    let now = net.now;
    net.client().close(now);
    assert_eq!(net.state(0), TurnState::Closing);
    net.run_for(Span::ZERO);
    assert_eq!(net.state(0), TurnState::Idle);
    assert_eq!(net.server().allocations(), 0);
    assert_eq!(net.client().poll_timeout(), None);
    // And it can begin again.
    net.client().start(now);
    net.run_for(Span::ZERO);
    assert!(matches!(net.state(0), TurnState::Allocated { .. }));
}

#[test]
fn close_does_not_wait_for_a_server_that_is_gone() {
    let mut net = Net::allocated();
    net.server().set_fault(ServerFault::Silence);
    let now = net.now;
    net.client().close(now);
    net.run_for(Span::from_secs(6));
    assert_eq!(net.state(0), TurnState::Idle);
    assert_eq!(net.sent, 2 + 5);
}

#[test]
fn a_server_that_restarts_gives_another_allocation() {
    let mut net = Net::allocated();
    let friend = peer(1);
    net.permit(0, friend);
    net.run_for(Span::from_secs(100));
    let now = net.now;
    net.server().forget();
    net.server().renew_nonce(now);
    // Found out at the next request: the refresh after five minutes.
    for _ in 0..30 {
        net.run_for(Span::from_secs(10));
        net.send(0, friend, b"x");
    }
    let relayed = net.relayed(0);
    net.arrived(friend);
    net.send(0, friend, b"y");
    assert_eq!(net.arrived(friend), [(relayed, b"y".to_vec())]);
}

#[test]
fn an_earlier_allocation_of_the_port_is_cleared() {
    let mut net = Net::allocated();
    // The process is gone without a word, and the next has the same port.
    net.sides.clear();
    net.add(AddressFamily::Ipv4);
    net.run_for(Span::ZERO);
    assert!(matches!(net.state(0), TurnState::Allocated { .. }));
    assert_eq!(net.server().allocations(), 1);
}

#[test]
fn a_redirected_client_goes_to_the_other_server() {
    let mut net = Net::new(StunServerConfig::default());
    let other = StunServerConfig {
        address: "192.0.2.99:3479".parse().unwrap(),
        relay_ipv4: Some("192.0.2.99".parse().unwrap()),
        realm: "elsewhere".into(),
        ..StunServerConfig::default()
    };
    let address = other.address;
    net.servers.push((address, StunServer::new(other)));
    net.server().redirect_to(address);
    net.add(AddressFamily::Ipv4);
    net.run_for(Span::ZERO);
    assert_eq!(net.client().server(), address);
    assert_eq!(net.relayed(0).ip(), address.ip());
    // Back and forth is not followed.
    let first = net.servers[0].0;
    net.servers[1].1.redirect_to(first);
    net.add(AddressFamily::Ipv4);
    net.run_for(Span::ZERO);
    assert_eq!(net.state(1), TurnState::Failed(TurnFailure::Redirected));
}

#[test]
fn relayed_addresses_can_be_ipv6() {
    let mut net = Net::new(StunServerConfig::default());
    net.add(AddressFamily::Ipv6);
    net.run_for(Span::ZERO);
    assert!(net.relayed(0).is_ipv6());
    let now = net.now;
    let wrong = net.client().permit(now, peer(1));
    assert_eq!(wrong, Err(TurnSendError::WrongFamily));
    let friend = "[2001:db8:7::1]:9".parse().unwrap();
    net.permit(0, friend);
    net.send(0, friend, b"x");
    assert_eq!(net.arrived(friend).len(), 1);

    let mut net = Net::new(StunServerConfig {
        relay_ipv6: None,
        ..StunServerConfig::default()
    });
    net.add(AddressFamily::Ipv6);
    net.run_for(Span::ZERO);
    assert_eq!(net.state(0), TurnState::Failed(TurnFailure::Family));
}

#[test]
fn a_server_without_accounts_serves_everybody() {
    let mut net = Net::new(StunServerConfig {
        account: None,
        ..StunServerConfig::default()
    });
    net.add_as("", "", AddressFamily::Ipv4);
    net.run_for(Span::ZERO);
    let friend = peer(1);
    net.permit(0, friend);
    net.send(0, friend, b"x");
    assert_eq!(net.arrived(friend).len(), 1);
}

#[test]
fn wrong_credentials_are_told_from_none() {
    let mut net = Net::new(StunServerConfig::default());
    net.add_as("anna", "guess", AddressFamily::Ipv4);
    net.add_as("ben", "secret", AddressFamily::Ipv4);
    net.add_as("", "", AddressFamily::Ipv4);
    net.run_for(HOUR);
    let failures = [
        TurnFailure::WrongCredentials,
        TurnFailure::WrongCredentials,
        TurnFailure::NoCredentials,
    ];
    for (side, failure) in failures.into_iter().enumerate() {
        assert_eq!(net.state(side), TurnState::Failed(failure));
    }
    assert_eq!(net.sent, 2 + 2 + 1);
}

#[test]
fn a_used_up_quota_has_its_name() {
    let mut net = Net::new(StunServerConfig {
        quota: 1,
        ..StunServerConfig::default()
    });
    net.add(AddressFamily::Ipv4);
    net.add(AddressFamily::Ipv4);
    net.run_for(Span::ZERO);
    assert!(matches!(net.state(0), TurnState::Allocated { .. }));
    assert_eq!(net.state(1), TurnState::Failed(TurnFailure::Quota));
}

#[test]
fn a_forbidden_peer_is_refused_and_others_are_not() {
    let mut net = Net::allocated();
    net.server().forbid(peer(1).ip());
    net.permit(0, peer(1));
    net.permit(0, peer(2));
    let mut bytes = Vec::new();
    let refused = net.client().wrap(peer(1), b"x", &mut bytes);
    assert_eq!(refused, Err(TurnSendError::PeerRefused(403)));
    net.send(0, peer(2), b"x");
    assert_eq!(net.arrived(peer(2)).len(), 1);
    let before = net.sent;
    net.run_for(HOUR);
    assert!(net.sent - before < 20, "{}", net.sent);
}

#[test]
fn every_fault_has_its_name_and_none_makes_the_client_spin() {
    for (fault, failure) in [
        (ServerFault::Silence, TurnFailure::NoAnswer),
        (ServerFault::Noise, TurnFailure::NoAnswer),
        (ServerFault::WrongTransaction, TurnFailure::NoAnswer),
        (
            ServerFault::NeverAuthenticated,
            TurnFailure::WrongCredentials,
        ),
        (ServerFault::AlwaysStale, TurnFailure::NonceLoop),
        (ServerFault::WrongIntegrity, TurnFailure::Untrusted),
        (ServerFault::EmptyAnswers, TurnFailure::Garbage),
        (ServerFault::Refuses(437), TurnFailure::Mismatch),
        (ServerFault::Refuses(486), TurnFailure::Quota),
        (ServerFault::Refuses(508), TurnFailure::Capacity),
        (ServerFault::Refuses(403), TurnFailure::Forbidden),
        (ServerFault::Refuses(441), TurnFailure::WrongCredentials),
        (ServerFault::Refuses(300), TurnFailure::Redirected),
        (ServerFault::Refuses(500), TurnFailure::Refused(500)),
        (ServerFault::Forgetful, TurnFailure::Forgotten),
    ] {
        let mut net = Net::new(StunServerConfig::default());
        net.server().set_fault(fault);
        net.add(AddressFamily::Ipv4);
        net.permit(0, peer(1));
        net.run_for(HOUR);
        assert_eq!(net.state(0), TurnState::Failed(failure), "{fault:?}");
        assert!(net.sent <= 12, "{fault:?}: {}", net.sent);
        // And what is good again is used again.
        net.server().set_fault(ServerFault::None);
        let now = net.now;
        net.client().start(now);
        net.run_for(Span::ZERO);
        net.permit(0, peer(1));
        net.send(0, peer(1), b"x");
        assert_eq!(net.arrived(peer(1)).len(), 1, "{fault:?}");
    }
}

#[test]
fn faults_that_begin_later_have_names_too() {
    for (fault, failure) in [
        (ServerFault::Silence, TurnFailure::Vanished),
        (ServerFault::Noise, TurnFailure::Vanished),
        (ServerFault::WrongIntegrity, TurnFailure::Vanished),
        (
            ServerFault::NeverAuthenticated,
            TurnFailure::WrongCredentials,
        ),
        (ServerFault::AlwaysStale, TurnFailure::NonceLoop),
    ] {
        let mut net = Net::allocated();
        net.permit(0, peer(1));
        net.server().set_fault(fault);
        for _ in 0..3600 {
            net.run_for(Span::from_secs(1));
            let mut bytes = Vec::new();
            // What the game sends keeps the permission wanted.
            let _ = net.client().wrap(peer(1), b"x", &mut bytes);
        }
        assert_eq!(net.state(0), TurnState::Failed(failure), "{fault:?}");
        // For five minutes three requests are tried every 15 s, five times each.
        assert!(net.sent < 350, "{fault:?}: {}", net.sent);
    }
}

#[test]
fn a_short_silence_costs_nothing() {
    let mut net = Net::allocated();
    let relayed = net.relayed(0);
    net.run_for(Span::from_secs(290));
    net.server().set_fault(ServerFault::Silence);
    net.run_for(Span::from_secs(120));
    net.server().set_fault(ServerFault::None);
    net.run_for(HOUR);
    assert_eq!(net.relayed(0), relayed);
}

#[test]
fn after_a_sleep_there_is_an_allocation_again() {
    let mut net = Net::allocated();
    let friend = peer(1);
    net.permit(0, friend);
    // The computer sleeps: nobody is woken.
    net.now += HOUR * 3;
    net.run_for(Span::ZERO);
    assert!(matches!(net.state(0), TurnState::Allocated { .. }));
    net.permit(0, friend);
    net.send(0, friend, b"x");
    assert_eq!(net.arrived(friend).len(), 1);
}

#[test]
fn a_fifth_of_all_datagrams_may_be_lost() {
    let mut net = Net::new(StunServerConfig {
        nonce_lifetime: Some(Span::from_secs(500)),
        ..StunServerConfig::default()
    });
    net.loss_pct = 20;
    net.add(AddressFamily::Ipv4);
    net.run_for(Span::from_secs(10));
    let friend = peer(1);
    net.permit(0, friend);
    net.run_for(Span::from_secs(10));
    for _ in 0..1000 {
        net.send(0, friend, b"x");
        net.run_for(Span::from_secs(10));
    }
    // Twice a datagram can be lost: on its way to the server, and on to the peer.
    let arrived = net.arrived(friend).len();
    assert!((580..700).contains(&arrived), "{arrived}");
}
