//! Hubs and players on bad networks, in simulated time: `town` says how they live.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on may panic")]

mod chance;
mod crowds;
mod outages;
mod owners;
mod town;
