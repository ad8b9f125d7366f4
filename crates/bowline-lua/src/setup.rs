//! Who an interface is and whom it trusts, from a table of the script or from the environment, so that programs
//! that know nothing of it can be told from outside.
//!
//! The environment has texts (`BOWLINE_IDENTITY`, `BOWLINE_APP_ID`) and the paths of files (`BOWLINE_TRUST`, as many
//! as wanted, separated as in `PATH`; `BOWLINE_CERTIFICATE`; `BOWLINE_KEY`), the table the texts themselves. What the
//! table has counts, and the environment for the rest.

pub(crate) mod options;

use std::env;
use std::ffi::OsStr;
use std::fs;
use std::path::Path;

use bowline::BuildError;
use bowline::Config;
use bowline::ConfigKey;
use bowline::Identity;
use bowline::Sockets;
use bowline::SocketsBuilder;
use bowline::cert::CertStore;
use bowline::cert::KeyPair;
use bowline::cert::MAX_CERT_TEXT;
use bowline::cert::SignedCertificate;
use bowline::cert::default_crypto;

use crate::report;

/// What is known of an interface before it is made.
#[derive(Debug, Default)]
pub(crate) struct Setup {
    identity: Option<Said>,
    /// Roots and authorities to trust.
    trust: Vec<Said>,
    certificate: Option<Said>,
    key: Option<Said>,
    app_id: Option<u32>,
    config: Config,
    /// Peers on this machine may be reached by its loopback addresses.
    loopback: bool,
    /// Peers in this process are connected to by signals and packets, too.
    no_shortcuts: bool,
}

/// Why there is no interface, in words.
#[derive(Debug)]
pub(crate) struct SetupError(pub(crate) String);

/// A text, and where it is from, for errors.
#[derive(Debug)]
struct Said {
    place: String,
    text: String,
}

impl Setup {
    /// What the environment says.
    ///
    /// # Errors
    /// If a file cannot be read, or a number is none.
    pub(crate) fn from_environment() -> Result<Self, SetupError> {
        Self::from_variables(|name| env::var_os(name))
    }

    fn from_variables<T: AsRef<OsStr>>(
        variable: impl Fn(&str) -> Option<T>,
    ) -> Result<Self, SetupError> {
        let text = |name: &str| match variable(name) {
            Some(value) => match value.as_ref().to_str() {
                Some(text) => Ok(Some(Said::new(name, text))),
                None => Err(SetupError(format!("{name}: not UTF-8"))),
            },
            None => Ok(None),
        };
        let file = |name: &str| match variable(name) {
            Some(path) => Said::read(name, Path::new(path.as_ref())).map(Some),
            None => Ok(None),
        };
        let mut trust = Vec::new();
        if let Some(paths) = variable("BOWLINE_TRUST") {
            for path in env::split_paths(paths.as_ref()) {
                trust.push(Said::read("BOWLINE_TRUST", &path)?);
            }
        }
        let app_id = match text("BOWLINE_APP_ID")? {
            Some(said) => Some(said.text.parse().map_err(|error| said.wrong(&error))?),
            None => None,
        };
        Ok(Self {
            identity: text("BOWLINE_IDENTITY")?,
            trust,
            certificate: file("BOWLINE_CERTIFICATE")?,
            key: file("BOWLINE_KEY")?,
            app_id,
            config: Config::new(),
            loopback: false,
            no_shortcuts: false,
        })
    }

    /// This, and what `below` says for what is not said here.
    pub(crate) fn over(self, below: Self) -> Self {
        Self {
            identity: self.identity.or(below.identity),
            trust: if self.trust.is_empty() {
                below.trust
            } else {
                self.trust
            },
            certificate: self.certificate.or(below.certificate),
            key: self.key.or(below.key),
            app_id: self.app_id.or(below.app_id),
            config: self.config,
            loopback: self.loopback,
            no_shortcuts: self.no_shortcuts,
        }
    }

    /// Whether somebody is said to vouch for hosts.
    pub(crate) fn has_authority(&self) -> bool {
        !self.trust.is_empty() || self.certificate.is_some()
    }

    /// Whether nothing says who the interface is.
    pub(crate) const fn is_nameless(&self) -> bool {
        self.identity.is_none() && self.certificate.is_none()
    }

    /// An interface that is so; `account` is who it is if nothing says so.
    ///
    /// # Errors
    /// If a text is not what it should be.
    pub(crate) fn builder(self, account: Option<&Identity>) -> Result<SocketsBuilder, SetupError> {
        let crypto = default_crypto();
        let mut builder = Sockets::builder().app_id(self.app_id.unwrap_or(0));
        let identity = match &self.identity {
            Some(said) => Some(said.text.parse().map_err(|error| said.wrong(&error))?),
            // A certificate says who we are.
            None if self.certificate.is_some() => None,
            None => account.cloned(),
        };
        if let Some(identity) = identity {
            builder = builder.identity(identity);
        }
        if let Some(said) = &self.key {
            let key = KeyPair::from_pem(&crypto, &said.text);
            builder = builder.key(key.map_err(|error| said.wrong(&error))?);
        }
        if let Some(said) = &self.certificate {
            let certificate = SignedCertificate::from_text(&said.text);
            builder = builder.certificate(certificate.map_err(|error| said.wrong(&error))?);
        }
        let mut store = CertStore::new();
        for said in &self.trust {
            let added = store.add_from_text(&crypto, &said.text);
            added.map_err(|error| said.wrong(&error))?;
        }
        let mut config = self.config;
        if !self.trust.is_empty() {
            // As in Steam's own builds of GNS, which have an authority, too.
            let defaults = [
                ConfigKey::IpAllowWithoutAuth,
                ConfigKey::IpLocalHostAllowWithoutAuth,
            ];
            for key in defaults {
                if !config.own().any(|own| own == key) {
                    config.set(key, 0).expect("it is within its range");
                }
            }
        }
        if self.loopback {
            builder = builder.loopback_candidates(true);
        }
        builder = builder.shortcuts(!self.no_shortcuts);
        Ok(builder.trust(store).config(config))
    }
}

impl Said {
    fn new(place: &str, text: impl Into<String>) -> Self {
        Self {
            place: place.into(),
            text: text.into(),
        }
    }

    fn read(name: &str, path: &Path) -> Result<Self, SetupError> {
        let place = format!("{name}: {}", path.display());
        let size = fs::metadata(path).map(|it| it.len());
        let text = match size {
            Ok(size) if size > MAX_CERT_TEXT as u64 => Err("too large".to_owned()),
            Ok(_) => fs::read_to_string(path).map_err(|error| error.to_string()),
            Err(error) => Err(error.to_string()),
        };
        let text = text.map_err(|error| SetupError(format!("{place}: {error}")))?;
        Ok(Self { place, text })
    }

    fn wrong(&self, error: &dyn std::error::Error) -> SetupError {
        SetupError(format!("{}: {}", self.place, report::chain(error)))
    }
}

impl From<BuildError> for SetupError {
    fn from(error: BuildError) -> Self {
        Self(report::chain(&error))
    }
}

#[cfg(test)]
mod tests;
