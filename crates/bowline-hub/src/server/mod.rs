//! A hub on real sockets: one thread that takes in what clients send, has it decided, and sends what follows.
//!
//! ```text
//! clients ══ Sockets ══▶ this thread ◀──▶ hub::Hub
//!                          │   ▲   ▲
//!                questions │   │   │ requests
//!                          ▼   │   │
//!              a Checker's threads  Handles: the operator, the HTTP side
//! ```
//!
//! The thread does nothing that waits for anybody. Questions about credentials go to a [`Checker`] on threads of its own
//! and come back as verdicts. Whoever wants to know how the hub stands, or to end a session, asks by a [`Handle`].
//! Both wake the thread, so that it polls for nothing.
//!
//! No client can stall others. What one sends is taken in by rounds of [`MESSAGE_ROUND`] messages, between which
//! everything else has its turn, and the library holds no more of it than the settings of the connection allow. What is
//! sent to one that does not read waits in its send buffer of [`CLIENT_QUEUE_BYTES`]; what finds no room is dropped, and a
//! client that goes on so is sent away.

mod certificate;
mod checks;
mod handle;
mod requests;

use std::collections::HashMap;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::mpsc;
use std::thread;
use std::thread::JoinHandle;
use std::time::Duration;
use std::time::SystemTime;
use std::time::UNIX_EPOCH;

use bowline::AuthPolicy;
use bowline::BuildError;
use bowline::Config;
use bowline::ConfigError;
use bowline::ConfigKey;
use bowline::Connection;
use bowline::ConnectionEvent;
use bowline::ConnectionState;
use bowline::CredentialsError;
use bowline::EndReason;
use bowline::Event;
use bowline::ListenError;
use bowline::Listener;
use bowline::Message;
use bowline::PollGroup;
use bowline::SendError;
use bowline::SendFlags;
use bowline::Sockets;
use bowline::cert::PublicKey;
use bowline_core::hub::SignedBody;
use bowline_core::hub::limits::MAX_HUB_MESSAGE;
use bowline_core::ids::AppId;
use bowline_core::ids::ConnectionId;
use bowline_core::rng::Rng;

use crate::hub::Hub;
use crate::hub::Notice;
use crate::hub::Output;
use crate::hub::Policy;
use crate::keys::HubKeys;
use crate::limits::CLIENT_QUEUE_BYTES;
use crate::limits::EVENT_ROUND;
use crate::limits::MAX_REQUESTS;
use crate::limits::MESSAGE_ROUND;
use crate::namespace::HUB_IDENTITY;
use crate::namespace::NamespaceError;

use self::certificate::OwnCertificate;
use self::checks::Checks;
use self::handle::Farewell;
use self::handle::Request;

pub use self::checks::Checker;
pub use self::checks::NoChecker;
pub use self::handle::Handle;
pub use self::handle::Standing;
pub use self::handle::Stopped;
pub use self::handle::Unblocked;

/// What hears of what happens at a hub, on the thread of the hub: it must not wait for anything.
pub type OnNotice = Box<dyn FnMut(Notice) + Send>;

/// What it takes to make a [`Server`].
pub struct Setup {
    /// Where clients connect to.
    pub listen: Vec<SocketAddr>,
    /// Its keys.
    pub keys: HubKeys,
    /// Whom it lets in.
    pub policy: Policy,
    /// Who is asked about credentials.
    pub checker: Arc<dyn Checker>,
}

/// A hub and its clients.
#[derive(Debug)]
pub struct Server {
    sockets: Sockets,
    listeners: Vec<Listener>,
    group: PollGroup,
    hub: Hub,
    key: PublicKey,
    authority: PublicKey,
    certificate: OwnCertificate,
    clients: HashMap<ConnectionId, Connection>,
    checks: Checks,
    requests: mpsc::Receiver<Request>,
    handle: Handle,
}

/// A [`Server`] that runs on a thread of its own. Dropping it stops the hub and waits until it has.
#[derive(Debug)]
pub struct Running {
    handle: Handle,
    listen: Vec<SocketAddr>,
    key: PublicKey,
    authority: PublicKey,
    thread: Option<JoinHandle<()>>,
}

