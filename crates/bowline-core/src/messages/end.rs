//! How sessions end, and what time does to them.

use alloc::sync::Arc;
use alloc::vec::Vec;

use crate::identity::Identity;
use crate::ids::ConnectionId;
use crate::messages::NoSession;
use crate::messages::SessionEvent;
use crate::messages::SessionRequest;
use crate::messages::Sessions;
use crate::messages::inbox::Inbox;
use crate::messages::session::Due;
use crate::messages::session::Link;
use crate::time::Span;
use crate::time::Timestamp;

impl<I> Sessions<I> {
    /// The connection has ended, through the peer or a problem, and what it has received was delivered.
    /// `was_quiet` says that nothing was under way in either direction: an end like that is no failure.
    ///
    /// Returns whether this side has wanted it. If not, the peer is to hear nothing: silence does not tell whether
    /// anybody is there.
    pub fn ended(
        &mut self,
        now: Timestamp,
        connection: ConnectionId,
        was_quiet: bool,
        info: I,
    ) -> bool
    where
        I: Clone,
    {
        let Some(peer) = self.peers.remove(&connection) else {
            return true;
        };
        let Some(session) = self.sessions.get_mut(&peer) else {
            return true;
        };
        let is_missed = match session.link {
            Link::Active { connected, .. } => !(connected && was_quiet),
            Link::Asked { .. } => {
                self.asking = self.asking.saturating_sub(1);
                self.lose_connection(&peer);
                return false;
            }
            Link::None | Link::Failed(_) => return true,
        };
        session.used_at = now;
        session.unlink();
        let has_left_some = session.unread.messages > 0;
        if is_missed {
            session.link = Link::Failed(info.clone());
            self.events.push_back(SessionEvent::Failed(info));
        }
        if has_left_some {
            self.bound_left(&peer);
        }
        true
    }

    /// The application has closed the connection past the session.
    pub fn released(&mut self, connection: ConnectionId) {
        let Some(peer) = self.peers.remove(&connection) else {
            return;
        };
        if let Some(session) = self.sessions.get(&peer) {
            if matches!(session.link, Link::Asked { .. }) {
                self.asking = self.asking.saturating_sub(1);
            }
            self.lose_connection(&peer);
        }
    }

    /// Ends a session. What it has received and nobody has read is gone. Returns the connection that is to be
    /// closed, with [`Profile::closed`](crate::messages::Profile::closed).
    ///
    /// # Errors
    /// If there is none.
    pub fn close(&mut self, peer: &Identity) -> Result<Option<ConnectionId>, NoSession> {
        let (peer, mut session) = self.sessions.remove_entry(peer).ok_or(NoSession)?;
        self.forget_unread(&peer, &mut session);
        if matches!(session.link, Link::Asked { .. }) {
            self.asking = self.asking.saturating_sub(1);
        }
        let connection = session.connection();
        if let Some(connection) = connection {
            self.peers.remove(&connection);
        }
        Ok(connection)
    }

    /// Forgets all sessions and what nobody has read: whoever they were with, it was somebody else's business. The
    /// connections are the caller's.
    pub fn clear(&mut self) {
        self.sessions.clear();
        self.peers.clear();
        self.asking = 0;
        self.inbox = Inbox::default();
        self.events.clear();
        self.requests.clear();
        self.next_look = Timestamp::NEVER;
        self.is_tight = false;
    }

    /// Other sessions end after this time without use from now on, those that are there included.
    pub fn set_idle(&mut self, now: Timestamp, idle: Span) {
        self.profile.idle = idle;
        if !self.sessions.is_empty() {
            self.look_by(now);
        }
    }

    /// Ends what was not used for long, and tells again of peers that wait.
    pub fn handle_timeout(&mut self, now: Timestamp) {
        if now < self.next_look {
            return;
        }
        let idle = self.profile.idle;
        let mut unused = Vec::new();
        let mut next = Timestamp::NEVER;
        for (peer, session) in &mut self.sessions {
            match session.due(now, idle) {
                Due::Nothing => {}
                Due::TellAgain => {
                    let peer = Arc::clone(peer);
                    self.events.push_back(SessionEvent::Requested(peer));
                }
                Due::CheckIdle(connection) => {
                    self.requests
                        .push_back(SessionRequest::CheckIdle(connection));
                }
                Due::End => {
                    unused.push(Arc::clone(peer));
                    continue;
                }
            }
            next = next.min(session.deadline(idle));
        }
        for peer in unused {
            // It was there a moment ago.
            let _ = self.close(&peer);
        }
        // Deadlines move with each use: not so often as to look at all sessions for each.
        self.next_look = if next == Timestamp::NEVER {
            next
        } else {
            next.max(now + LOOK_INTERVAL)
        };
    }

    /// Answers [`SessionRequest::CheckIdle`]: a session on whose connection something is under way, or nobody can
    /// tell, lives on for a moment. Another one ends.
    pub fn idle_answer(&mut self, now: Timestamp, connection: ConnectionId, is_quiet: bool) {
        let idle = self.profile.idle;
        let Some(session) = self.session_of(connection) else {
            return;
        };
        // It may have been used while the connection was asked.
        if matches!(session.link, Link::Asked { .. }) || !is_quiet || session.is_used(now, idle) {
            return;
        }
        let Some(peer) = self.peers.get(&connection).cloned() else {
            return;
        };
        let ending = self.profile.idled;
        if self.close(&peer).is_ok() {
            self.requests
                .push_back(SessionRequest::Close(connection, ending));
        }
    }

    /// Forgets a session that has lost its connection, unless something of it is left to be read.
    fn lose_connection(&mut self, peer: &Arc<Identity>) {
        let Some(session) = self.sessions.get_mut(peer) else {
            return;
        };
        session.unlink();
        if session.unread.messages == 0 {
            self.sessions.remove(peer);
        } else {
            self.bound_left(peer);
        }
    }
}

/// All sessions are looked at no more often than this.
const LOOK_INTERVAL: Span = Span::from_millis(100);
