//! Peers that know each other's identities and find a way by signals.
//!
//! A third party carries small messages between them ([`signal`]), which may be lost, doubled or late. In them
//! the two exchange certificates and keys, and tell each other where they might be reached; what must
//! arrive goes in a small reliable stream inside ([`reliable_signal`]). Meanwhile the [`ice`](crate::ice)
//! agent of each connection tries the addresses. By the time that a packet arrives both have keys.
//!
//! `party` is what a connection has for all this, `call` the side that asks, `answer` the side that is
//! asked, `challenge` what becomes of a peer that asks for what it has, `held` a call that waits for our certificate,
//! `signals` what goes in and out, `way` the step from addresses to packets, `transports`, `score` and `choice`
//! the choice among several, `closing` the end, `route` what the application may know of it;
//! [`tie_break`] decides when both ask at once, `story` remembers what was tried.

mod answer;
mod call;
mod challenge;
mod choice;
mod closing;
mod held;
mod party;
pub mod reliable_signal;
mod route;
mod score;
pub mod signal;
pub mod signal_pacer;
mod signals;
pub mod story;
pub mod tie_break;
mod transports;
mod way;

pub use held::HeldCall;
pub(crate) use party::Party;
pub use party::Ports;
pub use route::PeerRoute;
