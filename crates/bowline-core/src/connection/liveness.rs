//! Whether the peer is still there: replies that are expected, probes, keepalives, the timeout.
//!
//! The rules are GNS's (wire.md 7.4), because both sides must agree on when silence means death: a
//! peer that owes a reply and does not give it in time is probed every 200 ms; after four replies
//! missed in a row and the configured time without a packet, the connection is lost.

use serde::Deserialize;
use serde::Serialize;

use crate::limits;
use crate::time::Span;
use crate::time::Timestamp;
use crate::wire::stats_blob::StatsFlags;

/// Longest wait for a reply (GNS: the same).
const MAX_REPLY_WAIT: Span = Span::from_micros(1_250_000);
/// Constant part of the wait for a reply (GNS: the same).
const REPLY_WAIT: Span = Span::from_millis(250);
/// Added where the peer may delay its reply (GNS: the same).
const DELAYED_REPLY: Span = Span::from_millis(200);
/// Time between probes of a peer that owes a reply (GNS: the same).
const PROBE_INTERVAL: Span = Span::from_millis(200);
/// The same for a peer of which nothing has come yet on the way that was found (GNS: five at once, then 200 ms).
const INTRODUCTION_INTERVAL: Span = Span::from_millis(40);
/// Missed replies before a connection can be lost (GNS: the same).
const MIN_MISSED_REPLIES: u32 = 4;
/// A connection that received nothing for this long is idle.
const IDLE: Span = Span::from_secs(5);
/// Keepalives go out at multiples of this, so that the thousands of silent connections of a server share
/// wake-ups and system calls.
const KEEPALIVE_GRID: Span = Span::from_millis(100);
/// A round trip is measured at least this often while packets go out anyway (GNS: 7 s).
const PING_INTERVAL: Span = Span::from_secs(7);

/// What is known of the peer's presence.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(crate) struct Liveness {
    last_received: Timestamp,
    /// When a reply is due; [`Timestamp::NEVER`] if none is expected.
    reply_by: Timestamp,
    missed_replies: u32,
    /// When the first of the missed replies was due.
    missing_since: Timestamp,
    last_probe: Timestamp,
    last_ping_request: Timestamp,
    /// A packet that draws an immediate answer is wanted, whatever was missed.
    probe_now: bool,
    /// The peer was never heard of by packets: it is asked more often.
    is_introducing: bool,
    /// Somebody says without encryption that the peer has closed, and nothing authentic came since.
    told_gone: bool,
}

impl Liveness {
    pub(crate) const fn new(now: Timestamp) -> Self {
        Self {
            last_received: now,
            reply_by: Timestamp::NEVER,
            missed_replies: 0,
            missing_since: now,
            last_probe: Timestamp::ZERO,
            last_ping_request: now,
            probe_now: false,
            is_introducing: false,
            told_gone: false,
        }
    }

    /// A way to a peer was found of which no packet has come yet. It may not be ready to take ours, so that each may
    /// be in vain; and every one that is not saves waiting.
    pub(crate) const fn introduce(&mut self) {
        self.probe_now = true;
        self.is_introducing = true;
    }

    const fn probe_interval(&self) -> Span {
        if self.is_introducing {
            INTRODUCTION_INTERVAL
        } else {
            PROBE_INTERVAL
        }
    }

    /// An authentic packet arrived.
    pub(crate) const fn on_received(&mut self, now: Timestamp) {
        self.last_received = now;
        self.is_introducing = false;
        self.reply_by = Timestamp::NEVER;
        self.missed_replies = 0;
        self.told_gone = false;
    }

    /// When the last authentic packet arrived.
    pub(crate) const fn last_received(&self) -> Timestamp {
        self.last_received
    }

    /// Asks the peer for a sign of life with the next poll.
    pub(crate) const fn probe_at_once(&mut self) {
        self.probe_now = true;
    }

