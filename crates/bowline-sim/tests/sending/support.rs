//! A network of two hosts with bulk flows and streams between them, and what they achieved.

use std::ops::RangeInclusive;

use bowline_core::message::SendFlags;
use bowline_sim::{
    Chance, Conn, HostConfig, HostId, LaneConfig, LaneIndex, LinkConfig, Span, Timestamp, World,
};

use crate::cubic::Cubic;

pub(crate) const PORT: u16 = 27_015;
/// The worlds that most tests run in.
pub(crate) const SEEDS: RangeInclusive<u64> = 1..=5;
/// Bytes of payload of a bulk message.
const BULK: usize = 4 * 1024;
const SEND_BUFFER: usize = 1024 * 1024;
/// How often the applications look after their connections.
const TICK: Span = Span::from_millis(1);
/// A tick of a game with 30 updates per second.
const FRAME: Span = Span::from_micros(33_333);

/// Two hosts and all that is between them.
pub(crate) struct Path {
    pub(crate) world: World,
    pub(crate) server: HostId,
    pub(crate) client: HostId,
    began: Timestamp,
    pub(crate) flows: Vec<Flow>,
    pub(crate) cubics: Vec<Cubic>,
    /// Milliseconds that the bottleneck's queue took, once per tick, with the time.
    queue: Vec<(Timestamp, u64)>,
}

/// A connection whose client sends as much as it can, if it is told so.
pub(crate) struct Flow {
    pub(crate) from: Conn,
    pub(crate) to: Conn,
    bulk: bool,
    stream: Option<Stream>,
    /// Payload bytes of bulk that arrived, with the time.
    arrived: Vec<(Timestamp, u64)>,
    /// When stream messages were sent and how long they took.
    delays: Vec<(Timestamp, Span)>,
}

/// Messages of 200 bytes, 30 times a second, unreliable.
struct Stream {
    lane: LaneIndex,
    next: Timestamp,
    sent: u64,
}

pub(crate) const fn ms(ms: u64) -> Span {
    Span::from_millis(ms)
}

pub(crate) const fn secs(s: u64) -> Span {
    Span::from_secs(s)
}

/// Bytes per second of so many tenths of a Mbit/s.
pub(crate) const fn mbit(tenths: u64) -> u64 {
    tenths * 12_500
}

/// A path with a round trip, and a bottleneck of `rate` bytes per second behind a queue of `queue_ms`.
pub(crate) const fn bottleneck(rtt: Span, rate: u64, queue_ms: u64) -> LinkConfig {
    let half = Span::from_micros(rtt.as_micros() / 2);
    LinkConfig::PERFECT
        .latency(half)
        .rate(rate, rate / 1000 * queue_ms)
}

pub(crate) const fn percent(percent: u32) -> Chance {
    Chance::percent(percent)
}

/// A large send buffer and no bound on the rate.
pub(crate) fn host() -> HostConfig {
    let mut config = HostConfig::default();
    let connection = &mut config.connection;
    connection.set_send_buffer(SEND_BUFFER).unwrap();
    connection.set_recv_buffer(1024 * 1024).unwrap();
    connection.set_send_rate(None, None).unwrap();
    config
}

impl Path {
    /// `up` leads from the client to the server, `down` back.
    pub(crate) fn new(seed: u64, up: LinkConfig, down: LinkConfig) -> Self {
        Self::with(seed, host(), up, down)
    }

    pub(crate) fn with(seed: u64, host: HostConfig, up: LinkConfig, down: LinkConfig) -> Self {
        let mut world = World::new(seed);
        let server = world.add_host("server", host.clone());
        let client = world.add_host("client", host);
        world.listen(server, PORT);
        world.set_link(client, server, up);
        world.set_link(server, client, down);
        Self {
            began: world.now(),
            world,
            server,
            client,
            flows: Vec::new(),
            cubics: Vec::new(),
            queue: Vec::new(),
        }
    }

    /// Connects once more and returns the index of the flow.
    pub(crate) fn connect(&mut self) -> usize {
        let port = PORT;
        let address = self.world.listen(self.server, port);
        let (from, to) = self.world.connect_pair(self.client, address).unwrap();
        self.flows.push(Flow {
            from,
            to,
            bulk: false,
            stream: None,
            arrived: Vec::new(),
            delays: Vec::new(),
        });
        if self.flows.len() == 1 {
            self.began = self.world.now();
        }
        self.flows.len() - 1
    }

    /// A connection that sends bulk from now on.
    pub(crate) fn bulk(&mut self) -> usize {
        let flow = self.connect();
        self.flows[flow].bulk = true;
        flow
    }

    /// A competitor that begins now.
    pub(crate) fn cubic(&mut self) {
        let port = 40_000 + self.cubics.len() as u16;
        let cubic = Cubic::new(&mut self.world, self.client, self.server, port);
        self.cubics.push(cubic);
    }

    /// Bytes per second of a competitor.
    pub(crate) fn cubic_goodput(&self, index: usize, from: Span, to: Span) -> u64 {
        rate(
            &self.cubics[index].arrived,
            self.began + from,
            self.began + to,
        )
    }

    pub(crate) fn set_bulk(&mut self, flow: usize, bulk: bool) {
        self.flows[flow].bulk = bulk;
    }

    /// Adds a stream to a connection, in a lane of higher priority than bulk.
    pub(crate) fn stream(&mut self, flow: usize) {
        let lanes = [LaneConfig::new(1, 1), LaneConfig::new(0, 1)];
        let flow = &mut self.flows[flow];
        self.world.configure_lanes(flow.from, &lanes).unwrap();
        flow.stream = Some(Stream {
            lane: LaneIndex::new(1),
            next: self.world.now(),
            sent: 0,
        });
    }

