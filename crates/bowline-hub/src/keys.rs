//! The keys of a hub, and how they are replaced.
//!
//! | file in `keys/` | what it is for | who knows it |
//! |---|---|---|
//! | `identity.pem` | clients know the hub by it | clients pin the public half |
//! | `authority.pem` | signs certificates of players | peers trust the public half, which the network's configuration names |
//! | `config.pem` | signs the network's configuration | clients pin the public half |
//! | `resumption.key` | seals what clients come back with | nobody else |
//!
//! The first start makes all of them or, if it fails, none, readable by their owner only. A file that others may read is
//! refused, as are a folder in which others may write, and one in which some keys are and others are not: a hub that made a new one then would be a stranger to its clients.
//!
//! # Replacing a key
//!
//! * **Authority**: put the next key into `authority.next.pem` (`bowline-hub keys next authority`) and restart. The network's
//!   configuration then names both, and certificates are signed by the old one. After one lifetime of certificates or 48 hours,
//!   whichever is longer, `bowline-hub keys promote authority` makes the next one the key and the key the old one
//!   (`authority.old.pem`), which stays named; restart. After another lifetime remove `authority.old.pem`, before which no other
//!   one is promoted.
//! * **Resumption**: `bowline-hub keys next resumption`, then `promote`, and restart. What the old one sealed is taken for as
//!   long as `resumption.old.key` is there; remove it after a day. Without the old one clients sign in by their credentials
//!   again, which does no harm but the work.
//! * **Identity** and **config**: clients pin them, so a new one needs clients that know it. Clients may know several keys of the
//!   configuration, but one of the hub: those that pin its identity and not its key need nothing new. Then replace
//!   the file and restart. There is no next one of them that the hub itself could tell of.
//!
//! A key that has leaked is not rotated but revoked: name its ID in `[network] revoked`, and promote the next one at once. An old one
//! that is still there is removed first.

use std::fmt;
use std::fs;
use std::io;
use std::path::Path;
use std::path::PathBuf;

use bowline::cert::Authority;
use bowline::cert::KeyPair;
use bowline_core::crypto::Crypto;
use bowline_core::rng::Rng;
use zeroize::Zeroizing;

use crate::hub::Keys;
use crate::secret_file;
use crate::secret_file::SecretFileError;

/// All keys of a hub.
#[derive(Clone)]
pub struct HubKeys {
    /// What clients know it by.
    pub identity: KeyPair,
    /// What it signs certificates with.
    pub authority: KeyPair,
    /// Authorities whose certificates are good as well: the next one, and the one before.
    pub other_authorities: Vec<KeyPair>,
    /// What it signs the network's configuration with.
    pub config: KeyPair,
    /// What it seals resumptions with.
    pub resumption: Zeroizing<[u8; 32]>,
    /// What resumptions that are still good may be sealed with: the next key, and the one before.
    pub other_resumptions: Vec<Zeroizing<[u8; 32]>>,
}

