//! What certificates are limited to, as it is given on the command line.

use std::net::IpAddr;
use std::time::SystemTime;
use std::time::UNIX_EPOCH;

use bowline::Identity;
use bowline::PopId;
use bowline::cert::AppId;
use bowline::cert::CertSpec;
use bowline::cert::Link;
use bowline::cert::Restriction;
use bowline::cert::Scope;
use bowline::cert::SignedCertificate;
use bowline::cert::UnixTime;
use clap::Args;

use crate::cmd::cert::CertError;
use crate::view::terminal::printable;

/// Apps and data centers.
#[derive(Args, Debug)]
pub(crate) struct ScopeArgs {
    /// The apps that it is for, by number; all if none is given.
    #[arg(long = "app", value_name = "APPID", value_delimiter = ',', value_parser = app)]
    pub(crate) apps: Vec<AppId>,
    /// The data centers that it is for, by codes such as fra; all if none is given.
    #[arg(long = "pop", value_name = "CODE", value_delimiter = ',')]
    pub(crate) pops: Vec<PopId>,
}

/// Who and where a host is.
#[derive(Args, Debug)]
pub(crate) struct HostArgs {
    /// Who it is, such as str:server-1 or steamid:76561197960287930.
    #[arg(long)]
    pub(crate) identity: Option<Identity>,
    #[command(flatten)]
    pub(crate) scope: ScopeArgs,
    /// The IP addresses that it is for. `verify` looks at them, connections do not.
    #[arg(long = "address", value_name = "IP", value_delimiter = ',')]
    pub(crate) addresses: Vec<IpAddr>,
}

/// Reads the number of an app.
pub(crate) fn app(text: &str) -> Result<AppId, std::num::ParseIntError> {
    text.parse().map(AppId::new)
}

/// By the clock of this machine.
pub(crate) fn now() -> UnixTime {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    UnixTime::new(since.map_or(0, |since| since.as_secs()))
}

/// From now until so many days later; by default at most until `last`.
pub(crate) fn lifetime(
    days: Option<u32>,
    default_days: u32,
    last: Option<u64>,
) -> Result<(u32, u32), CertError> {
    let created = now().secs();
    let asked = created + u64::from(days.unwrap_or(default_days)) * 86_400;
    let expiry = match (days, last) {
        (None, Some(last)) => asked.min(last),
        (Some(_), _) | (None, None) => asked,
    };
    match (u32::try_from(created), u32::try_from(expiry)) {
        (Ok(created), Ok(expiry)) => Ok((created, expiry)),
        (Err(_), _) | (_, Err(_)) => Err(CertError::Refused(format!(
            "certificates can hold until {} at most",
            UnixTime::new(u32::MAX.into())
        ))),
    }
}

/// One line about an authority of a chain.
pub(crate) fn link(link: &Link) -> String {
    let by = match link.signer {
        Some(signer) => format!("signed by key {signer}"),
        None => "trusted root".to_owned(),
    };
    format!("key {}: {}; {by}", link.key, scope(&link.scope))
}

/// What a certificate is limited to, in one line.
pub(crate) fn cert_scope(signed: &SignedCertificate) -> Scope {
    let cert = signed.certificate();
    Scope::new(
        Restriction::from_list(cert.app_ids().iter().copied()),
        Restriction::from_list(cert.pops().iter().copied()),
        cert.expiry_unix_secs().unwrap_or_default().into(),
    )
}

/// What is about to be signed, in one line.
pub(crate) fn spec(spec: &CertSpec) -> String {
    let whom = match &spec.identity {
        Some(identity) => printable(&identity.to_string()),
        None => "nobody in particular".to_owned(),
    };
    let limits = Scope::new(
        Restriction::from_list(spec.app_ids.iter().copied()),
        Restriction::from_list(spec.pops.iter().copied()),
        spec.expiry_unix_secs.into(),
    );
    format!("{whom}; {}", scope(&limits))
}

fn scope(scope: &Scope) -> String {
    let until = match scope.expiry_unix_secs() {
        Some(secs) => format!("until {}", UnixTime::new(secs)),
        None => "without an end".to_owned(),
    };
    let (apps, pops) = (scope.apps(), scope.pops());
    format!("apps {apps}; data centers {pops}; {until}")
}
