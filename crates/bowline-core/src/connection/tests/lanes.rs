//! Lanes: shares, priorities, changes while data waits, estimates, and what is refused.

use super::*;
use crate::crypto::packet::SessionKeys;
use crate::error::LaneError;
use crate::extensions::ExtensionSet;
use crate::handshake::session::Agreed;

const RATE: u64 = 250_000;

fn pinned(rate: u64) -> (Pair, ConnectionId, ConnectionId) {
    let mut config = Config::new();
    config.set_send_rate(Some(rate), Some(rate)).unwrap();
    config.set_send_buffer(4 << 20).unwrap();
    let mut server = Config::new();
    server.set_recv_buffer(64 << 20).unwrap();
    server.set_recv_buffer_messages(1 << 20).unwrap();
    let mut pair = Pair::with(server);
    let (client, server) = pair.connect(config);
    pair.run(Span::from_secs(1));
    (pair, client, server)
}

fn configure(pair: &mut Pair, client: ConnectionId, lanes: &[(i32, u16)]) {
    let now = pair.now;
    let lanes: Vec<LaneConfig> = lanes
        .iter()
        .map(|&(priority, weight)| LaneConfig::new(priority, weight))
        .collect();
    let connection = pair.client.connections.get_mut(&client).unwrap();
    connection.configure_lanes(now, &lanes).unwrap();
}

/// Queues `count` messages on each lane. They wait, so that none has a start.
fn fill(pair: &mut Pair, client: ConnectionId, lanes: &[(u8, usize, SendFlags)], count: usize) {
    let now = pair.now;
    for _ in 0..count {
        for (lane, len, flags) in lanes {
            pair.client
                .send(now, client, *lane, &vec![*lane; *len], *flags);
        }
    }
    pair.drain();
}

/// Bytes per lane that arrive within `span`, those of headers in the stream included.
fn arrivals(pair: &mut Pair, server: ConnectionId, span: Span) -> Vec<usize> {
    pair.server.received(pair.now, server);
    pair.run(span);
    let mut bytes = vec![0; 4];
    for message in pair.server.received(pair.now, server) {
        let header = if message.is_reliable() { 2 } else { 0 };
        bytes[message.lane().as_usize()] += message.len() + header;
    }
    bytes
}

fn assert_share(bytes: &[usize], first: usize, second: usize, percent: usize) {
    let sum = bytes[first] + bytes[second];
    let share = bytes[first] * 1000 / sum;
    assert!(
        share.abs_diff(percent * 10) <= 12,
        "lane {first} has {share} of 1000: {bytes:?}"
    );
}

#[test]
fn weights_share_the_rate_whatever_the_lanes_carry() {
    let kinds = [
        (1000, SendFlags::RELIABLE),
        (40, SendFlags::RELIABLE),
        (300, SendFlags::UNRELIABLE),
        (4000, SendFlags::UNRELIABLE),
    ];
    for (first, first_flags) in kinds {
        for (second, second_flags) in kinds {
            let (mut pair, client, server) = pinned(RATE);
            configure(&mut pair, client, &[(0, 25), (0, 75)]);
            for (lane, len, flags) in [(0, first, first_flags), (1, second, second_flags)] {
                // Twice what either lane sends.
                let count = (RATE as usize * 4 / len).min(7_000);
                fill(&mut pair, client, &[(lane, len, flags)], count);
            }
            pair.run(Span::from_millis(200));
            let bytes = arrivals(&mut pair, server, Span::from_secs(1));
            let share = bytes[0] * 1000 / (bytes[0] + bytes[1]);
            assert!(
                share.abs_diff(250) <= 12,
                "{first} {first_flags:?} and {second} {second_flags:?}: {share} of 1000"
            );
        }
    }
}

#[test]
fn new_weights_and_priorities_hold_for_what_waits_already() {
    let (mut pair, client, server) = pinned(RATE);
    configure(&mut pair, client, &[(0, 25), (0, 75)]);
    let lanes = [0, 1].map(|lane| (lane, 500, SendFlags::RELIABLE));
    fill(&mut pair, client, &lanes, 3000);
    pair.run(Span::from_millis(100));
    assert_share(&arrivals(&mut pair, server, Span::from_secs(1)), 0, 1, 25);
    configure(&mut pair, client, &[(0, 3), (0, 1)]);
    pair.run(Span::from_millis(100));
    assert_share(&arrivals(&mut pair, server, Span::from_secs(1)), 0, 1, 75);
    // A third lane joins with data of its own.
    configure(&mut pair, client, &[(0, 1), (0, 1), (0, 2)]);
    fill(&mut pair, client, &[(2, 500, SendFlags::UNRELIABLE)], 2000);
    pair.run(Span::from_millis(100));
    let bytes = arrivals(&mut pair, server, Span::from_secs(1));
    assert_share(&bytes, 0, 1, 50);
    assert_share(&bytes, 0, 2, 33);
    // The lower number goes first, and alone.
    configure(&mut pair, client, &[(7, 100), (-7, 1), (0, 100)]);
    pair.run(Span::from_millis(100));
    let bytes = arrivals(&mut pair, server, Span::from_secs(1));
    assert!(
        bytes[0] == 0 && bytes[2] == 0 && bytes[1] > 200_000,
        "{bytes:?}"
    );
}

