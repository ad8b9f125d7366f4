//! The bytes of direct UDP packets.
//!
//! What comes in is parsed once, here, into typed values; what goes out is written from them.
//! [`udp`] has the handshake and close packets, [`data_header`] and [`stats_blob`] what stands
//! before the encrypted part of a data packet; the frames inside are in [`crate::snp`].
#![cfg_attr(
    not(test),
    warn(clippy::arithmetic_side_effects, clippy::cast_possible_truncation)
)]

pub mod cursor;
pub mod data_header;
pub mod pb;
pub mod stats_blob;
pub mod udp;
pub mod varint;
