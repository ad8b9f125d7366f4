//! Where a flood comes from: a socket at an address of its own, each in another network.

use std::net::Ipv4Addr;
use std::net::SocketAddr;
use std::time::Duration;
use std::time::Instant;

use bowline_core::time::Timestamp;
use bowline_core::wire::udp;
use bowline_core::wire::udp::UdpPacket;
use bowline_io::udp::OutDatagram;
use bowline_io::udp::RecvBatch;
use bowline_io::udp::UdpSocket;
use bowline_sim::scripted::ScriptedPeer;

use crate::Result;

/// How long the server may take to answer.
const PATIENCE: Duration = Duration::from_secs(12);
/// After how long a request is sent again.
const RETRY: Duration = Duration::from_millis(200);

/// A socket, and what it has sent and heard.
#[derive(Debug)]
pub(crate) struct Source {
    socket: UdpSocket,
    server: SocketAddr,
    batch: RecvBatch,
    pub(crate) sent_packets: u64,
    pub(crate) sent_bytes: u64,
    pub(crate) heard_bytes: u64,
}

impl Source {
    /// Number `index` of them: all of 127.0.0.0/8 is this machine.
    pub(crate) fn new(server: SocketAddr, index: usize) -> Result<Self> {
        let [high, low] = u16::try_from(index)?.to_be_bytes();
        let ip = Ipv4Addr::new(127, 77 + high, low, 1);
        Ok(Self {
            socket: UdpSocket::bind((ip, 0).into(), false)?,
            server,
            batch: RecvBatch::new(32),
            sent_packets: 0,
            sent_bytes: 0,
            heard_bytes: 0,
        })
    }

    /// Sends datagrams, many in one call of the system.
    pub(crate) fn send(&mut self, datagrams: &[Vec<u8>]) -> Result {
        let list: Vec<OutDatagram<'_>> = datagrams
            .iter()
            .map(|bytes| self.to_server(bytes))
            .collect();
        // What does not fit is not sent, nor counted.
        let sent = self.socket.send_many(&list)?.entries;
        self.sent_packets += sent as u64;
        let bytes = datagrams.iter().take(sent).map(Vec::len);
        self.sent_bytes += bytes.sum::<usize>() as u64;
        Ok(())
    }

    /// Hands over what has come from the server.
    pub(crate) fn hear(&mut self, mut take: impl FnMut(&[u8])) -> Result {
        loop {
            if self.socket.recv(&mut self.batch)? == 0 {
                return Ok(());
            }
            for (_, _, bytes) in self.batch.iter_mut() {
                self.heard_bytes += bytes.len() as u64;
                take(bytes);
            }
        }
    }

    /// A request to connect with a cookie that is good for some seconds.
    pub(crate) fn connect_request(
        &mut self,
        peer: &mut ScriptedPeer,
        now: Timestamp,
    ) -> Result<Vec<u8>> {
        let start = peer.start(now);
        let mut request = None;
        self.ask_until(&[start], |bytes| {
            if let Ok(UdpPacket::ChallengeReply(reply)) = udp::parse(bytes) {
                request = Some(peer.connect_request(now, reply.challenge));
            }
            request.is_some()
        })?;
        request.ok_or_else(|| "no cookie".into())
    }

    /// Connects `peer`.
    pub(crate) fn connect(&mut self, peer: &mut ScriptedPeer, now: Timestamp) -> Result {
        let request = self.connect_request(peer, now)?;
        self.ask_until(&[request], |bytes| {
            peer.handle(now, bytes);
            peer.is_connected()
        })
    }

    fn ask_until(&mut self, ask: &[Vec<u8>], mut answered: impl FnMut(&[u8]) -> bool) -> Result {
        let start = Instant::now();
        while start.elapsed() < PATIENCE {
            self.send(ask)?;
            let asked = Instant::now();
            while asked.elapsed() < RETRY {
                let mut done = false;
                self.hear(|bytes| done |= !done && answered(bytes))?;
                if done {
                    return Ok(());
                }
                std::thread::sleep(Duration::from_micros(100));
            }
        }
        Err("the server does not answer".into())
    }

    const fn to_server<'a>(&self, bytes: &'a [u8]) -> OutDatagram<'a> {
        OutDatagram {
            to: self.server,
            bytes,
            segment_size: 0,
            ecn: None,
        }
    }
}
