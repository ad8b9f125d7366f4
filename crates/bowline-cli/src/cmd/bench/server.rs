//! The server's side of every workload.

use std::collections::HashSet;
use std::io;
use std::io::Write;
use std::net::SocketAddr;
use std::net::TcpListener;
use std::time::Duration;

use bowline::Config;
use bowline::ConfigScope;
use bowline::Connection;
use bowline::ConnectionState;
use bowline::EndReason;
use bowline::Event;
use bowline::Identity;
use bowline::LaneIndex;
use bowline::Listener;
use bowline::Message;
use bowline::PeerListener;
use bowline::PollGroup;
use bowline::SendFlags;
use bowline::Sockets;
use serde_json::Value;
use serde_json::json;

use crate::cmd::bench::arrivals::Arrivals;
use crate::cmd::bench::arrivals::Counting;
use crate::cmd::bench::growth::Load;
use crate::cmd::bench::growth::Work;
use crate::cmd::bench::options::By;
use crate::cmd::bench::options::Options;
use crate::cmd::bench::options::Workload;
use crate::cmd::bench::paced::Downlink;
use crate::cmd::bench::post::PORT;
use crate::cmd::bench::post::Post;
use crate::cmd::bench::post::called;
use crate::cmd::bench::process::cpu_ns;
use crate::cmd::bench::process::now_ns;
use crate::cmd::bench::process::rss_kb;
use crate::cmd::bench::process::udp_sockets;
use crate::error::Error;
use crate::stop::Stop;

/// How often the process looks at itself.
const SAMPLE_EVERY_NS: u64 = 250_000_000;
/// Messages taken at a time.
const BATCH: usize = 256;
/// What a flood may leave unread, in bytes: twice what is sent in the time of a scheduler's turn.
const FLOOD_RECV_BUFFER: usize = 16 << 20;
/// The same in messages, of the least size.
const FLOOD_RECV_MESSAGES: usize = 1 << 18;

/// Serves until standard input ends.
pub(crate) fn run(options: &Options) -> Result<Value, Error> {
    let workload = options.workload()?;
    let counting = match workload {
        Workload::Paced => Counting::Sent,
        Workload::Flood
        | Workload::Ping
        | Workload::Connect
        | Workload::Idle
        | Workload::Growth => Counting::Arriving,
    };
    let arrivals = Arrivals::new(counting, options.secs("secs", 5.0)?);
    let downlink = (workload == Workload::Paced).then(|| Downlink::new(options));
    let load = (workload == Workload::Growth).then(|| Load::new(options));
    let identity = match options.by()? {
        By::Address => Identity::anonymous(),
        By::Signals => called(),
    };
    let sockets = Sockets::builder()
        .config(config(workload, options)?)
        .service(options.service()?)
        .service_threads(options.count("service-threads", 1)?)
        .identity(identity)
        .build()?;
    let (addr, listening) = Listening::start(&sockets, options)?;
    let stop = Stop::default();
    stop.at_end_of_input(|_line| {});
    let mut server = Server {
        group: sockets.poll_group(),
        sockets,
        workload,
        is_busy: options.is_busy(),
        connections: HashSet::new(),
        arrivals,
        downlink: downlink.transpose()?,
        load: load.transpose()?,
        work: None,
        samples: Vec::new(),
        rss_base_kb: rss_kb(),
        rss_load_kb: 0,
        cpu_base_ns: cpu_ns(),
    };
    let mut out = io::stdout();
    writeln!(out, "READY {addr}")
        .and_then(|()| out.flush())
        .map_err(Error::Output)?;
    server.serve(&stop);
    drop(listening);
    Ok(server.json())
}

/// What clients come in by.
enum Listening {
    Address { _listener: Listener },
    Signals { _listener: PeerListener },
}

