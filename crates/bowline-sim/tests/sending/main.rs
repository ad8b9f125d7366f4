//! How the sender does on paths that lose, delay and throttle, in virtual time.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on may panic")]

mod armour;
