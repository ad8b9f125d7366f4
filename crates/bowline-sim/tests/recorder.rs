//! Flight recordings of random connections: whatever is left out of one, it plays back to what happened.
#![allow(clippy::unwrap_used, reason = "a test may panic, in its helpers too")]

use std::net::SocketAddr;
use std::sync::Arc;

use bowline_core::config::{Config, ConfigKey, ConfigScope, LaneConfig};
use bowline_core::connection::{ConnectionState, FlightRecording, Played, RecordingOptions};
use bowline_core::crypto::key_update::KeyLimits;
use bowline_core::crypto::{Crypto, spy};
use bowline_core::end_reason::EndReason;
use bowline_core::ids::LaneIndex;
use bowline_core::message::{Outgoing, SendFlags};
use bowline_core::rng::Rng;
use bowline_core::time::Span;
use bowline_sim::{Chance, Conn, HostConfig, LinkConfig, World};

/// What every message is full of.
const SECRET: &[u8] = b"NOBODY-SHALL-READ-THIS/";
const WORDS: &str = "parting words";
const NAMES: [&str; 2] = ["str:alice-in-person", "str:bob-in-person"];
const LANES: u8 = 3;

fn config(rng: &mut Rng) -> Config {
    let mut config = Config::at(ConfigScope::Global);
    let bytes = 1 << (14 + rng.below(8));
    config.set_record_bytes(bytes).unwrap();
    config.set_recv_buffer_messages(20).unwrap();
    config
        .set(ConfigKey::P2pTurnUserList, "alice-in-person")
        .unwrap();
    if rng.below(2) == 0 {
        let window = i64::from(rng.below(30_000));
        let key = ConfigKey::OutOfOrderCorrectionWindow;
        config.set(key, window).unwrap();
    }
    config
}

fn host(rng: &mut Rng, name: &str, crypto: &Crypto) -> HostConfig {
    let mut key_limits = KeyLimits::DEFAULT;
    key_limits.packets = 20 + u64::from(rng.below(200));
    HostConfig {
        identity: name.parse().unwrap(),
        connection: config(rng),
        reads_at_once: rng.below(3) > 0,
        key_limits,
        crypto: Some(Arc::clone(crypto)),
        ..HostConfig::default()
    }
}

fn link(rng: &mut Rng) -> LinkConfig {
    LinkConfig::PERFECT
        .latency(Span::from_millis(u64::from(rng.below(80))))
        .loss(Chance::percent(rng.below(12)))
        .reorder(Chance::percent(rng.below(10)), Span::from_millis(20))
        .duplicate(Chance::percent(rng.below(5)), Span::from_millis(100))
}

fn secret(len: usize) -> Vec<u8> {
    SECRET.iter().copied().cycle().take(len).collect()
}

/// Sends, reads and configures at random for a while.
fn play_a_match(world: &mut World, rng: &mut Rng, ends: [Conn; 2], steps: u32) {
    for _ in 0..steps {
        let conn = ends[rng.below(2) as usize];
        let lane = LaneIndex::new(rng.below(u32::from(LANES)) as u8);
        let flags = match rng.below(4) {
            0 => SendFlags::UNRELIABLE,
            1 => SendFlags::UNRELIABLE_NO_DELAY,
            2 => SendFlags::RELIABLE,
            _ => SendFlags::RELIABLE_NO_NAGLE,
        };
        let max = [40, 400, 4_000, 40_000][rng.below(4) as usize];
        let data = secret(rng.below(max) as usize);
        // What is refused is recorded like all else.
        let _ = world.send_message(conn, Outgoing::new(lane, flags, &data));
        for _ in 0..rng.below(4) {
            world.receive(conn);
        }
        world.run_for(Span::from_millis(u64::from(rng.below(20))));
    }
}

/// A connection that has lived for a while, and was perhaps closed.
struct Lived {
    world: World,
    ends: [Conn; 2],
    /// Every key of it.
    keys: Vec<[u8; 32]>,
    /// Where the client finds the server.
    address: SocketAddr,
}

