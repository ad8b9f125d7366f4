//! One sockets interface as the module sees it: what it is made of, and what the script has to be told.
//! Nothing of Lua.
//!
//! What the script is told comes from four places: the events of the sockets, what waits in `ready`, the signals for
//! peers ([`signals`](crate::signals)), and what was held back ([`unread`](crate::unread)). A run of `runCallbacks` is a number up to which things are told,
//! so that one within another, or one that an error ended, leaves nothing out and tells nothing twice.
//!
//! Messages that wait for company (Nagle) go out at the end of each run: a script that sends, calls `runCallbacks`
//! and closes has sent.

mod authentication;
mod reading;

use std::cell::Cell;
use std::cell::OnceCell;
use std::cell::RefCell;
use std::collections::HashSet;
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;
use std::time::Instant;

use bowline::Connection;
use bowline::ConnectionEvent;
use bowline::ConnectionId;
use bowline::EndReason;
use bowline::Event;
use bowline::Identity;
use bowline::ListenP2pError;
use bowline::Message;
use bowline::P2pSessionError;
use bowline::Packets;
use bowline::Shard;
use bowline::Sockets;
use bowline::hub::HubConfig;
use bowline::signaling::Signaling;

use crate::game_server::Login;
use crate::game_server::ServerNews;
use crate::handles::Handles;
use crate::report;
use crate::setup::Setup;
use crate::setup::SetupError;
use crate::signals::Outbox;
use crate::signals::Signal;
use crate::unread::HeldBack;
use crate::utils::debug::Line;

pub(crate) use authentication::AuthenticationStatus;

use authentication::Authentication;

/// The interface of a client or of a game server.
#[derive(Debug)]
pub(crate) struct Interface {
    role: Role,
    /// No other interface of the Lua state has it.
    generation: u32,
    /// Who it is for want of a name.
    account: Option<Identity>,
    sockets: Sockets,
    authentication: Authentication,
    pub(crate) login: Login,
    /// How many things were told or held back so far.
    told: Cell<u64>,
    /// To be told next: whether we are authenticated and logged on, and what was held back. Whoever puts something
    /// in has a bound.
    ready: RefCell<VecDeque<Told>>,
    held: RefCell<HeldBack<Told>>,
    /// Shared with the connections whose signals go there.
    outbox: Arc<Outbox>,
    /// Connections on which something may wait for company. At most [`MAX_UNFLUSHED`].
    unflushed: RefCell<HashSet<Connection>>,
    /// For messages on their way to Lua; empty between calls.
    received: RefCell<Vec<Message>>,
    handles: Handles,
    /// Packets to identities, once they are used.
    packets: OnceCell<Packets>,
    /// The script has what carries their signals.
    carries_for_packets: Cell<bool>,
    /// Whether they may go by relays, if the script has said so.
    allows_packet_relay: Cell<Option<bool>>,
}

/// From this many connections with something to flush on, they are flushed before the next `runCallbacks`.
const MAX_UNFLUSHED: usize = 4096;
/// How often a wait looks for what another thread may have done between two of its own turns.
const LOOK_AGAIN: Duration = Duration::from_millis(20);

/// Which of the two that a Lua state may have.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Role {
    /// `Steam.init()`
    Client,
    /// `Steam.gameServer.init()`
    Server,
}

/// Something that a function of the script is called for.
#[derive(Debug)]
pub(crate) enum Told {
    Connection(Box<ConnectionEvent>),
    Writable(ConnectionId),
    /// To be carried to a peer.
    Signal(Signal),
    Authentication(AuthenticationStatus),
    /// The last second of our certificate, since 1970.
    CertificateExpiring(u64),
    DebugOutput(Line),
    Server(ServerNews),
    /// This peer wants to send packets.
    PacketsRequested(Identity),
    /// This one was not reached.
    PacketsFailed(Identity, P2pSessionError),
}

impl Role {
    /// Numbers of connections do not tell the interface, but no number is of both.
    fn shard(self) -> Shard {
        let index = match self {
            Self::Client => 0,
            Self::Server => 1,
        };
        Shard::new(index, 1).expect("one bit tells two apart")
    }
}

impl Interface {
    /// An interface. `account` is who it is if `setup` does not say.
    pub(crate) fn new(
        role: Role,
        generation: u32,
        setup: Setup,
        account: &Identity,
    ) -> Result<Self, SetupError> {
        let has_authority = setup.has_authority();
        let hub = match role {
            Role::Client => HubConfig::from_env(),
            Role::Server => HubConfig::from_env_for_game_server(),
        };
        let hub = hub.unwrap_or_else(|error| {
            report::failed("init", &error.to_string());
            None
        });
        let account = setup.is_nameless().then_some(account);
        let is_named = hub.as_ref().is_some_and(names_somebody);
        let mut builder = setup.builder(account.filter(|_| !is_named))?;
        builder = builder.shard(role.shard());
        if let Some(hub) = hub {
            builder = builder.hub(hub);
        }
        Ok(Self {
            role,
            generation,
            account: account.cloned(),
            sockets: builder.build()?,
            authentication: Authentication::new(has_authority),
            login: Login::default(),
            told: Cell::new(0),
            ready: RefCell::default(),
            held: RefCell::new(HeldBack::new()),
            outbox: Arc::default(),
            unflushed: RefCell::default(),
            received: RefCell::default(),
            handles: Handles::default(),
            packets: OnceCell::new(),
            carries_for_packets: Cell::new(false),
            allows_packet_relay: Cell::new(None),
        })
    }

