//! Protobuf messages as they are on the wire. Generated, checked in, and behind this module so that
//! the generator can be replaced.

#[allow(missing_docs, clippy::all, unreachable_pub, unused_qualifications)]
mod generated;

pub use generated::*;
