//! Numbered messages inside of signals, which arrive in order whatever is lost.
//!
//! Messages have consecutive numbers from 1. A receiver takes only the next one and those behind it, discards
//! what comes after a gap, and tells the newest number that it has. Hence a loss makes void what was
//! sent after it, and a sender that has waited too long for its oldest message begins anew there: a
//! *round* goes from the oldest message to the newest, over as many signals as it takes.
//!
//! A signal that asks to connect or accepts may be the first that the peer hears of. It begins with the oldest
//! message, too, if all of them fit; if they do not, a round that is under way goes on, so that the
//! messages at the end have their turn.
//!
//! GNS resends each message a second after it was last sent, with all behind it, and has no bound on what
//! a signal holds (p2p.md, section 5.1); its receiver works as described here.

use alloc::collections::VecDeque;
use alloc::vec::Vec;

use crate::counters::DropReason;
use crate::limits::MAX_RELIABLE_SIGNALS;
use crate::limits::MAX_SIGNAL_MESSAGES;
use crate::limits::MAX_SIGNAL_RTO;
use crate::limits::SIGNAL_RESTART;
use crate::limits::SIGNAL_RTO;
use crate::memory;
use crate::p2p::signal::ReliableMessage;
use crate::time::Span;
use crate::time::Timestamp;

/// The sending end.
#[derive(Clone, Debug)]
pub struct ReliableSender {
    /// Not acknowledged, oldest first.
    queue: VecDeque<Queued>,
    /// The number of the first of `queue`.
    first: u32,
    /// How many of `queue` were sent in this round.
    sent: usize,
    rto: Span,
}

/// The receiving end.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct ReliableReceiver {
    /// The number of the newest message received in order; 0 before the first.
    newest: u32,
}

/// As many reliable messages wait as may. Until the peer acknowledges some of them, none can be added.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("too many reliable messages wait to be acknowledged in signals")]
pub struct QueueFull;

#[derive(Clone, Debug)]
struct Queued {
    message: ReliableMessage,
    sent_at: Option<Timestamp>,
}

impl Default for ReliableSender {
    fn default() -> Self {
        Self::new()
    }
}

impl ReliableSender {
    /// Nothing to send.
    pub const fn new() -> Self {
        Self {
            queue: VecDeque::new(),
            first: 1,
            sent: 0,
            rto: SIGNAL_RTO,
        }
    }

    /// Adds a message.
    ///
    /// # Errors
    /// If [`MAX_RELIABLE_SIGNALS`] wait already.
    pub fn push(&mut self, message: ReliableMessage) -> Result<(), QueueFull> {
        let numbers_left = usize::try_from(u32::MAX - self.first).unwrap_or(usize::MAX);
        if self.queue.len() >= MAX_RELIABLE_SIGNALS.min(numbers_left) {
            return Err(QueueFull);
        }
        self.queue.push_back(Queued {
            message,
            sent_at: None,
        });
        Ok(())
    }

    /// The peer has all up to this number.
    ///
    /// # Errors
    /// [`DropReason::AckOfUnsent`] if it cannot have it.
    pub fn ack(&mut self, newest: u32) -> Result<(), DropReason> {
        let Some(acked) = newest
            .checked_add(1)
            .and_then(|next| next.checked_sub(self.first))
        else {
            // One that comes late.
            return match newest {
                u32::MAX => Err(DropReason::AckOfUnsent),
                _ => Ok(()),
            };
        };
        let acked_len = usize::try_from(acked).unwrap_or(usize::MAX);
        let ever_sent = self.queue.iter().take_while(|one| one.sent_at.is_some());
        if acked_len > ever_sent.count() {
            return Err(DropReason::AckOfUnsent);
        }
        if acked > 0 {
            self.queue.drain(..acked_len);
            self.first = self.first.saturating_add(acked);
            self.sent = self.sent.saturating_sub(acked_len);
            self.rto = SIGNAL_RTO;
        }
        Ok(())
    }

    /// Forgets all messages: the peer wants none any more. Numbers go on.
    pub fn clear(&mut self) {
        let len = u32::try_from(self.queue.len()).unwrap_or(u32::MAX);
        self.first = self.first.saturating_add(len);
        self.queue.clear();
        self.sent = 0;
    }

    /// What was sent did not arrive: the peer does not look at the signals that it was in.
    pub const fn begin_again(&mut self) {
        self.sent = 0;
    }

