//! What the operator does while the hub runs, so that it holds at once and after a restart.
//!
//! ```text
//! HTTP ──▶ Operator ──▶ Handle ──▶ the hub's thread: at once
//!             │
//!             └──────▶ Decisions ──▶ store: after a restart
//! ```
//!
//! The hub hears of it first, then the store: who is to be sent away goes, whether or not the disk is full. If the store does
//! not take it, the operator is told ([`OperatorError::NotKept`]) and may try again, which does no harm. With revoked keys it is
//! the other way round, since what clients are told of them is signed with a revision that the store keeps.
//!
//! All calls may block, for the hub's round or a disk's time. One decision is made at a time.

mod network;

use std::cmp::Reverse;
use std::fmt;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::MutexGuard;
use std::sync::PoisonError;

use bowline_core::cert::authority::KeyId;
use bowline_core::hub::FromHub;
use bowline_core::hub::NetworkConfigError;
use bowline_core::hub::SignedBody;
use bowline_core::hub::limits::MAX_NETWORK_REVOKED;
use bowline_core::identity::Identity;
use bowline_core::ids::AppId;
use bowline_io::clock::Clock;

use crate::http::NetworkConfig as Published;
use crate::hub::Block;
use crate::hub::SentAway;
use crate::hub::TooManyBlocks;
use crate::limits::MAX_BLOCKS;
use crate::server::Handle;
use crate::server::Server;
use crate::server::Stopped;
use crate::server::Unblocked;
use crate::store::Decisions;
use crate::store::KeptBlock;
use crate::store::KeptKick;
use crate::store::Store;
use crate::store::StoreError;

pub use self::network::Publisher;

/// What the operator may do with a hub.
#[derive(Debug)]
pub struct Operator {
    hub: Handle,
    decisions: Decisions,
    publisher: Publisher,
    published: Published,
    /// Held while something is decided.
    turn: Mutex<()>,
}

/// Why something was not done, or not all of it.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum OperatorError {
    /// The hub does not run any more.
    #[error(transparent)]
    Stopped(#[from] Stopped),
    /// No further identity can be blocked.
    #[error(transparent)]
    TooManyBlocks(#[from] TooManyBlocks),
    /// No further key can be revoked.
    #[error(
        "at most {MAX_NETWORK_REVOKED} keys can be revoked, by the settings ([network] revoked) and over HTTP together: \
         take some back"
    )]
    TooManyRevoked,
    /// Nor could it start with all that are.
    #[error(
        "[network] revoked has {settings} keys, and {others} others were revoked over HTTP, more than {MAX_NETWORK_REVOKED} \
         together: take {} out of [network] revoked", settings + others - MAX_NETWORK_REVOKED
    )]
    TooManyToStart {
        /// Those of the settings.
        settings: usize,
        /// Those of the store that are not in the settings.
        others: usize,
    },
    /// The hub would be trusted no more itself.
    #[error("{0} is {1}: {hint}", hint = .1.hint())]
    OwnKey(KeyId, OwnKey),
    /// Nobody is to trust the hub itself: a key of it was revoked before.
    #[error(
        "{0} is revoked, and it is {1}: nobody is to trust this hub; docs/hub.md tells how to replace it"
    )]
    OwnKeyRevoked(KeyId, OwnKey),
    /// It is done, and a restart undoes it.
    #[error("it is done, but the next start of the hub knows nothing of it: {0}")]
    NotKept(StoreError),
    /// Nobody is told, but it is in the store: the hub tells it with its next start.
    #[error(
        "it was not told, but will be with the next decision on a key or the next start of the hub: {0}"
    )]
    NotTold(StoreError),
    /// Nothing was done: the store cannot be asked, or takes no writes.
    #[error("nothing was done: {0}")]
    Store(#[from] StoreError),
    /// What clients are to be told about the network cannot be signed.
    #[error("nothing was done: {0}")]
    Network(#[from] NetworkConfigError),
}

/// A key of the hub without which nobody trusts it, or what it tells.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum OwnKey {
    /// It signs certificates.
    Authority,
    /// Clients know the hub by it.
    Identity,
    /// It signs what clients are told about the network.
    Config,
}

/// What came of revoking a key, or of taking that back.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Revocation {
    /// Whether it was otherwise before.
    pub is_news: bool,
    /// Whether the key is revoked by the settings, whatever is decided here.
    pub is_in_settings: bool,
    /// The revision of what clients are told about the network now.
    pub revision: u64,
}

