//! When the peer is owed a report of our statistics, and what it last reported of its own.

use alloc::boxed::Box;

use serde::{Deserialize, Serialize};

use super::link::LinkStats;
use crate::ids::PacketNumber;
use crate::time::{Span, Timestamp};
use crate::wire::pb;

/// Which statistics a packet carries.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub enum Report {
    /// Those of the last interval.
    Instantaneous,
    /// Those of the whole connection.
    Lifetime,
    /// Both.
    Both,
}

impl Report {
    /// Whether the statistics of the last interval are in it.
    pub const fn has_instantaneous(self) -> bool {
        match self {
            Self::Instantaneous | Self::Both => true,
            Self::Lifetime => false,
        }
    }

    /// Whether the statistics of the whole connection are in it.
    pub const fn has_lifetime(self) -> bool {
        match self {
            Self::Lifetime | Self::Both => true,
            Self::Instantaneous => false,
        }
    }
}

/// Whether statistics should be sent now.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Due {
    /// Not now.
    None,
    /// In a packet that goes out anyway and has room.
    IfSending(Report),
    /// Now, in a packet of its own if need be.
    Standalone(Report),
}

/// What the peer last said of its own side of the link. Its "in" is what it received from us.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct RemoteStats {
    /// When it came.
    pub received_at: Timestamp,
    /// Packets that it sends per second, times ten.
    pub out_packets_per_s_x10: u32,
    /// Bytes that it sends per second.
    pub out_bytes_per_s: u32,
    /// Packets that it receives per second, times ten.
    pub in_packets_per_s_x10: u32,
    /// Bytes that it receives per second.
    pub in_bytes_per_s: u32,
    /// Its smoothed ping in milliseconds.
    pub ping_ms: Option<u32>,
    /// The share of our packets that it missed: 0 to 100.
    pub dropped_pct: Option<u8>,
    /// The share of our packets that came out of order, twice or after a long gap: 0 to 100.
    pub weird_pct: Option<u8>,
    /// The largest latency variance that it saw, in microseconds.
    pub peak_jitter_us: Option<u32>,
}

impl RemoteStats {
    /// The share of our packets that came, and came in order, as the peer sees it: 0 to 1.
    pub fn quality(&self) -> Option<f32> {
        let bad = self
            .dropped_pct?
            .saturating_add(self.weird_pct.unwrap_or(0));
        Some(f32::from(100_u8.saturating_sub(bad)) / 100.0)
    }

    fn from_message(now: Timestamp, message: &pb::InstantaneousStats) -> Self {
        let percent = |pct: u32| u8::try_from(pct).unwrap_or(u8::MAX).min(100);
        Self {
            received_at: now,
            out_packets_per_s_x10: message.out_packets_per_sec_x10.unwrap_or(0),
            out_bytes_per_s: message.out_bytes_per_sec.unwrap_or(0),
            in_packets_per_s_x10: message.in_packets_per_sec_x10.unwrap_or(0),
            in_bytes_per_s: message.in_bytes_per_sec.unwrap_or(0),
            ping_ms: message.ping_ms,
            dropped_pct: message.packets_dropped_pct.map(percent),
            weird_pct: message.packets_weird_sequence_pct.map(percent),
            peak_jitter_us: message.peak_jitter_usec,
        }
    }
}

/// Keeps account of the reports in both directions.
///
/// At most one report is under way. The caller tells the fate of the packet that carries it, by
/// [`acked`](Self::acked) or [`lost`](Self::lost); until then nothing is due.
/// GNS e707b3a: steamnetworkingsockets_stats.cpp, `GetStatsSendNeed` and what it calls.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct StatsExchange {
    state: State,
    instantaneous: Marks,
    lifetime: Marks,
    /// A quiet peer tells nothing.
    remote: Option<Box<RemoteStats>>,
}

