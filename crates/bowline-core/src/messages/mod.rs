//! Messages to identities: sessions that come and go as they are needed, with channels to sort what arrives.
//!
//! ```text
//! profile   what tells one kind of sessions from another: port, timers, codes
//! header    the five bytes before each message
//! session   one peer: its connection, its channels, when it was used last
//! begin     how sessions begin: by what is sent, or by a request that is accepted
//! end       how they end: through either application, the peer, the network, or time
//! pieces    messages that are larger than a connection takes
//! inbox     messages that wait to be read, by channel
//! reading   what connections deliver, and who reads it
//! ```
//!
//! [`Sessions`] is the table of who is talked to. It never sees a packet: under each session lies a connection
//! between peers, which its owner drives. The owner tells what happens to connections ([`Sessions::asked`],
//! [`Sessions::connected`], [`Sessions::ended`], [`Sessions::deliver`]), asks before it sends
//! ([`Sessions::plan_send`]), and does what the table wants done ([`Sessions::poll_request`]). Time comes in as
//! everywhere: [`Sessions::poll_timeout`], [`Sessions::handle_timeout`].
//!
//! A session has at most one connection. It begins with the first message of ours, or with a request of the
//! peer's, of which an event tells once and again ([`SESSION_REQUEST_REPEAT`](crate::limits::SESSION_REQUEST_REPEAT)) until the application accepts,
//! sends, or the request is given up. It ends when it was not used for [`Profile::idle`]; when nothing is under way,
//! that is. A connection that breaks is told once and then kept as information, and nothing is sent before the
//! application says that it knows (by closing the session, or by sending with a restart).
//!
//! Messages wait in queues by channel, whoever sent them, and count against the room of their session. When that is
//! full ([`Sessions::wants`]) they stay in the connection, whose bounds reach back to the peer. A connection that ends leaves
//! what it holds, for which there is as much room again ([`Sessions::wants_at_end`]); what is beyond is counted, and told as
//! a failure. All sessions together are bounded, too ([`Profile::all`]): while much is unread, a session has an equal
//! share of that, and what peers have left goes at some time, the oldest first. So nothing is lost without being counted, and nothing is unbounded.
//!
//! There are two kinds ([`Profile`]): messages as GNS has them, and packets as in Steam's legacy API. They differ in port,
//! times and bounds, and in what follows from a failure.
//!
//! `I` is what the owner knows of a connection that broke.
//!
//! GNS e707b3a: steamnetworkingsockets/clientlib/csteamnetworkingmessages.cpp (p2p.md, section 11).
//! DIFFERS: what is received counts as use, too; there a session that only receives ends after three minutes. What
//! waits to be read is bounded. A peer that nobody answers is announced again while it keeps asking.

mod begin;
mod end;
mod header;
mod inbox;
pub mod limits;
mod pieces;
mod profile;
mod reading;
mod session;

pub use header::HEADER;
pub use header::header;
pub use header::piece_header;
pub use inbox::SessionMessage;
pub use profile::Ending;
pub use profile::Profile;
pub use profile::Room;
pub use reading::ClosedChannel;
pub use reading::Read;

use alloc::collections::BTreeMap;
use alloc::collections::VecDeque;
use alloc::sync::Arc;

use crate::counters::DropCounters;
use crate::identity::Identity;
use crate::ids::ConnectionId;
use crate::time::Timestamp;

use inbox::Inbox;
use session::Link;
use session::Session;

/// Everybody who is talked to.
#[derive(Clone, Debug)]
pub struct Sessions<I> {
    profile: Profile,
    sessions: BTreeMap<Arc<Identity>, Session<I>>,
    /// Whose each connection is.
    peers: BTreeMap<ConnectionId, Arc<Identity>>,
    /// Sessions that wait for the application's decision.
    asking: usize,
    inbox: Inbox,
    events: VecDeque<SessionEvent<I>>,
    requests: VecDeque<SessionRequest>,
    /// When a session may have something due; never later than that.
    next_look: Timestamp,
    /// A session was held up by what others have left unread ([`Sessions::relieved`]).
    is_tight: bool,
    drops: DropCounters,
}

/// How a message gets on its way.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[must_use = "nothing was sent yet"]
pub enum SendPlan {
    /// By this connection.
    Over(ConnectionId),
    /// By this connection, once it is accepted: the peer has asked for it.
    Accept(ConnectionId),
    /// By a new one, of which [`Sessions::began`] is to be told.
    Connect,
}