impl Operator {
    /// Tells a hub that is about to run what was decided before, and all clients about the network.
    ///
    /// # Errors
    /// If the store cannot be asked, a key of the hub is revoked, or what clients are to be told cannot be signed or kept.
    pub fn open(
        server: &mut Server,
        store: Arc<dyn Store>,
        publisher: Publisher,
        published: Published,
    ) -> Result<Self, OperatorError> {
        let decisions = Decisions::new(store);
        check_own_keys(&publisher, &decisions)?;
        publisher.check_room(&decisions.revoked()?)?;
        let hub = server.hub_mut();
        for kick in decisions.kicks()? {
            hub.restore_kick(kick.app, &kick.identity, kick.unix_us);
        }
        // Those too that do not hold by the date of the start, whose clock may be ahead until it is set.
        let mut blocks = decisions.blocks("", usize::MAX, 0)?;
        // If there is no room for all, for those that hold longest: others have ended, or are about to.
        blocks.sort_by_key(|(_, kept)| Reverse(kept.block.until_unix_secs.unwrap_or(u64::MAX)));
        let left_out = blocks.len().saturating_sub(MAX_BLOCKS);
        blocks.truncate(MAX_BLOCKS);
        for (_, kept) in blocks {
            hub.restore_block(&kept.identity, kept.block)?;
        }
        if left_out > 0 {
            tracing::error!(left_out, "more than {MAX_BLOCKS} blocks are in the store");
        }
        let operator = Self {
            hub: server.handle(),
            decisions,
            publisher,
            published,
            turn: Mutex::new(()),
        };
        let (revision, body) = operator.sign()?;
        server.announce(revision, body.clone());
        operator.publish(revision, body);
        Ok(operator)
    }

    /// What talks to the hub.
    pub const fn hub(&self) -> &Handle {
        &self.hub
    }

    /// Ends the session of an identity in a game. Says whether there was one.
    ///
    /// # Errors
    /// If the hub has stopped, or what the client got for coming back will be good again after a restart.
    pub fn kick(&self, app: AppId, identity: &Identity) -> Result<bool, OperatorError> {
        let _turn = self.take_turn();
        let sent_away = self.hub.kick(app, identity)?;
        self.keep_kick(app, identity, sent_away)?;
        Ok(sent_away.sessions > 0)
    }

    /// Keeps an identity out, for so many seconds or for ever, and ends its sessions. Says how many those were. The text is
    /// for the player.
    ///
    /// # Errors
    /// If the hub has stopped or has no room for another block, or the block ends with the next restart.
    pub fn block(
        &self,
        identity: &Identity,
        secs: Option<u64>,
        text: &str,
    ) -> Result<usize, OperatorError> {
        let _turn = self.take_turn();
        let since_unix_secs = Clock::unix_seconds();
        let block = Block {
            until_unix_secs: secs.map(|secs| since_unix_secs.saturating_add(secs)),
            text: text.to_owned(),
        };
        let sent_away = self.hub.block(identity, block.clone())??;
        let kept = KeptBlock {
            identity: identity.clone(),
            since_unix_secs,
            block,
        };
        let kept = self.decisions.keep_block(&kept);
        kept.map_err(OperatorError::NotKept)?;
        self.keep_kick(AppId::ANY, identity, sent_away)?;
        Ok(sent_away.sessions)
    }

    /// Takes a block back.
    ///
    /// # Errors
    /// If the hub has stopped, or the block is there again after a restart.
    pub fn unblock(&self, identity: &Identity) -> Result<Unblocked, OperatorError> {
        let _turn = self.take_turn();
        let unblocked = self.hub.unblock(identity)?;
        let forgotten = self.decisions.forget_block(identity);
        forgotten.map_err(OperatorError::NotKept)?;
        Ok(unblocked)
    }

    /// Who is blocked beside those of the settings: `limit` at most, each with its place, after a place.
    ///
    /// # Errors
    /// If the store cannot be asked.
    pub fn blocks(
        &self,
        after: &str,
        limit: usize,
    ) -> Result<Vec<(String, KeptBlock)>, OperatorError> {
        Ok(self.decisions.blocks(after, limit, Clock::unix_seconds())?)
    }

