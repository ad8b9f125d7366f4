//! What waits for something that is not there yet: the legacy interface, relays, fake addresses.
//!
//! Every function is there and answers as documented for the case that there is no such thing. Outputs are
//! written, as nothing. What a program would wait for in vain is told in the log, with what is missing.

pub mod fake_ip;
pub mod hosted;
pub mod legacy;

use std::ptr;

use crate::abi::vtable::Object;
use crate::library;

/// An interface whose functions need nothing of the library; null while that does not run.
fn while_running(object: &'static Object) -> *const Object {
    library::current().map_or(ptr::null(), |_| ptr::from_ref(object))
}

/// Tells that a function cannot do what it is for.
fn missing(function: &str, what: &str) {
    tracing::warn!(target: "bowline::capi", "{function}: {what} not available yet");
}
