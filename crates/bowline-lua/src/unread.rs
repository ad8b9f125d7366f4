//! Events that wait until the script has read what came before them.
//!
//! A peer that sends and then closes is heard of twice: by its messages and by the event that tells of the end.
//! luasteam's programs close the connection when they hear of the end, and what was not read by then is gone. So the
//! event, and all later ones of that connection, are held back while messages wait there. They are let go
//!
//! - when none waits any more, or
//! - when from one `runCallbacks` to the next nobody has received from the connection, since then nobody will.
//!
//! As many connections can be here as have ended and were not closed by the script; of each the event of its end, and
//! after it the one that the script closed it. Nothing more happens to a connection that has ended.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

/// Events held back, by the number of their connection.
#[derive(Debug)]
pub(crate) struct HeldBack<E> {
    held: BTreeMap<u32, Held<E>>,
    /// How many connections were held back so far.
    count: u64,
}

#[derive(Debug)]
struct Held<E> {
    events: Vec<E>,
    /// Its place in the order of those held back.
    place: u64,
    /// The script has received from it since the last `runCallbacks`.
    is_read: bool,
}

impl<E> HeldBack<E> {
    pub(crate) const fn new() -> Self {
        Self {
            held: BTreeMap::new(),
            count: 0,
        }
    }

    /// Whether nothing is held back.
    pub(crate) fn is_empty(&self) -> bool {
        self.held.is_empty()
    }

    /// Gives the event back if it may be told now. `waits` says whether it is one that must wait for messages to
    /// be read.
    pub(crate) fn pass(
        &mut self,
        connection: u32,
        event: E,
        waits: impl FnOnce(&E) -> bool,
    ) -> Option<E> {
        match self.held.entry(connection) {
            Entry::Occupied(mut held) => held.get_mut().events.push(event),
            Entry::Vacant(place) if waits(&event) => {
                place.insert(Held {
                    events: vec![event],
                    place: self.count,
                    is_read: false,
                });
                self.count += 1;
            }
            Entry::Vacant(_) => return Some(event),
        }
        None
    }

    /// The script receives from the connections for which that is so.
    pub(crate) fn note_receive(&mut self, from: impl Fn(u32) -> bool) {
        for (connection, held) in &mut self.held {
            held.is_read |= from(*connection);
        }
    }

    /// The same, from one connection.
    pub(crate) fn note_receive_from(&mut self, connection: u32) {
        if let Some(held) = self.held.get_mut(&connection) {
            held.is_read = true;
        }
    }

    /// A `runCallbacks` begins: lets go what need not wait any longer, in the order in which it was held back.
    pub(crate) fn let_go(&mut self, has_unread: impl Fn(u32) -> bool) -> Vec<E> {
        let mut free = Vec::new();
        for (connection, held) in &mut self.held {
            let waits = std::mem::take(&mut held.is_read) && has_unread(*connection);
            if !waits {
                free.push(*connection);
            }
        }
        let mut gone: Vec<_> = free
            .iter()
            .filter_map(|connection| self.held.remove(connection))
            .collect();
        gone.sort_by_key(|held| held.place);
        gone.into_iter().flat_map(|held| held.events).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const END: &str = "end";

    /// What becomes of the end of a connection with unread messages.
    fn end_of(held: &mut HeldBack<&'static str>, connection: u32) -> Option<&'static str> {
        held.pass(connection, END, |_| true)
    }

    #[test]
    fn an_end_waits_as_long_as_somebody_reads_and_there_is_something_to_read() {
        let mut held = HeldBack::new();
        assert_eq!(end_of(&mut held, 7), None);
        for _ in 0..4 {
            held.note_receive_from(7);
            assert!(held.let_go(|_| true).is_empty());
        }
        held.note_receive_from(7);
        assert_eq!(held.let_go(|_| false), [END]);
        assert!(held.let_go(|_| true).is_empty());
    }

    #[test]
    fn an_end_that_nobody_reads_before_is_told_a_run_later() {
        let mut held = HeldBack::new();
        assert_eq!(end_of(&mut held, 7), None);
        held.note_receive_from(7);
        assert!(held.let_go(|_| true).is_empty());
        // Others are read from meanwhile.
        held.note_receive_from(8);
        held.note_receive(|connection| connection == 9);
        assert_eq!(held.let_go(|_| true), [END]);
    }

    #[test]
    fn what_may_be_told_is_told_and_nothing_overtakes_what_waits() {
        let mut held = HeldBack::new();
        assert_eq!(held.pass(7, "connected", |_| false), Some("connected"));
        assert_eq!(end_of(&mut held, 7), None);
        assert_eq!(held.pass(7, "closed", |_| false), None);
        assert_eq!(held.pass(8, "connected", |_| false), Some("connected"));
        assert_eq!(held.let_go(|_| false), [END, "closed"]);
    }

    #[test]
    fn connections_are_let_go_each_for_itself_in_the_order_in_which_they_ended() {
        let mut held = HeldBack::new();
        for (connection, event) in [(9, "nine"), (3, "three"), (5, "five")] {
            assert_eq!(held.pass(connection, event, |_| true), None);
        }
        held.note_receive(|connection| connection == 5);
        assert_eq!(held.let_go(|_| true), ["nine", "three"]);
        held.note_receive_from(5);
        assert_eq!(held.let_go(|_| false), ["five"]);
    }

    #[test]
    fn limit_a_connection_that_has_ended_is_held_back_once() {
        let mut held = HeldBack::new();
        for _ in 0..1000 {
            assert_eq!(end_of(&mut held, 7), None);
            assert_eq!(held.let_go(|_| true), [END]);
        }
        assert!(held.held.is_empty());
    }
}
