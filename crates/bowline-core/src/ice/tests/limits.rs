//! Bounds, and that nothing spins.

use super::*;
use crate::limits::CHECK_INTERVAL;
use crate::limits::FIRST_CHECK_REPEAT;
use crate::limits::FIRST_CHECKS;
use crate::limits::MAX_CANDIDATE_PAIRS;
use crate::limits::MAX_CONSENT_CHECKS;
use crate::limits::MAX_ICE_CREDENTIAL;
use crate::limits::MAX_ICE_EVENTS;
use crate::limits::MAX_ICE_PACKETS;
use crate::limits::MAX_LOCAL_CANDIDATES;
use crate::limits::MAX_PEER_REFLEXIVE;
use crate::limits::MAX_REMOTE_CANDIDATES;

/// An agent whose peer named so many addresses, none of which answers.
fn flooded(count: u32) -> Duo {
    let mut duo = Duo::on_a_lan();
    let ufrag = credentials::ufrag(duo.sides[1].agent.id);
    let side = &mut duo.sides[0];
    side.add(START, host(2, "203.0.113.2:1001"));
    for index in 0..count {
        let port = 1 + index % 60_000;
        let line = std::format!("candidate:1 0 udp {index} 198.51.100.7 {port} typ srflx");
        side.drops.extend(side.agent.add_remote(START, &line).err());
    }
    side.agent.set_remote_credentials(START, ufrag, "password");
    duo
}

#[test]
fn limit_remote_candidates() {
    let duo = flooded(10_000);
    let summary = duo.sides[0].agent.summary();
    assert_eq!(summary.remote.reflexive, MAX_REMOTE_CANDIDATES);
    assert_eq!(summary.pairs, 2 * MAX_REMOTE_CANDIDATES);
    let refused = 10_000 - MAX_REMOTE_CANDIDATES;
    assert_eq!(
        duo.sides[0].drops,
        [DropReason::TooManyCandidates].repeat(refused)
    );
}

#[test]
fn limit_a_flood_of_candidates_does_not_hide_the_peer() {
    let mut duo = flooded(10_000);
    // Both know each other's password, and the peer's own candidate was among those refused.
    duo.signal(0);
    duo.signal(1);
    duo.run_for(Span::from_secs(1));
    assert!(duo.agreed().is_some());
}

#[test]
fn limit_peer_reflexive_candidates() {
    let mut duo = Duo::on_a_lan();
    duo.drain();
    let request = duo.request(1, |builder| {
        builder.ice_controlling(1);
    });
    let (now, local) = (duo.now, LocalId::new(1));
    let mut taken = Vec::new();
    for port in 1..=100 {
        let from = SocketAddr::new([192, 168, 1, 3].into(), port);
        taken.push(duo.sides[0].agent.handle_stun(now, local, from, &request));
    }
    let good = taken.iter().filter(|taken| taken.is_ok()).count();
    assert_eq!(good, MAX_PEER_REFLEXIVE);
    assert_eq!(taken[99], Err(DropReason::TooManyCandidates));
    assert_eq!(duo.sides[0].drain(now).len(), MAX_PEER_REFLEXIVE);
}

#[test]
fn limit_local_candidates() {
    let mut duo = Duo::on_a_lan();
    for index in 0..1000 {
        let at = std::format!("192.168.1.9:{}", 5000 + index);
        duo.sides[0].add(START, host(10 + index, &at));
    }
    let summary = duo.sides[0].agent.summary();
    assert_eq!(summary.local.host_private, MAX_LOCAL_CANDIDATES);
    duo.introduce();
    for index in 0..32 {
        let line = std::format!("candidate:1 0 udp 1 192.168.1.4 {} typ host", 1 + index);
        let _ = duo.sides[0].agent.add_remote(START, &line);
    }
    let pairs = duo.sides[0].agent.summary().pairs;
    assert_eq!(pairs, MAX_CANDIDATE_PAIRS);
}

