//! Runs one kind after the other and prints a table.

use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering;
use std::thread;
use std::time::Duration;
use std::time::Instant;

use bowline_bench::process::Process;
use bowline_bench::usage;
use bowline_bench::usage::Usage;

use crate::Result;
use crate::flood::Flood;
use crate::flood::Kind;
use crate::flood::Sum;
use crate::players::Experience;
use crate::players::Players;

/// What is asked for on the command line.
#[derive(Debug)]
struct Options {
    rate: u64,
    seconds: u64,
    names: Vec<String>,
}

/// What a run has shown.
#[derive(Debug)]
struct Outcome {
    elapsed: Duration,
    sum: Sum,
    cpu: Duration,
    grown_bytes: i64,
    lost_in_queue: u64,
    players: Experience,
    joined: Option<Duration>,
    drops: String,
}

/// Players and server settle before it is measured what they use.
const SETTLING: Duration = Duration::from_millis(500);

/// Measures what is asked for.
pub(crate) fn run(args: &[&str]) -> Result {
    let options = Options::parse(args)?;
    usage::bind_to_core(1)?;
    println!(
        "| kind | packets/s | CPU % | us/packet | memory KiB | reply bytes/byte | lost in queue % \
         | players: loss % | p99 ms | new player ms |"
    );
    println!("|---|---:|---:|---:|---:|---:|---:|---:|---:|---:|");
    let calm = measure(Kind::Calm, &options)?;
    calm.print("none", &calm);
    for (name, kind) in Kind::all().skip(1) {
        let is_wanted =
            options.names.is_empty() || options.names.iter().any(|wanted| wanted == name);
        if is_wanted {
            let outcome = measure(kind, &options)?;
            outcome.print(name, &calm);
            eprintln!("{name}: {} ended, {}", outcome.sum.ended, outcome.drops);
        }
    }
    Ok(())
}

impl Options {
    fn parse(args: &[&str]) -> Result<Self> {
        let mut options = Self {
            rate: 200_000,
            seconds: 4,
            names: Vec::new(),
        };
        let mut args = args.iter();
        while let Some(arg) = args.next() {
            let mut number = || -> Result<u64> {
                let value = args.next().ok_or("a number is missing")?;
                Ok(value.parse()?)
            };
            match *arg {
                "--rate" => options.rate = number()?,
                "--seconds" => options.seconds = number()?,
                name if Kind::all().any(|(known, _)| known == name) => {
                    options.names.push(name.into());
                }
                other => return Err(format!("no such kind: {other}").into()),
            }
        }
        Ok(options)
    }
}

fn measure(kind: Kind, options: &Options) -> Result<Outcome> {
    let server = Process::start(&["serve"])?;
    let addr = server.greeting().parse()?;
    let mut players = Players::connect(addr)?;
    let mut flood = Flood::new(kind, addr)?;
    players.start();
    thread::sleep(SETTLING);
    let (before, sum_before) = (Usage::of(server.pid())?, flood.sum());
    let lost_before = usage::lost_in_queue(addr)?;
    let start = Instant::now();
    let is_over = AtomicBool::new(false);
    let (joined, after, elapsed) = thread::scope(|scope| -> Result<_> {
        let flooding = scope.spawn(|| {
            let result = flood.run(options.rate, || is_over.load(Ordering::Relaxed));
            result.map_err(|error| error.to_string())
        });
        thread::sleep(Duration::from_secs(options.seconds) / 2);
        let joined = players.another_joins()?;
        let left = Duration::from_secs(options.seconds).saturating_sub(start.elapsed());
        thread::sleep(left);
        let after = Usage::of(server.pid())?;
        let elapsed = start.elapsed();
        is_over.store(true, Ordering::Relaxed);
        flooding.join().map_err(|_| "the flood has panicked")??;
        Ok((joined, after, elapsed))
    })?;
    let sum = flood.sum();
    let lost_in_queue = usage::lost_in_queue(addr)? - lost_before;
    let experience = players.stop();
    Ok(Outcome {
        elapsed,
        sum: Sum {
            packets: sum.packets - sum_before.packets,
            bytes: sum.bytes - sum_before.bytes,
            reply_bytes: sum.reply_bytes - sum_before.reply_bytes,
            ended: sum.ended,
        },
        cpu: after.cpu.saturating_sub(before.cpu),
        grown_bytes: after.resident_bytes.cast_signed() - before.resident_bytes.cast_signed(),
        lost_in_queue,
        players: experience,
        joined,
        drops: server.stop()?,
    })
}

impl Outcome {
    fn print(&self, name: &str, calm: &Self) {
        let secs = self.elapsed.as_secs_f64();
        let load = self.load() - calm.load();
        let packets_per_sec = self.sum.packets as f64 / secs;
        let taken = self.sum.packets.saturating_sub(self.lost_in_queue).max(1);
        let us_per_packet = 1e6 * load * secs / taken as f64;
        let joined = match self.joined {
            Some(joined) => format!("{:.1}", joined.as_secs_f64() * 1e3),
            None => "never".into(),
        };
        let mut players = self.players.clone();
        println!(
            "| {name} | {packets_per_sec:.0} | {:.1} | {us_per_packet:.2} | {} | {:.3} | {:.2} | {:.2} \
             | {:.2} | {joined} |",
            100.0 * self.load(),
            self.grown_bytes / 1024,
            self.sum.reply_bytes as f64 / self.sum.bytes.max(1) as f64,
            100.0 * self.lost_in_queue as f64 / self.sum.packets.max(1) as f64,
            players.loss_percent(),
            players.p99().as_secs_f64() * 1e3,
        );
    }

    /// The share of a core that the server has used.
    fn load(&self) -> f64 {
        self.cpu.as_secs_f64() / self.elapsed.as_secs_f64()
    }
}
