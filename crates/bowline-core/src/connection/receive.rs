//! Takes packets in: one match over packet kinds, one over frames.

use crate::connection::Connection;
use crate::connection::State;
use crate::counters::DropReason;
use crate::crypto::replay::Arrival;
use crate::debug::log_verbose;
use crate::end_reason::EndReason;
use crate::event::ToEndpoint;
use crate::extensions::Extension;
use crate::ids::LaneIndex;
use crate::ids::MessageNumber;
use crate::ids::PacketNumber;
use crate::ids::StreamPos;
use crate::ids::WirePacketNumber;
use crate::limits;
use crate::recv::Expansion;
use crate::recv::Refusal;
use crate::snp::ack_codec::AckFrame;
use crate::snp::decode::Decoder;
use crate::snp::frame::Frame;
use crate::snp::frame::FrameError;
use crate::stats::Sequence;
use crate::time::Span;
use crate::time::Timestamp;
use crate::transmit::DatagramMeta;
use crate::transmit::Via;
use crate::wire::data_header::DataHeader;
use crate::wire::stats_blob::StatsFlags;
use crate::wire::stats_blob::UdpStats;
use crate::wire::udp;
use crate::wire::udp::UdpPacket;

/// A refused packet is not acknowledged; acks that are owed for others follow after this time.
const REFUSED_ACK_DELAY: Span = Span::from_millis(25);

/// A decrypted packet.
pub(super) struct Opened<'a> {
    pub(super) number: PacketNumber,
    pub(super) arrived: Timestamp,
    pub(super) stats: Option<UdpStats>,
    pub(super) time_since_prev_16us: Option<u16>,
    /// Its bytes on the wire.
    pub(super) wire_len: usize,
    pub(super) plaintext: &'a [u8],
}

/// What became of the frames of a packet.
enum Outcome {
    /// All taken: the packet counts as received.
    Taken { reliable: bool },
    /// Something was refused: the packet counts as not received, so that it is sent again.
    NotRecorded,
}

impl Connection {
    pub(super) fn on_datagram(&mut self, now: Timestamp, meta: &DatagramMeta, data: &mut [u8]) {
        debug_assert_eq!(meta.path, self.path.id(), "there is one path");
        let was_idle = self.state.is_active() && self.liveness.is_idle(now);
        if let Err(reason) = self.take_datagram(now, meta.via, data) {
            tracing::trace!(id = %self.id, %reason, "datagram dropped");
            self.recorder.saw_drop(reason);
            self.telemetry.drops.count(reason);
        }
        if was_idle && !self.liveness.is_idle(now) {
            // A keepalive of the peer's, it may be, which spares us ours: then no timer of our own comes for long.
            self.rest(now);
        }
        // What comes late, or pretends to, leaves no expanded keys behind.
        if !self.state.is_active()
            && let Some(keys) = &mut self.keys
        {
            keys.rest(now, &self.host.crypto);
        }
    }

    fn take_datagram(
        &mut self,
        now: Timestamp,
        via: Option<Via>,
        data: &mut [u8],
    ) -> Result<(), DropReason> {
        if !self.is_for_connection(now, via, data)? {
            return Ok(());
        }
        let longest = match self.peer.extensions.contains(Extension::PathMtu) {
            true => limits::MAX_GROWN_DATAGRAM,
            false => limits::MAX_DATAGRAM,
        };
        if data.len() > longest {
            return Err(DropReason::TooLong);
        }
        match udp::parse(data)? {
            UdpPacket::Data(_) => self.on_data(now, via, data),
            UdpPacket::ChallengeRequest(packet) => {
                self.on_repeated_request(now, packet.connection_id)
            }
            UdpPacket::ConnectRequest(packet) => {
                self.on_repeated_request(now, packet.client_connection_id)
            }
            UdpPacket::ChallengeReply(packet) => self.on_challenge_reply(now, packet),
            UdpPacket::ConnectOk(packet) => self.on_connect_ok(now, &packet),
            UdpPacket::ConnectionClosed(packet) => {
                self.release_all(now);
                self.on_connection_closed(now, packet)
            }
            UdpPacket::NoConnection(packet) => {
                self.release_all(now);
                self.on_no_connection(now, packet)
            }
        }
    }

