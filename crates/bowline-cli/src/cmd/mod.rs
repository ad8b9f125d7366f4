//! The subcommands, one module each.

pub(crate) mod abi_lint;
pub(crate) mod bench;
pub(crate) mod cert;
pub(crate) mod client;
pub(crate) mod config;
pub(crate) mod demo;
mod finish;
#[cfg(feature = "hub")]
pub(crate) mod hub;
mod metronome;
pub(crate) mod p2p;
pub(crate) mod replay;
mod room;
pub(crate) mod server;
pub(crate) mod sim;
