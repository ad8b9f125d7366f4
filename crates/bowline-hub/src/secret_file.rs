//! Files that only their owner may read.

use std::fs;
use std::fs::File;
use std::fs::OpenOptions;
use std::io;
use std::io::Read as _;
use std::io::Write as _;
use std::path::Path;
use std::path::PathBuf;

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
    let file = File::open(path).map_err(|error| of_whom(path, error))?;
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

/// Makes a file that only its owner may read, complete or not at all. None may be there, and of two who make one at the same
/// time one fails. So does root in a folder of somebody else, who could not read the file.
pub(crate) fn create(path: &Path, content: &[u8]) -> io::Result<()> {
    let draft = draft_of(path)?;
    let made = write(&draft, content)
        .and_then(|()| check_owner(&draft))
        .and_then(|()| publish(&draft, path));
    // It is not there any more if it was renamed, and of no use otherwise.
    let _ = fs::remove_file(&draft);
    made?;
    sync_parent(path)
}

/// A name beside a file or folder that nobody else uses.
pub(crate) fn draft_of(path: &Path) -> io::Result<PathBuf> {
    let mut name = path.as_os_str().to_owned();
    name.push(DRAFT);
    for byte in bowline_io::entropy::seed()?.iter().take(8) {
        name.push(format!("{byte:02x}"));
    }
    Ok(name.into())
}

/// Removes folders that were to get this name, and whose makers were killed before. One that cannot be removed does no harm.
pub(crate) fn sweep_drafts_of(folder: &Path) {
    let (Some(name), Ok(beside)) = (folder.file_name(), fs::read_dir(parent_of(folder))) else {
        return;
    };
    let prefix = [name.as_encoded_bytes(), DRAFT.as_bytes()].concat();
    for entry in beside.flatten() {
        let is_draft = entry
            .file_name()
            .as_encoded_bytes()
            .strip_prefix(&*prefix)
            .is_some_and(|rest| rest.len() == 16 && rest.iter().all(u8::is_ascii_hexdigit));
        if is_draft && entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            let _ = fs::remove_dir_all(entry.path());
        }
    }
}

/// Has what was made or renamed outlast a power cut.
pub(crate) fn sync_parent(path: &Path) -> io::Result<()> {
    // A folder can be opened for that on Unix only.
    match cfg!(unix) {
        true => File::open(parent_of(path))?.sync_all(),
        false => Ok(()),
    }
}

/// What stands between a name and what makes that of a draft its own.
const DRAFT: &str = ".new-";

fn parent_of(path: &Path) -> &Path {
    let parent = path.parent().filter(|parent| *parent != Path::new(""));
    parent.unwrap_or_else(|| Path::new("."))
}

fn write(path: &Path, content: &[u8]) -> io::Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(path)?;
    file.write_all(content)?;
    file.sync_all()
}

/// Refuses what root has just made in a folder of somebody else: that one is to read it, and could not.
#[cfg(unix)]
pub(crate) fn check_owner(made: &Path) -> io::Result<()> {
    use std::os::unix::fs::MetadataExt as _;

    let owner = fs::metadata(parent_of(made))?.uid();
    if is_readable(fs::metadata(made)?.uid(), owner) {
        return Ok(());
    }
    let text = format!(
        "the folder belongs to another user, who could not read what you make there: do it as that one \
         (runuser -u \"$(id -nu {owner})\" -- ...)"
    );
    Err(io::Error::new(io::ErrorKind::PermissionDenied, text))
}

/// Whether who is to read it can. Anybody but root makes things for himself, also in folders of root such as `/tmp`.
#[cfg(unix)]
const fn is_readable(maker: u32, owner_of_folder: u32) -> bool {
    maker != 0 || owner_of_folder == 0
}

/// Who owns a file does not matter there.
#[cfg(not(unix))]
pub(crate) fn check_owner(_: &Path) -> io::Result<()> {
    Ok(())
}

/// Gives a file its name, unless that is taken.
fn publish(draft: &Path, path: &Path) -> io::Result<()> {
    // A link fails if somebody was faster, where a rename would replace what is there.
    match fs::hard_link(draft, path) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => {}
        done => return done,
    }
    // There are file systems without links.
    if path.try_exists()? {
        return Err(io::ErrorKind::AlreadyExists.into());
    }
    fs::rename(draft, path)
}

