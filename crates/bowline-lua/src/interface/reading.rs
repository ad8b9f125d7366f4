//! Receiving, which is noted, since events wait for it.

use bowline::Connection;
use bowline::ConnectionId;
use bowline::Message;
use bowline::PollGroup;

use crate::interface::Interface;

impl Interface {
    /// Receives up to `max` messages and hands them to `with`, during which nothing here is borrowed. `None` if the
    /// connection is closed.
    pub(crate) fn receive_from<R>(
        &self,
        connection: &Connection,
        max: usize,
        with: impl FnOnce(&[Message]) -> R,
    ) -> Option<R> {
        let mut held = self.held.borrow_mut();
        held.note_receive_from(connection.id().get());
        drop(held);
        self.received(with, |messages| {
            connection.receive_batch(messages, max).is_ok()
        })
    }

    /// The same from the connections of a poll group.
    pub(crate) fn receive_from_group<R>(
        &self,
        group: &PollGroup,
        max: usize,
        with: impl FnOnce(&[Message]) -> R,
    ) -> R {
        let is_in = |number| {
            let connection = self.sockets.connection(ConnectionId::new(number));
            connection.is_some_and(|it| group.contains(&it))
        };
        self.held.borrow_mut().note_receive(is_in);
        let answer = self.received(with, |messages| {
            group.receive_batch(messages, max);
            true
        });
        answer.expect("a group always can be received from")
    }

    /// Has messages received into a buffer that is used again.
    fn received<R>(
        &self,
        with: impl FnOnce(&[Message]) -> R,
        receive: impl FnOnce(&mut Vec<Message>) -> bool,
    ) -> Option<R> {
        let mut messages = self.received.take();
        let answer = receive(&mut messages).then(|| with(&messages));
        messages.clear();
        self.received.replace(messages);
        answer
    }
}
