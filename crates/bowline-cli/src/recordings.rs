//! Recordings of connections that end as they should not, for `bowline replay`.

use std::fs;
use std::path::PathBuf;

use bowline::Config;
use bowline::ConfigKey;
use bowline::SocketsBuilder;
use bowline::recorder::RecordingDirectory;
use bowline::recorder::RecordingOptions;

use crate::error::Error;

/// What a connection may record unless `RecordBytes` says otherwise: 1 MiB holds the last 20 seconds of a
/// connection with 50 kB/s.
const RECORD_BYTES: usize = 1 << 20;

/// The arguments of a server or client that can record its connections.
#[derive(Clone, Debug, Default, clap::Args)]
pub(crate) struct Recordings {
    /// Record connections, and put the last seconds of those that fail into this directory, for `bowline
    /// replay`: the newest 16 files, without messages, keys and addresses.
    #[arg(long, value_name = "DIR")]
    recordings: Option<PathBuf>,
    /// Have messages and the words of closes in these files, too.
    #[arg(long, requires = "recordings")]
    record_payloads: bool,
}

impl Recordings {
    /// The settings of connections that record, if they are to and the settings do not say how much.
    pub(crate) fn record(&self, mut config: Config) -> Result<Config, Error> {
        let is_told = config.origin(ConfigKey::RecordBytes).is_some();
        if self.recordings.is_some() && !is_told {
            config.set_record_bytes(RECORD_BYTES)?;
        }
        Ok(config)
    }

    /// An interface that keeps the recordings. Makes the directory.
    pub(crate) fn keep(&self, builder: SocketsBuilder) -> Result<SocketsBuilder, Error> {
        let Some(path) = &self.recordings else {
            return Ok(builder);
        };
        fs::create_dir_all(path).map_err(|source| Error::RecordingDirectory {
            path: path.clone(),
            source,
        })?;
        let options = RecordingOptions {
            payloads: self.record_payloads,
            ..RecordingOptions::default()
        };
        Ok(builder.recordings(RecordingDirectory::new(path).options(options)))
    }
}
