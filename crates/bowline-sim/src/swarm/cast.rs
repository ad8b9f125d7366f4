//! Hosts, and how they are set.

use std::net::SocketAddr;

use bowline_core::config::{Config, ConfigKey, ConfigScope, ConfigType, ConfigValue};
use bowline_core::crypto::cipher_negotiation::EncryptionPolicy;
use bowline_core::extensions::{Extension, ExtensionSet};
use bowline_core::identity::Identity;
use bowline_core::ids::AppId;
use bowline_core::rng::Rng;
use bowline_core::time::Span;

use crate::host::{AcceptPolicy, HostConfig, HostId};
use crate::nat::{NatBehaviour, NatConfig, NatId, PortAllocation};
use crate::swarm::{Feature, Features, Scenario, magnitude, pick};
use crate::world::World;

/// The port that servers listen on.
const PORT: u16 = 27_015;
/// Most hosts.
const MAX_HOSTS: u32 = 8;
/// Most connections that are ever dialled.
const MAX_DIALLED: u32 = 14;
/// The send buffer of hosts that send much at once.
const BULK_SEND_BUFFER: usize = 8 * 1024 * 1024;
/// App IDs differ in one host of so many.
const STRANGERS: u32 = 24;

/// Who plays.
#[derive(Debug)]
pub(super) struct Cast {
    pub(super) servers: Vec<(HostId, SocketAddr)>,
    pub(super) hosts: Vec<HostId>,
    pub(super) nats: Vec<NatId>,
    dialled: u32,
}

impl Cast {
    /// Adds hosts to the world, the first ones servers.
    pub(super) fn draw(world: &mut World, rng: &mut Rng, features: Features) -> Self {
        let count = match rng.below(3) {
            0 => 2,
            _ => 2 + rng.below(MAX_HOSTS - 1),
        };
        let servers = 1 + rng.below(count.min(3) - 1);
        let mut cast = Self {
            servers: Vec::new(),
            hosts: Vec::new(),
            nats: Vec::new(),
            dialled: 0,
        };
        for index in 0..count {
            let config = host_config(rng, features);
            let name = if index < servers {
                format!("server {index}")
            } else {
                format!("client {index}")
            };
            let nat = (index >= servers && features.has(Feature::Nats) && rng.below(2) == 0)
                .then(|| cast.nat(world, rng));
            let host = match nat {
                Some(nat) => world.add_host_behind(nat, &name, config),
                None => world.add_host(&name, config),
            };
            cast.hosts.push(host);
            if index < servers {
                let address = world.listen(host, PORT);
                cast.servers.push((host, address));
            }
        }
        cast
    }

    /// A NAT to put a client behind: a new one, or one that has clients already.
    fn nat(&mut self, world: &mut World, rng: &mut Rng) -> NatId {
        if let Some(known) = pick(rng, &self.nats)
            && rng.below(2) == 0
        {
            return known;
        }
        let behaviour = |rng: &mut Rng| NatBehaviour::ALL[rng.below(3) as usize];
        let ports = [
            PortAllocation::Preserving,
            PortAllocation::Sequential,
            PortAllocation::Random,
        ][rng.below(3) as usize];
        let lifetime = Span::from_millis(u64::from(magnitude(rng, 500, 60_000)));
        let config = NatConfig::new(behaviour(rng), behaviour(rng))
            .ports(ports)
            .lifetime(lifetime);
        let nat = world.add_nat(&format!("NAT {}", self.nats.len()), config);
        self.nats.push(nat);
        nat
    }
}

impl Scenario<'_> {
    /// Dials now and then, mostly in the beginning.
    pub(super) fn start_connections(&mut self, step: u32) {
        let begins = step < 8;
        let dials = begins || (self.has(Feature::ComeAndGo) && self.once_in(8));
        if !dials || self.cast.dialled >= MAX_DIALLED {
            return;
        }
        let host = self.any_host();
        let servers = self.cast.servers.clone();
        let Some((server, address)) = pick(&mut self.rng, &servers) else {
            return;
        };
        if host == server {
            return;
        }
        // Refused if the address is taken, which is as good as anything else.
        if self.world.connect(host, address).is_ok() {
            self.cast.dialled += 1;
        }
    }

    /// Draws a setting of a kind that may change at any time.
    pub(super) fn new_settings(&mut self, old: &Config) -> Config {
        let mut config = old.clone();
        for _ in 0..=self.rng.below(3) {
            set_something(&mut self.rng, &mut config);
        }
        config
    }
}

