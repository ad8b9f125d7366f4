//! The protocol of Bowline without any input or output.
#![no_std]
#![forbid(unsafe_code)]
#![warn(clippy::indexing_slicing)]
#![cfg_attr(test, allow(clippy::indexing_slicing))]

extern crate alloc;
#[cfg(any(test, feature = "test-support"))]
extern crate std;

pub mod address;
pub mod availability;
pub mod cert;
pub mod conditions;
pub mod config;
pub mod connection;
pub mod counters;
pub mod crypto;
pub mod debug;
pub mod end_reason;
pub mod endpoint;
pub mod error;
pub mod event;
pub mod extensions;
pub mod handshake;
pub mod hub;
pub mod ice;
pub mod identity;
pub mod ids;
pub mod limits;
pub mod message;
pub mod messages;
pub mod p2p;
pub mod pipe;
pub mod pop;
pub mod result_code;
pub mod rng;
pub mod snp;
#[cfg(any(test, feature = "test-support"))]
pub mod start;
pub mod stats;
pub mod stun;
pub mod time;
pub mod transmit;
pub mod turn;
pub mod wire;

mod lane_set;
mod memory;
#[cfg(test)]
mod pair;
mod range_set;
mod rate;
mod recv;
mod send;
mod serde_array;
