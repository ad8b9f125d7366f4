//! What happens in the namespaces: networks are built, servers started, cells played.

use std::io::Read as _;
use std::path::Path;
use std::process::{Child, Stdio};
use std::sync::Mutex;
use std::thread;
use std::time::{Duration, Instant};

use crate::Result;
use crate::nat_matrix::cells::{self, Cell, Meeting, STUN_PORT, TURN_PASSWORD, TURN_USER};
use crate::nat_matrix::lab::{SERVER, SERVER_NAMESPACE};
use crate::nat_matrix::play::{Played, play};
use crate::nat_matrix::theory::Route;
use crate::nat_matrix::{Options, report};
use crate::stage::{Job, minutes};

/// Cells that are played at a time. They mostly wait.
const AT_A_TIME: usize = 6;
/// How long the servers may take to listen.
const PATIENCE: Duration = Duration::from_secs(20);
/// What all hosts printed.
const TOLD: &str = "target/xtask/nat-matrix-cells.log";
/// Forgets the networks of the last run.
const TEAR_DOWN: &str = "ip -all netns delete\numount --lazy /run";
/// Where `bowline signal-server` listens.
pub(crate) const SIGNAL_PORT: u16 = 10_000;

/// Plays the cells, prints the table and ends with all that was started.
///
/// # Errors
/// A network that cannot be built, a server that does not start, a cell that differs from theory.
pub(crate) fn run(root: &Path, args: &[&str]) -> Result {
    end_with_input();
    let start = Instant::now();
    let options = Options::read(args)?;
    let program = options.program.clone().ok_or("no program")?;
    let job = Job::new(root, "nat-matrix-inside", start + minutes(30))?;
    let (script, mut cells) = cells::all();
    if let Some(only) = &options.only {
        cells.retain(|cell| cell.name.contains(only.as_str()));
    }
    if cells.is_empty() {
        return Err("no cell has such a name".into());
    }
    let file = root.join("target/xtask/nat-matrix-lab.sh");
    std::fs::write(&file, script)?;
    let runs = (0..options.runs)
        .map(|run| {
            if run > 0 {
                // Some cells leave their network changed.
                job.run(job.command("sh").args(["-euc", TEAR_DOWN]))?;
            }
            job.run(job.command("sh").arg("-eu").arg(&file))
                .map_err(|error| format!("{}\n{error}", job.log_end()))?;
            let _servers = Servers::start(&job, &program)?;
            Ok(play_all(&job, &program, &cells, run))
        })
        .collect::<Result<Vec<Vec<Played>>>>()?;
    let told: String = runs.iter().flatten().map(Played::told).collect();
    std::fs::write(root.join(TOLD), told)?;
    report::print(&report::summary(runs), options.is_json, start.elapsed())
}

/// Ends this process with its standard input, and so everything in its namespace.
fn end_with_input() {
    thread::spawn(|| {
        let mut rest = Vec::new();
        // Nobody writes; an error is an end, too.
        let _ = std::io::stdin().read_to_end(&mut rest);
        std::process::exit(1);
    });
}

/// The programs on the host with the servers. They end with this.
struct Servers([Child; 2]);

impl Servers {
    fn start(job: &Job<'_>, program: &Path) -> Result<Self> {
        let log = |name: &str| std::fs::File::create(job.root().join("target/xtask").join(name));
        let mut turn = within(job, SERVER_NAMESPACE, Path::new("turnserver"));
        turn.args(["-n", "--no-cli", "--no-tls", "--no-dtls", "--no-tcp-relay"])
            .args(["--lt-cred-mech", "--realm=example.org", "--fingerprint"])
            .args(["--log-file=stdout", "--pidfile="])
            .arg(format!("--listening-ip={SERVER}"))
            .arg(format!("--relay-ip={SERVER}"))
            .arg(format!("--listening-port={STUN_PORT}"))
            .arg(format!("--user={TURN_USER}:{TURN_PASSWORD}"))
            .stdout(log("nat-matrix-turn.log")?)
            .stderr(Stdio::null());
        let mut signals = within(job, SERVER_NAMESPACE, program);
        let listen = format!("{SERVER}:{SIGNAL_PORT}");
        let signal_log = log("nat-matrix-signals.log")?;
        signals
            .args(["signal-server", "--listen", &listen])
            .stdout(signal_log.try_clone()?)
            .stderr(signal_log);
        let servers = Self([turn.spawn()?, signals.spawn()?]);
        for (table, port) in [("udp", STUN_PORT), ("tcp", SIGNAL_PORT)] {
            let pattern = format!(":{port:04X} ");
            let path = format!("/proc/net/{table}");
            let since = Instant::now();
            let mut look = within(job, SERVER_NAMESPACE, Path::new("grep"));
            look.args(["-q", &pattern, &path]);
            while job.run(&mut look).is_err() {
                if since.elapsed() > PATIENCE {
                    return Err(format!("nobody listens on port {port} of the servers").into());
                }
            }
        }
        Ok(servers)
    }
}

impl Drop for Servers {
    fn drop(&mut self) {
        for server in &mut self.0 {
            // It may have ended by itself; that is an end, too.
            let _ = server.kill();
            let _ = server.wait();
        }
    }
}

/// A command in a network namespace.
pub(crate) fn within(job: &Job<'_>, namespace: &str, program: &Path) -> std::process::Command {
    let mut command = job.command("nsenter");
    command
        .arg(format!("--net=/run/netns/{namespace}"))
        .arg("--")
        .arg(program);
    command
}

/// Plays the cells, some at a time; the results are in their order.
fn play_all(job: &Job<'_>, program: &Path, cells: &[Cell], run: usize) -> Vec<Played> {
    let mut order: Vec<usize> = (0..cells.len()).collect();
    // Those that take long come first: a failure takes the longest to tell.
    order.sort_by_key(
        |index| match (&cells[*index].meeting, cells[*index].expected) {
            (Meeting::MortalHub, _) | (_, Route::None) => 0,
            (_, Route::Relay) => 1,
            (_, Route::Direct) => 2,
        },
    );
    let waiting = Mutex::new(order.into_iter());
    let next = || waiting.lock().expect("nobody panics with it").next();
    let done = Mutex::new(Vec::new());
    thread::scope(|scope| {
        for _ in 0..AT_A_TIME.min(cells.len()) {
            scope.spawn(|| {
                while let Some(index) = next() {
                    let number = run * cells.len() + index;
                    let played = play(job, program, &cells[index], number);
                    let mut done = done.lock().expect("nobody panics with it");
                    done.push((index, played));
                }
            });
        }
    });
    let mut done = done.into_inner().expect("nobody panics with it");
    done.sort_by_key(|(index, _)| *index);
    done.into_iter().map(|(_, played)| played).collect()
}
