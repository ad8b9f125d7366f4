//! `bowline sim`: plays scenarios drawn from seeds until one breaks a promise, or the time is up.

use std::io::Write;
use std::process::ExitCode;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering;
use std::thread;
use std::time::Duration;
use std::time::Instant;
use std::time::SystemTime;

use bowline_sim::swarm;
use bowline_sim::swarm::Failure;

use crate::error::Error;
use crate::stop::Stop;

/// The arguments of `bowline sim`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The first seed; those after it follow. By default one that nobody had before.
    #[arg(long, value_name = "N")]
    seed: Option<u64>,
    /// How long, in minutes.
    #[arg(long, value_name = "M", default_value_t = 1.0, value_parser = parse_minutes)]
    minutes: f64,
    /// No more than so many scenarios.
    #[arg(long, value_name = "COUNT")]
    count: Option<u64>,
    /// How many scenarios at the same time; by default one for each processor.
    #[arg(long, value_name = "T", value_parser = clap::value_parser!(u16).range(1..=1024))]
    threads: Option<u16>,
    /// Play the scenario of this seed alone, twice, and tell what happened.
    #[arg(long, value_name = "N", conflicts_with_all = ["seed", "minutes", "count", "threads"])]
    replay: Option<u64>,
}

/// How often progress is told.
const PROGRESS_EVERY: Duration = Duration::from_secs(10);
/// How often the time and the user's wish to finish are looked at.
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// Plays scenarios; the exit code tells whether all promises were kept.
pub(crate) fn run(args: &Args) -> Result<ExitCode, Error> {
    match args.replay {
        Some(seed) => {
            let played = swarm::replay(seed).map(|replay| {
                let swarm::Replay { summary, story } = replay;
                format!(
                    "{story}\n{summary}\nTwice the same, to the byte: {}\nPASSED",
                    summary.trace
                )
            });
            conclude(&mut std::io::stdout().lock(), played)
        }
        None => search(args),
    }
}

fn search(args: &Args) -> Result<ExitCode, Error> {
    let first = args.seed.unwrap_or_else(fresh_seed);
    let search = Search::new(first, args.count);
    let threads = args.threads.map_or_else(
        || thread::available_parallelism().map_or(1, usize::from),
        usize::from,
    );
    say(&format!(
        "Scenarios from seed {first} on, {threads} at a time."
    ))?;
    let stop = Stop::on_signal()?;
    let begun = Instant::now();
    let watched = thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| search.play(&stop));
        }
        let watched = search.watch(begun, Duration::from_secs_f64(args.minutes * 60.0), &stop);
        // Whatever happened, the threads end now.
        stop.set();
        watched
    });
    watched?;
    let found = match search.take_failure() {
        Some(failure) => Err(failure),
        None => Ok(format!("{}\nPASSED", search.progress(begun))),
    };
    conclude(&mut std::io::stdout().lock(), found)
}

/// Says how it ended.
fn conclude(out: &mut impl Write, result: Result<String, Failure>) -> Result<ExitCode, Error> {
    match result {
        Ok(text) => write_line(out, &text).map(|()| ExitCode::SUCCESS),
        Err(failure) => write_line(out, &format!("{failure}\nFAILED")).map(|()| ExitCode::FAILURE),
    }
}

/// What the threads share.
#[derive(Debug)]
struct Search {
    first: u64,
    /// No seed from here on.
    end: u64,
    next: AtomicU64,
    played: AtomicU64,
    messages: AtomicU64,
    /// Of the lowest seed that failed.
    failure: Mutex<Option<Failure>>,
}

impl Search {
    fn new(first: u64, count: Option<u64>) -> Self {
        let zero = || AtomicU64::new(0);
        Self {
            first,
            end: count.map_or(u64::MAX, |count| first.saturating_add(count)),
            next: AtomicU64::new(first),
            played: zero(),
            messages: zero(),
            failure: Mutex::new(None),
        }
    }