    pub(crate) const fn sockets(&self) -> &Sockets {
        &self.sockets
    }

    /// Its listen sockets and poll groups.
    pub(crate) const fn handles(&self) -> &Handles {
        &self.handles
    }

    /// Which of the interfaces of the Lua state it is.
    pub(crate) const fn generation(&self) -> u32 {
        self.generation
    }

    /// What has signals carried by the script.
    pub(crate) fn signaling(&self) -> Arc<dyn Signaling> {
        Arc::clone(&self.outbox) as Arc<dyn Signaling>
    }

    /// Whether connections may have signals for the script.
    pub(crate) fn may_signal(&self) -> bool {
        Arc::strong_count(&self.outbox) > 1
    }

    pub(crate) fn connection(&self, number: u32) -> Option<Connection> {
        self.sockets.connection(ConnectionId::new(number))
    }

    /// Packets to identities, whose signals the script `carries`, or else a hub. Peers may ask for sessions from the first
    /// call on.
    pub(crate) fn packets(&self, carries: bool) -> Result<Packets, ListenP2pError> {
        let packets = match self.packets.get() {
            Some(packets) => packets.clone(),
            None => {
                let packets = self.sockets.packets()?;
                if let Some(allow) = self.allows_packet_relay.get() {
                    packets.allow_relay(allow);
                }
                self.packets.get_or_init(|| packets).clone()
            }
        };
        if carries && !self.carries_for_packets.replace(true) {
            self.sockets.set_signaling(self.signaling());
        }
        Ok(packets)
    }

    /// Whether packets were used, and sessions may be there that outlast what carried their signals.
    pub(crate) fn has_packets(&self) -> bool {
        self.packets.get().is_some()
    }

    /// Whether packets may go by relays, also if they are used only later.
    pub(crate) fn allow_packet_relay(&self, allow: bool) {
        self.allows_packet_relay.set(Some(allow));
        if let Some(packets) = self.packets.get() {
            packets.allow_relay(allow);
        }
    }

    /// The script wants to hear of peers that want to send packets. Over a hub nothing of it sees their signals, so
    /// that they may ask from here on.
    pub(crate) fn hear_of_packets(&self, carries: bool) {
        if self.packets.get().is_none() && self.sockets.hub_status().is_some() {
            // If there is no room for a listener, what sends packets tells it.
            let _ = self.packets(carries);
        }
    }

    /// Signs in to a hub. Whoever has no name but the one of this run gets that of the hub, before which its connections end.
    /// The script is told how that goes if it asks for it.
    pub(crate) fn sign_in(&self, hub: HubConfig) {
        if let Some(account) = &self.account
            && names_somebody(&hub)
            && self.sockets.identity() == *account
        {
            self.sockets.reset_identity(None);
        }
        self.sockets.sign_in(hub);
    }

    /// The Steam ID of this side; `None` if it is somebody else, or a game server that has not logged on.
    pub(crate) fn steam_id(&self) -> Option<u64> {
        if self.role == Role::Server && !self.login.is_on() {
            return None;
        }
        match self.sockets.identity() {
            Identity::SteamId { 0: id, .. } => Some(id),
            _ => None,
        }
    }
}

/// Whether who signs in to that hub is somebody by that.
fn names_somebody(hub: &HubConfig) -> bool {
    hub.is_named_by_hub() || hub.wanted_identity().is_some()
}

/// Telling the script.
impl Interface {
    /// Whether there is something to tell, or will be as soon as the script has read what waits.
    pub(crate) fn has_told(&self) -> bool {
        !self.ready.borrow().is_empty()
            || !self.held.borrow().is_empty()
            || self.outbox.len() > 0
            || self.sockets.waiting_events() > 0
    }

    /// Sleeps until there is something to tell or a message to receive. Whether there is.
    pub(crate) fn wait(&self, timeout: Duration) -> bool {
        if self.has_told() {
            return true;
        }
        if !self.may_signal() {
            return self.sockets.wait(timeout);
        }
        // Signals are nothing that the sockets wait for: so look after each thing that happens.
        let start = Instant::now();
        loop {
            if self.sockets.wait(Duration::ZERO) || self.has_told() {
                return true;
            }
            let left = timeout.saturating_sub(start.elapsed());
            if left.is_zero() {
                return false;
            }
            self.sockets.drive(left.min(LOOK_AGAIN));
        }
    }

