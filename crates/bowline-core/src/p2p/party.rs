//! One end of a connection between peers that found each other by signals: what a connection by address
//! has no need for.
//!
//! The session of the key exchange, what the next signal says, the two reliable streams inside signals,
//! and the agent that looks for a way. The connection's own state says how far it all is
//! ([`Stage`](crate::connection::Stage)); `call` and `answer` hold the steps of the two roles.

use alloc::boxed::Box;
use alloc::vec::Vec;

use crate::crypto::kdf::Role;
use crate::handshake::session::Session;
use crate::ice::IceAgent;
use crate::ids::VirtualPort;
use crate::limits;
use crate::p2p::closing::Closing;
use crate::p2p::reliable_signal::ReliableReceiver;
use crate::p2p::reliable_signal::ReliableSender;
use crate::p2p::signal::ConnectOk;
use crate::p2p::signal::ReliableMessage;
use crate::p2p::signal_pacer::SignalPacer;
use crate::p2p::story::SignalStory;
use crate::p2p::way::Way;
use crate::rng::Rng;
use crate::time::Timestamp;

/// The virtual ports of a connection.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Ports {
    /// Ours.
    pub local: VirtualPort,
    /// The peer's.
    pub remote: VirtualPort,
}

/// See the module's documentation.
#[derive(Clone, Debug)]
pub(crate) struct Party {
    pub(crate) role: Role,
    pub(crate) ports: Ports,
    pub(crate) session: Session,
    /// A server's answer, for as long as the client may not have it.
    pub(crate) answer: Option<Box<ConnectOk>>,
    pub(crate) agent: Option<Box<IceAgent>>,
    pub(crate) way: Way,
    pub(crate) sent: ReliableSender,
    pub(crate) received: ReliableReceiver,
    /// What the peer said of its ways before the application has decided.
    pub(crate) early: Vec<ReliableMessage>,
    pub(crate) pacer: SignalPacer,
    pub(crate) opening: Opening,
    /// The request goes out again then.
    pub(crate) next_request: Timestamp,
    pub(crate) closing: Closing,
    pub(crate) story: SignalStory,
    pub(crate) rng: Rng,
}

/// Whether the first signal may go: it is worth more with candidates in it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Opening {
    /// It waits for the first candidates, but no longer than until then.
    Until(Timestamp),
    /// It may go, or has gone.
    Open,
}

impl Party {
    pub(crate) fn new(
        now: Timestamp,
        role: Role,
        ports: Ports,
        session: Session,
        rng: Rng,
    ) -> Self {
        Self {
            role,
            ports,
            session,
            answer: None,
            agent: None,
            way: Way::Missing { since: now },
            sent: ReliableSender::new(),
            received: ReliableReceiver::new(),
            early: Vec::new(),
            pacer: SignalPacer::new(),
            opening: Opening::Until(now + limits::FIRST_SIGNAL_WAIT),
            next_request: now,
            closing: Closing::Nothing,
            story: SignalStory::new(),
            rng,
        }
    }

    /// Heap in bytes, this included; what waits in signals is counted by its number.
    pub(crate) fn heap_bytes(&self) -> usize {
        let waiting = self.early.capacity() + self.sent.len();
        size_of::<Self>()
            + waiting * size_of::<ReliableMessage>()
            + self.agent.as_ref().map_or(0, |_| size_of::<IceAgent>())
            + self.story.heap_bytes()
    }

    /// The first signal need wait no longer.
    pub(crate) const fn open(&mut self) {
        self.opening = Opening::Open;
    }

    /// Whether signals may go.
    pub(crate) fn is_open(&self, now: Timestamp) -> bool {
        match self.opening {
            Opening::Until(at) => at <= now,
            Opening::Open => true,
        }
    }
}
