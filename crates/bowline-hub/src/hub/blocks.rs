//! Whom the operator sends away, for once or for longer.
//!
//! A *kick* ends a session. What its client got for coming back is worth nothing any more, and so it signs in by its credential or
//! not at all. A *block* keeps an identity out of all games, by whatever it shows, until it ends or is taken back.
//!
//! Both are in memory here, and take effect at once. Whoever runs the hub keeps them elsewhere if they are to outlast
//! it, and tells them again at the next start ([`Hub::restore_kick`], [`Hub::restore_block`]). What [`Policy::blocked`](crate::hub::Policy::blocked)
//! names is blocked beside that, and nothing here takes it back.

use std::collections::HashMap;

use bowline_core::hub::Goodbye;
use bowline_core::hub::Refusal;
use bowline_core::identity::Identity;
use bowline_core::ids::AppId;

use crate::hub::Hub;
use crate::limits::MAX_BLOCKS;

/// How long an identity is kept out, and why.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Block {
    /// Until when, in seconds since 1970; `None` if it does not end by itself.
    pub until_unix_secs: Option<u64>,
    /// For the player. Clients get 127 bytes of it at most.
    pub text: String,
}

/// Somebody was sent away.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct SentAway {
    /// How many sessions that ended.
    pub sessions: usize,
    /// When, in microseconds since 1970. What was given for coming back to who signed in until then is worth nothing.
    pub unix_us: u64,
}

/// There is no room for another block.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("{MAX_BLOCKS} identities are blocked, which is as many as there may be")]
pub struct TooManyBlocks;

/// Who is blocked. Blocks that have ended stay until their room is needed: a clock that is ahead for a moment ends none for good.
#[derive(Debug, Default)]
pub(super) struct Blocks(HashMap<Identity, Block>);

impl Block {
    /// Whether it still holds.
    pub fn holds(&self, unix_secs: u64) -> bool {
        self.until_unix_secs.is_none_or(|until| unix_secs < until)
    }
}

impl Hub {
    /// Ends a session because the operator wants it to. What it got for coming back is worth nothing any more. Only a block
    /// keeps somebody out.
    pub fn kick(&mut self, app: AppId, identity: &Identity) -> SentAway {
        let whose = (app, identity.clone());
        let unix_us = self.unix_us(self.now);
        self.past.kick(self.now, unix_us, &whose);
        let owner = self.owners.get(&whose).copied();
        if let Some(client) = owner {
            self.dismiss(client, Goodbye::Kicked);
        }
        SentAway {
            sessions: usize::from(owner.is_some()),
            unix_us,
        }
    }

    /// Kicks somebody as at an earlier time, which a hub before this one had done. `app` is [`AppId::ANY`] for all games.
    pub fn restore_kick(&mut self, app: AppId, identity: &Identity, unix_us: u64) {
        self.past.kick(self.now, unix_us, &(app, identity.clone()));
    }

    /// Keeps an identity out from now on, and ends its sessions in all games. A block that there is already is replaced.
    ///
    /// # Errors
    /// If there is no room for it. Nothing has happened then.
    pub fn block(&mut self, identity: &Identity, block: Block) -> Result<SentAway, TooManyBlocks> {
        let unix_us = self.unix_us(self.now);
        let text = match block.text.as_str() {
            "" => Refusal::Blocked.to_string(),
            text => format!("blocked: {text}"),
        };
        let unix_secs = self.unix_secs(self.now);
        self.blocks.put(unix_secs, identity, block)?;
        self.past
            .kick(self.now, unix_us, &(AppId::ANY, identity.clone()));
        let whose = self.owners.iter();
        let whose = whose.filter(|((_, owner), _)| owner == identity);
        let mut clients: Vec<_> = whose.map(|(_, client)| *client).collect();
        clients.sort_unstable();
        for client in &clients {
            self.dismiss_saying(*client, Goodbye::Kicked, text.clone());
        }
        Ok(SentAway {
            sessions: clients.len(),
            unix_us,
        })
    }

    /// Keeps an identity out that a hub before this one had blocked. Its kick is told apart, by [`restore_kick`](Self::restore_kick):
    /// many blocks must not drive out what is known of kicks.
    ///
    /// # Errors
    /// If there is no room for it.
    pub fn restore_block(
        &mut self,
        identity: &Identity,
        block: Block,
    ) -> Result<(), TooManyBlocks> {
        let unix_secs = self.unix_secs(self.now);
        self.blocks.put(unix_secs, identity, block)
    }

    /// Takes a block back; says whether there was one.
    pub fn unblock(&mut self, identity: &Identity) -> bool {
        let unix_secs = self.unix_secs(self.now);
        self.blocks.take(unix_secs, identity)
    }

    /// Whether the settings block an identity, which nothing but other settings takes back.
    pub fn is_blocked_by_policy(&self, identity: &Identity) -> bool {
        self.policy.blocked.contains(identity)
    }

    /// How many identities are blocked beside those of the settings.
    pub fn blocks(&self) -> usize {
        let unix_secs = self.unix_secs(self.now);
        let blocks = self.blocks.0.values();
        blocks.filter(|block| block.holds(unix_secs)).count()
    }

    pub(super) fn check_blocked(&self, identity: &Identity) -> Result<(), (Refusal, String)> {
        if self.is_blocked_by_policy(identity) {
            return Err((Refusal::Blocked, String::new()));
        }
        let unix_secs = self.unix_secs(self.now);
        let block = self.blocks.0.get(identity);
        match block.filter(|block| block.holds(unix_secs)) {
            Some(block) => Err((Refusal::Blocked, block.text.clone())),
            None => Ok(()),
        }
    }
}

impl Blocks {
    fn put(
        &mut self,
        unix_secs: u64,
        identity: &Identity,
        block: Block,
    ) -> Result<(), TooManyBlocks> {
        if self.0.len() >= MAX_BLOCKS && !self.0.contains_key(identity) {
            self.0.retain(|_, block| block.holds(unix_secs));
            if self.0.len() >= MAX_BLOCKS {
                return Err(TooManyBlocks);
            }
        }
        self.0.insert(identity.clone(), block);
        Ok(())
    }

    fn take(&mut self, unix_secs: u64, identity: &Identity) -> bool {
        let taken = self.0.remove(identity);
        taken.is_some_and(|block| block.holds(unix_secs))
    }
}
