//! Sockets without an endpoint: scenarios that speak a protocol of their own over the network.

use std::net::SocketAddr;

use crate::host::{HostId, Power};
use crate::network::Datagram;
use crate::world::World;

impl World {
    /// Opens a raw socket, so that what arrives at this port waits in [`Self::raw_inbox`], and
    /// returns its address. A port that is open already stays as it is.
    ///
    /// # Panics
    /// If the host's endpoint has the port.
    pub fn open_raw(&mut self, host: HostId, port: u16) -> SocketAddr {
        self.host_mut(host).open_raw(port);
        SocketAddr::new(self.host(host).address, port)
    }

    /// Sends a datagram from a port of a host, whatever is in it, to any address. From one socket to
    /// many remotes, if you like: this is for peers with a protocol, or a malice, of their own.
    ///
    /// The port is opened as by [`Self::open_raw`] if nobody has it. If the host's endpoint has it, the
    /// datagram leaves all the same, and answers go to the endpoint.
    ///
    /// ```
    /// use bowline_sim::{HostConfig, deterministic};
    ///
    /// deterministic(1, |world| {
    ///     let a = world.add_host("a", HostConfig::default());
    ///     let b = world.add_host("b", HostConfig::default());
    ///     let to = world.open_raw(b, 3478);
    ///     world.send_raw(a, 5000, to, b"who am I?");
    ///     world.run_for(bowline_core::time::Span::from_millis(1));
    ///     let [datagram] = &world.raw_inbox(b, 3478)[..] else {
    ///         panic!("nothing arrived");
    ///     };
    ///     assert_eq!(datagram.bytes, b"who am I?");
    ///     assert_eq!(datagram.from.port(), 5000);
    /// });
    /// ```
    pub fn send_raw(&mut self, host: HostId, from_port: u16, to: SocketAddr, bytes: &[u8]) {
        let sender = self.host_mut(host);
        if !sender.has_socket(from_port) {
            sender.open_raw(from_port);
        }
        let from = SocketAddr::new(sender.address, from_port);
        self.send_spoofed(host, from, to, bytes);
    }

    /// As [`Self::send_raw`], under a false address: routers far from the sender cannot tell. The
    /// datagram takes the links of the host that really sends it; answers go to the address on it.
    pub fn send_spoofed(&mut self, host: HostId, from: SocketAddr, to: SocketAddr, bytes: &[u8]) {
        if let Power::Off = self.host(host).power {
            return;
        }
        let bytes = bytes.to_vec();
        self.send_datagram(host, Datagram { from, to, bytes });
    }

    /// Takes what arrived at a raw socket, oldest first; nothing if there is no such socket. At most
    /// 212,992 bytes wait there, as in a socket of Linux; what does not fit is lost and counted.
    pub fn raw_inbox(&mut self, host: HostId, port: u16) -> Vec<Datagram> {
        self.host_mut(host).take_raw(port).into()
    }

    /// Datagrams that a host lost because the buffer of a socket was full.
    pub fn overflowed(&self, host: HostId) -> u64 {
        self.host(host).overflowed
    }
}
