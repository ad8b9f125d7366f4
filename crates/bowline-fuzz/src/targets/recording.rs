//! The flight recorder's files, and playing them back.

use std::sync::OnceLock;

use bowline::recorder::Recording;
use bowline_core::config::{Config, LaneConfig};
use bowline_core::connection::{FlightRecording, Recorded, RecordingOptions};
use bowline_core::end_reason::EndReason;
use bowline_core::ids::LaneIndex;
use bowline_core::message::{Outgoing, SendFlags};
use bowline_core::time::Span;
use bowline_sim::{Chance, Conn, HostConfig, LinkConfig, World};
use sha2::{Digest, Sha256};

/// What the first byte of an input says about the rest: a file, as it is.
const FILE: u8 = 0;
/// What stands behind the digest of a file, which is made to fit.
const BODY: u8 = 1;
/// From here on, the inputs of a connection that has lived, as they stand in a file.
const INPUTS: u8 = 2;

/// Reads files; what was read, and is written again, reads the same. With its digest right, so that what
/// stands behind it is looked at. And plays any inputs back to connections as they are found in files: calls
/// in any order, and packets of a peer with the right keys. That is what happens to living connections, so
/// it never panics, and it happens the same again.
pub fn recording(data: &[u8]) {
    let Some((&kind, rest)) = data.split_first() else {
        return;
    };
    match kind {
        FILE => read(rest),
        BODY => read(&file_around(rest)),
        _ => play(usize::from(kind - INPUTS), rest),
    }
}

/// Honest files, their bodies, and the inputs in them.
pub(super) fn seeds() -> Vec<Vec<u8>> {
    let mut seeds = Vec::new();
    for (kind, body) in (INPUTS..).zip(honest()) {
        let inputs = postcard::to_allocvec(parsed(body).inputs_mut());
        let inputs = inputs.expect("it was made of such");
        seeds.push([&[kind], &inputs[..]].concat());
        seeds.push([&[BODY], &body[..]].concat());
    }
    seeds.push([&[FILE], &file_around(&honest()[0])[..]].concat());
    seeds
}

fn read(file: &[u8]) {
    let Ok(recording) = Recording::parse(file) else {
        return;
    };
    let again = written(&recording);
    let parsed = Recording::parse(&again).expect("what was written can be read");
    assert_eq!(written(&parsed), again);
    assert_eq!(parsed.options(), recording.options());
    assert_eq!(parsed.inputs(), recording.inputs());
    assert_eq!(parsed.faithful(), recording.faithful());
    assert_eq!(parsed.begins_at(), recording.begins_at());
}

fn written(recording: &Recording) -> Vec<u8> {
    let mut file = Vec::new();
    recording
        .write_to(&mut file)
        .expect("memory takes what is written");
    file
}

fn play(which: usize, inputs: &[u8]) {
    let Ok(inputs) = postcard::from_bytes::<Vec<Recorded>>(inputs) else {
        return;
    };
    let honest = honest();
    let mut recording = parsed(&honest[which % honest.len()]);
    *recording.inputs_mut() = inputs;
    let (begin, count) = (recording.begins_at(), recording.inputs());
    let mut lines = Vec::new();
    let mut steps = 0;
    let verdict = recording.play(|played| {
        steps += 1;
        lines.extend(played.lines(begin));
    });
    assert_eq!(steps, count);
    let mut again = Vec::new();
    let second = recording.play(|played| again.extend(played.lines(begin)));
    assert_eq!(verdict, second);
    assert_eq!(lines, again);
}

fn parsed(body: &[u8]) -> FlightRecording {
    postcard::from_bytes(body).expect("it was just written")
}

/// A file with any body, and the right digest.
fn file_around(body: &[u8]) -> Vec<u8> {
    const FORMAT: u16 = 1;
    // That of all crates here, so that of whose files are read.
    const VERSION: &str = env!("CARGO_PKG_VERSION");
    let mut file = Vec::from(*b"bowlrec\0");
    file.extend_from_slice(&FORMAT.to_le_bytes());
    file.push(u8::try_from(VERSION.len()).expect("a version is short"));
    file.extend_from_slice(VERSION.as_bytes());
    file.extend_from_slice(&Sha256::digest(body));
    file.extend_from_slice(body);
    file
}

/// Recordings of both ends of a short match, with all that they can hold and with as little as possible.
fn honest() -> &'static [Vec<u8>] {
    static BODIES: OnceLock<Vec<Vec<u8>>> = OnceLock::new();
    BODIES.get_or_init(|| {
        let all = RecordingOptions {
            payloads: true,
            keys: true,
            addresses: true,
        };
        let (world, ends) = short_match();
        let mut bodies = Vec::new();
        for options in [RecordingOptions::default(), all] {
            bodies.extend(ends.map(|end| body(&world, end, options)));
        }
        bodies
    })
}

fn body(world: &World, end: Conn, options: RecordingOptions) -> Vec<u8> {
    let flight = world.connection(end).and_then(|end| end.flight());
    let recording = flight.and_then(|flight| flight.export(options));
    let recording = recording.expect("both ends record");
    let body = postcard::to_allocvec(&recording).expect("what was recorded can be written");
    let parsed = Recording::parse(&file_around(&body)).expect("it is a file as they are");
    assert!(parsed.play(|_| {}).is_exact());
    body
}

fn short_match() -> (World, [Conn; 2]) {
    let mut world = World::new(1);
    let link = LinkConfig::PERFECT.latency(Span::from_millis(20));
    world.set_links(link.loss(Chance::percent(10)));
    let mut connection = Config::new();
    let set = connection.set_record_bytes(1 << 16);
    set.expect("within its range");
    let config = HostConfig {
        connection,
        ..HostConfig::default()
    };
    let server = world.add_host("server", config.clone());
    let client = world.add_host("client", config);
    let address = world.listen(server, 27_015);
    let pair = world.connect_pair(client, address);
    let (ours, theirs) = pair.expect("a link that loses little connects");
    for end in [ours, theirs] {
        let lanes = world.configure_lanes(end, &[LaneConfig::default(); 2]);
        lanes.expect("two lanes are few");
    }
    for number in 0..6 {
        for end in [ours, theirs] {
            let flags = SendFlags::from_bits(number * 4);
            let data = [b'm'; 700];
            let data = &data[..100 << (number % 3)];
            let message = Outgoing::new(LaneIndex::new(number % 2), flags, data);
            // What is refused is recorded like all else.
            let _ = world.send_message(end, message);
        }
        world.run_for(Span::from_millis(15));
    }
    world.close(ours, EndReason::APP_GENERIC, "bye", true);
    world.run_for(Span::from_millis(100));
    (world, [ours, theirs])
}
