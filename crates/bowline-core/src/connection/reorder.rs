//! Puts packets back into the order in which they were sent ([`crate::recv::Reorder`]).

use crate::connection::Connection;
use crate::connection::receive::Opened;
use crate::counters::DropReason;
use crate::ids::PacketNumber;
use crate::ids::WirePacketNumber;
use crate::recv::HeldPacket;
use crate::time::Timestamp;
use crate::wire::data_header::DataHeader;
use crate::wire::stats_blob::UdpStats;

impl Connection {
    /// The full number of a packet that may be new.
    pub(super) fn check_number(&self, seq: WirePacketNumber) -> Result<PacketNumber, DropReason> {
        let number = self.receiver.replay.check(seq)?;
        if self.receiver.reorder.contains(number) {
            return Err(DropReason::DuplicatePacket);
        }
        Ok(number)
    }

    /// Keeps a decrypted packet if one before it is missing and may still come. `data` is its header and
    /// plaintext.
    pub(super) fn hold_back(
        &mut self,
        now: Timestamp,
        number: PacketNumber,
        data: &[u8],
        payload_at: usize,
        wire_len: usize,
    ) -> bool {
        let highest = self.receiver.replay.highest();
        if number <= highest.next() {
            return false;
        }
        if !self.receiver.reorder.wants(highest, number) {
            // What waits is older than this one and may not come after it.
            self.release_all(now);
            return false;
        }
        self.receiver.reorder.hold(HeldPacket {
            number,
            arrived: now,
            bytes: data.into(),
            payload_at,
            wire_len,
        });
        true
    }

    /// Takes in the packets whose turn it is, and those that have waited long enough.
    #[inline]
    pub(super) fn release_in_order(&mut self, now: Timestamp) {
        while let Some(held) = self
            .receiver
            .reorder
            .next(now, self.receiver.replay.highest())
        {
            self.take_held(now, &held);
        }
    }

    /// Takes in all packets that wait.
    pub(super) fn release_all(&mut self, now: Timestamp) {
        while let Some(held) = self.receiver.reorder.pop() {
            self.take_held(now, &held);
        }
    }

    fn take_held(&mut self, now: Timestamp, held: &HeldPacket) {
        if !self.state.is_active() {
            return;
        }
        let taken = self
            .reopen(held)
            .and_then(|packet| self.take_packet(now, &packet));
        if let Err(reason) = taken {
            tracing::trace!(id = %self.id, %reason, "held packet dropped");
            self.telemetry.drops.count(reason);
        }
    }

    fn reopen<'a>(&self, held: &'a HeldPacket) -> Result<Opened<'a>, DropReason> {
        let (header, _) = DataHeader::parse(&held.bytes)?;
        Ok(Opened {
            number: held.number,
            arrived: held.arrived,
            stats: header.stats.map(UdpStats::parse).transpose()?,
            time_since_prev_16us: header.time_since_prev_16us,
            wire_len: held.wire_len,
            plaintext: held.bytes.get(held.payload_at..).unwrap_or_default(),
        })
    }
}
