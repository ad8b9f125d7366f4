//! Files that only their owner may read.

use std::fs::File;
use std::fs::OpenOptions;
use std::io;
use std::io::Read as _;
use std::io::Write as _;
use std::path::Path;

use zeroize::Zeroizing;

use crate::limits::MAX_SECRET_FILE;

/// Why a file of a secret is of no use.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SecretFileError {
    /// It cannot be read.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// Others can read or write it.
    #[error("others may read or write this file; let only its owner (chmod 600)")]
    NotSecret,
}

/// What is in it.
pub(crate) fn read(path: &Path) -> Result<Zeroizing<Vec<u8>>, SecretFileError> {
    let file = File::open(path)?;
    if !is_secret(&file)? {
        return Err(SecretFileError::NotSecret);
    }
    let mut content = Zeroizing::new(Vec::new());
    let limit = MAX_SECRET_FILE as u64;
    if file.take(limit + 1).read_to_end(&mut content)? > MAX_SECRET_FILE {
        let text = format!("longer than the {MAX_SECRET_FILE} bytes that a secret may have");
        return Err(io::Error::new(io::ErrorKind::InvalidData, text).into());
    }
    Ok(content)
}

/// Makes a file that only its owner may read, complete or not at all. None may be there.
pub(crate) fn create(path: &Path, content: &[u8]) -> io::Result<()> {
    let draft = path.with_extension("new");
    match std::fs::remove_file(&draft) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(&draft)?;
    file.write_all(content)?;
    file.sync_all()?;
    drop(file);
    if path.try_exists()? {
        return Err(io::ErrorKind::AlreadyExists.into());
    }
    std::fs::rename(&draft, path)
}

#[cfg(unix)]
fn is_secret(file: &File) -> io::Result<bool> {
    let mode = std::os::unix::fs::MetadataExt::mode(&file.metadata()?);
    Ok(mode & 0o077 == 0)
}

/// Who may read a file is not told by its mode there.
#[cfg(not(unix))]
fn is_secret(_: &File) -> io::Result<bool> {
    Ok(true)
}
