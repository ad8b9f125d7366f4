//! A recorded session: its handshake, its keys, its packets.

use std::collections::BTreeMap;
use std::collections::BTreeSet;

use bowline_core::cert::certificate::Certificate;
use bowline_core::cert::session::SessionCrypt;
use bowline_core::crypto::Crypto;
use bowline_core::crypto::cipher_negotiation::Cipher;
use bowline_core::crypto::kdf;
use bowline_core::crypto::kdf::KeyContext;
use bowline_core::crypto::kdf::Role;
use bowline_core::crypto::packet::PacketKey;
use bowline_core::crypto::rustcrypto;
use bowline_core::ids::PacketNumber;
use bowline_core::snp::Decoder;
use bowline_core::snp::Frame;
use bowline_core::wire::data_header::DataHeader;
use bowline_core::wire::stats_blob::StatsFlags;
use bowline_core::wire::stats_blob::UdpStats;
use bowline_core::wire::udp;
use bowline_core::wire::udp::ConnectOk;
use bowline_core::wire::udp::ConnectRequest;
use bowline_core::wire::udp::UdpPacket;
use serde_json::Value;

use crate::reassembly::Reassembly;

/// Who sent something.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) enum End {
    Client,
    Server,
}

impl End {
    fn parse(value: &Value) -> Self {
        match value.as_str() {
            Some("client") => Self::Client,
            Some("server") => Self::Server,
            other => panic!("{other:?} is no end"),
        }
    }

    fn other(self) -> Self {
        match self {
            Self::Client => Self::Server,
            Self::Server => Self::Client,
        }
    }
}

/// Kinds of packets and frames, as far as the original sends them.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) enum Kind {
    ChallengeRequest,
    ChallengeReply,
    ConnectRequest,
    ConnectOk,
    ConnectionClosed,
    AckRequest,
    ImmediateAckRequest,
    Statistics,
    SelectLane,
    UnreliableWhole,
    UnreliableFirst,
    UnreliableMiddle,
    UnreliableLast,
    Reliable,
    StopWaiting,
    AckWithoutBlocks,
    AckWithBlocks,
}

impl Kind {
    /// All that an original sends to a well-behaved peer in a session of half a minute.
    pub(crate) const ALL: [Self; 15] = [
        Self::ChallengeRequest,
        Self::ChallengeReply,
        Self::ConnectRequest,
        Self::ConnectOk,
        Self::ConnectionClosed,
        Self::AckRequest,
        Self::SelectLane,
        Self::UnreliableWhole,
        Self::UnreliableFirst,
        Self::UnreliableMiddle,
        Self::UnreliableLast,
        Self::Reliable,
        Self::StopWaiting,
        Self::AckWithoutBlocks,
        Self::AckWithBlocks,
    ];
}

#[derive(Debug)]
pub(crate) struct Datagram {
    pub(crate) from: End,
    pub(crate) bytes: Vec<u8>,
}

/// A message, by its length and a hash of its bytes.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Message {
    pub(crate) lane: u8,
    pub(crate) reliable: bool,
    pub(crate) size: usize,
    pub(crate) sum31: u32,
}

impl Message {
    pub(crate) fn new(lane: u8, reliable: bool, bytes: &[u8]) -> Self {
        let sum31 = bytes.iter().fold(0_u32, |sum, &byte| {
            sum.wrapping_mul(31).wrapping_add(u32::from(byte))
        });
        Self {
            lane,
            reliable,
            size: bytes.len(),
            sum31,
        }
    }
}

/// What the file says.
#[derive(Debug)]
pub(crate) struct Session {
    we_are: End,
    our_exchange_private: [u8; 32],
    shared_secret: [u8; 32],
    pub(crate) messages: BTreeMap<End, Vec<Message>>,
    pub(crate) datagrams: Vec<Datagram>,
}

/// What the packets say.
#[derive(Debug, Default)]
pub(crate) struct Read {
    pub(crate) messages: BTreeMap<End, Vec<Message>>,
    pub(crate) kinds: BTreeMap<End, BTreeSet<Kind>>,
}

