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
use crate::memory;
use crate::p2p::challenge::Challenge;
use crate::p2p::closing::Closing;
use crate::p2p::reliable_signal::ReliableReceiver;
use crate::p2p::reliable_signal::ReliableSender;
use crate::p2p::signal::ConnectOk;
use crate::p2p::signal::ReliableMessage;
use crate::p2p::signal_pacer::SignalPacer;
use crate::p2p::story::SignalStory;
use crate::p2p::transports::Transports;
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
    /// When one of the two has asked first.
    pub(crate) began: Timestamp,
    /// Until keys are agreed on: what they were made of is not kept.
    pub(crate) session: Option<Box<Session>>,
    /// It says nothing before we have a certificate to show.
    pub(crate) is_held: bool,
    /// A server's answer, for as long as the client may not have it.
    pub(crate) answer: Option<Box<ConnectOk>>,
    pub(crate) agent: Option<Box<IceAgent>>,
    pub(crate) transports: Transports,
    pub(crate) way: Way,
    pub(crate) sent: ReliableSender,
    pub(crate) received: ReliableReceiver,
    /// What the peer said of its ways before the application has decided.
    pub(crate) early: Vec<ReliableMessage>,
    pub(crate) pacer: SignalPacer,
    pub(crate) opening: Opening,
    /// When the last signal of the peer came that was for this connection.
    pub(crate) heard_at: Timestamp,
    /// The request goes out again then.
    pub(crate) next_request: Timestamp,
    pub(crate) closing: Closing,
    pub(crate) challenge: Challenge,
    pub(crate) story: SignalStory,
    /// For what is drawn while a way is looked for.
    pub(crate) rng: Option<Box<Rng>>,
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
        session: Option<Session>,
        rng: Rng,
    ) -> Self {
        Self {
            role,
            ports,
            began: now,
            heard_at: now,
            is_held: session.is_none(),
            session: session.map(Box::new),
            answer: None,
            agent: None,
            transports: Transports::new(),
            way: Way::Missing {
                since: now,
                last: None,
            },
            sent: ReliableSender::new(),
            received: ReliableReceiver::new(),
            early: Vec::new(),
            pacer: SignalPacer::new(),
            opening: Opening::Until(now + limits::FIRST_SIGNAL_WAIT),
            next_request: now,
            closing: Closing::Nothing,
            challenge: Challenge::default(),
            story: SignalStory::new(),
            rng: Some(Box::new(rng)),
        }
    }

    /// The most that [`Self::heap_bytes`] can come to, in bytes.
    pub(crate) const HEAP_BOUND: usize = {
        let texts = limits::MAX_EARLY_SIGNALS + limits::MAX_RELIABLE_SIGNALS;
        size_of::<Self>()
            + size_of::<Rng>()
            + Rng::HEAP_BOUND
            + size_of::<IceAgent>()
            + IceAgent::HEAP_BOUND
            + Transports::HEAP_BOUND
            + memory::grown::<ReliableMessage>(limits::MAX_EARLY_SIGNALS)
            + ReliableSender::HEAP_BOUND
            + texts * limits::MAX_SIGNAL_CANDIDATE
            + SignalStory::HEAP_BOUND
    };

    /// Heap in bytes, this included; the key exchange is left out.
    pub(crate) fn heap_bytes(&self) -> usize {
        let agent = self.agent.as_ref();
        let texts = self.early.iter().map(ReliableMessage::heap_bytes);
        size_of::<Self>()
            + agent.map_or(0, |agent| size_of::<IceAgent>() + agent.heap_bytes())
            + self.transports.heap_bytes()
            + self
                .rng
                .as_ref()
                .map_or(0, |rng| size_of::<Rng>() + rng.heap_bytes())
            + memory::of_vec(&self.early)
            + texts.sum::<usize>()
            + self.sent.heap_bytes()
            + self.story.heap_bytes()
    }

    /// Gives back what a connection has no use for that stands or is over.
    pub(crate) fn rest(&mut self) {
        self.session = None;
        self.answer = None;
        self.rng = None;
        self.early.shrink_to_fit();
        self.sent.shrink();
        self.story.shrink();
        if let Some(agent) = &mut self.agent {
            agent.rest();
        }
    }

    /// The first signal need wait no longer.
    pub(crate) const fn open(&mut self) {
        self.opening = Opening::Open;
    }

    /// Whether signals may go.
    pub(crate) fn is_open(&self, now: Timestamp) -> bool {
        match self.opening {
            Opening::Until(at) => !self.is_held && at <= now,
            Opening::Open => !self.is_held,
        }
    }
}
