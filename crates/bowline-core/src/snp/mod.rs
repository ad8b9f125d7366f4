//! The frames inside a data packet: what is in the plaintext, and how it is written.
//!
//! A plaintext is a sequence of frames without count or length. [`Decoder`] turns it into [`Frame`]s,
//! [`FrameWriter`] writes them. Both keep the same small context per lane, in which later segments
//! leave out what the earlier ones said. GNS e707b3a: steamnetworkingsockets_snp.cpp.
#![cfg_attr(
    not(test),
    warn(clippy::arithmetic_side_effects, clippy::cast_possible_truncation)
)]

pub mod ack_codec;
pub mod close;
pub mod decode;
pub mod encode;
pub mod frame;
#[cfg(test)]
mod golden;
pub mod padding;
pub mod window;

pub use ack_codec::{AckBlock, AckBlocks, AckFrame};
pub use decode::{DecodeContext, Decoder};
pub use encode::FrameWriter;
pub use frame::{Frame, FrameError};
