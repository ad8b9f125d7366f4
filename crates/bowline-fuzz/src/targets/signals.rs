//! Signals of peers, and what clients and hubs tell each other.

use bowline_core::hub::FromHub;
use bowline_core::hub::ToHub;
use bowline_core::p2p::signal::NO_CONNECTION;
use bowline_core::p2p::signal::Signal;
use bowline_core::p2p::signal::SignalKind;
use bowline_core::p2p::signal::Unsupported;

/// Parses a signal. What was parsed, and is written again, parses to the same, but for what is of no use to us.
pub fn signal(data: &[u8]) {
    let Ok(mut read) = Signal::parse(data) else {
        return;
    };
    let mut again = Vec::new();
    read.encode(&mut again);
    read.has_unsupported = Unsupported::default();
    if let SignalKind::Closed {
        reason: NO_CONNECTION,
        text,
    } = &mut read.kind
    {
        text.clear();
    }
    match Signal::parse(&again) {
        Ok(same) => assert_eq!(same, read),
        // What was written as nothing at all may be too long when it is written whole.
        Err(reason) => assert!(again.len() > data.len(), "{reason:?}"),
    }
}

/// Parses a message of a client's and one of a hub's. What was parsed, and is written again, parses to the same.
pub fn hub_message(data: &[u8]) {
    if let Ok(message) = ToHub::parse(data) {
        assert_eq!(ToHub::parse(&message.encode()), Ok(message));
    }
    if let Ok(message) = FromHub::parse(data) {
        assert_eq!(FromHub::parse(&message.encode()), Ok(message));
    }
}