    fn on_data(
        &mut self,
        now: Timestamp,
        via: Option<Via>,
        data: &mut [u8],
    ) -> Result<(), DropReason> {
        let len = data.len();
        let (header, payload_at) = DataHeader::parse(data)?;
        if header.to != self.id {
            return Err(DropReason::UnknownConnection);
        }
        let active = self.state.is_active() || self.is_finding_route();
        if !active && !self.seals_closes() {
            self.answer_closed();
            return Err(DropReason::WrongState);
        }
        let stats = header.stats.map(UdpStats::parse).transpose()?;
        let time_since_prev_16us = header.time_since_prev_16us;
        let (seq, key_phase) = (header.seq, header.key_phase);
        let payload = data.get_mut(payload_at..).unwrap_or_default();
        let (number, plaintext) = self.open(now, seq, key_phase, payload, len)?;
        let end = payload_at + plaintext.len();
        if self.receiver.replay.is_fatal_jump(number) {
            self.fail(now, EndReason::MISC_GENERIC, "Packet number jumped too far");
            return Err(DropReason::BadPacketNumber);
        }
        if active {
            let flags = stats.as_ref().map_or(StatsFlags::NONE, |stats| stats.flags);
            let is_chosen = !flags.contains(StatsFlags::NOT_PRIMARY_TRANSPORT);
            self.on_way_confirmed(now, via, is_chosen);
        }
        self.liveness.on_received(now);
        self.peer.has_keys = true;
        if self.forget_answer() {
            tracing::trace!(id = %self.id, "the peer has our ConnectOK");
        }
        let opened = data.get(..end).unwrap_or_default();
        if active && self.hold_back(now, number, opened, payload_at, len) {
            return Ok(());
        }
        let packet = Opened {
            number,
            arrived: now,
            stats,
            time_since_prev_16us,
            wire_len: len,
            plaintext: opened.get(payload_at..).unwrap_or_default(),
        };
        let taken = self.take_packet(now, &packet);
        self.release_in_order(now);
        taken
    }

    /// Takes in a packet that has been decrypted and whose turn it is.
    pub(super) fn take_packet(
        &mut self,
        now: Timestamp,
        packet: &Opened<'_>,
    ) -> Result<(), DropReason> {
        let (number, arrived) = (packet.number, packet.arrived);
        // Marked whatever becomes of its frames: a packet that is refused in part must not have the
        // rest taken again. Whether it counts as received is for the acks alone to say.
        let sequence = match self.receiver.replay.mark(number) {
            Arrival::Next => Sequence::Next,
            Arrival::Ahead { skipped } => Sequence::Ahead { skipped },
            Arrival::Late => Sequence::Late,
        };
        if !matches!(sequence, Sequence::Next) {
            log_verbose!(self, PacketGaps "bowline::packet_gaps", packet = number.get(), ?sequence, "gap");
        }
        let size = packet.plaintext.len();
        log_verbose!(self, PacketDecode "bowline::packet_decode", packet = number.get(), size, "packet");
        if !self.state.is_active() {
            return self.on_late_packet(now, number, packet.plaintext);
        }
        let outcome = self.take_frames(now, number, packet.plaintext)?;
        let time = packet.time_since_prev_16us;
        let link = &mut self.telemetry.link;
        link.received(arrived, packet.wire_len, sequence, time);
        match outcome {
            Outcome::Taken { reliable } => {
                self.receiver.acks.on_received(arrived, number);
                if reliable {
                    let srtt = self.sender.smoothed_rtt();
                    self.receiver.acks.owe_for_data(arrived, srtt);
                }
            }
            Outcome::NotRecorded => self.receiver.acks.owe(now + REFUSED_ACK_DELAY),
        }
        if let Some(stats) = &packet.stats {
            self.on_stats(now, stats);
        }
        self.finish_linger(now);
        Ok(())
    }

