//! Making a sockets interface.

use std::fmt;
use std::panic::AssertUnwindSafe;
use std::panic::catch_unwind;
use std::sync::Arc;

use bowline_core::cert::keypair::KeyPair;
use bowline_core::cert::signed::SignedCertificate;
use bowline_core::cert::store::CertStore;
use bowline_core::config::Config;
use bowline_core::crypto::Crypto;
use bowline_core::crypto::key_update::KeyLimits;
use bowline_core::endpoint::EndpointConfig;
use bowline_core::endpoint::Shard;
use bowline_core::extensions::ExtensionSet;
use bowline_core::identity::Identity;
use bowline_core::ids::AppId;
use bowline_io::interfaces::Loopback;

use crate::driver::Inner;
use crate::driver::Shortcuts;
use crate::driver::default_signaling::DefaultSignaling;
use crate::driver::limits;
use crate::driver::lobby::Told;
use crate::error::BuildError;
use crate::hub::HubConfig;
use crate::recorder::RecordingDirectory;
use crate::signaling::Signaling;
use crate::sockets::Sockets;

/// Who looks after sockets and timers.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub enum ServiceMode {
    /// A thread of the library, except while an application thread waits in
    /// [`Sockets::wait`], which then does it itself. Several, if
    /// [`service_threads`](SocketsBuilder::service_threads) says so.
    #[default]
    Thread,
    /// Nobody but the application, by calling [`Sockets::poll`] or [`Sockets::wait`] often.
    Manual,
}

/// What every service thread does first.
#[derive(Clone, Default)]
pub(crate) struct ThreadStart(Option<Arc<dyn Fn() + Send + Sync>>);

impl ThreadStart {
    /// Calls it on this thread. Should it panic, the thread has work to do all the same.
    pub(crate) fn run(&self) {
        if let Some(start) = &self.0
            && catch_unwind(AssertUnwindSafe(|| start())).is_err()
        {
            tracing::error!("what was to be done on a new service thread has panicked");
        }
    }
}

impl fmt::Debug for ThreadStart {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let is_set = self.0.is_some();
        f.debug_tuple("ThreadStart").field(&is_set).finish()
    }
}

/// Settings of a [`Sockets`] before it is made. Begin with [`Sockets::builder`].
#[derive(Clone, Debug)]
#[must_use = "nothing happens before `build`"]
pub struct SocketsBuilder {
    identity: Option<Identity>,
    app_id: AppId,
    config: Config,
    crypto: Option<Crypto>,
    extensions: ExtensionSet,
    key_limits: KeyLimits,
    explains_rejections: bool,
    mode: ServiceMode,
    service_threads: usize,
    thread_start: ThreadStart,
    events_need_callbacks: bool,
    shard: Shard,
    key: Option<KeyPair>,
    certificate: Option<SignedCertificate>,
    trusted: CertStore,
    recordings: Option<RecordingDirectory>,
    loopback: Loopback,
    shortcuts: Shortcuts,
    signaling: Option<DefaultSignaling>,
    hub: Option<HubConfig>,
}

impl SocketsBuilder {
    /// The most [`service_threads`](Self::service_threads) of one interface.
    pub const MAX_SERVICE_THREADS: usize = limits::MAX_SERVICE_THREADS;

    pub(crate) const fn new() -> Self {
        Self {
            identity: None,
            app_id: AppId::new(0),
            config: Config::new(),
            crypto: None,
            extensions: ExtensionSet::ALL,
            key_limits: KeyLimits::DEFAULT,
            explains_rejections: false,
            mode: ServiceMode::Thread,
            service_threads: 1,
            thread_start: ThreadStart(None),
            events_need_callbacks: false,
            shard: Shard::SINGLE,
            key: None,
            certificate: None,
            trusted: CertStore::new(),
            recordings: None,
            loopback: Loopback::IfAlone,
            shortcuts: Shortcuts::Never,
            signaling: None,
            hub: None,
        }
    }

    /// Who this side says it is. Anonymous unless set: peers see the address only.
    pub fn identity(mut self, identity: Identity) -> Self {
        self.identity = Some(identity);
        self
    }

    /// The game, 0 unless set. Peers of another game are refused.
    pub const fn app_id(mut self, app_id: u32) -> Self {
        self.app_id = AppId::new(app_id);
        self
    }

