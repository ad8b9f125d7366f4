//! Decides whether a packet goes out, builds it, and groups packets into runs.

use alloc::boxed::Box;

use crate::connection::Connection;
use crate::connection::Input;
use crate::end_reason::EndReason;
use crate::extensions::Extension;
use crate::ids::PacketNumber;
use crate::limits;
use crate::send::AckRequest;
use crate::send::Built;
use crate::send::PacketBuilder;
use crate::snp::ack_codec;
use crate::snp::window;
use crate::stats::Due;
use crate::stats::Report;
use crate::stats::time_since_previous_to_wire;
use crate::time::Timestamp;
use crate::transmit::Transmit;
use crate::transmit::TransmitBuf;
use crate::wire::data_header;
use crate::wire::stats_blob::StatsFlags;
use crate::wire::stats_blob::UdpStats;

/// Room for an ack frame that a packet must have to carry one.
const MIN_ACK_ROOM: usize = 16;
/// Room that statistics leave: their length, stop-waiting, an ack, and the tag.
const MIN_BODY: usize = 2 + 9 + 2 * MIN_ACK_ROOM + limits::AEAD_TAG;

/// Peers understand the time since the previous packet from this protocol version on (wire.md 2.6).
const TIME_SINCE_PREVIOUS_SINCE: u32 = 12;

/// Why a packet goes out.
#[derive(Clone, Copy, Debug)]
struct Plan {
    /// Message data may go.
    data: bool,
    /// It goes for nothing but copies of data that was sent before.
    copies_alone: bool,
    flags: StatsFlags,
    report: Option<Report>,
}

impl Plan {
    /// The same without asking anything, if it asks for something that can wait.
    fn unasking(self) -> Option<Self> {
        let flags = StatsFlags::NONE;
        let can_wait = self.data && self.report.is_none() && self.flags != flags;
        can_wait.then_some(Self { flags, ..self })
    }
}

impl Connection {
    /// The next run of packets to send, appended to `buf`; `None` when there is nothing more to send
    /// now. All packets of a run but the last have the same size.
    pub fn poll_transmit(&mut self, now: Timestamp, buf: &mut TransmitBuf) -> Option<Transmit> {
        let max_datagrams = buf.max_datagrams();
        self.note(now, &Input::Transmit { max_datagrams });
        let transmit = self.next_run(self.now, max_datagrams, buf)?;
        self.note_sent(&transmit, buf);
        Some(transmit)
    }

    /// Whether a full packet waits to be sent. A message that is added then changes neither when the next
    /// packet leaves nor any other deadline, if it has none of its own.
    pub fn is_backlogged(&self) -> bool {
        self.pipe.is_none()
            && self.keys.is_some()
            && self.state.is_active()
            && self.sender.is_backlogged(self.plaintext_room())
    }

    fn next_run(
        &mut self,
        now: Timestamp,
        max_datagrams: usize,
        buf: &mut TransmitBuf,
    ) -> Option<Transmit> {
        let start = buf.len();
        while let Some(packet) = self.outbox.pop_control() {
            if !self.path.is_usable() {
                // Whoever it was for cannot be reached, and whatever made it comes again.
                continue;
            }
            buf.bytes_mut().extend_from_slice(&packet);
            return Some(self.run(start, packet.len(), packet.len()));
        }
        if let Some(transmit) = self.next_check(buf) {
            return Some(transmit);
        }
        if let Some(transmit) = self.next_transport_probe(now, buf) {
            return Some(transmit);
        }
        let flows = self.state.is_active() || self.is_finding_route();
        if !flows || !self.path.is_usable() || self.pipe.is_some() {
            return None;
        }
        if let Some(transmit) = self.next_probe(now, buf) {
            return Some(transmit);
        }
        let sender = &self.sender;
        self.path.fit_to_rate(|| sender.affordable_bytes());
        let full = self.path.full_packet();
        let (mut segment, mut max_len) = (0, full);
        for _ in 0..max_datagrams.min(limits::MAX_RUN_BYTES / full) {
            let Some(plan) = self.plan(now) else { break };
            if segment == 0 && plan.data && self.is_backlogged() {
                self.sender.skip_number(now);
            }
            let len = self.build(now, plan, max_len, buf);
            // A question that makes the packet too long for this run can be asked in the next, if there
            // will be one.
            let can_wait = segment > 0 && !self.sender.must_ask(full);
            let len = match plan.unasking().filter(|_| can_wait) {
                Some(plan) => len.or_else(|| self.build(now, plan, max_len, buf)),
                None => len,
            };
            let Some(len) = len else { break };
            if segment == 0 {
                segment = len;
                max_len = len.min(full);
            }
            // A shorter packet ends the run. Nothing longer than the first may follow it, so that a short
            // one is better sent alone.
            if len < segment || segment < full / 4 * 3 {
                break;
            }
        }
        self.tell_writable();
        (segment > 0).then(|| self.run(start, buf.len() - start, segment))
    }