fn lived(seed: u64) -> Lived {
    let (crypto, seen) = spy::provider();
    let mut world = World::new(seed);
    let mut rng = world.rng("recorded");
    world.set_links(link(&mut rng));
    let server_config = host(&mut rng, NAMES[1], &crypto);
    let server = world.add_host("server", server_config);
    let client_config = host(&mut rng, NAMES[0], &crypto);
    let client = world.add_host("client", client_config);
    let address = world.listen(server, 27_015);
    let (ours, theirs) = world.connect_pair(client, address).unwrap();
    for conn in [ours, theirs] {
        let lanes = [LaneConfig::default(); LANES as usize];
        world.configure_lanes(conn, &lanes).unwrap();
    }
    let steps = 20 + rng.below(300);
    play_a_match(&mut world, &mut rng, [ours, theirs], steps);
    if rng.below(2) == 0 {
        let reason = EndReason::new(1_000 + rng.below(10));
        world.close(ours, reason, WORDS, rng.below(2) == 0);
        world.run_for(Span::from_millis(u64::from(rng.below(500))));
    }
    Lived {
        world,
        ends: [ours, theirs],
        keys: seen.keys(),
        address,
    }
}

fn all_options() -> impl Iterator<Item = RecordingOptions> {
    (0..8).map(|bits| RecordingOptions {
        payloads: bits & 1 > 0,
        keys: bits & 2 > 0,
        addresses: bits & 4 > 0,
    })
}

fn contains(bytes: &[u8], part: &[u8]) -> bool {
    bytes.windows(part.len()).any(|window| window == part)
}

fn file(world: &World, conn: Conn, options: RecordingOptions) -> Vec<u8> {
    let flight = world.connection(conn).unwrap().flight().unwrap();
    let recording = flight.export(options).unwrap();
    let faithful = recording.faithful();
    assert!(faithful.is_exact(), "not what was sent: {faithful:?}");
    postcard::to_allocvec(&recording).unwrap()
}

fn check(lived: &Lived, conn: Conn, options: RecordingOptions) -> u64 {
    let bytes = file(&lived.world, conn, options);
    let state = lived.world.state(conn);
    let text = format!("{options:?}, {state}");
    let shows_key = lived.keys.iter().any(|key| contains(&bytes, key));
    assert_eq!(shows_key, options.keys, "{text}");
    if conn == lived.ends[0] {
        let address = postcard::to_allocvec(&lived.address).unwrap();
        assert_eq!(contains(&bytes, &address), options.addresses, "{text}");
    }
    // A recording of which all but the end was dropped may have no message in it.
    if state == ConnectionState::Connected || !options.payloads {
        assert_eq!(contains(&bytes, SECRET), options.payloads, "{text}");
    }
    for name in NAMES {
        let name = name.split_once(':').unwrap().1;
        assert_eq!(
            contains(&bytes, name.as_bytes()),
            options.addresses,
            "{text}"
        );
    }
    if !options.payloads {
        assert!(!contains(&bytes, WORDS.as_bytes()), "{text}");
        assert!(!contains(&bytes, &SECRET[..8]), "{text}");
    }
    let recording: FlightRecording = postcard::from_bytes(&bytes).unwrap();
    let mut steps = Vec::new();
    let verdict = recording.play(|step| steps.push(step.clone()));
    assert!(verdict.is_exact(), "{text}: {verdict:?}");
    assert_eq!(verdict.datagrams, recording.faithful().datagrams);
    assert_eq!(steps.len(), recording.inputs());
    assert_eq!(sent(&steps), verdict.datagrams);
    verdict.datagrams
}

fn sent(steps: &[Played]) -> u64 {
    steps.iter().map(|step| step.sent.len() as u64).sum()
}

#[test]
fn recordings_of_random_connections_play_back_whatever_is_left_out() {
    let mut datagrams = 0;
    for seed in 0..24 {
        let lived = lived(seed);
        for conn in lived.ends {
            let world = &lived.world;
            if world
                .connection(conn)
                .is_none_or(|conn| conn.flight().is_none())
            {
                // It is over and forgotten.
                continue;
            }
            for options in all_options() {
                datagrams += check(&lived, conn, options);
            }
        }
    }
    assert!(datagrams > 10_000, "{datagrams} datagrams");
}

