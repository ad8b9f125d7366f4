//! What becomes of packets: how it is learned which are lost, and what follows.
//!
//! **Lost** is what the peer says that it misses. It knows the order in which packets came, and says nothing
//! of a gap before 3 ms have passed (GNS does the same), so packets that are merely swapped are no loss. That
//! takes the place of thresholds in packets or round trips (RFC 9002 section 6.1).
//!
//! **Late** is what comes after that. Where it happens, missing packets are waited for (`in_flight::missing`).
//! A loss that was none is undone: what waits to be sent again does not go, and neither the controller nor
//! the armour counts it.
//!
//! A number that no packet had (`skips`) is none of these; a peer that has it is none of ours.
//!
//! A packet that only asks the path for its packet size (`path_probe`) carries nothing, and neither its loss
//! nor the undoing of that counts.
//!
//! A packet that went another way than packets go now says nothing of this one: it is settled, and that is all.
//!
//! **Silence**: if nothing is acknowledged for a round trip, its variation and the peer's delay, the oldest
//! reliable data goes again, in one packet that the window does not hold (a tail-loss probe). The ack for
//! it tells of all that went before. Each further time takes twice as long, up to a bound, and after two the
//! controller stops all but these.

use alloc::boxed::Box;

use serde::Deserialize;
use serde::Serialize;

use crate::ids::PacketNumber;
use crate::limits;
use crate::rate::Acked;
use crate::rate::Newest;
use crate::rate::rtt::RttEstimator;
use crate::recv::acks;
use crate::send::Rare;
use crate::send::Sender;
use crate::send::armour::Armour;
use crate::send::in_flight::Bounds;
use crate::send::in_flight::SentRange;
use crate::send::in_flight::Settled;
use crate::send::in_flight::Verdict;
use crate::send::lanes::Lanes;
use crate::snp::ack_codec::AckFrame;
use crate::time::Span;
use crate::time::Timestamp;

/// What a GNS peer may add before it acknowledges reliable data (wire.md 5.2).
const GNS_ACK_DELAY: Span = Span::from_millis(50);
/// One of ours acknowledges within a quarter of the round trip, but may be held up by others on its machine.
const LEAST_ACK_DELAY: Span = Span::from_millis(10);

/// What was lost on the way to the peer so far, and what was sent again.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[non_exhaustive]
pub struct LossStats {
    /// Packets that were taken for lost since newer ones had arrived.
    pub packets: u64,
    /// How many of these arrived after all.
    pub undone: u64,
    /// Bytes of reliable streams that were sent again since they seemed to be lost.
    pub resent_bytes: u64,
    /// How often nothing was acknowledged for so long that data was sent again as a probe.
    pub timeouts: u64,
    /// How long a packet that is overtaken by others is waited for at present, in microseconds, beyond the
    /// peer's own 3 milliseconds.
    pub reordering_window_us: u64,
}

/// Takes what became of packets to all who want to know.
struct Verdicts<'a, F> {
    now: Timestamp,
    /// That told it; `None` if time did.
    ack: Option<&'a AckFrame<'a>>,
    lanes: &'a mut Lanes,
    armour: &'a mut Armour,
    rare: &'a mut Option<Box<Rare>>,
    fate: F,
    acked: Acked,
    newest: PacketNumber,
    any: bool,
    delivered: bool,
}

