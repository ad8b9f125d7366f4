//! Finds the largest packet that a path takes, and notices when it takes less (after RFC 8899).
//!
//! Packets are of one of a few sizes. While a lot waits to be sent, a packet that is padded to the next
//! larger size goes out now and then, alone and with fragments forbidden. If it is acknowledged, that is
//! the size of packets from then on and the next one is tried; if three in a row are not, the search rests
//! for a minute. Such a packet carries no data, and its loss says nothing of congestion.
//!
//! A path that takes less than before swallows all packets above some size and lets the others pass: a
//! black hole. It is suspected when several full packets in a row are lost, the smaller ones among them are
//! not, and no full one arrives; or when nothing at all is heard twice in a row. Packets are then of the
//! base size at once, and the search begins anew, so a false alarm costs a few round trips only. After silence,
//! which may be an outage as well, it begins once the peer is heard again: what is tried before tells nothing.
//!
//! A packet of a larger frame than those of Ethernet keeps what waits behind it for long if the rate is low. So
//! packets are of such a size only as long as the rate affords it, and of the size of Ethernet otherwise.
//!
//! Below the size of GNS messages are split that need not be. So the way back there is tried at once, whether
//! or not much waits to be sent; all larger sizes only pay with bulk.

use serde::Deserialize;
use serde::Serialize;

use crate::connection::path::GNS_FULL_PACKET;
use crate::ids::PacketNumber;
use crate::limits;
use crate::send::Settled;
use crate::time::Span;
use crate::time::Timestamp;
use crate::transmit::ProbeFailure;

/// UDP payloads that are tried. The first is the base, which is known to pass nearly everywhere (RFC 8899,
/// section 5.1.2); then come what GNS sends, the largest that it takes, what 1500 bytes carry through a tunnel,
/// over IPv6, and over IPv4, and what larger frames carry: those of data centers (from 4470 bytes on, and
/// 8896), and of 9000 bytes.
const SIZES: [usize; 9] = [
    1200,
    GNS_FULL_PACKET,
    limits::MAX_DATAGRAM,
    1400,
    1452,
    limits::ETHERNET_DATAGRAM,
    4422,
    8848,
    limits::MAX_GROWN_DATAGRAM,
];
/// Where in [`SIZES`] a path begins.
const FIRST: usize = 1;
/// The largest of them that every rate affords.
const ETHERNET: usize = 5;
/// How often a size is tried (RFC 8899, section 5.1.2: `MAX_PROBES`).
const MAX_TRIES: u8 = 3;
/// After this time without an answer a probe is taken for lost, if no ack says so before.
const PROBE_TIMEOUT: Span = Span::from_secs(3);
/// How long a search rests that has found the limit. Shorter than the ten minutes of RFC 8899, since
/// probes are rare and only go out beside bulk.
const REST: Span = Span::from_secs(60);
/// How long a search waits for a socket that takes nothing: about what a send buffer of 4 MiB takes to empty at
/// 100 Mbit/s.
const SOCKET_REST: Span = Span::from_millis(300);
/// So many full packets must be lost in a row.
const BLACK_HOLE_LOSSES: usize = 8;

/// What is known of the packet size of a path.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(super) struct PathMtu {
    /// No larger size is tried.
    most_bytes: usize,
    /// Where in [`SIZES`] the confirmed size is.
    level: usize,
    /// Where the largest one is that the rate affords.
    afforded: usize,
    search: Search,
    /// Tries of the next size that failed.
    failed: u8,
    /// The newest large packet, of the present size or nearly, that arrived.
    large_arrived: PacketNumber,
    /// The newest one that is not large.
    small_arrived: PacketNumber,
    /// Those large ones that were lost last, in no order.
    lost: [PacketNumber; BLACK_HOLE_LOSSES],
    /// Where the next one goes.
    next_lost: usize,
}

/// What the search does.
#[derive(Clone, Copy, Debug, Deserialize, Serialize)]
enum Search {
    /// The next size may be tried.
    Ready,
    /// This packet tries it.
    Asked {
        probe: PacketNumber,
        until: Timestamp,
    },
    /// The next size does not pass for now.
    Resting { until: Timestamp },
    /// Nothing is heard of the peer, so that no probe would be answered.
    Silent,
}

impl PathMtu {
    pub(super) const fn new(most_bytes: usize) -> Self {
        Self {
            most_bytes,
            level: FIRST,
            afforded: ETHERNET,
            search: Search::Ready,
            failed: 0,
            large_arrived: PacketNumber::new(0),
            small_arrived: PacketNumber::new(0),
            lost: [PacketNumber::new(0); BLACK_HOLE_LOSSES],
            next_lost: 0,
        }
    }

    /// The UDP payload of a full packet.
    pub(super) fn packet_bytes(&self) -> usize {
        let level = self.level.min(self.afforded);
        SIZES.get(level).copied().unwrap_or(GNS_FULL_PACKET)
    }

    /// Whether the rate matters to the size of packets.
    pub(super) const fn depends_on_rate(&self) -> bool {
        self.level > ETHERNET
    }