    pub(crate) fn run(&self, start: usize, len: usize, segment_size: usize) -> Transmit {
        Transmit {
            path: self.path.id(),
            via: self.party.as_ref().and_then(|party| party.way.via()),
            start,
            len,
            segment_size,
            ecn: None,
            is_probe: false,
        }
    }

    fn plan(&mut self, now: Timestamp) -> Option<Plan> {
        let data = self.state.is_active() && self.sender.wants_to_send(now, self.plaintext_room());
        let alive = self.liveness.wants_packet(now);
        let stats = self.telemetry.exchange.due(now, &self.telemetry.link);
        let ack = self.receiver.acks.due().is_some_and(|at| at <= now);
        let (report, forced) = match stats {
            Due::None => (None, false),
            Due::IfSending(report) => (Some(report), false),
            Due::Standalone(report) => (Some(report), true),
        };
        let copies_alone = !data && alive.is_none() && !ack && !forced;
        if copies_alone && self.sender.rides_alone_at().is_none_or(|at| at > now) {
            return None;
        }
        let mut flags = alive.unwrap_or(StatsFlags::NONE);
        if data {
            flags = flags | self.ack_request_flags(now);
        }
        if self
            .liveness
            .wants_ping(now, self.telemetry.ping.last_sample_at())
        {
            flags = flags | StatsFlags::ACK_REQUEST;
        }
        if self.receiver.asks_about_window() {
            flags = flags | StatsFlags::ACK_REQUEST;
        }
        Some(Plan {
            data,
            copies_alone,
            flags,
            report,
        })
    }

    fn ack_request_flags(&mut self, now: Timestamp) -> StatsFlags {
        match self.sender.ack_request(now, self.path.full_packet()) {
            None => StatsFlags::NONE,
            Some(AckRequest::Delayed) => StatsFlags::ACK_REQUEST,
            Some(AckRequest::Immediate) => {
                StatsFlags::ACK_REQUEST | StatsFlags::ACK_REQUEST_IMMEDIATE
            }
        }
    }

    /// Appends a packet of at most `max_len` bytes and returns its size; `None` if nothing that it was
    /// planned for had room.
    fn build(
        &mut self,
        now: Timestamp,
        plan: Plan,
        max_len: usize,
        buf: &mut TransmitBuf,
    ) -> Option<usize> {
        let (to, number) = (self.peer.id?, self.sender.next_number());
        let (overhead, key_phase) = self.prepare_keys(now, number)?;
        let time = self.time_since_previous(now);
        let stats = self.stats(now, plan, time.is_some());
        let out = buf.bytes_mut();
        let start = out.len();
        data_header::write_with_stats(out, to, number.to_wire(), &stats, time);
        data_header::set_key_phase(out.get_mut(start..)?, key_phase);
        let body = out.len();
        let whole = self.budget(body - start, overhead);
        let budget = whole.min(max_len.saturating_sub(body - start + overhead));
        let mut builder = PacketBuilder::new(out, number, budget).among_larger(whole);
        builder.stop_waiting(&self.sender);
        let window = self.receiver.window_to_tell();
        if let Some(bytes) = window {
            window::write_window(builder.writer(), bytes);
        }
        // What the peer does not wait for would make this packet differ from those behind it, whose
        // messages are not split.
        let acks_last =
            plan.data && self.receiver.acks.due().is_none() && self.sender.has_unsent_unreliable();
        let mut acked = None;
        if !acks_last {
            acked = self.write_ack(now, plan, &mut builder);
        }
        if plan.data {
            builder.messages(&mut self.sender);
        }
        if acks_last && !self.is_backlogged() {
            acked = self.write_ack(now, plan, &mut builder);
        }
        builder.copies(now, &mut self.sender);
        let built = builder.finish();
        // Data that goes only into a larger packet takes the rest along.
        let is_too_small = plan.data && budget < whole;
        if !built.has_data && (is_too_small || acked.is_none() && stats == UdpStats::default()) {
            buf.bytes_mut().truncate(start);
            return None;
        }
        if let Some(latest) = acked {
            self.receiver.acks.on_reported(now, latest);
        }
        if let Some(bytes) = window {
            let srtt = self.sender.smoothed_rtt();
            self.receiver.window_leaves_in(now, number, bytes, srtt);
        }
        let keys = self.keys.as_mut()?;
        let bytes = buf.bytes_mut();
        let packet = bytes.get(start..).unwrap_or_default();
        self.recorder.saw_plaintext(number, packet, body - start);
        keys.seal(number, bytes, start, body);
        let len = buf.len() - start;
        self.book(now, plan, built, len);
        Some(len)
    }

