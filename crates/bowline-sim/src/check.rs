//! Holding a world to its promises.

use std::fmt;

use bowline_core::event::TimerKind;
use bowline_core::ids::LaneIndex;
use bowline_core::time::{Span, Timestamp};

use crate::gns_receiver::Finding;
use crate::host::{Conn, HostId};
use crate::model::DeliveryError;
use crate::world::World;

/// Something that should not have happened.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Violation {
    /// When it happened, in world time.
    pub at: Timestamp,
    /// The host that it happened on.
    pub host: HostId,
    /// The connection that it happened to, where that is known.
    pub conn: Option<Conn>,
    /// What happened.
    pub fault: Fault,
}

/// What should not have happened.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Fault {
    /// A message was not delivered as promised.
    Delivery(DeliveryError),
    /// A timer fired again and again without anything coming of it.
    IdleTimer(TimerKind),
    /// A packet was sealed with a nonce that had been used with the same key.
    NonceReused,
    /// A connection holds more memory than its settings allow.
    Memory {
        /// What it holds, in bytes.
        bytes: usize,
        /// What it may hold ([`Connection::memory_bound`](bowline_core::connection::Connection::memory_bound)).
        bound: usize,
    },
    /// More received messages wait to be read than the settings allow.
    FullQueue {
        /// How many wait.
        messages: usize,
        /// How many bytes they have.
        bytes: usize,
    },
    /// More bytes of a lane are under way than the peer's window takes.
    Window {
        /// The lane.
        lane: LaneIndex,
        /// From the oldest byte that is not acknowledged to the newest that was sent, those that are sent
        /// again left out.
        bytes: usize,
    },
    /// A connection ended for a silence that was none.
    NotSilent {
        /// For how long nothing had come from the peer.
        silence: Span,
        /// For how long it may be silent.
        timeout: Span,
    },
    /// A receiver of the original would not have taken what was sent, although the sender could have
    /// avoided that.
    GnsLimit(Finding),
    /// One input led to more datagrams than a burst may have.
    LongBurst {
        /// Their bytes.
        bytes: usize,
    },
}

impl fmt::Display for Violation {
    /// What happened, and to which connection; [`World::report`] and [`World::verify`] add where and when.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.conn {
            Some(conn) => write!(f, "connection {}: ", conn.id)?,
            None => write!(f, "some connection: ")?,
        }
        match self.fault {
            Fault::Delivery(error) => error.fmt(f),
            Fault::IdleTimer(timer) => write!(f, "timer {timer:?} fires without progress"),
            Fault::NonceReused => f.write_str("a nonce was used twice with the same key"),
            Fault::Memory { bytes, bound } => {
                write!(f, "holds {bytes} bytes of memory, and may hold {bound}")
            }
            Fault::FullQueue { messages, bytes } => {
                write!(f, "{messages} messages of {bytes} bytes wait to be read")
            }
            Fault::Window { lane, bytes } => {
                write!(f, "lane {} has {bytes} bytes under way", lane.get())
            }
            Fault::NotSilent { silence, timeout } => {
                write!(f, "takes {silence} for a silence of {timeout}")
            }
            Fault::GnsLimit(finding) => write!(f, "the original would refuse: {finding}"),
            Fault::LongBurst { bytes } => write!(f, "sends {bytes} bytes for one input"),
        }
    }
}

/// Plays a scenario twice with the same seed and returns what it returned.
///
/// # Panics
/// If the runs differ in any datagram or event, or one of them broke a promise
/// ([`World::verify`]).
pub fn deterministic<T>(seed: u64, scenario: impl Fn(&mut World) -> T) -> T {
    let play = || {
        let mut world = World::new(seed);
        let result = scenario(&mut world);
        if let Err(story) = world.verify() {
            panic!("seed {seed}: {story}");
        }
        (world, result)
    };
    let (first, result) = play();
    let (second, _) = play();
    if let Some(last_same) = first.trace().parted_after(second.trace()) {
        panic!(
            "seed {seed}: two runs part after {last_same}, with {} and {} records\n{first:?}",
            first.trace().records(),
            second.trace().records(),
        );
    }
    result
}
