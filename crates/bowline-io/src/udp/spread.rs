//! Several sockets with one port, over which the kernel spreads the senders.
//!
//! Whoever asks for a port to be shared is let in by everybody who did, if both are the same user's. So
//! the first socket asks only once it has the port: it is refused if anybody has it, and of two programs
//! that are started with one address the second fails, as without sharing. No other order is safe, and no
//! lock file could be.

use std::io;
use std::net::SocketAddr;

use super::{Port, UdpSocket};

impl UdpSocket {
    /// Binds up to `count` sockets to one address, port 0 included. The kernel has each sender's datagrams
    /// arrive at the same one of them, chosen by a hash of both addresses.
    ///
    /// There is always at least one. There is no further one on systems other than Linux and Android, which
    /// do not spread senders, or if the kernel refuses it.
    ///
    /// # Errors
    /// As [`bind`](Self::bind): if anybody else has the port, one who shares it included.
    pub fn bind_spread(addr: SocketAddr, dual_stack: bool, count: usize) -> io::Result<Vec<Self>> {
        if count <= 1 {
            return Ok(vec![Self::bind(addr, dual_stack)?]);
        }
        let Ok(first) = Self::try_bind(addr, dual_stack, Port::Opens) else {
            return Ok(vec![Self::bind(addr, dual_stack)?]);
        };
        let addr = first.local_addr();
        let further = (1..count).map_while(|_| {
            Self::try_bind(addr, dual_stack, Port::Joins)
                .inspect_err(|error| tracing::debug!(%error, %addr, "the port cannot be shared"))
                .ok()
        });
        let further = further.collect::<Vec<_>>();
        Ok([first].into_iter().chain(further).collect())
    }
}

#[cfg(test)]
#[cfg(any(target_os = "android", target_os = "linux"))]
mod tests {
    use std::collections::BTreeSet;
    use std::net;
    use std::net::{Ipv4Addr, Ipv6Addr};
    use std::time::{Duration, Instant};

    use super::*;
    use crate::udp::RecvBatch;

    /// Who sent what has arrived at each socket, once `count` datagrams have.
    fn senders(sockets: &[UdpSocket], count: usize) -> Vec<BTreeSet<SocketAddr>> {
        let mut batch = RecvBatch::new(4);
        let mut senders = vec![BTreeSet::new(); sockets.len()];
        let mut arrived = 0;
        let end = Instant::now() + Duration::from_secs(5);
        while arrived < count {
            assert!(Instant::now() < end, "only {arrived} arrived");
            for (socket, senders) in sockets.iter().zip(&mut senders) {
                arrived += socket.recv(&mut batch).unwrap();
                senders.extend(batch.iter_mut().map(|(from, _, _)| *from));
            }
        }
        senders
    }

    #[test]
    fn each_sender_has_one_socket_and_none_has_all() {
        for ip in [Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into()] {
            let any = SocketAddr::new(ip, 0);
            let sockets = UdpSocket::bind_spread(any, false, 4).unwrap();
            assert_eq!(sockets.len(), 4);
            let addr = sockets[0].local_addr();
            assert!(sockets.iter().all(|socket| socket.local_addr() == addr));
            let clients: Vec<_> = (0..64)
                .map(|_| net::UdpSocket::bind(any).unwrap())
                .collect();
            for _ in 0..3 {
                for client in &clients {
                    client.send_to(b"hello", addr).unwrap();
                }
            }
            let senders = senders(&sockets, 3 * clients.len());
            // That one of four gets none of 64 has a chance of 1 in 25 million.
            assert!(senders.iter().all(|senders| !senders.is_empty()));
            let distinct: BTreeSet<_> = senders.iter().flatten().collect();
            let total: usize = senders.iter().map(BTreeSet::len).sum();
            assert_eq!((distinct.len(), total), (64, 64), "none has two sockets");
        }
    }

    #[test]
    fn a_port_that_is_spread_is_taken_for_everybody_else() {
        let any = SocketAddr::new(Ipv4Addr::LOCALHOST.into(), 0);
        let sockets = UdpSocket::bind_spread(any, false, 3).unwrap();
        let addr = sockets[0].local_addr();
        for count in [1, 3] {
            let error = UdpSocket::bind_spread(addr, false, count).unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::AddrInUse);
            assert!(error.to_string().contains(&addr.to_string()));
        }
        assert!(net::UdpSocket::bind(addr).is_err());
        drop(sockets);
        let alone = UdpSocket::bind(addr, false).unwrap();
        let error = UdpSocket::bind_spread(addr, false, 3).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::AddrInUse);
        drop(alone);
        assert_eq!(UdpSocket::bind_spread(addr, false, 3).unwrap().len(), 3);
    }
}
