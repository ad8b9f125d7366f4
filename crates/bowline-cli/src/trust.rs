//! Who the command is, and whom it trusts, from the command line and from files.

use std::net::SocketAddr;
use std::path::PathBuf;

use bowline::Config;
use bowline::Connection;
use bowline::Expect;
use bowline::Identity;
use bowline::Sockets;
use bowline::SocketsBuilder;
use bowline::cert::CertStore;
use bowline::cert::PublicKey;
use bowline::cert::default_crypto;

use crate::cmd::cert::files;
use crate::error::Error;

/// The arguments of a server or client that shows certificates and looks at those of its peers.
#[derive(Clone, Debug, Default, clap::Args)]
pub(crate) struct Trust {
    /// Who this side says it is, such as str:server-1; with --cert whom that names, unless given.
    #[arg(long)]
    identity: Option<Identity>,
    /// The number of the app. Certificates are for some apps, and no good for others.
    #[arg(long, value_name = "APPID", default_value_t = 0)]
    app: u32,
    /// The private key that the certificate is about.
    #[arg(long, value_name = "FILE")]
    key: Option<PathBuf>,
    /// The certificate to show to peers.
    #[arg(long, value_name = "FILE")]
    cert: Option<PathBuf>,
    /// Whom to trust: roots, by public keys and self-signed certificates, and certificates of authorities
    /// below them. May be given again and again.
    #[arg(long, value_name = "FILE")]
    trust: Vec<PathBuf>,
    /// IDs of keys that are no longer good, one to the line.
    #[arg(long, value_name = "FILE")]
    revoked: Option<PathBuf>,
}

/// The peer that a client means to reach.
#[derive(Clone, Debug, Default, clap::Args)]
pub(crate) struct Expected {
    /// Talk to this server only: an identity that its certificate must prove, such as str:server-1, or
    /// the line `ssh-ed25519 AAAA...` of its key.
    #[arg(long = "expect", value_name = "IDENTITY|KEY", value_parser = parse_expect)]
    expect: Option<Expect>,
}

impl Trust {
    /// An interface that is who this says and trusts whom this says.
    pub(crate) fn builder(&self, config: Config) -> Result<SocketsBuilder, Error> {
        let mut builder = Sockets::builder()
            .config(config)
            .app_id(self.app)
            .trust(self.store()?);
        if let Some(identity) = &self.identity {
            builder = builder.identity(identity.clone());
        }
        if let Some(path) = &self.key {
            builder = builder.key(files::read_key_pair(path)?);
        }
        if let Some(path) = &self.cert {
            let signed = files::read_certificate(path)?;
            builder = builder.certificate(signed);
        }
        Ok(builder)
    }

    fn store(&self) -> Result<CertStore, Error> {
        let crypto = default_crypto();
        let mut store = CertStore::new();
        for path in &self.trust {
            let text = files::read_text(path)?;
            let added = store.add_from_text(&crypto, &text);
            added.map_err(files::content(path))?;
        }
        if let Some(path) = &self.revoked {
            let text = files::read_text(path)?;
            let revoked = store.revoke_from_text(&crypto, &text);
            revoked.map_err(files::content(path))?;
        }
        Ok(store)
    }
}

impl Expected {
    /// Dials, and accepts no other server than the one expected.
    pub(crate) fn connect(&self, sockets: &Sockets, addr: SocketAddr) -> Result<Connection, Error> {
        Ok(match &self.expect {
            Some(expect) => sockets.connect_expecting(addr, expect.clone(), Config::new())?,
            None => sockets.connect(addr)?,
        })
    }
}

fn parse_expect(text: &str) -> Result<Expect, String> {
    if text.trim_start().starts_with("ssh-") {
        let key = text.parse::<PublicKey>();
        return key.map(Expect::Key).map_err(|error| error.to_string());
    }
    let identity = text.parse().map(Expect::Identity);
    identity.map_err(|error: bowline::IdentityError| {
        format!("expected an identity such as str:server-1 or a line ssh-ed25519 AAAA...: {error}")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_is_expected_by_identity_or_key() {
        let key = bowline::cert::generate_key_pair().unwrap().public();
        let line = key.to_line("ID7");
        assert_eq!(parse_expect(&line), Ok(Expect::Key(key)));
        let anna = Identity::str("anna").unwrap();
        assert_eq!(parse_expect("str:anna"), Ok(Expect::Identity(anna)));
        for bad in ["", "anna", "ssh-rsa AAAA", "ssh-ed25519 AAAA"] {
            assert!(parse_expect(bad).is_err(), "{bad}");
        }
    }
}
