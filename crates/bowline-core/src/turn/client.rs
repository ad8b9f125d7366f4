//! What its owner calls, and what follows from time.

use alloc::collections::VecDeque;
use alloc::vec::Vec;
use core::net::SocketAddr;
use core::ops::Range;

use crate::counters::DropReason;
use crate::limits::MAX_GROWN_DATAGRAM;
use crate::limits::MAX_TURN_HELD;
use crate::limits::MAX_TURN_LOSSES;
use crate::limits::MAX_TURN_REQUESTS;
use crate::rng::Rng;
use crate::stun::AddressFamily;
use crate::stun::Builder;
use crate::stun::Class;
use crate::stun::Message;
use crate::stun::Method;
use crate::stun::TransactionId;
use crate::time::Span;
use crate::time::Timestamp;
use crate::turn::TurnConfig;
use crate::turn::TurnFailure;
use crate::turn::TurnInput;
use crate::turn::TurnSendError;
use crate::turn::TurnState;
use crate::turn::Wrapped;
use crate::turn::auth::Auth;
use crate::turn::channel_data;
use crate::turn::peers::Answer;
use crate::turn::peers::Peers;
use crate::turn::request::Ask;
use crate::turn::request::Requests;

/// One allocation on one server, over one socket.
///
/// After every call that takes `now`, and after [`Self::wrap`], ask [`Self::poll_transmit`] until it has nothing more,
/// and [`Self::poll_timeout`] once.
#[derive(Clone, Debug)]
pub struct TurnClient {
    pub(super) family: AddressFamily,
    /// The one that was configured.
    first_server: SocketAddr,
    /// The one that is asked: another if the first has sent us there.
    pub(super) server: SocketAddr,
    pub(super) auth: Auth,
    pub(super) stage: Stage,
    pub(super) requests: Requests,
    pub(super) peers: Peers,
    /// What peers are sent as soon as the server lets them through.
    pub(super) held: VecDeque<(SocketAddr, Vec<u8>)>,
    pub(super) history: History,
    pub(super) rng: Rng,
    deadline: Option<Timestamp>,
}

#[derive(Clone, Copy, Debug)]
pub(super) enum Stage {
    Idle,
    Allocating,
    Allocated(Allocation),
    Closing,
    Failed(TurnFailure),
}

/// What the server has given.
#[derive(Clone, Copy, Debug)]
pub(super) struct Allocation {
    pub(super) relayed: SocketAddr,
    pub(super) mapped: SocketAddr,
    pub(super) since: Timestamp,
    pub(super) expires: Timestamp,
    /// `None` while a refresh is under way.
    pub(super) refresh_at: Option<Timestamp>,
    /// A refresh was not answered.
    pub(super) is_silent: bool,
}

/// What has happened on the way to an allocation, and is not to happen again and again.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct History {
    /// An earlier allocation of the socket was asked to end.
    pub(super) has_cleared: bool,
    /// The server has sent us to another.
    pub(super) has_redirected: bool,
    /// How often the server has forgotten a young allocation.
    losses: u8,
    /// What was wrong with an answer that did not count.
    pub(super) oddity: Option<TurnFailure>,
}

impl TurnClient {
    /// One that has not begun. The generator must be its own.
    pub fn new(config: TurnConfig, rng: Rng) -> Self {
        Self {
            family: config.family,
            first_server: config.server,
            server: config.server,
            auth: Auth::new(config.user, config.password),
            stage: Stage::Idle,
            requests: Requests::default(),
            peers: Peers::new(),
            held: VecDeque::new(),
            history: History::default(),
            rng,
            deadline: None,
        }
    }

    /// Asks for an allocation, unless there is one or it is being asked for.
    pub fn start(&mut self, now: Timestamp) {
        match self.stage {
            Stage::Idle | Stage::Closing | Stage::Failed(_) => {
                self.history = History::default();
                self.server = self.first_server;
                self.auth.forget();
                match self.auth.is_writable() {
                    true => self.allocate(now),
                    false => self.fail(TurnFailure::UserTooLong),
                }
                self.pump(now);
            }
            Stage::Allocating | Stage::Allocated(_) => {}
        }
    }