    /// The settings of all connections for which no others are given.
    pub fn config(mut self, config: Config) -> Self {
        self.config = config;
        self
    }

    /// Which implementation of the ciphers to use. By default the fastest that was built in.
    pub fn crypto(mut self, crypto: Crypto) -> Self {
        self.crypto = Some(crypto);
        self
    }

    /// What goes beyond GNS: offered to peers, and taken if they offer it. All that there is unless set.
    pub const fn extensions(mut self, extensions: ExtensionSet) -> Self {
        self.extensions = extensions;
        self
    }

    /// When keys are replaced, between peers that agree to do so ([`Extension::KeyUpdate`]).
    ///
    /// [`Extension::KeyUpdate`]: crate::Extension::KeyUpdate
    pub const fn key_limits(mut self, key_limits: KeyLimits) -> Self {
        self.key_limits = key_limits;
        self
    }

    /// Whether a client that is refused before the application hears of it is told why: as the
    /// [`EndReason`](crate::EndReason) and text of its connection, and as
    /// [`ConnectionInfo::rejection`](crate::ConnectionInfo::rejection).
    ///
    /// Not unless set: GNS stays silent, since those who probe a server learn from its answers, too.
    pub const fn explain_rejections(mut self, explain: bool) -> Self {
        self.explains_rejections = explain;
        self
    }

    /// Who looks after sockets and timers; a thread of the library unless set. May change later
    /// ([`Sockets::set_service_mode`]).
    pub const fn service(mut self, mode: ServiceMode) -> Self {
        self.mode = mode;
        self
    }

    /// How many threads share the work in [`ServiceMode::Thread`], 1 unless set, at most
    /// [`MAX_SERVICE_THREADS`](Self::MAX_SERVICE_THREADS). In [`ServiceMode::Manual`] there are none.
    ///
    /// More than one is for servers that one processor is not enough for. On Linux and Android a listener
    /// then has a socket per thread, and the kernel spreads the clients over them by a hash of their
    /// addresses; each connection is looked after by one thread, so that a single one is no faster than
    /// before. Connections that are dialled go to the threads in turn, and from a port of each. Elsewhere
    /// one thread has all clients of a listener, of which a line of the log tells.
    ///
    /// As with one thread, an address in use cannot be listened on; that holds for a second `Sockets` with
    /// as many threads, too, in this process or another. Only another program of the same user that shares
    /// ports on purpose (`SO_REUSEPORT`) could get datagrams that are for a listener with several threads.
    pub const fn service_threads(mut self, threads: usize) -> Self {
        self.service_threads = threads;
        self
    }

    /// What every service thread does before anything else: to name it, or to set its priority. Called on
    /// each of them, those included that [`Sockets::set_service_mode`] starts, which it must not call.
    pub fn on_thread_start(mut self, start: impl Fn() + Send + Sync + 'static) -> Self {
        self.thread_start = ThreadStart(Some(Arc::new(start)));
        self
    }

    /// For bindings: whether nothing is told but what the application has set a callback for, so that one
    /// which reads no events has none waiting. Off unless set.
    ///
    /// An event is then queued only if it carries a [`CallbackToken`](crate::CallbackToken), as in GNS;
    /// [`Event::Writable`](crate::Event::Writable),
    /// [`Event::CertificateExpiring`](crate::Event::CertificateExpiring) and those of [`Packets`](crate::Packets) never
    /// do: see [`Sockets::set_tells_writable`], [`Sockets::set_tells_certificate_expiring`] and
    /// [`Sockets::set_tells_packets`].
    pub const fn events_need_callbacks(mut self, needed: bool) -> Self {
        self.events_need_callbacks = needed;
        self
    }

    /// Which of several interfaces of a program this is, so that no connection of one has the number of a
    /// connection of another: the top bits of a [`ConnectionId`](crate::ConnectionId) name the shard then, and the rest
    /// stays random. Unless set all bits are, and a number means a connection only together with its
    /// interface.
    pub const fn shard(mut self, shard: Shard) -> Self {
        self.shard = shard;
        self
    }

    /// The key of our certificates. Without one each connection makes a key of its own, unless a
    /// certificate is requested or set.
    pub fn key(mut self, key: KeyPair) -> Self {
        self.key = Some(key);
        self
    }