#[derive(Clone, Copy, Debug, Deserialize, Serialize)]
enum State {
    /// Not connected: nothing is ever due.
    Off,
    Waiting,
    InFlight {
        packet: PacketNumber,
        report: Report,
        sent: u64,
        sequenced: u64,
    },
}

/// The counters that a report told of, and when the peer had it (or when there was too little to tell).
#[derive(Clone, Copy, Debug, Deserialize, Serialize)]
struct Marks {
    at: Timestamp,
    sent: u64,
    sequenced: u64,
}

impl StatsExchange {
    /// For a connection that is not yet in state Connected: nothing is due.
    pub const fn new() -> Self {
        Self {
            state: State::Off,
            instantaneous: Marks::ZERO,
            lifetime: Marks::ZERO,
            remote: None,
        }
    }

    /// The connection is in state Connected from now on.
    pub fn connected(&mut self, now: Timestamp, stats: &LinkStats) {
        self.state = State::Waiting;
        self.instantaneous = Marks::of(now, stats);
        self.lifetime = self.instantaneous;
    }

    /// The connection ends: nothing is due any more.
    pub fn stop(&mut self) {
        self.state = State::Off;
    }

    /// What should be sent now. Starts the wait anew where the connection was too idle to tell anything.
    pub fn due(&mut self, now: Timestamp, stats: &LinkStats) -> Due {
        match self.state {
            State::Off | State::InFlight { .. } => return Due::None,
            State::Waiting => {}
        }
        let mut due = Due::None;
        if now >= self.instantaneous.at + INSTANTANEOUS_READY
            && self.instantaneous_is_worth_it(now, stats)
        {
            let forced = now >= self.instantaneous.at + INSTANTANEOUS_FORCED;
            due = due.and(Report::Instantaneous, forced);
        }
        if now >= self.lifetime.at + LIFETIME_READY && self.lifetime_is_worth_it(now, stats) {
            let forced = now >= self.lifetime.at + LIFETIME_FORCED;
            due = due.and(Report::Lifetime, forced);
        }
        due
    }

    /// `packet` carries `report`, made from `stats`.
    pub fn sent(&mut self, stats: &LinkStats, report: Report, packet: PacketNumber) {
        match self.state {
            State::Off => {}
            State::Waiting | State::InFlight { .. } => {
                self.state = State::InFlight {
                    packet,
                    report,
                    sent: stats.packets_sent(),
                    sequenced: stats.packets_sequenced(),
                };
            }
        }
    }

    /// The peer has `packet`. Call it for every packet; those without a report change nothing.
    #[inline]
    pub fn acked(&mut self, now: Timestamp, packet: PacketNumber) {
        if self.is_in_flight(packet) {
            self.report_arrived(now);
        }
    }

    /// `packet` is considered lost: the report in it, if any, is due again.
    #[inline]
    pub fn lost(&mut self, packet: PacketNumber) {
        if self.is_in_flight(packet) {
            self.state = State::Waiting;
        }
    }

    /// Takes a report of the peer.
    pub fn received(&mut self, now: Timestamp, quality: &pb::ConnectionQuality) {
        if let Some(message) = &quality.instantaneous {
            self.remote = Some(Box::new(RemoteStats::from_message(now, message)));
        }
    }

    /// When [`due`](Self::due) must be asked again at the latest; `None` while nothing can become due.
    pub fn next_deadline(&self) -> Option<Timestamp> {
        match self.state {
            State::Off | State::InFlight { .. } => None,
            State::Waiting => Some(
                (self.instantaneous.at + INSTANTANEOUS_FORCED)
                    .min(self.lifetime.at + LIFETIME_FORCED),
            ),
        }
    }

    /// What the peer last told, if anything.
    pub fn remote(&self) -> Option<&RemoteStats> {
        self.remote.as_deref()
    }

    /// The quality of the way to the peer as the peer sees it, 0 to 1, if it told.
    pub fn quality_remote(&self) -> Option<f32> {
        self.remote.as_deref().and_then(RemoteStats::quality)
    }

