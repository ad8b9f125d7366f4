//! `bowline cert`: keys, authorities and certificates as files.

pub(crate) mod files;
mod limits;
mod make;
mod show;
mod sign;
mod verify;

use std::io;
use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Subcommand;

use crate::error::Error;
use crate::view::terminal::printable;

/// What `bowline cert` does.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Make a key pair: NAME.key, which only you may read, and NAME.pub.
    Keygen(make::Keygen),
    /// Make an authority that vouches for itself: NAME.key, NAME.pub and NAME.cert.
    Ca(make::Ca),
    /// Make an authority below another: NAME.key, NAME.pub and NAME.cert.
    Intermediate(make::Intermediate),
    /// Ask for a certificate: NAME.req, and NAME.key and NAME.pub unless there is a key already.
    Request(make::Request),
    /// Sign what a request asks for, or less.
    Sign(sign::Sign),
    /// Show what is in a file: key, certificate or request. Private keys are never shown.
    Show(show::Show),
    /// Say whether a certificate is good: for whom, for which app, where and when.
    Verify(verify::Verify),
}

/// Why a file was not made or is not good.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CertError {
    #[error("cannot read {}", path.display())]
    Read {
        path: PathBuf,
        #[source]
        source: io::Error,
    },
    #[error("cannot write {}", path.display())]
    Write {
        path: PathBuf,
        #[source]
        source: io::Error,
    },
    #[error("{} exists already: nothing was written, since it may be needed", path.display())]
    Exists { path: PathBuf },
    #[error("{}", path.display())]
    Content {
        path: PathBuf,
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    #[error("the system has no randomness to give")]
    Entropy(#[source] io::Error),
    #[error("the certificate is not good: {}", printable(&.0.to_string()))]
    NotGood(bowline::cert::VerifyError),
    #[error("{}", printable(.0))]
    Refused(String),
}

/// Runs the command.
pub(crate) fn run(command: &Command) -> Result<ExitCode, Error> {
    let text = match command {
        Command::Keygen(args) => make::keygen(args),
        Command::Ca(args) => make::ca(args),
        Command::Intermediate(args) => make::intermediate(args),
        Command::Request(args) => make::request(args),
        Command::Sign(args) => sign::run(args),
        Command::Show(args) => show::run(args),
        Command::Verify(args) => verify::run(args),
    }?;
    io::stdout()
        .write_all(text.as_bytes())
        .map_err(Error::Output)?;
    Ok(ExitCode::SUCCESS)
}