    /// Our own certificate; see [`Sockets::set_certificate`].
    pub fn certificate(mut self, signed: SignedCertificate) -> Self {
        self.certificate = Some(signed);
        self
    }

    /// Whom to trust, nobody unless set; see [`Sockets::set_trust`].
    pub fn trust(mut self, store: CertStore) -> Self {
        self.trusted = store;
        self
    }

    /// Where to put recordings of connections that end as they should not. Nowhere unless set.
    pub fn recordings(mut self, directory: RecordingDirectory) -> Self {
        self.recordings = Some(directory);
        self
    }

    /// Whether connections between peers may use the loopback addresses of this machine beside its others. Only
    /// if it has no others, unless set: to another machine they are of no use. For tests, and for several programs
    /// on one machine.
    pub const fn loopback_candidates(mut self, included: bool) -> Self {
        self.loopback = if included {
            Loopback::Always
        } else {
            Loopback::IfAlone
        };
        self
    }

    /// Whether [`Sockets::connect_p2p`] makes a connection in memory, as [`Sockets::connect_within`] does, if the peer
    /// is in this process, listens on the port, and was made so as well. Not unless set: such peers find each other
    /// by signals and exchange packets, like any others. With it every identity should be one in this process only.
    ///
    /// Sessions of [`Messages`](crate::Messages) and [`Packets`](crate::Packets) are made so as well, and need no
    /// signaling then.
    pub const fn shortcuts(mut self, allowed: bool) -> Self {
        self.shortcuts = if allowed {
            Shortcuts::Always
        } else {
            Shortcuts::Never
        };
        self
    }

    /// For bindings: [`shortcuts`](Self::shortcuts) for sessions alone. Takes the place of what was said there.
    pub const fn session_shortcuts(mut self, allowed: bool) -> Self {
        self.shortcuts = if allowed {
            Shortcuts::Sessions
        } else {
            Shortcuts::Never
        };
        self
    }

    /// What carries the signals of connections that nobody has given anything for; nothing unless set. See
    /// [`Sockets::set_signaling`].
    pub fn signaling(mut self, signaling: Arc<dyn Signaling>) -> Self {
        self.signaling = Some(DefaultSignaling::one(signaling));
        self
    }

    /// Which hub to sign in to, as soon as it is needed: by [`Sockets::init_authentication`], or when a peer is connected
    /// to or listened for. See [`Sockets::sign_in`], which does not wait for that.
    pub fn hub(mut self, config: HubConfig) -> Self {
        self.hub = Some(config);
        self
    }

    /// Makes the interface.
    ///
    /// # Errors
    /// If the operating system gives no randomness, no handles, or no thread, if a certificate is not
    /// good, or if there cannot be so many service threads.
    pub fn build(self) -> Result<Sockets, BuildError> {
        let threads = self.service_threads;
        if !(1..=limits::MAX_SERVICE_THREADS).contains(&threads) {
            return Err(BuildError::ServiceThreads { threads });
        }
        let shards = match self.mode {
            ServiceMode::Thread => threads,
            ServiceMode::Manual => 1,
        };
        let crypto = self
            .crypto
            .unwrap_or_else(bowline_io::crypto::default_provider);
        let mut endpoint = EndpointConfig::new(crypto);
        endpoint.app_id = self.app_id;
        endpoint.shard = self.shard;
        endpoint.extensions = self.extensions;
        endpoint.key_limits = self.key_limits;
        endpoint.explains_rejections = self.explains_rejections;
        endpoint.key = self.key.map(|pair| pair.private().clone());
        endpoint.trusted = self.trusted;
        if let Some(identity) = self.identity {
            endpoint.identity = identity;
        }
        let told = Told {
            callbacks_only: self.events_need_callbacks,
            ..Told::all(limits::MAX_EVENTS)
        };
        let (inner, further) = Inner::new(
            endpoint,
            self.config,
            told,
            shards,
            self.loopback,
            self.shortcuts,
        )?;
        if let Some(directory) = self.recordings {
            inner.keep_recordings(directory);
        }
        inner.set_default_signaling(self.signaling);
        if let Some(certificate) = &self.certificate {
            inner.set_certificate(certificate)?;
        }
        if let Some(hub) = self.hub {
            inner.set_hub(hub, false);
        }
        Sockets::start(inner, further, self.mode, self.thread_start)
    }
}
