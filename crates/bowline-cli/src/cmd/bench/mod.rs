//! `bowline bench`: programs that measure.

mod arrivals;
mod client;
mod dialer;
mod growth;
mod histogram;
mod options;
mod p2p;
mod paced;
mod post;
mod process;
mod server;
mod sides;

pub(crate) use histogram::Histogram;

use std::process::ExitCode;

use serde_json::json;

use crate::cmd::bench::growth::GrowthArgs;
use crate::cmd::bench::options::Options;
use crate::cmd::bench::p2p::P2pArgs;
use crate::error::Error;
use crate::view::json_line;

/// The subcommands of `bowline bench`.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Command {
    /// One side of a comparison with other libraries, started by a harness.
    #[command(subcommand)]
    Peer(Peer),
    /// What connections, messages and calls cost on a server with more and more connections. Prints a
    /// table, then a line of JSON.
    Growth(GrowthArgs),
    /// What connections between peers cost beside those by address. Prints a table, then a line of JSON.
    P2p(P2pArgs),
}

/// The sides. Each takes options as `--KEY VALUE` and ignores those that it does not know.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Peer {
    /// Print `READY IP:PORT`, serve until standard input ends, print one JSON line.
    ///
    /// Options: --workload flood|ping|connect|idle|paced|growth, --listen IP:PORT, --secs, --down-unrel and
    /// --down-rel HZxSIZE, --service thread|manual, --service-threads N, --drive busy, --defaults 1,
    /// --by address|signals (which come to the TCP address that is listened on then).
    Server(PeerArgs),
    /// Run a workload against a server, print one JSON line.
    ///
    /// Options: --workload flood|ping|connect|idle|paced|growth, --connect IP:PORT, --secs, --size, --rate,
    /// --reliable 0|1, --clients, --inflight, --hold, --up-unrel and --up-rel HZxSIZE, --stream HZxSIZE (unreliable messages
    /// beside a flood, before it), --service thread|manual, --service-threads N, --drive busy (instead
    /// of waiting), --defaults 1 (no configuration of the workload's own), --by address|signals, --callers N
    /// (identities that call, by signals).
    Client(PeerArgs),
}

/// The options of a side as they are.
#[derive(Debug, clap::Args)]
pub(crate) struct PeerArgs {
    #[arg(
        trailing_var_arg = true,
        allow_hyphen_values = true,
        value_name = "--KEY VALUE"
    )]
    options: Vec<String>,
}

/// Runs one side. A run that failed is told as JSON, `{"error": ...}`, and by the exit code.
pub(crate) fn run(command: &Command) -> Result<ExitCode, Error> {
    let result = match command {
        Command::Peer(Peer::Server(args)) => {
            Options::parse(&args.options).and_then(|options| server::run(&options))
        }
        Command::Peer(Peer::Client(args)) => {
            Options::parse(&args.options).and_then(|options| client::run(&options))
        }
        Command::Growth(args) => growth::run(args),
        Command::P2p(args) => p2p::run(args),
    };
    match result {
        Ok(value) => {
            json_line(&value)?;
            Ok(ExitCode::SUCCESS)
        }
        Err(error) => {
            json_line(&json!({ "error": error.with_causes() }))?;
            Ok(ExitCode::FAILURE)
        }
    }
}
