//! What is sent when nothing is acknowledged.

use bowline_core::message::SendFlags;
use bowline_core::stats::LossStats;
use bowline_sim::{ConnectionState, LinkConfig, Span};

use crate::support::{Path, bottleneck, mbit, ms, secs};

const LINK: LinkConfig = bottleneck(ms(40), mbit(500), 50);
/// A packet of this size or more carries the message.
const MESSAGE: usize = 500;

/// A connection that has sent a few messages.
fn connected(seed: u64) -> (Path, usize) {
    let mut path = Path::new(seed, LINK, LINK);
    let flow = path.connect();
    for _ in 0..20 {
        path.burst(flow, MESSAGE);
    }
    path.run(ms(200));
    (path, flow)
}

fn losses(path: &Path, flow: usize) -> LossStats {
    path.world.status(path.flows[flow].from).unwrap().loss
}

fn set_links(path: &mut Path, up: LinkConfig, down: LinkConfig) {
    let (client, server) = (path.client, path.server);
    path.world.set_link(client, server, up);
    path.world.set_link(server, client, down);
}

fn send(path: &mut Path, flow: usize) {
    let (conn, flags) = (path.flows[flow].from, SendFlags::RELIABLE_NO_NAGLE);
    path.world.send(conn, flags, &[0; MESSAGE]).unwrap();
}

/// How long a message takes of which the first packet is lost, with nothing behind it.
pub(crate) fn lost_tail(seed: u64) -> (Span, LossStats) {
    let (mut path, flow) = connected(seed);
    let before = path.world.now();
    set_links(&mut path, LINK.down(), LINK);
    send(&mut path, flow);
    path.run(ms(1));
    set_links(&mut path, LINK, LINK);
    let conn = path.flows[flow].from;
    while path.world.deliveries(conn).unwrap().reliable_due() > 0 {
        path.run(ms(1));
    }
    (path.world.now().since(before), losses(&path, flow))
}

/// Nothing comes behind it that would show that it is missing. Measured: 77 ms: a round trip of 40, the 10 that the
/// peer may take to answer and 5 for variation until it goes again, and 20 on the way.
#[test]
fn a_lost_tail_arrives_after_two_round_trips() {
    let (took, losses) = lost_tail(1);
    assert!(took <= ms(80), "{took}");
    assert_eq!((losses.timeouts, losses.packets), (1, 0));
}

/// When packets left that carried the message, in milliseconds since the first one did.
fn attempts(path: &mut Path, time: Span) -> Vec<u64> {
    let (began, mut sent) = (path.world.now(), vec![0]);
    let bytes = |path: &Path| {
        path.world
            .link_counters(path.client, path.server)
            .sent_bytes
    };
    while path.world.now() < began + time {
        let before = bytes(path);
        path.run(ms(1));
        if bytes(path) - before >= MESSAGE as u64 {
            sent.push(path.world.now().since(began).as_millis());
        }
    }
    sent
}

#[test]
fn a_peer_that_is_gone_is_tried_ever_less_often_until_time_is_out() {
    let (mut path, flow) = connected(1);
    set_links(&mut path, LINK.down(), LINK.down());
    send(&mut path, flow);
    let sent = attempts(&mut path, secs(9));
    let gaps: Vec<u64> = sent.windows(2).map(|pair| pair[1] - pair[0]).collect();
    assert!((50..=65).contains(&gaps[0]), "{gaps:?}");
    assert!(
        (gaps[0] * 19 / 10..=gaps[0] * 21 / 10).contains(&gaps[1]),
        "{gaps:?}"
    );
    assert!(
        gaps[2..].iter().all(|gap| (200..=260).contains(gap)),
        "{gaps:?}"
    );
    assert_eq!(losses(&path, flow).timeouts, gaps.len() as u64);
    path.run(secs(20));
    let conn = path.flows[flow].from;
    assert_ne!(path.world.state(conn), ConnectionState::Connected);
    assert_eq!(attempts(&mut path, secs(2)), [0]);
}

/// Only probes go out meanwhile, and the first ack tells that nothing was lost.
#[test]
fn acks_that_are_lost_for_a_second_cost_no_more_than_that() {
    let mut path = Path::new(2, LINK, LINK);
    let flow = path.bulk();
    path.run(secs(4));
    set_links(&mut path, LINK, LINK.down());
    path.run(secs(1));
    set_links(&mut path, LINK, LINK);
    path.run(secs(3));
    let after = path.reaches(flow, mbit(425), secs(5), ms(200)).unwrap();
    assert!(after <= ms(1000), "{after}: {}", path.decisions(flow));
    let losses = losses(&path, flow);
    assert!(losses.resent_bytes <= 20 * 1217, "{losses:?}");
    assert!((2..=8).contains(&losses.timeouts), "{losses:?}");
}