#[derive(Debug)]
pub(crate) struct Handshake {
    request: ConnectRequest,
    answer: ConnectOk,
}

impl Session {
    pub(crate) fn parse(text: &str) -> Self {
        let file: Value = serde_json::from_str(text).unwrap();
        let list = |name: &str| file[name].as_array().unwrap().clone();
        let mut messages: BTreeMap<End, Vec<Message>> = BTreeMap::new();
        for value in list("messages") {
            messages
                .entry(End::parse(&value["from"]))
                .or_default()
                .push(Message {
                    lane: value["lane"].as_u64().unwrap().try_into().unwrap(),
                    reliable: value["reliable"].as_bool().unwrap(),
                    size: value["size"].as_u64().unwrap().try_into().unwrap(),
                    sum31: value["sum31"].as_u64().unwrap().try_into().unwrap(),
                });
        }
        let datagram = |value: &Value| Datagram {
            from: End::parse(&value["from"]),
            bytes: hex(&value["hex"]),
        };
        Self {
            we_are: End::parse(&file["we_are"]),
            our_exchange_private: hex(&file["our_exchange_private"]).try_into().unwrap(),
            shared_secret: hex(&file["shared_secret"]).try_into().unwrap(),
            messages,
            datagrams: list("datagrams").iter().map(datagram).collect(),
        }
    }

    /// The end that is the original.
    pub(crate) fn original(&self) -> End {
        self.we_are.other()
    }

    /// The handshake that led to the connection: its last attempt.
    pub(crate) fn handshake(&self) -> Handshake {
        let (mut request, mut answer) = (None, None);
        for datagram in &self.datagrams {
            match udp::parse(&datagram.bytes).unwrap() {
                UdpPacket::ConnectRequest(packet) => request = Some(*packet),
                UdpPacket::ConnectOk(packet) => answer = Some(*packet),
                _ => {}
            }
        }
        Handshake {
            request: request.unwrap(),
            answer: answer.unwrap(),
        }
    }

    /// Decrypts and decodes all packets.
    pub(crate) fn read(&self) -> Read {
        let mut read = Read::default();
        let (from_client, from_server) = self.handshake().keys(self);
        let mut client = Reassembly::new(from_client);
        let mut server = Reassembly::new(from_server);
        for datagram in &self.datagrams {
            let kinds = read.kinds.entry(datagram.from).or_default();
            let (ours, theirs) = match datagram.from {
                End::Client => (&mut client, &server),
                End::Server => (&mut server, &client),
            };
            match udp::parse(&datagram.bytes).unwrap() {
                UdpPacket::Data(bytes) => ours.read(bytes, theirs.next_packet(), kinds),
                UdpPacket::ChallengeRequest(_) => _ = kinds.insert(Kind::ChallengeRequest),
                UdpPacket::ChallengeReply(_) => _ = kinds.insert(Kind::ChallengeReply),
                UdpPacket::ConnectRequest(_) => _ = kinds.insert(Kind::ConnectRequest),
                UdpPacket::ConnectOk(_) => _ = kinds.insert(Kind::ConnectOk),
                UdpPacket::ConnectionClosed(_) => _ = kinds.insert(Kind::ConnectionClosed),
                UdpPacket::NoConnection(_) => {}
            }
        }
        read.messages.insert(End::Client, client.into_messages());
        read.messages.insert(End::Server, server.into_messages());
        read
    }
}

impl Handshake {
    pub(crate) fn cipher(&self) -> Cipher {
        self.crypts().1.ciphers()[0]
    }

    /// Both halves of the key exchange are signed with the keys of the certificates beside them.
    pub(crate) fn assert_signed(&self, crypto: &Crypto) {
        for (cert, crypt) in [
            (&self.request.cert, &self.request.crypt),
            (&self.answer.cert, &self.answer.crypt),
        ] {
            let cert = Certificate::parse(cert.cert()).unwrap();
            let signature = crypt.signature().try_into().unwrap();
            crypto
                .ed25519_verify(cert.key(), crypt.info(), signature)
                .unwrap();
        }
    }

