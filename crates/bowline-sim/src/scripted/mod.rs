//! A peer made of nothing but codecs, for tests of what a real one would never do.
//!
//! [`ScriptedPeer`] speaks the protocol correctly, as client or as server, until it is told otherwise. It
//! shares no state machine with the library: it builds on the codecs of packets, frames and keys
//! only. Whatever it is to do wrong is done by the test that holds it:
//!
//! - in the handshake, by changing any field of any step before it is signed or sent
//!   ([`Alterations`]), or by taking the steps one by one, again, or in another order;
//! - afterwards, by sealing any bytes as any packet number under any header ([`Packet`], [`Frames`]).
//!
//! It does no input or output. Feed it what arrives ([`ScriptedPeer::handle`]) and send what it returns:
//! over a real UDP socket, over a [`World`](crate::World), or to a [`Stage`], which holds a real
//! endpoint with its connections and nothing else.
//!
//! ```
//! use bowline_core::counters::DropReason;
//! use bowline_core::end_reason::EndReason;
//! use bowline_core::ids::LaneIndex;
//! use bowline_sim::scripted::{Frames, ScriptedPeer, Stage};
//!
//! let mut stage = Stage::listening();
//! let mut peer = ScriptedPeer::client(1);
//! let victim = stage.connect(&mut peer);
//!
//! // As it should be.
//! for datagram in peer.send_reliable(LaneIndex::ZERO, b"hello") {
//!     stage.deliver(&mut peer, &datagram);
//! }
//! assert_eq!(stage.received(victim), [b"hello"]);
//!
//! // A frame of a kind that does not exist: the connection ends, and says why.
//! let datagram = peer.seal(&Frames::new().raw(&[0xFF]));
//! stage.deliver(&mut peer, &datagram);
//! assert_eq!(stage.info(victim).end_reason, EndReason::MISC_INTERNAL_ERROR);
//! assert_eq!(stage.drops(victim, DropReason::BrokenFrame), 1);
//! ```

mod frames;
mod handshake;
mod heard;
mod packet;
mod sending;
mod stage;

use std::collections::VecDeque;

use bowline_core::counters::DropReason;
use bowline_core::crypto::kdf::Role;
use bowline_core::crypto::packet::SessionKeys;
use bowline_core::crypto::{Crypto, rustcrypto};
use bowline_core::ids::{ConnectionId, PacketNumber};
use bowline_core::rng::Rng;
use bowline_core::snp::close;
use bowline_core::time::Timestamp;
use bowline_core::wire::data_header::DataHeader;
use bowline_core::wire::stats_blob::UdpStats;
use bowline_core::wire::udp::{self, UdpPacket};

use self::handshake::Handshake;
use self::heard::Hearing;
use self::sending::Sending;

pub use self::frames::{Frames, stream_message};
pub use self::handshake::{Alter, Alterations, Script};
pub use self::heard::{Heard, HeardFrame, HeardMessage, HeardPacket};
pub use self::packet::Packet;
pub use self::stage::{Direction, Fate, Outcome, Stage};

/// A peer that does what it is told. See the [module](self).
#[derive(Debug)]
pub struct ScriptedPeer {
    crypto: Crypto,
    handshake: Handshake,
    keys: Option<SessionKeys>,
    sending: Sending,
    hearing: Hearing,
    answers: Answers,
    heard: VecDeque<Heard>,
}

/// What a scripted peer does by itself with data that arrives.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Answers {
    /// Acknowledges what asks for it, at once, as an honest peer does.
    Acks,
    /// Nothing: the test answers, or nobody does. Closes are not answered either.
    Nothing,
}

impl ScriptedPeer {
    /// A client with nothing special. All its keys and IDs grow from the seed.
    pub fn client(seed: u64) -> Self {
        Self::new(Role::Client, seed, Script::default())
    }

    /// A server with nothing special.
    pub fn server(seed: u64) -> Self {
        Self::new(Role::Server, seed, Script::default())
    }

    /// A peer that follows a script in its handshake.
    pub fn new(role: Role, seed: u64, script: Script) -> Self {
        let mut bytes = [0; 32];
        bytes[..8].copy_from_slice(&seed.to_le_bytes());
        let crypto = rustcrypto::provider();
        let handshake = Handshake::new(role, Rng::from_seed(bytes), script);
        let first = PacketNumber::new(1);
        Self {
            crypto,
            handshake,
            keys: None,
            sending: Sending::new(first.next()),
            hearing: Hearing::new(first),
            answers: Answers::Acks,
            heard: VecDeque::new(),
        }
    }

    /// Its own connection ID.
    pub const fn id(&self) -> ConnectionId {
        self.handshake.id
    }

    /// The connection ID of the other end, once known.
    pub const fn remote_id(&self) -> Option<ConnectionId> {
        self.handshake.remote
    }

    /// Whether there are keys: the handshake is through on this side.
    pub const fn is_connected(&self) -> bool {
        self.keys.is_some()
    }

    /// The keys, once there are any: to seal what [`Self::seal_packet`] cannot.
    pub const fn keys(&self) -> Option<&SessionKeys> {
        self.keys.as_ref()
    }

    /// Who does the cryptography.
    pub const fn crypto(&self) -> &Crypto {
        &self.crypto
    }

    /// Sets what it does by itself with data that arrives.
    pub const fn set_answers(&mut self, answers: Answers) {
        self.answers = answers;
    }

    /// Everything that was heard since this was asked last, handshake packets included.
    pub fn take_heard(&mut self) -> Vec<Heard> {
        self.heard.drain(..).collect()
    }

