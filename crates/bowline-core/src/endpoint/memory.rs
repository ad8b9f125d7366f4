//! How much memory an endpoint holds: for connections, and nothing for those who have not proved where
//! they are.

use alloc::string::String;

use crate::endpoint::Endpoint;
use crate::endpoint::ways::Name;
use crate::endpoint::ways::Ways;
use crate::endpoint::ways::Wish;
use crate::memory;

impl Endpoint {
    /// The memory that the endpoint holds now, in bytes: itself, and on the heap what it remembers of
    /// connections, routes and sources, and of the ways out of this host. Connections themselves are not in it
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

impl Ways {
    /// Heap in bytes.
    pub(super) fn heap_bytes(&self) -> usize {
        let wishes = self.wish.iter().chain(self.wishes.values());
        let wishes = memory::of_shared(wishes, Wish::heap_bytes);
        let names = self.names.iter().map(|(name, known)| {
            let addresses = match known {
                Name::Asked { .. } => 0,
                Name::Known { addresses, .. } => memory::of_vec(addresses),
            };
            name.capacity() + addresses
        });
        self.gatherer.heap_bytes()
            + memory::of_map(&self.wishes)
            + wishes
            + memory::of_map(&self.names)
            + names.sum::<usize>()
            + memory::of_deque(&self.to_resolve)
            + self.to_resolve.iter().map(String::capacity).sum::<usize>()
    }
}

impl Wish {
    fn heap_bytes(&self) -> usize {
        let turn = self.turn.iter();
        let accounts = turn.map(|turn| turn.user.capacity() + turn.password.capacity());
        memory::of_vec(&self.stun)
            + memory::of_vec(&self.turn)
            + accounts.sum::<usize>()
            + self.names().map(String::capacity).sum::<usize>()
    }
}

#[cfg(test)]
mod tests {
    use alloc::sync::Arc;
    use alloc::vec::Vec;

    use super::*;
    use crate::config::Config;
    use crate::crypto::rustcrypto;
    use crate::endpoint::Called;
    use crate::endpoint::DatagramEvent;
    use crate::endpoint::EndpointConfig;
    use crate::endpoint::Route;
    use crate::event::ToEndpoint;
    use crate::ice::gather::Interface;
    use crate::ids::VirtualPort;
    use crate::limits;
    use crate::pair::Pair;
    use crate::pair::SOCKET;
    use crate::time::Span;
    use crate::time::Timestamp;
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

    /// What connections between peers want to know of this host counts while they want it, and no longer.
    #[test]
    fn limit_memory_of_wishes_names_and_relays() {
        let now = Timestamp::from_micros(1_000_000);
        let mut host = EndpointConfig::new(rustcrypto::provider());
        host.identity = "str:alice".parse().unwrap();
        let mut endpoint = Endpoint::new(host, [1; 32], now, 1_700_000_000);
        let interface = Interface {
            socket: SOCKET,
            address: "192.0.2.1:5".parse().unwrap(),
        };
        endpoint.set_interfaces(now, &[interface]);
        let mut config = Config::new();
        let account = ("player".repeat(10), "secret".repeat(10));
        let account = (account.0.as_str(), account.1.as_str());
        config
            .set_stun_servers("stun.example.org,192.0.2.9")
            .unwrap()
            .set_turn_servers("turn.example.org,192.0.2.9", &[account, account])
            .unwrap();
        let (config, bob) = (Arc::new(config), "str:bob".parse().unwrap());
        let empty = endpoint.memory_bytes();
        let mut calls = Vec::new();
        for port in 0..limits::MAX_CALLS_PER_PEER as u32 {
            let before = endpoint.memory_bytes();
            let port = VirtualPort::new(port).unwrap();
            let called = endpoint.connect_p2p(now, &bob, port, Arc::clone(&config));
            let Ok(Called::New(connection)) = called else {
                panic!("a new connection")
            };
            let id = connection.id();
            assert!(
                endpoint
                    .handle_event(now, id, ToEndpoint::WantsWays)
                    .is_none()
            );
            calls.push(id);
            let more = endpoint.memory_bytes() - before;
            // The names, twice the accounts, and what else the tables have of it. The settings are the same, so that
            // further connections share what was made of them.
            let bounds = if calls.len() == 1 {
                400..8_192
            } else {
                0..1_024
            };
            assert!(bounds.contains(&more), "{more} for one connection");
        }
        let full = endpoint.memory_bytes();
        endpoint.handle_resolved(now, "turn.example.org", &["192.0.2.10".parse().unwrap()]);
        assert!(endpoint.memory_bytes() > full, "another server");
        for id in calls {
            assert!(endpoint.handle_event(now, id, ToEndpoint::Dead).is_none());
        }
        let kept = endpoint.memory_bytes() - empty;
        assert!(
            kept < 4_096,
            "{kept} bytes are kept: names, and accounts at relays"
        );
    }
}