    /// Sees to it that there is a key for packet `number`; returns how many bytes it adds, and its phase.
    pub(super) fn prepare_keys(
        &mut self,
        now: Timestamp,
        number: PacketNumber,
    ) -> Option<(usize, bool)> {
        let (crypto, key_limits) = (&self.host.crypto, &self.host.key_limits);
        let keys = self.keys.as_mut()?;
        if keys.renew(now, number, crypto, key_limits) {
            tracing::debug!(id = %self.id, epoch = keys.send.epoch().get(), "key replaced");
        }
        let prepared = (keys.send.overhead(), keys.phase());
        if keys.is_worn_out(number) {
            let text = "The peer did not confirm the key, which may seal no more packets";
            self.fail(now, EndReason::MISC_INTERNAL_ERROR, text);
            return None;
        }
        Some(prepared)
    }

    /// What the header says of the time since the last packet, if it shall: for the peer's measurement of
    /// jitter.
    fn time_since_previous(&self, now: Timestamp) -> Option<u16> {
        if !self.config.sends_time_since_previous_packet()
            || self.peer.version < TIME_SINCE_PREVIOUS_SINCE
        {
            return None;
        }
        let previous = self.telemetry.last_sent?;
        time_since_previous_to_wire(now.since(previous))
    }

    fn stats(&self, now: Timestamp, plan: Plan, with_time: bool) -> UdpStats {
        let request = UdpStats::request(plan.flags);
        let Some(report) = plan.report else {
            return request;
        };
        let ping = self.telemetry.ping.smoothed_ms();
        let room = self.path.full_packet() - data_header::encoded_len(None, with_time) - MIN_BODY;
        for report in [report, Report::Instantaneous] {
            let stats = UdpStats {
                quality: Some(Box::new(self.telemetry.link.message(now, report, ping))),
                flags: plan.flags,
            };
            if stats.encoded_len() <= room {
                return stats;
            }
        }
        // The path is too narrow for them. That it was tried is acknowledged all the same.
        UdpStats::request(plan.flags | StatsFlags::ACK_REQUEST)
    }

    /// Plaintext bytes of a packet with a header of this size.
    fn budget(&self, header: usize, overhead: usize) -> usize {
        self.path.full_packet().saturating_sub(header + overhead)
    }

    /// Plaintext bytes of a full packet: with so many waiting there is no reason to wait for more.
    pub(super) fn plaintext_room(&self) -> usize {
        let overhead = self.keys.as_ref().map_or(0, |keys| keys.send.overhead());
        self.budget(limits::DATA_HEADER, overhead)
    }

    /// Stage: what was received. Returns the latest packet that it tells of, if there was something to tell,
    /// and room for it.
    fn write_ack(
        &mut self,
        now: Timestamp,
        plan: Plan,
        builder: &mut PacketBuilder<'_>,
    ) -> Option<PacketNumber> {
        let splits = self.peer.extensions.contains(Extension::ReceiveWindow);
        let acks = &mut self.receiver.acks;
        let (mut told, mut max_blocks) = (None, limits::MAX_ACK_BLOCKS);
        if !acks.has_news(now) {
            return None;
        }
        loop {
            // Data has a right to half of the packet.
            let room = builder.writer().room() / if plan.data { 2 } else { 1 };
            if room < MIN_ACK_ROOM {
                return told;
            }
            let report = acks.report(now, max_blocks, told);
            if ack_codec::ack_len(report.blocks) > room {
                max_blocks = report.blocks.len() / 2;
                continue;
            }
            let latest = report.latest;
            builder.writer().ack(latest, report.delay, report.blocks);
            let goes_on = splits && !report.is_whole && told < Some(latest);
            told = Some(latest);
            if !goes_on {
                return told;
            }
            max_blocks = limits::MAX_ACK_BLOCKS;
        }
    }

    /// Notes everywhere that the packet left.
    fn book(&mut self, now: Timestamp, plan: Plan, built: Built, len: usize) {
        let number = self.sender.next_number();
        let asked = plan.flags.contains(StatsFlags::ACK_REQUEST) || plan.report.is_some();
        self.sender.on_packet_sent(now, len, built.ranges, asked);
        if built.outranked {
            self.sender.on_outranked(now);
        }
        if plan.copies_alone && built.ranges > 0 {
            self.sender.on_extra_packet();
        }
        self.telemetry.link.sent(now, 1, len);
        self.telemetry.last_sent = Some(now);
        if let Some(report) = plan.report {
            let telemetry = &mut self.telemetry;
            telemetry.exchange.sent(&telemetry.link, report, number);
        }
        self.liveness.on_sent(now, asked);
        if asked || built.ranges > 0 {
            let at_once = plan.flags.contains(StatsFlags::ACK_REQUEST_IMMEDIATE);
            let worst_ping = self.telemetry.ping.worst_recent_ms();
            self.liveness.expect_reply(now, worst_ping, !at_once);
        }
    }
}
