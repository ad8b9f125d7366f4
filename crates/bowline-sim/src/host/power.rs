//! Whether a host runs, and what becomes of its process: pauses, restarts, clocks that jump.

use std::collections::BTreeMap;

use bowline_core::crypto::Crypto;
use bowline_core::endpoint::{Endpoint, EndpointConfig};
use bowline_core::time::{Span, Timestamp};

use crate::host::raw::{RawSockets, SocketBuffer};
use crate::host::{Host, HostConfig};
use crate::network::Datagram;

/// Whether a host does anything.
#[derive(Debug)]
pub(crate) enum Power {
    /// It runs.
    On,
    /// Its process is stopped; the operating system goes on.
    Paused(Stopped),
    /// Nothing happens here.
    Off,
}

/// What waits while a process is stopped.
#[derive(Debug, Default)]
pub(crate) struct Stopped {
    /// What came to its sockets, by port.
    incoming: BTreeMap<u16, SocketBuffer>,
    /// What its application had it send; it leaves late.
    pub(crate) outgoing: Vec<Datagram>,
}

/// Seconds since 1970 when the world begins.
const UNIX_START: u64 = 1_800_000_000;

impl Host {
    /// Stops the process.
    pub(crate) fn pause(&mut self) {
        if let Power::On = self.power {
            self.power = Power::Paused(Stopped::default());
            self.planned_wake = None;
        }
    }

    /// Ends everything here.
    pub(crate) fn switch_off(&mut self) {
        self.power = Power::Off;
        self.planned_wake = None;
    }

    /// Lets the process go on. Returns what came meanwhile, socket by socket, and what is to leave.
    pub(crate) fn resume(&mut self) -> (Vec<Datagram>, Vec<Datagram>) {
        let Power::Paused(stopped) = &mut self.power else {
            return (Vec::new(), Vec::new());
        };
        let outgoing = std::mem::take(&mut stopped.outgoing);
        let buffers = stopped.incoming.values_mut();
        let incoming = buffers.flat_map(SocketBuffer::take).collect();
        self.power = Power::On;
        (incoming, outgoing)
    }

    /// Takes a datagram while the process is stopped.
    pub(super) fn store(&mut self, datagram: Datagram) {
        let port = datagram.to.port();
        if let Power::Paused(stopped) = &mut self.power
            && self.sockets.contains(&port)
        {
            let has_room = stopped.incoming.entry(port).or_default().push(datagram);
            self.overflowed += u64::from(!has_room);
        }
    }

    /// Begins anew with nothing but the configuration: sockets, connections and keys are gone, and no
    /// peer was told.
    pub(crate) fn restart(&mut self, crypto: Crypto, seed: [u8; 32], now: Timestamp) {
        let (local, unix_secs) = (self.local(now), self.unix_secs(now));
        self.endpoint = endpoint(&self.config, crypto, seed, local, unix_secs);
        self.restarts += 1;
        self.power = Power::On;
        self.planned_wake = None;
        self.sockets.clear();
        self.bound.clear();
        self.raw = RawSockets::default();
        self.deadlines.clear();
        for slot in self.slots.values_mut() {
            slot.crash();
        }
    }

    /// Moves the monotonic clock ahead.
    pub(crate) fn step_clock(&mut self, now: Timestamp, ahead: Span) {
        self.clock_lead = self.clock_lead + ahead;
        self.tell_calendar(now);
    }

    /// Moves the monotonic clock back, at most to where it shows world time.
    pub(crate) fn step_clock_back(&mut self, now: Timestamp, back: Span) {
        self.clock_lead = self.clock_lead.saturating_sub(back);
        self.tell_calendar(now);
    }

    /// Moves the calendar.
    pub(crate) fn step_calendar(&mut self, now: Timestamp, secs: i64) {
        self.calendar_lead_secs = self.calendar_lead_secs.saturating_add(secs);
        self.tell_calendar(now);
    }

    /// Seconds since 1970, as this host believes.
    pub(crate) const fn unix_secs(&self, now: Timestamp) -> u64 {
        true_unix_secs(now).saturating_add_signed(self.calendar_lead_secs)
    }

    /// A driver looks at the calendar every few seconds; here it does so when there is news.
    fn tell_calendar(&mut self, now: Timestamp) {
        let (local, unix_secs) = (self.local(now), self.unix_secs(now));
        self.endpoint.set_unix_time(local, unix_secs);
    }
}

/// A fresh endpoint for a host with this configuration.
pub(super) fn endpoint(
    config: &HostConfig,
    crypto: Crypto,
    seed: [u8; 32],
    local: Timestamp,
    unix_secs: u64,
) -> Endpoint {
    let crypto = config.crypto.clone().unwrap_or(crypto);
    let mut endpoint = EndpointConfig::new(crypto);
    endpoint.extensions = config.extensions;
    endpoint.key_limits = config.key_limits;
    endpoint.explains_rejections = config.explains_rejections;
    endpoint.identity = config.identity.clone();
    endpoint.app_id = config.app_id;
    let mut endpoint = Endpoint::new(endpoint, seed, local, unix_secs);
    if let Some(start) = config.start {
        endpoint.set_start_numbers(start);
    }
    endpoint
}

/// Seconds since 1970 by a calendar that is right.
pub(super) const fn true_unix_secs(now: Timestamp) -> u64 {
    UNIX_START + now.as_micros() / 1_000_000
}
