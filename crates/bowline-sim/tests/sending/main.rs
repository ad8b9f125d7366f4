//! How fast the core sends over all kinds of paths, how long its queues are, and how it shares.
//!
//! Everything runs in virtual time with real endpoints, so the same seed gives the same figures on every
//! machine. The thresholds are promises; what was measured when they were set stands beside them. Random
//! loss strikes behind the bottleneck, so lost packets cost capacity too.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on may panic")]

mod cubic;
mod support;

mod alone;
mod armour;
mod asking;
mod changes;
mod fast;
mod gns;
mod reordering;
mod sharing;
mod silence;
