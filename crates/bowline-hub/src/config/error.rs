//! What is wrong with the file.

use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::path::PathBuf;

use bowline_core::ids::AppId;

use crate::namespace::NamespaceError;
use crate::secret_file::SecretFileError;
use crate::words::plain;

/// Why a file of settings, or one that it names, is of no use.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigFileError {
    /// It cannot be read.
    #[error("cannot read {}: {source}", file.display())]
    Unreadable {
        /// Which.
        file: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Something in it is not as it should be.
    #[error("{}:{line}: {key}{text}", file.display())]
    Line {
        /// Which.
        file: PathBuf,
        /// The line, from 1.
        line: usize,
        /// The key that stands there and a colon, or nothing.
        key: String,
        /// What is wrong, and what is expected.
        text: String,
    },
    /// Two parts of it do not go together.
    #[error("{}: {source}", file.display())]
    Contradiction {
        /// Which.
        file: PathBuf,
        /// Why.
        source: NamespaceError,
    },
    /// A way to sign in is for a game that is not served.
    #[error("{}: {way} is for app {app}, which is not among the apps that the hub serves", file.display())]
    NotServed {
        /// Which.
        file: PathBuf,
        /// Which way.
        way: String,
        /// Which game.
        app: AppId,
    },
    /// Two shared keys of a game could not be told apart.
    #[error("{}: there are two of sign_in.shared_key with the name {name:?} for the same app", file.display())]
    TwiceTheName {
        /// Which.
        file: PathBuf,
        /// The name.
        name: String,
    },
    /// Other machines could reach a hub that believes everybody.
    #[error(
        "{}: sign_in.dev lets anybody be anybody, and {listen} can be reached from other machines: listen on 127.0.0.1, \
         or say insecure = true in it or --insecure-dev",
        file.display()
    )]
    PublicDev {
        /// Which.
        file: PathBuf,
        /// Where.
        listen: SocketAddr,
    },
    /// What should be secret is not.
    #[error("{}: others may read or write this file; let only its owner (chmod 600)", file.display())]
    NotSecret {
        /// Which.
        file: PathBuf,
    },
    /// A token that no header of HTTP can carry.
    #[error(
        "{}: the admin token must be of printable ASCII characters, and not begin with a space, such as `openssl rand -base64 24` makes",
        file.display()
    )]
    Unprintable {
        /// Which.
        file: PathBuf,
    },
    /// A secret that is too short, or empty.
    #[error("{}: a secret of {len} bytes is too short; at least {least} are needed", file.display())]
    TooShort {
        /// Which.
        file: PathBuf,
        /// How long it is, in bytes.
        len: usize,
        /// The least, in bytes.
        least: usize,
    },
}

impl ConfigFileError {
    pub(crate) fn of_secret(file: &Path, error: SecretFileError) -> Self {
        let file = file.to_owned();
        match error {
            SecretFileError::Io(source) => Self::Unreadable { file, source },
            SecretFileError::NotSecret => Self::NotSecret { file },
        }
    }

    /// By what the parser says, in one line.
    pub(super) fn from_toml(file: &Path, text: &str, error: &toml::de::Error) -> Self {
        let at = error.span().map_or(0, |span| span.start).min(text.len());
        let before = text.get(..at).unwrap_or_default();
        let line = before.matches('\n').count() + 1;
        let content = text.lines().nth(line - 1).unwrap_or_default();
        let message = plain(&error.message().replace('\n', ", "));
        let key = match content.split_once('=') {
            // It is the whole file that lacks something, not what its first line says.
            _ if at == 0 && message.starts_with("missing field") => String::new(),
            Some((key, _)) => format!("{}: ", key.trim()),
            None if content.trim_start().starts_with('[') => format!("{}: ", content.trim()),
            None => String::new(),
        };
        Self::Line {
            file: file.to_owned(),
            line,
            key,
            text: message,
        }
    }
}