    /// The full number and the plaintext of a packet that is new and authentic.
    fn open<'a>(
        &mut self,
        now: Timestamp,
        seq: WirePacketNumber,
        key_phase: bool,
        payload: &'a mut [u8],
        len: usize,
    ) -> Result<(PacketNumber, &'a [u8]), DropReason> {
        let number = self.check_number(seq).inspect_err(|_| {
            self.telemetry.link.duplicate(now, len);
        })?;
        let keys = self.keys.as_mut().ok_or(DropReason::WrongState)?;
        if let Ok(plaintext) = keys.open(now, number, key_phase, payload, &self.host.crypto) {
            self.recorder.saw_opened(number);
            return Ok((number, plaintext));
        }
        self.telemetry.link.undecodable(len);
        let failed = self.telemetry.drops.of(DropReason::DecryptFailed) + 1;
        if self.host.key_limits.is_broken(failed) {
            let text = "More forged packets than the keys stand";
            self.fail(now, EndReason::MISC_GENERIC, text);
        }
        Err(DropReason::DecryptFailed)
    }

    fn take_frames(
        &mut self,
        now: Timestamp,
        number: PacketNumber,
        plaintext: &[u8],
    ) -> Result<Outcome, DropReason> {
        let mut decoder = Decoder::new(plaintext, number, self.has_frames())
            .with_max_segments(self.config.max_segments_per_packet());
        let mut recorded = true;
        loop {
            if !self.state.is_active() {
                // A frame has ended the connection.
                break;
            }
            let next_send = self.sender.next_number();
            let context = if self.state.is_unread() {
                Expansion::unread(next_send)
            } else {
                Expansion::new(&self.receiver, next_send)
            };
            let next = decoder.next(&context);
            // Not moved out of there: a frame is large, and there may be dozens in a packet.
            let frame = match &next {
                Ok(Some(frame)) => frame,
                Ok(None) => break,
                Err(error) => {
                    self.recorder.saw_broken(number);
                    match error {
                        FrameError::Broken(why) => return Err(self.fail_broken(now, why)),
                        FrameError::AckOfUnsent => return Err(DropReason::AckOfUnsent),
                        FrameError::TooManySegments => {
                            self.telemetry.drops.count(DropReason::TooManySegments);
                            recorded = false;
                            break;
                        }
                    }
                }
            };
            self.recorder.saw_frame(number, plaintext, &decoder, frame);
            if let Frame::Reliable { pos, data } = frame
                && self.receiver.has(decoder.lane(), *pos, data.len())
            {
                decoder.excuse_segment();
            }
            if matches!(frame, Frame::Ack(_)) && decoder.acks() > limits::MAX_ACKS_PER_PACKET {
                self.telemetry.drops.count(DropReason::RepeatedFrame);
                continue;
            }
            if let Err(refusal) = self.take_frame(now, number, decoder.lane(), frame) {
                match refusal {
                    Refusal::Ignored(reason) => self.telemetry.drops.count(reason),
                    Refusal::NotNow(reason) => {
                        self.telemetry.drops.count(reason);
                        recorded = false;
                    }
                    Refusal::Fatal(why) => return Err(self.fail_broken(now, why)),
                }
            }
        }
        Ok(if recorded {
            Outcome::Taken {
                reliable: decoder.ends_with_reliable(),
            }
        } else {
            Outcome::NotRecorded
        })
    }

    fn take_frame(
        &mut self,
        now: Timestamp,
        packet: PacketNumber,
        lane: LaneIndex,
        frame: &Frame<'_>,
    ) -> Result<(), Refusal> {
        match frame {
            Frame::SelectLane(_) => Ok(()),
            Frame::StopWaiting { first_wanted } => self
                .receiver
                .acks
                .on_stop_waiting(*first_wanted, packet)
                .map_err(Refusal::Fatal),
            Frame::Ack(ack) => self.on_ack(now, packet, ack).map_err(Refusal::Fatal),
            Frame::Reliable { pos, data } => self.on_reliable(now, lane, *pos, data),
            Frame::Unreliable {
                number,
                offset,
                last,
                data,
            } => self.on_unreliable(now, lane, *number, *offset, *last, data),
            Frame::Extension { kind, data } => self.on_extension_frame(now, packet, *kind, data),
        }
    }

    fn on_reliable(
        &mut self,
        now: Timestamp,
        lane: LaneIndex,
        pos: StreamPos,
        data: &[u8],
    ) -> Result<(), Refusal> {
        // Acknowledged and dropped.
        if self.state.is_unread() {
            return Ok(());
        }
        self.receiver.reliable(now, lane, pos, data)?;
        let srtt = self.sender.smoothed_rtt();
        self.receiver.measure_window(now, data.len(), srtt);
        self.ask_for_window();
        Ok(())
    }

    /// Asks the endpoint for more of the receive window, or gives back what is too much.
    fn ask_for_window(&mut self) {
        if let Some(bytes) = self.receiver.window_wish() {
            let budget_bytes = self.config.recv_window_total_bytes() as u64;
            self.outbox.push_to_endpoint(ToEndpoint::ReceiveWindow {
                bytes,
                budget_bytes,
            });
        }
    }

    /// Gives back what was lent, but for what waits to be read: others can use it.
    pub(super) fn give_window_back(&mut self) {
        if let Some(bytes) = self.receiver.end_window() {
            self.outbox.push_to_endpoint(ToEndpoint::ReceiveWindow {
                bytes,
                budget_bytes: self.config.recv_window_total_bytes() as u64,
            });
        }
    }

    /// Whether nothing that comes from now on is kept.
    pub(super) const fn receives_no_more(&self) -> bool {
        match self.state {
            State::Dialing(_)
            | State::Deciding(_)
            | State::Rendezvous { .. }
            | State::Connected { .. } => false,
            State::Linger { .. }
            | State::ClosedByPeer
            | State::Failed
            | State::FinWait { .. }
            | State::Dead => true,
        }
    }

    fn on_unreliable(
        &mut self,
        now: Timestamp,
        lane: LaneIndex,
        number: MessageNumber,
        offset: u32,
        last: bool,
        data: &[u8],
    ) -> Result<(), Refusal> {
        if self.state.is_unread() {
            return Err(Refusal::NotNow(DropReason::WrongState));
        }
        self.receiver
            .unreliable(now, lane, number, offset, last, data)
    }

    fn on_ack(
        &mut self,
        now: Timestamp,
        by: PacketNumber,
        ack: &AckFrame<'_>,
    ) -> Result<(), &'static str> {
        let exchange = &mut self.telemetry.exchange;
        let recorder = &mut self.recorder;
        let receiver = &mut self.receiver;
        let path = &mut self.path;
        let mut probe = None;
        let outcome = self.sender.on_ack(now, by, ack, |settled| {
            let packet = settled.number;
            path.on_fate(now, settled);
            if settled.went_elsewhere() && settled.has_arrived() {
                // Packets of a faster way may have overtaken it.
                probe = Some((packet, now.since(settled.sent_at)));
            }
            if settled.has_arrived() {
                exchange.acked(now, packet);
                receiver.window_arrived(packet);
            } else {
                recorder.saw_lost(packet);
                exchange.lost(packet);
            }
        })?;
        self.path.look_for_black_hole();
        if let Some(keys) = &mut self.keys {
            keys.on_acked(ack.latest);
        }
        self.ask_for_window();
        if let Some(rtt) = outcome.rtt.filter(|rtt| *rtt <= limits::MAX_PING) {
            log_verbose!(self, AckRtt "bowline::ack_rtt", rtt_us = rtt.as_micros(), "round trip");
            self.on_ping(now, rtt);
        }
        if let Some((number, rtt)) = probe.filter(|(_, rtt)| *rtt <= limits::MAX_PING) {
            self.on_probe_answered(now, number, rtt);
        }
        let blocks = ack.blocks().count() as u64;
        if blocks > 0 {
            self.receiver.acks.owe_for_nacks(now, blocks);
        }
        self.tell_writable();
        Ok(())
    }

    fn on_stats(&mut self, now: Timestamp, stats: &UdpStats) {
        if stats.flags.contains(StatsFlags::ACK_REQUEST_IMMEDIATE) {
            self.receiver.acks.owe(now);
        } else if stats.flags.contains(StatsFlags::ACK_REQUEST) {
            let srtt = self.sender.smoothed_rtt();
            self.receiver.acks.owe_for_data(now, srtt);
        }
        if let Some(quality) = &stats.quality {
            self.telemetry.exchange.received(now, quality);
        }
    }

    pub(super) fn tell_writable(&mut self) {
        let writable = match &mut self.pipe {
            Some(pipe) => pipe.take_writable(),
            None => self.sender.take_writable(),
        };
        if writable {
            self.outbox.push_writable();
        }
    }

    pub(super) fn on_refusal(&mut self, now: Timestamp, refusal: Refusal) {
        let reason = match refusal {
            Refusal::Ignored(reason) | Refusal::NotNow(reason) => reason,
            Refusal::Fatal(why) => self.fail_broken(now, why),
        };
        self.telemetry.drops.count(reason);
    }

    /// A frame is broken: whatever the peer runs, it is not this protocol any more.
    fn fail_broken(&mut self, now: Timestamp, why: &str) -> DropReason {
        self.fail(now, EndReason::MISC_INTERNAL_ERROR, why);
        DropReason::BrokenFrame
    }

    /// The peer has shown by a data packet that our ConnectOK arrived.
    fn forget_answer(&mut self) -> bool {
        match &mut self.state {
            State::Connected { answered } | State::Linger { answered, .. } => {
                answered.take().is_some()
            }
            State::Dialing(_)
            | State::Deciding(_)
            | State::Rendezvous { .. }
            | State::ClosedByPeer
            | State::Failed
            | State::FinWait { .. }
            | State::Dead => false,
        }
    }
}