fn host_config(rng: &mut Rng, features: Features) -> HostConfig {
    let mut config = HostConfig {
        connection: Config::at(ConfigScope::Interface),
        ..HostConfig::default()
    };
    if features.has(Feature::Bulk) {
        let room = config.connection.set_send_buffer(BULK_SEND_BUFFER);
        room.expect("within the range");
    }
    if features.has(Feature::Settings) {
        for _ in 0..rng.below(6) {
            set_something(rng, &mut config.connection);
        }
    }
    if features.has(Feature::MixedEncryption) {
        let policies = [
            EncryptionPolicy::Required,
            EncryptionPolicy::Preferred,
            EncryptionPolicy::Avoided,
            EncryptionPolicy::Off,
        ];
        let policy = policies[rng.below(4) as usize];
        config.connection.set_encryption(policy);
    }
    if features.has(Feature::LikeGns) {
        config.connection.set_encryption(EncryptionPolicy::Off);
        config.is_like_gns = true;
    }
    if features.has(Feature::Extensions) {
        config.extensions = extensions(rng);
    }
    if features.has(Feature::KeyUpdates) {
        config.key_limits.packets = u64::from(20 + rng.below(200));
    }
    if features.has(Feature::ByHand) && rng.below(2) == 0 {
        config.accept = AcceptPolicy::ByHand;
    }
    if features.has(Feature::OddCalls) && rng.below(STRANGERS) == 0 {
        config.app_id = AppId::new(rng.below(2));
    }
    if rng.below(2) == 0 {
        config.identity =
            Identity::str(&format!("host-{}", rng.below(1000))).expect("a short name");
    }
    config.explains_rejections = rng.below(2) == 0;
    config
}

fn extensions(rng: &mut Rng) -> ExtensionSet {
    let mut set = ExtensionSet::NONE;
    for extension in Extension::ALL {
        if rng.below(2) == 0 {
            set = set.with(extension);
        }
    }
    set
}

/// Sets one of the settings that the protocol goes by, or, now and then, any other one.
fn set_something(rng: &mut Rng, config: &mut Config) {
    let key = match rng.below(14) {
        0 => ConfigKey::SendBufferSize,
        1 => ConfigKey::NagleTime,
        2 => ConfigKey::TimeoutInitial,
        3 => ConfigKey::TimeoutConnected,
        4 => ConfigKey::MtuPacketSize,
        5 => ConfigKey::RecvBufferSize,
        6 => ConfigKey::RecvBufferMessages,
        7 => ConfigKey::RecvMaxMessageSize,
        8 => ConfigKey::RecvMaxSegmentsPerPacket,
        9 => ConfigKey::OutOfOrderCorrectionWindow,
        10 => ConfigKey::SendTimeSincePreviousPacket,
        11 => return set_rate(rng, config),
        _ => any_other(rng),
    };
    // What is refused stays as it was.
    let _ = config.set(key, value(rng, key));
}

/// A value that the setting takes, mostly one that still lets things happen.
fn value(rng: &mut Rng, key: ConfigKey) -> ConfigValue {
    let usual = match key {
        ConfigKey::SendBufferSize | ConfigKey::RecvBufferSize => Some((4096, 1024 * 1024)),
        ConfigKey::TimeoutInitial => Some((500, 20_000)),
        ConfigKey::TimeoutConnected => Some((1_000, 20_000)),
        ConfigKey::RecvBufferMessages => Some((2, 1000)),
        // A sender cannot know that fewer are taken, and packs more of what it repeats into a packet.
        ConfigKey::RecvMaxSegmentsPerPacket => Some((64, 1300)),
        ConfigKey::RecvMaxMessageSize => Some((64, 512 * 1024)),
        _ => None,
    };
    let facts = &key.spec().facts;
    match (usual, facts.kind) {
        (Some((min, max)), _) => ConfigValue::Int64(i64::from(magnitude(rng, min, max))),
        (None, ConfigType::Float) => ConfigValue::Int32(rng.below(100).cast_signed()),
        (None, ConfigType::String) => ConfigValue::from("something"),
        (None, _) => {
            let (min, max) = facts.range_int;
            let span = u32::try_from(max.saturating_sub(min)).unwrap_or(u32::MAX - 1);
            ConfigValue::Int64(min.saturating_add(i64::from(rng.below(span.saturating_add(1)))))
        }
    }
}

/// Bounds of the sending rate, from 16 KiB/s on, so that a scenario comes to its end.
fn set_rate(rng: &mut Rng, config: &mut Config) {
    let mut rate = || u64::from(magnitude(rng, 16 * 1024, 8 * 1024 * 1024));
    let (a, b) = (rate(), rate());
    let bounds = match rng.below(3) {
        0 => (Some(a), Some(a)),
        1 => (Some(a.min(b)), Some(a.max(b))),
        _ => (None, Some(a)),
    };
    config
        .set_send_rate(bounds.0, bounds.1)
        .expect("within the range");
}

/// Settings that the core only hands on.
fn any_other(rng: &mut Rng) -> ConfigKey {
    let drawn_elsewhere = |key: &ConfigKey| {
        matches!(
            key,
            ConfigKey::Unencrypted | ConfigKey::SendRateMin | ConfigKey::SendRateMax
        )
    };
    let keys: Vec<ConfigKey> = ConfigKey::all()
        .filter(|key| !drawn_elsewhere(key) && *key != ConfigKey::IpAllowWithoutAuth)
        .collect();
    pick(rng, &keys).expect("there are many")
}
