//! The client's side of every workload.

use std::collections::HashMap;

use serde_json::{Value, json};

use super::arrivals::{Arrivals, Counting};
use super::paced::{Stream, Uplink};
use super::{Patience, STAMP, read_stamp, write_stamp};
use crate::Result;
use crate::measure::{Histogram, cpu_ns, now_ns};
use crate::options::Options;
use crate::peer::{Event, Kind, Peer};

/// Bytes of a flood that its receiver has not confirmed, where the library has no bound of its own.
pub(super) const CREDIT: u64 = 1 << 20;

/// How long all connections together may take to come up, and a reliable message to be answered.
const LIMIT_NS: u64 = 60_000_000_000;
/// Connections that are being set up at a time.
const OPEN_AT_A_TIME: usize = 64;
/// Messages of a flood that share a reading of the clock.
const FLOOD_BATCH: usize = 32;
/// How long a flood goes on after the window, so that its receiver sees the end.
const FLOOD_TAIL_NS: u64 = 200_000_000;
/// How long the paced workload goes on after the window, so that late messages arrive.
const PACED_TAIL_NS: u64 = 3_000_000_000;
/// How long an unreliable ping is waited for.
const PING_LIMIT_NS: u64 = 200_000_000;

/// Runs the workload.
pub(crate) async fn run<P: Peer>(peer: P, options: &Options) -> Result<Value> {
    let reliable = options.or("reliable", 1)? != 0;
    let mut client = Client {
        patience: Patience::new(options, &peer),
        peer,
        window_ns: options.window()?.as_nanos() as u64,
        kind: if reliable {
            Kind::Reliable
        } else {
            Kind::Unreliable
        },
        message: vec![0x5a; options.or("size", 100)?.max(STAMP)],
    };
    match options.text("workload") {
        Some("flood") => client.flood(options).await,
        Some("ping") => client.ping().await,
        Some("connect") => client.connect(options.or("inflight", 1)?).await,
        Some("idle") => client.idle(options).await,
        Some("paced") => client.paced(options).await,
        other => Err(format!("no workload {other:?}").into()),
    }
}

struct Client<P> {
    peer: P,
    patience: Patience,
    window_ns: u64,
    kind: Kind,
    message: Vec<u8>,
}

impl<P: Peer> Client<P> {
    async fn poll(&mut self, until_ns: u64) -> Result<Vec<Event>> {
        let mut events = Vec::new();
        self.peer
            .poll(self.patience.until(until_ns), &mut events)
            .await?;
        Ok(events)
    }

    /// Opens connections, several at a time.
    async fn open(&mut self, count: usize) -> Result<Vec<u64>> {
        let mut up = Vec::with_capacity(count);
        let mut dialled = 0;
        let end_ns = now_ns() + LIMIT_NS;
        while up.len() < count {
            while dialled < count && dialled - up.len() < OPEN_AT_A_TIME {
                self.peer.dial()?;
                dialled += 1;
            }
            for event in self.poll(end_ns).await? {
                match event {
                    Event::Up(connection) => up.push(connection),
                    Event::Down(_) => return Err("a connection ended while others opened".into()),
                    Event::Message(..) => {}
                }
            }
            if now_ns() > end_ns {
                return Err("the connections did not come up in time".into());
            }
        }
        Ok(up)
    }