impl Listening {
    /// Also tells the address that clients are to be given.
    fn start(sockets: &Sockets, options: &Options) -> Result<(SocketAddr, Self), Error> {
        let addr = options.addr("listen")?;
        match options.by()? {
            By::Address => {
                let listener = sockets.listen(addr)?;
                let addr = listener.local_addr();
                Ok((
                    addr,
                    Self::Address {
                        _listener: listener,
                    },
                ))
            }
            By::Signals => {
                let failed = |source| Error::Signaling { addr, source };
                let tcp = TcpListener::bind(addr).map_err(failed)?;
                let addr = tcp.local_addr().map_err(failed)?;
                let listener = sockets.listen_p2p(PORT)?;
                Post::serve(tcp, sockets);
                Ok((
                    addr,
                    Self::Signals {
                        _listener: listener,
                    },
                ))
            }
        }
    }
}

struct Server {
    sockets: Sockets,
    group: PollGroup,
    workload: Workload,
    is_busy: bool,
    connections: HashSet<Connection>,
    arrivals: Arrivals,
    downlink: Option<Downlink>,
    /// What begins with the first message.
    load: Option<Load>,
    work: Option<Work>,
    samples: Vec<Sample>,
    rss_base_kb: u64,
    /// At the end of a fixed load.
    rss_load_kb: u64,
    cpu_base_ns: u64,
}

/// The process at one moment.
#[derive(Clone, Copy, Debug)]
struct Sample {
    at_ns: u64,
    connections: usize,
    rss_kb: u64,
    cpu_ns: u64,
}

fn config(workload: Workload, options: &Options) -> Result<Config, Error> {
    let mut config = Config::at(ConfigScope::Interface);
    if options.keeps_defaults()? {
        return Ok(config);
    }
    if options.by()? == By::Signals {
        // Who comes by an address of this machine is exempt, too.
        config.set_from_text("Limit_Signatures=0")?;
    }
    if workload == Workload::Flood {
        config.set_recv_buffer(FLOOD_RECV_BUFFER)?;
        config.set_recv_buffer_messages(FLOOD_RECV_MESSAGES)?;
    }
    if options.rate("down-unrel")?.hz > 0.0 || options.rate("down-rel")?.hz > 0.0 {
        // A message to everybody goes out at once, but in batches: see `Downlink`.
        config.set_nagle(Duration::ZERO)?;
    }
    Ok(config)
}

impl Server {
    fn serve(&mut self, stop: &Stop) {
        let mut messages = Vec::with_capacity(BATCH);
        let mut next_sample_ns = 0;
        while !stop.is_set() {
            let now = now_ns();
            if now >= next_sample_ns {
                next_sample_ns = now + SAMPLE_EVERY_NS;
                // After a fixed load it is idle no more.
                if self.work.is_none() {
                    self.sample(now);
                }
            }
            let mut until_ns = if self.is_busy { now } else { next_sample_ns };
            if let Some(downlink) = &mut self.downlink
                && self.arrivals.has_begun()
            {
                until_ns = until_ns.min(downlink.send_due(now, self.connections.iter()));
            }
            self.sockets
                .wait(Duration::from_nanos(until_ns.saturating_sub(now)));
            self.handle_events();
            while self.group.receive_batch(&mut messages, BATCH) > 0 {
                self.arrivals.count(now_ns(), &messages);
                self.answer(&mut messages);
                if let Some(load) = self.load.take() {
                    let connections = self.connections.iter().cloned().collect::<Vec<_>>();
                    self.work = Some(load.run(&connections, &self.group, || {}));
                    self.rss_load_kb = rss_kb();
                }
            }
        }
    }

    fn handle_events(&mut self) {
        while let Some(event) = self.sockets.next_event() {
            let Event::ConnectionChanged(change) = event else {
                continue;
            };
            // The commands fail if the connection has ended, of which a further event tells.
            if change.is_request() {
                let _ = change.connection.accept();
            } else if change.new == ConnectionState::Connected {
                let _ = change.connection.set_poll_group(Some(&self.group));
                self.connections.insert(change.connection);
            } else if change.is_ended() {
                let _ = change.connection.close(EndReason::APP_GENERIC, "", false);
                self.connections.remove(&change.connection);
            }
        }
    }

