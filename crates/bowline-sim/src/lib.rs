//! Deterministic network simulator for Bowline.

mod gns_receiver;
mod model;

pub use gns_receiver::{Cost, Finding, FindingKind, GnsCounters, GnsReceiver, Refusal};
pub use model::{DeliveryCounts, DeliveryError, DeliveryModel};
