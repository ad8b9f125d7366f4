//! `bowline hub --dev`: a hub for development, until Ctrl-C.
//!
//! The hub that operators run is a program of its own, `bowline-hub`.

use std::io::Write as _;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::mpsc;
use std::sync::mpsc::RecvTimeoutError;
use std::time::Duration;

use bowline_hub::dev;
use bowline_hub::dev::DevOptions;
use bowline_hub::hub::Notice;

use crate::address::parse_bind;
use crate::error::Error;
use crate::stop::Stop;
use crate::view::terminal::printable;

/// The arguments of `bowline hub`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// On this machine, with keys that last as long as it runs unless --keys keeps them, and clients that are who they
    /// say. For anything else there is the program `bowline-hub`.
    #[arg(long, required = true)]
    dev: bool,
    /// The IP address and UDP port to listen on.
    #[arg(long, value_name = "IP:PORT", value_parser = parse_bind, default_value_t = dev::DEV_ADDRESS)]
    listen: SocketAddr,
    /// Let other machines reach it, where anybody can be anybody.
    #[arg(long)]
    insecure_dev: bool,
    /// Keep the keys in this folder: a hub that is started anew is the same one to its clients.
    #[arg(long, value_name = "FOLDER")]
    keys: Option<PathBuf>,
}

/// What has happened and is not told yet.
const MAX_NOTICES: usize = 1024;
/// How late the wish to stop is noticed.
const LOOK: Duration = Duration::from_millis(100);

/// Serves until Ctrl-C is pressed.
pub(crate) fn run(args: &Args) -> Result<ExitCode, Error> {
    let stop = Stop::on_signal()?;
    let options = DevOptions {
        listen: args.listen,
        apps: Vec::new(),
        insecure: args.insecure_dev,
        keys: args.keys.clone(),
    };
    let (sender, notices) = mpsc::sync_channel::<Notice>(MAX_NOTICES);
    // Not from the thread of the hub, which waits for nobody who reads; what finds no room is not told.
    let tell = move |notice| drop(sender.try_send(notice));
    let hub = dev::start(&options, Box::new(tell))?;
    let _ = writeln!(std::io::stdout(), "{}", dev::client_line(&hub));
    while !stop.is_set() {
        match notices.recv_timeout(LOOK) {
            Ok(notice) => {
                // Nobody may be reading. Identities are what clients chose.
                let _ = writeln!(std::io::stderr(), "{}", printable(&notice.to_string()));
            }
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => return Err(Error::HubEnded),
        }
    }
    Ok(ExitCode::SUCCESS)
}
