//! The program `bowline-hub`: arguments, start and stop.
//!
//! ```text
//! arguments ──▶ settings ──▶ keys ──▶ store ──▶ sockets ──▶ until SIGTERM or Ctrl-C: clients are told, and it ends
//! ```
//!
//! What keeps it from starting is one line on standard error, and the exit code: 2 for what the operator has to mend in
//! arguments or settings, 1 for all else. A thread of it that ends by itself ends the program, with 1: whoever watches over it
//! starts it again.

mod args;
mod error;
mod log;
mod own_keys;
mod stop;

use std::io::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use clap::Parser as _;

use crate::auth::Auth;
use crate::config::Config;
use crate::dev;
use crate::dev::DevOptions;
use crate::http::HttpServer;
use crate::http::HttpSettings;
use crate::http::NetworkConfig as PublishedNetwork;
use crate::keys::HubKeys;
use crate::operator::Operator;
use crate::operator::Publisher;
use crate::server::Checker;
use crate::server::NoChecker;
use crate::server::Running;
use crate::server::Server;
use crate::server::Setup;
use crate::store::LocalStore;
use crate::store::SystemClock;
use crate::stun::StunServer;

use self::args::Args;
use self::args::Command;
use self::error::Error;
use self::stop::Stop;

#[cfg(test)]
pub(crate) use self::log::told_by;

/// Runs the program with the arguments of the process.
pub fn main() -> ExitCode {
    let args = Args::parse().checked();
    match run(&args.unwrap_or_else(|error| error.exit())) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // If even that cannot be written, the exit code remains.
            let _ = writeln!(std::io::stderr(), "bowline-hub: {}", error.with_causes());
            error.exit_code()
        }
    }
}

fn run(args: &Args) -> Result<(), Error> {
    if args.dev {
        return run_dev(args);
    }
    let file = args.config.as_deref().ok_or(Error::NoConfig)?;
    let config = Config::load(file)?;
    match &args.command {
        Some(Command::Keys(keys)) => keys.run(&keys_folder(&config)),
        None if args.check => {
            config.check_dev(file, args.insecure_dev)?;
            config.policy()?;
            Auth::from_config(&config.sign_in)?;
            http_settings(&config)?;
            for warning in config.warnings() {
                // What matters is the exit code.
                let _ = writeln!(std::io::stderr(), "bowline-hub: warning: {warning}");
            }
            say(&format!("{} is good", file.display()))
        }
        None => {
            config.check_dev(file, args.insecure_dev)?;
            serve(&config)
        }
    }
}

/// Serves as the settings say.
fn serve(config: &Config) -> Result<(), Error> {
    let stop = Stop::on_signal()?;
    stop.outlast_hangup()?;
    let log = log::start(config.log)?;
    let crypto = bowline::cert::default_crypto();
    for warning in config.warnings() {
        tracing::warn!("{warning}");
    }
    let policy = config.policy()?;
    let auth = Auth::from_config(&config.sign_in)?.map(Arc::new);
    let http = http_settings(config)?;
    let folder = keys_folder(config);
    let keys = HubKeys::load_or_make(&folder, &crypto)?;
    own_keys::check(&config.network, &folder, &keys)?;
    let store = open_store(config)?;
    let network = &config.network;
    let publisher = Publisher::new(&network.stun, &network.revoked, &keys, &crypto);
    let mut server = Server::new(Setup {
        listen: config.listen.clone(),
        keys,
        policy,
        checker: checker(auth.as_ref()),
    })?;
    let published = PublishedNetwork::default();
    let operator = Operator::open(&mut server, Arc::new(store), publisher, published.clone())?;
    own_keys::warn_of_next(&operator, &folder, &crypto)?;
    let listen = config.stun.as_ref().map_or(&[][..], |stun| &stun.listen);
    let stun = StunServer::start(listen)?;
    let operator = Arc::new(operator);
    let http =
        http.map(|http| HttpServer::start(http, Arc::clone(&operator), auth.clone(), published));
    let http = http.transpose()?;
    let hub = server.spawn(log.on_notice()).map_err(Error::Threads)?;
    for address in hub.local_addrs() {
        let key = hub.key();
        tracing::info!(listen = %address, key = key.to_line(""), key_id = %key.id(), "the hub serves");
    }
    if let Some(http) = &http {
        tracing::info!(listen = %http.local_addr(), "the hub serves HTTP");
    }
    for address in stun.local_addrs() {
        tracing::info!(listen = %address, "the hub answers STUN");
    }
    if let Some(auth) = auth {
        fetch_keys(auth)?;
    }
    let ended = stop.wait(|| {
        let http_ended = http.as_ref().is_some_and(HttpServer::is_finished);
        let parts = [
            ("the hub", hub.is_finished()),
            ("the STUN server", stun.is_finished()),
            ("the HTTP side", http_ended),
        ];
        let mut ended = parts.into_iter().filter(|(_, is_finished)| *is_finished);
        ended.next().map(|(part, _)| part)
    });
    finish(hub);
    ended
}

fn run_dev(args: &Args) -> Result<(), Error> {
    let stop = Stop::on_signal()?;
    let log = log::start(crate::config::Log::default())?;
    let options = DevOptions {
        listen: args.listen.unwrap_or(dev::DEV_ADDRESS),
        apps: Vec::new(),
        insecure: args.insecure_dev,
        keys: None,
    };
    let hub = dev::start(&options, log.on_notice())?;
    say(&dev::client_line(&hub))?;
    let ended = stop.wait(|| hub.is_finished().then_some("the hub"));
    finish(hub);
    ended
}

fn finish(hub: Running) {
    tracing::info!("the hub stops");
    drop(hub);
    tracing::info!("the hub has stopped");
}

/// Who is asked about credentials that the hub cannot check itself.
fn checker(auth: Option<&Arc<Auth>>) -> Arc<dyn Checker> {
    match auth {
        Some(auth) => Arc::<Auth>::clone(auth),
        None => Arc::new(NoChecker),
    }
}

/// Has the keys of tokens fetched beside all else, which nothing waits for. What fails is told.
fn fetch_keys(auth: Arc<Auth>) -> Result<(), Error> {
    let thread = std::thread::Builder::new().name("hub-keys".to_owned());
    let fetching = thread.spawn(move || auth.fetch_keys());
    fetching.map(drop).map_err(Error::Threads)
}

fn open_store(config: &Config) -> Result<LocalStore, Error> {
    let path = config.data.join("hub.redb");
    Ok(LocalStore::open(&path, Arc::new(SystemClock::new()))?)
}

fn http_settings(config: &Config) -> Result<Option<HttpSettings>, Error> {
    let settings = config.http.as_ref().map(HttpSettings::from_config);
    Ok(settings.transpose()?)
}

fn keys_folder(config: &Config) -> PathBuf {
    config.data.join("keys")
}

/// A line on standard output.
fn say(text: &str) -> Result<(), Error> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{text}")
        .and_then(|()| out.flush())
        .map_err(Error::Output)
}
