//! Bowline beside other libraries: the same workloads in one run.
//!
//! `cargo xtask bench-vs` builds this and `bowline`, and starts `run`. The other commands are the
//! processes of a run: a `server` and a `client` of each library, and `impair`, the bad network between
//! them. Bowline's own sides are `bowline bench peer`, which use its public API like any program.
#![allow(missing_docs, reason = "a program has no public items")]

mod impair;
mod matrix;
mod measure;
mod options;
mod peer;
mod process;
mod report;
mod run;
mod side;

use std::future::Future;
use std::io::{self, Write as _};
use std::process::ExitCode;

use serde_json::{Value, json};

use crate::options::Options;
use crate::peer::{enet, gns, kcp, quinn, raw, renet};
use crate::side::{client, server};

/// What everything here ends with: any error, as text for the terminal.
type Result<T = ()> = std::result::Result<T, Box<dyn std::error::Error + Send + Sync>>;

const USAGE: &str = "\
usage: bowline-bench-vs COMMAND [--KEY VALUE]...

  run --bowline PROGRAM --out FOLDER [--secs S] [--repeat N] [--only NAMES]
                     runs the workloads, appends a line of JSON for each to FOLDER/results.jsonl
  report --out FOLDER --page FILE --plots FOLDER
                     writes the tables into the page and the plots beside it
  list               tells peers and workloads
  server, client     one side of a workload of a library
  impair             the bad network";

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    match dispatch(&words) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn dispatch(words: &[String]) -> Result {
    let Some((command, words)) = words.split_first() else {
        return Err(USAGE.into());
    };
    let options = Options::parse(words)?;
    let result = match command.as_str() {
        "run" => return run::all(&options),
        "report" => return report::write(&options),
        "list" => return run::list(),
        "impair" => impair::run(&options),
        "server" => block_on(serve(&options)),
        "client" => block_on(dial(&options)),
        _ => return Err(USAGE.into()),
    };
    // A failed run is a line of its results.
    let value = result.unwrap_or_else(|error| json!({ "error": error.to_string() }));
    writeln!(io::stdout(), "{value}")?;
    Ok(())
}

/// Runs a side on a runtime of one thread. Only quinn has use for it; the others never yield.
fn block_on(side: impl Future<Output = Result<Value>>) -> Result<Value> {
    let mut builder = tokio::runtime::Builder::new_current_thread();
    builder.enable_all().build()?.block_on(side)
}

async fn serve(options: &Options) -> Result<Value> {
    match options.text("peer").unwrap_or_default() {
        "quinn" => {
            let (peer, hint) = quinn::Quinn::server(options)?;
            let address = peer.address()?;
            server::run(peer, address, &hint, options).await
        }
        "renet" => {
            let peer = renet::Server::new(options)?;
            let address = peer.address()?;
            server::run(peer, address, "", options).await
        }
        "enet" => {
            let peer = enet::Enet::new(options)?;
            let address = peer.address()?;
            server::run(peer, address, "", options).await
        }
        "kcp" => {
            let peer = kcp::Kcp::new(options)?;
            let address = peer.address()?;
            server::run(peer, address, "", options).await
        }
        "gns" => {
            let peer = gns::Server::new(options)?;
            let address = peer.address();
            server::run(peer, address, "", options).await
        }
        "raw" => {
            let peer = raw::Raw::new(options)?;
            let address = peer.address()?;
            server::run(peer, address, "", options).await
        }
        other => Err(format!("no peer {other:?}").into()),
    }
}

async fn dial(options: &Options) -> Result<Value> {
    match options.text("peer").unwrap_or_default() {
        "quinn" => client::run(quinn::Quinn::client(options)?, options).await,
        "renet" => client::run(renet::Clients::new(options), options).await,
        "enet" => client::run(enet::Enet::new(options)?, options).await,
        "kcp" => client::run(kcp::Kcp::new(options)?, options).await,
        "gns" => client::run(gns::Clients::new(options)?, options).await,
        "raw" => client::run(raw::Raw::new(options)?, options).await,
        other => Err(format!("no peer {other:?}").into()),
    }
}
