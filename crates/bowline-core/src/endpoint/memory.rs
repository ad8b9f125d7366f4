//! How much memory an endpoint holds: for connections, and nothing for those who have not proved where
//! they are.

use crate::endpoint::Endpoint;
use crate::memory;

impl Endpoint {
    /// The memory that the endpoint holds now, in bytes: itself, and on the heap what it remembers of
    /// connections, routes and sources. Connections themselves are not in it
    /// ([`Connection::memory_bytes`](crate::connection::Connection::memory_bytes)). It does not grow by
    /// datagrams of sources that have not proved their address.
    pub fn memory_bytes(&self) -> usize {
        size_of::<Self>()
            + self.table.heap_bytes()
            + memory::of_map(&self.listeners)
            + self.windows.heap_bytes()
            + self.peers.heap_bytes()
    }
}

#[cfg(test)]
mod tests {
    use alloc::vec::Vec;

    use crate::endpoint::DatagramEvent;
    use crate::endpoint::Route;
    use crate::pair::Pair;
    use crate::pair::SOCKET;
    use crate::time::Span;
    use crate::wire::udp;

    /// Whatever anybody sends without having proved an address, nothing is remembered of it.
    #[test]
    fn unproven_sources_leave_no_memory_behind() {
        let (mut pair, ..) = Pair::connected();
        let said: Vec<Vec<u8>> = pair.log.iter().map(|(_, bytes)| bytes.clone()).collect();
        let endpoint = &mut pair.server.endpoint;
        let before = endpoint.memory_bytes();
        let mut replies = 0;
        for n in 0..20_000u32 {
            let [_, b, c, d] = n.to_be_bytes();
            let remote = core::net::SocketAddr::from(([10, b, c, d], 1000));
            let mut data = said[n as usize % said.len()].clone();
            if n % 3 == 0 {
                let end = data.len() - 1;
                data[end] ^= 1;
            }
            let from = Route {
                socket: SOCKET,
                remote,
            };
            let now = pair.now + Span::from_millis(u64::from(n));
            let mut reply = Vec::new();
            let event = endpoint.handle_datagram(now, from, None, &data, &mut reply);
            assert!(!matches!(event, DatagramEvent::Incoming(_)));
            replies += usize::from(udp::parse(&reply).is_ok());
        }
        assert!(replies > 1000, "{replies} challenges were answered");
        assert_eq!(endpoint.memory_bytes(), before);
        assert_eq!(endpoint.connections(), 1);
    }
}
