//! What becomes of packets.

use crate::ids::PacketNumber;
use crate::limits;
use crate::rate::Acked;
use crate::rate::Newest;
use crate::send::Sender;
use crate::snp::ack_codec::AckFrame;
use crate::time::Span;
use crate::time::Timestamp;

/// What an ack meant for the connection.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct AckOutcome {
    /// A round-trip time, the peer's delay taken off.
    pub(crate) rtt: Option<Span>,
}

impl Sender {
    /// Takes in what the peer has and lacks; `fate` hears of each packet whether it arrived.
    pub(crate) fn on_ack(
        &mut self,
        now: Timestamp,
        ack: &AckFrame<'_>,
        mut fate: impl FnMut(PacketNumber, bool),
    ) -> AckOutcome {
        let mut outcome = AckOutcome::default();
        let mut acked = Acked::new(now, self.in_flight.bytes());
        let mut newest = PacketNumber::default();
        let (lanes, armour) = (&mut self.lanes, &mut self.armour);
        let (mut any, mut delivered) = (false, false);
        self.in_flight.on_ack(ack, |packet, ranges| {
            any = true;
            fate(packet.number, packet.acked);
            armour.on_settled(packet.acked);
            if packet.acked {
                for sent in ranges {
                    delivered = true;
                    if let Some(lane) = lanes.get_mut(sent.lane.as_usize()) {
                        lane.on_acked(sent.range.clone());
                    }
                }
                if packet.number == ack.latest && !packet.timed_out {
                    acked.rtt = ack
                        .delay
                        .map(|delay| now.since(packet.sent_at).saturating_sub(delay));
                }
                acked.packets += 1;
                acked.bytes += u64::from(packet.bytes);
                if packet.number >= newest {
                    newest = packet.number;
                    acked.newest = Some(Newest {
                        sent_at: packet.sent_at,
                        mark: packet.mark,
                    });
                }
            } else if !packet.timed_out {
                acked.lost_packets += 1;
                for sent in ranges {
                    if let Some(lost) = armour.on_lost(packet.number, sent)
                        && let Some(lane) = lanes.get_mut(sent.lane.as_usize())
                    {
                        lane.on_lost(lost);
                    }
                }
            }
        });
        self.armour.forget_acked(&self.lanes);
        self.controller.on_ack(&acked);
        self.expect_holes();
        outcome.rtt = acked.rtt;
        self.first_wanted = self.first_wanted.max(ack.latest);
        if any {
            self.timeouts = 0;
            self.probe = false;
            self.last_ack_at = now;
        }
        if delivered {
            self.delivered_at = now;
        }
        if let Some(rtt) = outcome.rtt {
            self.rtt.on_sample(rtt);
        }
        outcome
    }

    /// Sends the oldest reliable data again if its time is up. The ack for that tells what became of the
    /// rest.
    pub(crate) fn on_retransmit_timeout(&mut self, now: Timestamp) {
        if self.retransmit_at().is_none_or(|at| at > now) {
            return;
        }
        let (lanes, armour) = (&mut self.lanes, &mut self.armour);
        self.in_flight.time_out_oldest(|sent| {
            armour.forget(sent);
            if let Some(lane) = lanes.get_mut(sent.lane.as_usize()) {
                lane.on_lost(sent.range.clone());
            }
        });
        self.timeouts = self.timeouts.saturating_add(1);
        self.timed_out_at = now;
        self.probe = true;
        if self.timeouts > 1 {
            self.controller.on_silence(now);
        }
    }

    /// When the oldest unacknowledged packet is taken for lost.
    pub(crate) fn retransmit_at(&self) -> Option<Timestamp> {
        let sent_at = self.in_flight.oldest_reliable()?;
        let wait = self.rtt.retransmit_timeout(self.timeouts);
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