    /// Plays one scenario after the other.
    fn play(&self, stop: &Stop) {
        while !stop.is_set() {
            let seed = self.next.fetch_add(1, Ordering::Relaxed);
            if seed >= self.end {
                return;
            }
            match swarm::play(seed) {
                Ok(summary) => {
                    self.messages.fetch_add(summary.sent, Ordering::Relaxed);
                }
                Err(failure) => {
                    stop.set();
                    self.note(failure);
                }
            }
            self.played.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Waits for the end, and tells how it goes meanwhile.
    fn watch(&self, begun: Instant, limit: Duration, stop: &Stop) -> Result<(), Error> {
        let mut told_at = begun;
        let count = self.end - self.first;
        while !stop.is_set() && begun.elapsed() < limit {
            if self.played.load(Ordering::Relaxed) >= count {
                return Ok(());
            }
            if told_at.elapsed() >= PROGRESS_EVERY {
                told_at = Instant::now();
                say(&self.progress(begun))?;
            }
            thread::sleep(LOOK_EVERY);
        }
        Ok(())
    }

    fn progress(&self, begun: Instant) -> String {
        let played = self.played.load(Ordering::Relaxed);
        let messages = self.messages.load(Ordering::Relaxed);
        let secs = begun.elapsed().as_secs_f64();
        let rate = played as f64 / secs.max(1e-3);
        let last = self.next.load(Ordering::Relaxed).min(self.end) - 1;
        format!(
            "{played} scenarios in {secs:.1} s ({rate:.1} per second), up to seed {last}; {messages} messages"
        )
    }

    /// The threads do not go by the order of the seeds: the lowest that failed is told.
    fn note(&self, failure: Failure) {
        let mut known = self.failure.lock().unwrap_or_else(PoisonError::into_inner);
        if known.as_ref().is_none_or(|known| failure.seed < known.seed) {
            *known = Some(failure);
        }
    }

    fn take_failure(&self) -> Option<Failure> {
        let mut known = self.failure.lock().unwrap_or_else(PoisonError::into_inner);
        known.take()
    }
}

/// Microseconds since 1970: later runs have other seeds.
fn fresh_seed() -> u64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    since.map_or(0, |since| since.as_micros() as u64)
}

fn say(text: &str) -> Result<(), Error> {
    write_line(&mut std::io::stdout().lock(), text)
}

fn write_line(out: &mut impl Write, text: &str) -> Result<(), Error> {
    writeln!(out, "{text}")
        .and_then(|()| out.flush())
        .map_err(Error::Output)
}

fn parse_minutes(text: &str) -> Result<f64, String> {
    let minutes = text
        .parse::<f64>()
        .ok()
        .filter(|minutes| (0.001..=100_000.0).contains(minutes));
    minutes.ok_or_else(|| "expected minutes from 0.001 to 100000".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failure(seed: u64) -> Failure {
        let features = swarm::play(0).unwrap().features;
        let (what, story) = ("a message was altered".into(), "nothing happened".into());
        Failure {
            seed,
            features,
            what,
            story,
        }
    }

    #[test]
    fn the_lowest_seed_that_failed_is_told() {
        let search = Search::new(5, None);
        for seed in [9, 7, 8] {
            search.note(failure(seed));
        }
        assert_eq!(search.take_failure().unwrap().seed, 7);
    }

    #[test]
    fn a_failure_ends_with_a_failure_and_how_to_play_it_again() {
        // Not to the output of the tests, where somebody would take it for theirs.
        let mut out = Vec::new();
        let code = conclude(&mut out, Err(failure(7))).unwrap();
        assert_eq!(code, ExitCode::FAILURE);
        let text = String::from_utf8(out).unwrap();
        assert!(text.ends_with("bowline sim --replay 7\nFAILED\n"), "{text}");
    }

    #[test]
    fn minutes_are_a_number_within_reason() {
        for bad in ["", "0", "-1", "nan", "1e9", "x"] {
            assert!(parse_minutes(bad).is_err(), "{bad}");
        }
        assert_eq!(parse_minutes("0.5"), Ok(0.5));
    }
}