/// Why there are no keys.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum KeysError {
    /// A file or the folder cannot be read or made.
    #[error("cannot use {}: {source}", path.display())]
    Io {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The folder cannot have the place that it is to have.
    #[error("cannot put keys into {}: {source}; it must be absent or an empty folder, and no mount point", path.display())]
    Taken {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Others can read it.
    #[error("{}: others may read or write this file; let only its owner (chmod 600)", path.display())]
    NotSecret {
        /// Which.
        path: PathBuf,
    },
    /// Others could put keys of theirs into it.
    #[error("{}: others may write in this folder; let only its owner (chmod 700)", path.display())]
    OpenFolder {
        /// Which.
        path: PathBuf,
    },
    /// It holds no key.
    #[error("{} holds no key: {text}", path.display())]
    Bad {
        /// Which.
        path: PathBuf,
        /// What is wrong.
        text: String,
    },
    /// Some are there and others are not.
    #[error("{} is not there, though other keys are; restore it, or remove all of them to begin anew", path.display())]
    Missing {
        /// Which is not.
        path: PathBuf,
    },
    /// There is nothing to put in the place of the key.
    #[error("there is no next key, {}; make one, and let clients know it first", path.display())]
    NoNext {
        /// Which is not there.
        path: PathBuf,
    },
    /// The next one has to become the key first, or to go.
    #[error("{} is there already: promote it, or remove it to make another one", path.display())]
    NextThere {
        /// Which.
        path: PathBuf,
    },
    /// The key before the one that is to be replaced, whose place that would take.
    #[error(
        "{} is still there, and would be lost: remove it first, once all that was made with it has expired, or at once if the \
         key that is to be replaced has leaked",
        path.display()
    )]
    OldThere {
        /// Which.
        path: PathBuf,
    },
    /// The system has no randomness to give.
    #[error("the system gives no randomness: {0}")]
    Entropy(io::Error),
}

/// A key that can be replaced while clients are about.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Rotated {
    /// That of certificates.
    Authority,
    /// That of resumptions.
    Resumption,
}

impl HubKeys {
    /// New keys, by the system's randomness.
    ///
    /// # Errors
    /// If the system has none to give.
    pub fn generate(crypto: &Crypto) -> io::Result<Self> {
        let mut rng = Rng::from_seed(bowline_io::entropy::seed()?);
        Ok(Self {
            identity: KeyPair::generate(crypto, &mut rng),
            authority: KeyPair::generate(crypto, &mut rng),
            other_authorities: Vec::new(),
            config: KeyPair::generate(crypto, &mut rng),
            resumption: Zeroizing::new(rng.bytes()),
            other_resumptions: Vec::new(),
        })
    }

    /// The keys in a folder. Makes them, and the folder, if there are none.
    ///
    /// # Errors
    /// If a key is missing, is none, or could be read or replaced by others, and if the folder cannot be read or written.
    pub fn load_or_make(folder: &Path, crypto: &Crypto) -> Result<Self, KeysError> {
        let folder = &real(folder);
        if !has_keys(folder) {
            Self::generate(crypto)
                .map_err(KeysError::Entropy)?
                .write(folder)?;
        }
        let keys = Self::load(folder, crypto)?;
        secret_file::sweep_drafts_of(folder);
        Ok(keys)
    }

    /// The keys in a folder.
    ///
    /// # Errors
    /// As [`load_or_make`](Self::load_or_make); if there are none as well.
    pub fn load(folder: &Path, crypto: &Crypto) -> Result<Self, KeysError> {
        check_folder(folder)?;
        let pair = |file: &str| read_pair(&folder.join(file), crypto);
        let needed = |file: &str| {
            pair(file)?.ok_or_else(|| KeysError::Missing {
                path: folder.join(file),
            })
        };
        let secret = |file: &str| read_secret(&folder.join(file));
        let mut other_authorities = Vec::new();
        let mut other_resumptions = Vec::new();
        for which in ["next", "old"] {
            other_authorities.extend(pair(&format!("authority.{which}.pem"))?);
            other_resumptions.extend(secret(&format!("resumption.{which}.key"))?);
        }
        Ok(Self {
            identity: needed(IDENTITY)?,
            authority: needed(AUTHORITY)?,
            other_authorities,
            config: needed(CONFIG)?,
            resumption: secret(RESUMPTION)?.ok_or_else(|| KeysError::Missing {
                path: folder.join(RESUMPTION),
            })?,
            other_resumptions,
        })
    }

    /// The next key of certificates in a folder, if there is one.
    ///
    /// # Errors
    /// If it is of no use, or could be read by others.
    pub fn next_authority(folder: &Path, crypto: &Crypto) -> Result<Option<KeyPair>, KeysError> {
        read_pair(&folder.join(Rotated::Authority.file("next.")), crypto)
    }

