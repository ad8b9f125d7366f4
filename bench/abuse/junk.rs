//! What comes from those who have proved nothing, or an address only.

use bowline_core::end_reason::EndReason;
use bowline_core::ids::ConnectionId;
use bowline_core::ids::WirePacketNumber;
use bowline_core::rng::Rng;
use bowline_core::time::Timestamp;
use bowline_core::wire::data_header;
use bowline_core::wire::udp;
use bowline_core::wire::udp::UdpPacket;
use bowline_sim::scripted::ScriptedPeer;

use crate::Result;
use crate::source::Source;

/// A kind of junk.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Junk {
    /// Bytes of no meaning.
    Random,
    /// Less than any packet.
    Short,
    /// Data for connections that do not exist.
    StrayData,
    /// Data for a connection that does, and from its address, but not from its peer: what a spoofer who
    /// has guessed address and ID can do.
    ForgedData,
    /// Closes of connections that do not exist.
    StrayClose,
    /// Requests for cookies.
    Challenge,
    /// Requests to connect with a cookie that is not ours, but fresh.
    BadCookie,
    /// Requests to connect with a good cookie, and a signature that does not hold.
    BadSignature,
    /// Peers that ask for a cookie, connect, and say no more.
    Connections,
}

/// Junk of one kind in the making, for one source.
#[derive(Debug)]
pub(crate) struct Maker {
    kind: Junk,
    rng: Rng,
    peer: ScriptedPeer,
    /// A request to connect that the server has given a cookie for.
    request: Vec<u8>,
    next_id: u32,
    /// Requests to connect to be sent next.
    ready: Vec<Vec<u8>>,
}

impl Junk {
    pub(crate) const ALL: [(&'static str, Self); 9] = [
        ("random", Self::Random),
        ("short", Self::Short),
        ("stray-data", Self::StrayData),
        ("forged-data", Self::ForgedData),
        ("stray-close", Self::StrayClose),
        ("challenge", Self::Challenge),
        ("bad-cookie", Self::BadCookie),
        ("bad-signature", Self::BadSignature),
        ("connections", Self::Connections),
    ];
}

impl Maker {
    pub(crate) fn new(kind: Junk, seed: u64, source: &mut Source, now: Timestamp) -> Result<Self> {
        let mut bytes = [0; 32];
        bytes[..8].copy_from_slice(&seed.to_le_bytes());
        let mut maker = Self {
            kind,
            rng: Rng::from_seed(bytes),
            peer: ScriptedPeer::client(seed),
            request: Vec::new(),
            next_id: u32::try_from(seed % 4096)? << 18 | 1,
            ready: Vec::new(),
        };
        match kind {
            Junk::ForgedData => source.connect(&mut maker.peer, now)?,
            _ => maker.renew(source, now)?,
        }
        Ok(maker)
    }

    /// Gets a new cookie, before the old one is too old.
    pub(crate) fn renew(&mut self, source: &mut Source, now: Timestamp) -> Result {
        let is_template = self.kind == Junk::Connections && self.request.is_empty();
        if is_template || matches!(self.kind, Junk::BadCookie | Junk::BadSignature) {
            self.request = source.connect_request(&mut self.peer, now)?;
            if self.kind == Junk::BadSignature {
                self.request = with_bad_signature(&self.request)?;
            }
        }
        Ok(())
    }

    /// The next datagrams, at most as many as there are in `out`.
    pub(crate) fn fill(&mut self, out: &mut Vec<Vec<u8>>, count: usize) {
        out.clear();
        if self.kind == Junk::Connections && !self.ready.is_empty() {
            std::mem::swap(out, &mut self.ready);
            return;
        }
        for _ in 0..count {
            let mut bytes = Vec::new();
            self.make(&mut bytes);
            out.push(bytes);
        }
    }

    /// Goes on with what the server has answered.
    pub(crate) fn hear(&mut self, bytes: &[u8]) {
        if self.kind != Junk::Connections {
            return;
        }
        if let Ok(UdpPacket::ChallengeReply(reply)) = udp::parse(bytes) {
            let mut request = self.request.clone();
            request[ID].copy_from_slice(&reply.connection_id.get().to_le_bytes());
            request[COOKIE].copy_from_slice(&reply.challenge.to_le_bytes());
            self.ready.push(request);
        }
    }

    fn make(&mut self, out: &mut Vec<u8>) {
        match self.kind {
            Junk::Random => {
                let len = 5 + self.rng.below(200) as usize;
                while out.len() < len {
                    out.extend_from_slice(&self.rng.bytes::<8>());
                }
            }
            Junk::Short => out.extend_from_slice(&self.rng.bytes::<3>()),
            Junk::StrayData => {
                let id = self.rng.connection_id();
                self.put_data(id, 100, out);
            }
            Junk::ForgedData => {
                let id = self.peer.remote_id().expect("it has connected");
                self.put_data(id, 1290, out);
            }
            Junk::StrayClose => udp::ConnectionClosed {
                to: Some(self.rng.connection_id()),
                from: Some(self.rng.connection_id()),
                reason: EndReason::APP_GENERIC,
                text: String::new(),
                rejection: None,
            }
            .encode(out),
            Junk::Challenge | Junk::Connections => {
                self.next_id += 1;
                udp::ChallengeRequest {
                    connection_id: ConnectionId::new(self.next_id | 0x1_0000),
                    my_timestamp: 1,
                    protocol_version: 13,
                }
                .encode(out);
            }
            Junk::BadCookie => {
                out.extend_from_slice(&self.request);
                // The time in it stays what it is.
                out[COOKIE][7] ^= 1 + self.rng.bytes::<1>()[0] % 255;
            }
            Junk::BadSignature => out.extend_from_slice(&self.request),
        }
    }

    fn put_data(&mut self, id: ConnectionId, len: usize, out: &mut Vec<u8>) {
        let number = WirePacketNumber::new(3);
        data_header::write(out, id, number, None, None);
        while out.len() < len {
            out.extend_from_slice(&self.rng.bytes::<8>());
        }
    }
}

fn with_bad_signature(request: &[u8]) -> Result<Vec<u8>> {
    let Ok(UdpPacket::ConnectRequest(mut request)) = udp::parse(request) else {
        return Err("not a request to connect".into());
    };
    request.crypt.signature = Some(vec![7; 64]);
    let mut out = Vec::new();
    request.encode(&mut out);
    Ok(out)
}

/// Where ID and cookie stand in a request, behind kind and tags.
const ID: std::ops::Range<usize> = 2..6;
const COOKIE: std::ops::Range<usize> = 7..15;