#[test]
fn a_worse_priority_does_not_even_fill_packets() {
    let (mut pair, client, server) = pinned(RATE);
    configure(&mut pair, client, &[(0, 1), (1, 1)]);
    // One of these leaves room in a packet for a piece of the other.
    fill(&mut pair, client, &[(0, 700, SendFlags::UNRELIABLE)], 700);
    fill(&mut pair, client, &[(1, 700, SendFlags::RELIABLE)], 100);
    let bytes = arrivals(&mut pair, server, Span::from_secs(1));
    assert!(bytes[0] > 200_000 && bytes[1] == 0, "{bytes:?}");
}

#[test]
fn each_lane_counts_its_messages_of_both_kinds_from_one() {
    let (mut pair, client, server) = pinned(RATE);
    configure(&mut pair, client, &[(0, 1), (1, 2), (1, 5)]);
    for n in 0..60 {
        let flags = [SendFlags::RELIABLE, SendFlags::UNRELIABLE][n % 2];
        fill(
            &mut pair,
            client,
            &[(0, 100, flags), (2, 900, flags), (1, 3000, flags)],
            1,
        );
    }
    pair.run(Span::from_secs(3));
    let got = pair.server.received(pair.now, server);
    for lane in 0..3 {
        let of_lane = got.iter().filter(|message| message.lane().get() == lane);
        let mut numbers: Vec<u64> = of_lane.map(|message| message.number().get()).collect();
        numbers.sort_unstable();
        assert_eq!(numbers, (1..=60).collect::<Vec<u64>>(), "lane {lane}");
    }
}

/// What waits when estimates are made: lane, size, flags, how many.
type Load = &'static [(u8, usize, SendFlags, usize)];

const LOADS: &[(&[(i32, u16)], Load)] = &[
    (&[(0, 1)], &[(0, 1000, SendFlags::RELIABLE, 300)]),
    (&[(0, 1)], &[(0, 30, SendFlags::RELIABLE, 9000)]),
    (&[(0, 1)], &[(0, 200, SendFlags::UNRELIABLE, 1500)]),
    (&[(0, 1)], &[(0, 700, SendFlags::UNRELIABLE, 400)]),
    (&[(0, 1)], &[(0, 16_000, SendFlags::UNRELIABLE, 18)]),
    (
        &[(0, 25), (0, 75), (1, 1)],
        &[
            (0, 900, SendFlags::RELIABLE, 100),
            (1, 300, SendFlags::UNRELIABLE, 400),
            (2, 2000, SendFlags::RELIABLE, 40),
        ],
    ),
    (
        &[(1, 1), (0, 1)],
        &[
            (0, 1200, SendFlags::RELIABLE, 100),
            (1, 50, SendFlags::UNRELIABLE, 2000),
        ],
    ),
];

/// While a queue drains, each lane says how long a message queued now would wait; then one is queued.
#[test]
fn queue_times_are_right_within_50_ms_while_draining() {
    for rate in [50_000, 250_000, 2_000_000] {
        for (lanes, load) in LOADS {
            let (mut pair, client, server) = pinned(rate);
            configure(&mut pair, client, lanes);
            for (lane, len, flags, count) in *load {
                fill(&mut pair, client, &[(*lane, *len, *flags)], *count);
            }
            let estimates = estimates(&mut pair, client, lanes.len() as u8);
            let longest = estimates.iter().map(|estimate| estimate.3).max();
            assert!(longest > Some(Span::from_millis(100)), "{longest:?}");
            pair.run(Span::from_secs(20));
            let got = pair.server.received(pair.now, server);
            for (lane, number, at, estimate) in estimates {
                let message = got
                    .iter()
                    .find(|message| message.lane() == lane && message.number() == number)
                    .expect("nothing is lost");
                let waited = message.received_at().since(at + pair.latency);
                let error = waited.as_millis().abs_diff(estimate.as_millis());
                assert!(
                    error <= 50,
                    "{rate} B/s, {load:?}: lane {lane} waited {waited}, not {estimate}"
                );
            }
        }
    }
}

type Estimate = (LaneIndex, crate::ids::MessageNumber, Timestamp, Span);