    fn answer(&self, messages: &mut Vec<Message>) {
        let echoes = self.workload == Workload::Ping;
        for message in messages.drain(..) {
            if echoes {
                let connection = message.connection().clone();
                let flags = if message.is_reliable() {
                    SendFlags::RELIABLE_NO_NAGLE
                } else {
                    SendFlags::UNRELIABLE_NO_NAGLE
                };
                // One message is under way at a time, so that there is room.
                let _ = connection.send_bytes(LaneIndex::ZERO, message.into_bytes(), flags);
            }
        }
    }

    fn sample(&mut self, now: u64) {
        self.samples.push(Sample {
            at_ns: now,
            connections: self.connections.len(),
            rss_kb: rss_kb(),
            cpu_ns: cpu_ns(),
        });
    }

    fn json(&mut self) -> Value {
        let peak = Peak::of(&self.samples);
        let mut json = match &self.work {
            Some(work) => work.json(),
            None => self.arrivals.json(),
        };
        json["cpu_total_s"] = json!((cpu_ns() - self.cpu_base_ns) as f64 / 1e9);
        json["rss_base_kb"] = json!(self.rss_base_kb);
        json["rss_load_kb"] = json!(self.rss_load_kb);
        json["peak_conns"] = json!(peak.connections);
        json["rss_peak_kb"] = json!(peak.rss_kb);
        json["idle_cpu_pct"] = json!(peak.cpu_pct);
        json["udp_sockets"] = json!(udp_sockets());
        let mut drops = self.sockets.drops();
        for connection in &self.connections {
            // One that has ended meanwhile has none to tell.
            drops.add(&connection.drops().unwrap_or_default());
        }
        let drops = drops.iter().filter(|(_, count)| *count > 0);
        json["drops"] = drops
            .map(|(reason, count)| (format!("{reason:?}"), json!(count)))
            .collect();
        json
    }
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
        let most = samples
            .iter()
            .map(|sample| sample.connections)
            .max()
            .unwrap_or(0);
        let at_peak = samples.iter().filter(|sample| sample.connections == most);
        let at_peak = at_peak.collect::<Vec<_>>();
        let (Some(last), Some(middle)) = (at_peak.last(), at_peak.get(at_peak.len() / 2)) else {
            return Self::default();
        };
        let elapsed_ns = last.at_ns.saturating_sub(middle.at_ns);
        let used_ns = last.cpu_ns.saturating_sub(middle.cpu_ns);
        Self {
            connections: most,
            rss_kb: last.rss_kb,
            cpu_pct: (elapsed_ns > SAMPLE_EVERY_NS)
                .then(|| used_ns as f64 / elapsed_ns as f64 * 100.0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn idle_cost_is_taken_from_the_second_half_at_the_peak() {
        let sample = |i: u64, connections: usize, cpu_ns: u64| Sample {
            at_ns: i * SAMPLE_EVERY_NS,
            connections,
            rss_kb: 100 + i,
            cpu_ns,
        };
        let samples = [
            sample(0, 0, 0),
            sample(1, 5, 9_000_000_000),
            sample(2, 5, 9_000_000_000),
            sample(3, 5, 9_000_000_000),
            sample(4, 5, 9_000_000_000 + SAMPLE_EVERY_NS),
            sample(5, 1, 99_000_000_000),
        ];
        let peak = Peak::of(&samples);
        assert_eq!((peak.connections, peak.rss_kb), (5, 104));
        assert_eq!(peak.cpu_pct, None);
        let peak = Peak::of(&samples[..1]);
        assert_eq!((peak.connections, peak.cpu_pct), (0, None));
    }
}
