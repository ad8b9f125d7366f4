//! Peers that know each other's identities, signals between them, and the ways that they find.

// Helpers beside the tests unwrap as the tests do.
#![allow(clippy::unwrap_used)]

mod anew;
mod chance;
mod ending;
mod hostile;
mod interfaces;
mod meeting;
mod nats;
mod relays;
mod support;
mod transfers;
mod ways;
