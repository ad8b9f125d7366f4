//! Runs one part after the other and prints a table.

use std::time::Duration;

use bowline_bench::Result;
use bowline_bench::process::Process;
use bowline_bench::usage::Usage;

use crate::clients::Clients;
use crate::connect::Players;

/// What is asked for on the command line.
#[derive(Debug)]
struct Options {
    connects: usize,
    sessions: usize,
    rate: u64,
    seconds: u64,
}

/// How long it is measured what silent sessions cost: longer than the time between two signs of life.
const SILENCE: Duration = Duration::from_secs(30);

/// Measures what is asked for.
pub(crate) fn run(args: &[&str]) -> Result {
    let options = Options::parse(args)?;
    let hub = Process::start(&["serve"])?;
    let (address, key) = hub.greeting().split_once(' ').ok_or("no address and key")?;
    println!("| | | |\n|---|---:|---|");
    if options.connects > 0 {
        let took = Players::new(address, key)?.connect(options.connects)?;
        for (name, percent) in [("half of them", 50), ("99 of 100", 99)] {
            let at = (took.len() * percent / 100).min(took.len() - 1);
            let millis = took.get(at).map_or(0.0, |took| took.as_secs_f64() * 1e3);
            println!("| connected by identity: {name} within | {millis:.2} | ms |");
        }
    }
    let mut clients = Clients::new(address.parse()?, key.parse()?)?;

    // What a hub needs for itself is there with the first one.
    clients.sign_in(1)?;
    let empty = Usage::of(hub.pid())?;
    let took = clients.sign_in(options.sessions)?;
    let full = Usage::of(hub.pid())?;
    let count = options.sessions as f64;
    println!(
        "| sign-ins | {:.0} | per second |",
        count / took.as_secs_f64()
    );
    let cpu = (full.cpu - empty.cpu).as_secs_f64() * 1e6 / count;
    println!("| CPU of the hub | {cpu:.0} | us per sign-in |");

    clients.be_silent(SILENCE)?;
    let silent = Usage::of(hub.pid())?;
    let memory = silent.resident_bytes.saturating_sub(empty.resident_bytes) as f64;
    println!(
        "| memory | {:.2} | KiB per session |",
        memory / 1024.0 / count
    );
    let cpu = (silent.cpu - full.cpu).as_secs_f64() / SILENCE.as_secs_f64();
    println!(
        "| CPU of silent sessions | {:.2} | % of a core |",
        100.0 * cpu
    );

    let seconds = Duration::from_secs(options.seconds);
    let sent = clients.signal(options.rate, seconds)?;
    let busy = Usage::of(hub.pid())?;
    let cpu = (busy.cpu - silent.cpu).as_secs_f64() / seconds.as_secs_f64();
    println!(
        "| signals sent | {:.0} | per second |",
        sent as f64 / seconds.as_secs_f64()
    );
    let latencies = &mut clients.latencies;
    let arrived = 100.0 * latencies.len() as f64 / sent as f64;
    println!("| of which arrived | {arrived:.2} | % |");
    latencies.sort_unstable();
    for (name, percent) in [("half of them", 50), ("99 of 100", 99)] {
        let at = (latencies.len() * percent / 100).min(latencies.len().saturating_sub(1));
        let took = latencies.get(at).ok_or("no signal has arrived")?;
        println!("| {name} within | {:.2} | ms |", f64::from(*took) / 1e3);
    }
    println!("| CPU of the hub | {:.0} | % of a core |", 100.0 * cpu);
    eprintln!("{}", hub.stop()?);
    Ok(())
}

impl Options {
    fn parse(args: &[&str]) -> Result<Self> {
        let mut options = Self {
            connects: 300,
            sessions: 100_000,
            rate: 20_000,
            seconds: 10,
        };
        let mut args = args.iter();
        while let Some(arg) = args.next() {
            let mut number = || -> Result<u64> {
                let value = args.next().ok_or("a number is missing")?;
                Ok(value.parse()?)
            };
            match *arg {
                "--connects" => options.connects = number()? as usize,
                "--sessions" => options.sessions = number()?.max(2) as usize,
                "--rate" => options.rate = number()?,
                "--seconds" => options.seconds = number()?.max(1),
                other => return Err(format!("unknown argument: {other}").into()),
            }
        }
        Ok(options)
    }
}