    /// What the logic of the hub needs of them.
    pub fn for_hub(&self, crypto: &Crypto) -> Keys {
        Keys {
            authority: Authority::new(crypto, self.authority.private().clone()),
            identity: self.identity.public(),
            resumption: self.resumption.clone(),
            other_resumptions: self.other_resumptions.clone(),
        }
    }

    /// What an operator is to know and to tell: public keys and their IDs, line by line.
    pub fn summary(&self) -> String {
        let line = |what: &str, key: &KeyPair| {
            let (public, id) = (key.public().to_line(""), key.id());
            format!("{what:<10} {id:>20}  {public}\n")
        };
        let mut text = line("identity", &self.identity);
        text += &line("authority", &self.authority);
        for other in &self.other_authorities {
            text += &line("+authority", other);
        }
        text + &line("config", &self.config)
    }

    /// Makes the folder with all of them in it. If somebody else was faster, theirs stay.
    fn write(&self, folder: &Path) -> Result<(), KeysError> {
        let io = |source| KeysError::Io {
            path: folder.to_owned(),
            source,
        };
        make_folder(folder.parent().unwrap_or_else(|| Path::new(""))).map_err(io)?;
        let draft = secret_file::draft_of(folder).map_err(io)?;
        let written = self
            .write_into(&draft)
            .and_then(|()| secret_file::check_owner(&draft).map_err(io));
        let moved = written.and_then(|()| {
            move_folder(&draft, folder).map_err(|source| KeysError::Taken {
                path: folder.to_owned(),
                source,
            })
        });
        if moved.is_err() {
            // What can be removed of it is of no use to anybody.
            let _ = fs::remove_dir_all(&draft);
        }
        match moved {
            // The keys of whoever was faster.
            Err(_) if has_keys(folder) => Ok(()),
            moved => moved,
        }
    }

    fn write_into(&self, folder: &Path) -> Result<(), KeysError> {
        let io = |path: &Path| {
            let path = path.to_owned();
            move |source| KeysError::Io { path, source }
        };
        make_folder(folder).map_err(io(folder))?;
        for (file, pair) in [
            (AUTHORITY, &self.authority),
            (CONFIG, &self.config),
            (IDENTITY, &self.identity),
        ] {
            let path = folder.join(file);
            secret_file::create(&path, pair.to_pem().as_bytes()).map_err(io(&path))?;
        }
        let path = folder.join(RESUMPTION);
        secret_file::create(&path, &*self.resumption).map_err(io(&path))
    }
}

impl Rotated {
    /// Makes the next key.
    ///
    /// # Errors
    /// If there is one, or it cannot be written.
    pub fn make_next(self, folder: &Path, crypto: &Crypto) -> Result<PathBuf, KeysError> {
        check_folder(folder)?;
        let path = folder.join(self.file("next."));
        let made = HubKeys::generate(crypto).map_err(KeysError::Entropy)?;
        let content = match self {
            Self::Authority => Zeroizing::new(made.authority.to_pem().as_bytes().to_vec()),
            Self::Resumption => Zeroizing::new(made.resumption.to_vec()),
        };
        match secret_file::create(&path, &content) {
            Ok(()) => Ok(path),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                Err(KeysError::NextThere { path })
            }
            Err(source) => Err(KeysError::Io { path, source }),
        }
    }

    /// Makes the next key the key, and the key the old one.
    ///
    /// # Errors
    /// If there is no next one, the old one before is still there, or the files cannot be renamed. The key is there all the time, by one name or the other:
    /// doing it again finishes it.
    pub fn promote(self, folder: &Path) -> Result<(), KeysError> {
        check_folder(folder)?;
        let [next, now, old] = ["next.", "", "old."].map(|which| folder.join(self.file(which)));
        if !next.exists() {
            return Err(KeysError::NoNext { path: next });
        }
        // Without the key itself this is to finish what was begun before.
        if old.exists() && now.exists() {
            return Err(KeysError::OldThere { path: old });
        }
        for (from, to) in [(&now, &old), (&next, &now)] {
            if !from.exists() {
                continue;
            }
            fs::rename(from, to).map_err(|source| KeysError::Io {
                path: from.clone(),
                source,
            })?;
        }
        secret_file::sync_parent(&now).map_err(|source| KeysError::Io { path: now, source })
    }

    fn file(self, which: &str) -> String {
        match self {
            Self::Authority => format!("authority.{which}pem"),
            Self::Resumption => format!("resumption.{which}key"),
        }
    }
}

