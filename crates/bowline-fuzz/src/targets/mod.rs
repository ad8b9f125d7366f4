//! The list of targets, and their bodies.
//!
//! A body takes any bytes and returns if the code under test does what it should; a panic is a finding.
//! What a body checks besides "no panic" stands at its function.

mod certs;
mod connection;
mod endpoint;
mod handshake;
mod hub;
mod ice;
mod peers;
mod recording;
mod seeds;
mod signals;
mod snp;
mod stun;
mod texts;
mod wire;

use std::fmt;

pub use certs::{cert, cert_text};
pub use connection::{connection_frames, extensions};
pub use endpoint::endpoint_datagram;
pub use handshake::handshake;
pub use hub::{hub_client, hub_session, network_config};
pub use ice::{ice_agent, ice_candidate};
pub use peers::peers;
pub use recording::recording;
pub use signals::{hub_message, signal};
pub use snp::{ack_codec, snp_decode, snp_roundtrip};
pub use stun::{stun, turn_client};
pub use texts::{address_string, config_string, identity_string, short_texts};
pub use wire::{stats_blob, udp_datagram};

/// Something to fuzz.
#[derive(Clone, Copy)]
pub struct Target {
    /// What it is called: its function, its program, its files.
    pub name: &'static str,
    /// The longest input that is worth trying, in bytes.
    pub max_len: usize,
    /// What it does with an input.
    pub run: fn(&[u8]),
    /// Inputs to begin with, besides the corpus.
    pub seeds: fn() -> Vec<Vec<u8>>,
}

/// All targets, by name.
pub const TARGETS: &[Target] = &[
    target("ack_codec", 512, ack_codec, seeds::none),
    target("address_string", 128, address_string, seeds::addresses),
    target("cert", 2048, cert, seeds::certs),
    target("cert_text", 4096, cert_text, seeds::cert_texts),
    target("config_string", 512, config_string, seeds::settings),
    target("connection_frames", 2048, connection_frames, seeds::none),
    target(
        "endpoint_datagram",
        4096,
        endpoint_datagram,
        seeds::datagrams,
    ),
    target("extensions", 512, extensions, seeds::none),
    target("handshake", 2048, handshake, seeds::none),
    target("hub_client", 2048, hub_client, seeds::none),
    target("hub_message", 2048, hub_message, seeds::hub_messages),
    target("hub_session", 2048, hub_session, seeds::none),
    target("ice_agent", 2048, ice_agent, seeds::none),
    target("ice_candidate", 1024, ice_candidate, ice::seeds),
    target("identity_string", 256, identity_string, seeds::identities),
    target("network_config", 2048, network_config, hub::network_configs),
    target("peers", 2048, peers, seeds::none),
    target("recording", 8192, recording, recording::seeds),
    target("short_texts", 128, short_texts, seeds::short_texts),
    target("signal", 2048, signal, seeds::signals),
    target("snp_decode", 1400, snp_decode, seeds::none),
    target("snp_roundtrip", 1400, snp_roundtrip, seeds::none),
    target("stats_blob", 512, stats_blob, seeds::none),
    target("stun", 1400, stun, stun::seeds),
    target("turn_client", 1024, turn_client, seeds::none),
    target("udp_datagram", 1400, udp_datagram, seeds::datagrams),
    target("world_script", 2048, world_script, seeds::none),
];

/// The target of that name.
pub fn find(name: &str) -> Option<&'static Target> {
    TARGETS.iter().find(|target| target.name == name)
}

/// Plays a script of applications, network and evil peers: see [`crate::script`].
///
/// Holds what is delivered against the model of the simulator, waits for the rest once the faults are
/// over, and has everything end. No timer runs idle, no nonce is used twice, no answer to somebody who
/// has not proved his address is larger than its cause.
pub fn world_script(data: &[u8]) {
    crate::script::play(data);
}

const fn target(
    name: &'static str,
    max_len: usize,
    run: fn(&[u8]),
    seeds: fn() -> Vec<Vec<u8>>,
) -> Target {
    Target {
        name,
        max_len,
        run,
        seeds,
    }
}

impl fmt::Debug for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Target")
            .field("name", &self.name)
            .field("max_len", &self.max_len)
            .finish_non_exhaustive()
    }
}