    /// The rate affords packets up to this size.
    pub(super) fn afford(&mut self, bytes: usize) {
        let fits = SIZES.iter().rposition(|size| *size <= bytes);
        self.afforded = fits.map_or(ETHERNET, |level| level.max(ETHERNET));
    }

    /// The size that is to be tried now, if any.
    pub(super) fn wanted_probe(&mut self, now: Timestamp) -> Option<usize> {
        let larger = SIZES.get(self.level.saturating_add(1)).copied();
        let larger = larger.filter(|bytes| *bytes <= self.most_bytes)?;
        match self.search {
            Search::Ready => {}
            Search::Asked { until, .. } if until <= now => self.on_probe_lost(now),
            Search::Resting { until } if until <= now => self.search = Search::Ready,
            Search::Asked { .. } | Search::Resting { .. } | Search::Silent => {}
        }
        matches!(self.search, Search::Ready).then_some(larger)
    }

    /// Packet `probe` tries the size that [`Self::wanted_probe`] told.
    pub(super) fn on_probe_sent(&mut self, now: Timestamp, probe: PacketNumber) {
        let until = now + PROBE_TIMEOUT;
        self.search = Search::Asked { probe, until };
    }

    /// The probe that is asked for was not sent.
    pub(super) fn on_probe_unsent(&mut self, now: Timestamp, failure: ProbeFailure) {
        if !matches!(self.search, Search::Asked { .. }) {
            return;
        }
        self.search = match failure {
            ProbeFailure::TooLong => self.rest(now),
            ProbeFailure::NotNow => Search::Resting {
                until: now + SOCKET_REST,
            },
            ProbeFailure::Unmarked => Search::Resting {
                until: Timestamp::NEVER,
            },
        };
    }

    /// A packet arrived or was lost.
    pub(super) fn on_fate(&mut self, now: Timestamp, packet: &Settled) {
        if packet.has_arrived() && matches!(self.search, Search::Silent) {
            self.search = Search::Ready;
        }
        if packet.is_probe {
            return self.on_probe_fate(now, packet);
        }
        let is_large = usize::from(packet.bytes) > self.surely_smaller();
        if packet.has_arrived() {
            let newest = if is_large {
                &mut self.large_arrived
            } else {
                &mut self.small_arrived
            };
            *newest = packet.number.max(*newest);
        } else if is_large {
            if let Some(entry) = self.lost.get_mut(self.next_lost) {
                *entry = packet.number;
            }
            self.next_lost = self.next_lost.wrapping_add(1) % BLACK_HOLE_LOSSES;
        }
    }

    /// Packets no longer than this say nothing of those of the present size: the path may take the one and not
    /// the other.
    fn surely_smaller(&self) -> usize {
        let below = self.level.min(self.afforded).checked_sub(1);
        below
            .and_then(|below| SIZES.get(below).copied())
            .unwrap_or(BASE)
    }

    /// Whether large packets are swallowed while small ones pass.
    pub(super) fn is_in_black_hole(&self) -> bool {
        let in_a_row = self.lost.iter().all(|lost| *lost > self.large_arrived);
        in_a_row && self.lost.iter().any(|lost| *lost < self.small_arrived)
    }

    /// Whether packets are smaller than those of GNS.
    pub(super) const fn is_reduced(&self) -> bool {
        self.level < FIRST
    }

    /// Large packets are swallowed: sends packets of the base size and searches anew.
    pub(super) fn fall_back(&mut self) {
        if self.level > 0 {
            self.shrink();
            self.search = Search::Ready;
        }
    }

    /// Nothing at all is heard: sends packets of the base size, and searches anew when the peer is heard.
    pub(super) fn on_silence(&mut self) {
        if self.level > 0 {
            self.shrink();
            self.search = Search::Silent;
        } else if matches!(self.search, Search::Asked { .. }) {
            // What becomes of it tells nothing.
            self.search = Search::Silent;
        }
    }

    fn shrink(&mut self) {
        let from = self.packet_bytes();
        self.level = 0;
        self.lost.fill(PacketNumber::new(0));
        self.failed = 0;
        tracing::debug!(from, to = self.packet_bytes(), "packets shrink");
    }

    fn on_probe_fate(&mut self, now: Timestamp, packet: &Settled) {
        let Search::Asked { probe, .. } = self.search else {
            return;
        };
        if probe != packet.number {
            return;
        }
        if !packet.has_arrived() {
            return self.on_probe_lost(now);
        }
        self.level = self.level.saturating_add(1);
        // What was lost before tells nothing any more.
        self.large_arrived = self.large_arrived.max(probe);
        self.search = Search::Ready;
        self.failed = 0;
        tracing::debug!(bytes = self.packet_bytes(), "packets grow");
    }

    fn on_probe_lost(&mut self, now: Timestamp) {
        self.failed = self.failed.saturating_add(1);
        self.search = Search::Ready;
        if self.failed >= MAX_TRIES {
            self.search = self.rest(now);
        }
    }

    /// The next size does not pass.
    fn rest(&mut self, now: Timestamp) -> Search {
        self.failed = 0;
        Search::Resting { until: now + REST }
    }
}

/// Packets no longer than this pass nearly everywhere.
pub(super) const BASE: usize = SIZES[0];

#[cfg(test)]
mod tests;
