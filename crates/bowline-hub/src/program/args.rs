//! The arguments of `bowline-hub`.

use std::net::SocketAddr;
use std::path::Path;
use std::path::PathBuf;

use clap::CommandFactory as _;
use clap::error::ErrorKind;

use crate::keys::HubKeys;
use crate::keys::Rotated;
use crate::program::error::Error;
use crate::program::say;

/// The hub of Bowline: signs players in, certifies them, and carries signals between them.
///
/// Start with `bowline-hub --dev`, or with the settings in deploy/hub.toml.
#[derive(Debug, clap::Parser)]
#[command(name = "bowline-hub", version)]
pub(super) struct Args {
    /// The file of settings.
    #[arg(long, value_name = "FILE", global = true)]
    pub(super) config: Option<PathBuf>,
    /// Say whether the settings are good, and end.
    #[arg(long, requires = "config", conflicts_with = "dev")]
    pub(super) check: bool,
    /// A hub for development: on this machine, with keys that last as long as it runs, and clients that are who they say.
    #[arg(long, conflicts_with = "config")]
    pub(super) dev: bool,
    /// Where the hub for development listens.
    #[arg(
        long,
        value_name = "IP:PORT",
        requires = "dev",
        // It is not enough that it requires what does not go with that: such a requirement is dropped.
        conflicts_with = "config"
    )]
    pub(super) listen: Option<SocketAddr>,
    /// Let other machines reach a hub for development, or one with [sign_in.dev], where anybody can be anybody.
    #[arg(long)]
    pub(super) insecure_dev: bool,
    #[command(subcommand)]
    pub(super) command: Option<Command>,
}

#[derive(Debug, clap::Subcommand)]
pub(super) enum Command {
    /// Show or replace keys.
    Keys(Keys),
}

#[derive(Debug, clap::Args)]
pub(super) struct Keys {
    #[command(subcommand)]
    step: Step,
}

#[derive(Clone, Copy, Debug, clap::Subcommand)]
enum Step {
    /// Show the public keys: what clients pin, and what peers trust. Makes the keys if there are none.
    Show,
    /// Make the next key. Of that of certificates clients hear after a restart.
    Next {
        /// Which. Others have no next one: docs/hub.md tells how they are replaced.
        key: Replaced,
    },
    /// Make the next key the key, and keep the old one beside it.
    Promote {
        /// Which.
        key: Replaced,
    },
}

#[derive(Clone, Copy, Debug, clap::ValueEnum)]
enum Replaced {
    /// That of certificates.
    Authority,
    /// That of resumptions.
    Resumption,
}

impl Args {
    /// These, if they make sense together.
    ///
    /// # Errors
    /// If there is a command beside what starts or checks a hub, which would be forgotten.
    pub(super) fn checked(self) -> Result<Self, clap::Error> {
        let other = match (self.dev, self.check) {
            (true, _) => "--dev",
            (_, true) => "--check",
            _ => return Ok(self),
        };
        if self.command.is_none() {
            return Ok(self);
        }
        let text = format!("{other} cannot be used with a command");
        Err(Self::command().error(ErrorKind::ArgumentConflict, text))
    }
}

impl Keys {
    /// Does it to the keys in a folder.
    pub(super) fn run(&self, folder: &Path) -> Result<(), Error> {
        let crypto = bowline::cert::default_crypto();
        match self.step {
            Step::Show => {}
            Step::Next { key } => {
                let made = key.rotated().make_next(folder, &crypto)?;
                say(&format!("made {}; {}", made.display(), key.then()))?;
            }
            Step::Promote { key } => {
                key.rotated().promote(folder)?;
                say("the next key is the key now; restart the hub")?;
            }
        }
        let keys = HubKeys::load_or_make(folder, &crypto)?;
        say(keys.summary().trim_end())
    }
}

impl Replaced {
    const fn rotated(self) -> Rotated {
        match self {
            Self::Authority => Rotated::Authority,
            Self::Resumption => Rotated::Resumption,
        }
    }

    /// What comes after the next one was made.
    const fn then(self) -> &'static str {
        match self {
            Self::Authority => {
                "restart the hub, and promote it once clients have had the time to hear of it (docs/hub.md)"
            }
            // Nobody has to hear of it.
            Self::Resumption => "promote it, and restart the hub",
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::*;

    #[test]
    fn the_definition_of_the_command_line_is_sound() {
        Args::command().debug_assert();
    }

    fn parsed(line: &str) -> Result<Args, clap::Error> {
        let words = std::iter::once("bowline-hub").chain(line.split(' '));
        Args::try_parse_from(words).and_then(Args::checked)
    }

    #[test]
    fn regression_nothing_that_was_said_is_forgotten() {
        for line in [
            "--listen 127.0.0.1:1 --config a",
            "--config a --check --listen 127.0.0.1:1",
            "--dev keys show",
            "--dev keys show --config a",
            "--config a --check keys show",
        ] {
            let error = parsed(line).err().map(|error| error.kind());
            assert_eq!(error, Some(ErrorKind::ArgumentConflict), "{line}");
        }
    }

    #[test]
    fn what_makes_no_sense_together_is_refused() {
        for line in [
            "--dev --config a",
            "--check",
            "--listen 127.0.0.1:1",
            "keys",
            "keys next identity",
        ] {
            assert!(parsed(line).is_err(), "{line}");
        }
        for line in [
            "--dev --listen [::1]:1",
            "--config a --check",
            "--config a --insecure-dev",
            "keys show --config a",
        ] {
            assert!(parsed(line).is_ok(), "{line}");
        }
    }
}
