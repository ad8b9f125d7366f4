//! The `bowline` command: a demo, servers, clients, certificates, the simulator and benchmarks.

#![forbid(unsafe_code)]

mod address;
mod cmd;
mod error;
mod recordings;
mod settings;
mod signal_server;
mod stop;
mod trust;
mod view;

use std::io::Write;
use std::process::ExitCode;

use clap::Parser;
use clap::Subcommand;

use crate::cmd::abi_lint;
use crate::cmd::bench;
use crate::cmd::cert;
use crate::cmd::client;
use crate::cmd::config;
use crate::cmd::demo;
#[cfg(feature = "hub")]
use crate::cmd::hub;
use crate::cmd::p2p;
use crate::cmd::replay;
use crate::cmd::server;
use crate::cmd::sim;
use crate::error::Error;

/// Encrypted game networking over UDP, wire-compatible with GameNetworkingSockets.
///
/// Start with `bowline demo`.
#[derive(Debug, Parser)]
#[command(name = "bowline", version)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// One server and several clients exchange game traffic over loopback, and every message is checked.
    Demo(demo::Args),
    /// Listen for connections; echo or relay what they send, until standard input ends.
    Server(server::Args),
    /// Connect to a server and send what is typed, until standard input ends.
    Client(client::Args),
    /// A hub for development, which signs players in and connects them by their identities.
    #[cfg(feature = "hub")]
    Hub(hub::Args),
    /// Carry signals between hosts that connect by rendezvous, for trying that out.
    SignalServer(signal_server::Args),
    /// Find another terminal by a signaling server or a hub, however the networks between are, and talk with it.
    P2p(p2p::Args),
    /// List all settings, for `--set` and `--config`, with their ranges.
    Config(config::Args),
    /// Play back what a connection recorded, and tell what happened.
    Replay(replay::Args),
    /// Make keys and authorities, sign, show and verify certificates.
    #[command(subcommand)]
    Cert(cert::Command),
    /// Play random scenarios in the simulator and check that every promise is kept.
    Sim(sim::Args),
    /// Tell what a program built for GameNetworkingSockets needs, and whether our library has it.
    AbiLint(abi_lint::Args),
    /// Programs that measure.
    #[command(subcommand)]
    Bench(bench::Command),
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    let (json, result) = match cli.command {
        Command::Demo(args) => (args.json, demo::run(&args)),
        Command::Server(args) => (args.json, server::run(&args)),
        Command::Client(args) => (args.json, client::run(&args)),
        #[cfg(feature = "hub")]
        Command::Hub(args) => (false, hub::run(&args)),
        Command::SignalServer(args) => (false, signal_server::run(&args)),
        Command::P2p(args) => (false, p2p::run(&args)),
        Command::Config(args) => (false, config::run(&args)),
        Command::Replay(args) => (args.json, replay::run(&args)),
        Command::Cert(command) => (false, cert::run(&command)),
        Command::Sim(args) => (false, sim::run(&args)),
        Command::AbiLint(args) => (args.json, abi_lint::run(&args)),
        Command::Bench(command) => (true, bench::run(&command)),
    };
    match result {
        Ok(code) => code,
        Err(error) => {
            report(&error, json);
            error.exit_code()
        }
    }
}

/// Says what went wrong, with the causes. If even that cannot be written, the exit code remains.
fn report(error: &Error, json: bool) {
    let text = error.with_causes();
    if json {
        let line = serde_json::json!({ "event": "error", "error": text });
        let _ = writeln!(std::io::stdout(), "{line}");
    }
    let _ = writeln!(std::io::stderr(), "error: {text}");
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    fn parse(line: &str) -> Result<Command, clap::Error> {
        Cli::try_parse_from(line.split_whitespace()).map(|cli| cli.command)
    }

    #[test]
    fn the_definition_of_the_command_line_is_sound() {
        Cli::command().debug_assert();
    }

    #[test]
    fn the_demo_has_defaults() {
        let Ok(Command::Demo(args)) = parse("bowline demo") else {
            panic!("not a demo");
        };
        assert_eq!((args.clients, args.secs, args.json), (8, 5.0, false));
    }

    #[test]
    fn a_demo_without_clients_or_time_is_refused() {
        for line in [
            "--clients 0",
            "--clients 2000",
            "--secs 0",
            "--secs nan",
            "--secs -1",
        ] {
            assert!(parse(&format!("bowline demo {line}")).is_err(), "{line}");
        }
    }

    #[test]
    fn a_server_needs_an_address_and_says_which_form() {
        assert!(parse("bowline server").is_err());
        let error = parse("bowline server --bind localhost").unwrap_err();
        assert!(error.to_string().contains("IP:PORT"), "{error}");
        assert!(parse("bowline server --bind 0.0.0.0:27015").is_ok());
        assert!(parse("bowline server --bind [::]:27015 --chat --json").is_ok());
    }

    #[test]
    fn a_hub_is_one_for_development() {
        assert!(parse("bowline hub").is_err());
        assert!(parse("bowline hub --dev --listen 127.0.0.1:1").is_ok());
    }

    #[test]
    fn what_excludes_each_other_is_refused() {
        assert!(parse("bowline server --bind 0.0.0.0:1 --chat --echo").is_err());
        assert!(parse("bowline client 127.0.0.1:1 --chat --send x").is_err());
    }

    #[test]
    fn a_client_needs_host_and_port() {
        for bad in [
            "",
            "localhost",
            "localhost:",
            ":27015",
            "[::1]",
            "localhost:0",
            "host:99999",
        ] {
            assert!(parse(&format!("bowline client {bad}")).is_err(), "{bad}");
        }
        for good in ["localhost:27015", "127.0.0.1:1", "[::1]:65535"] {
            assert!(parse(&format!("bowline client {good}")).is_ok(), "{good}");
        }
    }

    #[test]
    fn benchmark_arguments_are_passed_on() {
        let line =
            "bowline bench peer server --peer ours --workload flood --listen 127.0.0.1:0 --x -1";
        assert!(matches!(parse(line), Ok(Command::Bench(_))));
    }
}