#[test]
fn limit_first_checks_and_check_interval() {
    let mut duo = flooded(30);
    duo.run_for(Span::from_millis(399));
    let mut sent_at: BTreeMap<_, Vec<u64>> = BTreeMap::new();
    for packet in &duo.sent {
        let at = packet.at.since(START).as_millis();
        let pair = (packet.from, packet.to);
        sent_at.entry(pair).or_default().push(at);
    }
    let mut times: Vec<u64> = sent_at.values().map(|times| times[0]).collect();
    times.sort_unstable();
    // Each once more, soon.
    for times in sent_at.into_values() {
        let gap = times.get(1).map_or(100, |second| second - times[0]);
        assert!(times.len() <= 2 && gap == FIRST_CHECK_REPEAT.as_millis());
    }
    let mut expected = [0].repeat(usize::from(FIRST_CHECKS));
    let later = (1..8).map(|index| index * CHECK_INTERVAL.as_millis());
    expected.extend(later);
    assert_eq!(times, expected);
}

#[test]
fn limit_packets_at_those_who_never_answer() {
    let mut duo = flooded(10_000);
    duo.run_for(Span::from_secs(3600));
    let mut targets: BTreeMap<SocketAddr, usize> = BTreeMap::new();
    for packet in &duo.sent {
        *targets.entry(packet.to).or_default() += 1;
    }
    assert_eq!(targets.len(), MAX_REMOTE_CANDIDATES);
    // Two ends of ours, a check of five packets each, every 37 s in the long run, and one more at the beginning.
    let most = targets.values().max().copied().unwrap();
    assert!(most <= 2 * 5 * 110, "{most} packets an hour to one address");
    assert!(duo.sent.len() > 1000);
}

#[test]
fn limit_packets_and_events_that_nobody_fetches() {
    let mut duo = flooded(32);
    duo.drain();
    let request = duo.request(1, |builder| {
        builder.ice_controlling(1);
    });
    let agent = &mut duo.sides[0].agent;
    agent.peer = None;
    let from = address("192.168.1.3:2000");
    for _ in 0..10_000 {
        let _ = agent.handle_stun(START, LocalId::new(1), from, &request);
    }
    for index in 0..10_000 {
        let relay = LocalCandidate {
            kind: CandidateKind::Relayed,
            ..host(1000 + index, "203.0.113.99:7")
        };
        agent.add_local(START, relay);
        agent.remove_local(START, LocalId::new(1000 + index));
    }
    let mut packets = 0;
    while agent.poll_transmit(&mut Vec::new()).is_some() {
        packets += 1;
    }
    let events = core::iter::from_fn(|| agent.poll_event()).count();
    assert_eq!(packets, MAX_ICE_PACKETS);
    assert_eq!(events, MAX_ICE_EVENTS);
}

#[test]
fn limit_credentials_of_the_peer() {
    let mut duo = Duo::on_a_lan();
    let agent = &mut duo.sides[0].agent;
    agent.set_remote_credentials(START, "AAAAA".into(), &"x".repeat(MAX_ICE_CREDENTIAL + 1));
    assert!(agent.peer.is_none());
    agent.set_remote_credentials(START, "AAAAA".into(), &"x".repeat(MAX_ICE_CREDENTIAL));
    assert!(agent.peer.is_some());
}

#[test]
fn limit_questions_for_consent() {
    let mut duo = Duo::on_a_lan();
    duo.introduce();
    duo.run_for(Span::from_secs(1));
    duo.is_lost = |packet, _| packet.at > START + Span::from_secs(1);
    // Nobody answers, and the way is not given up yet.
    duo.run_for(Span::from_secs(28));
    let asked = duo.sides[0].agent.selection.as_ref().unwrap().questions();
    assert_eq!(asked, MAX_CONSENT_CHECKS);
}

#[test]
fn limit_memory_of_an_idle_agent() {
    let mut duo = Duo::on_a_lan();
    duo.introduce();
    duo.run_for(Span::from_secs(60));
    let agent = &mut duo.sides[0].agent;
    agent.rest();
    let parts = [size_of::<IceAgent>(), agent.heap_bytes()];
    let story = [agent.story().entries().count(), agent.story.heap_bytes()];
    assert!(parts[0] <= 448 && parts[1] <= 448, "{parts:?}");
    assert!(story[1] <= 12 * story[0], "{story:?}");
}
