//! What the application asks of the sender: messages taken in, dropped when too old, lanes set up.

use crate::config::LaneConfig;
use crate::error::LaneError;
use crate::error::SendError;
use crate::ids::MessageNumber;
use crate::limits;
use crate::message::Freshness;
use crate::message::Outgoing;
use crate::message::SendFlags;
use crate::send::Sender;
use crate::send::backlog::to_usize;
use crate::send::lane::SendLane;
use crate::send::scheduler;
use crate::time::Span;
use crate::time::Timestamp;

impl Sender {
    /// Accepts a message and numbers it.
    pub(crate) fn submit(
        &mut self,
        now: Timestamp,
        message: Outgoing<'_>,
    ) -> Result<MessageNumber, SendError> {
        self.expire(now);
        self.check_kind(&message)?;
        let lanes = self.lanes.len();
        let no_such_lane = SendError::NoSuchLane {
            lane: message.lane,
            lanes,
        };
        let Some(lane) = self.lanes.get(message.lane.as_usize()) else {
            return Err(no_such_lane);
        };
        let (len, freshness) = (message.payload.len(), message.freshness);
        // GNS e707b3a: steamnetworkingsockets_snp.cpp, `SNP_SendMessage`: large means reliable.
        let reliable = message.flags.is_reliable()
            || len > limits::MAX_UNRELIABLE_SEND
            || lane.unreliable_run() >= limits::MAX_UNRELIABLE_RUN;
        let replaced = freshness.key.and_then(|key| lane.waiting(key));
        let freed = replaced.map_or(0, |old| u64::from(old.len));
        let before = lane.unsent_reliable_bytes() + lane.unsent_unreliable_bytes();
        self.check_room(len, freed)?;
        let windowed = self.peer_window.is_some();
        scheduler::wake(self.lanes.for_use(windowed), message.lane);
        let Some(lane) = self.lanes.get_mut(message.lane.as_usize()) else {
            return Err(no_such_lane);
        };
        let number = if reliable && replaced.is_none() {
            lane.submit_reliable(message.payload)
        } else {
            self.unsent_unreliable += u64::from(replaced.is_none());
            let too_old_at = too_old_at(now, freshness);
            lane.submit_unreliable(message.payload, too_old_at, freshness.key)
        };
        let after = lane.unsent_reliable_bytes() + lane.unsent_unreliable_bytes();
        self.unsent_bytes = self.unsent_bytes + after - before;
        if message.flags.contains(SendFlags::NO_NAGLE) {
            self.flush(now);
        } else {
            self.wait_for_company(now, freshness.deadline);
        }
        Ok(number)
    }

    /// What is queued waits for company no longer.
    pub(crate) fn flush(&mut self, now: Timestamp) {
        if self.unsent_bytes > 0 || self.lanes.iter().any(|lane| !lane.is_idle()) {
            self.nagle_deadline = Some(self.nagle_deadline.map_or(now, |at| at.min(now)));
        }
    }

    /// Drops unreliable messages that are too old to be sent.
    #[inline]
    pub(crate) fn expire(&mut self, now: Timestamp) {
        if self.lanes.iter().any(|lane| lane.too_old_at() <= now) {
            self.drop_too_old(now);
        }
    }

    fn drop_too_old(&mut self, now: Timestamp) {
        for lane in self.lanes.iter_mut() {
            let (bytes, messages) = unsent_unreliable(lane);
            lane.expire(now);
            let (bytes_left, messages_left) = unsent_unreliable(lane);
            self.unsent_bytes -= bytes - bytes_left;
            self.unsent_unreliable -= messages - messages_left;
        }
        self.stop_nagle_if_idle();
    }

    /// When the next message may be too old, if one that waits has a deadline.
    pub(crate) fn too_old_at(&self) -> Option<Timestamp> {
        let earliest = self.lanes.iter().map(SendLane::too_old_at).min()?;
        (earliest < Timestamp::NEVER).then_some(earliest)
    }

    /// Sets priorities and weights, adding lanes as needed.
    pub(crate) fn configure_lanes(&mut self, lanes: &[LaneConfig]) -> Result<(), LaneError> {
        self.check_lanes(lanes)?;
        self.lanes
            .for_use(false)
            .resize_with(lanes.len(), || SendLane::new(LaneConfig::default()));
        self.share_peer_window();
        for (lane, config) in self.lanes.iter_mut().zip(lanes) {
            lane.config = *config;
            // Times of different classes do not compare: all start anew.
            lane.virtual_time = 0;
        }
        Ok(())
    }

    /// Whether the lanes can be set up like this.
    pub(crate) fn check_lanes(&self, lanes: &[LaneConfig]) -> Result<(), LaneError> {
        if lanes.is_empty() || lanes.len() > limits::MAX_LANES {
            return Err(LaneError::BadCount(lanes.len()));
        }
        if lanes.len() < self.lanes.len() {
            return Err(LaneError::CannotReduce {
                configured: self.lanes.len(),
                asked: lanes.len(),
            });
        }
        match lanes.iter().position(|lane| lane.weight == 0) {
            Some(index) => Err(LaneError::ZeroWeight(index)),
            None => Ok(()),
        }
    }

    /// Forgets when small messages should go if none waits.
    pub(super) fn stop_nagle_if_idle(&mut self) {
        if self.unsent_bytes == 0 && self.lanes.iter().all(SendLane::is_idle) {
            self.nagle_deadline = None;
        }
    }

    /// Whether a message like this can be sent at all, however much room there is.
    fn check_kind(&self, message: &Outgoing<'_>) -> Result<(), SendError> {
        let len = message.payload.len();
        // What the send buffer can never take is too large, too: waiting for room would not help.
        let mut max = self
            .max_message_bytes()
            .min(to_usize(self.send_buffer_bytes));
        if !message.freshness.is_unbounded() {
            if message.flags.is_reliable() {
                return Err(SendError::OnlyUnreliable);
            }
            // A larger one would have to go reliably.
            max = max.min(limits::MAX_UNRELIABLE_SEND);
        }
        if len > max {
            return Err(SendError::TooLarge { len, max });
        }
        Ok(())
    }

    /// Whether the send buffer takes a message that makes `freed` bytes go.
    fn check_room(&mut self, len: usize, freed: u64) -> Result<(), SendError> {
        let held = self.buffered_bytes();
        let needed = held.saturating_sub(freed) + len as u64;
        if needed <= self.send_buffer_bytes {
            return Ok(());
        }
        self.await_room(len);
        Err(SendError::BufferFull {
            queued_bytes: to_usize(held),
            limit_bytes: to_usize(self.send_buffer_bytes),
            wait: self.time_for(needed - self.send_buffer_bytes),
        })
    }

    /// Lets a small message wait for others to share a packet with, but for no more than half of what it
    /// is worth: a timer may be late.
    fn wait_for_company(&mut self, now: Timestamp, deadline: Option<Span>) {
        let nagle = deadline.map_or(self.nagle, |deadline| self.nagle.min(deadline / 2));
        let at = now + nagle;
        self.nagle_deadline = Some(self.nagle_deadline.map_or(at, |earlier| earlier.min(at)));
    }
}

/// A message is sent up to its deadline, and not a microsecond later.
fn too_old_at(now: Timestamp, freshness: Freshness) -> Timestamp {
    let deadline = freshness.deadline;
    deadline.map_or(Timestamp::NEVER, |deadline| {
        now + deadline + Span::from_micros(1)
    })
}

fn unsent_unreliable(lane: &SendLane) -> (u64, u64) {
    (
        lane.unsent_unreliable_bytes(),
        lane.unsent_unreliable_messages(),
    )
}
