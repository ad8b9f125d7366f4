//! Messages at fixed rates.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use bowline::Connection;
use bowline::SendFlags;

use crate::cmd::bench::arrivals::write_stamp;
use crate::cmd::bench::options::Options;
use crate::cmd::bench::options::Rate;
use crate::cmd::metronome::Metronome;
use crate::error::Error;

/// Messages of one kind, numbered and stamped.
#[derive(Clone, Debug)]
pub(crate) struct Stream {
    metronome: Metronome,
    flags: SendFlags,
    message: Vec<u8>,
    number: u64,
}

impl Stream {
    pub(crate) fn new(rate: Rate, first_ns: u64, flags: SendFlags) -> Self {
        Self {
            metronome: Metronome::new(rate.hz, first_ns),
            flags,
            message: vec![0; rate.size],
            number: 0,
        }
    }

    /// When the next message is due; far in the future if none will be.
    pub(crate) const fn next_ns(&self) -> u64 {
        self.metronome.next_ns()
    }

    /// The next message, if one is due.
    pub(crate) fn next(&mut self, now_ns: u64) -> Option<&[u8]> {
        if !self.metronome.strikes(now_ns) {
            return None;
        }
        write_stamp(&mut self.message, now_ns, self.number);
        self.number += 1;
        Some(&self.message)
    }
}

/// What the server sends: at each strike one message to everybody.
#[derive(Debug)]
pub(crate) struct Downlink {
    streams: [Stream; 2],
}

impl Downlink {
    pub(crate) fn new(options: &Options) -> Result<Self, Error> {
        let unreliable = options.rate("down-unrel")?;
        let reliable = options.rate("down-rel")?;
        Ok(Self {
            streams: [
                Stream::new(unreliable, 0, SendFlags::UNRELIABLE),
                Stream::new(reliable, 0, SendFlags::RELIABLE),
            ],
        })
    }

    /// Sends what is due, and tells when something will be.
    pub(crate) fn send_due<'a>(
        &mut self,
        now_ns: u64,
        to: impl Iterator<Item = &'a Connection> + Clone,
    ) -> u64 {
        for stream in &mut self.streams {
            let flags = stream.flags;
            if let Some(message) = stream.next(now_ns) {
                for connection in to.clone() {
                    // What finds no room is missing at the client, which counts.
                    let _ = connection.send(message, flags);
                }
            }
        }
        let next = self.streams.iter().map(Stream::next_ns).min();
        next.unwrap_or(u64::MAX)
    }
}

/// What the clients send: each at its own time, evenly spread.
#[derive(Debug)]
pub(crate) struct Uplink {
    streams: Vec<(Connection, Stream)>,
    /// When which stream is due, soonest first.
    due: BinaryHeap<Reverse<(u64, usize)>>,
}

impl Uplink {
    pub(crate) fn new(
        options: &Options,
        connections: &[Connection],
        now_ns: u64,
    ) -> Result<Self, Error> {
        let kinds = [
            (options.rate("up-unrel")?, SendFlags::UNRELIABLE_NO_NAGLE),
            (options.rate("up-rel")?, SendFlags::RELIABLE_NO_NAGLE),
        ];
        let mut streams = Vec::new();
        let mut due = BinaryHeap::new();
        for (rate, flags) in kinds.into_iter().filter(|(rate, _)| rate.hz > 0.0) {
            for (index, connection) in connections.iter().enumerate() {
                let share = index as f64 / connections.len() as f64;
                let first_ns = now_ns + (1e9 / rate.hz * share) as u64;
                due.push(Reverse((first_ns, streams.len())));
                streams.push((connection.clone(), Stream::new(rate, first_ns, flags)));
            }
        }
        Ok(Self { streams, due })
    }

    /// Sends what is due, and tells how many messages that were and when the next is due.
    pub(crate) fn send_due(&mut self, now_ns: u64) -> (u64, u64) {
        let mut count = 0;
        while let Some(mut top) = self.due.peek_mut() {
            let Reverse((due_ns, index)) = *top;
            if due_ns > now_ns {
                return (count, due_ns);
            }
            let (connection, stream) = &mut self.streams[index];
            let flags = stream.flags;
            if let Some(message) = stream.next(now_ns) {
                count += 1;
                // What finds no room is missing at the server, which counts.
                let _ = connection.send(message, flags);
            }
            *top = Reverse((stream.next_ns(), index));
        }
        (count, u64::MAX)
    }
}
