//! What the operator has decided while hubs ran, as it is kept in a store: whom it blocks, whom it has sent away, and which
//! keys nobody is to trust any more.
//!
//! | key | holds | lives |
//! |---|---|---|
//! | `policy/block/IDENTITY` | since when, until when, and the words for the player | until it ends or is taken back |
//! | `policy/kick/APP/IDENTITY` | when that was | for as long as what clients got before could be used |
//! | `policy/kick-all/IDENTITY` | the same of all games, as blocks do it: apart, so that many of them drive out no kicks | as long |
//! | `revoked/key/ID` | nothing | until it is taken back |
//!
//! What ends by itself is a lease, so that the store clears it away. Until when a block holds is said by its date nevertheless:
//! its lease is a day longer, for a clock that is set back, and leases on disk get some more time with a restart.

use std::sync::Arc;
use std::sync::atomic::AtomicU32;
use std::sync::atomic::Ordering;

use bowline_core::cert::authority::KeyId;
use bowline_core::identity::Identity;
use bowline_core::ids::AppId;
use bowline_core::time::Span;
use prost::Message;

use crate::hub::Block;
use crate::limits::KICK_ROUND;
use crate::limits::MAX_BLOCKS;
use crate::limits::MAX_KICKED;
use crate::limits::RESUME_LIFETIME_SECS;
use crate::store::Bucket;
use crate::store::Entry;
use crate::store::Key;
use crate::store::KeyError;
use crate::store::Prefix;
use crate::store::Store;
use crate::store::StoreError;

/// Kicks from one game, in the store.
const KICK: &str = "kick";
/// Kicks from all games.
const KICK_ALL: &str = "kick-all";
/// How much longer a block is kept than it holds, in seconds.
const MORE_THAN_BLOCK_SECS: u64 = 24 * 3600;

/// The operator's decisions in a store.
#[derive(Debug)]
pub struct Decisions {
    store: Arc<dyn Store>,
    /// How many kicks were kept.
    kicks: AtomicU32,
}

/// Somebody who is kept out.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct KeptBlock {
    /// Who.
    pub identity: Identity,
    /// Since when, in seconds since 1970.
    pub since_unix_secs: u64,
    /// Until when, and with which words.
    pub block: Block,
}

/// Somebody who was sent away.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct KeptKick {
    /// Who.
    pub identity: Identity,
    /// From which game; [`AppId::ANY`] for all.
    pub app: AppId,
    /// When, in microseconds since 1970.
    pub unix_us: u64,
}

#[derive(Clone, PartialEq, Message)]
struct BlockValue {
    #[prost(uint64, tag = "1")]
    since: u64,
    #[prost(uint64, optional, tag = "2")]
    until: Option<u64>,
    #[prost(string, tag = "3")]
    text: String,
}

#[derive(Clone, PartialEq, Message)]
struct KickValue {
    #[prost(uint64, tag = "1")]
    unix_us: u64,
}

impl Decisions {
    /// Those of a store.
    pub const fn new(store: Arc<dyn Store>) -> Self {
        Self {
            store,
            kicks: AtomicU32::new(0),
        }
    }

    /// The store that they are in.
    pub fn store(&self) -> &dyn Store {
        &*self.store
    }

    /// Keeps a block, in the place of one of the same identity.
    ///
    /// # Errors
    /// Why the store takes no writes.
    pub fn keep_block(&self, kept: &KeptBlock) -> Result<(), StoreError> {
        let KeptBlock {
            since_unix_secs,
            block,
            ..
        } = kept;
        let value = BlockValue {
            since: *since_unix_secs,
            until: block.until_unix_secs,
            text: block.text.clone(),
        };
        let left = block.until_unix_secs.map(|until| {
            // A clock that is set back has the block hold for longer than the lease would.
            let secs = until.saturating_sub(*since_unix_secs);
            Span::from_secs(secs.saturating_add(MORE_THAN_BLOCK_SECS))
        });
        let key = block_key(&kept.identity)?;
        self.store.put(&key, &value.encode_to_vec(), left)?;
        Ok(())
    }

    /// Forgets a block; says whether there was one.
    ///
    /// # Errors
    /// Why the store takes no writes.
    pub fn forget_block(&self, identity: &Identity) -> Result<bool, StoreError> {
        self.forget(&block_key(identity)?)
    }

    /// Those blocks that hold at a date, in the order of their keys: `limit` at most, after the one whose key in a page this is.
    ///
    /// # Errors
    /// If the store cannot be asked.
    pub fn blocks(
        &self,
        after: &str,
        limit: usize,
        unix_secs: u64,
    ) -> Result<Vec<(String, KeptBlock)>, StoreError> {
        let listing = self.store.list(&prefix(Bucket::Policy, "block")?)?;
        let blocks = listing.entries.iter().filter_map(|(key, entry)| {
            let (_, place) = key.path().split_once('/')?;
            if place <= after {
                return None;
            }
            let kept = readable(key, read_block(key, entry))?;
            kept.block
                .holds(unix_secs)
                .then(|| (place.to_owned(), kept))
        });
        Ok(blocks.take(limit).collect())
    }

