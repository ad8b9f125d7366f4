//! Live interoperability checks between Bowline and GameNetworkingSockets (GNS).
//!
//! Both libraries stand behind one small trait, [`Host`]. The scenarios in
//! `tests/direct` are written against the trait, so each of them runs with
//! Bowline dialling GNS, with GNS dialling Bowline, and with GNS on both ends:
//! the last pairing tests the scenario itself.

pub mod bare_core;
mod convert;
pub mod coturn;
pub mod courier;
pub mod gns;
pub mod gns_p2p;
pub mod host;
pub mod pair;
pub mod process;
pub mod product;
pub mod recording;
pub mod repository;
pub mod traffic;

pub use gns::Gns;
pub use process::PeerProcess;
