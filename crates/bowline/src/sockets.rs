//! The sockets interface: everything begins here.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::MutexGuard;
use std::sync::PoisonError;
use std::thread;
use std::thread::JoinHandle;
use std::time::Duration;

use bowline_core::config::Config;
use bowline_core::counters::DropCounters;
use bowline_core::identity::Identity;
use bowline_core::ids::ConnectionId;
use bowline_core::ids::MessageNumber;
use bowline_core::time::Timestamp;

use crate::batch;
use crate::batch::BatchMessage;
use crate::batch::OnFailure;
use crate::batch::Unsent;
use crate::builder::ServiceMode;
use crate::builder::SocketsBuilder;
use crate::builder::ThreadStart;
use crate::busy::Questions;
use crate::connection::Connection;
use crate::driver::Inner;
use crate::driver::PairKind;
use crate::driver::lobby::Nudge;
use crate::driver::reactor::Reactor;
use crate::driver::service;
use crate::error::BuildError;
use crate::error::ConnectError;
use crate::error::ListenError;
use crate::error::PairError;
use crate::events::Event;
use crate::handle::WaitHandle;
use crate::listener::Listener;
use crate::poll_group::PollGroup;

/// A sockets interface: one identity, its listeners and its connections.
///
/// Cheap to clone, and usable from any thread. When the last clone is dropped every connection is closed
/// with [`EndReason::LIBRARY_SHUTDOWN`](crate::EndReason::LIBRARY_SHUTDOWN), without linger, and the
/// service threads stop. Several interfaces with different identities may live in one process.
#[derive(Clone)]
pub struct Sockets {
    shared: Arc<Shared>,
}

/// What the clones of a [`Sockets`] share. Its drop is the end of the interface.
struct Shared {
    inner: Arc<Inner>,
    thread_start: ThreadStart,
    /// The first service thread, which comes and goes. Without a rank: locked with no other lock held, and
    /// while that thread is started or waited for.
    service: Mutex<Option<JoinHandle<()>>>,
    /// Those of the further shards.
    further: Vec<JoinHandle<()>>,
    questions: Questions,
}

impl Sockets {
    /// An anonymous interface with default settings and a service thread.
    ///
    /// # Errors
    /// If the operating system gives no randomness, no handles, or no thread.
    pub fn new() -> Result<Self, BuildError> {
        Self::builder().build()
    }

    /// An interface with settings of its own.
    pub const fn builder() -> SocketsBuilder {
        SocketsBuilder::new()
    }

    /// Starts the service threads: the first one if the mode has one, and those that drive `further`.
    pub(crate) fn start(
        inner: Arc<Inner>,
        further: Vec<Reactor>,
        mode: ServiceMode,
        thread_start: ThreadStart,
    ) -> Result<Self, BuildError> {
        // If a thread cannot be started, its drop ends those that were.
        let mut shared = Shared {
            inner,
            thread_start,
            service: Mutex::new(None),
            further: Vec::new(),
            questions: Questions::default(),
        };
        shared.set_mode(mode).map_err(BuildError::Thread)?;
        for (index, reactor) in further.into_iter().enumerate() {
            let name = format!("bowline-{}", index + 2);
            let run = move |inner: &Arc<Inner>| service::run_further(inner, reactor);
            let thread = shared.spawn(name, run).map_err(BuildError::Thread)?;
            shared.further.push(thread);
        }
        Ok(Self {
            shared: Arc::new(shared),
        })
    }

    /// Listens for connections on a UDP port of this machine.
    ///
    /// `[::]` takes IPv6 and IPv4, `0.0.0.0` IPv4 only. With port 0 the system chooses one, which
    /// [`Listener::local_addr`] tells. Each connection that comes in is announced as an event with
    /// [`is_request`](crate::ConnectionEvent::is_request), and must be accepted or closed.
    ///
    /// # Errors
    /// If the port is taken or the address is not one of this machine, among others.
    pub fn listen(&self, addr: SocketAddr) -> Result<Listener, ListenError> {
        self.listen_with(addr, Config::new())
    }

    /// Like [`listen`](Self::listen), with settings of its own for the connections that come in.
    ///
    /// # Errors
    /// As `listen`.
    pub fn listen_with(&self, addr: SocketAddr, config: Config) -> Result<Listener, ListenError> {
        let (listening, local_addr) = self.inner().listen(addr, config)?;
        let inner = Arc::clone(self.inner());
        Ok(Listener::new(inner, listening, local_addr))
    }

