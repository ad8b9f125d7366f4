//! What keeps the hub from starting.

use std::error::Error as _;
use std::io;
use std::path::PathBuf;
use std::process::ExitCode;

use bowline::cert::KeyId;

use crate::auth::AuthConfigError;
use crate::config::ConfigFileError;
use crate::dev::DevError;
use crate::http::HttpError;
use crate::keys::KeysError;
use crate::operator::OperatorError;
use crate::server::StartError;

/// What keeps the hub from starting.
#[derive(Debug, thiserror::Error)]
pub(super) enum Error {
    #[error("say --config FILE, or --dev for a hub to try things out with")]
    NoConfig,
    #[error(transparent)]
    Config(#[from] ConfigFileError),
    #[error(transparent)]
    Auth(#[from] AuthConfigError),
    #[error(transparent)]
    Http(#[from] HttpError),
    #[error(transparent)]
    Keys(#[from] KeysError),
    #[error(
        "[network] revoked names {id}, the key in {}: nobody is to trust this hub; docs/hub.md tells how to replace it",
        path.display()
    )]
    OwnKeyRevoked { id: KeyId, path: PathBuf },
    #[error("cannot use the store")]
    Store(#[from] crate::store::StoreError),
    #[error("cannot take up what the operator has decided")]
    Operator(#[from] OperatorError),
    #[error(transparent)]
    Stun(#[from] crate::stun::StunError),
    #[error(transparent)]
    Start(#[from] StartError),
    #[error(transparent)]
    Dev(#[from] DevError),
    #[error("cannot start a thread")]
    Threads(#[source] io::Error),
    #[error("{0} has ended by itself; the lines above may say why")]
    Ended(&'static str),
    #[error("cannot wait for signals")]
    Signals(#[source] io::Error),
    #[error("cannot write to standard output")]
    Output(#[source] io::Error),
}

impl Error {
    /// In one line, with what caused it.
    pub(super) fn with_causes(&self) -> String {
        let mut text = self.to_string();
        let mut cause = self.source();
        while let Some(error) = cause {
            let more = error.to_string();
            // Some say what caused them by themselves.
            if !text.contains(&more) {
                text = format!("{text}: {more}");
            }
            cause = error.source();
        }
        text.replace('\n', " ")
    }

    /// What the process ends with.
    pub(super) fn exit_code(&self) -> ExitCode {
        match self {
            Self::NoConfig
            | Self::Auth(_)
            | Self::Config(_)
            | Self::OwnKeyRevoked { .. }
            | Self::Operator(
                OperatorError::OwnKeyRevoked(..) | OperatorError::TooManyToStart { .. },
            )
            | Self::Dev(DevError::Public(_)) => ExitCode::from(2),
            _ => ExitCode::FAILURE,
        }
    }
}
