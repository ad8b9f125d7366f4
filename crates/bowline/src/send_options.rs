//! How a message is sent, with all that can be said about it.

use bowline_core::ids::LaneIndex;
use bowline_core::message::Freshness;
use bowline_core::message::Outgoing;
use bowline_core::message::Payload;
use bowline_core::message::SendFlags;
use bowline_core::time::Span;

/// How [`Connection::send_with`](crate::Connection::send_with) sends a message.
///
/// Begins with [`reliable`](Self::reliable) or [`unreliable`](Self::unreliable) on the first lane; the
/// other methods add to it.
///
/// Two are for unreliable messages only, because they may take a message out of the queue again:
///
/// - [`deadline`](Self::deadline): the message is dropped rather than sent when it has grown older. A
///   position of a second ago is of use to nobody, and only delays those behind it.
/// - [`replace`](Self::replace): a message that waits in the same lane with the same key makes way for this
///   one. A congested path then carries the newest state of each entity, not all of its history.
///
/// What was dropped is counted in [`RealTimeStatus`](crate::RealTimeStatus) and
/// [`LaneStatus`](crate::LaneStatus).
///
/// ```
/// use std::time::Duration;
///
/// use bowline::{Connection, LaneIndex, SendError, SendOptions};
///
/// const STATE: LaneIndex = LaneIndex::new(1);
///
/// fn send_positions(connection: &Connection, units: &[(u64, [u8; 12])]) -> Result<(), SendError> {
///     for (id, position) in units {
///         let options = SendOptions::unreliable()
///             .lane(STATE)
///             .deadline(Duration::from_millis(200))
///             .replace(*id);
///         connection.send_with(position, options)?;
///     }
///     // They share packets, which go now.
///     connection.flush()
/// }
/// ```
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
#[must_use = "options do nothing by themselves"]
pub struct SendOptions {
    lane: LaneIndex,
    flags: SendFlags,
    freshness: Freshness,
}

impl SendOptions {
    /// Flags as the original has them, on the first lane.
    pub const fn new(flags: SendFlags) -> Self {
        Self {
            lane: LaneIndex::ZERO,
            flags,
            freshness: Freshness {
                deadline: None,
                key: None,
            },
        }
    }

    /// Arrives exactly once and in order within its lane.
    pub const fn reliable() -> Self {
        Self::new(SendFlags::RELIABLE)
    }

    /// May be lost, and may arrive out of order.
    pub const fn unreliable() -> Self {
        Self::new(SendFlags::UNRELIABLE)
    }

    /// Sends on this lane, which must be configured.
    pub const fn lane(mut self, lane: LaneIndex) -> Self {
        self.lane = lane;
        self
    }

    /// Does not wait for company, and hurries what waits already.
    pub fn no_nagle(mut self) -> Self {
        self.flags = self.flags | SendFlags::NO_NAGLE;
        self
    }

    /// Goes out at once, or is refused with [`SendError::NotNow`](crate::SendError::NotNow). Without
    /// effect on a reliable message.
    pub fn no_delay(mut self) -> Self {
        self.flags = self.flags | SendFlags::UNRELIABLE_NO_DELAY;
        self
    }

    /// Is dropped instead of sent once it is older than this. Unreliable messages of at most 16,500 bytes
    /// only. What has gone out by then of a message that needs several packets was in vain.
    ///
    /// A message waits for company for at most half of its deadline. One in 8,000 unreliable messages in a
    /// row of a lane goes reliably, to keep a peer's count of them in step, and has no deadline then.
    pub fn deadline(mut self, deadline: impl Into<Span>) -> Self {
        self.freshness.deadline = Some(deadline.into());
        self
    }

    /// Takes the place of an unreliable message with the same key that waits in the same lane, if there is
    /// one that was not sent even in part. Unreliable messages of at most 16,500 bytes only.
    ///
    /// The message gets the place in the queue and the number of the one that it replaces; its deadline is
    /// its own. So a state that changes faster than the path can tell it still has its turn.
    pub const fn replace(mut self, key: u64) -> Self {
        self.freshness.key = Some(key);
        self
    }

    /// Whether the message should leave on the calling thread.
    pub(crate) const fn is_urgent(self) -> bool {
        self.flags.contains(SendFlags::NO_NAGLE) || self.flags.contains(SendFlags::NO_DELAY)
    }

    pub(crate) const fn message(self, payload: Payload<'_>) -> Outgoing<'_> {
        Outgoing {
            lane: self.lane,
            flags: self.flags,
            freshness: self.freshness,
            payload,
        }
    }
}

impl From<SendFlags> for SendOptions {
    fn from(flags: SendFlags) -> Self {
        Self::new(flags)
    }
}
