//! Sequenced delivery, deadlines, keys and room to send, as a connection has them.

use super::*;
use crate::error::CommandError;
use crate::ids::MessageNumber;
use crate::message::Freshness;
use crate::transmit::DatagramMeta;

/// A message of one segment up to the end of the packet.
fn whole(number: u32, bytes: &[u8]) -> Vec<u8> {
    let mut frame = vec![0x37];
    frame.extend_from_slice(&number.to_le_bytes());
    frame.extend_from_slice(bytes);
    frame
}

/// A fragment up to the end of the packet.
fn fragment(number: u32, offset: u8, last: bool, bytes: &[u8]) -> Vec<u8> {
    let mut frame = vec![if last { 0x3F } else { 0x1F }];
    frame.extend_from_slice(&number.to_le_bytes());
    frame.push(offset);
    frame.extend_from_slice(bytes);
    frame
}

fn in_lane(lane: u8, frame: Vec<u8>) -> Vec<u8> {
    let select = if lane == 0 { vec![] } else { vec![0x87 + lane] };
    [select, frame].concat()
}

/// Hands the server a packet of the client with these frames.
fn feed(pair: &mut Pair, (client, server): (ConnectionId, ConnectionId), frames: &[u8]) {
    let now = pair.now;
    let connection = pair.client.connections.get_mut(&client).unwrap();
    let mut packet = connection.seal_for_test(frames);
    let connection = pair.server.connections.get_mut(&server).unwrap();
    connection.handle_datagram(now, &DatagramMeta::default(), &mut packet);
}

fn texts(pair: &mut Pair, server: ConnectionId) -> Vec<Vec<u8>> {
    let got = pair.server.received(pair.now, server);
    got.iter().map(|message| message.to_vec()).collect()
}

fn late(pair: &Pair, server: ConnectionId) -> u64 {
    let drops = pair.server.connections[&server].drops();
    drops.of(DropReason::LateMessage)
}

#[test]
fn late_messages_of_a_sequenced_lane_are_dropped_and_counted() {
    let (mut pair, client, server) = Pair::connected();
    let ends = (client, server);
    let now = pair.now;
    let connection = pair.server.connections.get_mut(&server).unwrap();
    connection.set_sequenced(now, Some(LaneIndex::new(1)), true);
    for lane in [0, 1] {
        for (number, text) in [(5, b"new"), (3, b"old"), (6, b"two")] {
            feed(&mut pair, ends, &in_lane(lane, whole(number, text)));
        }
    }
    let got = texts(&mut pair, server);
    assert_eq!(got, [b"new", b"old", b"two", b"new", b"two"]);
    assert_eq!(late(&pair, server), 1);
    // What the application has read counts as much as what waits.
    feed(&mut pair, ends, &in_lane(1, whole(4, b"old")));
    let connection = pair.server.connections.get_mut(&server).unwrap();
    connection.set_sequenced(now, Some(LaneIndex::new(1)), false);
    feed(&mut pair, ends, &in_lane(1, whole(2, b"any")));
    assert_eq!(texts(&mut pair, server), [b"any"]);
    assert_eq!(late(&pair, server), 2);
}

#[test]
fn a_late_message_in_fragments_is_counted_once_and_its_packets_are_acknowledged() {
    let (mut pair, client, server) = Pair::connected();
    let ends = (client, server);
    let now = pair.now;
    let connection = pair.server.connections.get_mut(&server).unwrap();
    connection.set_sequenced(now, None, true);
    feed(&mut pair, ends, &fragment(1, 2, true, b"cd"));
    feed(&mut pair, ends, &whole(2, b"newer"));
    feed(&mut pair, ends, &fragment(1, 0, false, b"ab"));
    feed(&mut pair, ends, &fragment(3, 2, true, b"cd"));
    feed(&mut pair, ends, &fragment(3, 0, false, b"ab"));
    assert_eq!(texts(&mut pair, server), [&b"newer"[..], b"abcd"]);
    assert_eq!(late(&pair, server), 1);
    let drops = pair.server.connections[&server].drops();
    assert_eq!(drops.total(), 1, "{drops:?}");
}