impl<F: FnMut(&Settled)> Verdicts<'_, F> {
    fn take(&mut self, packet: Settled, ranges: &mut dyn Iterator<Item = &SentRange>) {
        self.any = true;
        (self.fate)(&packet);
        match packet.verdict {
            Verdict::Arrived => {
                self.on_arrived(packet, ranges);
                if !packet.timed_out
                    && !packet.went_elsewhere()
                    && let Some(ack) = self.ack
                    && ack.latest == packet.number
                {
                    let since = self.now.since(packet.sent_at);
                    self.acked.rtt = ack.delay.map(|delay| since.saturating_sub(delay));
                }
            }
            Verdict::Late { was_lost } => {
                if was_lost && !packet.is_probe {
                    self.rare.get_or_insert_default().losses.undone += 1;
                    if !packet.went_elsewhere() {
                        self.acked.undone_packets += 1;
                        self.armour.on_undone();
                    }
                }
                self.on_arrived(packet, ranges);
            }
            Verdict::Lost => self.on_lost(packet, ranges),
        }
    }

    fn on_arrived(&mut self, packet: Settled, ranges: &mut dyn Iterator<Item = &SentRange>) {
        for sent in ranges {
            self.delivered = true;
            if let Some(lane) = self.lanes.get_mut(sent.lane.as_usize()) {
                lane.on_acked(sent.range.clone());
            }
        }
        if packet.went_elsewhere() {
            return;
        }
        if !packet.is_probe {
            self.armour.on_settled(true);
        }
        self.acked.packets += 1;
        self.acked.bytes += u64::from(packet.bytes);
        if packet.number >= self.newest {
            self.newest = packet.number;
            self.acked.newest = Some(Newest {
                sent_at: packet.sent_at,
                mark: packet.mark,
            });
        }
    }

    fn on_lost(&mut self, packet: Settled, ranges: &mut dyn Iterator<Item = &SentRange>) {
        if packet.is_probe {
            return;
        }
        if !packet.went_elsewhere() {
            self.armour.on_settled(false);
        }
        if packet.timed_out {
            return;
        }
        self.rare.get_or_insert_default().losses.packets += 1;
        self.acked.lost_packets += u64::from(!packet.went_elsewhere());
        for sent in ranges {
            if let Some(lost) = self.armour.on_lost(packet.number, sent)
                && let Some(lane) = self.lanes.get_mut(sent.lane.as_usize())
            {
                lane.on_lost(lost);
            }
        }
    }
}

/// What an ack meant for the connection.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct AckOutcome {
    /// A round-trip time, the peer's delay taken off.
    pub(crate) rtt: Option<Span>,
}