    /// Lets time pass.
    pub(crate) fn run(&mut self, span: Span) {
        let end = self.world.now() + span;
        while self.world.now() < end {
            self.tick();
            if self.cubics.is_empty() {
                self.world.run_for(TICK);
            } else {
                for _ in 0..4 {
                    self.cubics
                        .iter_mut()
                        .for_each(|cubic| cubic.tick(&mut self.world));
                    self.world.run_for(TICK / 4);
                }
            }
            let wait = self.world.link_queue(self.client, self.server);
            self.queue.push((self.world.now(), wait.as_micros()));
        }
        self.read();
    }

    /// Sends one message on the stream's lane or the first, and returns how long it takes to arrive.
    pub(crate) fn burst(&mut self, flow: usize, bytes: usize) -> Span {
        let before = self.world.now();
        let conn = self.flows[flow].from;
        self.world
            .send(conn, SendFlags::RELIABLE_NO_NAGLE, &vec![0; bytes])
            .unwrap();
        while self.world.deliveries(conn).unwrap().reliable_due() > 0 {
            self.run(TICK);
        }
        self.world.now().since(before)
    }

    /// Payload bytes per second of bulk in this part of the time since the last connection began.
    pub(crate) fn goodput(&self, flow: usize, from: Span, to: Span) -> u64 {
        rate(
            &self.flows[flow].arrived,
            self.began + from,
            self.began + to,
        )
    }

    /// When the flow first had `bytes_per_sec` for the length of `over`, since it began.
    pub(crate) fn reaches(
        &self,
        flow: usize,
        bytes_per_sec: u64,
        from: Span,
        over: Span,
    ) -> Option<Span> {
        let step = ms(50);
        let end = self.world.now().since(self.began);
        let mut at = from;
        while at + over <= end {
            if self.goodput(flow, at, at + over) >= bytes_per_sec {
                return Some((at + over).saturating_sub(from));
            }
            at = at + step;
        }
        None
    }

    /// The delay that so many percent of the stream's messages did not exceed, and how many were lost.
    pub(crate) fn delay(&self, flow: usize, percent: usize, from: Span) -> Span {
        let from = self.began + from;
        let delays = self.flows[flow].delays.iter();
        let all = delays
            .filter(|(at, _)| *at >= from)
            .map(|(_, delay)| delay.as_micros());
        Span::from_micros(quantile(all.collect(), percent))
    }

    /// The queue that so many percent of the ticks did not exceed.
    pub(crate) fn queue(&self, percent: usize, from: Span, to: Span) -> Span {
        let (from, to) = (self.began + from, self.began + to);
        let part = self.queue.iter().filter(|(at, _)| (from..to).contains(at));
        Span::from_micros(quantile(part.map(|(_, us)| *us).collect(), percent))
    }

    /// What the controller decided, for the eyes.
    pub(crate) fn decisions(&self, flow: usize) -> String {
        let connection = self.world.connection(self.flows[flow].from).unwrap();
        let list = connection
            .rate_decisions()
            .map(|d| format!("{:?} {}", d.what, d.window_bytes));
        list.collect::<Vec<_>>().join(", ")
    }

    fn tick(&mut self) {
        self.read();
        let now = self.world.now();
        for flow in &mut self.flows {
            if let Some(stream) = &mut flow.stream {
                while stream.next <= now {
                    stream.next += FRAME;
                    stream.sent += 1;
                    let mut data = [7; 200];
                    data[..8].copy_from_slice(&now.as_micros().to_le_bytes());
                    let flags = SendFlags::UNRELIABLE_NO_NAGLE;
                    self.world
                        .send_in_lane(flow.from, stream.lane, flags, &data)
                        .unwrap();
                }
            }
            if flow.bulk {
                // Room is left for the stream.
                while has_room(&self.world, flow.from, 4 * BULK) {
                    let sent = self.world.send(flow.from, SendFlags::RELIABLE, &[0; BULK]);
                    sent.unwrap();
                }
            }
        }
    }

    fn read(&mut self) {
        for flow in &mut self.flows {
            while let Some(message) = self.world.receive(flow.to) {
                if message.reliable {
                    flow.arrived.push((message.at, message.data.len() as u64));
                } else {
                    let sent = message.data[..8].try_into().unwrap();
                    let sent = Timestamp::from_micros(u64::from_le_bytes(sent));
                    flow.delays.push((sent, message.at.since(sent)));
                }
            }
        }
    }
}

fn rate(arrived: &[(Timestamp, u64)], from: Timestamp, to: Timestamp) -> u64 {
    let part = arrived.iter().filter(|(at, _)| (from..to).contains(at));
    let bytes: u64 = part.map(|(_, bytes)| bytes).sum();
    bytes * 1_000_000 / to.since(from).as_micros()
}

fn has_room(world: &World, conn: Conn, bytes: usize) -> bool {
    let status = world.status(conn).unwrap();
    status.pending_reliable_bytes + bytes < SEND_BUFFER
}

pub(crate) fn quantile(mut values: Vec<u64>, percent: usize) -> u64 {
    values.sort_unstable();
    let index = (values.len() * percent).div_ceil(100).saturating_sub(1);
    values.get(index).copied().unwrap_or(0)
}

pub(crate) fn median(values: &[u64]) -> u64 {
    quantile(values.to_vec(), 50)
}
