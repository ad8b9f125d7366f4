//! Runs entrants and workloads, in turn, and keeps the results.

use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use serde_json::{Value, json};

use crate::Result;
use crate::matrix::{self, ENTRANTS, Entrant, Player, WORKLOADS, Workload};
use crate::options::Options;
use crate::process::Process;
use crate::report::figures;

/// How long a client may take beyond its window, and a server to end.
const CLIENT_PATIENCE: Duration = Duration::from_secs(30);
const SERVER_PATIENCE: Duration = Duration::from_secs(20);

/// Tells what can be run.
pub(crate) fn list() -> Result {
    for entrant in ENTRANTS {
        println!("{:<16} {}", entrant.name, entrant.title);
    }
    println!();
    for workload in WORKLOADS {
        println!("{:<16} {}", workload.name, workload.title);
    }
    Ok(())
}

/// Runs everything that is asked for. A new run replaces the results of the one before.
pub(crate) fn all(options: &Options) -> Result {
    let secs: f64 = options.or("secs", 2.0)?;
    let repeat: u32 = options.or("repeat", 3)?;
    let chosen = Chosen::of(options.text("only").unwrap_or_default())?;
    let folder = PathBuf::from(options.text("out").ok_or("--out is missing")?);
    fs::create_dir_all(&folder)?;
    let path = folder.join("results.jsonl");
    let mut file = OpenOptions::new()
        .create(true)
        .write(true)
        .truncate(true)
        .open(&path)?;
    let bowline = PathBuf::from(options.text("bowline").ok_or("--bowline is missing")?);
    let stage = Stage {
        this: std::env::current_exe()?,
        bowline,
    };
    writeln!(
        file,
        "{}",
        json!({ "secs": secs, "repeat": repeat, "machine": machine() })
    )?;
    for workload in chosen.workloads() {
        // In turn, so that a busy minute of the machine hits all of them.
        for round in 0..repeat.min(workload.most_rounds) {
            // The first figure at defaults stands beside the others for comparison: once is enough.
            let settings: &[&str] = if round == 0 {
                &["opened", "defaults"]
            } else {
                &["opened"]
            };
            for entrant in chosen.entrants() {
                for settings in settings {
                    if let Some(line) = stage.play(entrant, workload, settings, secs)? {
                        println!("{}", told(&line));
                        let mut line = line;
                        line["round"] = json!(round);
                        writeln!(file, "{line}")?;
                    }
                }
            }
        }
    }
    Ok(())
}

/// The names that `--only` gives, separated by commas: entrants, workloads or both.
#[derive(Debug, Default)]
struct Chosen {
    entrants: Vec<String>,
    workloads: Vec<String>,
}

impl Chosen {
    fn of(names: &str) -> Result<Self> {
        let mut chosen = Self::default();
        for name in names.split(',').filter(|name| !name.is_empty()) {
            if ENTRANTS.iter().any(|entrant| entrant.name == name) {
                chosen.entrants.push(name.to_owned());
            } else if WORKLOADS.iter().any(|workload| workload.name == name) {
                chosen.workloads.push(name.to_owned());
            } else {
                return Err(
                    format!("{name:?} is neither a peer nor a workload; see `list`").into(),
                );
            }
        }
        Ok(chosen)
    }

    fn entrants(&self) -> impl Iterator<Item = &'static Entrant> {
        let all = self.entrants.is_empty();
        ENTRANTS
            .iter()
            .filter(move |it| all || self.entrants.iter().any(|name| name == it.name))
    }

    fn workloads(&self) -> impl Iterator<Item = &'static Workload> {
        let all = self.workloads.is_empty();
        WORKLOADS
            .iter()
            .filter(move |it| all || self.workloads.iter().any(|name| name == it.name))
    }
}

/// Where runs take place.
struct Stage {
    this: PathBuf,
    bowline: PathBuf,
}

impl Stage {
    /// One run; `None` if there is nothing to run.
    fn play(
        &self,
        entrant: &Entrant,
        workload: &Workload,
        settings: &str,
        secs: f64,
    ) -> Result<Option<Value>> {
        let mut options = matrix::options(entrant, workload, secs)?;
        let opened = matrix::opened(entrant, workload);
        let is_at_defaults = settings == "defaults";
        if is_at_defaults {
            options.set("defaults", 1);
        }
        let is_left_out = is_at_defaults && !matrix::runs_at_defaults(entrant, workload);
        if is_left_out || matrix::skipped(entrant, &options)?.is_some() {
            return Ok(None);
        }
        let outcome = self.processes(entrant, workload, &options);
        let (client, server, link) = outcome.unwrap_or_else(|error| {
            (
                json!({ "error": error.to_string() }),
                Value::Null,
                Value::Null,
            )
        });
        let error = [&client["error"], &server["error"]]
            .into_iter()
            .find_map(Value::as_str);
        Ok(Some(json!({
            "peer": entrant.name,
            "workload": workload.name,
            "settings": settings,
            "opened": opened,
            "figures": figures::of(&options, &client, &server)?,
            "error": error,
            "client": client,
            "server": server,
            "link": link,
        })))
    }

