//! Decides whether a packet goes out, builds it, and groups packets into runs.

use crate::connection::Connection;
use crate::connection::Input;
use crate::limits;
use crate::send::AckRequest;
use crate::send::PacketBuilder;
use crate::snp::ack_codec;
use crate::stats::Due;
use crate::stats::Which;
use crate::time::Timestamp;
use crate::transmit::Transmit;
use crate::transmit::TransmitBuf;
use crate::wire::data_header;
use crate::wire::pb;
use crate::wire::stats_blob::StatsFlags;
use crate::wire::stats_blob::UdpStats;

/// Why a packet goes out.
#[derive(Clone, Copy, Debug)]
struct Plan {
    /// Message data may go.
    data: bool,
    flags: StatsFlags,
    stats: Option<Which>,
}

impl Connection {
    /// The next run of packets to send, appended to `buf`; `None` when there is nothing more to send
    /// now. All packets of a run but the last have the same size.
    pub fn poll_transmit(&mut self, now: Timestamp, buf: &mut TransmitBuf) -> Option<Transmit> {
        let max_datagrams = buf.max_datagrams();
        self.note(now, &Input::Transmit { max_datagrams });
        let now = self.now;
        let start = buf.len();
        if let Some(packet) = self.outbox.control.pop_front() {
            buf.bytes_mut().extend_from_slice(&packet);
            return Some(self.run(start, packet.len(), packet.len()));
        }
        if !self.state.is_active() || !self.path.is_usable() {
            return None;
        }
        let mut segment = 0;
        for _ in 0..max_datagrams {
            let Some(len) = self.next_packet(now, buf) else {
                break;
            };
            if segment == 0 {
                segment = len;
            }
            // A shorter packet ends the run, and nothing longer than the first may follow it.
            if len < segment || segment < self.path.full_packet() {
                break;
            }
        }
        self.finish_linger(now);
        self.tell_writable();
        (segment > 0).then(|| self.run(start, buf.len() - start, segment))
    }

    fn run(&self, start: usize, len: usize, segment_size: usize) -> Transmit {
        Transmit {
            path: self.path.id(),
            start,
            len,
            segment_size,
            ecn: None,
        }
    }

    /// Appends one packet and returns its size, if there is a reason for one.
    fn next_packet(&mut self, now: Timestamp, buf: &mut TransmitBuf) -> Option<usize> {
        let plan = self.plan(now)?;
        self.build(now, plan, buf)
    }

    fn plan(&mut self, now: Timestamp) -> Option<Plan> {
        let room = self.plaintext_room(0);
        let data = self.sender.wants_to_send(now, room);
        let alive = self.liveness.wants_packet(now);
        let stats = self.telemetry.exchange.due(now, &self.telemetry.link);
        let ack = self.receiver.acks.due().is_some_and(|at| at <= now);
        let forced = matches!(stats, Due::Standalone(_));
        if !data && alive.is_none() && !ack && !forced {
            return None;
        }
        let mut flags = alive.unwrap_or(StatsFlags::NONE);
        if data {
            flags = flags | self.ack_request_flags();
        }
        if self.liveness.wants_ping(now, self.telemetry.ping.last_sample_at()) {
            flags = flags | StatsFlags::ACK_REQUEST;
        }
        let stats = match stats {
            Due::None => None,
            Due::IfSending(which) | Due::Standalone(which) => Some(which),
        };
        Some(Plan { data, flags, stats })
    }

    fn ack_request_flags(&self) -> StatsFlags {
        match self.sender.ack_request() {
            None => StatsFlags::NONE,
            Some(AckRequest::Delayed) => StatsFlags::ACK_REQUEST,
            Some(AckRequest::Immediate) => {
                StatsFlags::ACK_REQUEST | StatsFlags::ACK_REQUEST_IMMEDIATE
            }
        }
    }

    fn build(&mut self, now: Timestamp, plan: Plan, buf: &mut TransmitBuf) -> Option<usize> {
        let keys = self.keys.as_ref()?;
        let (to, number) = (self.peer.id?, self.sender.next_number());
        let stats = self.stats_blob(now, plan);
        let overhead = keys.send.overhead();
        let out = buf.bytes_mut();
        let start = out.len();
        let mut blob = BlobBuf::default();
        let blob = stats.map(|stats| blob.encode(&stats));
        data_header::write(out, to, number.to_wire(), blob, None);
        let body = out.len();
        let budget = self
            .path
            .full_packet()
            .max(body - start + limits::AEAD_TAG + 64)
            .min(self.path.mtu_bytes())
            .saturating_sub(body - start + overhead);
        let mut builder = PacketBuilder::new(out, number, budget);
        builder.stop_waiting(&self.sender);
        self.receiver_acks(now, &mut builder);
        if plan.data {
            builder.messages(&mut self.sender);
        }
        let built = builder.finish();
        keys_seal(&self.keys, number, buf, body);
        let len = buf.len() - start;
        self.book(now, plan, stats.is_some(), built, len);
        Some(len)
    }
}