/// Why there is nobody to send to.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum PlanError {
    /// The connection broke, and the application has not said that it knows.
    #[error("the session has failed: close it, or send with a restart")]
    Broken,
    /// [`MAX_SESSIONS`](crate::limits::MAX_SESSIONS) are there.
    #[error("too many sessions")]
    TooMany,
}

/// Why a request is not taken.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum AskError {
    /// [`MAX_SESSION_REQUESTS`](crate::limits::MAX_SESSION_REQUESTS) wait for the application already, or there are
    /// [`MAX_SESSIONS`](crate::limits::MAX_SESSIONS).
    #[error("too many sessions, or too many requests for them")]
    TooMany,
    /// There is a connection with this peer already.
    #[error("there is a connection with this peer already")]
    Connected,
}

/// There is no session with this peer, or none that could be what was asked for.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("there is no such session")]
pub struct NoSession;

/// Something that the application is to be told.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum SessionEvent<I> {
    /// This peer wants to send messages.
    Requested(Arc<Identity>),
    /// A connection broke, or never came about.
    Failed(I),
}

/// Something that the owner of the connections is to do.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum SessionRequest {
    /// Say whether anything is under way on this connection ([`Sessions::idle_answer`]).
    CheckIdle(ConnectionId),
    /// Close this connection.
    Close(ConnectionId, Ending),
}

/// How a session stands.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Standing<'a, I> {
    /// Nothing connects the two at the moment.
    Unconnected,
    /// By this connection, which may be on its way, or wait to be accepted.
    Over(ConnectionId),
    /// It broke.
    Failed(&'a I),
}

impl<I> Sessions<I> {
    /// Nobody yet.
    pub fn new(profile: Profile) -> Self {
        Self {
            profile,
            sessions: BTreeMap::new(),
            peers: BTreeMap::new(),
            asking: 0,
            inbox: Inbox::default(),
            events: VecDeque::new(),
            requests: VecDeque::new(),
            next_look: Timestamp::NEVER,
            is_tight: false,
            drops: DropCounters::default(),
        }
    }

    /// What is to be told next.
    pub fn poll_event(&mut self) -> Option<SessionEvent<I>> {
        self.events.pop_front()
    }

    /// What is to be done next.
    pub fn poll_request(&mut self) -> Option<SessionRequest> {
        self.requests.pop_front()
    }

    /// When [`handle_timeout`](Self::handle_timeout) is to be called; not later than something is due.
    pub fn poll_timeout(&self) -> Option<Timestamp> {
        (self.next_look != Timestamp::NEVER).then_some(self.next_look)
    }

    /// How the session with a peer stands; `None` if there is none.
    pub fn standing(&self, peer: &Identity) -> Option<Standing<'_, I>> {
        let session = self.sessions.get(peer)?;
        Some(match &session.link {
            Link::None => Standing::Unconnected,
            Link::Asked { connection, .. } | Link::Active { connection, .. } => {
                Standing::Over(*connection)
            }
            Link::Failed(info) => Standing::Failed(info),
        })
    }

    /// Whether a channel of the session was used ([`Profile::opens_by_sending`]) and not closed since.
    pub fn is_open(&self, peer: &Identity, channel: i32) -> bool {
        let session = self.sessions.get(peer);
        session.is_some_and(|session| session.channels.contains_key(&channel))
    }

    /// Whose session a connection is that of; `None` if that has ended, or it is of none.
    pub fn peer_of(&self, connection: ConnectionId) -> Option<&Arc<Identity>> {
        self.peers.get(&connection)
    }

    /// Everybody with whom there is one.
    pub fn peers(&self) -> impl Iterator<Item = &Identity> {
        self.sessions.keys().map(Arc::as_ref)
    }

    /// How many sessions there are.
    pub fn len(&self) -> usize {
        self.sessions.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.sessions.is_empty()
    }

    /// Messages and requests that were dropped, by reason.
    pub const fn drops(&self) -> &DropCounters {
        &self.drops
    }

    /// The port and the timers.
    pub const fn profile(&self) -> &Profile {
        &self.profile
    }

    fn session_of(&mut self, connection: ConnectionId) -> Option<&mut Session<I>> {
        self.sessions.get_mut(self.peers.get(&connection)?)
    }

    /// Looks at `at` whether something is due, or before.
    fn look_by(&mut self, at: Timestamp) {
        self.next_look = self.next_look.min(at);
    }
}

#[cfg(test)]
mod tests;
