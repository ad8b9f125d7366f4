//! The hub under test: a process of its own, which ends with its standard input.

use std::sync::Arc;

use bowline_bench::Result;
use bowline_hub::hub::Policy;
use bowline_hub::keys::HubKeys;
use bowline_hub::namespace::Namespace;
use bowline_hub::server::NoChecker;
use bowline_hub::server::Server;
use bowline_hub::server::Setup;

/// Who clients say they are begins so.
pub(crate) const PREFIX: &str = "str:load-";

/// Is the hub, until standard input ends. Prints where it listens and its key.
pub(crate) fn serve() -> Result {
    let policy = Policy {
        dev: Some(Namespace::new([PREFIX])?),
        max_sessions: 1_000_000,
        ..Policy::default()
    };
    let hub = Server::new(Setup {
        listen: vec!["127.0.0.1:0".parse()?],
        keys: HubKeys::generate(&bowline::cert::default_crypto())?,
        policy,
        checker: Arc::new(NoChecker),
    })?;
    let hub = hub.spawn(Box::new(drop))?;
    let address = hub.local_addrs().first().ok_or("nowhere to listen")?;
    println!("{address} {}", hub.key());
    std::io::stdin().lines().for_each(drop);
    println!("{:?}", hub.handle().standing()?);
    Ok(())
}
