//! What can be wrong with a store, or with what it was asked.

use std::io;
use std::path::Path;
use std::path::PathBuf;

use crate::store::Bucket;
use crate::store::Key;
use crate::store::Revision;

/// Why a store did not do what it was asked.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// Somebody else wrote the key in the meantime.
    #[error("{key} was expected at revision {expected} and is at {found}")]
    Conflict {
        /// Which key.
        key: Key,
        /// What the caller had read.
        expected: Revision,
        /// What it is now.
        found: Revision,
    },
    /// The key that was to be created holds something.
    #[error("{key} exists already, at revision {found}")]
    Exists {
        /// Which key.
        key: Key,
        /// What it is at.
        found: Revision,
    },
    /// The key holds nothing: it was deleted, has run out, or never held anything.
    #[error("{key} does not exist")]
    Missing {
        /// Which key.
        key: Key,
    },
    /// A value, record or message is longer than any may be, or there are too many at once.
    #[error("{what} of {size} is above the limit of {max}")]
    TooLarge {
        /// What it is, and in which unit.
        what: &'static str,
        /// How large it is.
        size: usize,
        /// How large it may be.
        max: usize,
    },
    /// There is no room for more.
    #[error("the store is full: {0}")]
    Full(String),
    /// The file can be read and not written.
    #[error("the store {} cannot be written: {reason}", path.display())]
    ReadOnly {
        /// Which file.
        path: PathBuf,
        /// What the system said.
        reason: String,
    },
    /// The file is not what this store wrote.
    #[error("the store {} is corrupt: {reason}", path.display())]
    Corrupt {
        /// Which file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// The file is of a version that this one does not know.
    #[error("the store {} has format {found}, and this version knows {known} only", path.display())]
    UnknownFormat {
        /// Which file.
        path: PathBuf,
        /// Its format.
        found: u64,
        /// Ours.
        known: u64,
    },
    /// Another process has the file, or this one has it twice.
    #[error("the store {} is in use by another process", path.display())]
    InUse {
        /// Which file.
        path: PathBuf,
    },
    /// A watcher missed changes.
    #[error(
        "changes of {bucket} were missed since revision {after}: list again and watch from there"
    )]
    Behind {
        /// In which bucket.
        bucket: Bucket,
        /// The last change that was seen.
        after: Revision,
    },
    /// The store cannot be asked at the moment.
    #[error("the store is not available: {0}")]
    Unavailable(String),
}

impl StoreError {
    /// What an error of the system says of a file.
    pub(super) fn of_file(path: &Path, error: &io::Error) -> Self {
        let (path, reason) = (path.to_owned(), error.to_string());
        match error.kind() {
            io::ErrorKind::ReadOnlyFilesystem | io::ErrorKind::PermissionDenied => {
                Self::ReadOnly { path, reason }
            }
            io::ErrorKind::StorageFull
            | io::ErrorKind::QuotaExceeded
            | io::ErrorKind::FileTooLarge => Self::Full(format!("{}: {reason}", path.display())),
            io::ErrorKind::InvalidData | io::ErrorKind::UnexpectedEof => {
                Self::Corrupt { path, reason }
            }
            _ => Self::Unavailable(format!("{}: {reason}", path.display())),
        }
    }
}
