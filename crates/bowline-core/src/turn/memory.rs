//! What a client holds on the heap: it may be there for hours.

use crate::memory;
use crate::turn::TurnClient;
use crate::turn::auth::Auth;
use crate::turn::peers::Peers;
use crate::turn::request::Requests;

impl TurnClient {
    /// Heap in bytes.
    pub(crate) fn heap_bytes(&self) -> usize {
        let held = self.held.iter().map(|(_, data)| memory::of_vec(data));
        self.auth.heap_bytes()
            + self.requests.heap_bytes()
            + self.peers.heap_bytes()
            + memory::of_deque(&self.held)
            + held.sum::<usize>()
    }
}

impl Auth {
    fn heap_bytes(&self) -> usize {
        let challenge = self.challenge.as_ref().map_or(0, |challenge| {
            memory::of_vec(&challenge.realm)
                + memory::of_vec(&challenge.nonce)
                + challenge.key.heap_bytes()
        });
        self.user.capacity() + self.password.capacity() + challenge
    }
}

impl Requests {
    fn heap_bytes(&self) -> usize {
        memory::of_map(&self.waiting) + memory::of_deque(&self.to_send)
    }
}

impl Peers {
    fn heap_bytes(&self) -> usize {
        memory::of_map(&self.permissions)
            + memory::of_map(&self.channels)
            + memory::of_map(&self.by_number)
    }
}