    /// Gives the allocation back. The server need not answer: what is not given back expires.
    pub fn close(&mut self, now: Timestamp) {
        self.requests.clear();
        self.peers = Peers::new();
        self.held = VecDeque::new();
        self.stage = match self.stage {
            // What was asked for may have been given already.
            Stage::Allocating if self.auth.is_used() => Stage::Closing,
            Stage::Allocated(_) => Stage::Closing,
            Stage::Idle | Stage::Allocating | Stage::Closing | Stage::Failed(_) => Stage::Idle,
        };
        if matches!(self.stage, Stage::Closing) {
            self.ask(now, Ask::Release);
        }
        self.pump(now);
    }

    /// The system refuses to send to the server: an attempt to get an allocation ends at once.
    pub fn on_unreachable(&mut self, now: Timestamp) {
        if matches!(self.stage, Stage::Allocating) {
            self.fail(TurnFailure::Unreachable);
        }
        self.pump(now);
    }

    /// Takes a datagram from the server: a STUN message, or data of a channel.
    ///
    /// # Errors
    /// As [`Message::parse`] if it is neither; [`DropReason::UnknownTransaction`], [`DropReason::BadIntegrity`] and
    /// [`DropReason::BadStun`] for answers that do not count; [`DropReason::NotPermitted`] and
    /// [`DropReason::WrongState`] for data; [`DropReason::WrongRole`] for what only a server is asked.
    pub fn handle_datagram(
        &mut self,
        now: Timestamp,
        datagram: &[u8],
    ) -> Result<TurnInput, DropReason> {
        if let Some((number, payload)) = channel_data::parse(datagram) {
            let peer = self.peers.of_channel(number);
            return self.data(peer.ok_or(DropReason::NotPermitted)?, payload);
        }
        let message = Message::parse(datagram)?;
        match (message.class(), message.method()) {
            (Class::Indication, Method::Data) => {
                let payload = message.data_range().ok_or(DropReason::BadStun)?;
                let peer = message.peer_address().ok_or(DropReason::BadStun)?;
                self.data(peer, payload)
            }
            (Class::Success | Class::Error, _) => {
                let result = self.answer(now, &message);
                self.pump(now);
                result.map(|()| TurnInput::Handled)
            }
            (Class::Request | Class::Indication, _) => Err(DropReason::WrongRole),
        }
    }

    /// Lets a peer through, for as long as anything is sent to it or comes from it, or this is called, every four
    /// minutes at least. May be called before there is an allocation.
    ///
    /// # Errors
    /// [`TurnSendError::WrongFamily`], [`TurnSendError::TooManyPeers`], and [`TurnSendError::PeerRefused`] for five
    /// minutes after the server refused.
    pub fn permit(&mut self, now: Timestamp, peer: SocketAddr) -> Result<(), TurnSendError> {
        if AddressFamily::of(peer) != self.family {
            return Err(TurnSendError::WrongFamily);
        }
        self.peers.permit(peer)?;
        self.pump(now);
        Ok(())
    }

    /// Appends the datagram to the server that makes it send `payload` to `peer`. The server drops what is for a peer
    /// that it does not let through yet: that waits here, and leaves by [`Self::poll_transmit`] when it does.
    ///
    /// # Errors
    /// [`TurnSendError::NotAllocated`], [`TurnSendError::TooLong`], and those of [`Self::permit`].
    pub fn wrap(
        &mut self,
        peer: SocketAddr,
        payload: &[u8],
        out: &mut Vec<u8>,
    ) -> Result<Wrapped, TurnSendError> {
        let Stage::Allocated(_) = self.stage else {
            return Err(TurnSendError::NotAllocated);
        };
        if payload.len() > MAX_GROWN_DATAGRAM {
            return Err(TurnSendError::TooLong(payload.len()));
        }
        if AddressFamily::of(peer) != self.family {
            return Err(TurnSendError::WrongFamily);
        }
        let passage = self.peers.send_to(peer)?;
        self.wake(passage.is_woken);
        if passage.is_open {
            self.write(peer, passage.channel, payload, out);
            return Ok(Wrapped::Now);
        }
        if self.held.len() >= MAX_TURN_HELD {
            self.held.pop_front();
        }
        self.held.push_back((peer, payload.to_vec()));
        Ok(Wrapped::Held)
    }

