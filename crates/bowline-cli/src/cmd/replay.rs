//! `bowline replay`: plays a flight recording back and tells what happened.

use std::fs;
use std::io;
use std::io::Write;
use std::panic::AssertUnwindSafe;
use std::panic::catch_unwind;
use std::path::PathBuf;
use std::process::ExitCode;

use bowline::ConfigKey;
use bowline::Timestamp;
use bowline::recorder::Played;
use bowline::recorder::Recording;
use bowline::recorder::Verdict;
use serde_json::json;

use crate::error::Error;

/// The arguments of `bowline replay`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// What a connection recorded (docs/flight-recorder.md).
    file: PathBuf,
    /// Leave the timeline out.
    #[arg(long)]
    summary: bool,
    /// Print one JSON object per line.
    #[arg(long)]
    pub(crate) json: bool,
}

/// What was counted on the way.
#[derive(Clone, Copy, Debug, Default)]
struct Counts {
    received: u64,
    sent: u64,
    lost: u64,
    dropped: u64,
}

/// Prints what the recording is, what happened, and whether that is what was recorded; fails if it is not.
pub(crate) fn run(args: &Args) -> Result<ExitCode, Error> {
    let recording = read(args)?;
    let mut out = io::BufWriter::new(io::stdout().lock());
    head(&mut out, args, &recording).map_err(Error::Output)?;
    let (mut counts, mut last, mut written) = (Counts::default(), recording.begins_at(), Ok(()));
    let mut on_step = |played: &Played| {
        counts.add(played);
        last = played.at;
        if !args.summary && written.is_ok() {
            written = step(&mut out, args.json, recording.begins_at(), played);
        }
    };
    // A file that somebody made up may hold a state that no connection comes into.
    let verdict = catch_unwind(AssertUnwindSafe(|| recording.play(&mut on_step)));
    let verdict = verdict.map_err(|_| Error::MadeUpRecording(args.file.clone()))?;
    written.map_err(Error::Output)?;
    let secs = last.since(recording.begins_at()).as_micros() / 1_000_000;
    result(&mut out, args.json, &recording, verdict, counts, secs).map_err(Error::Output)?;
    out.flush().map_err(Error::Output)?;
    Ok(if verdict.is_exact() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

fn read(args: &Args) -> Result<Recording, Error> {
    let path = || args.file.clone();
    let file = fs::read(&args.file).map_err(|source| Error::RecordingFile {
        path: path(),
        source,
    })?;
    Recording::parse(&file).map_err(|source| Error::Recording {
        path: path(),
        source,
    })
}

/// The settings that are not the default.
fn settings(recording: &Recording) -> Vec<(ConfigKey, String)> {
    let config = recording.config();
    ConfigKey::all()
        .filter(|key| config.origin(*key).is_some())
        .map(|key| (key, config.get(key).to_string()))
        .collect()
}

fn head(out: &mut impl Write, args: &Args, recording: &Recording) -> io::Result<()> {
    let options = recording.options();
    let settings = settings(recording);
    if args.json {
        let settings: serde_json::Map<_, _> = settings
            .into_iter()
            .map(|(key, value)| (key.name().to_owned(), json!(value)))
            .collect();
        let line = json!({
            "event": "recording",
            "inputs": recording.inputs(),
            "begins_at_us": recording.begins_at().as_micros(),
            "payloads": options.payloads,
            "keys": options.keys,
            "addresses": options.addresses,
            "settings": settings,
        });
        return writeln!(out, "{line}");
    }
    let with = |shown: bool| if shown { "with" } else { "without" };
    writeln!(
        out,
        "{}: {} inputs, {} messages, {} keys, {} addresses",
        args.file.display(),
        recording.inputs(),
        with(options.payloads),
        with(options.keys),
        with(options.addresses),
    )?;
    for (key, value) in settings {
        writeln!(out, "setting {key} = {value}")?;
    }
    Ok(())
}

fn step(out: &mut impl Write, json: bool, begin: Timestamp, played: &Played) -> io::Result<()> {
    if json {
        let line = json!({ "event": "step", "step": played });
        return writeln!(out, "{line}");
    }
    for line in played.lines(begin) {
        writeln!(out, "{line}")?;
    }
    Ok(())
}

fn result(
    out: &mut impl Write,
    json: bool,
    recording: &Recording,
    verdict: Verdict,
    counts: Counts,
    secs: u64,
) -> io::Result<()> {
    let parted = verdict.parted_at.map(|at| at.since(recording.begins_at()));
    let exact = recording.options().is_exact();
    if json {
        let line = json!({
            "event": "result",
            "exact": verdict.is_exact(),
            "datagrams": verdict.datagrams,
            "equal": verdict.equal,
            "parted_after_us": parted.map(bowline::Span::as_micros),
            "received": counts.received,
            "sent": counts.sent,
            "lost": counts.lost,
            "dropped": counts.dropped,
            "secs": secs,
        });
        return writeln!(out, "{line}");
    }
    writeln!(
        out,
        "{secs} s: {} packets received, {} datagrams sent, {} packets lost, {} datagrams dropped",
        counts.received, counts.sent, counts.lost, counts.dropped
    )?;
    let what = if exact {
        "datagrams"
    } else {
        "datagrams, compared before encryption and without what was left out,"
    };
    let (equal, all) = (verdict.equal, verdict.datagrams);
    match parted {
        None => writeln!(out, "bit-exact: {equal} of {all} {what} are equal"),
        Some(after) => {
            let micros = after.as_micros();
            let (secs, millis) = (micros / 1_000_000, micros / 1_000 % 1_000);
            writeln!(
                out,
                "NOT bit-exact: {equal} of {all} {what} are equal; they part at +{secs}.{millis:03} s"
            )
        }
    }
}

impl Counts {
    fn add(&mut self, played: &Played) {
        self.received += u64::from(played.received.is_some());
        self.sent += played.sent.len() as u64;
        self.lost += played.lost.len() as u64;
        self.dropped += u64::from(played.dropped.is_some());
    }
}
