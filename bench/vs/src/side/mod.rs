//! The two sides of every workload, written once for all libraries.
//!
//! A side is a process. The server prints `READY ADDRESS [HINT]`, serves until its standard input ends and
//! prints one line of JSON; the client runs the workload and prints one line of JSON. The options and
//! fields are those of `bowline bench peer`, so that either program can play the part. Every message
//! begins with the time of its sending on a clock that both share, and with its number.
//!
//! | workload | client | server |
//! |---|---|---|
//! | `flood` | one connection; sends as fast as it is let, and a little beyond the window | counts what arrives in the window |
//! | `ping` | one message at a time, waits for its echo | echoes |
//! | `connect` | dials, closes what is up, dials again, `inflight` at a time | accepts |
//! | `idle` | opens `clients` connections and holds them for `hold` s | looks at itself |
//! | `paced` | each of `clients` connections sends at fixed rates, phases evenly spread | sends at fixed rates to all at once, from the first message on |

use std::time::Duration;

use crate::measure::now_ns;
use crate::options::Options;
use crate::peer::Peer;

mod arrivals;
pub(crate) mod client;
mod paced;
pub(crate) mod server;

/// The bytes that begin every message.
const STAMP: usize = 16;

fn write_stamp(message: &mut [u8], sent_ns: u64, number: u64) {
    message[..8].copy_from_slice(&sent_ns.to_le_bytes());
    message[8..STAMP].copy_from_slice(&number.to_le_bytes());
}

/// When a message was sent, and its number; `None` if it is too short.
fn read_stamp(message: &[u8]) -> Option<(u64, u64)> {
    let (sent_ns, rest) = message.split_first_chunk()?;
    Some((
        u64::from_le_bytes(*sent_ns),
        u64::from_le_bytes(*rest.first_chunk()?),
    ))
}

/// How long a side may wait before it polls again.
#[derive(Clone, Copy, Debug)]
struct Patience {
    is_busy: bool,
    longest: Duration,
}

/// The longest waits: where a library must be polled for its timers, and where all is idle.
const TICK: Duration = Duration::from_millis(1);
const IDLE_TICK: Duration = Duration::from_millis(16);
/// Where a library keeps its timers itself.
const LONGEST: Duration = Duration::from_millis(50);

impl Patience {
    fn new(options: &Options, peer: &impl Peer) -> Self {
        let longest = match options.text("workload") {
            _ if peer.keeps_timers() => LONGEST,
            Some("idle") => IDLE_TICK,
            _ => TICK,
        };
        Self {
            is_busy: options.text("drive") == Some("busy"),
            longest,
        }
    }

    /// The wait until a moment.
    fn until(self, ns: u64) -> Duration {
        if self.is_busy {
            return Duration::ZERO;
        }
        Duration::from_nanos(ns.saturating_sub(now_ns())).min(self.longest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stamps_are_read_as_written() {
        let mut message = [0; 20];
        write_stamp(&mut message, 7, u64::MAX);
        assert_eq!(read_stamp(&message), Some((7, u64::MAX)));
        assert_eq!(read_stamp(&message[..15]), None);
    }

    #[test]
    fn a_wait_ends_with_its_cause() {
        let patience = Patience {
            is_busy: false,
            longest: TICK,
        };
        assert_eq!(patience.until(0), Duration::ZERO);
        assert_eq!(patience.until(u64::MAX), TICK);
        let busy = Patience {
            is_busy: true,
            ..patience
        };
        assert_eq!(busy.until(u64::MAX), Duration::ZERO);
    }
}