    /// Starts a connection to a listening peer and returns at once.
    ///
    /// How it goes is told by events. Messages may be sent right away; they go out when the peer has
    /// accepted.
    ///
    /// # Errors
    /// If the address cannot be dialled or there are too many connections.
    pub fn connect(&self, addr: SocketAddr) -> Result<Connection, ConnectError> {
        let slot = self.inner().connect(addr, None, None)?;
        Ok(Connection::new(slot))
    }

    /// Like [`connect`](Self::connect), with settings of its own.
    ///
    /// # Errors
    /// As `connect`.
    pub fn connect_with(
        &self,
        addr: SocketAddr,
        config: Config,
    ) -> Result<Connection, ConnectError> {
        let slot = self.inner().connect(addr, Some(config), None)?;
        Ok(Connection::new(slot))
    }

    /// Makes two connections to each other within this interface, connected at once; no events tell of
    /// that. Each of the two has to be closed.
    ///
    /// `identity1` is whom the first connection sees as its peer, `identity2` whom the second one sees;
    /// `None` is somebody on this host, [`Identity::anonymous`].
    ///
    /// # Errors
    /// If there are too many connections, or the system has no sockets for [`PairKind::Loopback`].
    pub fn socket_pair(
        &self,
        kind: PairKind,
        identity1: Option<Identity>,
        identity2: Option<Identity>,
    ) -> Result<(Connection, Connection), PairError> {
        self.pair_shared(kind, identity1, identity2, None)
    }

    /// Like [`socket_pair`](Self::socket_pair), with settings of their own for the two connections. The
    /// receive limits of a pipe are those that it was made with.
    ///
    /// # Errors
    /// As `socket_pair`.
    pub fn socket_pair_with(
        &self,
        kind: PairKind,
        identity1: Option<Identity>,
        identity2: Option<Identity>,
        config: Config,
    ) -> Result<(Connection, Connection), PairError> {
        self.pair_shared(kind, identity1, identity2, Some(config))
    }

    /// Sends messages of any number of connections, and tells of each in turn what became of it: its
    /// number, or the message itself with the reason why it was not sent.
    ///
    /// The messages of one connection keep their order, are queued together, and leave in as few packets
    /// as they fit into.
    ///
    /// ```
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use bowline::{BatchMessage, OnFailure, PairKind, SendFlags, Sockets};
    ///
    /// let sockets = Sockets::new()?;
    /// let (host, guest) = sockets.socket_pair(PairKind::Pipe, None, None)?;
    /// let batch = ["one", "two"].map(|text| BatchMessage::new(&host, text, SendFlags::RELIABLE));
    /// for result in sockets.send_batch(batch.into(), OnFailure::Stop) {
    ///     if let Err(unsent) = result {
    ///         eprintln!("{} bytes were not sent: {unsent}", unsent.message.data.len());
    ///     }
    /// }
    /// assert_eq!(&*guest.receive()?.unwrap(), b"one");
    /// # Ok(())
    /// # }
    /// ```
    pub fn send_batch(
        &self,
        messages: Vec<BatchMessage>,
        on_failure: OnFailure,
    ) -> Vec<Result<MessageNumber, Unsent>> {
        batch::send(messages, on_failure)
    }

    /// Makes a poll group, by which messages of many connections are received together.
    pub fn poll_group(&self) -> PollGroup {
        PollGroup::new(Arc::clone(self.inner()))
    }

    /// Takes the oldest event that waits to be read.
    pub fn next_event(&self) -> Option<Event> {
        let mut nudge = Nudge::default();
        let event = self.inner().lobby.pop(&mut nudge);
        if nudge.signal {
            self.inner().lobby.refresh_signal();
        }
        event.inspect(|event| self.inner().note_read(event))
    }