    /// The keys of the client's and of the server's packets.
    fn keys(&self, session: &Session) -> (PacketKey, PacketKey) {
        let crypto = rustcrypto::provider();
        let (client_crypt, server_crypt) = self.crypts();
        let theirs = match session.we_are {
            End::Client => &server_crypt,
            End::Server => &client_crypt,
        };
        let cipher = self.cipher();
        if cipher != Cipher::Null {
            let ours = crypto.x25519_key(&session.our_exchange_private);
            let shared = theirs.agree(&*ours).unwrap();
            assert_eq!(*shared, session.shared_secret);
        }
        let context = KeyContext {
            client_id: self.request.client_connection_id,
            server_id: self.answer.server_connection_id,
            client_nonce: client_crypt.nonce(),
            server_nonce: server_crypt.nonce(),
            client_cert: self.request.cert.cert(),
            server_cert: self.answer.cert.cert(),
            client_crypt: self.request.crypt.info(),
            server_crypt: self.answer.crypt.info(),
        };
        let keys = kdf::derive(
            &crypto,
            Role::Client,
            cipher,
            &session.shared_secret,
            &context,
        );
        (keys.send, keys.recv)
    }

    fn crypts(&self) -> (SessionCrypt, SessionCrypt) {
        let parse = |info: &[u8]| SessionCrypt::parse(info).unwrap();
        (
            parse(self.request.crypt.info()),
            parse(self.answer.crypt.info()),
        )
    }
}

impl Reassembly {
    /// Takes in a data packet of this direction; `next_packet` is the number that the other
    /// direction's next packet will have.
    fn read(&mut self, datagram: &[u8], next_packet: PacketNumber, kinds: &mut BTreeSet<Kind>) {
        let (header, payload) = DataHeader::parse(datagram).unwrap();
        if let Some(blob) = header.stats {
            let stats = UdpStats::parse(blob).unwrap();
            let has = |flags| stats.flags.contains(flags);
            kinds.extend(has(StatsFlags::ACK_REQUEST).then_some(Kind::AckRequest));
            kinds.extend(
                has(StatsFlags::ACK_REQUEST_IMMEDIATE).then_some(Kind::ImmediateAckRequest),
            );
            kinds.extend(stats.quality.map(|_| Kind::Statistics));
        }
        let number = header.seq.expand(self.highest_packet()).unwrap();
        let mut payload = datagram[payload..].to_vec();
        let plaintext = self.open(number, &mut payload);
        let mut decoder = Decoder::new(plaintext, number, false);
        while let Some(frame) = decoder.next(&self.context(next_packet)).unwrap() {
            kinds.insert(kind(&frame));
            self.on_frame(decoder.lane().get(), &frame);
        }
    }
}

fn kind(frame: &Frame<'_>) -> Kind {
    match *frame {
        Frame::SelectLane(_) => Kind::SelectLane,
        Frame::Unreliable {
            offset: 0,
            last: true,
            ..
        } => Kind::UnreliableWhole,
        Frame::Unreliable {
            offset: 0,
            last: false,
            ..
        } => Kind::UnreliableFirst,
        Frame::Unreliable { last: false, .. } => Kind::UnreliableMiddle,
        Frame::Unreliable { last: true, .. } => Kind::UnreliableLast,
        Frame::Reliable { .. } => Kind::Reliable,
        Frame::StopWaiting { .. } => Kind::StopWaiting,
        Frame::Ack(ack) if ack.blocks().next().is_some() => Kind::AckWithBlocks,
        Frame::Ack(_) => Kind::AckWithoutBlocks,
        Frame::Extension { kind, .. } => panic!("extension {kind} was not agreed upon"),
    }
}

fn hex(value: &Value) -> Vec<u8> {
    let text = value.as_str().unwrap();
    let byte = |at| u8::from_str_radix(&text[at..at + 2], 16).unwrap();
    (0..text.len()).step_by(2).map(byte).collect()
}
