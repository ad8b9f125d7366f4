use alloc::string::String;
use alloc::string::ToString;
use alloc::sync::Arc;
use alloc::vec::Vec;
use std::sync::Mutex;

use tracing::Event;
use tracing::Metadata;
use tracing::Subscriber;
use tracing::span;

use super::*;
use crate::crypto::rustcrypto;
use crate::endpoint::Called;
use crate::endpoint::Endpoint;
use crate::endpoint::EndpointConfig;
use crate::ids::ConnectionId;
use crate::ids::VirtualPort;
use crate::message::SendFlags;
use crate::pair::Pair;
use crate::time::Span;
use crate::time::Timestamp;

#[test]
fn debug_levels_have_the_numbers_of_gns() {
    for (number, level) in (0..).zip(DebugLevel::ALL) {
        assert_eq!(level.number(), number);
        assert_eq!(DebugLevel::from_number(number), Some(level));
    }
    assert_eq!(DebugLevel::from_number(9), None);
    assert_eq!(DebugLevel::from_number(-1), None);
}

#[test]
fn a_source_is_known_by_its_target() {
    for source in DebugSource::ALL {
        assert_eq!(DebugSource::of(source.target()), source);
    }
    assert_eq!(
        DebugSource::of("bowline_core::connection"),
        DebugSource::General
    );
}

#[test]
fn each_source_has_its_own_level() {
    for source in DebugSource::ALL {
        let Some(key) = source.level_key() else {
            continue;
        };
        let mut config = Config::new();
        assert!(
            source.is_wanted(&config, DebugLevel::Warning),
            "the default"
        );
        assert!(!source.is_wanted(&config, DebugLevel::Msg));
        config.set(key, 6).unwrap();
        for other in DebugSource::ALL {
            let expected = other == source || other == DebugSource::General;
            assert_eq!(other.is_wanted(&config, DebugLevel::Verbose), expected);
        }
        assert!(!source.is_wanted(&config, DebugLevel::Debug));
    }
}

/// Keeps level, target and connection of every event.
#[derive(Clone, Default)]
struct Log {
    lines: Arc<Mutex<Vec<(Level, &'static str, String)>>>,
}

impl Log {
    fn count(&self, source: DebugSource, id: ConnectionId) -> usize {
        let lines = self.lines.lock().unwrap();
        let wanted = (Level::DEBUG, source.target(), id.to_string());
        lines.iter().filter(|line| **line == wanted).count()
    }
}

impl Subscriber for Log {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target().starts_with("bowline")
    }
    fn new_span(&self, _: &span::Attributes<'_>) -> span::Id {
        span::Id::from_u64(1)
    }
    fn record(&self, _: &span::Id, _: &span::Record<'_>) {}
    fn record_follows_from(&self, _: &span::Id, _: &span::Id) {}
    fn event(&self, event: &Event<'_>) {
        let mut id = String::new();
        event.record(
            &mut |field: &tracing::field::Field, value: &dyn fmt::Debug| {
                if field.name() == "id" {
                    id = alloc::format!("{value:?}");
                }
            },
        );
        let metadata = event.metadata();
        let line = (*metadata.level(), metadata.target(), id);
        self.lines.lock().unwrap().push(line);
    }
    fn enter(&self, _: &span::Id) {}
    fn exit(&self, _: &span::Id) {}
}

/// Messages from client to server, of which a packet is lost.
fn exchange_with_loss(pair: &mut Pair, client: ConnectionId, server: ConnectionId) {
    for lost in [false, true, false] {
        pair.lose = alloc::boxed::Box::new(move |by_client, _, _| by_client && lost);
        pair.client_sends(client, &[1; 100], SendFlags::UNRELIABLE_NO_NAGLE);
        pair.run(Span::from_millis(100));
    }
    pair.client_sends(client, b"done", SendFlags::RELIABLE_NO_NAGLE);
    pair.run(Span::from_millis(300));
    assert!(pair.server.received(pair.now, server).len() >= 3);
}

#[test]
fn a_connection_logs_from_the_sources_that_are_turned_up() {
    for source in [
        DebugSource::AckRtt,
        DebugSource::PacketDecode,
        DebugSource::Message,
        DebugSource::PacketGaps,
    ] {
        let mut loud = Config::new();
        loud.set(source.level_key().unwrap(), 6).unwrap();
        // Gaps show at the receiver, round trips at the sender.
        let (client_config, server_config) = (loud.clone(), loud);
        let log = Log::default();
        tracing::subscriber::with_default(log.clone(), || {
            let mut pair = Pair::with(server_config);
            let (client, server) = pair.connect(client_config);
            exchange_with_loss(&mut pair, client, server);
            let told = log.count(source, client) + log.count(source, server);
            assert!(told > 0, "{source} tells nothing");
            for other in DebugSource::ALL {
                let expected = other == source || other == DebugSource::General;
                let told = log.count(other, client) + log.count(other, server);
                assert!(expected || told == 0, "{source} brings {other}");
            }
        });
    }
}

/// The same of how peers find each other, which no connection by address has to tell of.
#[test]
fn a_connection_between_peers_logs_signals_if_told_to() {
    for (level, is_told) in [(5, false), (6, true)] {
        let mut config = Config::new();
        config.set(ConfigKey::LogLevelP2pRendezvous, level).unwrap();
        let log = Log::default();
        let id = tracing::subscriber::with_default(log.clone(), || {
            let now = Timestamp::from_micros(1_000_000);
            let mut host = EndpointConfig::new(rustcrypto::provider());
            host.identity = "str:alice".parse().unwrap();
            let mut endpoint = Endpoint::new(host, [1; 32], now, 1_700_000_000);
            let (bob, port) = ("str:bob".parse().unwrap(), VirtualPort::from(1));
            let called = endpoint.connect_p2p(now, &bob, port, Arc::new(config));
            let Ok(Called::New(mut connection)) = called else {
                panic!("a new connection")
            };
            let mut signal = Vec::new();
            assert!(connection.poll_signal(now + Span::from_secs(1), &mut signal));
            connection.id()
        });
        let told = log.count(DebugSource::P2pRendezvous, id);
        assert_eq!(told > 0, is_told, "at level {level}");
    }
}

#[test]
fn a_connection_is_quiet_by_default() {
    let log = Log::default();
    tracing::subscriber::with_default(log.clone(), || {
        let (mut pair, client, server) = Pair::connected();
        exchange_with_loss(&mut pair, client, server);
    });
    let lines = log.lines.lock().unwrap();
    let general = |target: &str| DebugSource::of(target) == DebugSource::General;
    assert!(lines.iter().all(|(_, target, _)| general(target)));
    assert!(!lines.is_empty());
}