    /// What [`Self::wrap`] adds to data for `peer` at most, in bytes.
    pub fn overhead(&self, peer: SocketAddr) -> usize {
        // Header, XOR-PEER-ADDRESS, the header of DATA, and its padding.
        match (self.peers.has_channel(peer), peer) {
            (true, _) => channel_data::HEADER_LEN,
            (false, SocketAddr::V4(_)) => 20 + 12 + 4 + 3,
            (false, SocketAddr::V6(_)) => 20 + 24 + 4 + 3,
        }
    }

    /// Appends the next message to the server, and returns where it goes.
    pub fn poll_transmit(&mut self, out: &mut Vec<u8>) -> Option<SocketAddr> {
        let server = self.server;
        if self.requests.write_next(&self.auth, out).is_some() {
            return Some(server);
        }
        let peers = &self.peers;
        let may_leave = |(peer, _): &(SocketAddr, _)| peers.is_open(*peer);
        let index = self.held.iter().position(may_leave)?;
        let (peer, payload) = self.held.remove(index)?;
        self.write(peer, None, &payload, out);
        Some(server)
    }

    /// When [`Self::handle_timeout`] wants to be called.
    pub const fn poll_timeout(&self) -> Option<Timestamp> {
        self.deadline
    }

    /// Does what is due.
    pub fn handle_timeout(&mut self, now: Timestamp) {
        for ask in self.requests.on_timeout(now) {
            self.unanswered(now, ask);
        }
        if let Stage::Allocated(allocation) = &mut self.stage {
            if allocation.expires <= now && allocation.is_silent {
                self.fail(TurnFailure::Vanished);
            } else if allocation.expires <= now {
                // The clock has jumped over its end.
                self.lost(now);
            } else if allocation.refresh_at.is_some_and(|at| at <= now) {
                allocation.refresh_at = None;
                self.ask(now, Ask::Refresh);
            }
        }
        if matches!(self.stage, Stage::Allocated(_)) {
            self.peers.tick(now);
        }
        self.pump(now);
    }

    /// How it stands.
    pub const fn state(&self) -> TurnState {
        match self.stage {
            Stage::Idle => TurnState::Idle,
            Stage::Allocating => TurnState::Allocating,
            Stage::Allocated(Allocation {
                relayed, mapped, ..
            }) => TurnState::Allocated { relayed, mapped },
            Stage::Closing => TurnState::Closing,
            Stage::Failed(failure) => TurnState::Failed(failure),
        }
    }

    /// The server that is asked, and whose datagrams are to be handed over: the one that was configured, or one that
    /// it has sent us to.
    pub const fn server(&self) -> SocketAddr {
        self.server
    }

    /// Whether that is the account that it was configured with.
    pub fn is_of(&self, user: &str, password: &str) -> bool {
        self.auth.user == user && self.auth.password.as_str() == password
    }

    /// Whether the server has asked who we are since the last [`Self::start`].
    pub const fn was_challenged(&self) -> bool {
        self.auth.is_used()
    }

    /// Whether data for `peer` goes the short way, through a channel.
    pub fn has_channel(&self, peer: SocketAddr) -> bool {
        self.peers.has_channel(peer)
    }

    /// Begins to ask for an allocation.
    pub(super) fn allocate(&mut self, now: Timestamp) {
        self.requests.clear();
        self.peers.reset();
        // From another address it would be from somebody else.
        self.held.clear();
        self.history.oddity = None;
        self.stage = Stage::Allocating;
        self.ask(now, Ask::Allocate(self.family));
    }

    pub(super) fn ask(&mut self, now: Timestamp, ask: Ask) {
        self.requests.start(now, ask, 0, &mut self.rng);
    }

