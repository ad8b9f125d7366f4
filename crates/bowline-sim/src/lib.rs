//! A network in a box: whole matches over bad links, in virtual time, the same every time.
//!
//! A [`World`] holds hosts, the links between them and a clock. The hosts run the real protocol of
//! Bowline, handshake, encryption and all; only sockets, time and luck are simulated. A minute of
//! play takes a fraction of a second, and because everything grows from one seed, a run that failed
//! fails again in the same way for whoever looks into it.
//!
//! ```
//! use bowline_sim::{Chance, HostConfig, LinkConfig, SendFlags, Span, deterministic};
//!
//! deterministic(42, |world| {
//!     // A server, a player, and a phone network between them.
//!     let server = world.add_host("server", HostConfig::default());
//!     let player = world.add_host("player", HostConfig::default());
//!     world.set_links(
//!         LinkConfig::PERFECT
//!             .latency(Span::from_millis(40))
//!             .jitter(Span::from_millis(30))
//!             .loss(Chance::percent(2)),
//!     );
//!
//!     let address = world.listen(server, 27015);
//!     let (player, server) = world.connect_pair(player, address).unwrap();
//!
//!     world.send(player, SendFlags::RELIABLE, b"ready").unwrap();
//!     for _ in 0..30 {
//!         world.send(server, SendFlags::UNRELIABLE, b"snapshot").unwrap();
//!         world.run_for(Span::from_millis(33));
//!     }
//!     world.wait_for_delivery(player, Span::from_secs(2)).unwrap();
//!     assert_eq!(world.receive(server).unwrap().data, b"ready");
//! });
//! ```
//!
//! # What is checked without being asked
//!
//! - Every message that arrives is held against what was sent: reliable messages come exactly once
//!   and in order within their lane, unreliable ones at most once, and none is altered, or arrives
//!   although another one replaced it ([`DeliveryModel`]).
//! - Where a receiver wants unreliable messages in order, none comes after a newer one.
//! - No timer fires again and again without anything coming of it, and no input lets more than a burst
//!   leave.
//! - No nonce is used twice with the same key, by whoever has it.
//! - No connection holds more memory, or more messages that wait to be read, than its settings allow, and no
//!   lane has more under way than the peer's window takes.
//! - No connection ends for a silence of its peer that was none.
//! - A connection with the limits of the original's receiver in front of it never runs into those that a
//!   sender can avoid ([`Fault::GnsLimit`]).
//! - [`deterministic`] plays a scenario twice and compares every datagram and event.
//!
//! And when it is asked for: [`World::settle`] ends all faults and sees that everything reliable arrives
//! in time. [`swarm`] draws whole scenarios from a seed and checks all of it.
//!
//! When something does not come in time, or should not have come, the error is a story: how each
//! connection and link stands, and the notable things that happened last ([`Stuck`]).
//!
//! # What can be done to the network
//!
//! - **Links**, each direction by itself and changeable at any time ([`LinkConfig`]): latency, jitter,
//!   loss one by one or in bursts ([`GilbertElliott`]), reordering, duplication, flipped bits, a
//!   bottleneck with a queue, a black hole for big datagrams, outages in one direction or both
//!   ([`World::set_connected`]). Single datagrams can be dropped or altered by a filter
//!   ([`World::set_filter`]).
//! - **NATs** ([`World::add_nat`], [`NatConfig`]): mapping and filtering in the terms of RFC 4787,
//!   hairpinning, lifetimes, port allocation, one behind another; they can be rebound or given
//!   another address in mid-game.
//! - **Hosts** can be paused ([`World::pause`]), switched off ([`World::kill`]), crash and start anew
//!   ([`World::restart`]), move to another address ([`World::change_address`]), get and lose addresses
//!   ([`World::add_address`], [`World::cut_address`], [`World::set_peer_ways`]), and have clocks and
//!   calendars that jump ([`World::step_clock`], [`World::step_calendar`]).
//! - **Strangers** speak whatever they like from raw sockets, also under false addresses
//!   ([`World::send_raw`], [`World::send_spoofed`]).
//! - A connection can be given the limits of the original's receiver, GameNetworkingSockets
//!   ([`World::receive_as_gns`]).
//!
//! # Hostile peers
//!
//! [`scripted`] holds a peer that speaks the protocol correctly until it is told otherwise, for tests
//! of what no real one would do: lies in the handshake, frames that do not fit, numbers from far ahead.
//! [`stun_server`] holds a STUN and TURN server that can be told to do wrong.
//!
//! # How it works
//!
//! The world keeps one queue of what will happen: datagrams that arrive and hosts that want to be
//! woken. It takes the earliest, lets the host's endpoint and connections work it off as a real
//! driver would, hands what they send to the links, and goes on. Ties are broken by the order of
//! planning. Each host's clock shows a time of its own, so that nobody gets away with comparing the
//! clocks of two hosts.
#![forbid(unsafe_code)]

mod check;
mod gns_receiver;
mod host;
mod link;
mod model;
mod nat;
mod network;
mod queue;
mod report;
pub mod scripted;
pub mod stun_server;
pub mod swarm;
mod trace;
mod world;

// What a scenario needs of the core, so that it needs no other crate.
pub use bowline_core::config::{Config, ConfigKey, LaneConfig};
pub use bowline_core::connection::{ConnectionInfo, ConnectionState, RealTimeStatus};
pub use bowline_core::counters::{DropCounters, DropReason};
pub use bowline_core::crypto::Crypto;
pub use bowline_core::crypto::key_update::KeyLimits;
pub use bowline_core::end_reason::EndReason;
pub use bowline_core::error::{
    AcceptError, ConnectError, ConnectP2pError, LaneError, ListenP2pError, SendError,
};
pub use bowline_core::event::Event;
pub use bowline_core::extensions::ExtensionSet;
pub use bowline_core::identity::Identity;
pub use bowline_core::ids::{AppId, LaneIndex, MessageNumber, VirtualPort};
pub use bowline_core::message::{Outgoing, SendFlags};
pub use bowline_core::rng::Rng;
pub use bowline_core::start::{FlowStart, StartNumbers};
pub use bowline_core::time::{Span, Timestamp};

pub use check::{Fault, Violation, deterministic};
pub use gns_receiver::{Cost, Finding, FindingKind, GnsCounters, GnsReceiver, Refusal};
pub use host::{AcceptPolicy, Conn, HostConfig, HostId, Received};
pub use link::{Chance, GilbertElliott, LinkConfig, LinkCounters};
pub use model::{DeliveryCounts, DeliveryError, DeliveryModel};
pub use nat::{NatBehaviour, NatConfig, NatCounters, NatId, PortAllocation};
pub use network::Datagram;
pub use network::Family;
pub use report::{FlowReport, KindReport, Report};
pub use trace::TraceHash;
pub use world::{SignalConfig, SignalCounters, Stuck, Verdict, World};

/// The code of the tutorial is compiled and run.
#[cfg(doctest)]
#[doc = include_str!("../../../docs/simulator.md")]
struct Tutorial;
