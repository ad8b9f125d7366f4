//! Verifying certificates.

use std::net::IpAddr;
use std::path::PathBuf;

use bowline::Identity;
use bowline::PopId;
use bowline::cert::AppId;
use bowline::cert::CertStore;
use bowline::cert::Demands;
use bowline::cert::UnixTime;
use bowline::cert::default_crypto;
use bowline::cert::verify;
use clap::Args;

use crate::cmd::cert::CertError;
use crate::cmd::cert::files;
use crate::cmd::cert::limits;
use crate::view::terminal::printable;

/// The arguments of `verify`.
#[derive(Args, Debug)]
pub(crate) struct Verify {
    /// The certificate.
    certificate: PathBuf,
    /// Whom to trust: public keys, and certificates of authorities that signed themselves.
    #[arg(long = "root", required = true, value_name = "FILE")]
    roots: Vec<PathBuf>,
    /// Certificates of authorities in between.
    #[arg(long = "authority", value_name = "FILE")]
    authorities: Vec<PathBuf>,
    /// IDs of keys that are no longer good, one to the line.
    #[arg(long = "revoked", value_name = "FILE")]
    revoked: Vec<PathBuf>,
    /// Who its holder should be.
    #[arg(long)]
    identity: Option<Identity>,
    /// The app that it should be for.
    #[arg(long, value_name = "APPID", value_parser = limits::app)]
    app: Option<AppId>,
    /// The data center that it should be for.
    #[arg(long, value_name = "CODE")]
    pop: Option<PopId>,
    /// The address that it should be for.
    #[arg(long, value_name = "IP")]
    address: Option<IpAddr>,
    /// When it should be good, if not now: YYYY-MM-DD, "YYYY-MM-DD HH:MM:SS" in UTC, or seconds since 1970.
    #[arg(long, value_name = "TIME")]
    at: Option<UnixTime>,
}

/// Says whether the certificate is good; if not, that is an error.
pub(crate) fn run(args: &Verify) -> Result<String, CertError> {
    let crypto = default_crypto();
    let store = store(args)?;
    let signed = files::read_certificate(&args.certificate)?;
    let now = args.at.unwrap_or_else(limits::now);
    let demands = Demands {
        now,
        app: args.app,
        pop: args.pop,
        identity: args.identity.clone(),
        address: args.address,
    };
    let chain = verify(&store, &crypto, &signed, &demands).map_err(CertError::NotGood)?;
    let cert = signed.certificate();
    let whose = match cert.identity() {
        Some(identity) => format!("is that of {}", printable(&identity.to_string())),
        None => "names nobody".to_owned(),
    };
    let until = UnixTime::new(cert.expiry_unix_secs().unwrap_or_default().into());
    let mut text = format!("good until {until}: key {} {whose}\n", signed.id());
    let created = UnixTime::new(cert.created_unix_secs().unwrap_or_default().into());
    if created > now {
        text.push_str(&format!(
            "  it was made later, {created}; peers do not mind\n"
        ));
    }
    for link in &chain {
        text.push_str(&format!("  {}\n", limits::link(link)));
    }
    Ok(text)
}

fn store(args: &Verify) -> Result<CertStore, CertError> {
    let crypto = default_crypto();
    let mut store = CertStore::new();
    for path in &args.roots {
        let text = files::read_text(path)?;
        let added = store.add_roots_from_text(&crypto, &text);
        added.map_err(files::content(path))?;
    }
    for path in &args.authorities {
        let text = files::read_text(path)?;
        let added = store.add_authorities_from_text(&crypto, &text);
        added.map_err(files::content(path))?;
    }
    for path in &args.revoked {
        let text = files::read_text(path)?;
        let revoked = store.revoke_from_text(&crypto, &text);
        revoked.map_err(files::content(path))?;
    }
    Ok(store)
}
