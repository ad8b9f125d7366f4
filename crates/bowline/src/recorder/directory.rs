//! Files for connections that end as they should not.
//!
//! A peer decides how its connections end, and a file takes processor time, memory until it is written,
//! and disk. So files are written one at a time; there are never more recordings on their way than files
//! may be kept, and what comes beyond is left out; and a new file takes the place of the oldest one that
//! the interface has written.

use std::collections::VecDeque;
use std::fs;
use std::io;
use std::io::Write;
use std::path::Path;
use std::path::PathBuf;
use std::process;
use std::sync::Arc;
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

/// Files that an interface keeps unless it is told another number: enough to see what goes wrong, few
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
    /// The newest 16 files in this directory, which must exist, without messages, keys and addresses.
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

    /// How many files the interface keeps: when it has written more, it deletes the oldest of them. What
    /// was in the directory before is left alone.
    pub const fn max_files(mut self, max_files: usize) -> Self {
        self.max_files = max_files;
        self
    }
}

/// Writes the files of an interface, each on a thread of its own, one at a time.
#[derive(Debug)]
pub(crate) struct Shelf {
    files: Arc<Files>,
    threads: Mutex<Vec<JoinHandle<()>>>,
}

/// What is on the shelf, and on its way there.
#[derive(Debug)]
struct Files {
    directory: RecordingDirectory,
    /// How many recordings are on their way to a file.
    pending: AtomicUsize,
    /// The files, the oldest first. Held by the thread that writes another one.
    written: Mutex<VecDeque<PathBuf>>,
}

/// Where a recording may go. Given back when it is dropped.
#[derive(Debug)]
pub(crate) struct Place(Arc<Files>);

/// The recording of a connection that has ended.
#[derive(Debug)]
pub(crate) struct Report {
    pub(crate) id: ConnectionId,
    pub(crate) flight: Box<FlightCopy>,
    pub(crate) place: Place,
}

impl Shelf {
    pub(crate) fn new(directory: RecordingDirectory) -> Self {
        let files = Files {
            directory,
            pending: AtomicUsize::new(0),
            written: Mutex::default(),
        };
        Self {
            files: Arc::new(files),
            threads: Mutex::default(),
        }
    }

    /// A place for a recording, unless as many are on their way as there may be files.
    pub(crate) fn reserve(&self) -> Option<Place> {
        let max_files = self.files.directory.max_files;
        let take = |pending: usize| (pending < max_files).then_some(pending + 1);
        let order = Ordering::Relaxed;
        let taken = self.files.pending.fetch_update(order, order, take);
        taken.ok().map(|_| Place(Arc::clone(&self.files)))
    }

    /// Writes a file. To be called without locks.
    pub(crate) fn put(&self, report: Report) {
        let thread = thread::Builder::new().name("bowline-recorder".to_owned());
        match thread.spawn(move || write(report)) {
            Ok(thread) => {
                let mut threads = lock(&self.threads);
                threads.retain(|thread| !thread.is_finished());
                threads.push(thread);
            }
            Err(error) => tracing::warn!(%error, "a recording was not written"),
        }
    }

    /// Waits for files that are being written.
    pub(crate) fn finish(&self) {
        let threads = std::mem::take(&mut *lock(&self.threads));
        for thread in threads {
            if thread.join().is_err() {
                tracing::warn!("a recording was not written");
            }
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.0.pending.fetch_sub(1, Ordering::Relaxed);
    }
}

/// What is guarded is whole even if a thread panicked with it.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Writes one file, and deletes the oldest if that is one too many.
fn write(report: Report) {
    let Report { id, flight, place } = report;
    let Files {
        directory, written, ..
    } = &*place.0;
    let mut written = lock(written);
    let Some(recording) = Recording::of(*flight, directory.options) else {
        return;
    };
    // A connection ends once, and no two of a process have the same ID within a second.
    let name = format!("{}-{}-{id}.bowlrec", Clock::unix_seconds(), process::id());
    let path = directory.path.join(name);
    match write_whole(&path, &recording) {
        Ok(()) => tracing::info!(%id, path = %path.display(), "recording written"),
        Err(error) => {
            tracing::warn!(%id, %error, "a recording was not written");
            return;
        }
    }
    written.push_back(path);
    if written.len() > directory.max_files {
        let oldest = written.pop_front().expect("one was pushed");
        if let Err(error) = fs::remove_file(&oldest) {
            tracing::warn!(path = %oldest.display(), %error, "an old recording was not deleted");
        }
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
