//! How fast the module receives: `bench/receive.lua` of the crate in LuaJIT, with `bench/send.lua` in another.

use std::net::UdpSocket;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use crate::lua::interpreter::{self, find_module};
use crate::lua::{FOLDER, module};
use crate::stage::Job;
use crate::{Result, interop};

/// The functions that receive, as `receive.lua` calls them.
const WAYS: &[(&str, &str)] = &[
    ("connection", "receiveMessagesOnConnection"),
    ("group", "receiveMessagesOnPollGroup"),
    ("into", "receiveInto"),
    ("groupInto", "receiveFromPollGroupInto"),
];

const KINDS: &[&str] = &["reliable", "unreliable"];

/// Size of a message.
const BYTES: &str = "32";

/// How long each run measures, and how many there are, of which the median counts.
const MILLISECONDS: &str = "500";
const RUNS: usize = 5;

/// Measures, and returns a table: messages per second, the receiver's processor time and garbage per message.
///
/// # Errors
/// A package that cannot be installed, a build or program that fails.
pub(crate) fn run(job: &Job<'_>) -> Result<String> {
    for mut command in interop::install_commands(interpreter::PACKAGES)? {
        job.run(&mut command)?;
    }
    let module = module::build_release(job, "luajit")?;
    let mut table = format!(
        "{:<11} {:<28} {:>10} {:>10} {:>14}\n",
        "messages", "function", "per second", "ns of CPU", "bytes garbage"
    );
    for kind in KINDS {
        for (way, function) in WAYS {
            let mut runs = Vec::new();
            for _ in 0..RUNS {
                runs.push(measure(job, &module, kind, way)?);
            }
            let [rate, cpu, garbage] = [0, 1, 2].map(|column| median(&runs, column));
            table +=
                &format!("{kind:<11} {function:<28} {rate:>10.0} {cpu:>10.0} {garbage:>14.1}\n");
        }
    }
    Ok(table)
}

/// What `receive.lua` prints: messages per second, nanoseconds and bytes per message.
type Figures = [f64; 3];

fn measure(job: &Job<'_>, module: &Path, kind: &str, way: &str) -> Result<Figures> {
    let port = UdpSocket::bind("127.0.0.1:0")?.local_addr()?.port();
    let port = port.to_string();
    let program = |name: &str, arguments: [&str; 3]| {
        let mut command = job.command("luajit");
        command.arg(job.root().join(FOLDER).join("bench").join(name));
        command.args(arguments);
        find_module(&mut command, module);
        command
    };
    // It dials for ten seconds, so it may be the first.
    let mut send = program("send.lua", [&port, BYTES, kind]);
    let _sender = Background(spawn(&mut send)?);
    let mut receive = program("receive.lua", [&port, way, MILLISECONDS]);
    figures(&job.output(&mut receive)?)
}

/// The last line's three numbers.
fn figures(printed: &str) -> Result<Figures> {
    let line = printed.lines().last().unwrap_or_default();
    let numbers: Vec<f64> = line
        .split(' ')
        .filter_map(|word| word.parse().ok())
        .collect();
    numbers
        .try_into()
        .map_err(|_| format!("receive.lua printed `{line}`").into())
}

fn median(runs: &[Figures], column: usize) -> f64 {
    let mut values: Vec<f64> = runs.iter().map(|run| run[column]).collect();
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

fn spawn(command: &mut Command) -> Result<Child> {
    let child = command.stdin(Stdio::null()).stdout(Stdio::null()).spawn();
    child.map_err(|error| format!("{command:?}: {error}").into())
}

/// A process that ends with this.
struct Background(Child);

impl Drop for Background {
    fn drop(&mut self) {
        // Both fail if it has ended by itself.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_the_last_line_and_the_median_is_of_each_column() {
        assert_eq!(figures("READY\n5 6 7.5\n").unwrap(), [5.0, 6.0, 7.5]);
        assert!(figures("READY\n5 6\n").is_err());
        let runs = [[1.0, 9.0, 0.0], [3.0, 7.0, 0.0], [2.0, 8.0, 0.0]];
        assert_eq!((median(&runs, 0), median(&runs, 1)), (2.0, 8.0));
    }
}
