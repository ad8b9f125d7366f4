//! What must last, in a file of redb.
//!
//! The file has a table per lasting bucket, one for the log, and one that says of which format the file is and how often
//! it was opened. That count is the upper part of all revisions, so that no run hands out a revision of an earlier one.
//!
//! * **Commits** are in two phases, each synced: a commit that was reported is there after a power cut, and what clients
//!   choose as values cannot make a torn one look whole.
//! * **Opening** checks all checksums, and takes back what was not committed. Whatever does not fit is refused.
//! * **A new file** is made beside its place and moved there when it is whole.
//! * **After an error** of the disk the file is closed, and opened again by the next write. It must not have been opened
//!   by anybody else in between, because what is in memory would not be what is in the file then.

use std::fmt;
use std::fs;
use std::io;
use std::panic;
use std::panic::AssertUnwindSafe;
use std::path::Path;
use std::path::PathBuf;
use std::sync::Mutex;
use std::sync::PoisonError;

use bowline_core::time::Span;
use bowline_core::time::Timestamp;
use redb::Database;
use redb::DatabaseError;
use redb::ReadableDatabase;
use redb::ReadableTable;
use redb::TableDefinition;
use redb::TableHandle;
use redb::WriteTransaction;

use crate::limits::RESTART_GRACE;
use crate::store::Bucket;
use crate::store::Clock;
use crate::store::Entry;
use crate::store::Record;
use crate::store::Revision;
use crate::store::StoreError;
use crate::store::disk::Disk;
use crate::store::disk::Loaded;
use crate::store::disk::Op;
use crate::store::table::Slot;

/// A file that only this process has open.
pub(super) struct RedbDisk {
    path: PathBuf,
    opener: Opener,
    /// How often the file had been opened when this run did.
    openings: u64,
    /// None after an error.
    database: Mutex<Option<Database>>,
}

/// How the file is opened, which must be there already.
pub(super) type Opener = Box<dyn Fn(&Path) -> Result<Database, DatabaseError> + Send + Sync>;

/// Revision, life of a lease and its end (see `Saved`), value.
type Row = (u64, u64, u64, &'static [u8]);

const META: TableDefinition<'_, &str, u64> = TableDefinition::new("meta");
const LOG: TableDefinition<'_, u64, &[u8]> = TableDefinition::new("audit");
/// Key in [`META`].
const FORMAT: &str = "format";
/// Key in [`META`].
const OPENINGS: &str = "openings";
/// The format of the file that is written.
const FORMAT_VERSION: u64 = 1;
/// Bits of a revision that count the changes of one run: as many changes as any run lives to see.
const REVISION_BITS: u32 = 40;

impl RedbDisk {
    /// Opens a file, or makes one.
    pub(super) fn open(path: &Path, clock: &dyn Clock) -> Result<(Self, Loaded), StoreError> {
        make_if_missing(path)?;
        // An empty file that somebody made is taken for new, too.
        let is_empty = fs::metadata(path).is_ok_and(|metadata| metadata.len() == 0);
        if is_empty {
            drop(guarded(path, || Database::create(path))?);
            tracing::warn!(
                file = %path.display(),
                "the store was an empty file: it counts as new, with no blocks and no revoked keys"
            );
        }
        Self::open_with(path, Box::new(|path| Database::open(path)), clock)
    }

    pub(super) fn open_with(
        path: &Path,
        opener: Opener,
        clock: &dyn Clock,
    ) -> Result<(Self, Loaded), StoreError> {
        let database = guarded(path, || {
            let mut database = opener(path)?;
            if !database.check_integrity()? {
                tracing::warn!("the store was damaged and could be repaired");
            }
            Ok(database)
        })?;
        let of_file = |error| error_of(path, error);
        let openings = begin_run(path, &database)?;
        let loaded = Loaded {
            first_revision: openings << REVISION_BITS,
            ..load(&database, clock).map_err(of_file)?
        };
        let disk = Self {
            path: path.to_owned(),
            opener,
            openings,
            database: Mutex::new(Some(database)),
        };
        Ok((disk, loaded))
    }

    fn reopen(&self) -> Result<Database, StoreError> {
        let database = guarded(&self.path, || (self.opener)(&self.path))?;
        let openings = || -> Result<Option<u64>, redb::Error> {
            let meta = database.begin_read()?.open_table(META)?;
            Ok(meta.get(OPENINGS)?.map(|openings| openings.value()))
        };
        let found = openings().map_err(|error| error_of(&self.path, error))?;
        if found != Some(self.openings) {
            return Err(StoreError::Unavailable(format!(
                "{} was opened by another process in the meantime; start the hub again",
                self.path.display()
            )));
        }
        Ok(database)
    }
}

impl Disk for RedbDisk {
    fn commit(&self, batch: &[Op<'_>]) -> Result<(), StoreError> {
        let mut slot = self.database.lock().unwrap_or_else(PoisonError::into_inner);
        let database = match slot.take() {
            Some(database) => database,
            None => self.reopen()?,
        };
        // A disk that fails must not end the process, whatever redb makes of it.
        match panic::catch_unwind(AssertUnwindSafe(|| write(&database, batch))) {
            Ok(written) => written.map_err(|error| error_of(&self.path, error))?,
            Err(_) => {
                let _ = panic::catch_unwind(AssertUnwindSafe(|| drop(database)));
                let path = self.path.display();
                let text = format!("{path} cannot be written: the disk fails");
                return Err(StoreError::Unavailable(text));
            }
        }
        *slot = Some(database);
        Ok(())
    }
}

impl fmt::Debug for RedbDisk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedbDisk")
            .field("path", &self.path)
            .field("openings", &self.openings)
            .finish_non_exhaustive()
    }
}

