//! What waits for something that is not there yet: relays, fake addresses; and the sockets of the legacy interface.
//!
//! Every function is there and answers as documented for the case that there is no such thing. Outputs are
//! written, as nothing. What a program would wait for in vain is told in the log, with what is missing.

pub mod fake_ip;
pub mod hosted;
pub mod legacy;

/// Tells that a function cannot do what it is for.
fn missing(function: &str, what: &str) {
    tracing::warn!(target: "bowline::capi", "{function}: {what} not available yet");
}