    /// Starts server, proxy and client, and waits for what they tell.
    fn processes(
        &self,
        entrant: &Entrant,
        workload: &Workload,
        options: &Options,
    ) -> Result<(Value, Value, Value)> {
        // The server has to know the proxy's address, and the proxy the server's: so a port is chosen.
        let proxy_address = workload.link.map(|_| free_address()).transpose()?;
        let mut command = self.side(entrant, "server", options);
        command.args(["--listen", "127.0.0.1:0"]);
        if let Some(address) = &proxy_address {
            command.args(["--public", address]);
        }
        let mut server = Process::start(command)?;
        let ready = server.ready()?;
        let mut address = ready.first().ok_or("the server tells no address")?.clone();
        let mut proxy = None;
        if let (Some(link), Some(listen)) = (workload.link, proxy_address) {
            let mut command = Command::new(&self.this);
            command.args(["impair", "--listen", &listen, "--upstream", &address]);
            command.args(link.split_whitespace());
            let mut process = Process::start(command)?;
            process.ready()?;
            proxy = Some(process);
            address = listen;
        }
        let mut command = self.side(entrant, "client", options);
        command.args(["--connect", &address]);
        if let Some(hint) = ready.get(1) {
            command.args(["--hint", hint]);
        }
        let client = Process::start(command)?.finish(options.window()? + CLIENT_PATIENCE);
        let server = server.finish(SERVER_PATIENCE);
        let link = proxy.map_or(Value::Null, |proxy| proxy.finish(SERVER_PATIENCE));
        Ok((client, server, link))
    }

    fn side(&self, entrant: &Entrant, side: &str, options: &Options) -> Command {
        let (program, words): (&Path, _) = match entrant.player {
            Player::Bowline => (&self.bowline, vec!["bench", "peer", side]),
            Player::This(library) => (&self.this, vec![side, "--peer", library]),
        };
        let mut command = Command::new(program);
        command.args(words);
        for (key, value) in options.pairs() {
            command.arg(format!("--{key}")).arg(value);
        }
        command
    }
}

/// An address that nobody uses at the moment.
fn free_address() -> Result<String> {
    let socket = std::net::UdpSocket::bind("127.0.0.1:0")?;
    Ok(socket.local_addr()?.to_string())
}

/// A result for the terminal.
fn told(line: &Value) -> String {
    let text = |key: &str| line[key].as_str().unwrap_or_default().to_owned();
    let what = match line["error"].as_str() {
        Some(error) => error.to_owned(),
        None => line["figures"].to_string(),
    };
    format!(
        "{:<15} {:<13} {:<9} {what}",
        text("workload"),
        text("peer"),
        text("settings")
    )
}

/// What is known of the machine, for the page.
fn machine() -> Value {
    let read = |path: &str| fs::read_to_string(path).unwrap_or_default();
    let field = |text: &str, key: &str| {
        let line = text.lines().find(|line| line.starts_with(key));
        let value = line.and_then(|line| line.split_once(':'));
        value.map(|(_, value)| value.trim().to_owned())
    };
    let memory = field(&read("/proc/meminfo"), "MemTotal");
    let memory = memory.and_then(|text| text.split(' ').next()?.parse::<f64>().ok());
    // What follows the version is the builder's own.
    let kernel = read("/proc/sys/kernel/osrelease");
    json!({
        "cpu": field(&read("/proc/cpuinfo"), "model name"),
        "cores": std::thread::available_parallelism().ok().map(usize::from),
        "memory_gib": memory.map(|kib| (kib / 1_048_576.0).round() as u64),
        "kernel": kernel.trim().split('-').next(),
        "load": read("/proc/loadavg").split(' ').next(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_narrows_peers_and_workloads_apart() {
        let chosen = Chosen::of("quinn,ping").unwrap();
        assert_eq!(
            chosen.entrants().map(|it| it.name).collect::<Vec<_>>(),
            ["quinn"]
        );
        assert_eq!(
            chosen.workloads().map(|it| it.name).collect::<Vec<_>>(),
            ["ping"]
        );
        let chosen = Chosen::of("").unwrap();
        assert_eq!(chosen.entrants().count(), ENTRANTS.len());
        assert_eq!(chosen.workloads().count(), WORKLOADS.len());
        assert!(
            Chosen::of("quin")
                .unwrap_err()
                .to_string()
                .contains("\"quin\"")
        );
    }
}