    /// Has nobody trust a key from now on: the hub signs no certificate for it, and clients are told.
    ///
    /// # Errors
    /// If it is a key of the hub itself ([`OwnKey`]), there are too many, the store does not take it, or the hub has stopped.
    pub fn revoke(&self, id: KeyId) -> Result<Revocation, OperatorError> {
        let _turn = self.take_turn();
        if let Some(own) = self.publisher.own_key(id) {
            return Err(OperatorError::OwnKey(id, own));
        }
        let before = self.decisions.revoked()?;
        let is_in_settings = self.publisher.revokes(id);
        let is_news = !is_in_settings && !before.contains(&id);
        if is_news {
            self.decisions.keep_revoked(id)?;
        }
        let told = self.tell();
        let revision = match is_news {
            // As it was: what is not told does not come up at some later time.
            true => told.map_err(|error| {
                let restored = self.decisions.forget_revoked(id).map(drop);
                after_restoring(error, restored)
            })?,
            false => told?,
        };
        Ok(Revocation {
            is_news,
            is_in_settings,
            revision,
        })
    }

    /// Takes back that nobody is to trust a key.
    ///
    /// # Errors
    /// If the store does not take it, or the hub has stopped.
    pub fn unrevoke(&self, id: KeyId) -> Result<Revocation, OperatorError> {
        let _turn = self.take_turn();
        let is_in_settings = self.publisher.revokes(id);
        let was_kept = self.decisions.forget_revoked(id)?;
        let told = self.tell();
        let revision = match was_kept {
            true => told.map_err(|error| {
                let restored = self.decisions.keep_revoked(id);
                after_restoring(error, restored)
            })?,
            false => told?,
        };
        Ok(Revocation {
            is_news: was_kept && !is_in_settings,
            is_in_settings,
            revision,
        })
    }

    /// The keys that nobody is to trust, those of the settings too; each with whether it is one of them.
    ///
    /// # Errors
    /// If the store cannot be asked.
    pub fn revoked(&self) -> Result<Vec<(KeyId, bool)>, OperatorError> {
        let kept = self.decisions.revoked()?;
        let all = self.publisher.with_settings(&kept);
        let all = all.into_iter().map(|id| (id, self.publisher.revokes(id)));
        Ok(all.collect())
    }

    fn keep_kick(
        &self,
        app: AppId,
        identity: &Identity,
        sent_away: SentAway,
    ) -> Result<(), OperatorError> {
        let kick = KeptKick {
            identity: identity.clone(),
            app,
            unix_us: sent_away.unix_us,
        };
        let kept = self.decisions.keep_kick(&kick);
        kept.map_err(OperatorError::NotKept)
    }

    /// Tells all clients about the network as it is now, and says with which revision.
    fn tell(&self) -> Result<u64, OperatorError> {
        let (revision, body) = self.sign()?;
        self.hub.announce(revision, body.clone())?;
        self.publish(revision, body);
        Ok(revision)
    }

    fn sign(&self) -> Result<(u64, SignedBody), OperatorError> {
        let revoked = self.decisions.revoked()?;
        let store = self.decisions.store();
        self.publisher.sign(&revoked, store, Clock::unix_seconds())
    }

    fn publish(&self, revision: u64, body: SignedBody) {
        let body = Some(body);
        let told = FromHub::Config { revision, body };
        self.published.publish(told.encode());
    }

    fn take_turn(&self) -> MutexGuard<'_, ()> {
        self.turn.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl OwnKey {
    const fn hint(self) -> &'static str {
        match self {
            Self::Authority => "promote another key first",
            Self::Identity => "replace it first (docs/hub.md, Replacing keys)",
            // What is revoked is told by this very key.
            Self::Config => {
                "clients that pin it would follow it all the same; replace it first (docs/hub.md, Replacing keys)"
            }
        }
    }
}

impl fmt::Display for OwnKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Authority => "the authority by which this hub signs certificates",
            Self::Identity => "the identity that clients know this hub by",
            Self::Config => "the key by which this hub signs what it tells clients",
        })
    }
}

/// Refuses to serve with keys that were revoked, which nobody is to trust.
fn check_own_keys(publisher: &Publisher, decisions: &Decisions) -> Result<(), OperatorError> {
    for id in publisher.with_settings(&decisions.revoked()?) {
        if let Some(own) = publisher.own_key(id) {
            return Err(OperatorError::OwnKeyRevoked(id, own));
        }
    }
    Ok(())
}

/// What is told of something that failed halfway, by whether the store is as it was before.
fn after_restoring(error: OperatorError, restored: Result<(), StoreError>) -> OperatorError {
    match restored {
        Ok(()) => error,
        Err(why) => OperatorError::NotTold(why),
    }
}

#[cfg(test)]
mod tests;