    /// What goes into a signal now: the number of the first message, and messages of `budget` bytes, or one that
    /// is longer. `from_oldest` is for signals that may be the first that the peer hears of.
    pub fn take(
        &mut self,
        now: Timestamp,
        budget: usize,
        from_oldest: bool,
    ) -> Option<(u32, Vec<ReliableMessage>)> {
        if self.is_expired(now) {
            self.rto = (self.rto + self.rto / 2).min(MAX_SIGNAL_RTO);
            self.sent = 0;
        } else if from_oldest && self.may_restart(now, budget) {
            self.sent = 0;
        }
        let first = u32::try_from(self.sent).ok()?.checked_add(self.first)?;
        let count = fitting(self.queue.iter().skip(self.sent), budget);
        let mut messages = Vec::new();
        for queued in self.queue.iter_mut().skip(self.sent).take(count) {
            queued.sent_at = Some(now);
            messages.push(queued.message.clone());
        }
        self.sent = self.sent.saturating_add(count);
        (count > 0).then_some((first, messages))
    }

    /// Whether a signal should go for the messages' sake.
    pub fn due(&self, now: Timestamp) -> bool {
        self.deadline().is_some_and(|deadline| deadline <= now)
    }

    /// When a signal should go for the messages' sake: [`Timestamp::ZERO`] if some were not sent in this
    /// round, `None` if there are none.
    pub fn deadline(&self) -> Option<Timestamp> {
        if self.sent < self.queue.len() {
            return Some(Timestamp::ZERO);
        }
        self.expires()
    }

    /// How many messages wait, sent ones included.
    pub fn len(&self) -> usize {
        self.queue.len()
    }

    /// Whether all was acknowledged.
    pub fn is_empty(&self) -> bool {
        self.queue.is_empty()
    }

    /// The most that [`Self::heap_bytes`] can come to, in bytes, texts left out.
    pub(crate) const HEAP_BOUND: usize = memory::grown::<Queued>(MAX_RELIABLE_SIGNALS);

    /// Heap in bytes.
    pub(crate) fn heap_bytes(&self) -> usize {
        let texts = self.queue.iter().map(|queued| queued.message.heap_bytes());
        memory::of_deque(&self.queue) + texts.sum::<usize>()
    }

    /// Gives back memory that is only kept for speed.
    pub(crate) fn shrink(&mut self) {
        self.queue.shrink_to_fit();
    }

    fn is_expired(&self, now: Timestamp) -> bool {
        self.expires().is_some_and(|expires| expires <= now)
    }

    fn expires(&self) -> Option<Timestamp> {
        let oldest = self.queue.front()?.sent_at?;
        Some(oldest + self.rto)
    }

    fn may_restart(&self, now: Timestamp, budget: usize) -> bool {
        let all_sent = self.sent >= self.queue.len();
        let all_fit = fitting(self.queue.iter(), budget) == self.queue.len();
        let oldest = self.queue.front().and_then(|oldest| oldest.sent_at);
        let long_ago = oldest.is_none_or(|sent_at| now.since(sent_at) >= SIGNAL_RESTART);
        all_sent || all_fit || long_ago
    }
}

impl ReliableReceiver {
    /// Nothing received.
    pub const fn new() -> Self {
        Self { newest: 0 }
    }

    /// Takes messages of which the first has the number `first`, and returns those that are new, in order: none
    /// if some before them are missing.
    pub fn on_messages(
        &mut self,
        first: u32,
        messages: Vec<ReliableMessage>,
    ) -> Vec<ReliableMessage> {
        let Some(next) = self.newest.checked_add(1) else {
            return Vec::new();
        };
        let Some(known) = next.checked_sub(first) else {
            return Vec::new();
        };
        let known = usize::try_from(known).unwrap_or(usize::MAX);
        let room = usize::try_from(u32::MAX - self.newest).unwrap_or(usize::MAX);
        let new: Vec<_> = messages.into_iter().skip(known).take(room).collect();
        let count = u32::try_from(new.len()).unwrap_or(u32::MAX);
        self.newest = self.newest.saturating_add(count);
        new
    }

    /// What the peer is told: the number of the newest message received in order.
    pub const fn ack(&self) -> u32 {
        self.newest
    }
}

/// How many messages fit, at least one if there is one.
fn fitting<'a>(messages: impl Iterator<Item = &'a Queued>, budget: usize) -> usize {
    let mut bytes = 0_usize;
    messages
        .take(MAX_SIGNAL_MESSAGES)
        .enumerate()
        .take_while(|(at, queued)| {
            bytes = bytes.saturating_add(queued.message.encoded_len());
            *at == 0 || bytes <= budget
        })
        .count()
}

#[cfg(test)]
mod tests;