    async fn flood(&mut self, options: &Options) -> Result<Value> {
        let connection = self.open(1).await?[0];
        let (start_ns, start_cpu_ns) = (now_ns(), cpu_ns());
        let mut flood = Flood {
            to: connection,
            sent: 0,
            credited: self.peer.needs_credit().then_some(0),
            at_end: None,
            window_end_ns: start_ns + self.window_ns,
            end_ns: start_ns + self.window_ns + FLOOD_TAIL_NS,
            stream: options
                .rate("stream")?
                .map(|rate| Stream::new(Kind::Unreliable, rate, start_ns)),
        };
        if self.kind == Kind::Unreliable {
            flood.credited = None;
        }
        let mut is_up = true;
        while is_up && now_ns() < flood.end_ns {
            let was_refused = flood.burst(self);
            let stream_ns = flood.stream.as_ref().map_or(u64::MAX, Stream::next_ns);
            let until_ns = if was_refused {
                flood.end_ns.min(stream_ns)
            } else {
                0
            };
            for event in self.poll(until_ns).await? {
                match event {
                    Event::Down(_) => is_up = false,
                    Event::Message(_, _, credit) => {
                        flood.credited = read_stamp(&credit).map(|(_, credited)| credited);
                    }
                    Event::Up(_) => {}
                }
            }
        }
        let (sent, end_cpu_ns) = flood.at_end.unwrap_or_else(|| (flood.sent, cpu_ns()));
        Ok(json!({
            "sent": sent,
            "cpu_s": (end_cpu_ns - start_cpu_ns) as f64 / 1e9,
            "dropped_connection": !is_up,
        }))
    }

    async fn ping(&mut self) -> Result<Value> {
        let connection = self.open(1).await?[0];
        let (mut round_trips, mut lost, mut number) = (Histogram::default(), 0u64, 0);
        let (start_ns, start_cpu_ns) = (now_ns(), cpu_ns());
        let mut sent_ns = start_ns;
        while sent_ns - start_ns < self.window_ns {
            write_stamp(&mut self.message, sent_ns, number);
            if !self.peer.send(connection, self.kind, &self.message) {
                return Err("a ping was refused".into());
            }
            let patience_ns = match self.kind {
                Kind::Reliable => LIMIT_NS,
                Kind::Unreliable => PING_LIMIT_NS,
            };
            match self.echo_ns(number, sent_ns + patience_ns).await? {
                Some(now) => round_trips.record(now - sent_ns),
                None if self.kind == Kind::Reliable => return Err("a ping was not answered".into()),
                None => lost += 1,
            }
            number += 1;
            sent_ns = now_ns();
        }
        Ok(json!({
            "rtt_us": round_trips.json_us(),
            "lost": lost,
            "cpu_s": (cpu_ns() - start_cpu_ns) as f64 / 1e9,
        }))
    }

    /// When the echo with this number was there; `None` if it does not come.
    async fn echo_ns(&mut self, number: u64, end_ns: u64) -> Result<Option<u64>> {
        while now_ns() < end_ns {
            for event in self.poll(end_ns).await? {
                match event {
                    Event::Message(_, _, message)
                        if read_stamp(&message).is_some_and(|(_, echoed)| echoed == number) =>
                    {
                        return Ok(Some(now_ns()));
                    }
                    Event::Down(_) => return Ok(None),
                    Event::Message(..) | Event::Up(_) => {}
                }
            }
        }
        Ok(None)
    }

    async fn connect(&mut self, at_a_time: usize) -> Result<Value> {
        let (mut setup, mut connects, mut failed) = (Histogram::default(), 0u64, 0u64);
        let mut dialled = HashMap::new();
        let (start_ns, start_cpu_ns) = (now_ns(), cpu_ns());
        let end_ns = start_ns + self.window_ns;
        while now_ns() < end_ns {
            while dialled.len() < at_a_time {
                let at_ns = now_ns();
                dialled.insert(self.peer.dial()?, at_ns);
            }
            for event in self.poll(end_ns).await? {
                match event {
                    Event::Up(connection) => {
                        if let Some(at_ns) = dialled.remove(&connection) {
                            setup.record(now_ns() - at_ns);
                            connects += 1;
                        }
                        self.peer.close(connection);
                    }
                    Event::Down(connection) => {
                        failed += u64::from(dialled.remove(&connection).is_some());
                    }
                    Event::Message(..) => {}
                }
            }
        }
        Ok(json!({
            "connects": connects,
            "failed": failed,
            "setup_us": setup.json_us(),
            "window_s": (now_ns() - start_ns) as f64 / 1e9,
            "cpu_s": (cpu_ns() - start_cpu_ns) as f64 / 1e9,
        }))
    }

