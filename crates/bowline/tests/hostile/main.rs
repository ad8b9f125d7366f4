//! Hostile peers, a hostile system and a careless application, through the public interface and over
//! real sockets. Tests are named by the number of their class of attack or fault.
//!
//! Classes without a test of their own here: allocation failure (37) ends a Rust program, so what counts is
//! that memory is bounded, which the tests named `limit_*` hold; no name is ever resolved by a direct
//! connection, so no DNS server can stall one (38); tags are compared by the AEADs of aws-lc and of the
//! `aes-gcm` crate, both in constant time, and nowhere else (43).
#![allow(clippy::unwrap_used, reason = "a test that cannot go on may panic")]

mod closing;
mod flood;
mod messages;
mod misuse;
mod peer;
#[cfg(unix)]
mod resources;
mod secrets;
#[path = "../support/mod.rs"]
mod support;
