//! The counters of a connection, fed by every packet.

use serde::{Deserialize, Serialize};

use super::exchange::Report;
use super::jitter::Jitter;
use super::lifetime::{ConnectedTime, PingHistogram, Totals, write_jitter};
use super::quality::{Counts, Interval, QualityHistogram, Rates};
use crate::limits::PACKET_NUMBER_LURCH;
use crate::time::{Span, Timestamp};
use crate::wire::pb;

/// Where the number of a received packet stands relative to the highest one before it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Sequence {
    /// The very next.
    Next,
    /// Higher, with `skipped` numbers in between that have not come.
    Ahead {
        /// How many numbers were left out; from 99 on the stream counts as interrupted, not as lossy.
        skipped: u64,
    },
    /// Lower, and not received before.
    Late,
}

/// Statistics of one connection: rates per interval of five seconds, and sums over its life.
///
/// Intervals end when they are looked at: with every packet, and with [`tick`](Self::tick). A quiet
/// connection that nobody ticks has a long interval, never a wrong one.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct LinkStats {
    interval_ends_at: Timestamp,
    interval_began_at: Timestamp,
    running: Counts,
    totals: Totals,
    last: Option<Interval>,
    jitter: Jitter,
    connected: ConnectedTime,
    /// Since the peer was last heard.
    reply_timeouts: u8,
    quality: QualityHistogram,
    ping: PingHistogram,
}

impl LinkStats {
    /// Counters at zero; the first interval begins.
    pub fn new(now: Timestamp) -> Self {
        Self {
            interval_ends_at: now + INTERVAL,
            interval_began_at: now,
            running: Counts::default(),
            totals: Totals::default(),
            last: None,
            jitter: Jitter::new(),
            connected: ConnectedTime::NotYet,
            reply_timeouts: 0,
            quality: QualityHistogram::new(),
            ping: PingHistogram::new(),
        }
    }

    /// The connection is in state Connected from now on: the time counts, and an interval begins.
    pub fn connected(&mut self, now: Timestamp) {
        self.connected = ConnectedTime::Since(now);
        self.begin_interval(now);
    }

    /// The connection is no longer in state Connected: its time stops.
    pub fn disconnected(&mut self, now: Timestamp) {
        match self.connected {
            ConnectedTime::Since(start) => {
                self.connected = ConnectedTime::Ended(now.since(start));
            }
            ConnectedTime::NotYet | ConnectedTime::Ended(_) => {}
        }
    }

    /// Counts `datagrams` sent data packets that had `bytes` bytes of UDP payload together.
    #[inline]
    pub fn sent(&mut self, now: Timestamp, datagrams: u32, bytes: usize) {
        self.tick(now);
        let counts = &mut self.running;
        counts.sent_packets = counts.sent_packets.saturating_add(datagrams);
        counts.sent_bytes = counts.sent_bytes.saturating_add(bytes as u64);
    }

    /// Counts a data packet that was decrypted and taken, of `bytes` bytes of UDP payload.
    ///
    /// `time_since_prev_16us` is the time field of its header, if it had one.
    #[inline]
    pub fn received(
        &mut self,
        now: Timestamp,
        bytes: usize,
        sequence: Sequence,
        time_since_prev_16us: Option<u16>,
    ) {
        self.tick(now);
        self.count_raw(bytes);
        self.reply_timeouts = 0;
        self.running.sequenced = self.running.sequenced.saturating_add(1);
        match sequence {
            Sequence::Next => self.jitter.next(now, time_since_prev_16us),
            Sequence::Ahead { skipped } => self.ahead(now, skipped),
            Sequence::Late => self.late(),
        }
    }

    /// Counts a data packet that came before, or is too old to tell.
    pub fn duplicate(&mut self, now: Timestamp, bytes: usize) {
        self.tick(now);
        self.count_raw(bytes);
        self.running.sequenced = self.running.sequenced.saturating_add(1);
        self.running.duplicate = self.running.duplicate.saturating_add(1);
    }

    /// Counts a packet that did not decrypt or was broken: by number and bytes only, as anybody may
    /// have sent it.
    pub fn undecodable(&mut self, bytes: usize) {
        self.count_raw(bytes);
    }

    /// Counts one sample of the ping in milliseconds for the histogram of the connection's life.
    ///
    /// The estimate itself is [`PingTracker`](super::PingTracker)'s.
    pub fn ping_sample(&mut self, ms: u32) {
        self.ping.add(ms);
    }

    /// An answer that the peer owed did not come in time. Two of them, and silence, make an interval
    /// count as dead.
    pub fn reply_timed_out(&mut self) {
        self.reply_timeouts = self.reply_timeouts.saturating_add(1);
    }

    /// Ends the measurement interval if its time has come.
    #[inline]
    pub fn tick(&mut self, now: Timestamp) {
        if now >= self.interval_ends_at {
            self.end_interval(now);
        }
    }

    /// Looks for the largest latency variance anew.
    pub fn reset_max_jitter(&mut self) {
        self.jitter.take_peak_us();
    }

