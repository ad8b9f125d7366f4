//! The small parts on which the driver's threads meet, apart from what they carry.
//!
//! Everything whose correctness hangs on the order in which threads get to run is here, generic over
//! the rest, so that a model checker can try the orders on the very code that runs in production.
//! Nothing here knows of connections or sockets.

pub(crate) mod alone;
pub(crate) mod baton;
pub(crate) mod inbox;
pub(crate) mod post;
pub(crate) mod primitives;
pub(crate) mod role;

#[cfg(all(test, loom))]
mod models;
