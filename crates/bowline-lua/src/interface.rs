//! One sockets interface as the module sees it: what it is made of, and what the script has to be told.
//! Nothing of Lua.

use std::cell::RefCell;
use std::collections::VecDeque;

use bowline::BuildError;
use bowline::Connection;
use bowline::ConnectionEvent;
use bowline::ConnectionId;
use bowline::EndReason;
use bowline::Event;
use bowline::Message;
use bowline::PollGroup;
use bowline::Sockets;

use crate::handles::Handles;

/// The interface of a client or of a game server.
#[derive(Debug)]
pub(crate) struct Interface {
    sockets: Sockets,
    /// What the script has not heard yet.
    told: RefCell<VecDeque<Told>>,
    /// For messages on their way to Lua; empty between calls.
    received: RefCell<Vec<Message>>,
    handles: Handles,
}

/// Something that a function of the script is called for.
#[derive(Debug)]
pub(crate) enum Told {
    Connection(Box<ConnectionEvent>),
}

impl Interface {
    pub(crate) fn new() -> Result<Self, BuildError> {
        Ok(Self {
            sockets: Sockets::new()?,
            told: RefCell::default(),
            received: RefCell::default(),
            handles: Handles::default(),
        })
    }

    pub(crate) const fn sockets(&self) -> &Sockets {
        &self.sockets
    }

    pub(crate) const fn handles(&self) -> &Handles {
        &self.handles
    }

    pub(crate) fn connection(&self, number: u32) -> Option<Connection> {
        self.sockets.connection(ConnectionId::new(number))
    }

    /// The script asks what has happened. How much there is to tell it.
    pub(crate) fn start_callbacks(&self) -> usize {
        let mut told = self.told.borrow_mut();
        while let Some(event) = self.sockets.next_event() {
            if let Event::ConnectionChanged(change) = event {
                told.push_back(Told::Connection(Box::new(change)));
            }
        }
        told.len()
    }

    pub(crate) fn next_told(&self) -> Option<Told> {
        self.told.borrow_mut().pop_front()
    }

    /// Receives, and hands the messages to `with`, during which nothing here is borrowed.
    pub(crate) fn receive_from<R>(
        &self,
        connection: &Connection,
        max: usize,
        with: impl FnOnce(&[Message]) -> R,
    ) -> Option<R> {
        let mut messages = self.received.take();
        let answer = connection
            .receive_batch(&mut messages, max)
            .ok()
            .map(|_| with(&messages));
        messages.clear();
        self.received.replace(messages);
        answer
    }

    /// As `receive_from`, from all connections of a poll group.
    pub(crate) fn receive_from_group<R>(
        &self,
        group: &PollGroup,
        max: usize,
        with: impl FnOnce(&[Message]) -> R,
    ) -> R {
        let mut messages = self.received.take();
        group.receive_batch(&mut messages, max);
        let answer = with(&messages);
        messages.clear();
        self.received.replace(messages);
        answer
    }

    /// Something was sent on the connection.
    pub(crate) fn note_sent(&self, _connection: &Connection) {}

    /// Closes a connection. Tells whether it was open.
    pub(crate) fn close(
        &self,
        connection: &Connection,
        reason: EndReason,
        text: &str,
        linger: bool,
    ) -> bool {
        connection.close(reason, text, linger).is_ok()
    }
}
