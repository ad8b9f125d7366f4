//! The flight recorder: the last seconds of a connection, to be looked at afterwards.
//!
//! A connection records when [`ConfigKey::RecordBytes`](crate::ConfigKey::RecordBytes) is not 0.
//! [`Connection::recording`] hands out what there is, [`RecordingDirectory`] keeps it of connections that
//! end as they should not, and `bowline replay` shows it. The page `docs/flight-recorder.md` tells what is
//! in a file and what is not.

mod directory;
mod file;

use std::fmt;
use std::io;

use bowline_core::config::Config;
use bowline_core::connection::FlightCopy;
use bowline_core::connection::FlightRecording;

use crate::connection::Connection;
use crate::error::NoSuchConnection;

pub use bowline_core::connection::FrameSummary;
pub use bowline_core::connection::InputSummary;
pub use bowline_core::connection::PacketSummary;
pub use bowline_core::connection::Played;
pub use bowline_core::connection::RecordingOptions;
pub use bowline_core::connection::SentSummary;
pub use bowline_core::connection::StateChange;
pub use bowline_core::connection::Verdict;
pub use directory::RecordingDirectory;
pub use file::RecordingFileError;

pub(crate) use directory::Place;
pub(crate) use directory::Report;
pub(crate) use directory::Shelf;

/// The last seconds of a connection.
///
/// ```
/// use bowline::recorder::{Recording, RecordingFileError};
///
/// assert_eq!(Recording::parse(b"a text").unwrap_err(), RecordingFileError::NotARecording);
/// ```
pub struct Recording(FlightRecording);

/// Why there is no recording.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum RecordingError {
    /// This side closed the connection.
    #[error(transparent)]
    NoSuchConnection(#[from] NoSuchConnection),
    /// The connection does not record, was never established, or is a pipe.
    #[error("the connection does not record: set RecordBytes before it is established")]
    NotRecording,
}

impl Recording {
    /// Without what `options` do not ask for; `None` if the connection cannot be recorded.
    pub(crate) fn of(flight: FlightCopy, options: RecordingOptions) -> Option<Self> {
        flight.export(options).map(Self)
    }

    /// Reads a file. Any bytes are survived; memory stays within a fixed multiple of their number.
    ///
    /// # Errors
    /// If they are no recording, not all of one, or one of another version of the library.
    pub fn parse(file: &[u8]) -> Result<Self, RecordingFileError> {
        file::decode(file).map(Self)
    }

    /// Writes the file.
    ///
    /// # Errors
    /// What the writer reports.
    pub fn write_to(&self, out: &mut impl io::Write) -> io::Result<()> {
        let bytes = file::encode(&self.0).map_err(io::Error::other)?;
        out.write_all(&bytes)
    }

    /// Plays it back, tells `on_step` what happens, and says how far that is what was recorded.
    ///
    /// # Panics
    /// Perhaps, if somebody has made up the state of the connection that it begins with: not every state is
    /// one that a connection can come into. Made-up inputs are survived.
    pub fn play(&self, on_step: impl FnMut(&Played)) -> Verdict {
        self.0.play(on_step)
    }

    /// What it shows besides sizes, numbers, times and settings.
    pub const fn options(&self) -> RecordingOptions {
        self.0.options()
    }

    /// When it begins, on the clock that its times are of.
    pub const fn begins_at(&self) -> crate::Timestamp {
        self.0.begins_at()
    }

    /// How many inputs it holds.
    pub fn inputs(&self) -> usize {
        self.0.inputs()
    }

    /// The settings of the connection when it begins.
    pub fn config(&self) -> &Config {
        self.0.config()
    }

    /// How far it was what happened when it was made, datagram by datagram.
    pub const fn faithful(&self) -> Verdict {
        self.0.faithful()
    }
}

impl Connection {
    /// The last seconds of this connection, for a file, without what `options` do not ask for.
    ///
    /// Plays them back once, on the calling thread and without holding the connection up: that takes as
    /// much processor time as the connection took for them.
    ///
    /// # Errors
    /// If the connection is closed, or does not record.
    pub fn recording(&self, options: RecordingOptions) -> Result<Recording, RecordingError> {
        let flight = {
            let mut state = self.slot().state.lock();
            state.open()?.flight()
        };
        flight
            .and_then(|flight| Recording::of(flight, options))
            .ok_or(RecordingError::NotRecording)
    }

    /// Writes the last seconds of this connection: [`Self::recording`] and [`Recording::write_to`].
    ///
    /// ```no_run
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use bowline::recorder::RecordingOptions;
    /// use bowline::{Config, Sockets};
    ///
    /// let mut config = Config::new();
    /// config.set_record_bytes(1 << 20)?;
    /// let sockets = Sockets::builder().config(config).build()?;
    /// let connection = sockets.connect("192.0.2.1:27015".parse()?)?;
    /// // Something looks odd:
    /// let mut file = std::fs::File::create("odd.bowlrec")?;
    /// connection.dump_recording(RecordingOptions::default(), &mut file)?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// As these two.
    pub fn dump_recording(
        &self,
        options: RecordingOptions,
        out: &mut impl io::Write,
    ) -> io::Result<()> {
        let recording = self.recording(options).map_err(io::Error::other)?;
        recording.write_to(out)
    }
}

impl fmt::Debug for Recording {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Recording")
            .field("options", &self.options())
            .field("inputs", &self.inputs())
            .finish_non_exhaustive()
    }
}
