//! Class 43: what the protocol prints and logs of itself shows no key, in no state. In a binary of its
//! own, because a process has one log.

// Helpers beside the tests unwrap as the tests do.
#![allow(clippy::unwrap_used)]

use std::fmt::{self, Debug, Write};
use std::sync::{Arc, Mutex};

use bowline_core::config::{Config, ConfigKey};
use bowline_core::crypto::key_update::KeyLimits;
use bowline_core::crypto::keys::SigningKey;
use bowline_core::crypto::spy;
use bowline_core::debug::DebugLevel;
use bowline_core::end_reason::EndReason;
use bowline_core::endpoint::EndpointConfig;
use bowline_core::ids::LaneIndex;
use bowline_core::message::SendFlags;
use bowline_core::rng::Rng;
use bowline_core::time::Span;
use bowline_sim::scripted::{ScriptedPeer, Stage};
use bowline_sim::{HostConfig, World};
use tracing::field::{Field, Visit};
use tracing::{Event, Metadata, Subscriber, span};

/// Keeps all that is logged.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<String>>);

struct Line<'a>(&'a mut String);

impl Visit for Line<'_> {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        write!(self.0, " {field}={value:?}").unwrap();
    }
}

impl Subscriber for Log {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }
    fn event(&self, event: &Event<'_>) {
        let mut text = self.0.lock().unwrap();
        event.record(&mut Line(&mut text));
        text.push('\n');
    }
    fn new_span(&self, _: &span::Attributes<'_>) -> span::Id {
        span::Id::from_u64(1)
    }
    fn record(&self, _: &span::Id, _: &span::Record<'_>) {}
    fn record_follows_from(&self, _: &span::Id, _: &span::Id) {}
    fn enter(&self, _: &span::Id) {}
    fn exit(&self, _: &span::Id) {}
}

impl Debug for Log {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.lock().unwrap())
    }
}

/// Everything that a connection can log.
fn talkative() -> Config {
    let mut config = Config::new();
    for key in [
        ConfigKey::LogLevelAckRtt,
        ConfigKey::LogLevelPacketDecode,
        ConfigKey::LogLevelMessage,
        ConfigKey::LogLevelPacketGaps,
    ] {
        config.set(key, DebugLevel::Everything.number()).unwrap();
    }
    config
}

#[test]
fn class_43_no_state_prints_or_logs_a_key() {
    let log = Log::default();
    tracing::subscriber::set_global_default(log.clone()).unwrap();
    let (crypto, seen) = spy::provider();
    let key = SigningKey::from_seed(std::array::from_fn(|n| n as u8 ^ 0x3C));
    seen.add_key(*key.seed());
    let mut config = EndpointConfig::new(crypto.clone());
    config.key = Some(key);
    config.key_limits.packets = 5;
    seen.assert_hidden_in(&config);

    let mut stage = Stage::new(config, talkative());
    // Its seed, and what it draws of it first: the keys of its cookies.
    seen.add_key([0x5A; 32]);
    let mut drawn = Rng::from_seed([0x5A; 32]);
    (0..8).for_each(|_| seen.add_key(drawn.bytes()));
    stage.accepts = false;
    let mut peer = ScriptedPeer::client(1);
    let id = stage.connect(&mut peer);
    seen.assert_hidden_in(stage.connection(id).unwrap());
    stage.peer_address.set_port(4_001);
    let (dialled, _) = stage.start_dial();
    seen.assert_hidden_in(stage.connection(dialled).unwrap());
    seen.assert_hidden_in(&stage.endpoint);
    assert!(seen.keys().len() > 9);

    // The same in a world, up to its end, over several keys.
    let mut world = World::new(43);
    let host = HostConfig {
        crypto: Some(crypto),
        connection: talkative(),
        key_limits: {
            let mut limits = KeyLimits::DEFAULT;
            limits.packets = 5;
            limits
        },
        ..HostConfig::default()
    };
    let server = world.add_host("server", host.clone());
    let client = world.add_host("client", host);
    let address = world.listen(server, 27_015);
    let (ours, theirs) = world.connect_pair(client, address).unwrap();
    for _ in 0..40 {
        for flags in [SendFlags::RELIABLE, SendFlags::UNRELIABLE] {
            world
                .send_in_lane(ours, LaneIndex::ZERO, flags, &[1; 700])
                .unwrap();
        }
        world.run_for(Span::from_millis(50));
    }
    assert!(world.info(ours).send_epoch.get() >= 2);
    for conn in [ours, theirs] {
        seen.assert_hidden_in(world.connection(conn).unwrap());
        seen.assert_hidden_in(&world.info(conn));
    }
    world.close(ours, EndReason::new(1001), "", true);
    world.run_for(Span::from_secs(1));
    seen.assert_hidden_in(world.connection(ours).unwrap());
    seen.assert_hidden_in(&world);

    let text = log.0.lock().unwrap();
    assert!(
        text.contains("keys agreed") && text.contains("key replaced"),
        "{text}"
    );
    assert!(!seen.is_in(&text), "a key was logged");
}
