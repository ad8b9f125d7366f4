//! The server's side of every workload.

use std::collections::BTreeSet;
use std::io::{self, Write as _};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use bytes::Bytes;
use serde_json::{Value, json};

use super::arrivals::{Arrivals, Counting};
use super::client::CREDIT;
use super::paced::Stream;
use super::{Patience, STAMP, write_stamp};
use crate::Result;
use crate::measure::{cpu_ns, now_ns, rss_kb};
use crate::options::Options;
use crate::peer::{Event, Kind, Peer};

/// How often the process looks at itself.
const SAMPLE_EVERY_NS: u64 = 250_000_000;

/// Serves until standard input ends. `hint` is a word that clients need, or empty.
pub(crate) async fn run<P: Peer>(
    peer: P,
    address: SocketAddr,
    hint: &str,
    options: &Options,
) -> Result<Value> {
    let workload = options.text("workload").ok_or("--workload is missing")?;
    let is_paced = workload == "paced";
    let counting = if is_paced {
        Counting::Sent
    } else {
        Counting::Arriving
    };
    let mut streams = Vec::new();
    for (key, kind) in [
        ("down-unrel", Kind::Unreliable),
        ("down-rel", Kind::Reliable),
    ] {
        streams.extend(options.rate(key)?.map(|rate| Stream::new(kind, rate, 0)));
    }
    let mut server = Server {
        patience: Patience::new(options, &peer),
        peer,
        echoes: workload == "ping",
        grants_credit: workload == "flood" && options.or("reliable", 1)? != 0,
        connections: BTreeSet::new(),
        arrivals: Arrivals::new(counting, options.window()?),
        streams,
        credited: 0,
        received: 0,
        samples: Vec::new(),
    };
    let stop = at_end_of_input();
    let (rss_base_kb, cpu_base_ns) = (rss_kb(), cpu_ns());
    writeln!(io::stdout(), "READY {address} {hint}")?;
    while !stop.load(Ordering::Relaxed) {
        server.turn().await?;
    }
    let mut json = server.arrivals.json();
    json["cpu_total_s"] = json!((cpu_ns() - cpu_base_ns) as f64 / 1e9);
    json["rss_base_kb"] = json!(rss_base_kb);
    Peak::of(&server.samples).write_to(&mut json);
    Ok(json)
}

/// Set when standard input ends.
fn at_end_of_input() -> Arc<AtomicBool> {
    let stop = Arc::new(AtomicBool::new(false));
    let flag = Arc::clone(&stop);
    std::thread::spawn(move || {
        // An unreadable input has ended as well.
        let _ = io::copy(&mut io::stdin(), &mut io::sink());
        flag.store(true, Ordering::Relaxed);
    });
    stop
}

struct Server<P> {
    peer: P,
    patience: Patience,
    echoes: bool,
    grants_credit: bool,
    connections: BTreeSet<u64>,
    arrivals: Arrivals,
    /// What is sent to everybody.
    streams: Vec<Stream>,
    /// Bytes that came, and bytes of which the flooding client knows.
    received: u64,
    credited: u64,
    samples: Vec<Sample>,
}

impl<P: Peer> Server<P> {
    async fn turn(&mut self) -> Result<()> {
        let now = now_ns();
        let next_sample_ns = self
            .samples
            .last()
            .map_or(0, |last| last.at_ns + SAMPLE_EVERY_NS);
        if now >= next_sample_ns {
            self.samples.push(Sample {
                at_ns: now,
                connections: self.connections.len(),
                rss_kb: rss_kb(),
                cpu_ns: cpu_ns(),
            });
        }
        let mut until_ns = next_sample_ns.max(now + 1);
        if self.arrivals.has_begun() {
            for stream in &mut self.streams {
                if let Some((kind, message)) = stream.due(now) {
                    for &to in &self.connections {
                        // What is refused is missing at the client, which counts.
                        self.peer.send(to, kind, message);
                    }
                }
                until_ns = until_ns.min(stream.next_ns());
            }
        }
        let mut events = Vec::new();
        self.peer
            .poll(self.patience.until(until_ns), &mut events)
            .await?;
        let now = now_ns();
        for event in events {
            match event {
                Event::Up(connection) => drop(self.connections.insert(connection)),
                Event::Down(connection) => drop(self.connections.remove(&connection)),
                Event::Message(from, kind, message) => self.take(now, from, kind, &message),
            }
        }
        Ok(())
    }

    fn take(&mut self, now: u64, from: u64, kind: Kind, message: &Bytes) {
        self.arrivals.count(now, from, kind, message);
        if self.echoes {
            // One message is under way at a time, so that there is room.
            self.peer.send(from, kind, message);
        }
        self.received += message.len() as u64;
        if self.grants_credit
            && self.peer.needs_credit()
            && self.received - self.credited >= CREDIT / 4
        {
            let mut credit = [0; STAMP];
            write_stamp(&mut credit, now, self.received);
            if self.peer.send(from, Kind::Reliable, &credit) {
                self.credited = self.received;
            }
        }
    }
}

/// The process at one moment.
#[derive(Clone, Copy, Debug)]
struct Sample {
    at_ns: u64,
    connections: usize,
    rss_kb: u64,
    cpu_ns: u64,
}

/// The process while it had the most connections.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Peak {
    connections: usize,
    rss_kb: u64,
    /// Processor time in the second half of that period, when all is quiet. Missing if it was short.
    cpu_pct: Option<f64>,
}

impl Peak {
    fn of(samples: &[Sample]) -> Self {
        let most = samples.iter().map(|sample| sample.connections).max();
        let at_peak = samples
            .iter()
            .filter(|sample| Some(sample.connections) == most);
        let at_peak: Vec<&Sample> = at_peak.collect();
        let (Some(last), Some(middle)) = (at_peak.last(), at_peak.get(at_peak.len() / 2)) else {
            return Self::default();
        };
        let elapsed_ns = last.at_ns - middle.at_ns;
        let used_ns = last.cpu_ns - middle.cpu_ns;
        let is_long = elapsed_ns > SAMPLE_EVERY_NS;
        Self {
            connections: last.connections,
            rss_kb: last.rss_kb,
            cpu_pct: is_long.then(|| used_ns as f64 / elapsed_ns as f64 * 100.0),
        }
    }

    fn write_to(self, json: &mut Value) {
        json["peak_conns"] = json!(self.connections);
        json["rss_peak_kb"] = json!(self.rss_kb);
        json["idle_cpu_pct"] = json!(self.cpu_pct);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn idle_cost_is_that_of_the_second_half_at_the_peak() {
        let sample = |at: u64, connections, cpu_ns| Sample {
            at_ns: at * SAMPLE_EVERY_NS,
            connections,
            rss_kb: 100 + at,
            cpu_ns,
        };
        let samples = [
            sample(0, 0, 0),
            sample(1, 5, 900),
            sample(2, 5, 1000),
            sample(3, 5, 1000),
            sample(4, 5, 1000),
            sample(5, 5, 1000 + SAMPLE_EVERY_NS),
            sample(6, 1, 10 * SAMPLE_EVERY_NS),
        ];
        let peak = Peak::of(&samples);
        assert_eq!((peak.connections, peak.rss_kb), (5, 105));
        assert_eq!(peak.cpu_pct, Some(50.0));
        assert_eq!(Peak::of(&samples[..1]).cpu_pct, None);
        assert_eq!(Peak::of(&[]), Peak::default());
    }
}