    /// Somebody says without encryption that the peer has closed. It may be anybody, so the peer is
    /// asked; it ends nothing that would not end without it.
    pub(crate) const fn on_unsealed_close(&mut self) {
        self.told_gone = true;
        self.probe_now = true;
    }

    /// Whether there was nothing but unencrypted closes since the last authentic packet.
    pub(crate) const fn is_told_gone(&self) -> bool {
        self.told_gone
    }

    /// A packet left that the peer answers, after a delay of its own if `delayed`.
    pub(crate) fn expect_reply(
        &mut self,
        now: Timestamp,
        worst_ping_ms: Option<u32>,
        delayed: bool,
    ) {
        if self.expects_reply() {
            return;
        }
        let wait = worst_ping_ms.map_or(MAX_REPLY_WAIT, |ms| {
            (Span::from_millis(u64::from(ms) * 2) + REPLY_WAIT).min(MAX_REPLY_WAIT)
        });
        let delay = if delayed { DELAYED_REPLY } else { Span::ZERO };
        self.reply_by = now + wait + delay;
    }

    /// Counts a reply that is overdue; returns whether one is.
    pub(crate) fn on_timeout(&mut self, now: Timestamp) -> bool {
        let overdue = self.reply_by <= now;
        if overdue {
            self.reply_by = Timestamp::NEVER;
            if self.missed_replies == 0 {
                self.missing_since = now;
            }
            self.missed_replies += 1;
        }
        overdue
    }

    /// Whether nothing was received for so long that memory kept for speed may go.
    pub(crate) fn is_idle(&self, now: Timestamp) -> bool {
        now >= self.last_received + IDLE
    }

    /// Whether the peer has been asked more than once and has not answered.
    pub(crate) const fn is_doubtful(&self) -> bool {
        self.missed_replies > 1
    }

    /// Since when the peer owes an answer; `None` if it owes none.
    pub(crate) fn silent_since(&self) -> Option<Timestamp> {
        (self.missed_replies > 0).then(|| self.missing_since.max(self.last_received))
    }

    /// Whether the connection is lost.
    pub(crate) fn is_lost(&self, now: Timestamp, timeout: Span) -> bool {
        self.missed_replies >= MIN_MISSED_REPLIES && now >= self.lost_at(timeout)
    }

    /// The flags of a packet that should go out now for the sake of liveness alone.
    pub(crate) fn wants_packet(&self, now: Timestamp) -> Option<StatsFlags> {
        if self.missed_replies > 0 || self.probe_now || self.is_introducing {
            let due = now >= self.last_probe + self.probe_interval();
            return due.then_some(StatsFlags::ACK_REQUEST | StatsFlags::ACK_REQUEST_IMMEDIATE);
        }
        let idle = !self.expects_reply() && now >= self.keepalive_at();
        idle.then_some(StatsFlags::ACK_REQUEST)
    }

    /// Whether a packet that goes out anyway should ask for an ack, to measure the round trip.
    pub(crate) fn wants_ping(&self, now: Timestamp, last_sample: Option<Timestamp>) -> bool {
        let last = last_sample.map_or(self.last_ping_request, |at| at.max(self.last_ping_request));
        now.since(last) > PING_INTERVAL
    }

    /// Notes the flags of a packet that left.
    pub(crate) const fn on_sent(&mut self, now: Timestamp, asked: bool) {
        if asked {
            self.last_ping_request = now;
            self.last_probe = now;
            self.probe_now = false;
        }
    }

    /// When to look again.
    pub(crate) fn next_deadline(&self, timeout: Span) -> Timestamp {
        let reply = self.reply_by;
        if self.missed_replies > 0 {
            let lost = if self.missed_replies >= MIN_MISSED_REPLIES {
                self.lost_at(timeout)
            } else {
                Timestamp::NEVER
            };
            return reply.min(self.last_probe + self.probe_interval()).min(lost);
        }
        if self.probe_now || self.is_introducing {
            return reply.min(self.last_probe + self.probe_interval());
        }
        if self.expects_reply() {
            return reply;
        }
        self.keepalive_at()
    }

