//! Direct UDP connections between Bowline and GNS, both ways, on loopback.
//!
//! Each scenario runs in a process of its own, because GNS has one configuration and
//! one service thread per process. Those that mostly wait run side by side; those that
//! keep the processor busy run one at a time.

use std::process::{Command, Stdio};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};
use std::{env, process, thread};

use bowline_interop::pair::Pairing;
use libtest_mimic::{Arguments, Failed, Trial};

mod adverse;
mod closing;
mod connecting;
mod endurance;
mod jitter;
mod lanes;
mod messages;
mod trust;
mod vanishing;

/// What a scenario asks of the machine.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Cost {
    /// Mostly waits.
    Waits,
    /// Keeps the processor busy.
    Works,
}

/// A scenario for every pairing.
#[derive(Clone, Copy, Debug)]
struct Scenario {
    name: &'static str,
    cost: Cost,
    /// When to give up, in seconds.
    limit_s: u64,
    run: fn(Pairing),
}

fn main() {
    let trials = all_trials();
    if let Ok(wanted) = env::var(CHILD_VARIABLE) {
        let found = trials.into_iter().find(|(name, ..)| *name == wanted);
        let (_, pairing, scenario) = found.expect("the parent asks for one of our trials");
        (scenario.run)(pairing);
        // Skips the library's shutdown, which takes a second.
        process::exit(0);
    }
    let mut arguments = Arguments::from_args();
    arguments.test_threads.get_or_insert(WAITING_AT_ONCE);
    let trials = trials
        .into_iter()
        .map(|(name, _, scenario)| {
            Trial::test(name.clone(), move || run_in_own_process(&name, scenario))
        })
        .collect();
    libtest_mimic::run(&arguments, trials).exit();
}

/// The scenarios that wait longest come first, so that they overlap with the rest.
fn all_trials() -> Vec<(String, Pairing, Scenario)> {
    let themes = [
        endurance::SCENARIOS,
        vanishing::SCENARIOS,
        connecting::SCENARIOS,
        closing::SCENARIOS,
        jitter::SCENARIOS,
        lanes::SCENARIOS,
        adverse::SCENARIOS,
        messages::SCENARIOS,
        trust::SCENARIOS,
    ];
    let mut trials = Vec::new();
    for scenario in themes.concat() {
        // The original between two of its own loses connections under heavy load now and then. That
        // pairing checks these tests, not the original, and for that the quiet scenarios are enough.
        let heavy = scenario.cost == Cost::Works;
        for pairing in Pairing::ALL
            .into_iter()
            .filter(|pairing| !heavy || pairing.has_bowline())
        {
            trials.push((format!("{pairing}::{}", scenario.name), pairing, scenario));
        }
    }
    trials
}

fn run_in_own_process(name: &str, scenario: Scenario) -> Result<(), Failed> {
    static WORK: Mutex<()> = Mutex::new(());
    let turn =
        (scenario.cost == Cost::Works).then(|| WORK.lock().unwrap_or_else(PoisonError::into_inner));
    let mut child = Command::new(env::current_exe()?)
        .env(CHILD_VARIABLE, name)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()?;
    let limit = Duration::from_secs(scenario.limit_s);
    let start = Instant::now();
    // What a scenario prints fits the pipe, so it can be read at the end.
    let status = loop {
        if let Some(status) = child.try_wait()? {
            break Some(status);
        }
        if start.elapsed() > limit {
            child.kill()?;
            break None;
        }
        thread::sleep(Duration::from_millis(10));
    };
    let output = child.wait_with_output()?;
    drop(turn);
    let stdout = String::from_utf8_lossy(&output.stdout);
    if status.is_some_and(|status| status.success()) {
        // What was measured is worth a line in the log.
        for line in stdout.lines() {
            eprintln!("{name}: {line}");
        }
        return Ok(());
    }
    let ending = status.map_or_else(
        || format!("killed after {limit:?}"),
        |status| format!("ended with {status}"),
    );
    let stderr = String::from_utf8_lossy(&output.stderr);
    Err(format!("{ending}\n{stdout}{stderr}").into())
}

/// Names the trial that a child process is to run.
const CHILD_VARIABLE: &str = "BOWLINE_INTEROP_TRIAL";

/// How many scenarios run side by side.
const WAITING_AT_ONCE: usize = 16;
