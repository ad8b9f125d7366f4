//! `ISteamNetworkingSockets`.

pub(crate) mod connections;
pub(crate) mod convert;
pub(crate) mod credentials;
pub mod flat;
pub(crate) mod handles;
pub(crate) mod making;
pub mod object;
pub mod peers;
pub mod signaling;
mod status;
