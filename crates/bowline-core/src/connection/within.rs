//! Connections by identity to a peer in the same process.
//!
//! Such a connection is a pipe that begins like any other connection by identity: one end asks, the other
//! waits for its application to accept or refuse, and both give up when that takes too long. What is missing is
//! what a network needs: signals, certificates, keys, ways. From `Connecting` it goes to `Connected` at once, as
//! in GNS (e707b3a: steamnetworkingsockets_connections.cpp, `CreateLoopbackConnection`, `AcceptConnection`).
//!
//! Messages that are sent before that wait in the pipe, which is not open yet, and move when it is: the end that
//! accepts says so ahead of its messages, and the other one then lets go of its own.
//!
//! The two are authenticated: whoever brings them together
//! ([`Endpoint::admit_within`](crate::endpoint::Endpoint::admit_within)) knows who they are, and
//! nobody stands between.

use alloc::boxed::Box;
use alloc::vec::Vec;

use crate::config::Config;
use crate::connection::Connection;
use crate::connection::ConnectionState;
use crate::connection::Stage;
use crate::connection::Start;
use crate::connection::State;
use crate::counters::DropReason;
use crate::error::AcceptError;
use crate::event::Event;
use crate::handshake::Origin;
use crate::identity::Identity;
use crate::ids::ConnectionId;
use crate::p2p::story::Entry;
use crate::p2p::story::What;
use crate::pipe::Pipe;
use crate::time::Timestamp;

impl Connection {
    /// One end, of which the other has the settings `theirs`. We ask unless `theirs_id` is given: then the peer
    /// does, and calls the connection that.
    pub(crate) fn within(
        now: Timestamp,
        start: Start,
        peer: Identity,
        theirs_id: Option<ConnectionId>,
        theirs: &Config,
    ) -> Self {
        let stage = match theirs_id {
            Some(_) => Stage::Called,
            None => Stage::Calling,
        };
        let state = State::Rendezvous { stage, since: now };
        let mut connection = Self::new(now, start, Origin::InProcess, state);
        connection.outbox.push_state(Event::StateChanged {
            old: ConnectionState::None,
            new: ConnectionState::Connecting,
        });
        connection.peer.id = theirs_id;
        connection.peer.identity = Some(peer);
        connection.peer.authenticated = true;
        let pipe = Pipe::unopened(now, &connection.config, theirs);
        connection.pipe = Some(Box::new(pipe));
        connection
    }

    /// The application accepts.
    pub(crate) fn on_accept_within(&mut self, now: Timestamp) -> Result<(), AcceptError> {
        let State::Rendezvous {
            stage: Stage::Called,
            ..
        } = self.state
        else {
            return Err(AcceptError::WrongState(self.state()));
        };
        if let Some(pipe) = &mut self.pipe {
            pipe.accept(self.id);
        }
        self.begin_within(now);
        Ok(())
    }

    /// The other end's application has accepted.
    pub(super) fn on_accepted_within(&mut self, now: Timestamp, id: ConnectionId) {
        let State::Rendezvous {
            stage: Stage::Calling,
            ..
        } = self.state
        else {
            self.telemetry.drops.count(DropReason::WrongState);
            return;
        };
        self.peer.id = Some(id);
        self.begin_within(now);
    }

    /// When an end gives up that waits for the other one, or for its own application.
    pub(super) fn answer_deadline(&self) -> Option<Timestamp> {
        let State::Rendezvous { since, .. } = self.state else {
            return None;
        };
        Some(since + self.config.timeout_initial())
    }

    pub(super) fn give_up_waiting(&mut self, now: Timestamp) {
        let State::Rendezvous { stage, .. } = self.state else {
            return;
        };
        if self.answer_deadline().is_some_and(|at| at <= now) {
            self.on_rendezvous_timeout(now, stage);
            if let Some(pipe) = &mut self.pipe {
                pipe.discard();
            }
        }
    }

    /// What there is to tell of how the two came together.
    pub(crate) fn story_within(&self) -> Vec<Entry> {
        let pipe = self.pipe.as_ref();
        let made = pipe.filter(|_| self.origin == Origin::InProcess);
        let entry = made.map(|pipe| Entry {
            at: pipe.made_at(),
            what: What::InProcess,
        });
        Vec::from_iter(entry)
    }

    fn begin_within(&mut self, now: Timestamp) {
        self.liveness.on_received(now);
        self.telemetry.link.connected(now);
        self.telemetry.ping.add_sample(now, 0);
        self.set_state(State::Connected { answered: None });
        if let Some(pipe) = &mut self.pipe {
            pipe.open(now);
        }
        self.tell_writable();
    }
}

#[cfg(test)]
mod tests;
