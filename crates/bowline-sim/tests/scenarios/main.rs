//! Scenarios: the real core on simulated hosts, in virtual time.

// Helpers beside the tests unwrap as the tests do.
#![allow(clippy::unwrap_used)]

mod closing;
mod delivery;
mod extensions;
mod faults;
mod freshness;
mod gns_limits;
mod handshake;
mod high_numbers;
mod key_update;
mod links;
mod liveness;
mod match_of_16;
mod nat;
mod oracles;
mod path_mtu;
mod raw;
mod replay;
mod skipped;
mod support;
mod swarm;