    async fn idle(&mut self, options: &Options) -> Result<Value> {
        let connections = self.open(options.or("clients", 1000)?).await?;
        let end_ns = now_ns() + (options.or("hold", 6.0)? * 1e9) as u64;
        let mut lost = 0u64;
        while now_ns() < end_ns {
            let events = self.poll(end_ns).await?;
            lost += events
                .iter()
                .filter(|event| matches!(event, Event::Down(_)))
                .count() as u64;
        }
        Ok(json!({ "clients": connections.len(), "lost_connections": lost }))
    }

    async fn paced(&mut self, options: &Options) -> Result<Value> {
        let connections = self.open(options.or("clients", 200)?).await?;
        let mut kinds = Vec::new();
        for (key, kind) in [("up-unrel", Kind::Unreliable), ("up-rel", Kind::Reliable)] {
            kinds.extend(options.rate(key)?.map(|rate| (kind, rate)));
        }
        let mut arrivals = Arrivals::new(Counting::Sent, options.window()?);
        let (start_ns, start_cpu_ns) = (now_ns(), cpu_ns());
        let mut uplink = Uplink::new(&kinds, &connections, start_ns);
        let (mut sent, mut end_cpu_ns, mut lost) = (0, None, 0u64);
        loop {
            let now = now_ns();
            if now - start_ns > self.window_ns + PACED_TAIL_NS {
                break;
            }
            let (count, next_ns) = uplink.send_due(now, &mut self.peer);
            if now - start_ns <= self.window_ns {
                sent += count;
            } else {
                end_cpu_ns.get_or_insert_with(cpu_ns);
            }
            let events = self.poll(next_ns).await?;
            let now = now_ns();
            for event in events {
                match event {
                    Event::Message(from, kind, message) => {
                        arrivals.count(now, from, kind, &message)
                    }
                    Event::Down(_) => lost += 1,
                    Event::Up(_) => {}
                }
            }
        }
        let mut json = arrivals.json();
        json["sent"] = json!(sent);
        json["lost_connections"] = json!(lost);
        json["cpu_s"] = json!((end_cpu_ns.unwrap_or_else(cpu_ns) - start_cpu_ns) as f64 / 1e9);
        Ok(json)
    }
}

/// A flood under way.
struct Flood {
    to: u64,
    sent: u64,
    /// Bytes that the receiver has confirmed, where that bounds the flood.
    credited: Option<u64>,
    /// Messages sent and processor time used at the end of the window.
    at_end: Option<(u64, u64)>,
    window_end_ns: u64,
    end_ns: u64,
    stream: Option<Stream>,
}

impl Flood {
    /// Sends until a message is refused, time is up, or it is time to poll. Tells whether one was refused.
    fn burst<P: Peer>(&mut self, client: &mut Client<P>) -> bool {
        let mut left = client.peer.burst();
        while left > 0 {
            let now = now_ns();
            if now > self.window_end_ns && self.at_end.is_none() {
                self.at_end = Some((self.sent, cpu_ns()));
            }
            if now > self.end_ns {
                return false;
            }
            if let Some((kind, message)) = self.stream.as_mut().and_then(|stream| stream.due(now)) {
                client.peer.send(self.to, kind, message);
            }
            for _ in 0..FLOOD_BATCH.min(left) {
                write_stamp(&mut client.message, now, self.sent);
                let has_credit = self.credited.is_none_or(|credited| {
                    self.sent * (client.message.len() as u64) < credited + CREDIT
                });
                if !has_credit || !client.peer.send(self.to, client.kind, &client.message) {
                    return true;
                }
                self.sent += 1;
            }
            left = left.saturating_sub(FLOOD_BATCH);
        }
        false
    }
}