/// Why there is no hub.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// Two ways of signing in could give the same identity.
    #[error(transparent)]
    Policy(#[from] NamespaceError),
    /// No sockets.
    #[error(transparent)]
    Sockets(#[from] BuildError),
    /// A setting of connections was refused.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The address cannot be listened on.
    #[error("cannot listen on {address}")]
    Listen {
        /// Which.
        address: SocketAddr,
        /// Why.
        source: ListenError,
    },
    /// The hub's own certificate, as after a clock that says a year of the next century.
    #[error("the hub's own certificate cannot be used: {0}")]
    Certificate(#[from] CredentialsError),
    /// Nowhere to listen.
    #[error("the hub has no address to listen on")]
    NoAddress,
    /// No threads or no randomness.
    #[error(transparent)]
    System(#[from] io::Error),
}

/// The longest that a round waits. Whatever happens before wakes it.
const LONGEST_WAIT: Duration = Duration::from_secs(1);
/// How long clients may take to hear that the hub stops.
const LONGEST_FAREWELL: Duration = Duration::from_millis(800);
/// Messages taken at a time.
const BATCH: usize = 256;

impl Server {
    /// A hub that listens, and serves once it [runs](Self::run).
    ///
    /// # Errors
    /// If an address cannot be listened on, the policy contradicts itself, or the system has no sockets, threads or
    /// randomness to give.
    pub fn new(setup: Setup) -> Result<Self, StartError> {
        let Setup {
            listen,
            keys,
            policy,
            checker,
        } = setup;
        if listen.is_empty() {
            return Err(StartError::NoAddress);
        }
        let crypto = bowline::cert::default_crypto();
        let sockets = Sockets::builder()
            .identity(HUB_IDENTITY.parse().expect("it is one"))
            .app_id(AppId::ANY.get())
            .key(keys.identity.clone())
            .config(settings()?)
            .build()?;
        let mut certificate = OwnCertificate::new(&crypto, &keys);
        certificate.renew(&sockets, unix_us() / 1_000_000)?;
        let rng = Rng::from_seed(bowline_io::entropy::seed()?);
        let (key, authority) = (keys.identity.public(), keys.authority.public());
        let hub_keys = keys.for_hub(&crypto);
        let hub = Hub::new(sockets.now(), unix_us(), policy, crypto, hub_keys, rng)?;
        let waker = sockets.waker();
        let checks = Checks::start(&checker, &waker)?;
        let listeners = listen.into_iter().map(|address| {
            let listener = sockets.listen(address);
            listener.map_err(|source| StartError::Listen { address, source })
        });
        let listeners = listeners.collect::<Result<_, _>>()?;
        let (sender, requests) = mpsc::sync_channel(MAX_REQUESTS);
        Ok(Self {
            listeners,
            group: sockets.poll_group(),
            sockets,
            hub,
            key,
            authority,
            certificate,
            clients: HashMap::new(),
            checks,
            requests,
            handle: Handle {
                requests: sender,
                waker,
            },
        })
    }

    /// Tells all clients about the network.
    pub fn announce(&mut self, revision: u64, body: SignedBody) {
        self.hub.announce(revision, body);
    }

    /// Has it know whom the operator sent away or blocked before: [`Hub::restore_kick`], [`Hub::restore_block`].
    pub const fn hub_mut(&mut self) -> &mut Hub {
        &mut self.hub
    }

    /// Where it listens, in the order of [`Setup::listen`].
    pub fn local_addrs(&self) -> Vec<SocketAddr> {
        self.listeners.iter().map(Listener::local_addr).collect()
    }

    /// What clients know it by.
    pub const fn key(&self) -> PublicKey {
        self.key
    }

    /// What its certificates are signed by.
    pub const fn authority(&self) -> PublicKey {
        self.authority
    }

    /// What talks to it while it runs.
    pub fn handle(&self) -> Handle {
        self.handle.clone()
    }

    /// Serves on a thread of its own.
    ///
    /// # Errors
    /// If the system gives no thread.
    pub fn spawn(self, on_notice: OnNotice) -> io::Result<Running> {
        let (handle, listen) = (self.handle(), self.local_addrs());
        let (key, authority) = (self.key, self.authority);
        let thread = thread::Builder::new().name("hub".to_owned());
        let thread = thread.spawn(move || self.run(on_notice))?;
        Ok(Running {
            handle,
            listen,
            key,
            authority,
            thread: Some(thread),
        })
    }

    /// Serves until a [`Handle`] stops it.
    pub fn run(mut self, mut on_notice: OnNotice) {
        let mut messages = Vec::with_capacity(BATCH);
        let farewell = loop {
            if let Some(farewell) = self.round(&mut messages, &mut on_notice) {
                break farewell;
            }
        };
        if farewell == Farewell::Said {
            self.hub.drain();
            self.carry_out(&mut on_notice);
            self.sockets.wait_for_linger(LONGEST_FAREWELL);
        }
        self.sockets.shut_down();
    }

    /// Waits for something to do, and does it. Says whether the hub is to stop.
    fn round(&mut self, messages: &mut Vec<Message>, on_notice: &mut OnNotice) -> Option<Farewell> {
        self.sockets.wait(self.longest_wait());
        let unix_us = unix_us();
        self.hub.set_unix_time(self.sockets.now(), unix_us);
        self.look_after_certificate(unix_us / 1_000_000);
        self.take_events();
        self.take_messages(messages);
        while let Some((client, verdict)) = self.checks.next() {
            self.hub.on_verdict(self.sockets.now(), client, verdict);
        }
        let now = self.sockets.now();
        if self.hub.poll_timeout().is_some_and(|at| at <= now) {
            self.hub.handle_timeout(now);
        }
        let farewell = self.answer_requests();
        self.carry_out(on_notice);
        farewell
    }

    fn look_after_certificate(&mut self, unix_secs: u64) {
        if self.certificate.is_due(unix_secs)
            && let Err(error) = self.certificate.renew(&self.sockets, unix_secs)
        {
            tracing::error!(%error, "the hub's own certificate is not renewed");
        }
    }

    fn longest_wait(&self) -> Duration {
        let now = self.sockets.now();
        let until = self.hub.poll_timeout().map(|at| at.since(now));
        until.map_or(LONGEST_WAIT, |until| {
            Duration::from(until).min(LONGEST_WAIT)
        })
    }

    fn take_events(&mut self) {
        for _ in 0..EVENT_ROUND {
            match self.sockets.next_event() {
                Some(Event::ConnectionChanged(change)) => self.on_change(change),
                Some(Event::Writable(connection)) => self.hub.on_writable(connection.id()),
                Some(_) => {}
                None => return,
            }
        }
    }

    fn on_change(&mut self, change: ConnectionEvent) {
        let (is_request, is_ended) = (change.is_request(), change.is_ended());
        let connection = change.connection;
        if is_request {
            // What is gone already says so with its next event.
            let _ = connection.accept();
        } else if change.new == ConnectionState::Connected {
            // Not before: nothing that it says may come before it is known.
            let _ = connection.set_poll_group(Some(&self.group));
            let (client, from) = (connection.id(), change.info.remote_addr);
            self.clients.insert(client, connection);
            self.hub.on_connected(self.sockets.now(), client, from);
        } else if is_ended {
            let client = connection.id();
            // Only this thread closes connections, each once.
            let _ = connection.close(EndReason::APP_GENERIC, "", false);
            if self.clients.remove(&client).is_some() {
                self.hub.on_disconnected(client);
            }
        }
    }

    fn take_messages(&mut self, messages: &mut Vec<Message>) {
        for _ in 0..MESSAGE_ROUND / BATCH {
            if self.group.receive_batch(messages, BATCH) == 0 {
                return;
            }
            let now = self.sockets.now();
            for message in messages.drain(..) {
                self.hub
                    .on_message(now, message.connection().id(), &message);
            }
        }
    }

    fn carry_out(&mut self, on_notice: &mut OnNotice) {
        while let Some(output) = self.hub.poll_output() {
            match output {
                Output::Send { client, bytes } => self.send(client, &bytes),
                Output::Close { client, text } => {
                    if let Some(connection) = self.clients.remove(&client) {
                        let _ = connection.close(EndReason::APP_GENERIC, &text, true);
                    }
                }
                Output::Check(check) => {
                    let client = check.client;
                    if let Err(verdict) = self.checks.ask(check) {
                        self.hub.on_verdict(self.sockets.now(), client, verdict);
                    }
                }
                Output::Notice(notice) => on_notice(notice),
            }
        }
    }

    fn send(&mut self, client: ConnectionId, bytes: &[u8]) {
        let Some(connection) = self.clients.get(&client) else {
            return;
        };
        let sent = connection.send(bytes, SendFlags::RELIABLE_NO_NAGLE);
        if let Err(SendError::BufferFull { .. }) = sent {
            self.hub.on_dropped(self.sockets.now(), client, bytes);
        }
    }
}

impl Running {
    /// What talks to it.
    pub const fn handle(&self) -> &Handle {
        &self.handle
    }

    /// Where it listens, in the order of [`Setup::listen`].
    pub fn local_addrs(&self) -> &[SocketAddr] {
        &self.listen
    }

    /// What clients know it by.
    pub const fn key(&self) -> PublicKey {
        self.key
    }

    /// What its certificates are signed by.
    pub const fn authority(&self) -> PublicKey {
        self.authority
    }

    /// Whether it has ended, be it that it was to or that its thread panicked.
    pub fn is_finished(&self) -> bool {
        self.thread.as_ref().is_none_or(JoinHandle::is_finished)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.handle.stop();
        if let Some(thread) = self.thread.take() {
            // Its panic was reported when it happened.
            let _ = thread.join();
        }
    }
}

impl std::fmt::Debug for Setup {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Setup")
            .field("listen", &self.listen)
            .field("policy", &self.policy)
            .finish_non_exhaustive()
    }
}

/// What connections of clients are like. Who a client is shows by its sign-in, not by a certificate.
fn settings() -> Result<Config, ConfigError> {
    let mut config = Config::new();
    config.set_auth(AuthPolicy::Allow);
    config.set(ConfigKey::SendBufferSize, CLIENT_QUEUE_BYTES as i32)?;
    config.set(ConfigKey::RecvMaxMessageSize, MAX_HUB_MESSAGE as i32)?;
    Ok(config)
}

/// What the clock says, in microseconds since 1970; 0 if it is set earlier.
fn unix_us() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0, |since| {
        u64::try_from(since.as_micros()).unwrap_or(u64::MAX)
    })
}