    /// A connection with less than a packet in 3 s has nothing worth telling.
    fn instantaneous_is_worth_it(&mut self, now: Timestamp, stats: &LinkStats) -> bool {
        let elapsed = now.since(self.instantaneous.at).as_micros();
        let enough = self
            .instantaneous
            .grew_by_more_than(elapsed / ACTIVE_PACKET_SPACING.as_micros(), stats);
        if !enough {
            self.instantaneous = Marks::of(now, stats);
        }
        enough
    }

    /// Only the time starts anew here, so that a slow connection reports once per hundred packets.
    fn lifetime_is_worth_it(&mut self, now: Timestamp, stats: &LinkStats) -> bool {
        let enough = self.lifetime.grew_by_more_than(LIFETIME_PACKETS, stats);
        if !enough {
            self.lifetime.at = now;
        }
        enough
    }

    const fn is_in_flight(&self, candidate: PacketNumber) -> bool {
        match self.state {
            State::Off | State::Waiting => false,
            State::InFlight { packet, .. } => packet.get() == candidate.get(),
        }
    }

    #[cold]
    fn report_arrived(&mut self, now: Timestamp) {
        let State::InFlight {
            report,
            sent,
            sequenced,
            ..
        } = self.state
        else {
            return;
        };
        let marks = Marks {
            at: now,
            sent,
            sequenced,
        };
        if report.has_instantaneous() {
            self.instantaneous = marks;
        }
        if report.has_lifetime() {
            self.lifetime = marks;
        }
        self.state = State::Waiting;
    }
}

impl Default for StatsExchange {
    fn default() -> Self {
        Self::new()
    }
}

impl Due {
    /// Adds a report: what is added to a packet of its own goes with it.
    const fn and(self, report: Report, forced: bool) -> Self {
        let (report, forced) = match self {
            Self::None => (report, forced),
            Self::IfSending(_) => (Report::Both, forced),
            Self::Standalone(_) => (Report::Both, true),
        };
        if forced {
            Self::Standalone(report)
        } else {
            Self::IfSending(report)
        }
    }
}

impl Marks {
    const ZERO: Self = Self {
        at: Timestamp::ZERO,
        sent: 0,
        sequenced: 0,
    };

    fn of(now: Timestamp, stats: &LinkStats) -> Self {
        Self {
            at: now,
            sent: stats.packets_sent(),
            sequenced: stats.packets_sequenced(),
        }
    }

    fn grew_by_more_than(&self, packets: u64, stats: &LinkStats) -> bool {
        stats.packets_sent() > self.sent.saturating_add(packets)
            || stats.packets_sequenced() > self.sequenced.saturating_add(packets)
    }
}

/// GNS e707b3a: steamnetworking_statsutils.h, `k_usecLinkStatsInstantaneousReportInterval`.
const INSTANTANEOUS_READY: Span = Span::from_secs(20);
/// GNS e707b3a: `k_usecLinkStatsInstantaneousReportMaxInterval`.
const INSTANTANEOUS_FORCED: Span = Span::from_secs(30);
/// GNS e707b3a: `k_usecLinkStatsLifetimeReportInterval`.
const LIFETIME_READY: Span = Span::from_secs(120);
/// GNS e707b3a: `k_usecLinkStatsLifetimeReportMaxInterval`.
const LIFETIME_FORCED: Span = Span::from_secs(140);
/// GNS e707b3a: steamnetworkingsockets_stats.cpp, `BCheckHaveDataToSendInstantaneous`.
const ACTIVE_PACKET_SPACING: Span = Span::from_secs(3);
/// GNS e707b3a: steamnetworkingsockets_stats.cpp, `BCheckHaveDataToSendLifetime`.
const LIFETIME_PACKETS: u64 = 100;

#[cfg(test)]
mod tests;
