//! Flight recordings of random connections: whatever is left out of one, it plays back to what happened.

use bowline_core::config::{Config, ConfigKey, ConfigScope, LaneConfig};
use bowline_core::connection::{FlightRecording, Played, RecordingOptions};
use bowline_core::crypto::key_update::KeyLimits;
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

fn host(rng: &mut Rng, name: &str) -> HostConfig {
    let mut key_limits = KeyLimits::DEFAULT;
    key_limits.packets = 20 + u64::from(rng.below(200));
    HostConfig {
        identity: name.parse().unwrap(),
        connection: config(rng),
        reads_at_once: rng.below(3) > 0,
        key_limits,
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
fn lived(seed: u64) -> (World, [Conn; 2]) {
    let mut world = World::new(seed);
    let mut rng = world.rng("recorded");
    world.set_links(link(&mut rng));
    let server_config = host(&mut rng, NAMES[1]);
    let server = world.add_host("server", server_config);
    let client_config = host(&mut rng, NAMES[0]);
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
    (world, [ours, theirs])
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

fn check(world: &World, conn: Conn, options: RecordingOptions) -> u64 {
    let bytes = file(world, conn, options);
    let text = format!("{options:?}");
    assert_eq!(contains(&bytes, SECRET), options.payloads, "{text}");
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
        let (world, ends) = lived(seed);
        for conn in ends {
            if world
                .connection(conn)
                .is_none_or(|conn| conn.flight().is_none())
            {
                // It is over and forgotten.
                continue;
            }
            for options in all_options() {
                datagrams += check(&world, conn, options);
            }
        }
    }
    assert!(datagrams > 10_000, "{datagrams} datagrams");
}
