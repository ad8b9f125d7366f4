//! The flood: so many packets a second, from many sources in turn.

use std::net::SocketAddr;
use std::time::Duration;
use std::time::Instant;

use bowline_core::time::Timestamp;

use crate::Result;
use crate::evil::Attacker;
use crate::evil::Evil;
use crate::junk::Junk;
use crate::junk::Maker;
use crate::source::Source;

/// What floods.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Kind {
    /// Nothing: what the players cost.
    Calm,
    /// Strangers.
    Junk(Junk),
    /// Peers with keys.
    Evil(Evil),
}

/// Sources with what they send.
#[derive(Debug)]
pub(crate) struct Flood {
    lines: Vec<Line>,
    start: Instant,
    renewed: Instant,
}

/// What a flood has done.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Sum {
    pub(crate) packets: u64,
    pub(crate) bytes: u64,
    pub(crate) reply_bytes: u64,
    /// Connections of evil peers that the server has ended.
    pub(crate) ended: u64,
}

#[derive(Debug)]
struct Line {
    source: Source,
    what: What,
}

#[derive(Debug)]
enum What {
    Junk(Box<Maker>),
    Evil(Box<Attacker>),
}

/// Networks that strangers come from.
const NETWORKS: usize = 64;
/// Evil peers at a time.
const EVIL_PEERS: usize = 4;
/// Datagrams in one call of the system.
const BATCH: usize = 32;
/// Cookies are good for three seconds.
const RENEWAL: Duration = Duration::from_millis(1500);

impl Kind {
    /// Every kind with its name.
    pub(crate) fn all() -> impl Iterator<Item = (&'static str, Self)> {
        let junk = Junk::ALL.map(|(name, junk)| (name, Self::Junk(junk)));
        let evil = Evil::ALL.map(|(name, evil)| (name, Self::Evil(evil)));
        [("none", Self::Calm)].into_iter().chain(junk).chain(evil)
    }
}

impl Flood {
    /// Gets ready what needs cookies or keys.
    pub(crate) fn new(kind: Kind, addr: SocketAddr) -> Result<Self> {
        let (start, now) = (Instant::now(), Timestamp::from_micros(1_000_000));
        let count = match kind {
            Kind::Calm => 0,
            Kind::Junk(_) => NETWORKS,
            Kind::Evil(_) => EVIL_PEERS,
        };
        let lines = (0..count).map(|index| {
            let mut source = Source::new(addr, index)?;
            let seed = index as u64 + 1;
            let what = match kind {
                Kind::Evil(evil) => {
                    What::Evil(Box::new(Attacker::new(evil, seed, &mut source, now)?))
                }
                Kind::Junk(junk) => What::Junk(Box::new(Maker::new(junk, seed, &mut source, now)?)),
                Kind::Calm => return Err("calm has no sources".into()),
            };
            Ok(Line { source, what })
        });
        Ok(Self {
            lines: lines.collect::<Result<_>>()?,
            start,
            renewed: start,
        })
    }

    /// Sends `rate` packets a second until `is_over`.
    pub(crate) fn run(&mut self, rate: u64, is_over: impl Fn() -> bool) -> Result {
        let start = Instant::now();
        let mut packets = Vec::new();
        let mut due = 0;
        while !is_over() {
            let wanted = start.elapsed().as_micros() as u64 * rate / 1_000_000;
            // What could not be sent in time is not made up for.
            due = due.max(wanted.saturating_sub(rate / 100));
            if self.lines.is_empty() || due >= wanted {
                std::thread::sleep(Duration::from_micros(200));
                continue;
            }
            let now = self.now();
            self.lines.rotate_left(1);
            if let Some(line) = self.lines.first_mut() {
                line.send(now, &mut packets)?;
                due += packets.len().max(1) as u64;
            }
            self.renew()?;
        }
        Ok(())
    }

    /// What was sent and heard so far.
    pub(crate) fn sum(&self) -> Sum {
        self.lines.iter().fold(Sum::default(), |sum, line| Sum {
            packets: sum.packets + line.source.sent_packets,
            bytes: sum.bytes + line.source.sent_bytes,
            reply_bytes: sum.reply_bytes + line.source.heard_bytes,
            ended: sum.ended + line.ended(),
        })
    }

    /// New cookies, for one source at a time.
    fn renew(&mut self) -> Result {
        if self.renewed.elapsed() < RENEWAL / NETWORKS as u32 {
            return Ok(());
        }
        self.renewed = Instant::now();
        let now = self.now();
        match self.lines.last_mut() {
            Some(Line {
                source,
                what: What::Junk(maker),
            }) => maker.renew(source, now),
            Some(_) | None => Ok(()),
        }
    }

    fn now(&self) -> Timestamp {
        Timestamp::from_micros(1_000_000 + self.start.elapsed().as_micros() as u64)
    }
}

impl Line {
    fn send(&mut self, now: Timestamp, packets: &mut Vec<Vec<u8>>) -> Result {
        let Self { source, what } = self;
        match what {
            What::Junk(maker) => {
                maker.fill(packets, BATCH);
                source.send(packets)?;
                source.hear(|bytes| maker.hear(bytes))
            }
            What::Evil(attacker) => {
                attacker.fill(packets, BATCH);
                source.send(packets)?;
                source.hear(|bytes| attacker.hear(now, bytes))?;
                attacker.return_if_ended(source, now)
            }
        }
    }

    fn ended(&self) -> u64 {
        match &self.what {
            What::Junk(_) => 0,
            What::Evil(attacker) => attacker.ended,
        }
    }
}
