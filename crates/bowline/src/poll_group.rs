//! Receiving from many connections at once.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::connection::Connection;
use crate::driver::Inner;
use crate::driver::Urgency;
use crate::driver::group::Group;
use crate::driver::lobby::LobbyState;
use crate::driver::lobby::Nudge;
use crate::message::Message;

/// A set of connections whose messages are received together.
///
/// Put connections in with [`Connection::set_poll_group`]. The cost of receiving does not depend on how
/// many connections are silent. Messages come in the order in which they arrived, whatever their
/// connection. Dropping the group takes its connections out of it; they stay open.
pub struct PollGroup {
    inner: Arc<Inner>,
    group: Arc<Group>,
}

impl PollGroup {
    pub(crate) fn new(inner: Arc<Inner>) -> Self {
        Self {
            inner,
            group: Arc::new(Group::new()),
        }
    }

    /// Takes the message that has waited longest.
    pub fn receive(&self) -> Option<Message> {
        let mut message = None;
        self.receive_with(1, |received| message = Some(received));
        message
    }

    /// Appends up to `max` messages to `messages`, and tells how many.
    pub fn receive_batch(&self, messages: &mut Vec<Message>, max: usize) -> usize {
        self.receive_with(max, |message| messages.push(message))
    }

    /// Whether the connection is in this group.
    pub fn contains(&self, connection: &Connection) -> bool {
        connection.slot().state.lock().is_in(&self.group)
    }

    /// Waits until a message can be read from this group, and tells whether that is so. Meanwhile the
    /// calling thread drives the sockets itself.
    pub fn wait(&self, timeout: Duration) -> bool {
        let is_done = |_: &LobbyState| self.group.is_ready() || self.group.is_over();
        self.inner.wait(timeout, is_done) && self.group.is_ready()
    }

    /// Takes all connections out, which stay open, and ends the waits of other threads. None can be put in
    /// any more. For those who share the group with threads that wait, and want to be rid of it.
    pub fn end(&self) {
        self.group.end();
        self.let_go();
        let mut nudge = Nudge::default();
        self.inner.lobby.look_again(&mut nudge);
        let wake = |shards| self.inner.shards.wake(shards);
        self.inner.lobby.act_on(nudge, wake);
    }

    pub(crate) const fn group(&self) -> &Arc<Group> {
        &self.group
    }

    pub(crate) fn belongs_to(&self, inner: &Arc<Inner>) -> bool {
        Arc::ptr_eq(&self.inner, inner)
    }

    fn receive_with(&self, max: usize, mut take: impl FnMut(Message)) -> usize {
        let mut count = 0;
        while count < max
            && let Some(slot) = self.group.first()
        {
            let mut state = slot.state.lock();
            count +=
                slot.receive_listed(&mut state, &self.group, max - count, |core, user_data| {
                    let connection = Connection::new(Arc::clone(&slot));
                    take(Message::new(core, connection, user_data));
                });
            self.inner.after_input(&slot, state, Urgency::Later);
        }
        count
    }
}

impl PollGroup {
    /// Takes all connections out.
    fn let_go(&self) {
        let slots = self.inner.hub.lock().slots();
        for slot in slots {
            let mut state = slot.state.lock();
            if state.is_in(&self.group) {
                slot.leave_group(&mut state);
            }
        }
    }
}

impl Drop for PollGroup {
    fn drop(&mut self) {
        self.let_go();
    }
}

impl fmt::Debug for PollGroup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PollGroup")
            .field("is_ready", &self.group.is_ready())
            .finish_non_exhaustive()
    }
}
