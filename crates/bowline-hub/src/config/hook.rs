//! The operator's own service, asked about credentials.

use std::path::PathBuf;
use std::time::Duration;

use serde::Deserialize;
use serde::Deserializer;

use crate::config::parse;
use crate::limits::CHECK_TIMEOUT;
use crate::limits::QUESTION_PATIENCE;
use crate::namespace::Namespace;

/// `[sign_in.hook]`: the operator's own service says whether a credential is good.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Hook {
    /// Where it is asked, by POST.
    pub url: String,
    /// Where the secret is that it knows the hub by.
    #[serde(deserialize_with = "parse::path")]
    pub secret_file: PathBuf,
    /// Certificates that are trusted, as PEM, instead of those that the system trusts.
    #[serde(default)]
    pub ca_file: Option<PathBuf>,
    /// Whether it may be asked by `http` on another machine, where whoever is between can be anybody.
    #[serde(default)]
    pub insecure_http: bool,
    /// It answers within this time: 5 seconds at most.
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
    // Who is asked last still has to be answered before the client is told to come again.
    let most = Duration::from(CHECK_TIMEOUT).saturating_sub(QUESTION_PATIENCE);
    let most = u64::try_from(most.as_millis()).unwrap_or(u64::MAX);
    parse::within(from, 100, most, "milliseconds").map(Duration::from_millis)
}
