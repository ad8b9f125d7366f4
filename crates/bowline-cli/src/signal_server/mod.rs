//! `bowline signal-server`: carries signals between hosts, for trying out connections by rendezvous.
//!
//! The protocol is that of the original's trivial signaling example: TCP, and lines of text. The first
//! line of a client is its identity. Each further line, `DEST HEX`, is forwarded to the client with that
//! identity as `FROM HEX`. A newer client of an identity replaces the older. Nothing is kept for who is not
//! there, and nobody is told: signals are sent again.
//!
//! Nobody proves who they are, so this is for networks where all are trusted. Still nothing is unbounded:
//! clients, the length of a line, what waits for a client, how fast a client sends, how long it may be
//! silent. Who breaks the protocol is disconnected, with a line in the log. A client that does not read loses
//! signals, and after a while its connection; senders do not wait for it.
//!
//! One thread serves all sockets ([`server`]). What one client needs is in [`client`], the text in
//! [`line`](mod@line).

mod client;
mod line;
mod server;

use std::net::SocketAddr;
use std::process::ExitCode;
use std::time::Duration;

use crate::address::parse_bind;
use crate::error::Error;
pub(crate) use crate::signal_server::line::can_be_named;
use crate::signal_server::server::Limits;
use crate::signal_server::server::Server;
use crate::stop::Stop;

/// The arguments of `bowline signal-server`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The IP address and TCP port to listen on.
    #[arg(long, value_name = "IP:PORT", value_parser = parse_bind, default_value = "127.0.0.1:10000")]
    pub(crate) listen: SocketAddr,
    /// Most clients at a time; more are turned away.
    #[arg(long, value_name = "N", default_value_t = 1024, value_parser = clap::value_parser!(u32).range(1..=65_536))]
    pub(crate) max_clients: u32,
    /// Disconnect clients that neither send nor get anything for so long.
    #[arg(long, value_name = "SECONDS", default_value_t = 86_400, value_parser = clap::value_parser!(u64).range(1..=31_536_000))]
    pub(crate) idle_secs: u64,
}

/// Serves until Ctrl-C is pressed.
pub(crate) fn run(args: &Args) -> Result<ExitCode, Error> {
    let stop = Stop::on_signal()?;
    let limits = Limits {
        clients: usize::try_from(args.max_clients).unwrap_or(usize::MAX),
        idle: Duration::from_secs(args.idle_secs),
    };
    Server::bind(args.listen, limits)?.serve(&stop)?;
    Ok(ExitCode::SUCCESS)
}