#[test]
fn an_unreliable_message_is_late_after_a_reliable_one_but_never_the_other_way() {
    let (mut pair, client, server) = Pair::connected();
    let ends = (client, server);
    let now = pair.now;
    let connection = pair.server.connections.get_mut(&server).unwrap();
    connection.set_sequenced(now, None, true);
    // Message 2 by its header, at the start of the stream.
    let reliable = [0x57, 1, 0, 0, 0, 0, 0, 0x42, 2, b'h', b'i'];
    feed(&mut pair, ends, &whole(4, b"newest"));
    feed(&mut pair, ends, &reliable);
    feed(&mut pair, ends, &whole(1, b"late"));
    assert_eq!(texts(&mut pair, server), [&b"newest"[..], b"hi"]);
    assert_eq!(late(&pair, server), 1);
}

#[test]
fn reordered_packets_never_bring_an_older_state_after_a_newer_one() {
    // Pinned, so that what looks like loss slows nothing down.
    let mut config = Config::new();
    config
        .set_send_rate(Some(4_000_000), Some(4_000_000))
        .unwrap();
    let mut pair = Pair::new();
    let (client, server) = pair.connect(config);
    let now = pair.now;
    let connection = pair.server.connections.get_mut(&server).unwrap();
    connection.set_sequenced(now, None, true);
    let mut highest = MessageNumber::NONE;
    let mut taken = 0;
    for n in 0..300_u64 {
        // The way gets shorter by turns, so packets overtake each other.
        pair.latency = Span::from_millis([40, 25, 10][n as usize % 3]);
        let len = [10, 3000][n as usize % 2];
        pair.client_sends(client, &vec![n as u8; len], SendFlags::UNRELIABLE_NO_NAGLE);
        pair.run(Span::from_millis(5));
        for message in pair.server.received(pair.now, server) {
            assert!(message.number() > highest, "{message:?} after {highest:?}");
            highest = message.number();
            taken += 1;
        }
    }
    let late = late(&pair, server);
    assert!(late > 50 && taken > 50, "{late} late, {taken} taken");
}

fn slow() -> (Pair, ConnectionId, ConnectionId) {
    let mut config = Config::new();
    config.set_send_rate(Some(10_000), Some(10_000)).unwrap();
    config.set_send_buffer(20_000).unwrap();
    let mut pair = Pair::new();
    let (client, server) = pair.connect(config);
    pair.run(Span::from_secs(1));
    (pair, client, server)
}

fn send(
    pair: &mut Pair,
    client: ConnectionId,
    bytes: &[u8],
    freshness: Freshness,
) -> Result<MessageNumber, SendError> {
    let now = pair.now;
    let mut message = Outgoing::new(LaneIndex::ZERO, SendFlags::UNRELIABLE_NO_NAGLE, bytes);
    message.freshness = freshness;
    let connection = pair.client.connections.get_mut(&client).unwrap();
    let result = connection.send(now, message);
    pair.drain();
    result
}

const fn deadline(ms: u64) -> Freshness {
    Freshness {
        deadline: Some(Span::from_millis(ms)),
        key: None,
    }
}

#[test]
fn nothing_leaves_after_its_deadline_and_the_rest_is_counted() {
    let (mut pair, client, server) = slow();
    let start = pair.now;
    for n in 0..15u8 {
        send(&mut pair, client, &[n; 1000], deadline(500)).unwrap();
    }
    let (at, kind) = pair.client.connections[&client].poll_timeout().unwrap();
    assert!(at < start + Span::from_millis(500), "{kind:?} at {at}");
    pair.run(Span::from_millis(501));
    let status = pair.client.connections[&client].status(pair.now);
    assert_eq!(status.pending_unreliable_bytes, 0);
    pair.run(Span::from_secs(1));
    let got = pair.server.received(pair.now, server);
    // 10 kB/s for half a second, and the two packets of a burst.
    assert!((5..=8).contains(&got.len()), "{}", got.len());
    assert!(
        got.iter()
            .enumerate()
            .all(|(n, message)| message[0] == n as u8)
    );
    let last = start + Span::from_millis(500) + pair.latency;
    assert!(got.iter().all(|message| message.received_at() <= last));
    let status = pair.client.connections[&client].status(pair.now);
    assert_eq!(status.expired_messages, 15 - got.len() as u64);
}

