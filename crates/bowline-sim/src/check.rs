//! Holding a world to its promises.

use std::fmt;

use bowline_core::event::TimerKind;
use bowline_core::time::Timestamp;

use crate::host::Conn;
use crate::model::DeliveryError;
use crate::world::World;

/// Something that should not have happened.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Violation {
    /// When it happened.
    pub at: Timestamp,
    /// The connection that it happened to.
    pub conn: Conn,
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
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} connection {}: ", self.at, self.conn.id)?;
        match self.fault {
            Fault::Delivery(error) => error.fmt(f),
            Fault::IdleTimer(timer) => write!(f, "timer {timer:?} fires without progress"),
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
