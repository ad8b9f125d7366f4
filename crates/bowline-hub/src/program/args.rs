//! The arguments of `bowline-hub`.

use std::net::SocketAddr;
use std::path::Path;
use std::path::PathBuf;

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
    #[arg(long, value_name = "IP:PORT", requires = "dev")]
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
    /// Make the next key, which clients hear of after a restart.
    Next {
        /// Which.
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

impl Keys {
    /// Does it to the keys in a folder.
    pub(super) fn run(&self, folder: &Path) -> Result<(), Error> {
        let crypto = bowline::cert::default_crypto();
        match self.step {
            Step::Show => {}
            Step::Next { key } => {
                let made = key.rotated().make_next(folder, &crypto)?;
                say(&format!("made {}; restart the hub", made.display()))?;
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
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;
    use clap::Parser as _;

    use super::*;

    #[test]
    fn the_definition_of_the_command_line_is_sound() {
        Args::command().debug_assert();
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
            let words = std::iter::once("bowline-hub").chain(line.split(' '));
            assert!(Args::try_parse_from(words).is_err(), "{line}");
        }
        for line in [
            "--dev --listen [::1]:1",
            "--config a --check",
            "--config a --insecure-dev",
            "keys show --config a",
        ] {
            let words = std::iter::once("bowline-hub").chain(line.split(' '));
            assert!(Args::try_parse_from(words).is_ok(), "{line}");
        }
    }
}