#[test]
fn room_that_expired_messages_leave_is_told_by_a_timer() {
    let (mut pair, client, _) = slow();
    while send(&mut pair, client, &[1; 1000], deadline(300)).is_ok() {}
    let told = |pair: &Pair| pair.client.events.contains(&(client, Event::Writable));
    pair.run(Span::from_millis(250));
    assert!(!told(&pair));
    pair.run(Span::from_millis(51));
    assert!(told(&pair));
    assert_eq!(
        pair.client.connections[&client]
            .status(pair.now)
            .pending_unreliable_bytes,
        0
    );
}

#[test]
fn deadlines_count_while_the_connection_is_being_made() {
    let mut pair = Pair::new();
    pair.server.accepts = false;
    let client = pair.dial(Config::new());
    send(&mut pair, client, b"too old", deadline(50)).unwrap();
    send(&mut pair, client, b"in time", deadline(500)).unwrap();
    pair.run(Span::from_millis(100));
    let status = pair.client.connections[&client].status(pair.now);
    assert_eq!(
        (status.expired_messages, status.pending_unreliable_bytes),
        (1, 7)
    );
    let (server, connection) = pair.server.connections.iter_mut().next().unwrap();
    connection.accept(pair.now).unwrap();
    let server = *server;
    pair.run(Span::from_millis(100));
    assert_eq!(texts(&mut pair, server), [b"in time"]);
}

#[test]
fn the_newest_state_goes_by_a_slow_path() {
    let (mut pair, client, server) = slow();
    // Four times what the path takes: ten entities of 400 bytes, ten times a second.
    let mut sent = Vec::new();
    for round in 0..50u8 {
        for entity in 0..10u8 {
            let freshness = Freshness {
                deadline: None,
                key: Some(u64::from(entity)),
            };
            let bytes = [&[entity, round][..], &[0; 398]].concat();
            send(&mut pair, client, &bytes, freshness).unwrap();
            sent.push(bytes);
        }
        pair.run(Span::from_millis(100));
    }
    let status = pair.client.connections[&client].status(pair.now);
    assert!(status.pending_unreliable_bytes <= 10 * 400);
    assert!(
        status.replaced_messages > 300,
        "{}",
        status.replaced_messages
    );
    let got = pair.server.received(pair.now, server);
    for entity in 0..10u8 {
        let mut of_entity = got.iter().filter(|message| message[0] == entity);
        let rounds: Vec<u8> = of_entity.by_ref().map(|message| message[1]).collect();
        assert!(rounds.is_sorted(), "{rounds:?}");
        // Each has its turn: a quarter of what was sent, and none older than the queue of all ten.
        assert!(
            (8..=20).contains(&rounds.len()),
            "entity {entity}: {rounds:?}"
        );
        assert!(*rounds.last().unwrap() >= 44, "entity {entity}: {rounds:?}");
    }
}