    /// The data packets among [`Self::take_heard`]; the rest is gone, too.
    pub fn take_packets(&mut self) -> Vec<HeardPacket> {
        let packets = self.heard.drain(..).filter_map(|heard| {
            let Heard::Data(packet) = heard else {
                return None;
            };
            Some(*packet)
        });
        packets.collect()
    }

    /// The messages that were put together since this was asked last.
    pub fn take_messages(&mut self) -> Vec<HeardMessage> {
        std::mem::take(&mut self.hearing.messages)
    }

    /// The highest packet number that was heard.
    pub const fn highest_heard(&self) -> PacketNumber {
        self.hearing.highest
    }

    /// Takes a datagram in and returns those that answer it. Bytes that make no sense are noted, not
    /// answered.
    pub fn handle(&mut self, now: Timestamp, datagram: &[u8]) -> Vec<Vec<u8>> {
        let packet = match udp::parse(datagram) {
            Ok(packet) => packet,
            Err(reason) => {
                let first = datagram.first().copied().unwrap_or(0);
                self.heard.push_back(Heard::Unreadable(first, reason));
                return Vec::new();
            }
        };
        match packet {
            UdpPacket::Data(data) => return self.on_data(data),
            UdpPacket::ChallengeRequest(request) => {
                self.heard.push_back(Heard::ChallengeRequest(request));
                self.on_challenge_request(&request)
            }
            UdpPacket::ChallengeReply(reply) => {
                self.heard.push_back(Heard::ChallengeReply(reply));
                self.on_challenge_reply(now, &reply)
            }
            UdpPacket::ConnectRequest(request) => {
                self.heard.push_back(Heard::ConnectRequest(request.clone()));
                self.on_connect_request(&request)
            }
            UdpPacket::ConnectOk(answer) => {
                self.on_connect_ok(&answer);
                self.heard.push_back(Heard::ConnectOk(answer));
                None
            }
            UdpPacket::ConnectionClosed(closed) => {
                let answer = udp::NoConnection {
                    to: closed.from,
                    from: Some(self.id()),
                };
                self.heard.push_back(Heard::ConnectionClosed(closed));
                (self.answers == Answers::Acks).then(|| encode(|out| answer.encode(out)))
            }
            UdpPacket::NoConnection(packet) => {
                self.heard.push_back(Heard::NoConnection(packet));
                None
            }
        }
        .into_iter()
        .collect()
    }

    /// Ends the connection as agreed with the other end, inside the encryption or outside.
    pub fn close(&mut self, reason: bowline_core::end_reason::EndReason, text: &str) -> Vec<u8> {
        if self.keys.is_some() && self.handshake.seals_closes {
            let data = close::encode_close(reason, text);
            return self.seal(&Frames::new().extension(close::CLOSE, &data));
        }
        let packet = udp::ConnectionClosed {
            to: self.remote_id(),
            from: Some(self.id()),
            reason,
            text: text.into(),
            rejection: None,
        };
        encode(|out| packet.encode(out))
    }

    fn on_data(&mut self, data: &[u8]) -> Vec<Vec<u8>> {
        let packet = match self.open(data) {
            Ok(packet) => packet,
            Err(reason) => {
                self.heard.push_back(Heard::Unreadable(data[0], reason));
                return Vec::new();
            }
        };
        let mut answers = Vec::new();
        if self.answers == Answers::Acks {
            if packet.frames.iter().any(is_close) {
                answers.push(self.seal(&Frames::new().extension(close::CLOSE_ACK, &[])));
            } else if packet.wants_ack() {
                answers.push(self.acknowledge());
            }
        }
        self.heard.push_back(Heard::Data(Box::new(packet)));
        answers
    }

    /// Opens a data packet and takes in what it says.
    fn open(&mut self, data: &[u8]) -> Result<HeardPacket, DropReason> {
        let (header, start) = DataHeader::parse(data)?;
        if header.to != self.id() {
            return Err(DropReason::UnknownConnection);
        }
        let stats = header.stats.map(UdpStats::parse).transpose()?;
        let number = header.seq.expand(self.hearing.highest);
        let number = number.ok_or(DropReason::BadPacketNumber)?;
        if self.hearing.knows(number) {
            return Err(DropReason::DuplicatePacket);
        }
        let keys = self.keys.as_ref().ok_or(DropReason::WrongState)?;
        let mut payload = data[start..].to_vec();
        let plaintext = keys.recv.open(number, &mut payload);
        let plaintext = plaintext.map_err(|_| DropReason::DecryptFailed)?;
        let extensions = self.handshake.seals_closes;
        let frames = self
            .hearing
            .take(number, plaintext, self.sending.next, extensions)
            .map_err(|error| error.drop_reason())?;
        for frame in &frames {
            if let HeardFrame::Ack { latest, blocks, .. } = frame {
                self.sending.on_ack(*latest, blocks);
            }
        }
        Ok(HeardPacket {
            number,
            stats: stats.unwrap_or_default(),
            frames,
            wire_len: data.len(),
        })
    }
}

fn is_close(frame: &HeardFrame) -> bool {
    matches!(
        frame,
        HeardFrame::Extension {
            kind: close::CLOSE,
            ..
        }
    )
}

fn encode(encode: impl FnOnce(&mut Vec<u8>)) -> Vec<u8> {
    let mut out = Vec::new();
    encode(&mut out);
    out
}

#[cfg(test)]
mod tests;
