//! What was asked of the server and not answered yet.

use alloc::collections::BTreeMap;
use alloc::collections::VecDeque;
use alloc::vec::Vec;

use crate::rng::Rng;
use crate::stun::AddressFamily;
use crate::stun::Builder;
use crate::stun::Class;
use crate::stun::Method;
use crate::stun::Transaction;
use crate::stun::TransactionId;
use crate::stun::TransactionStep;
use crate::time::Timestamp;
use crate::turn::auth::Auth;
use crate::turn::peers::Wish;

/// What a request is for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Ask {
    /// An allocation is wanted.
    Allocate(AddressFamily),
    /// The allocation is to live on.
    Refresh,
    /// The allocation is to end.
    Release,
    /// A permission or a channel.
    Peer(Wish),
}

/// A request that waits for its answer.
#[derive(Clone, Copy, Debug)]
pub(super) struct Request {
    pub(super) ask: Ask,
    /// How often it was asked with another nonce before.
    pub(super) nonces: u8,
    transaction: Transaction,
}

/// All requests that wait for answers, and which of them are to leave.
#[derive(Clone, Debug, Default)]
pub(super) struct Requests {
    pub(super) waiting: BTreeMap<TransactionId, Request>,
    pub(super) to_send: VecDeque<TransactionId>,
}

impl Requests {
    /// Makes a request that leaves as soon as somebody asks what there is to send.
    pub(super) fn start(&mut self, now: Timestamp, ask: Ask, nonces: u8, rng: &mut Rng) {
        let id = TransactionId::new(0, rng);
        let request = Request {
            ask,
            nonces,
            transaction: Transaction::new(now, id),
        };
        self.waiting.insert(id, request);
        self.to_send.push_back(id);
    }

    /// The request that an answer is for.
    pub(super) fn find(&self, id: &TransactionId, method: Method) -> Option<Request> {
        let request = self.waiting.get(id).copied();
        request.filter(|request| request.ask.method() == method)
    }

    /// It was answered.
    pub(super) fn remove(&mut self, id: &TransactionId) {
        self.waiting.remove(id);
        self.to_send.retain(|waiting| waiting != id);
    }

    /// No answer matters any more.
    pub(super) fn clear(&mut self) {
        self.waiting.clear();
        self.to_send.clear();
    }

    /// How many are for permissions and channels.
    pub(super) fn for_peers(&self) -> usize {
        let asks = self.waiting.values().map(|request| request.ask);
        asks.filter(|ask| matches!(ask, Ask::Peer(_))).count()
    }

    /// Appends the next message that is to leave, if there is one.
    pub(super) fn write_next(&mut self, auth: &Auth, out: &mut Vec<u8>) -> Option<()> {
        while let Some(id) = self.to_send.pop_front() {
            if let Some(request) = self.waiting.get(&id) {
                request.ask.write(id, auth, out);
                return Some(());
            }
        }
        None
    }

    /// Sends again what is due, and returns what nobody has answered.
    pub(super) fn on_timeout(&mut self, now: Timestamp) -> Vec<Ask> {
        let mut failed = Vec::new();
        let to_send = &mut self.to_send;
        self.waiting.retain(|id, request| {
            match request.transaction.on_timeout(now) {
                Some(TransactionStep::Retransmit) if !to_send.contains(id) => {
                    to_send.push_back(*id);
                }
                Some(TransactionStep::Retransmit) | None => {}
                Some(TransactionStep::Failed) => {
                    failed.push(request.ask);
                    return false;
                }
            }
            true
        });
        to_send.retain(|id| self.waiting.contains_key(id));
        failed
    }

    /// When [`Self::on_timeout`] has something to do.
    pub(super) fn deadline(&self) -> Option<Timestamp> {
        let all = self.waiting.values();
        all.map(|request| request.transaction.next_deadline()).min()
    }
}

impl Ask {
    const fn method(self) -> Method {
        match self {
            Self::Allocate(_) => Method::Allocate,
            Self::Refresh | Self::Release => Method::Refresh,
            Self::Peer(Wish::Permission(_)) => Method::CreatePermission,
            Self::Peer(Wish::Channel(..)) => Method::ChannelBind,
        }
    }

    fn write(self, id: TransactionId, auth: &Auth, out: &mut Vec<u8>) {
        let mut message = Builder::new(out, Class::Request, self.method(), id);
        match self {
            Self::Allocate(family) => {
                message.requested_transport_udp();
                // IPv4 is what is given without, also by servers that do not know the attribute.
                if family == AddressFamily::Ipv6 {
                    message.requested_address_family(family);
                }
            }
            Self::Refresh => {}
            Self::Release => {
                message.lifetime(0);
            }
            Self::Peer(Wish::Permission(ip)) => {
                message.xor_peer_address((ip, 0).into());
            }
            Self::Peer(Wish::Channel(peer, number)) => {
                message.channel_number(number).xor_peer_address(peer);
            }
        }
        auth.sign(&mut message);
        message.fingerprint();
    }
}