    /// Takes the events that wait to be read, oldest first.
    pub fn events(&self) -> impl Iterator<Item = Event> + '_ {
        std::iter::from_fn(|| self.next_event())
    }

    /// For bindings, where
    /// [events need callbacks](SocketsBuilder::events_need_callbacks): whether [`Event::Writable`], which carries
    /// none, is told all the same from now on.
    pub fn set_tells_writable(&self, tells: bool) {
        self.inner().lobby.set_tells_writable(tells);
    }

    /// For bindings, where
    /// [events need callbacks](SocketsBuilder::events_need_callbacks): whether
    /// [`Event::CertificateExpiring`], which carries none, is told all the same from now on.
    pub fn set_tells_certificate_expiring(&self, tells: bool) {
        self.inner().lobby.set_tells_expiring(tells);
    }

    /// How many events wait to be read.
    pub fn waiting_events(&self) -> usize {
        self.inner().lobby.lock().events()
    }

    /// Hands every event that waits now to `handle`, oldest first, and tells how many there were. No lock
    /// is held meanwhile: the handler may use all of the interface. What it causes to happen is for the
    /// next call.
    pub fn run_callbacks(&self, mut handle: impl FnMut(Event)) -> usize {
        let waiting = self.waiting_events();
        let mut count = 0;
        while count < waiting
            && let Some(event) = self.next_event()
        {
            handle(event);
            count += 1;
        }
        count
    }

    /// Waits until an event or a message can be read, and tells whether that is so.
    ///
    /// Meanwhile the calling thread drives the sockets itself, so that a message goes from the network
    /// to its reader without a hand-over between threads; if there are several service threads, it does so
    /// in place of the first. A message that is left unread makes every
    /// further wait return at once. A [`waker`](Self::waker) ends it early.
    pub fn wait(&self, timeout: Duration) -> bool {
        self.inner().wait_for_news(timeout)
    }

    /// Waits until every connection that was closed with linger has delivered what was sent reliably,
    /// or has given up, at most `timeout`. Tells whether none lingers any more.
    ///
    /// Lingering ends with the last handle of the interface, so a program that is about to end waits
    /// here. What comes in meanwhile stays to be read.
    pub fn wait_for_linger(&self, timeout: Duration) -> bool {
        self.inner().wait_until(timeout, || {
            let slots = self.inner().hub.lock().slots();
            !slots.iter().any(|slot| slot.is_lingering())
        })
    }

    /// Drives sockets and timers once without waiting, and tells whether an event or a message can be
    /// read.
    ///
    /// This is what [`ServiceMode::Manual`] lives by: call it at least once per frame. In the other mode a thread
    /// that polls all the time takes the work over from the service thread, and who polls now and then leaves it
    /// there.
    pub fn poll(&self) -> bool {
        self.inner().poll()
    }

    /// Drives sockets and timers once, after waiting for something of theirs to do, at most `timeout`, and
    /// tells whether there was something before that. Unlike [`wait`](Self::wait) it does not look at what is
    /// left unread.
    ///
    /// For a thread that does nothing but drive in [`ServiceMode::Manual`], while others read. It may end early
    /// without anything to read.
    pub fn drive(&self, timeout: Duration) -> bool {
        self.inner().drive(timeout)
    }

    /// Who looks after sockets and timers, as it was set last.
    pub fn service_mode(&self) -> ServiceMode {
        self.inner().lobby.lock().mode
    }

    /// Sets who looks after sockets and timers, from any thread and as often as wanted.
    ///
    /// In [`ServiceMode::Manual`] the service thread has ended when this returns, and everything rests until
    /// the application polls or waits; in [`ServiceMode::Thread`] there is one. Threads that wait go on
    /// waiting. A [`wait_handle`](Self::wait_handle) is for the mode in which it was made. If there are several
    /// service threads, only the first one is concerned.
    ///
    /// Not to be called on a service thread, by what a subscriber of `tracing` does there or
    /// [`on_thread_start`](SocketsBuilder::on_thread_start): it would wait for itself.
    ///
    /// # Errors
    /// If the operating system gives no thread. The mode stays as it was then.
    pub fn set_service_mode(&self, mode: ServiceMode) -> io::Result<()> {
        self.shared.set_mode(mode)
    }

    /// How long until the next timer, for an event loop that calls [`poll`](Self::poll): not later than
    /// that. `None` if there is none.
    pub fn next_timeout(&self) -> Option<Duration> {
        let next = self.inner().shards.first().timers.lock().next()?;
        Some(next.since(self.now()).into())
    }

    /// A handle for event loops of other libraries.
    ///
    /// With a service thread it is readable while an event or a message waits to be read. In
    /// [`ServiceMode::Manual`] it is readable when [`poll`](Self::poll) has something to do, and each
    /// call of that sets it up anew.
    ///
    /// # Errors
    /// If the operating system has no more handles.
    pub fn wait_handle(&self) -> io::Result<WaitHandle> {
        WaitHandle::new(Arc::clone(self.inner()), self.service_mode())
    }

    /// The connection of that number, unless the application has closed it. Cheap enough for every message:
    /// neither the connection nor the interface is locked.
    pub fn connection(&self, id: ConnectionId) -> Option<Connection> {
        self.inner().index.find(id).map(Connection::new)
    }

    /// Ends all waits, those of other threads and those to come, and the service threads, so that nothing
    /// is driven any more but by [`poll`](Self::poll).
    ///
    /// It is the first step of the end: connections are closed when the last handle is dropped. For those
    /// who share the interface with threads that wait, and want to end it.
    pub fn shut_down(&self) {
        self.inner().stop_driving();
    }

    /// How many connections there are, including those that are closing.
    pub fn connection_count(&self) -> usize {
        self.inner().hub.lock().connections()
    }

    /// Who this side says it is.
    pub fn identity(&self) -> Identity {
        self.inner().hub.lock().endpoint.identity().clone()
    }

    /// The time on the clock of [`Message::received_at`](crate::Message::received_at). It is the same for
    /// all of the process, never goes back, and counts from at least 30 days.
    pub fn now(&self) -> Timestamp {
        self.inner().clock.now()
    }

    /// Datagrams that were refused before they reached a connection, by reason.
    pub fn drops(&self) -> DropCounters {
        self.inner().hub.lock().endpoint.drops().clone()
    }

    fn pair_shared(
        &self,
        kind: PairKind,
        identity1: Option<Identity>,
        identity2: Option<Identity>,
        options: Option<Config>,
    ) -> Result<(Connection, Connection), PairError> {
        let seen = [identity1, identity2].map(|seen| seen.unwrap_or(Identity::anonymous()));
        let [first, second] = self.inner().pair(kind, options, seen)?;
        Ok((Connection::new(first), Connection::new(second)))
    }

    pub(crate) fn inner(&self) -> &Arc<Inner> {
        &self.shared.inner
    }

    pub(crate) fn questions(&self) -> &Questions {
        &self.shared.questions
    }
}

