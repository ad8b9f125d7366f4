//! Sends packets that ask whether the path takes their size (`path/mtu.rs` says when and which). Those that ask after
//! another transport are built here, too.

use crate::connection::Connection;
use crate::send::PacketBuilder;
use crate::snp::padding;
use crate::time::Timestamp;
use crate::transmit::Transmit;
use crate::transmit::TransmitBuf;
use crate::wire::data_header;
use crate::wire::stats_blob::StatsFlags;
use crate::wire::stats_blob::UdpStats;

/// Room for a question alone: header, flags, stop-waiting and tag.
const BARE_BYTES: usize = 64;

impl Connection {
    /// A probe of the path, if one is wanted and a data packet might go, too: packets larger than usual pay
    /// only while there is much to send, and a probe is paced like data.
    pub(super) fn next_probe(&mut self, now: Timestamp, buf: &mut TransmitBuf) -> Option<Transmit> {
        let is_reduced = self.path.is_reduced();
        let may_go = if is_reduced {
            self.sender.may_probe(now)
        } else {
            let room = self.plaintext_room();
            self.sender.wants_probe(now, room)
        };
        if !may_go {
            return None;
        }
        let size = self.path.wanted_probe(now)?;
        // No larger than packets usually are, it delays nobody.
        if !is_reduced && self.sender.affordable_bytes() < size {
            return None;
        }
        let start = buf.len();
        let number = self.sender.next_number();
        let len = self.build_probe(now, Some(size), StatsFlags::NONE, buf)?;
        self.path.on_probe_sent(now, number);
        self.sender.on_probe_sent(now, len);
        let mut transmit = self.run(start, len, len);
        // What GNS sends may be cut into fragments, as ever.
        transmit.is_probe = !is_reduced;
        Some(transmit)
    }

    /// Appends a packet with nothing in it that would be missed, filled up to `size` bytes for a peer that knows how to
    /// read that. It asks for an ack; `more` goes with that.
    pub(crate) fn build_probe(
        &mut self,
        now: Timestamp,
        size: Option<usize>,
        more: StatsFlags,
        buf: &mut TransmitBuf,
    ) -> Option<usize> {
        let (to, number) = (self.peer.id?, self.sender.next_number());
        let (overhead, key_phase) = self.prepare_keys(now, number)?;
        let bytes = buf.bytes_mut();
        let start = bytes.len();
        let flags = StatsFlags::ACK_REQUEST | StatsFlags::ACK_REQUEST_IMMEDIATE | more;
        let stats = UdpStats::request(flags);
        data_header::write_with_stats(bytes, to, number.to_wire(), &stats, None);
        data_header::set_key_phase(bytes.get_mut(start..)?, key_phase);
        let body = bytes.len();
        let budget = size.unwrap_or(BARE_BYTES);
        let budget = budget.saturating_sub(body - start + overhead);
        let mut builder = PacketBuilder::new(bytes, number, budget);
        builder.stop_waiting(&self.sender);
        if size.is_some() {
            padding::write_padding(builder.writer());
        }
        builder.finish();
        let keys = self.keys.as_mut()?;
        let packet = bytes.get(start..).unwrap_or_default();
        self.recorder.saw_plaintext(number, packet, body - start);
        keys.seal(number, bytes, start, body);
        let len = bytes.len() - start;
        self.telemetry.link.sent(now, 1, len);
        self.telemetry.last_sent = Some(now);
        // Whether the peer is alive is asked by packets that are sure to fit.
        self.liveness.on_sent(now, false);
        Some(len)
    }
}
