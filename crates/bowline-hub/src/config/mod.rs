//! The file that an operator sets a hub up by, `hub.toml`.
//!
//! `deploy/hub.toml` shows every key with a comment. What the file says is read into types at once, each section in a file
//! of its own here: an error names the file, the line and the key, and says what is expected. A key that is not known is
//! an error too, so that nothing that is misspelt goes unnoticed.
//!
//! Secrets do not stand in it but in files of their own, which it names. Paths are relative to the file.

mod error;
mod hook;
mod http;
mod jwt;
mod log;
mod network;
mod parse;
mod sign_in;
mod warnings;

use std::net::SocketAddr;
use std::path::Path;
use std::path::PathBuf;

use bowline_core::ids::AppId;
use bowline_core::limits::MAX_SIGNAL;
use serde::Deserialize;

use crate::hub::Policy;
use crate::namespace::Namespace;

pub use self::error::ConfigFileError;
pub use self::hook::Hook;
pub use self::http::Http;
pub use self::jwt::Jwks;
pub use self::jwt::Jwt;
pub use self::log::Log;
pub use self::log::LogFormat;
pub use self::log::LogLevel;
pub use self::network::Network;
pub use self::network::Stun;
pub use self::sign_in::Anonymous;
pub use self::sign_in::Dev;
pub use self::sign_in::GameServer;
pub use self::sign_in::SharedKeyFile;
pub use self::sign_in::SignIn;

/// All that the file says.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Where clients connect to.
    #[serde(deserialize_with = "parse::addresses")]
    pub listen: Vec<SocketAddr>,
    /// Where keys are, and what the hub must not forget.
    #[serde(deserialize_with = "parse::path")]
    pub data: PathBuf,
    /// The games that are served; all if there are none.
    #[serde(default, deserialize_with = "parse::apps")]
    pub apps: Vec<AppId>,
    /// The most sessions at a time.
    #[serde(default = "default_max_sessions", deserialize_with = "parse::sessions")]
    pub max_sessions: usize,
    /// Certificates.
    #[serde(default)]
    pub certificates: Certificates,
    /// Signals between peers.
    #[serde(default)]
    pub signals: Signals,
    /// The ways to sign in.
    #[serde(default)]
    pub sign_in: SignIn,
    /// The HTTP side, if there is to be one.
    pub http: Option<Http>,
    /// What the hub tells.
    #[serde(default)]
    pub log: Log,
    /// The STUN server beside the hub, if there is to be one.
    pub stun: Option<Stun>,
    /// What clients are told about the network.
    #[serde(default)]
    pub network: Network,
}

/// Certificates.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Certificates {
    /// How long they hold, in seconds.
    #[serde(deserialize_with = "parse::lifetime")]
    pub lifetime_secs: u32,
}

/// Signals between peers.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Signals {
    /// The largest, in bytes.
    #[serde(deserialize_with = "parse::signal_bytes")]
    pub max_bytes: usize,
}

impl Config {
    /// Reads the file, and the files of secrets that it names.
    ///
    /// # Errors
    /// If one of them cannot be read, or does not say what it should.
    pub fn load(file: &Path) -> Result<Self, ConfigFileError> {
        let text = std::fs::read_to_string(file).map_err(|source| ConfigFileError::Unreadable {
            file: file.to_owned(),
            source,
        })?;
        Self::parse(&text, file)
    }

    /// Reads the text of the file.
    ///
    /// # Errors
    /// As [`load`](Self::load).
    pub fn parse(text: &str, file: &Path) -> Result<Self, ConfigFileError> {
        let parsed = toml::from_str::<Self>(text);
        let mut config = parsed.map_err(|error| ConfigFileError::from_toml(file, text, &error))?;
        config.resolve(file.parent().unwrap_or_else(|| Path::new("")));
        config.check_apps(file)?;
        let policy = config.policy_without_secrets();
        policy
            .check()
            .map_err(|source| ConfigFileError::Contradiction {
                file: file.to_owned(),
                source,
            })?;
        Ok(config)
    }

    /// Whom the hub lets in. Reads the files of shared keys.
    ///
    /// # Errors
    /// If one of them cannot be read, or others can read it.
    pub fn policy(&self) -> Result<Policy, ConfigFileError> {
        let mut policy = self.policy_without_secrets();
        for (shared, file) in policy.shared_keys.iter_mut().zip(&self.sign_in.shared_key) {
            shared.key = file.read()?;
        }
        Ok(policy)
    }