#[test]
fn capacity_tells_what_fits_what_leaves_and_how_long_the_rest_waits() {
    let (mut pair, client, _) = slow();
    let capacity = |pair: &Pair| {
        let connection = &pair.client.connections[&client];
        connection.send_capacity(pair.now, LaneIndex::ZERO)
    };
    let idle = capacity(&pair).unwrap();
    assert_eq!((idle.buffer_bytes, idle.delay), (20_000, Some(Span::ZERO)));
    assert!((1200..=2600).contains(&idle.at_once_bytes), "{idle:?}");
    send(&mut pair, client, &[0; 12_000], Freshness::default()).unwrap();
    let busy = capacity(&pair).unwrap();
    assert_eq!(busy.at_once_bytes, 0);
    assert!(busy.delay.unwrap() > Span::from_millis(800), "{busy:?}");
    let fits = vec![0; busy.buffer_bytes];
    let now = pair.now;
    let connection = pair.client.connections.get_mut(&client).unwrap();
    let too_much = [&fits[..], &[0]].concat();
    for (bytes, taken) in [(too_much, false), (fits, true)] {
        let message = Outgoing::new(LaneIndex::ZERO, SendFlags::RELIABLE, &bytes);
        assert_eq!(connection.send(now, message).is_ok(), taken);
    }
    let lane = LaneIndex::new(1);
    let refused = connection.send_capacity(now, lane);
    assert_eq!(refused, Err(SendError::NoSuchLane { lane, lanes: 1 }));
    connection.close(now, EndReason::APP_GENERIC, "", false);
    let refused = connection.send_capacity(now, LaneIndex::ZERO);
    assert_eq!(
        refused,
        Err(SendError::WrongState(ConnectionState::FinWait))
    );
}

#[test]
fn nothing_leaves_at_once_before_the_connection_stands() {
    let mut pair = Pair::new();
    pair.server.accepts = false;
    let client = pair.dial(Config::new());
    let connection = &pair.client.connections[&client];
    let capacity = connection.send_capacity(pair.now, LaneIndex::ZERO).unwrap();
    assert_eq!(
        (capacity.buffer_bytes, capacity.at_once_bytes),
        (512 * 1024, 0)
    );
    assert_eq!(capacity.delay, None);
}

#[test]
fn deadlines_keys_and_sequencing_replay_bit_exactly() {
    let (mut pair, client, server) = slow();
    let before = pair.log.len();
    let connection = pair.client.connections.get_mut(&client).unwrap();
    let start = connection.record(1 << 20);
    let now = pair.now;
    connection.set_sequenced(now, Some(LaneIndex::ZERO), true);
    for n in 0..100u8 {
        let freshness = Freshness {
            deadline: (n % 3 == 0).then_some(Span::from_millis(200)),
            key: (n % 2 == 0).then_some(u64::from(n % 10)),
        };
        let _ = send(&mut pair, client, &vec![n; 700], freshness);
        let now = pair.now;
        pair.server
            .send(now, server, 0, &[n], SendFlags::UNRELIABLE);
        pair.run(Span::from_millis(30));
    }
    let connection = pair.client.connections.get_mut(&client).unwrap();
    let status = connection.status(pair.now);
    assert!(
        status.expired_messages > 5 && status.replaced_messages > 5,
        "{status:?}"
    );
    let recording = connection.take_recording().unwrap();
    let text = serde_json::to_string(&recording.into_inputs()).unwrap();
    let mut sent = Vec::new();
    let end = replay(start, serde_json::from_str(&text).unwrap(), |_, bytes| {
        sent.push(bytes.to_vec())
    });
    let by_client = pair.log[before..]
        .iter()
        .filter(|(by_client, _)| *by_client);
    let original: Vec<Vec<u8>> = by_client.map(|(_, bytes)| bytes.clone()).collect();
    assert!(sent == original, "{} of {}", sent.len(), original.len());
    let replayed = end.status(pair.now);
    assert_eq!(replayed.expired_messages, status.expired_messages);
    assert_eq!(replayed.replaced_messages, status.replaced_messages);
}

#[test]
fn a_refused_command_says_why_through_the_door_for_inputs_too() {
    let (mut pair, client, _) = Pair::connected();
    let now = pair.now;
    let connection = pair.client.connections.get_mut(&client).unwrap();
    let mut message = Outgoing::new(LaneIndex::ZERO, SendFlags::RELIABLE, b"x");
    message.freshness = deadline(5);
    let result = connection.handle(now, Input::Command(Command::Send(message)));
    let only_unreliable = CommandError::Send(SendError::OnlyUnreliable);
    assert_eq!(result.map(|_| ()), Err(only_unreliable));
}