    /// The largest latency variance since that was last called, in microseconds; `None` if there was
    /// no measurement, as with all peers that do not send the spacing of their packets.
    pub fn max_jitter_us(&self) -> Option<u32> {
        self.jitter.peak_us()
    }

    /// Packets and bytes per second in the last complete interval, or in the running one if none is
    /// complete yet or the running one is overdue.
    pub fn rates(&self, now: Timestamp) -> Rates {
        match &self.last {
            Some(last) if now < self.interval_ends_at => last.rates(),
            Some(_) | None => {
                let length = now.since(self.interval_began_at).max(MIN_RATED_LENGTH);
                self.running.rates_over(length)
            }
        }
    }

    /// The share of the peer's packets that came, and came in order, in the last complete interval:
    /// 0 to 1. `None` before the first interval is over, and after one in which nothing came.
    pub fn quality_local(&self) -> Option<f32> {
        self.last.as_ref().and_then(Interval::quality)
    }

    /// What we tell the peer of the last complete interval, with `ping_ms` as the smoothed ping.
    pub fn instantaneous(&self, ping_ms: Option<u32>) -> pb::InstantaneousStats {
        let none = Interval {
            counts: Counts::default(),
            length: INTERVAL,
            peak_jitter_us: None,
        };
        self.last.unwrap_or(none).to_message(ping_ms)
    }

    /// What we tell the peer of the whole connection.
    pub fn lifetime(&self, now: Timestamp) -> pb::LifetimeStats {
        let mut message = pb::LifetimeStats {
            connected_seconds: Some(self.connected.seconds(now)),
            ..Default::default()
        };
        self.totals.plus(&self.running).write(&mut message);
        self.quality.write(&mut message);
        self.ping.write(&mut message);
        write_jitter(&self.jitter, &mut message);
        message
    }

    /// The message with what `report` names.
    pub fn message(
        &self,
        now: Timestamp,
        report: Report,
        ping_ms: Option<u32>,
    ) -> pb::ConnectionQuality {
        pb::ConnectionQuality {
            instantaneous: report
                .has_instantaneous()
                .then(|| self.instantaneous(ping_ms)),
            lifetime: report.has_lifetime().then(|| self.lifetime(now)),
        }
    }

    /// Data packets sent so far.
    pub fn packets_sent(&self) -> u64 {
        let running = u64::from(self.running.sent_packets);
        self.totals.sent_packets.saturating_add(running)
    }

    /// Data packets received so far with a valid number, duplicates included.
    pub fn packets_sequenced(&self) -> u64 {
        let running = u64::from(self.running.sequenced);
        self.totals.sequenced.saturating_add(running)
    }

    #[inline]
    fn count_raw(&mut self, bytes: usize) {
        let counts = &mut self.running;
        counts.received_packets = counts.received_packets.saturating_add(1);
        counts.received_bytes = counts.received_bytes.saturating_add(bytes as u64);
    }

    fn ahead(&mut self, now: Timestamp, skipped: u64) {
        // GNS e707b3a: steamnetworking_statsutils.h, `TrackProcessSequencedPacket`: the step includes
        // the packet itself.
        if skipped.saturating_add(1) >= PACKET_NUMBER_LURCH {
            self.running.lurch = self.running.lurch.saturating_add(1);
        } else {
            let dropped = u32::try_from(skipped).unwrap_or(u32::MAX);
            self.running.dropped = self.running.dropped.saturating_add(dropped);
        }
        self.jitter.jumped(now);
    }

    fn late(&mut self) {
        self.running.late = self.running.late.saturating_add(1);
        // It was counted as dropped when a later one came.
        // DIFFERS: GNS leaves it so if that was in an earlier interval; we correct the sum.
        if self.running.dropped > 0 {
            self.running.dropped -= 1;
        } else {
            self.totals.dropped = self.totals.dropped.saturating_sub(1);
        }
    }

    #[cold]
    fn end_interval(&mut self, now: Timestamp) {
        let interval = Interval {
            counts: self.running,
            length: now.since(self.interval_began_at),
            peak_jitter_us: self.jitter.end_interval(),
        };
        if let Some(score) = interval.score(self.reply_timeouts) {
            self.quality.add(score);
        }
        self.last = Some(interval);
        self.begin_interval(now);
    }

    fn begin_interval(&mut self, now: Timestamp) {
        self.totals = self.totals.plus(&self.running);
        self.running = Counts::default();
        self.interval_began_at = now;
        self.interval_ends_at = now + INTERVAL;
    }
}

/// GNS e707b3a: steamnetworking_statsutils.h, `k_usecSteamDatagramLinkStatsDefaultInterval`.
const INTERVAL: Span = Span::from_secs(5);

/// The running interval counts as this long at least, so that the first packets of a connection do not
/// read as a flood.
const MIN_RATED_LENGTH: Span = Span::from_secs(1);

#[cfg(test)]
mod tests;