impl fmt::Debug for Sockets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sockets")
            .field("identity", &self.identity())
            .field("mode", &self.service_mode())
            .field("connections", &self.connection_count())
            .finish_non_exhaustive()
    }
}

impl Shared {
    /// Starts or ends the first service thread, unless it is so already.
    fn set_mode(&self, mode: ServiceMode) -> io::Result<()> {
        let mut service = self.service();
        match mode {
            ServiceMode::Thread => {
                if service.is_none() {
                    // Before the thread looks whether it is wanted.
                    self.inner.lobby.lock().mode = mode;
                    let thread = self.spawn("bowline".to_owned(), service::run);
                    if thread.is_err() {
                        self.inner.lobby.lock().mode = ServiceMode::Manual;
                    }
                    *service = Some(thread?);
                }
            }
            ServiceMode::Manual => {
                if let Some(thread) = service.take() {
                    let wake = || self.inner.shards.first().wake();
                    self.inner.lobby.dismiss_service(wake);
                    join(thread);
                } else {
                    self.inner.lobby.lock().mode = mode;
                }
            }
        }
        Ok(())
    }

    fn spawn(
        &self,
        name: String,
        run: impl FnOnce(&Arc<Inner>) + Send + 'static,
    ) -> io::Result<JoinHandle<()>> {
        let inner = Arc::clone(&self.inner);
        let start = self.thread_start.clone();
        thread::Builder::new().name(name).spawn(move || {
            start.run();
            run(&inner);
        })
    }

    fn service(&self) -> MutexGuard<'_, Option<JoinHandle<()>>> {
        self.service.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// It ends by itself or it panicked; the panic was reported when it happened.
fn join(thread: JoinHandle<()>) {
    let _ = thread.join();
}

impl Drop for Shared {
    fn drop(&mut self) {
        self.inner.stop_driving();
        let service = self.service().take();
        self.further.drain(..).chain(service).for_each(join);
        self.inner.close_all();
        self.inner.forget_all();
        self.inner.finish_recordings();
    }
}
