//! What strangers can make the core log: nothing that an operator would see. In a binary of its own,
//! because a process has one log.

use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering;

use bowline_core::config::Config;
use bowline_core::crypto::rustcrypto;
use bowline_core::endpoint::DatagramEvent;
use bowline_core::endpoint::Endpoint;
use bowline_core::endpoint::EndpointConfig;
use bowline_core::endpoint::Route;
use bowline_core::endpoint::SocketId;
use bowline_core::time::Timestamp;
use tracing::Event;
use tracing::Level;
use tracing::Metadata;
use tracing::Subscriber;
use tracing::span;

/// Counts what is logged at INFO and above, and all the rest.
struct Counter {
    loud: Arc<AtomicUsize>,
    quiet: Arc<AtomicUsize>,
}

impl Subscriber for Counter {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }
    fn new_span(&self, _: &span::Attributes<'_>) -> span::Id {
        span::Id::from_u64(1)
    }
    fn record(&self, _: &span::Id, _: &span::Record<'_>) {}
    fn record_follows_from(&self, _: &span::Id, _: &span::Id) {}
    fn event(&self, event: &Event<'_>) {
        let counter = if *event.metadata().level() <= Level::INFO {
            &self.loud
        } else {
            &self.quiet
        };
        counter.fetch_add(1, Ordering::Relaxed);
    }
    fn enter(&self, _: &span::Id) {}
    fn exit(&self, _: &span::Id) {}
}

#[test]
fn limit_logs_that_strangers_can_cause() {
    let (loud, quiet) = (Arc::<AtomicUsize>::default(), Arc::<AtomicUsize>::default());
    let counter = Counter {
        loud: Arc::clone(&loud),
        quiet: Arc::clone(&quiet),
    };
    tracing::subscriber::set_global_default(counter).unwrap();
    let now = Timestamp::from_micros(1_000_000);
    let config = EndpointConfig::new(rustcrypto::provider());
    let mut endpoint = Endpoint::new(config, [1; 32], now, 1_700_000_000);
    let socket = SocketId::default();
    endpoint.listen(socket, Arc::new(Config::new()));
    let mut reply = Vec::new();
    let mut dropped = 0;
    for n in 0..20_000u16 {
        let remote = format!("10.0.{}.{}:5", n / 256, n % 256).parse().unwrap();
        let mut bytes = vec![0x20 + (n % 8) as u8; 64 + usize::from(n % 600)];
        bytes[1..3].copy_from_slice(&n.to_le_bytes());
        let event =
            endpoint.handle_datagram(now, Route { socket, remote }, None, &bytes, &mut reply);
        dropped += usize::from(matches!(event, DatagramEvent::Dropped(_)));
    }
    assert!(dropped > 19_000, "{dropped}");
    assert_eq!(loud.load(Ordering::Relaxed), 0);
    assert!(
        quiet.load(Ordering::Relaxed) < 100,
        "not even in the details"
    );
}