    /// A run begins. Up to where it goes; `None` if there is nothing to tell.
    pub(crate) fn start_callbacks(&self) -> Option<u64> {
        self.sockets.poll_if_busy();
        let has_unread = |number| self.connection(number).is_some_and(|it| has_unread(&it));
        let free = self.held.borrow_mut().let_go(has_unread);
        let mut ready = self.ready.borrow_mut();
        ready.extend(free);
        let count = ready.len() + self.outbox.len() + self.sockets.waiting_events();
        (count > 0).then(|| self.told.get() + count as u64)
    }

    /// What is next to tell in a run that goes up to there.
    pub(crate) fn next_told(&self, end: u64) -> Option<Told> {
        while self.told.get() < end {
            let ready = self.ready.borrow_mut().pop_front();
            let signal = || self.outbox.take().map(Told::Signal);
            let told = match ready.or_else(signal) {
                Some(told) => Some(told),
                None => self.take_event(self.sockets.next_event()?),
            };
            self.told.set(self.told.get() + 1);
            if let Some(Told::Authentication(status)) = &told {
                self.authentication.note_told(status);
            }
            if told.is_some() {
                return told;
            }
        }
        None
    }

    /// Has it told by the next run. The caller has a bound for what it tells.
    pub(crate) fn tell(&self, told: Told) {
        self.ready.borrow_mut().push_back(told);
    }

    /// Forgets what `keep` does not keep of what was to be told.
    pub(crate) fn retain_ready(&self, keep: impl FnMut(&Told) -> bool) {
        self.ready.borrow_mut().retain(keep);
    }

    /// What is to be told now because of an event.
    fn take_event(&self, event: Event) -> Option<Told> {
        match event {
            Event::ConnectionChanged(change) => {
                let number = change.connection.id().get();
                let told = Told::Connection(Box::new(change));
                self.held.borrow_mut().pass(number, told, must_wait)
            }
            Event::Writable(connection) => {
                let told = Told::Writable(connection.id());
                let number = connection.id().get();
                self.held.borrow_mut().pass(number, told, |_| false)
            }
            Event::AuthenticationChanged { .. } => {
                let status = self.authentication.changed(&self.sockets)?;
                Some(Told::Authentication(status))
            }
            Event::CertificateExpiring { expiry_unix_secs } => {
                Some(Told::CertificateExpiring(expiry_unix_secs))
            }
            Event::PacketsSessionRequest { peer } => Some(Told::PacketsRequested(peer)),
            Event::PacketsSessionFailed { peer, error, .. } => {
                Some(Told::PacketsFailed(peer, error))
            }
            // It may have kinds that this version of the module does not know.
            _ => None,
        }
    }
}

/// Sending and closing.
impl Interface {
    /// The script has sent on this connection something that may wait for company.
    pub(crate) fn note_sent(&self, connection: &Connection) {
        let mut unflushed = self.unflushed.borrow_mut();
        if unflushed.contains(connection) {
            return;
        }
        if unflushed.len() >= MAX_UNFLUSHED {
            drop(unflushed);
            self.flush();
            unflushed = self.unflushed.borrow_mut();
        }
        unflushed.insert(connection.clone());
    }

    /// Sends what waits for company.
    pub(crate) fn flush(&self) {
        for connection in self.unflushed.borrow_mut().drain() {
            // It may have ended, or not be established yet: then what waits goes out as soon as it is.
            let _ = connection.flush_out();
        }
    }

    /// Closes a connection, and tells whether there was one. Even without linger, what waits for company is sent
    /// once, before the peer is told.
    pub(crate) fn close(
        &self,
        connection: &Connection,
        reason: EndReason,
        text: &str,
        linger: bool,
    ) -> bool {
        self.unflushed.borrow_mut().remove(connection);
        if !linger {
            let _ = connection.flush_out();
        }
        connection.close(reason, text, linger).is_ok()
    }
}

impl Drop for Interface {
    /// As with a connection that is closed.
    fn drop(&mut self) {
        self.flush();
    }
}

/// Whether it is the end of a connection on which messages wait.
fn must_wait(told: &Told) -> bool {
    match told {
        Told::Connection(change) => change.is_ended() && has_unread(&change.connection),
        Told::Writable(_)
        | Told::Authentication(_)
        | Told::CertificateExpiring(_)
        | Told::DebugOutput(_)
        | Told::Server(_)
        | Told::PacketsRequested(_)
        | Told::PacketsFailed(..)
        | Told::Signal(_) => false,
    }
}

fn has_unread(connection: &Connection) -> bool {
    connection.unread_messages().is_ok_and(|count| count > 0)
}

#[cfg(test)]
mod tests;