    /// Whether the hub would believe clients of other machines: where one of the addresses can be reached from there, and
    /// `[sign_in.dev]` is on. `allow` and `sign_in.dev.insecure` say that it may.
    ///
    /// # Errors
    /// The first such address, if that is not allowed.
    pub fn check_dev(&self, file: &Path, allow: bool) -> Result<(), ConfigFileError> {
        let is_allowed = |dev: &Dev| allow || dev.insecure;
        if self.sign_in.dev.as_ref().is_none_or(is_allowed) {
            return Ok(());
        }
        match self.public_address() {
            Some(listen) => Err(ConfigFileError::PublicDev {
                file: file.to_owned(),
                listen,
            }),
            None => Ok(()),
        }
    }

    /// The first address that other machines can reach.
    pub fn public_address(&self) -> Option<SocketAddr> {
        let mut addresses = self.listen.iter().copied();
        addresses.find(|address| !warnings::is_loopback(*address))
    }

    /// Whether all ways to sign in are for games that are served, and shared keys have names of their own.
    fn check_apps(&self, file: &Path) -> Result<(), ConfigFileError> {
        let SignIn {
            shared_key,
            game_server,
            ..
        } = &self.sign_in;
        let keys = shared_key
            .iter()
            .map(|key| ("sign_in.shared_key", key.name.clone(), &key.apps));
        let servers = game_server
            .iter()
            .map(|one| ("sign_in.game_server", one.identity.to_string(), &one.apps));
        for (way, name, apps) in keys.chain(servers) {
            let is_served = |app: &AppId| self.apps.is_empty() || self.apps.contains(app);
            if let Some(app) = apps.iter().find(|app| !is_served(app)) {
                return Err(ConfigFileError::NotServed {
                    file: file.to_owned(),
                    way: format!("{way} {name:?}"),
                    app: *app,
                });
            }
        }
        for (index, key) in shared_key.iter().enumerate() {
            let mut others = shared_key.iter().skip(index + 1);
            if others.any(|other| key.is_in_the_way_of(other)) {
                return Err(ConfigFileError::TwiceTheName {
                    file: file.to_owned(),
                    name: key.name.clone(),
                });
            }
        }
        Ok(())
    }

    fn policy_without_secrets(&self) -> Policy {
        let sign_in = &self.sign_in;
        let space = |space: &Namespace| space.clone();
        Policy {
            apps: self.apps.clone(),
            dev: sign_in.dev.as_ref().map(|dev| space(&dev.identities)),
            shared_keys: sign_in.shared_key.iter().map(|key| key.policy()).collect(),
            jwt: sign_in.jwt.as_ref().map(|jwt| space(&jwt.identities)),
            hook: sign_in.hook.as_ref().map(|hook| space(&hook.identities)),
            game_servers: sign_in.game_server.iter().map(|one| one.policy()).collect(),
            anonymous: sign_in.anonymous.enabled,
            blocked: sign_in.blocked.clone(),
            certificate_lifetime_secs: self.certificates.lifetime_secs,
            max_signal: self.signals.max_bytes,
            max_sessions: self.max_sessions,
        }
    }

    /// Has paths begin at the folder of the file.
    fn resolve(&mut self, folder: &Path) {
        let shared = self.sign_in.shared_key.iter_mut();
        let mut paths: Vec<&mut PathBuf> = shared.map(|key| &mut key.key_file).collect();
        paths.push(&mut self.data);
        paths.extend(self.http.iter_mut().map(|http| &mut http.admin_token_file));
        if let Some(jwt) = &mut self.sign_in.jwt {
            if let Jwks::File(file) = &mut jwt.jwks {
                paths.push(file);
            }
            paths.extend(&mut jwt.ca_file);
        }
        if let Some(hook) = &mut self.sign_in.hook {
            paths.push(&mut hook.secret_file);
            paths.extend(&mut hook.ca_file);
        }
        for path in paths {
            *path = folder.join(&path);
        }
    }
}

impl Default for Certificates {
    fn default() -> Self {
        let lifetime_secs = Policy::default().certificate_lifetime_secs;
        Self { lifetime_secs }
    }
}

impl Default for Signals {
    fn default() -> Self {
        let max_bytes = MAX_SIGNAL;
        Self { max_bytes }
    }
}

fn default_max_sessions() -> usize {
    Policy::default().max_sessions
}

#[cfg(test)]
mod tests;
