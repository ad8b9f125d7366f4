//! Peers of ours and peers of GNS that find each other by signals.
//!
//! The machine needs an address besides the loopback ones, which GNS does not use (`bowline_interop::gns_p2p`).

mod c_library;
mod closing;
mod connecting;
mod hub;
mod messages;
mod program;
mod relays;
mod room;
mod server;
mod sessions;
mod symmetric;
mod trust;
