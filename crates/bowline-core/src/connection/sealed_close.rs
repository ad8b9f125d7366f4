//! Closing inside the encryption, between peers that have agreed on it (docs/extensions.md).
//!
//! The close goes out as a frame and is repeated until the peer acknowledges it. An unencrypted close
//! may come from anybody, so it ends nothing: the peer is asked for a sign of life instead, and if it
//! gives none, the connection ends when it would have ended without that close. Only until a client
//! has shown that it has keys at all, its unencrypted close counts.

use serde::Deserialize;
use serde::Serialize;

use crate::connection::Connection;
use crate::connection::State;
use crate::counters::DropReason;
use crate::end_reason::EndReason;
use crate::extensions::Extension;
use crate::ids::PacketNumber;
use crate::limits;
use crate::recv::Expansion;
use crate::recv::Refusal;
use crate::send::PacketBuilder;
use crate::snp::close;
use crate::snp::decode::Decoder;
use crate::snp::frame::Frame;
use crate::snp::padding;
use crate::snp::window;
use crate::time::Span;
use crate::time::Timestamp;
use crate::wire::data_header;
use crate::wire::stats_blob::UdpStats;

/// Plaintext bytes that a close takes at most: lead byte, length, reason, text.
const MAX_FRAME: usize = 1 + 2 + 5 + limits::MAX_CLOSE_TEXT;
/// Stop-waiting in its longest form stands before it.
const MAX_PLAINTEXT: usize = 9 + MAX_FRAME;

/// How far a sealed close of ours has come.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
pub(crate) enum CloseProgress {
    /// It was not sent.
    #[default]
    Unsent,
    /// It was sent, and goes out again unless the peer acknowledges it.
    Sent {
        /// When.
        again_at: Timestamp,
        /// How long the wait is until then.
        wait: Span,
    },
    /// The peer knows, or was told often enough.
    Done,
}

impl Connection {
    /// Whether the connection is closed inside the encryption.
    pub(crate) fn seals_closes(&self) -> bool {
        self.keys.is_some() && self.peer.extensions.contains(Extension::SealedClose)
    }

    /// Whether an unencrypted close means nothing: the peer has keys, and would have used them.
    pub(crate) fn ignores_unsealed(&self) -> bool {
        self.seals_closes() && self.peer.has_keys
    }

    /// An unencrypted close came that means nothing.
    pub(crate) fn on_unsealed_close(&mut self) -> DropReason {
        if self.state.is_active() {
            self.liveness.on_unsealed_close();
        }
        DropReason::UnsealedClose
    }

    /// Sends the close, and sees to it that it is repeated.
    pub(super) fn send_sealed_close(&mut self, reason: EndReason, text: &str) {
        let data = close::encode_close(reason, text);
        self.send_sealed(close::CLOSE, &data);
        let first_wait = self
            .sender
            .smoothed_rtt()
            .map_or(limits::CLOSE_RETRY, |rtt| {
                limits::CLOSE_RETRY.max(rtt + rtt)
            });
        let now = self.now;
        if let Some(end) = &mut self.end
            && end.progress == CloseProgress::Unsent
        {
            end.progress = CloseProgress::Sent {
                again_at: now + first_wait,
                wait: first_wait,
            };
        }
    }

    /// Tells the peer that its close arrived.
    pub(super) fn send_close_ack(&mut self) {
        self.send_sealed(close::CLOSE_ACK, &[]);
    }

    /// When the close is to be repeated.
    pub(super) fn close_retry_at(&self) -> Option<Timestamp> {
        match self.end.as_ref()?.progress {
            CloseProgress::Sent { again_at, .. } => Some(again_at),
            CloseProgress::Unsent | CloseProgress::Done => None,
        }
    }

    /// Repeats the close if it is time.
    pub(super) fn retry_close(&mut self, now: Timestamp) {
        let Some(end) = &mut self.end else {
            return;
        };
        let CloseProgress::Sent { again_at, wait } = end.progress else {
            return;
        };
        if again_at > now {
            return;
        }
        if wait > limits::FIN_WAIT {
            end.progress = CloseProgress::Done;
            return;
        }
        let wait = wait + wait;
        end.progress = CloseProgress::Sent {
            again_at: now + wait,
            wait,
        };
        let data = close::encode_close(end.reason, &end.text);
        self.send_sealed(close::CLOSE, &data);
    }

    /// Whether frames of extensions were agreed on.
    pub(super) fn has_frames(&self) -> bool {
        let frames = [
            Extension::SealedClose,
            Extension::ReceiveWindow,
            Extension::PathMtu,
        ];
        self.keys.is_some()
            && frames
                .into_iter()
                .any(|extension| self.peer.extensions.contains(extension))
    }

