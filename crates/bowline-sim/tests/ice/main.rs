//! ICE over simulated NATs: agents and gatherers on raw sockets, with STUN and TURN servers in the same world.

// Helpers beside the tests unwrap as the tests do.
#![allow(clippy::unwrap_used)]

mod hiding;
mod matrix;
mod support;
mod trouble;
