//! What a connection has to say and nobody has polled yet: events for the application, news for the
//! endpoint, and handshake and closing packets.
//!
//! All of it is rare, and asked for after every input. So an empty outbox is an empty pointer: quick to
//! look at, and next to no memory in the thousands of connections that are silent.

use alloc::boxed::Box;
use alloc::collections::VecDeque;
use alloc::vec::Vec;

use crate::event::Event;
use crate::event::ToEndpoint;
use crate::limits;
use crate::memory;

/// Control packets that wait to be sent; a further one replaces none of them, it is not sent.
pub(super) const MAX_CONTROL: usize = 4;
/// What the endpoint is told waits until the next poll: a few at most.
const MAX_TO_ENDPOINT: usize = 16 + limits::MAX_REMOTE_CANDIDATES;

/// Outputs that wait to be polled.
#[derive(Clone, Debug, Default)]
pub(crate) struct Outbox(Option<Box<Waiting>>);

#[derive(Clone, Debug, Default)]
struct Waiting {
    events: VecDeque<Event>,
    to_endpoint: VecDeque<ToEndpoint>,
    control: VecDeque<Vec<u8>>,
}

impl Outbox {
    /// The most heap in bytes.
    pub(super) const HEAP_BOUND: usize = size_of::<Waiting>()
        + memory::grown::<Event>(limits::MAX_EVENTS)
        + memory::grown::<ToEndpoint>(MAX_TO_ENDPOINT)
        + 2 * MAX_CONTROL * (limits::MAX_DATAGRAM + size_of::<Vec<u8>>());

    /// One in which these packets wait.
    pub(super) fn with_control(control: VecDeque<Vec<u8>>) -> Self {
        if control.is_empty() {
            return Self::default();
        }
        Self(Some(Box::new(Waiting {
            control,
            ..Waiting::default()
        })))
    }

    /// Adds a change of the state, unless so much waits that nobody seems to poll.
    pub(super) fn push_state(&mut self, event: Event) {
        let events = &mut self.waiting().events;
        if events.len() < limits::MAX_EVENTS {
            events.push_back(event);
        }
    }

    /// Adds that there is room to write. Once is enough, and leaves room for news of the state.
    pub(super) fn push_writable(&mut self) {
        let events = &mut self.waiting().events;
        if !events.contains(&Event::Writable) {
            events.push_back(Event::Writable);
        }
    }

    /// Adds something that the endpoint should know.
    pub(crate) fn push_to_endpoint(&mut self, news: ToEndpoint) {
        self.waiting().to_endpoint.push_back(news);
    }

    /// Adds a packet, which the caller has made sure that there [is room for](Self::has_room_for_control).
    pub(super) fn push_control(&mut self, packet: Vec<u8>) {
        self.waiting().control.push_back(packet);
    }

    pub(super) fn pop_event(&mut self) -> Option<Event> {
        let event = self.0.as_mut()?.events.pop_front()?;
        // Whether there is room to write is told again and again while data flows.
        if event != Event::Writable {
            self.free_if_empty();
        }
        Some(event)
    }

    pub(super) fn pop_to_endpoint(&mut self) -> Option<ToEndpoint> {
        let news = self.0.as_mut()?.to_endpoint.pop_front()?;
        self.free_if_empty();
        Some(news)
    }

    #[inline]
    pub(super) fn pop_control(&mut self) -> Option<Vec<u8>> {
        let packet = self.0.as_mut()?.control.pop_front()?;
        self.free_if_empty();
        Some(packet)
    }

    /// Gives back memory that is only kept for speed.
    pub(super) fn free_if_empty(&mut self) {
        if self.0.as_deref().is_some_and(Waiting::is_empty) {
            self.0 = None;
        }
    }

    /// Whether an event or something for the endpoint waits.
    pub(super) fn has_news(&self) -> bool {
        self.0
            .as_deref()
            .is_some_and(|waiting| !waiting.events.is_empty() || !waiting.to_endpoint.is_empty())
    }

    pub(super) fn has_room_for_control(&self) -> bool {
        self.control().count() < MAX_CONTROL
    }

    /// The packets that wait, the oldest first.
    pub(super) fn control(&self) -> impl Iterator<Item = &Vec<u8>> {
        self.0.iter().flat_map(|waiting| &waiting.control)
    }

    /// Heap in bytes.
    pub(super) fn heap_bytes(&self) -> usize {
        self.0.as_ref().map_or(0, |waiting| {
            let control = waiting.control.iter().map(Vec::capacity);
            size_of::<Waiting>()
                + memory::of_deque(&waiting.events)
                + memory::of_deque(&waiting.to_endpoint)
                + memory::of_deque(&waiting.control)
                + control.sum::<usize>()
        })
    }

    fn waiting(&mut self) -> &mut Waiting {
        self.0.get_or_insert_with(Box::default)
    }
}

impl Waiting {
    fn is_empty(&self) -> bool {
        self.events.is_empty() && self.to_endpoint.is_empty() && self.control.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::connection::ConnectionState;

    const UP: Event = Event::StateChanged {
        old: ConnectionState::Connecting,
        new: ConnectionState::Connected,
    };

    #[test]
    fn an_outbox_that_was_polled_dry_keeps_no_memory() {
        let mut outbox = Outbox::default();
        outbox.push_state(UP);
        outbox.push_to_endpoint(ToEndpoint::Decided);
        outbox.push_control(alloc::vec![1, 2]);
        let held = outbox.heap_bytes();
        assert!((1..Outbox::HEAP_BOUND).contains(&held), "{held}");
        assert_eq!(outbox.pop_control().as_deref(), Some(&[1, 2][..]));
        assert_eq!(outbox.pop_to_endpoint(), Some(ToEndpoint::Decided));
        assert_ne!(outbox.heap_bytes(), 0);
        assert_eq!(outbox.pop_event(), Some(UP));
        assert_eq!((outbox.heap_bytes(), outbox.pop_event()), (0, None));
    }

    #[test]
    fn room_to_write_is_told_once_and_without_allocating_each_time() {
        let mut outbox = Outbox::default();
        outbox.push_writable();
        outbox.push_writable();
        assert_eq!(outbox.pop_event(), Some(Event::Writable));
        assert_eq!(outbox.pop_event(), None);
        assert_ne!(outbox.heap_bytes(), 0, "kept for the next time");
        outbox.free_if_empty();
        assert_eq!(outbox.heap_bytes(), 0);
    }

    #[test]
    fn limit_changes_of_state_that_nobody_polls() {
        let mut outbox = Outbox::default();
        for _ in 0..2 * limits::MAX_EVENTS {
            outbox.push_state(UP);
        }
        let told = core::iter::from_fn(|| outbox.pop_event()).count();
        assert_eq!(told, limits::MAX_EVENTS);
    }
}
