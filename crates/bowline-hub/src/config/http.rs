//! The HTTP side.

use std::net::SocketAddr;
use std::path::PathBuf;

use serde::Deserialize;

use crate::config::parse;

/// `[http]`: metrics, the network's configuration and the operator's page.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Http {
    /// Where it listens: on loopback, unless there is a proxy before it.
    #[serde(deserialize_with = "parse::address")]
    pub listen: SocketAddr,
    /// Where the secret is that the operator shows.
    #[serde(deserialize_with = "parse::path")]
    pub admin_token_file: PathBuf,
}
