//! What several tests need.

use bowline_core::config::Config;
use bowline_core::connection::ConnectionState;
use bowline_core::counters::DropReason;
use bowline_core::crypto::cipher_negotiation::{Cipher, EncryptionPolicy};
use bowline_core::crypto::kdf::Role;
use bowline_core::crypto::rustcrypto;
use bowline_core::end_reason::EndReason;
use bowline_core::endpoint::EndpointConfig;
use bowline_core::ids::{ConnectionId, LaneIndex, MessageNumber, StreamPos};
use bowline_core::message::SendFlags;
use bowline_core::time::Span;
use bowline_core::wire::stats_blob::StatsFlags;
use bowline_sim::scripted::{Frames, HeardFrame, Script, ScriptedPeer, Stage};

pub(crate) const LANE: LaneIndex = LaneIndex::ZERO;

/// An endpoint, and a client that is connected to it.
pub(crate) struct Talk {
    pub(crate) stage: Stage,
    pub(crate) peer: ScriptedPeer,
    pub(crate) id: ConnectionId,
}

pub(crate) fn talk() -> Talk {
    talk_with(Config::new(), Cipher::Aes256Gcm)
}

pub(crate) fn talk_in_clear() -> Talk {
    talk_with(Config::new(), Cipher::Null)
}

pub(crate) fn talk_with(mut config: Config, cipher: Cipher) -> Talk {
    if cipher == Cipher::Null {
        config.set_encryption(EncryptionPolicy::Off);
    }
    let endpoint = EndpointConfig::new(rustcrypto::provider());
    let script = Script {
        ciphers: vec![cipher],
        ..Script::default()
    };
    let mut peer = ScriptedPeer::new(Role::Client, 11, script);
    let mut stage = Stage::new(endpoint, config);
    let id = stage.connect(&mut peer);
    peer.take_heard();
    Talk { stage, peer, id }
}

impl Talk {
    /// Delivers the next packet with these frames.
    pub(crate) fn say(&mut self, frames: &Frames) {
        let datagram = self.peer.seal(frames);
        self.deliver(&datagram);
    }

    pub(crate) fn deliver(&mut self, datagram: &[u8]) {
        self.stage.deliver(&mut self.peer, datagram);
    }

    pub(crate) fn drops(&self, reason: DropReason) -> u64 {
        self.stage.drops(self.id, reason)
    }

    pub(crate) fn received(&mut self) -> Vec<Vec<u8>> {
        self.stage.received(self.id)
    }

    pub(crate) fn assert_ended(&self, reason: EndReason) {
        let info = self.stage.info(self.id);
        assert_eq!(info.end_reason, reason, "{}", info.end_text);
        assert_eq!(info.state, ConnectionState::ProblemDetectedLocally);
    }

    /// Messages of both kinds still get through in both directions, each once and unaltered.
    pub(crate) fn assert_still_works(&mut self) {
        let info = self.stage.info(self.id);
        assert_eq!(info.state, ConnectionState::Connected, "{}", info.end_text);
        self.stage.advance(&mut self.peer, Span::from_millis(5));
        // What waits to be read, if the application did not read.
        self.stage.with(self.id, |_, _| ());
        self.received();
        self.peer.take_messages();
        let datagrams = self.peer.send_reliable(LANE, b"reliable");
        self.stage.deliver_all(&mut self.peer, datagrams);
        let datagram = self.peer.send_unreliable(LANE, b"unreliable");
        self.deliver(&datagram);
        self.stage.advance(&mut self.peer, Span::from_millis(5));
        assert_eq!(self.received(), [&b"reliable"[..], b"unreliable"]);
        for flags in [SendFlags::RELIABLE_NO_NAGLE, SendFlags::UNRELIABLE_NO_NAGLE] {
            self.stage
                .send(&mut self.peer, self.id, LANE, flags, b"back");
        }
        self.stage.advance(&mut self.peer, Span::from_secs(5));
        let heard = self.peer.take_messages();
        let back = heard.iter().filter(|message| message.data == b"back");
        assert_eq!(back.count(), 2, "{heard:?}");
    }

    /// Which packets the newest acknowledgement calls received, from `from` on, after asking for one.
    pub(crate) fn acknowledged(&mut self, from: u64) -> Vec<u64> {
        self.stage.advance(&mut self.peer, Span::from_millis(50));
        self.peer.take_heard();
        let ask = self.peer.packet(&Frames::new());
        let ask = ask.asking(StatsFlags::ACK_REQUEST_IMMEDIATE);
        let datagram = self.peer.seal_packet(&ask);
        self.deliver(&datagram);
        self.stage.advance(&mut self.peer, Span::from_millis(50));
        let packets = self.peer.take_packets();
        let frames = packets.iter().rev().flat_map(|packet| &packet.frames);
        let mut acks = frames.filter_map(|frame| match frame {
            HeardFrame::Ack { latest, blocks, .. } => Some((latest.get(), blocks)),
            _ => None,
        });
        let (latest, blocks) = acks.next().expect("an ack was asked for");
        let mut received = Vec::new();
        let mut upper = latest + 1;
        for block in blocks {
            let nacked = upper - block.acked;
            received.extend(nacked..upper);
            upper = nacked - block.nacked;
        }
        received.extend(from..upper);
        received.retain(|number| *number >= from);
        received.sort_unstable();
        received
    }
}

pub(crate) const fn message(number: u64) -> MessageNumber {
    MessageNumber::new(number)
}

pub(crate) const fn pos(value: u64) -> StreamPos {
    StreamPos::new(value)
}