#[test]
fn limit_record_bytes() {
    let max = 1 << 16;
    let (mut world, ends) = recording(max);
    let mut rng = world.rng("messages");
    // Each half may go beyond by one input: a datagram, or the largest message that was sent.
    let largest = 20_000 + 512;
    let mut most = 0;
    for _ in 0..60 {
        play_a_match_on_one_lane(&mut world, &mut rng, ends, largest - 512);
        for conn in ends {
            let bytes = world.connection(conn).unwrap().flight().unwrap().bytes();
            assert!(bytes <= max + 2 * largest, "{bytes} bytes");
            most = most.max(bytes);
        }
    }
    assert!(most > max / 2, "{most} bytes at most");
}

#[test]
fn limit_recording_segment_in_bytes() {
    let (mut world, ends) = recording(1);
    let mut rng = world.rng("messages");
    let largest = 2_000;
    let mut most = 0;
    for _ in 0..60 {
        play_a_match_on_one_lane(&mut world, &mut rng, ends, largest);
        let connection = world.connection(ends[0]).unwrap();
        most = most.max(connection.flight().unwrap().bytes());
    }
    let least = bowline_core::limits::RECORDING_SEGMENT_BYTES;
    assert!(most >= least, "{most} bytes: copies for every packet");
    assert!(most <= 2 * (least + largest + 512), "{most} bytes");
}

fn play_a_match_on_one_lane(world: &mut World, rng: &mut Rng, ends: [Conn; 2], max: usize) {
    for _ in 0..5 {
        let conn = ends[rng.below(2) as usize];
        let data = secret(rng.below(max as u32) as usize);
        // A full buffer is recorded like all else.
        let _ = world.send(conn, SendFlags::RELIABLE, &data);
        world.run_for(Span::from_millis(u64::from(rng.below(50))));
    }
}

#[test]
fn limit_recording_segment_in_time() {
    let (mut world, [ours, _]) = recording(1 << 20);
    world.run_for(Span::from_secs(100));
    let now = world.connection(ours).unwrap();
    let flight = now.flight().unwrap();
    let recording = flight.export(RecordingOptions::default()).unwrap();
    let mut last = recording.begins_at();
    let verdict = recording.play(|step| last = step.at);
    assert!(verdict.is_exact() && verdict.datagrams > 0, "{verdict:?}");
    let span = last.since(recording.begins_at());
    // A quiet connection has an input every ten seconds, so that a half may be twice as long.
    let half = bowline_core::limits::RECORDING_SEGMENT;
    assert!(span <= half + half + half + half, "{span:?}");
}

/// A pair that records up to so many bytes.
fn recording(max_bytes: usize) -> (World, [Conn; 2]) {
    let mut world = World::new(2);
    let mut config = Config::new();
    config.set_record_bytes(max_bytes).unwrap();
    let config = HostConfig {
        connection: config,
        ..HostConfig::default()
    };
    let server = world.add_host("server", config.clone());
    let client = world.add_host("client", config);
    let address = world.listen(server, 27_015);
    let (ours, theirs) = world.connect_pair(client, address).unwrap();
    (world, [ours, theirs])
}

#[test]
fn nothing_is_recorded_unless_asked_for() {
    let mut world = World::new(3);
    let server = world.add_host("server", HostConfig::default());
    let client = world.add_host("client", HostConfig::default());
    let address = world.listen(server, 27_015);
    let (ours, theirs) = world.connect_pair(client, address).unwrap();
    world.send(ours, SendFlags::RELIABLE, b"hello").unwrap();
    world.run_for(Span::from_secs(1));
    for conn in [ours, theirs] {
        assert!(world.connection(conn).unwrap().flight().is_none());
    }
}

#[test]
fn a_changed_recording_is_told_from_what_happened() {
    let (mut world, [ours, theirs]) = recording(1 << 20);
    let mut rng = world.rng("messages");
    play_a_match_on_one_lane(&mut world, &mut rng, [ours, theirs], 5_000);
    let bytes = file(&world, ours, RecordingOptions::default());
    let recording: FlightRecording = postcard::from_bytes(&bytes).unwrap();
    let verdict = recording.play(|_| ());
    assert!(verdict.is_exact(), "{verdict:?}");
    // What was sent stands last, but for a few bytes.
    let mut changed = bytes.clone();
    changed[bytes.len() - 20] ^= 0x10;
    let recording: FlightRecording = postcard::from_bytes(&changed).unwrap();
    let verdict = recording.play(|_| ());
    assert_eq!(verdict.equal, verdict.datagrams - 1, "{verdict:?}");
    assert!(verdict.parted_at.is_some());
}
