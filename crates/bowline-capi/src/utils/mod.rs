//! `ISteamNetworkingUtils`: settings, debug output, the clock, and what is told of relays and distances.

pub(crate) mod options;
mod scan;
mod value;
