//! A competitor that fills queues: Cubic as RFC 9438 has it, over raw datagrams on the same link.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use bowline_sim::{HostId, Span, Timestamp, World};

/// Bytes of a datagram.
const DATAGRAM: usize = 1300;
const BETA: f64 = 0.7;
const C: f64 = 0.4;

/// A sender with an endless supply of data, and its receiver.
pub(crate) struct Cubic {
    from: HostId,
    to: HostId,
    port: u16,
    receiver: SocketAddr,
    sender: SocketAddr,
    next: u64,
    highest: u64,
    /// When those that are neither acknowledged nor lost were sent.
    flight: BTreeMap<u64, Timestamp>,
    /// In datagrams.
    window: f64,
    threshold: f64,
    top: f64,
    since: Option<Timestamp>,
    reno: f64,
    srtt_us: f64,
    least_rtt_us: f64,
    /// Datagrams up to here belong to a loss that was answered.
    recovery: u64,
    last_ack: Timestamp,
    /// When data arrived, in bytes.
    pub(crate) arrived: Vec<(Timestamp, u64)>,
    pub(crate) active: bool,
}

impl Cubic {
    pub(crate) fn new(world: &mut World, from: HostId, to: HostId, port: u16) -> Self {
        let receiver = world.open_raw(to, port);
        let sender = world.open_raw(from, port);
        Self {
            from,
            to,
            port,
            receiver,
            sender,
            next: 1,
            highest: 0,
            flight: BTreeMap::new(),
            window: 10.0,
            threshold: f64::INFINITY,
            top: 0.0,
            since: None,
            reno: 0.0,
            srtt_us: 0.0,
            least_rtt_us: f64::INFINITY,
            recovery: 0,
            last_ack: world.now(),
            arrived: Vec::new(),
            active: true,
        }
    }

    /// Works off what arrived at both ends, and sends what the window lets go.
    pub(crate) fn tick(&mut self, world: &mut World) {
        let now = world.now();
        for datagram in world.raw_inbox(self.to, self.port) {
            self.arrived.push((now, DATAGRAM as u64));
            world.send_raw(self.to, self.port, self.sender, &datagram.bytes[..8]);
        }
        for ack in world.raw_inbox(self.from, self.port) {
            let number = u64::from_le_bytes(ack.bytes[..8].try_into().unwrap());
            self.on_ack(now, number);
        }
        let timeout = Span::from_micros((self.srtt_us * 2.0) as u64 + 200_000);
        if !self.flight.is_empty() && now.since(self.last_ack) > timeout {
            self.flight.clear();
            self.threshold = (self.window * BETA).max(2.0);
            (self.window, self.since) = (2.0, None);
            self.last_ack = now;
        }
        while self.active && (self.flight.len() as f64) < self.window {
            let mut bytes = [0; DATAGRAM];
            bytes[..8].copy_from_slice(&self.next.to_le_bytes());
            world.send_raw(self.from, self.port, self.receiver, &bytes);
            self.flight.insert(self.next, now);
            self.next += 1;
        }
    }

    fn on_ack(&mut self, now: Timestamp, number: u64) {
        let Some(sent_at) = self.flight.remove(&number) else {
            return;
        };
        self.last_ack = now;
        self.highest = self.highest.max(number);
        let rtt = now.since(sent_at).as_micros() as f64;
        self.least_rtt_us = self.least_rtt_us.min(rtt);
        self.srtt_us = if self.srtt_us == 0.0 {
            rtt
        } else {
            self.srtt_us * 0.875 + rtt * 0.125
        };
        let lost: Vec<u64> = self
            .flight
            .range(..self.highest.saturating_sub(2))
            .map(|(n, _)| *n)
            .collect();
        for number in lost {
            self.flight.remove(&number);
            self.on_loss(number);
        }
        if number <= self.recovery {
            return;
        }
        if self.window < self.threshold {
            self.window += 1.0;
            // As HyStart does.
            if rtt > self.least_rtt_us * 1.125 + 4000.0 && self.window > 16.0 {
                self.threshold = self.window;
            }
            return;
        }
        let since = *self.since.get_or_insert_with(|| {
            self.top = self.top.max(self.window);
            self.reno = self.window;
            now
        });
        let k = ((self.top - self.window.min(self.top)).max(0.0) / C).cbrt();
        let k = if self.recovery > 0 {
            (self.top * (1.0 - BETA) / C).cbrt()
        } else {
            k
        };
        let t = now.since(since).as_micros() as f64 / 1e6 + self.srtt_us / 1e6;
        let target = (C * (t - k).powi(3) + self.top).clamp(self.window, self.window * 1.5);
        self.reno += 3.0 * (1.0 - BETA) / (1.0 + BETA) / self.reno;
        self.window += (target - self.window) / self.window;
        self.window = self.window.max(self.reno);
    }

    fn on_loss(&mut self, number: u64) {
        if number <= self.recovery {
            return;
        }
        self.recovery = self.next - 1;
        self.top = if self.window < self.top {
            self.window * (1.0 + BETA) / 2.0
        } else {
            self.window
        };
        self.window = (self.window * BETA).max(2.0);
        self.threshold = self.window;
        self.reno = self.window;
        self.since = None;
    }
}
