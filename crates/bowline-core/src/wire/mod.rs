//! The bytes of direct UDP packets.

pub mod pb;