/// Asks one lane after the other, as often as the queue allows.
fn estimates(pair: &mut Pair, client: ConnectionId, lanes: u8) -> Vec<Estimate> {
    let mut estimates = Vec::new();
    for round in 0..20u8 {
        let lane = LaneIndex::new(round % lanes);
        let now = pair.now;
        let connection = pair.client.connections.get_mut(&client).unwrap();
        let status = connection.lane_status(now, lane).unwrap();
        let estimate = status.queue_time.expect("the rate is known");
        let message = Outgoing::new(lane, SendFlags::UNRELIABLE_NO_NAGLE, b"probe");
        let number = connection.send(now, message).unwrap();
        estimates.push((lane, number, now, estimate));
        pair.drain();
        pair.run(Span::from_millis(37));
    }
    estimates
}

#[test]
fn an_idle_lane_waits_for_nothing_and_a_busy_one_says_what_for() {
    let (mut pair, client, _) = pinned(RATE);
    configure(&mut pair, client, &[(0, 1), (1, 1), (0, 1)]);
    fill(&mut pair, client, &[(0, 1000, SendFlags::RELIABLE)], 250);
    let time = |lane| {
        let connection = &pair.client.connections[&client];
        let status = connection.lane_status(pair.now, LaneIndex::new(lane));
        status.unwrap().queue_time.unwrap().as_millis()
    };
    assert!((950..1100).contains(&time(0)), "{}", time(0));
    assert_eq!(time(1), time(0), "all of lane 0 goes before lane 1");
    assert!(time(2) < 10, "lane 2 has its share at once: {}", time(2));
    let connection = &pair.client.connections[&client];
    assert!(
        connection
            .lane_status(pair.now, LaneIndex::new(3))
            .is_none()
    );
    let status = connection.lane_status(pair.now, LaneIndex::new(1)).unwrap();
    assert_eq!(status.pending_reliable_bytes, 0);
}

#[test]
fn lanes_that_cannot_be_are_refused_and_nothing_changes() {
    let (mut pair, client, _) = Pair::connected();
    let now = pair.now;
    let connection = pair.client.connections.get_mut(&client).unwrap();
    let lane = LaneConfig::default();
    connection.configure_lanes(now, &[lane; 3]).unwrap();
    for (lanes, error) in [
        (vec![], LaneError::BadCount(0)),
        (vec![lane; 256], LaneError::BadCount(256)),
        (
            vec![lane, LaneConfig::new(0, 0), lane],
            LaneError::ZeroWeight(1),
        ),
        (
            vec![lane; 2],
            LaneError::CannotReduce {
                configured: 3,
                asked: 2,
            },
        ),
    ] {
        assert_eq!(connection.configure_lanes(now, &lanes), Err(error));
        assert_eq!(connection.lanes(), 3);
    }
    connection.configure_lanes(now, &[lane; 255]).unwrap();
    connection.close(now, EndReason::APP_GENERIC, "", false);
    let refused = connection.configure_lanes(now, &[lane; 255]);
    assert_eq!(
        refused,
        Err(LaneError::WrongState(ConnectionState::FinWait))
    );
}

#[test]
fn a_wrong_setup_does_not_end_a_connection_with_an_old_peer() {
    let (mut pair, client, _) = Pair::connected();
    let now = pair.now;
    let connection = pair.client.connections.get_mut(&client).unwrap();
    connection.peer.version = 10;
    let zero = LaneConfig::new(0, 0);
    let refused = connection.configure_lanes(now, &[zero; 2]);
    assert_eq!(refused, Err(LaneError::ZeroWeight(0)));
    assert_eq!(connection.state(), ConnectionState::Connected);
    let one = LaneConfig::new(9, 9);
    assert_eq!(connection.configure_lanes(now, &[one]), Ok(()));
    let refused = connection.configure_lanes(now, &[one; 2]);
    assert_eq!(refused, Err(LaneError::PeerTooOld(10)));
    let info = connection.info();
    assert_eq!(info.end_reason, EndReason::REMOTE_BAD_PROTOCOL_VERSION);
}

#[test]
fn lanes_set_up_before_an_old_peer_answers_end_the_connection_then() {
    let (mut pair, client, _) = Pair::connected();
    let keys = pair.client.connections[&client].keys.clone().unwrap();
    let early = pair.dial(Config::new());
    let now = pair.now;
    let connection = pair.client.connections.get_mut(&early).unwrap();
    connection
        .configure_lanes(now, &[LaneConfig::default(); 2])
        .unwrap();
    connection.set_peer_version(10);
    let agreed = Agreed {
        keys: SessionKeys {
            send: keys.send,
            recv: keys.recv,
        },
        extensions: ExtensionSet::default(),
        update: None,
    };
    connection.set_connected(now, agreed, State::Connected { answered: None });
    assert_eq!(connection.state(), ConnectionState::ProblemDetectedLocally);
    let info = connection.info();
    assert_eq!(info.end_reason, EndReason::REMOTE_BAD_PROTOCOL_VERSION);
}