/// Makes a file that is whole as soon as it is there.
fn make_if_missing(path: &Path) -> Result<(), StoreError> {
    let of_file = |error: io::Error| StoreError::of_file(path, &error);
    if path.try_exists().map_err(of_file)? {
        return Ok(());
    }
    let mut name = path.as_os_str().to_owned();
    name.push(".new");
    let new = PathBuf::from(name);
    let made = guarded(&new, || Database::create(&new));
    if let Err(StoreError::Corrupt { .. }) = made {
        // Of a start that was cut short, with nothing in it.
        fs::remove_file(&new).map_err(of_file)?;
        drop(guarded(&new, || Database::create(&new))?);
    } else {
        drop(made?);
    }
    // A link fails if somebody was faster, where a rename would replace what is there.
    match fs::hard_link(&new, path) {
        Ok(()) => fs::remove_file(&new).map_err(of_file)?,
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            fs::remove_file(&new).map_err(of_file)?;
        }
        Err(_) => fs::rename(&new, path).map_err(of_file)?,
    }
    sync_directory(path).map_err(of_file)
}

fn sync_directory(path: &Path) -> io::Result<()> {
    if cfg!(unix) {
        let parent = path.parent().filter(|parent| *parent != Path::new(""));
        fs::File::open(parent.unwrap_or_else(|| Path::new(".")))?.sync_all()?;
    }
    Ok(())
}

/// Opens a database. One that is damaged must not end the process, whatever redb makes of it.
fn guarded(
    path: &Path,
    open: impl FnOnce() -> Result<Database, DatabaseError>,
) -> Result<Database, StoreError> {
    panic::catch_unwind(AssertUnwindSafe(open))
        .map_err(|_| StoreError::Corrupt {
            path: path.to_owned(),
            reason: "it cannot be read".into(),
        })?
        .map_err(|error| error_of(path, error.into()))
}

/// Looks whether the file is ours, makes its tables if it is new, and counts this opening.
fn begin_run(path: &Path, database: &Database) -> Result<u64, StoreError> {
    let of_file = |error| error_of(path, error);
    let (format, openings, is_new) = read_meta(database).map_err(of_file)?;
    match format {
        Some(FORMAT_VERSION) => {}
        None if is_new => {}
        None => {
            return Err(StoreError::Corrupt {
                path: path.to_owned(),
                reason: "it is not the store of a hub".into(),
            });
        }
        Some(found) => {
            return Err(StoreError::UnknownFormat {
                path: path.to_owned(),
                found,
                known: FORMAT_VERSION,
            });
        }
    }
    let openings = openings.saturating_add(1);
    count_opening(database, openings).map_err(of_file)?;
    Ok(openings)
}

fn read_meta(database: &Database) -> Result<(Option<u64>, u64, bool), redb::Error> {
    let transaction = database.begin_read()?;
    let mut tables = transaction.list_tables()?;
    if !tables.any(|table| table.name() == META.name()) {
        let is_new = transaction.list_tables()?.next().is_none();
        return Ok((None, 0, is_new));
    }
    let meta = transaction.open_table(META)?;
    let number = |key| -> Result<Option<u64>, redb::Error> {
        Ok(meta.get(key)?.map(|number| number.value()))
    };
    Ok((number(FORMAT)?, number(OPENINGS)?.unwrap_or(0), false))
}