/// Without the keys.
impl fmt::Debug for HubKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HubKeys")
            .field("identity", &self.identity.id())
            .field("authority", &self.authority.id())
            .field("config", &self.config.id())
            .finish_non_exhaustive()
    }
}

const AUTHORITY: &str = "authority.pem";
const CONFIG: &str = "config.pem";
const IDENTITY: &str = "identity.pem";
const RESUMPTION: &str = "resumption.key";
const FILES: [&str; 4] = [AUTHORITY, CONFIG, IDENTITY, RESUMPTION];

/// Whether any of the keys is there.
fn has_keys(folder: &Path) -> bool {
    FILES.iter().any(|file| folder.join(file).exists())
}

/// The folder itself, if it is there: by a name that ends with its own, without links. A draft can stand beside that.
fn real(folder: &Path) -> PathBuf {
    let found = folder.canonicalize();
    found.unwrap_or_else(|_| folder.components().collect())
}

/// Gives a folder its name, unless there is one with something in it.
fn move_folder(draft: &Path, folder: &Path) -> io::Result<()> {
    // Not every system renames to a folder that is there, be it empty. One that is not empty stays.
    let _ = fs::remove_dir(folder);
    fs::rename(draft, folder)?;
    secret_file::sync_parent(folder)
}

fn read_pair(path: &Path, crypto: &Crypto) -> Result<Option<KeyPair>, KeysError> {
    let Some(content) = read(path)? else {
        return Ok(None);
    };
    let bad = |text: String| KeysError::Bad {
        path: path.to_owned(),
        text,
    };
    let text = std::str::from_utf8(&content).map_err(|error| bad(error.to_string()))?;
    let pair = KeyPair::from_pem(crypto, text).map_err(|error| bad(error.to_string()))?;
    Ok(Some(pair))
}

fn read_secret(path: &Path) -> Result<Option<Zeroizing<[u8; 32]>>, KeysError> {
    let Some(content) = read(path)? else {
        return Ok(None);
    };
    match <[u8; 32]>::try_from(content.as_slice()) {
        Ok(key) => Ok(Some(Zeroizing::new(key))),
        Err(_) => Err(KeysError::Bad {
            path: path.to_owned(),
            text: format!("{} bytes instead of 32", content.len()),
        }),
    }
}

fn read(path: &Path) -> Result<Option<Zeroizing<Vec<u8>>>, KeysError> {
    let path = path.to_owned();
    match secret_file::read(&path) {
        Ok(content) => Ok(Some(content)),
        Err(SecretFileError::Io(source)) if source.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(SecretFileError::Io(source)) => Err(KeysError::Io { path, source }),
        Err(SecretFileError::NotSecret) => Err(KeysError::NotSecret { path }),
    }
}

/// Refuses a folder in which others may put keys of theirs in the place of the hub's.
fn check_folder(folder: &Path) -> Result<(), KeysError> {
    let path = folder.to_owned();
    match secret_file::is_writable_by_others(folder) {
        Ok(true) => Err(KeysError::OpenFolder { path }),
        // What is not there lacks the keys.
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(KeysError::Io {
            path,
            source: error,
        }),
        _ => Ok(()),
    }
}

fn make_folder(folder: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder)
}

#[cfg(test)]
mod tests;
