//! The ways to sign in that need nobody else.

use std::path::PathBuf;

use bowline::cert::PublicKey;
use bowline_core::identity::Identity;
use bowline_core::ids::AppId;
use bowline_core::pop::PopId;
use serde::Deserialize;
use zeroize::Zeroizing;

use crate::config::ConfigFileError;
use crate::config::Hook;
use crate::config::Jwt;
use crate::config::parse;
use crate::hub::GameServerKey;
use crate::hub::SharedKey;
use crate::namespace::Namespace;
use crate::secret_file;

/// A shared key has at least so many bytes: less could be guessed.
const MIN_SHARED_KEY: usize = 16;

/// `[sign_in]`: the ways to sign in. None is allowed that is not named.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SignIn {
    /// Identities that are not let in.
    #[serde(deserialize_with = "parse::identities")]
    pub blocked: Vec<Identity>,
    /// By their word. For development.
    pub dev: Option<Dev>,
    /// Those without a name.
    pub anonymous: Anonymous,
    /// By a key that all clients of a game share.
    pub shared_key: Vec<SharedKeyFile>,
    /// Game servers by their keys.
    pub game_server: Vec<GameServer>,
    /// By a token of an identity provider.
    pub jwt: Option<Jwt>,
    /// By asking the operator's own service.
    pub hook: Option<Hook>,
}

/// `[sign_in.dev]`: clients are who they say. For development.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Dev {
    /// Prefixes of the identities that they may give themselves.
    #[serde(deserialize_with = "parse::namespace")]
    pub identities: Namespace,
    /// Whether that may be so where other machines reach the hub.
    #[serde(default)]
    pub insecure: bool,
}

/// `[sign_in.anonymous]`: clients without a name get one by chance.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Anonymous {
    /// Whether they do.
    pub enabled: bool,
}

/// `[[sign_in.shared_key]]`: a key that all clients of a game share.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SharedKeyFile {
    /// What clients call it.
    #[serde(deserialize_with = "parse::text")]
    pub name: String,
    /// The games that it is for; all if there are none.
    #[serde(default, deserialize_with = "parse::apps")]
    pub apps: Vec<AppId>,
    /// Where it is. White space at the end does not count.
    #[serde(deserialize_with = "parse::path")]
    pub key_file: PathBuf,
    /// Prefixes of the identities that clients may give themselves.
    #[serde(deserialize_with = "parse::namespace")]
    pub identities: Namespace,
}

/// `[[sign_in.game_server]]`: a game server that the operator knows.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GameServer {
    /// Who it is.
    #[serde(deserialize_with = "parse::identity")]
    pub identity: Identity,
    /// Its public key.
    #[serde(deserialize_with = "parse::public_key")]
    pub key: PublicKey,
    /// The games that it serves; all if there are none.
    #[serde(default, deserialize_with = "parse::apps")]
    pub apps: Vec<AppId>,
    /// The data centers that its certificate may name.
    #[serde(default, deserialize_with = "parse::pops")]
    pub pops: Vec<PopId>,
}

impl SharedKeyFile {
    /// The key.
    ///
    /// # Errors
    /// If the file cannot be read, others can read it, or it is too short.
    pub fn read(&self) -> Result<Zeroizing<Vec<u8>>, ConfigFileError> {
        let text = secret_file::read(&self.key_file)
            .map_err(|error| ConfigFileError::of_secret(&self.key_file, error))?;
        let key = text.trim_ascii_end();
        if key.len() < MIN_SHARED_KEY {
            return Err(ConfigFileError::TooShort {
                file: self.key_file.clone(),
                len: key.len(),
                least: MIN_SHARED_KEY,
            });
        }
        Ok(Zeroizing::new(key.to_vec()))
    }

    /// Whether it could not be told which of the two is meant.
    pub(super) fn is_in_the_way_of(&self, other: &Self) -> bool {
        let shares_a_game = self.apps.is_empty()
            || other.apps.is_empty()
            || self.apps.iter().any(|app| other.apps.contains(app));
        shares_a_game && self.name == other.name
    }

    /// All but the key.
    pub(super) fn policy(&self) -> SharedKey {
        SharedKey {
            name: self.name.clone(),
            apps: self.apps.clone(),
            key: Zeroizing::default(),
            identities: self.identities.clone(),
        }
    }
}

impl GameServer {
    pub(super) fn policy(&self) -> GameServerKey {
        GameServerKey {
            key: self.key,
            identity: self.identity.clone(),
            apps: self.apps.clone(),
            pops: self.pops.clone(),
        }
    }
}