/// Says whose file it is, if that keeps it from being read.
#[cfg(unix)]
fn of_whom(path: &Path, error: io::Error) -> io::Error {
    use std::os::unix::fs::MetadataExt as _;

    match fs::metadata(path) {
        Ok(found) if error.kind() == io::ErrorKind::PermissionDenied => {
            let owner = found.uid();
            let text = format!(
                "{error}: it belongs to user {owner} (id -nu {owner}); give it to the one that runs the hub (chown)"
            );
            io::Error::new(io::ErrorKind::PermissionDenied, text)
        }
        _ => error,
    }
}

/// Whose it is does not matter there.
#[cfg(not(unix))]
fn of_whom(_: &Path, error: io::Error) -> io::Error {
    error
}

#[cfg(unix)]
fn is_secret(file: &File) -> io::Result<bool> {
    let mode = std::os::unix::fs::MetadataExt::mode(&file.metadata()?);
    Ok(mode & 0o077 == 0)
}

/// Whether others than its owner may make and remove files in a folder.
#[cfg(unix)]
pub(crate) fn is_writable_by_others(folder: &Path) -> io::Result<bool> {
    let mode = std::os::unix::fs::MetadataExt::mode(&fs::metadata(folder)?);
    Ok(mode & 0o022 != 0)
}

/// Who may do that is not told by its mode there.
#[cfg(not(unix))]
pub(crate) fn is_writable_by_others(_: &Path) -> io::Result<bool> {
    Ok(false)
}

/// Who may read a file is not told by its mode there.
#[cfg(not(unix))]
fn is_secret(_: &File) -> io::Result<bool> {
    Ok(true)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn regression_of_many_who_make_the_same_file_one_succeeds() {
        let name = format!("bowline-secret-{}", std::process::id());
        let folder = std::env::temp_dir().join(name);
        fs::create_dir_all(&folder).unwrap();
        let path = folder.join("made.key");
        let made = std::thread::scope(|scope| {
            let make = |number: u8| {
                let path = &path;
                scope.spawn(move || create(path, &[number; 64]).map(|()| number))
            };
            let all: Vec<_> = (0..8).map(make).collect();
            let done = all.into_iter().map(|one| one.join().unwrap());
            done.filter_map(Result::ok).collect::<Vec<_>>()
        });
        assert_eq!(made.len(), 1, "{made:?}");
        assert_eq!(*read(&path).unwrap(), vec![made[0]; 64]);
        assert_eq!(fs::read_dir(&folder).unwrap().count(), 1, "no drafts");
        fs::remove_dir_all(&folder).unwrap();
    }

    #[cfg(unix)]
    #[test]
    fn regression_nobody_makes_keys_that_the_owner_of_the_folder_cannot_read() {
        use std::os::unix::fs::chown;

        let name = format!("bowline-secret-owner-{}", std::process::id());
        let folder = std::env::temp_dir().join(name);
        fs::create_dir_all(&folder).unwrap();
        create(&folder.join("own.key"), b"secret").unwrap();
        // Only root can give it away, and only root can write there then.
        if chown(&folder, Some(12345), None).is_ok() {
            let error = create(&folder.join("other.key"), b"secret").unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::PermissionDenied);
            assert!(error.to_string().contains("runuser"), "{error}");
            assert_eq!(fs::read_dir(&folder).unwrap().count(), 1, "no drafts");
        }
        fs::remove_dir_all(&folder).unwrap();
    }

    #[cfg(unix)]
    #[test]
    fn regression_who_cannot_read_a_file_hears_whose_it_is() {
        // Root reads everything, so the refusal is made here.
        let refused = || io::Error::from(io::ErrorKind::PermissionDenied);
        let name = format!("bowline-secret-whose-{}", std::process::id());
        let path = std::env::temp_dir().join(name);
        create(&path, b"secret").unwrap();
        let owner = std::os::unix::fs::MetadataExt::uid(&fs::metadata(&path).unwrap());
        let error = of_whom(&path, refused());
        assert_eq!(error.kind(), io::ErrorKind::PermissionDenied);
        let text = error.to_string();
        assert!(
            text.contains(&format!("user {owner}")) && text.contains("chown"),
            "{text}"
        );
        fs::remove_file(&path).unwrap();
        assert_eq!(of_whom(&path, refused()).to_string(), refused().to_string());
    }

    #[cfg(unix)]
    #[test]
    fn regression_who_is_not_root_makes_keys_in_folders_of_others() {
        for (maker, owner_of_folder) in [(1000, 0), (1000, 1000), (1000, 1001), (0, 0)] {
            assert!(is_readable(maker, owner_of_folder), "{maker}");
        }
        assert!(!is_readable(0, 1000));
    }
}
