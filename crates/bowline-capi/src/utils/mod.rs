//! `ISteamNetworkingUtils`: settings, debug output, the clock, and what is told of relays and distances.

pub(crate) mod options;
pub(crate) mod scan;
mod value;
