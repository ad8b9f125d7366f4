//! Settings from the command line and from files.

use std::fs;
use std::path::Path;
use std::path::PathBuf;

use bowline::Config;
use bowline::ConfigScope;

use crate::error::Error;

/// The arguments of every command that has connections.
#[derive(Clone, Debug, Default, clap::Args)]
pub(crate) struct Settings {
    /// Change a setting; `bowline config` lists them all. May be given again and again.
    #[arg(long = "set", value_name = "NAME=VALUE")]
    set: Vec<String>,
    /// Read settings from a file with lines of the form NAME = VALUE; # begins a comment.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
}

impl Settings {
    /// The settings of an interface: those of the file, then those of the command line.
    pub(crate) fn config(&self) -> Result<Config, Error> {
        let mut config = Config::at(ConfigScope::Interface);
        if let Some(path) = &self.config {
            read_file(&mut config, path)?;
        }
        for assignment in &self.set {
            config.set_from_text(assignment)?;
        }
        Ok(config)
    }
}

fn read_file(config: &mut Config, path: &Path) -> Result<(), Error> {
    let text = fs::read_to_string(path).map_err(|source| Error::SettingsFile {
        path: path.to_owned(),
        source,
    })?;
    for (index, line) in text.lines().enumerate() {
        let line = line.split('#').next().unwrap_or_default().trim();
        if line.is_empty() {
            continue;
        }
        config
            .set_from_text(line)
            .map_err(|source| Error::SettingsLine {
                path: path.to_owned(),
                line: index + 1,
                source,
            })?;
    }
    Ok(())
}
