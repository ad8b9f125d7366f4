//! A scripted peer on a real socket.

use std::io::ErrorKind;
use std::net::{SocketAddr, UdpSocket};
use std::time::{Duration, Instant};

use bowline::Timestamp;
use bowline_sim::scripted::ScriptedPeer;

use crate::support::LIMIT;

/// A client that does what it is told, on a port of its own.
pub(crate) struct UdpPeer {
    pub(crate) peer: ScriptedPeer,
    pub(crate) socket: UdpSocket,
    server: SocketAddr,
    began: Instant,
}

impl UdpPeer {
    /// On any free port.
    pub(crate) fn new(seed: u64, server: SocketAddr) -> Self {
        Self::on(bind("127.0.0.1:0".parse().unwrap()), seed, server)
    }

    /// On this socket.
    pub(crate) fn on(socket: UdpSocket, seed: u64, server: SocketAddr) -> Self {
        Self {
            peer: ScriptedPeer::client(seed),
            socket,
            server,
            began: Instant::now(),
        }
    }

    /// Begins the handshake. The test accepts; [`Self::pump_until`] does the rest.
    pub(crate) fn start(&mut self) {
        let first = self.peer.start(self.now());
        self.send(&first);
    }

    pub(crate) fn send(&self, datagram: &[u8]) {
        // What the port unreachable of an earlier datagram causes is of no interest.
        let _ = self.socket.send_to(datagram, self.server);
    }

    pub(crate) fn send_all(&self, datagrams: &[Vec<u8>]) {
        for datagram in datagrams {
            self.send(datagram);
        }
    }

    /// Takes in and answers what comes until `done` says so.
    pub(crate) fn pump_until(&mut self, mut done: impl FnMut(&mut ScriptedPeer) -> bool) {
        let end = Instant::now() + LIMIT;
        while !done(&mut self.peer) {
            assert!(Instant::now() < end, "did not happen in time");
            self.pump_once();
        }
    }

    /// Takes in what comes next and answers it, if something comes soon.
    pub(crate) fn pump_once(&mut self) {
        let mut buf = [0; 2_000];
        match self.socket.recv_from(&mut buf) {
            Ok((len, _)) => {
                let answers = self.peer.handle(self.now(), &buf[..len]);
                self.send_all(&answers);
            }
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {}
            // News of a datagram that met nobody.
            Err(error) if error.kind() == ErrorKind::ConnectionRefused => {}
            Err(error) => panic!("{error}"),
        }
    }

    fn now(&self) -> Timestamp {
        Timestamp::from_micros(1_000_000 + self.began.elapsed().as_micros() as u64)
    }
}

/// A socket that waits a little when it is read.
pub(crate) fn bind(addr: SocketAddr) -> UdpSocket {
    let socket = UdpSocket::bind(addr).unwrap();
    socket
        .set_read_timeout(Some(Duration::from_millis(5)))
        .unwrap();
    socket
}
