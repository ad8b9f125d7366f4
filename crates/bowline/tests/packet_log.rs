//! The log of packets. In a binary of its own, because a process has one log.
#![allow(
    clippy::unwrap_used,
    missing_docs,
    reason = "a test may panic, in its helpers too"
)]

mod support;

use std::fmt;
use std::fmt::Write;
use std::sync::Arc;
use std::sync::Mutex;
use std::time::Duration;

use bowline::ConfigKey;
use bowline::SendFlags;
use tracing::Event;
use tracing::Metadata;
use tracing::Subscriber;
use tracing::field::Field;
use tracing::field::Visit;
use tracing::span;

use crate::support::Pair;
use crate::support::wait_message;
use crate::support::wait_until;

/// Keeps what is logged of packets, a line each.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<String>>>);

impl Log {
    fn take(&self) -> Vec<String> {
        std::mem::take(&mut self.0.lock().unwrap())
    }
}

impl Subscriber for Log {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target() == "bowline::packet"
    }
    fn new_span(&self, _: &span::Attributes<'_>) -> span::Id {
        span::Id::from_u64(1)
    }
    fn record(&self, _: &span::Id, _: &span::Record<'_>) {}
    fn record_follows_from(&self, _: &span::Id, _: &span::Id) {}
    fn event(&self, event: &Event<'_>) {
        struct Line(String);
        impl Visit for Line {
            fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
                write!(self.0, "{field}={value:?} ").unwrap();
            }
        }
        let mut line = Line(String::new());
        event.record(&mut line);
        self.0.lock().unwrap().push(line.0);
    }
    fn enter(&self, _: &span::Id) {}
    fn exit(&self, _: &span::Id) {}
}

/// The value of a field in a line.
fn field<'a>(line: &'a str, name: &str) -> &'a str {
    let start = line.find(&format!("{name}=")).unwrap() + name.len() + 1;
    line[start..].split(' ').next().unwrap()
}

#[test]
fn packets_are_logged_with_as_much_of_them_as_was_asked_for() {
    let log = Log::default();
    tracing::subscriber::set_global_default(log.clone()).unwrap();
    let pair = Pair::new();
    let exchange = || {
        pair.dialled
            .send(&[7; 500], SendFlags::RELIABLE_NO_NAGLE)
            .unwrap();
        wait_message(&pair.server, &pair.accepted);
    };
    exchange();
    assert!(log.take().is_empty(), "off by default");

    pair.client
        .set_config(ConfigKey::PacketTraceMaxBytes, 5)
        .unwrap();
    exchange();
    let mut lines = Vec::new();
    // The acknowledgement comes a little later.
    wait_until(|| {
        lines.extend(log.take());
        lines.iter().any(|line| line.contains("message=received"))
    });
    let sent = lines.iter().find(|line| line.contains("message=sent"));
    let sent = sent.unwrap();
    let server = pair.listener.as_ref().unwrap().local_addr().to_string();
    assert_eq!(field(sent, "remote"), server);
    assert!(field(sent, "bytes").parse::<usize>().unwrap() > 500);
    // A data packet: its first byte, and the receiver's number.
    assert_eq!(field(sent, "data").len(), 10);
    assert!(u8::from_str_radix(&field(sent, "data")[..2], 16).unwrap() & 0x80 != 0);

    pair.client
        .set_config(ConfigKey::PacketTraceMaxBytes, 0)
        .unwrap();
    std::thread::sleep(Duration::from_millis(50));
    log.take();
    exchange();
    let lines = log.take();
    let sent = lines.iter().find(|line| line.contains("message=sent"));
    assert_eq!(field(sent.unwrap(), "data"), "");

    pair.client
        .unset_config(ConfigKey::PacketTraceMaxBytes)
        .unwrap();
    std::thread::sleep(Duration::from_millis(50));
    log.take();
    exchange();
    assert!(log.take().is_empty(), "off again");
}
