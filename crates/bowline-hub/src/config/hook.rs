//! The operator's own service, asked about credentials.

use std::path::PathBuf;
use std::time::Duration;

use serde::Deserialize;
use serde::Deserializer;

use crate::config::parse;
use crate::limits::CHECK_TIMEOUT;
use crate::namespace::Namespace;

/// `[sign_in.hook]`: the operator's own service says whether a credential is good.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Hook {
    /// Where it is asked, by POST.
    pub url: String,
    /// Where the secret is that it knows the hub by.
    pub secret_file: PathBuf,
    /// Certificates that are trusted, as PEM, instead of those that the system trusts.
    #[serde(default)]
    pub ca_file: Option<PathBuf>,
    /// Whether it may be asked by `http` on another machine, where whoever is between can be anybody.
    #[serde(default)]
    pub insecure_http: bool,
    /// It answers within this time.
    #[serde(
        rename = "timeout_ms",
        default = "default_timeout",
        deserialize_with = "timeout"
    )]
    pub timeout: Duration,
    /// Prefixes of the identities that it may give.
    #[serde(deserialize_with = "parse::namespace")]
    pub identities: Namespace,
}

const fn default_timeout() -> Duration {
    Duration::from_secs(5)
}

fn timeout<'de, D: Deserializer<'de>>(from: D) -> Result<Duration, D::Error> {
    let most = CHECK_TIMEOUT.as_millis();
    parse::within(from, 100, most, "milliseconds").map(Duration::from_millis)
}
