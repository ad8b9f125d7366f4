//! `ISteamNetworkingUtils`: settings, debug output, the clock, and what is told of relays and distances.

pub mod config;
pub mod debug;
pub mod no_arguments;
pub mod object;
pub(crate) mod options;
mod place;
pub mod relays;
pub(crate) mod scan;
mod value;
