//! The protocol of Bowline without any input or output.
#![no_std]
#![forbid(unsafe_code)]
#![warn(clippy::indexing_slicing)]
#![cfg_attr(test, allow(clippy::indexing_slicing))]

extern crate alloc;
#[cfg(test)]
extern crate std;

pub mod cert;
pub mod counters;
pub mod crypto;
pub mod end_reason;
pub mod identity;
pub mod ids;
pub mod limits;
pub mod rng;
pub mod snp;
pub mod stats;
pub mod time;
pub mod transmit;
pub mod wire;
