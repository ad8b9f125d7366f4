//! The hub: a server that says who somebody is, signs certificates that say so, and carries signals between peers who
//! know nothing but each other's identity.
//!
//! ```text
//! connections of clients ──▶ [hub::Hub] ──▶ answers, signals
//!                              │    ▲
//!                     questions│    │verdicts          who checks tokens, the store of what must last,
//!                              ▼    │                  sockets and clocks are outside
//! ```
//!
//! [`hub::Hub`] is the whole logic, without sockets, clock or threads: messages and the time go in, messages and questions
//! come out. So it runs in the simulator as it does in life.
//!
//! [`server::Server`] is a hub on real sockets.

#[cfg(feature = "http")]
pub mod auth;
#[cfg(feature = "program")]
pub mod config;
pub mod dev;
#[cfg(feature = "http")]
pub mod http;
pub mod hub;
pub mod keys;
pub mod limits;
pub mod namespace;
#[cfg(feature = "http")]
pub mod operator;
#[cfg(feature = "program")]
pub mod program;
pub mod server;
#[cfg(feature = "disk")]
pub mod store;
pub mod stun;

mod bucket;
mod secret_file;
#[cfg(feature = "http")]
mod told;
#[cfg(feature = "http")]
mod words;
