//! What several tests need.

use std::net::SocketAddr;

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
use bowline_sim::scripted::{Frames, Heard, Script, ScriptedPeer, Stage};

pub(crate) const LANE: LaneIndex = LaneIndex::ZERO;

/// An endpoint, and a client that is connected to it.
pub(crate) struct Talk {
    pub(crate) stage: Stage,
    pub(crate) peer: ScriptedPeer,
    pub(crate) id: ConnectionId,
}

pub(crate) fn talk() -> Talk {
    talk_with(Config::new(), Script::default())
}

/// Without encryption, where so many packets are sent that it would take most of the time.
pub(crate) fn talk_in_clear() -> Talk {
    let mut config = Config::new();
    config.set_encryption(EncryptionPolicy::Off);
    let script = Script {
        ciphers: vec![Cipher::Null],
        ..Script::default()
    };
    talk_with(config, script)
}

pub(crate) fn talk_with(config: Config, script: Script) -> Talk {
    let endpoint = EndpointConfig::new(rustcrypto::provider());
    let mut stage = Stage::new(endpoint, config);
    let mut peer = ScriptedPeer::new(Role::Client, 7, script);
    let id = stage.connect(&mut peer);
    peer.take_heard();
    Talk { stage, peer, id }
}

impl Talk {
    /// Delivers the next packet with these frames.
    pub(crate) fn say(&mut self, frames: &Frames) {
        let datagram = self.peer.seal(frames);
        self.stage.deliver(&mut self.peer, &datagram);
    }

    /// Delivers a datagram.
    pub(crate) fn deliver(&mut self, datagram: &[u8]) {
        self.stage.deliver(&mut self.peer, datagram);
    }

    /// Has the endpoint's application send a reliable message, which leaves at once.
    pub(crate) fn send(&mut self, data: &[u8]) {
        let flags = SendFlags::RELIABLE_NO_NAGLE;
        self.stage.send(&mut self.peer, self.id, LANE, flags, data);
    }

    pub(crate) fn advance(&mut self, span: Span) {
        self.stage.advance(&mut self.peer, span);
    }

    pub(crate) fn drops(&self, reason: DropReason) -> u64 {
        self.stage.drops(self.id, reason)
    }

    pub(crate) fn received(&mut self) -> Vec<Vec<u8>> {
        self.stage.received(self.id)
    }

    pub(crate) fn is_connected(&self) -> bool {
        self.stage.info(self.id).state == ConnectionState::Connected
    }

    /// The connection lives, and moves messages of both kinds in both directions, each once.
    pub(crate) fn assert_still_works(&mut self) {
        assert!(self.is_connected(), "{:?}", self.stage.info(self.id));
        self.received();
        self.peer.take_messages();
        let datagrams = self.peer.send_reliable(LANE, b"to you");
        self.stage.deliver_all(&mut self.peer, datagrams);
        let datagram = self.peer.send_unreliable(LANE, b"in haste");
        self.deliver(&datagram);
        // A packet on the way may be held back for a millisecond, to come in its order.
        self.advance(Span::from_millis(2));
        assert_eq!(self.received(), [&b"to you"[..], b"in haste"]);
        for flags in [SendFlags::RELIABLE_NO_NAGLE, SendFlags::UNRELIABLE_NO_NAGLE] {
            self.stage
                .send(&mut self.peer, self.id, LANE, flags, b"and back");
        }
        self.advance(Span::from_secs(5));
        let heard = self.peer.take_messages();
        let fresh = heard.iter().filter(|message| message.data == b"and back");
        assert_eq!(fresh.count(), 2, "{heard:?}");
    }

    /// The connection was ended from within for this reason, and the peer was told.
    pub(crate) fn assert_ended(&mut self, reason: EndReason) {
        let info = self.stage.info(self.id);
        assert_eq!(info.end_reason, reason, "{}", info.end_text);
        assert_eq!(info.state, ConnectionState::ProblemDetectedLocally);
        let told = self.peer.take_heard().into_iter().any(
            |heard| matches!(heard, Heard::ConnectionClosed(closed) if closed.reason == reason),
        );
        assert!(told, "the peer was not told");
    }

    /// Whether the packet that was said last was acknowledged, once there was time for it.
    pub(crate) fn is_last_acknowledged(&mut self) -> bool {
        let last = self.peer.next_packet().get() - 1;
        self.peer.take_heard();
        self.advance(Span::from_millis(100));
        let ask = self.peer.packet(&Frames::new());
        let ask = ask.asking(bowline_core::wire::stats_blob::StatsFlags::ACK_REQUEST_IMMEDIATE);
        let datagram = self.peer.seal_packet(&ask);
        self.deliver(&datagram);
        self.advance(Span::from_millis(100));
        let packets = self.peer.take_packets();
        let newest = packets.iter().rev().flat_map(|packet| acks(&packet.frames));
        let (latest, blocks) = newest
            .into_iter()
            .find(|(latest, _)| *latest >= last)
            .expect("an ack was asked for");
        let mut upper = latest + 1;
        for (acked, nacked) in blocks {
            upper -= acked;
            if last >= upper {
                return true;
            }
            upper -= nacked;
            if last >= upper {
                return false;
            }
        }
        true
    }
}

/// The newest packet and the runs of each ack.
pub(crate) fn acks(
    frames: &[bowline_sim::scripted::HeardFrame],
) -> impl Iterator<Item = (u64, Vec<(u64, u64)>)> + '_ {
    frames.iter().filter_map(|frame| {
        let bowline_sim::scripted::HeardFrame::Ack { latest, blocks, .. } = frame else {
            return None;
        };
        let blocks = blocks.iter().map(|block| (block.acked, block.nacked));
        Some((latest.get(), blocks.collect()))
    })
}

pub(crate) fn address(text: &str) -> SocketAddr {
    text.parse().unwrap()
}

pub(crate) const fn message(number: u64) -> MessageNumber {
    MessageNumber::new(number)
}

pub(crate) const fn pos(value: u64) -> StreamPos {
    StreamPos::new(value)
}
