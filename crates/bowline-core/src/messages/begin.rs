//! How sessions begin.

use alloc::sync::Arc;

use crate::counters::DropReason;
use crate::identity::Identity;
use crate::ids::ConnectionId;
use crate::limits;
use crate::messages::AskError;
use crate::messages::NoSession;
use crate::messages::PlanError;
use crate::messages::SendPlan;
use crate::messages::SessionEvent;
use crate::messages::Sessions;
use crate::messages::pieces::Pieces;
use crate::messages::session::Link;
use crate::messages::session::Session;
use crate::time::Timestamp;

impl<I> Sessions<I> {
    /// Says how to send to a peer, which counts as use of the session. `restart` forgets that the last connection
    /// broke.
    ///
    /// # Errors
    /// If it broke, or there are too many sessions.
    pub fn plan_send(
        &mut self,
        now: Timestamp,
        peer: &Identity,
        restart: bool,
    ) -> Result<SendPlan, PlanError> {
        let is_full = self.sessions.len() >= limits::MAX_SESSIONS;
        let stays_broken = self.profile.stays_broken;
        let Some(session) = self.sessions.get_mut(peer) else {
            return if is_full {
                Err(PlanError::TooMany)
            } else {
                Ok(SendPlan::Connect)
            };
        };
        match session.link {
            Link::Failed(_) if stays_broken && !restart => Err(PlanError::Broken),
            Link::Failed(_) | Link::None => {
                session.used_at = now;
                Ok(SendPlan::Connect)
            }
            Link::Active { connection, .. } => {
                session.used_at = now;
                Ok(SendPlan::Over(connection))
            }
            Link::Asked { connection, .. } => {
                session.accept(now, connection);
                self.asking = self.asking.saturating_sub(1);
                Ok(SendPlan::Accept(connection))
            }
        }
    }

    /// A connection to the peer was begun, as [`plan_send`](Self::plan_send) has said.
    pub fn began(&mut self, now: Timestamp, peer: &Identity, connection: ConnectionId) {
        let link = Link::Active {
            connection,
            connected: false,
        };
        self.put(now, peer, connection, link);
    }

    /// Something was sent on a channel.
    pub fn sent(&mut self, peer: &Identity, channel: i32) {
        if self.profile.opens_by_sending
            && let Some(session) = self.sessions.get_mut(peer)
        {
            session.open(channel, 0);
        }
    }

    /// There is room in the send buffer of a connection. Returns whom to tell the application of; nobody while it has not
    /// heard of the last time ([`heard_writable`](Self::heard_writable)).
    pub fn writable(&mut self, connection: ConnectionId) -> Option<Arc<Identity>> {
        let peer = self.peers.get(&connection)?;
        let session = self.sessions.get_mut(peer)?;
        let was_told = core::mem::replace(&mut session.told_writable, true);
        (!was_told).then(|| Arc::clone(peer))
    }

    /// The application has heard that there was room.
    pub fn heard_writable(&mut self, peer: &Identity) {
        if let Some(session) = self.sessions.get_mut(peer) {
            session.told_writable = false;
        }
    }

    /// The peer asks for a session by a connection.
    ///
    /// # Errors
    /// If it cannot have one; drop the connection then.
    pub fn asked(
        &mut self,
        now: Timestamp,
        peer: &Identity,
        connection: ConnectionId,
    ) -> Result<(), AskError> {
        let known = self.sessions.get(peer);
        match known.and_then(Session::connection) {
            // It was accepted before it was told of.
            Some(known) if known == connection => return Ok(()),
            Some(_) => return Err(AskError::Connected),
            None => {}
        }
        let is_full = known.is_none() && self.sessions.len() >= limits::MAX_SESSIONS;
        if is_full || self.asking >= limits::MAX_SESSION_REQUESTS {
            self.drops.count(DropReason::Overload);
            return Err(AskError::TooMany);
        }
        self.asking += 1;
        let link = Link::Asked {
            connection,
            tell_again: now + limits::SESSION_REQUEST_REPEAT,
        };
        let peer = self.put(now, peer, connection, link);
        self.events.push_back(SessionEvent::Requested(peer));
        Ok(())
    }

    /// Lets the peer have its session, and returns the connection that is to be accepted for it; `None` if
    /// there is nothing left to accept. Counts as use.
    ///
    /// # Errors
    /// If there is no session, or it has no connection.
    pub fn accept(
        &mut self,
        now: Timestamp,
        peer: &Identity,
    ) -> Result<Option<ConnectionId>, NoSession> {
        let session = self.sessions.get_mut(peer).ok_or(NoSession)?;
        match session.link {
            Link::Active { .. } => {
                session.used_at = now;
                Ok(None)
            }
            Link::Asked { connection, .. } => {
                session.accept(now, connection);
                self.asking = self.asking.saturating_sub(1);
                Ok(Some(connection))
            }
            Link::None | Link::Failed(_) => Err(NoSession),
        }
    }

    /// The connection was accepted by other means.
    pub fn accepted(&mut self, now: Timestamp, connection: ConnectionId) {
        if let Some(peer) = self.peers.get(&connection).cloned() {
            // Whose connection it is has a session with it.
            let _ = self.accept(now, &peer);
        }
    }

    /// The connection stands: messages go as they are sent from now on.
    pub fn connected(&mut self, now: Timestamp, connection: ConnectionId) {
        self.accepted(now, connection);
        if let Some(session) = self.session_of(connection) {
            session.link = Link::Active {
                connection,
                connected: true,
            };
        }
    }

    fn put(
        &mut self,
        now: Timestamp,
        peer: &Identity,
        connection: ConnectionId,
        link: Link<I>,
    ) -> Arc<Identity> {
        let known = self.sessions.get_key_value(peer);
        let peer = known.map_or_else(|| Arc::new(peer.clone()), |(peer, _)| Arc::clone(peer));
        let session = self.sessions.entry(Arc::clone(&peer));
        let session = session.or_insert_with(|| Session::new(now));
        session.used_at = now;
        let replaced = session.connection();
        // Another thread may have told of a request while this one began a connection.
        if matches!(session.link, Link::Asked { .. }) {
            self.asking = self.asking.saturating_sub(1);
        }
        session.link = link;
        session.pieces = Pieces::None;
        let deadline = session.deadline(self.profile.idle);
        self.look_by(deadline);
        if let Some(replaced) = replaced {
            self.peers.remove(&replaced);
        }
        self.peers.insert(connection, Arc::clone(&peer));
        peer
    }
}
