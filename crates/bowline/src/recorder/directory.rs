//! Files for connections that end as they should not.

use std::fs;
use std::io;
use std::io::Write;
use std::path::Path;
use std::path::PathBuf;
use std::process;
use std::sync::Mutex;
use std::sync::MutexGuard;
use std::sync::PoisonError;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering;
use std::thread;
use std::thread::JoinHandle;

use bowline_core::connection::FlightCopy;
use bowline_core::connection::RecordingOptions;
use bowline_core::ids::ConnectionId;
use bowline_io::clock::Clock;

use crate::recorder::Recording;

/// Files that an interface writes unless it is told another number: enough to see what goes wrong, few
/// enough to fill no disk.
const DEFAULT_MAX_FILES: usize = 16;

/// Where an interface puts recordings of connections that end as they should not: by a failure, or
/// closed by the peer with a reason that is none of 1000 to 1999.
///
/// Only connections that record leave one: set
/// [`ConfigKey::RecordBytes`](crate::ConfigKey::RecordBytes), too.
#[derive(Clone, Debug)]
#[must_use = "nothing is written before an interface has it"]
pub struct RecordingDirectory {
    path: PathBuf,
    options: RecordingOptions,
    max_files: usize,
}

impl RecordingDirectory {
    /// Up to 16 files in this directory, which must exist, without messages, keys and addresses.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self {
            path: path.into(),
            options: RecordingOptions::default(),
            max_files: DEFAULT_MAX_FILES,
        }
    }

    /// What else the files show.
    pub const fn options(mut self, options: RecordingOptions) -> Self {
        self.options = options;
        self
    }

    /// How many files the interface writes in its life.
    pub const fn max_files(mut self, max_files: usize) -> Self {
        self.max_files = max_files;
        self
    }
}

/// Writes the files of an interface, each on a thread of its own.
#[derive(Debug)]
pub(crate) struct Shelf {
    directory: RecordingDirectory,
    /// How many files there may still be.
    places: AtomicUsize,
    threads: Mutex<Vec<JoinHandle<()>>>,
}

/// The recording of a connection that has ended.
#[derive(Debug)]
pub(crate) struct Report {
    pub(crate) id: ConnectionId,
    pub(crate) flight: Box<FlightCopy>,
}

impl Shelf {
    pub(crate) const fn new(directory: RecordingDirectory) -> Self {
        Self {
            places: AtomicUsize::new(directory.max_files),
            directory,
            threads: Mutex::new(Vec::new()),
        }
    }

    /// Takes the place of a file, if there may be another one.
    pub(crate) fn reserve(&self) -> bool {
        let take = |left: usize| left.checked_sub(1);
        let order = Ordering::Relaxed;
        self.places.fetch_update(order, order, take).is_ok()
    }

    /// Writes a file whose place was reserved. To be called without locks.
    pub(crate) fn put(&self, report: Report) {
        let directory = self.directory.clone();
        let thread = thread::Builder::new().name("bowline-recorder".to_owned());
        match thread.spawn(move || write(&directory, report)) {
            Ok(thread) => self.threads().push(thread),
            Err(error) => tracing::warn!(%error, "a recording was not written"),
        }
    }

    fn threads(&self) -> MutexGuard<'_, Vec<JoinHandle<()>>> {
        self.threads.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for files that are being written.
    pub(crate) fn finish(&self) {
        let threads = std::mem::take(&mut *self.threads());
        for thread in threads {
            if thread.join().is_err() {
                tracing::warn!("a recording was not written");
            }
        }
    }
}

fn write(directory: &RecordingDirectory, report: Report) {
    let id = report.id;
    // A connection ends once, and no two of a process have the same ID within a second.
    let name = format!("{}-{}-{id}.bowlrec", Clock::unix_seconds(), process::id());
    let path = directory.path.join(name);
    let Some(recording) = Recording::of(*report.flight, directory.options) else {
        return;
    };
    match write_whole(&path, &recording) {
        Ok(()) => tracing::info!(%id, path = %path.display(), "recording written"),
        Err(error) => tracing::warn!(%id, %error, "a recording was not written"),
    }
}

/// A new file that only its owner may read: it may hold keys, and what was said.
fn create_private(path: &Path) -> io::Result<fs::File> {
    let mut options = fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

/// Under another name first, so that whoever finds the file finds all of it.
fn write_whole(path: &Path, recording: &Recording) -> io::Result<()> {
    let unfinished = path.with_extension("unfinished");
    let mut file = create_private(&unfinished)?;
    let written = recording.write_to(&mut file).and_then(|()| file.flush());
    drop(file);
    let moved = written.and_then(|()| fs::rename(&unfinished, path));
    if moved.is_err() {
        // Half a file helps nobody; that it cannot be removed either is not worth another word.
        let _ = fs::remove_file(&unfinished);
    }
    moved
}

#[cfg(test)]
mod tests {
    #[cfg(unix)]
    #[test]
    fn others_on_the_machine_may_not_read_a_recording() {
        use std::os::unix::fs::PermissionsExt;

        let name = format!("bowline-private-{}", std::process::id());
        let path = std::env::temp_dir().join(name);
        let file = super::create_private(&path).unwrap();
        let mode = file.metadata().unwrap().permissions().mode();
        std::fs::remove_file(&path).unwrap();
        assert_eq!(mode & 0o777, 0o600);
    }
}
