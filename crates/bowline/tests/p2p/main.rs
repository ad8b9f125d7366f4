//! Connections between peers that find each other by signals.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on may panic")]

#[path = "../support/mod.rs"]
mod support;

mod callbacks;
mod connecting;
mod many;
mod packets;
mod refusing;
mod room;
mod sessions;
mod symmetric;
mod trusting;
mod within;
