//! A connection on a host, alive or over.

use std::collections::VecDeque;

use bowline_core::connection::{Connection, ConnectionInfo, ConnectionState};
use bowline_core::endpoint::Route;
use bowline_core::event::{Event, TimerKind};
use bowline_core::ids::ConnectionId;
use bowline_core::time::{Span, Timestamp};

use crate::host::Received;

/// A connection with what its application has seen of it. Outlives the connection.
#[derive(Debug)]
pub(crate) struct Slot {
    pub(crate) route: Route,
    pub(crate) events: Vec<(Timestamp, Event)>,
    pub(crate) inbox: VecDeque<Received>,
    pub(crate) reads_at_once: bool,
    /// Whether there was a time when it did not.
    pub(crate) reads_late: bool,
    /// When a data packet came last that the connection had nothing to object to, or when it was connected, by
    /// the host's clock.
    pub(crate) heard_at: Option<Timestamp>,
    pub(crate) linger: Linger,
    pub(super) connection: Life,
    pub(super) deadline: Option<(Timestamp, TimerKind)>,
    /// How often in a row a timer fired and was due again at once.
    pub(super) spins: u32,
}

/// How long a connection lingered, by the host's clock.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Linger {
    since: Option<Timestamp>,
    lasted: Option<Span>,
}

impl Linger {
    /// Takes note of a change of state.
    pub(super) fn on_change(&mut self, local: Timestamp, new: ConnectionState) {
        if let Some(since) = self.since.take() {
            self.lasted = Some(local.since(since));
        }
        if new == ConnectionState::Linger {
            self.since = Some(local);
        }
    }

    /// How long, once it is over.
    pub(crate) const fn lasted(self) -> Option<Span> {
        self.lasted
    }
}

#[derive(Debug)]
pub(super) enum Life {
    Alive(Box<Connection>),
    Over(Box<ConnectionInfo>),
}

impl Slot {
    pub(super) fn new(connection: Connection, route: Route, reads_at_once: bool) -> Self {
        Self {
            route,
            events: Vec::new(),
            inbox: VecDeque::new(),
            reads_at_once,
            reads_late: !reads_at_once,
            heard_at: None,
            linger: Linger::default(),
            connection: Life::Alive(Box::new(connection)),
            deadline: None,
            spins: 0,
        }
    }

    /// What is known of the connection, also when it is gone.
    pub(crate) fn info(&self) -> ConnectionInfo {
        match &self.connection {
            Life::Alive(connection) => connection.info(),
            Life::Over(info) => (**info).clone(),
        }
    }

    /// The ID that the peer gave the connection, once known, also when it is gone.
    pub(crate) fn remote_id(&self) -> Option<ConnectionId> {
        match &self.connection {
            Life::Alive(connection) => connection.remote_id(),
            Life::Over(info) => info.remote_id,
        }
    }

    /// The process that had the connection is gone.
    pub(super) fn crash(&mut self) {
        if let Life::Alive(connection) = &self.connection {
            let mut info = connection.info();
            info.state = ConnectionState::Dead;
            self.connection = Life::Over(Box::new(info));
        }
        self.inbox.clear();
        self.deadline = None;
    }

    pub(crate) fn state(&self) -> ConnectionState {
        match &self.connection {
            Life::Alive(connection) => connection.state(),
            Life::Over(_) => ConnectionState::Dead,
        }
    }

    /// What it waits for, by the host's clock.
    pub(crate) const fn deadline(&self) -> Option<(Timestamp, TimerKind)> {
        self.deadline
    }
}