    /// It does not work, and nothing more is done.
    pub(super) fn fail(&mut self, failure: TurnFailure) {
        self.requests.clear();
        self.peers.reset();
        self.held.clear();
        self.stage = Stage::Failed(failure);
    }

    /// The server does not know the allocation any more.
    pub(super) fn lost(&mut self, now: Timestamp) {
        /// A server that forgets later than this has been restarted.
        const YOUNG: Span = Span::from_secs(60);
        let Stage::Allocated(allocation) = self.stage else {
            return;
        };
        let is_young = now.since(allocation.since) < YOUNG;
        self.history.losses = if is_young { self.history.losses + 1 } else { 1 };
        if self.history.losses >= MAX_TURN_LOSSES {
            self.fail(TurnFailure::Forgotten);
        } else {
            self.allocate(now);
        }
    }

    /// Nobody has answered to any of the repetitions.
    fn unanswered(&mut self, now: Timestamp, ask: Ask) {
        /// How long the server is left alone.
        const PAUSE: Span = Span::from_secs(10);
        match (ask, &mut self.stage) {
            (Ask::Allocate(_), _) => {
                let oddity = self.history.oddity;
                self.fail(oddity.unwrap_or(TurnFailure::NoAnswer));
            }
            (Ask::Refresh, Stage::Allocated(allocation)) => {
                allocation.is_silent = true;
                allocation.refresh_at = Some(now + PAUSE);
            }
            (Ask::Release, _) => self.released(now),
            (Ask::Peer(wish), _) => self.peers.answered(now, wish, Answer::NotNow),
            (Ask::Refresh, Stage::Idle | Stage::Allocating | Stage::Closing | Stage::Failed(_)) => {
            }
        }
    }

    /// An allocation has ended because we wanted it to: this one, or an earlier one that was in its way.
    pub(super) fn released(&mut self, now: Timestamp) {
        match self.stage {
            Stage::Closing => self.stage = Stage::Idle,
            Stage::Allocating => self.ask(now, Ask::Allocate(self.family)),
            Stage::Idle | Stage::Allocated(_) | Stage::Failed(_) => {}
        }
    }

    /// A peer has sent something.
    fn data(&mut self, peer: SocketAddr, payload: Range<usize>) -> Result<TurnInput, DropReason> {
        let Stage::Allocated(_) = self.stage else {
            return Err(DropReason::WrongState);
        };
        let heard = self.peers.heard_from(peer);
        let is_woken = heard.ok_or(DropReason::NotPermitted)?;
        self.wake(is_woken);
        Ok(TurnInput::Data { peer, payload })
    }

    /// Writes what makes the server send to a peer, through its channel if it has one.
    fn write(&mut self, peer: SocketAddr, channel: Option<u16>, payload: &[u8], out: &mut Vec<u8>) {
        match channel {
            Some(number) => channel_data::write(number, payload, out),
            None => {
                let id = TransactionId::new(0, &mut self.rng);
                Builder::new(out, Class::Indication, Method::Send, id)
                    .xor_peer_address(peer)
                    .data(payload);
            }
        }
    }

    /// There is something to ask for, but no clock here.
    const fn wake(&mut self, is_woken: bool) {
        if is_woken {
            self.deadline = Some(Timestamp::ZERO);
        }
    }

    /// Asks for as much as may be under way, and finds the next deadline.
    fn pump(&mut self, now: Timestamp) {
        let mut deadline = self.requests.deadline();
        if let Stage::Allocated(Allocation {
            expires,
            refresh_at,
            ..
        }) = self.stage
        {
            while self.requests.for_peers() < MAX_TURN_REQUESTS {
                let Some(wish) = self.peers.next_wish() else {
                    break;
                };
                self.ask(now, Ask::Peer(wish));
            }
            let own = [Some(expires), refresh_at, self.peers.deadline()];
            let own = own.into_iter().chain([self.requests.deadline()]);
            deadline = own.flatten().min();
        }
        self.deadline = deadline;
    }
}