impl Sender {
    /// Takes in what packet `by` says that the peer has and lacks; `fate` hears of each packet what
    /// became of it.
    ///
    /// # Errors
    /// If the peer says that it has what there never was, which ends the connection.
    pub(crate) fn on_ack(
        &mut self,
        now: Timestamp,
        by: PacketNumber,
        ack: &AckFrame<'_>,
        fate: impl FnMut(&Settled),
    ) -> Result<AckOutcome, &'static str> {
        if self.is_lie(ack) {
            return Err("a packet is acknowledged that was never sent");
        }
        let bounds = self.missing_bounds();
        let acked = Acked::new(now, self.in_flight.bytes());
        let mut verdicts = Verdicts {
            now,
            ack: Some(ack),
            lanes: &mut self.lanes,
            armour: &mut self.armour,
            rare: &mut self.rare,
            fate,
            acked,
            newest: PacketNumber::default(),
            any: false,
            delivered: false,
        };
        self.in_flight
            .on_ack(now, by, ack, bounds, |packet, ranges| {
                verdicts.take(packet, ranges);
            });
        let (acked, any, delivered) = (verdicts.acked, verdicts.any, verdicts.delivered);
        self.armour.forget_acked(&self.lanes);
        self.controller.on_ack(&acked);
        self.expect_holes();
        self.reported = self.reported.max(ack.latest);
        if any {
            self.timeouts = 0;
            self.probe = false;
            self.last_ack_at = now;
        }
        if delivered {
            self.delivered_at = now;
        }
        if let Some(rtt) = acked.rtt {
            self.rtt.on_sample(rtt);
        }
        Ok(AckOutcome { rtt: acked.rtt })
    }

    /// Gives up packets that have been missing for long enough. `fate` hears of each.
    pub(crate) fn on_missing_timeout(&mut self, now: Timestamp, fate: impl FnMut(&Settled)) {
        if self.in_flight.missing_until().is_none_or(|at| at > now) {
            return;
        }
        let bounds = self.missing_bounds();
        let mut verdicts = Verdicts {
            now,
            ack: None,
            lanes: &mut self.lanes,
            armour: &mut self.armour,
            rare: &mut self.rare,
            fate,
            acked: Acked::new(now, self.in_flight.bytes()),
            newest: PacketNumber::default(),
            any: false,
            delivered: false,
        };
        self.in_flight.judge_missing(now, bounds, |packet, ranges| {
            verdicts.take(packet, ranges);
        });
        let acked = verdicts.acked;
        self.controller.on_ack(&acked);
    }

    /// Packets go another way from now on, of which nothing is known (RFC 9000, section 9.4): round trip, rate and
    /// window begin anew. What is under way may still arrive, and is sent again if it does not.
    pub(crate) fn leave_way(&mut self, now: Timestamp) {
        self.in_flight.leave_way();
        self.controller.leave_way(now);
        self.rtt = RttEstimator::default();
        self.timeouts = 0;
        self.probe = false;
        self.last_ack_at = now;
    }

    /// When packets that are missing, or that no ack speaks of, are taken for lost.
    pub(crate) fn loss_deadline(&self) -> Option<Timestamp> {
        let (missing, silence) = (self.in_flight.missing_until(), self.retransmit_at());
        missing.into_iter().chain(silence).min()
    }

    /// Packets below need no report any more; goes out with every packet.
    pub(super) fn first_wanted(&self) -> PacketNumber {
        self.in_flight.oldest_missing().unwrap_or(self.reported)
    }

    /// What was lost so far, and what was not.
    pub(crate) fn loss_stats(&self) -> LossStats {
        LossStats {
            reordering_window_us: self.in_flight.reordering_window().as_micros(),
            ..self.rare.as_deref().copied().unwrap_or_default().losses
        }
    }

    /// How long the peer may wait before it acknowledges reliable data.
    fn peer_ack_delay(&self) -> Span {
        match (self.peer_window, self.rtt.smoothed()) {
            (None, _) => GNS_ACK_DELAY,
            (Some(_), None) => acks::MAX_DELAY,
            (Some(_), Some(rtt)) => (rtt / 4).clamp(LEAST_ACK_DELAY, acks::MAX_DELAY),
        }
    }

    fn missing_bounds(&self) -> Bounds {
        Bounds {
            rtt: self.rtt.smoothed().unwrap_or(Span::ZERO),
            least_rtt: self.rtt.least().unwrap_or(Span::ZERO),
            is_gns: self.peer_window.is_none(),
        }
    }

    /// Sends the oldest reliable data again if its time is up, and returns how many times in a row that was so
    /// now; 0 if it is not. The ack for that tells what became of the rest.
    pub(crate) fn on_retransmit_timeout(&mut self, now: Timestamp) -> u32 {
        if self.retransmit_at().is_none_or(|at| at > now) {
            return 0;
        }
        let (lanes, armour) = (&mut self.lanes, &mut self.armour);
        self.in_flight.time_out_oldest(|sent| {
            armour.forget(sent);
            if let Some(lane) = lanes.get_mut(sent.lane.as_usize()) {
                lane.on_lost(sent.range.clone());
            }
        });
        self.timeouts = self.timeouts.saturating_add(1);
        self.rare.get_or_insert_default().losses.timeouts += 1;
        self.timed_out_at = now;
        self.probe = true;
        if self.timeouts > 1 {
            self.controller.on_silence(now);
        }
        self.timeouts
    }

    /// When the oldest unacknowledged packet is taken for lost.
    pub(crate) fn retransmit_at(&self) -> Option<Timestamp> {
        let sent_at = self.in_flight.oldest_reliable()?;
        let wait = self
            .rtt
            .retransmit_timeout(self.timeouts, self.peer_ack_delay());
        // Counted from the last ack where there was one since: a long queue is not a lost packet.
        let since = sent_at.max(self.last_ack_at);
        let probed = if self.timeouts > 0 {
            self.timed_out_at
        } else {
            since
        };
        Some(since.max(probed) + wait)
    }

    /// Bounds what is remembered for a peer that acknowledges nothing and keeps asking for acks.
    pub(super) fn forget_oldest_packet(&mut self) {
        if self.in_flight.len() > limits::MAX_TRACKED_PACKETS {
            let (lanes, armour) = (&mut self.lanes, &mut self.armour);
            self.in_flight.forget_oldest(|sent| {
                armour.forget(sent);
                if let Some(lane) = lanes.get_mut(sent.lane.as_usize()) {
                    lane.on_lost(sent.range.clone());
                }
            });
        }
    }
}