fn count_opening(database: &Database, openings: u64) -> Result<(), redb::Error> {
    let transaction = begin_write(database)?;
    {
        let mut meta = transaction.open_table(META)?;
        meta.insert(FORMAT, FORMAT_VERSION)?;
        meta.insert(OPENINGS, openings)?;
        transaction.open_table(LOG)?;
        for bucket in durable() {
            transaction.open_table(rows(bucket))?;
        }
    }
    transaction.commit()?;
    Ok(())
}

fn load(database: &Database, clock: &dyn Clock) -> Result<Loaded, redb::Error> {
    let (now, unix_us) = (clock.now(), clock.unix_micros());
    let transaction = database.begin_read()?;
    let mut loaded = Loaded::default();
    for bucket in durable() {
        for row in transaction.open_table(rows(bucket))?.iter()? {
            let (path, row) = row?;
            let (revision, ttl_us, expiry_unix_us, value) = row.value();
            let entry = Entry {
                value: value.into(),
                revision: Revision::new(revision),
            };
            let ttl = (ttl_us > 0).then_some(Span::from_micros(ttl_us));
            let left = Span::from_micros(expiry_unix_us.saturating_sub(unix_us));
            let slot = Slot {
                entry,
                ttl,
                deadline: ttl.map_or(Timestamp::NEVER, |ttl| now + life_left(ttl, left)),
            };
            loaded.slots.push((bucket, path.value().into(), slot));
        }
    }
    for record in transaction.open_table(LOG)?.iter()? {
        let (number, bytes) = record?;
        loaded.log.push(Record {
            number: number.value(),
            bytes: bytes.value().into(),
        });
    }
    Ok(loaded)
}

/// How long a lease goes on after a restart: long enough for its holder to come back, and never longer than a new one,
/// whatever the date says.
fn life_left(ttl: Span, left: Span) -> Span {
    left.max(RESTART_GRACE).min(ttl)
}

fn write(database: &Database, batch: &[Op<'_>]) -> Result<(), redb::Error> {
    let transaction = begin_write(database)?;
    for op in batch {
        apply(&transaction, op)?;
    }
    transaction.commit()?;
    Ok(())
}

fn apply(transaction: &WriteTransaction, op: &Op<'_>) -> Result<(), redb::Error> {
    match *op {
        Op::Set {
            bucket,
            path,
            saved,
        } => {
            let row = (
                saved.revision,
                saved.ttl_us,
                saved.expiry_unix_us,
                saved.value,
            );
            transaction.open_table(rows(bucket))?.insert(path, row)?;
        }
        Op::Remove { bucket, path } => {
            transaction.open_table(rows(bucket))?.remove(path)?;
        }
        Op::LogTail { first, records } => {
            let mut log = transaction.open_table(LOG)?;
            log.retain_in(first.., |_, _| false)?;
            for (number, record) in (first..).zip(records) {
                log.insert(number, *record)?;
            }
        }
        Op::LogForget { below } => {
            transaction
                .open_table(LOG)?
                .retain_in(..below, |_, _| false)?;
        }
    }
    Ok(())
}

fn begin_write(database: &Database) -> Result<WriteTransaction, redb::Error> {
    let mut transaction = database.begin_write()?;
    transaction.set_two_phase_commit(true);
    Ok(transaction)
}

fn durable() -> impl Iterator<Item = Bucket> {
    Bucket::ALL.into_iter().filter(|bucket| bucket.is_durable())
}

const fn rows(bucket: Bucket) -> TableDefinition<'static, &'static str, Row> {
    TableDefinition::new(bucket.name())
}

fn error_of(path: &Path, error: redb::Error) -> StoreError {
    match error {
        redb::Error::Io(error) => StoreError::of_file(path, &error),
        redb::Error::DatabaseAlreadyOpen => StoreError::InUse {
            path: path.to_owned(),
        },
        redb::Error::Corrupted(_)
        | redb::Error::RepairAborted
        | redb::Error::TableDoesNotExist(_)
        | redb::Error::TableIsMultimap(_)
        | redb::Error::TableTypeMismatch { .. }
        | redb::Error::TypeDefinitionChanged { .. }
        | redb::Error::UpgradeRequired(_) => StoreError::Corrupt {
            path: path.to_owned(),
            reason: error.to_string(),
        },
        _ => StoreError::Unavailable(format!("{}: {error}", path.display())),
    }
}

#[cfg(test)]
mod tests;
