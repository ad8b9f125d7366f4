//! What a connection measures about its link, and what both sides tell each other of it.
//!
//! [`LinkStats`] counts packets, rates them per interval of five seconds and keeps the histograms of
//! the connection's whole life. [`PingTracker`] is the whole-millisecond estimate that GNS shows and
//! sends; the sender's own round-trip estimator is another one. [`StatsExchange`] says when a report is
//! owed to the peer and holds the last one that came from it.
//!
//! None of this steers the protocol, apart from the reply timeout that follows the ping.

mod exchange;
mod histogram;
mod jitter;
mod lifetime;
mod link;
mod ping;
mod quality;

pub use crate::send::ArmourStats;
pub use crate::send::LossStats;
pub use exchange::{Due, RemoteStats, Report, StatsExchange};
pub use jitter::{time_since_previous_from_wire, time_since_previous_to_wire};
pub use link::{LinkStats, Sequence};
pub use ping::PingTracker;
pub use quality::Rates;