    fn expects_reply(&self) -> bool {
        self.reply_by < Timestamp::NEVER
    }

    /// When a silent peer is asked for a sign of life: at the first of the times that all connections
    /// share.
    fn keepalive_at(&self) -> Timestamp {
        (self.last_received + limits::KEEPALIVE).round_up(KEEPALIVE_GRID)
    }

    fn lost_at(&self, timeout: Span) -> Timestamp {
        self.missing_since.max(self.last_received) + timeout
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(ms: u64) -> Timestamp {
        Timestamp::ZERO + Span::from_millis(ms)
    }

    /// Plays a peer that falls silent at 0; returns when the connection is lost, in milliseconds.
    fn lost_after(mut live: Liveness) -> u64 {
        let timeout = limits::TIMEOUT_CONNECTED;
        let mut now = Timestamp::ZERO;
        for _ in 0..1000 {
            now = live.next_deadline(timeout).max(now);
            live.on_timeout(now);
            if live.is_lost(now, timeout) {
                return now.as_micros() / 1000;
            }
            if let Some(flags) = live.wants_packet(now) {
                live.on_sent(now, true);
                live.expect_reply(
                    now,
                    None,
                    !flags.contains(StatsFlags::ACK_REQUEST_IMMEDIATE),
                );
            }
        }
        panic!("never lost");
    }

    #[test]
    fn silence_is_death_after_the_times_observed_with_gns() {
        let mut busy = Liveness::new(Timestamp::ZERO);
        busy.expect_reply(Timestamp::ZERO, None, true);
        // Observed: 11.49 s on a busy link and 21.45 s on an idle one, without a ping estimate.
        assert!((11_000..11_800).contains(&lost_after(busy)));
        let idle = Liveness::new(Timestamp::ZERO);
        assert!((21_000..21_800).contains(&lost_after(idle)));
    }

    #[test]
    fn any_packet_clears_what_was_missed() {
        let mut live = Liveness::new(Timestamp::ZERO);
        live.expect_reply(Timestamp::ZERO, Some(20), false);
        live.on_timeout(at(290));
        assert!(live.wants_packet(at(291)).is_some());
        live.on_received(at(300));
        assert!(live.wants_packet(at(301)).is_none());
        assert_eq!(live.next_deadline(Span::from_secs(10)), at(10_300));
    }

    #[test]
    fn limit_probes_that_unencrypted_closes_draw() {
        let mut live = Liveness::new(at(5_000));
        let mut probes = 0;
        for ms in 5_000..6_000 {
            live.on_unsealed_close();
            if live.wants_packet(at(ms)).is_some() {
                live.on_sent(at(ms), true);
                probes += 1;
            }
        }
        assert_eq!(probes, 5, "one in 200 ms");
        assert!(live.is_told_gone());
        live.on_received(at(6_000));
        assert!(!live.is_told_gone());
    }

    #[test]
    fn keepalive_after_ten_silent_seconds() {
        let live = Liveness::new(Timestamp::ZERO);
        assert_eq!(live.wants_packet(at(9_999)), None);
        assert_eq!(live.wants_packet(at(10_000)), Some(StatsFlags::ACK_REQUEST));
    }

    #[test]
    fn keepalives_of_connections_that_fell_silent_together_share_a_time() {
        let timeout = limits::TIMEOUT_CONNECTED;
        for ms in [401, 450, 500] {
            let live = Liveness::new(at(ms));
            assert_eq!(live.next_deadline(timeout), at(10_500));
            assert_eq!(live.wants_packet(at(10_499)), None);
            assert_eq!(live.wants_packet(at(10_500)), Some(StatsFlags::ACK_REQUEST));
        }
    }
}
