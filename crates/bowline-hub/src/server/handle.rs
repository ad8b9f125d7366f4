//! What talks to a hub that runs.

use std::sync::mpsc;

use bowline::Waker;
use bowline_core::hub::SignedBody;
use bowline_core::identity::Identity;
use bowline_core::ids::AppId;

use crate::hub::Block;
use crate::hub::Counters;
use crate::hub::SentAway;
use crate::hub::SessionInfo;
use crate::hub::TooManyBlocks;

/// Talks to a hub that runs. Each request is answered between two rounds of the hub's thread, and waits until then; a
/// hub that has stopped refuses it.
#[derive(Clone, Debug)]
pub struct Handle {
    pub(super) requests: mpsc::SyncSender<Request>,
    pub(super) waker: Waker,
}

/// How a hub stands.
#[derive(Clone, Debug, Default)]
pub struct Standing {
    /// How many are signed in.
    pub sessions: usize,
    /// How many are connected.
    pub connections: usize,
    /// How many identities the operator has blocked beside those of the settings.
    pub blocks: usize,
    /// What has happened so far.
    pub counters: Counters,
}

/// What came of taking a block back.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Unblocked {
    /// Whether there was one.
    pub was_blocked: bool,
    /// Whether the settings block the identity all the same.
    pub is_blocked_by_settings: bool,
}

/// The hub does not run any more.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("the hub has stopped")]
pub struct Stopped;

#[derive(Debug)]
pub(super) enum Request {
    Standing(mpsc::SyncSender<Standing>),
    Sessions(u64, usize, mpsc::SyncSender<Vec<SessionInfo>>),
    Kick(AppId, Identity, mpsc::SyncSender<SentAway>),
    Block(
        Identity,
        Block,
        mpsc::SyncSender<Result<SentAway, TooManyBlocks>>,
    ),
    Unblock(Identity, mpsc::SyncSender<Unblocked>),
    Announce(u64, SignedBody, mpsc::SyncSender<()>),
    Stop(Farewell),
}

/// How a hub stops.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Farewell {
    /// Clients are told, and get a moment to hear it.
    Said,
    /// They find out.
    Unsaid,
}

impl Handle {
    /// How it stands.
    ///
    /// # Errors
    /// If the hub has stopped.
    pub fn standing(&self) -> Result<Standing, Stopped> {
        self.ask(Request::Standing)
    }

    /// Sessions with larger numbers than this one, by number: so many at most, and no more than
    /// [`MAX_SESSION_PAGE`](crate::limits::MAX_SESSION_PAGE). The first page begins after 0.
    ///
    /// # Errors
    /// If the hub has stopped.
    pub fn sessions(&self, after: u64, limit: usize) -> Result<Vec<SessionInfo>, Stopped> {
        self.ask(|answer| Request::Sessions(after, limit, answer))
    }

    /// Ends the session of an identity in a game, as [`Hub::kick`](crate::hub::Hub::kick) does. Nothing of it is kept for the
    /// next start.
    ///
    /// # Errors
    /// If the hub has stopped.
    pub fn kick(&self, app: AppId, identity: &Identity) -> Result<SentAway, Stopped> {
        self.ask(|answer| Request::Kick(app, identity.clone(), answer))
    }

    /// Keeps an identity out from now on, as [`Hub::block`](crate::hub::Hub::block) does. Nothing of it is kept for the next
    /// start.
    ///
    /// # Errors
    /// If the hub has stopped; within, if there is no room for another block.
    pub fn block(
        &self,
        identity: &Identity,
        block: Block,
    ) -> Result<Result<SentAway, TooManyBlocks>, Stopped> {
        self.ask(|answer| Request::Block(identity.clone(), block, answer))
    }

    /// Takes a block back.
    ///
    /// # Errors
    /// If the hub has stopped.
    pub fn unblock(&self, identity: &Identity) -> Result<Unblocked, Stopped> {
        self.ask(|answer| Request::Unblock(identity.clone(), answer))
    }

    /// Has it tell all clients about the network, as [`Server::announce`](crate::server::Server::announce) does.
    ///
    /// # Errors
    /// If the hub has stopped.
    pub fn announce(&self, revision: u64, body: SignedBody) -> Result<(), Stopped> {
        self.ask(|answer| Request::Announce(revision, body, answer))
    }

    /// Has it tell its clients and stop, within a second. Nothing happens if it has stopped.
    pub fn stop(&self) {
        let _ = self.send(Request::Stop(Farewell::Said));
    }

    /// Has it stop without a word to clients but the end of their connections. For tests of what happens then.
    pub fn abort(&self) {
        let _ = self.send(Request::Stop(Farewell::Unsaid));
    }

    fn ask<T>(&self, request: impl FnOnce(mpsc::SyncSender<T>) -> Request) -> Result<T, Stopped> {
        let (answer, answered) = mpsc::sync_channel(1);
        self.send(request(answer))?;
        answered.recv().map_err(|_| Stopped)
    }

    fn send(&self, request: Request) -> Result<(), Stopped> {
        self.requests.send(request).map_err(|_| Stopped)?;
        self.waker.wake();
        Ok(())
    }
}
