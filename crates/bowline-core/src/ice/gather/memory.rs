//! What the gatherer holds on the heap.

use crate::memory;

use super::GatherConfig;
use super::Gatherer;
use super::TurnServer;
use super::mapping::Mapping;
use super::relay::Relay;
use super::socket::Socket;
use super::want::Want;

impl Gatherer {
    /// Heap in bytes: sockets, what relays lend them, and what each connection wants and was told. Settings that
    /// connections share are counted at least once.
    pub(crate) fn heap_bytes(&self) -> usize {
        let sockets = self.sockets.iter().map(Socket::heap_bytes);
        let wants = self.wants.values().map(Want::heap_bytes);
        let configs = self.wants.values().map(|want| &want.config);
        let configs = memory::of_shared([&self.config].into_iter().chain(configs), |config| {
            config.heap_bytes()
        });
        memory::of_vec(&self.sockets)
            + sockets.sum::<usize>()
            + memory::of_map(&self.wants)
            + wants.sum::<usize>()
            + configs
            + memory::of_set(&self.outdated)
    }
}

impl Socket {
    fn heap_bytes(&self) -> usize {
        let relays = self.relays.iter().map(Relay::heap_bytes);
        self.mapping.heap_bytes()
            + memory::of_vec(&self.stun)
            + memory::of_vec(self.relays.as_vec())
            + relays.sum::<usize>()
    }
}

impl Mapping {
    fn heap_bytes(&self) -> usize {
        memory::of_vec(&self.wrong)
    }
}

impl Relay {
    fn heap_bytes(&self) -> usize {
        self.client.heap_bytes()
    }
}

impl Want {
    fn heap_bytes(&self) -> usize {
        memory::of_vec(&self.told) + memory::of_vec(&self.told_failures)
    }
}

impl GatherConfig {
    fn heap_bytes(&self) -> usize {
        let accounts = self.turn.iter().map(TurnServer::heap_bytes);
        memory::of_vec(&self.stun) + memory::of_vec(&self.turn) + accounts.sum::<usize>()
    }
}

impl TurnServer {
    fn heap_bytes(&self) -> usize {
        self.user.capacity() + self.password.capacity()
    }
}