    /// Keeps that somebody was sent away, for as long as that matters. The oldest of [`MAX_KICKED`] make room, or of [`MAX_BLOCKS`] if
    /// it was from all games: the first time, and then once in [`KICK_ROUND`] times.
    ///
    /// # Errors
    /// Why the store takes no writes.
    pub fn keep_kick(&self, kick: &KeptKick) -> Result<(), StoreError> {
        let value = KickValue {
            unix_us: kick.unix_us,
        };
        let lifetime = Some(Span::from_secs(RESUME_LIFETIME_SECS));
        let key = kick_key(kick)?;
        self.store.put(&key, &value.encode_to_vec(), lifetime)?;
        if self
            .kicks
            .fetch_add(1, Ordering::Relaxed)
            .is_multiple_of(KICK_ROUND)
        {
            self.make_room(KICK, MAX_KICKED)?;
            self.make_room(KICK_ALL, MAX_BLOCKS)?;
        }
        Ok(())
    }

    /// Forgets the oldest kicks of a kind beyond so many.
    fn make_room(&self, kind: &str, most: usize) -> Result<(), StoreError> {
        let mut kept = self.store.list(&prefix(Bucket::Policy, kind)?)?.entries;
        let more = kept.len().saturating_sub(most);
        if more > 0 {
            kept.sort_by_key(|(_, entry)| entry.revision);
        }
        for (key, entry) in kept.iter().take(more) {
            match self.store.delete(key, entry.revision) {
                // Another hub was faster.
                Ok(_) | Err(StoreError::Missing { .. } | StoreError::Conflict { .. }) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Who was sent away, the latest last.
    ///
    /// # Errors
    /// If the store cannot be asked.
    pub fn kicks(&self) -> Result<Vec<KeptKick>, StoreError> {
        let mut kept = self.store.list(&prefix(Bucket::Policy, KICK)?)?.entries;
        let of_all_games = self.store.list(&prefix(Bucket::Policy, KICK_ALL)?)?;
        kept.extend(of_all_games.entries);
        kept.sort_by_key(|(_, entry)| entry.revision);
        let kicks = kept.iter();
        let kicks = kicks.filter_map(|(key, entry)| readable(key, read_kick(key, entry)));
        Ok(kicks.collect())
    }

    /// Keeps that a key is revoked.
    ///
    /// # Errors
    /// Why the store takes no writes.
    pub fn keep_revoked(&self, id: KeyId) -> Result<(), StoreError> {
        self.store.put(&revoked_key(id)?, &[], None)?;
        Ok(())
    }

    /// Forgets that a key is revoked; says whether it was.
    ///
    /// # Errors
    /// Why the store takes no writes.
    pub fn forget_revoked(&self, id: KeyId) -> Result<bool, StoreError> {
        self.forget(&revoked_key(id)?)
    }

    /// The keys that are revoked, by their IDs.
    ///
    /// # Errors
    /// If the store cannot be asked.
    pub fn revoked(&self) -> Result<Vec<KeyId>, StoreError> {
        let listing = self.store.list(&prefix(Bucket::Revoked, "key")?)?;
        let ids = listing.entries.iter().filter_map(|(key, _)| {
            let id = key.segments().get(1).and_then(|id| id.parse().ok());
            readable(key, id.map(KeyId::new))
        });
        let mut ids: Vec<KeyId> = ids.collect();
        ids.sort_unstable();
        Ok(ids)
    }

    fn forget(&self, key: &Key) -> Result<bool, StoreError> {
        let Some(entry) = self.store.get(key)? else {
            return Ok(false);
        };
        match self.store.delete(key, entry.revision) {
            Ok(_) => Ok(true),
            Err(StoreError::Missing { .. }) => Ok(false),
            Err(error) => Err(error),
        }
    }
}

fn read_block(key: &Key, entry: &Entry) -> Option<KeptBlock> {
    let value = BlockValue::decode(&*entry.value).ok()?;
    Some(KeptBlock {
        identity: key.segments().get(1)?.parse().ok()?,
        since_unix_secs: value.since,
        block: Block {
            until_unix_secs: value.until,
            text: value.text,
        },
    })
}

fn read_kick(key: &Key, entry: &Entry) -> Option<KeptKick> {
    let segments = key.segments();
    let mut segments = segments.iter().map(String::as_str);
    let (app, identity) = match (segments.next()?, segments.next()?, segments.next()) {
        (KICK, app, Some(identity)) => (AppId::new(app.parse().ok()?), identity),
        (KICK_ALL, identity, None) => (AppId::ANY, identity),
        _ => return None,
    };
    Some(KeptKick {
        identity: identity.parse().ok()?,
        app,
        unix_us: KickValue::decode(&*entry.value).ok()?.unix_us,
    })
}

/// What a later version wrote may be something else.
fn readable<T>(key: &Key, read: Option<T>) -> Option<T> {
    if read.is_none() {
        tracing::warn!(key = key.path(), "what the store has there cannot be read");
    }
    read
}

fn block_key(identity: &Identity) -> Result<Key, StoreError> {
    key(Bucket::Policy, &["block", &identity.to_string()])
}

fn kick_key(kick: &KeptKick) -> Result<Key, StoreError> {
    let identity = kick.identity.to_string();
    match kick.app {
        AppId::ANY => key(Bucket::Policy, &[KICK_ALL, &identity]),
        app => key(Bucket::Policy, &[KICK, &app.get().to_string(), &identity]),
    }
}

fn revoked_key(id: KeyId) -> Result<Key, StoreError> {
    key(Bucket::Revoked, &["key", &id.get().to_string()])
}

/// The longest identity fits.
fn key(bucket: Bucket, segments: &[&str]) -> Result<Key, StoreError> {
    Key::new(bucket, segments).map_err(|error| unnamed(&error))
}

fn prefix(bucket: Bucket, segment: &str) -> Result<Prefix, StoreError> {
    Prefix::new(bucket, &[segment]).map_err(|error| unnamed(&error))
}

fn unnamed(error: &KeyError) -> StoreError {
    StoreError::Unavailable(error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::LocalStore;
    use crate::store::SystemClock;

    fn kick(app: AppId, number: usize) -> KeptKick {
        KeptKick {
            identity: format!("str:{number}").parse().unwrap(),
            app,
            unix_us: 1,
        }
    }

    /// Keeps so many kicks, as those before a restart of the hub, and one more.
    fn keep_kicks(decisions: &Decisions, app: AppId, count: usize) {
        for number in 0..count - 1 {
            let key = kick_key(&kick(app, number)).unwrap();
            let value = KickValue { unix_us: 1 }.encode_to_vec();
            decisions.store.put(&key, &value, None).unwrap();
        }
        decisions.keep_kick(&kick(app, count - 1)).unwrap();
    }

    #[test]
    fn limit_kicks_that_are_kept() {
        let apps = [(AppId::new(480), MAX_KICKED), (AppId::ANY, MAX_BLOCKS)];
        for (app, most) in apps {
            let store = LocalStore::in_memory(Arc::new(SystemClock::new()));
            let decisions = Decisions::new(Arc::new(store));
            keep_kicks(&decisions, app, most + 2);
            let kept = decisions.kicks().unwrap();
            assert_eq!(kept.len(), most);
            assert_eq!(kept[0], kick(app, 2), "the oldest have made room");
        }
    }

    #[test]
    fn regression_limit_kicks_are_looked_through_once_in_a_round() {
        let store = LocalStore::in_memory(Arc::new(SystemClock::new()));
        let decisions = Decisions::new(Arc::new(store));
        let game = AppId::new(480);
        keep_kicks(&decisions, game, MAX_KICKED);
        let round = KICK_ROUND as usize;
        for number in 1..round {
            // Of whichever kind.
            let app = [game, AppId::ANY][number % 2];
            let kick = kick(app, MAX_KICKED + number);
            decisions.keep_kick(&kick).unwrap();
        }
        let kept = |app| {
            let kicks = decisions.kicks().unwrap();
            kicks.iter().filter(|kick| kick.app == app).count()
        };
        assert_eq!(kept(game), MAX_KICKED + round / 2 - 1);
        decisions.keep_kick(&kick(AppId::ANY, 0)).unwrap();
        assert_eq!((kept(game), kept(AppId::ANY)), (MAX_KICKED, round / 2 + 1));
    }

    #[test]
    fn regression_kicks_of_blocks_drive_out_no_others() {
        let store = LocalStore::in_memory(Arc::new(SystemClock::new()));
        let decisions = Decisions::new(Arc::new(store));
        let of_a_game = kick(AppId::new(480), 0);
        decisions.keep_kick(&of_a_game).unwrap();
        keep_kicks(&decisions, AppId::ANY, MAX_KICKED);
        let kept = decisions.kicks().unwrap();
        assert_eq!((kept.len(), &kept[0]), (MAX_KICKED + 1, &of_a_game));
    }

    #[test]
    fn what_cannot_be_read_is_left_out() {
        let store = Arc::new(LocalStore::in_memory(Arc::new(SystemClock::new())));
        for (bucket, segments, value) in [
            (Bucket::Policy, &["block", "nobody"][..], &b""[..]),
            (Bucket::Policy, &["block", "str:anna"], b"\xff"),
            (Bucket::Policy, &["kick", "480", "nobody"], b""),
            (Bucket::Policy, &["kick", "game", "str:anna"], b""),
            (Bucket::Policy, &["kick", "480"], b""),
            (Bucket::Policy, &["kick-all", "nobody"], b""),
            (Bucket::Policy, &["kick-all", "480", "str:anna"], b""),
            (Bucket::Revoked, &["key", "x"], b""),
        ] {
            let key = Key::new(bucket, segments).unwrap();
            store.put(&key, value, None).unwrap();
        }
        let decisions = Decisions::new(store);
        assert_eq!(decisions.blocks("", 10, 0), Ok(vec![]));
        assert_eq!(decisions.kicks(), Ok(vec![]));
        assert_eq!(decisions.revoked(), Ok(vec![]));
    }
}