    /// A frame that both sides have agreed on.
    pub(super) fn on_extension_frame(
        &mut self,
        now: Timestamp,
        packet: PacketNumber,
        kind: u8,
        data: &[u8],
    ) -> Result<(), Refusal> {
        match kind {
            close::CLOSE if self.seals_closes() => self.on_sealed_close(now, data),
            close::CLOSE_ACK if self.seals_closes() => self.on_close_ack(),
            window::WINDOW if self.peer.extensions.contains(Extension::ReceiveWindow) => {
                let bytes = window::parse_window(data);
                let bytes = bytes.ok_or(Refusal::Fatal("a window without a size"))?;
                match self.sender.on_peer_window(packet, bytes) {
                    true => Ok(()),
                    false => Err(Refusal::Ignored(DropReason::RepeatedFrame)),
                }
            }
            padding::PADDING if self.peer.extensions.contains(Extension::PathMtu) => Ok(()),
            _ => Err(Refusal::Fatal("extension was not negotiated")),
        }
    }

    /// An authentic packet came when the connection was over already: only what is said of the close
    /// counts, and a peer that does not know of it is told.
    pub(super) fn on_late_packet(
        &mut self,
        now: Timestamp,
        number: PacketNumber,
        plaintext: &[u8],
    ) -> Result<(), DropReason> {
        let mut decoder = Decoder::new(plaintext, number, true);
        let context = Expansion::unread(self.sender.next_number());
        let mut knows = false;
        while let Ok(Some(frame)) = decoder.next(&context) {
            self.recorder.saw_frame(number, plaintext, &decoder, &frame);
            if let Frame::Extension { kind, data } = frame {
                self.on_extension_frame(now, number, kind, data)
                    .map_err(|_| DropReason::BrokenFrame)?;
                knows |= matches!(kind, close::CLOSE | close::CLOSE_ACK);
            }
        }
        if knows {
            return Ok(());
        }
        self.answer_closed();
        Err(DropReason::WrongState)
    }

    fn on_sealed_close(&mut self, now: Timestamp, data: &[u8]) -> Result<(), Refusal> {
        let (reason, text) =
            close::parse_close(data).ok_or(Refusal::Fatal("a close without a reason"))?;
        match self.state {
            State::Connected { .. } => {
                self.closed_by_peer(reason, &text);
                self.send_close_ack();
            }
            State::Linger { .. } => self.finish(now, true),
            State::Failed | State::FinWait { .. } => {
                // Both closed at once. The peer needs no word of ours any more but this.
                self.close_is_known();
                self.send_close_ack();
            }
            State::ClosedByPeer => self.send_close_ack(),
            State::Dialing(_) | State::Deciding(_) | State::Rendezvous { .. } | State::Dead => {}
        }
        Ok(())
    }

    fn on_close_ack(&mut self) -> Result<(), Refusal> {
        match self.state {
            State::Connected { .. } | State::Linger { .. } => {
                Err(Refusal::Fatal("acknowledges a close that was never sent"))
            }
            State::Dialing(_)
            | State::Deciding(_)
            | State::Rendezvous { .. }
            | State::ClosedByPeer
            | State::Failed
            | State::FinWait { .. }
            | State::Dead => {
                self.close_is_known();
                Ok(())
            }
        }
    }

    fn close_is_known(&mut self) {
        if let Some(end) = &mut self.end {
            end.progress = CloseProgress::Done;
        }
    }

    /// Queues a packet that holds one extension frame.
    fn send_sealed(&mut self, kind: u8, data: &[u8]) {
        let (Some(to), Some(keys)) = (self.peer.id, &mut self.keys) else {
            return;
        };
        let number = self.sender.next_number();
        let (crypto, key_limits) = (&self.host.crypto, &self.host.key_limits);
        keys.renew(self.now, number, crypto, key_limits);
        if !self.outbox.has_room_for_control() || keys.is_worn_out(number) {
            return;
        }
        let mut packet = alloc::vec::Vec::new();
        data_header::write_with_stats(
            &mut packet,
            to,
            number.to_wire(),
            &UdpStats::default(),
            None,
        );
        data_header::set_key_phase(&mut packet, keys.phase());
        let mut builder = PacketBuilder::new(&mut packet, number, MAX_PLAINTEXT);
        builder.stop_waiting(&self.sender);
        builder.writer().extension(kind, data);
        builder.finish();
        self.recorder
            .saw_plaintext(number, &packet, limits::DATA_HEADER);
        keys.seal(number, &mut packet, 0, limits::DATA_HEADER);
        self.sender.on_packet_sent(self.now, packet.len(), 0, false);
        if !self.state.is_active() {
            // Nobody waits for an ack of it.
            self.sender.discard();
        }
        self.telemetry.link.sent(self.now, 1, packet.len());
        self.outbox.push_control(packet);
    }
}
