//! What lives between `GameNetworkingSockets_Init` and `GameNetworkingSockets_Kill`.
//!
//! A [`Library`] has an [`Interface`] for players and, once somebody asks for it, one for a game server,
//! with what their handles stand for. Calls hold it only while they work, never while the application's code
//! runs, so that a callback may end the library. Whoever ends it waits until the calls of other threads have
//! let go: when `GameNetworkingSockets_Kill` returns, no thread of the library runs, and ports are free. Only
//! a call where the application's code may run keeps no more than what it works with: one that sends or receives
//! its connection or poll group, one that connects or takes a signal by application's signaling the interface's
//! sockets. If another thread is in one at that moment, their ports are free when it returns.

mod sessions;

use std::ffi::c_void;
use std::io;
use std::sync::Arc;
use std::sync::Condvar;
use std::sync::Mutex;
use std::sync::OnceLock;
use std::sync::PoisonError;
use std::sync::RwLock;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering;
use std::time::Duration;

use bowline::BuildError;
use bowline::Connection;
use bowline::ConnectionId;
use bowline::Identity;
use bowline::Messages;
use bowline::Packets;
use bowline::PollGroup;
use bowline::ServiceMode;
use bowline::Shard;
use bowline::Sockets;
use bowline::WaitHandle;
use bowline::cert::CertStore;

use crate::abi::vtable::Object;
use crate::beyond::hub;
use crate::callbacks::CertificateExpiring;
use crate::callbacks::Hooks;
use crate::callbacks::PacketsFunction;
use crate::callbacks::Writable;
use crate::common;
use crate::common::Common;
use crate::common::service_mode;
use crate::life;
use crate::process;
use crate::sockets::handles::AnyListener;
use crate::sockets::handles::Listeners;
use crate::sockets::handles::PollGroups;
use crate::sockets::object;

/// Which of the two interfaces of a process.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Role {
    /// The players'.
    User,
    /// The game server's.
    Server,
}

impl Role {
    /// Which share of the connection handles is this interface's: they are looked up in both.
    const fn shard(self) -> Shard {
        let index = match self {
            Self::User => 0,
            Self::Server => 1,
        };
        Shard::new(index, 1).expect("one bit tells two apart")
    }
}

/// The library while it runs. Interfaces are first, so that connections end before what they belong to.
#[derive(Debug)]
pub(crate) struct Library {
    user: Interface,
    /// Made when first asked for; `None` in it if that failed.
    server: OnceLock<Option<Interface>>,
    listeners: Listeners,
    poll_groups: PollGroups,
    /// No interface is made any more. Set under the lock of what they have in common.
    is_ending: AtomicBool,
    /// The last field, so that it tells when all the others are gone.
    end: TellEnd,
}

/// One sockets interface, and what the C side keeps of it.
#[derive(Debug)]
pub(crate) struct Interface {
    role: Role,
    sockets: Sockets,
    /// What was made for event loops of the application, in either service mode.
    wait_handles: [OnceLock<WaitHandle>; 2],
    /// Functions that hear of what has happened, besides those among the settings.
    pub(crate) hooks: Hooks,
    /// It was made to forget who it is, and no certificate has told it since.
    is_nobody: AtomicBool,
    /// It has another identity since sessions were used, and is not signed in to its hub.
    was_reset: AtomicBool,
    /// Messages to identities, once they are used.
    messages: OnceLock<Messages>,
    /// The same of packets.
    packets: OnceLock<Packets>,
}

impl Library {
    /// The interface that this object stands for; `None` if it is none of ours.
    pub(crate) fn interface(&self, this: *const Object) -> Option<&Interface> {
        self.interface_of(object::role(this)?)
    }

    /// The interface of that role; `None` if the game server's could not be made.
    pub(crate) fn interface_of(&self, role: Role) -> Option<&Interface> {
        match role {
            Role::User => Some(&self.user),
            Role::Server => match self.server.get() {
                Some(server) => server.as_ref(),
                None => self.make_server(),
            },
        }
    }

    #[cold]
    fn make_server(&self) -> Option<&Interface> {
        let make = |common: &Common| match Interface::new(Role::Server, None, common) {
            Ok(interface) => Some(interface),
            Err(error) => {
                tracing::error!(target: "bowline::capi", "no interface for the game server: {error}");
                None
            }
        };
        let common = common::lock();
        if self.is_ending.load(Ordering::Relaxed) {
            return None;
        }
        self.server.get_or_init(|| make(&common)).as_ref()
    }

    /// The connection of that handle, whichever interface it belongs to, as in GNS.
    pub(crate) fn connection(&self, handle: u32) -> Option<Connection> {
        self.connection_and_role(handle)
            .map(|(_, connection)| connection)
    }

    /// The same, and which interface that is.
    pub(crate) fn connection_and_role(&self, handle: u32) -> Option<(Role, Connection)> {
        let id = ConnectionId::new(handle);
        self.interfaces().find_map(|interface| {
            let connection = interface.sockets.connection(id)?;
            Some((interface.role, connection))
        })
    }

    /// The poll group of that handle.
    pub(crate) fn poll_group(&self, handle: u32) -> Option<Arc<PollGroup>> {
        self.poll_groups.find(handle)
    }

    /// Those that there are.
    pub(crate) fn interfaces(&self) -> impl Iterator<Item = &Interface> {
        let server = self.server.get().and_then(Option::as_ref);
        std::iter::once(&self.user).chain(server)
    }

    /// Does something with the listener of that handle.
    pub(crate) fn with_listener<R>(
        &self,
        handle: u32,
        act: impl FnOnce(&AnyListener) -> R,
    ) -> Option<R> {
        self.listeners.with(handle, act)
    }

    /// Listen sockets by handle.
    pub(crate) const fn listeners(&self) -> &Listeners {
        &self.listeners
    }

    /// Poll groups by handle.
    pub(crate) const fn poll_groups(&self) -> &PollGroups {
        &self.poll_groups
    }
}

impl Interface {
    fn new(role: Role, identity: Option<Identity>, common: &Common) -> Result<Self, BuildError> {
        let mut builder = Sockets::builder()
            .app_id(common.app_id)
            .trust(common.trust.clone())
            .service(service_mode())
            .shard(role.shard())
            .events_need_callbacks(true)
            .session_shortcuts(SESSION_SHORTCUTS.load(Ordering::Relaxed))
            .on_thread_start(process::begin_thread);
        if let Some(identity) = identity {
            builder = builder.identity(identity);
        }
        if let Some(hub) = hub::of_environment(role) {
            builder = builder.hub(hub);
        }
        Ok(Self {
            role,
            sockets: builder.build()?,
            wait_handles: [const { OnceLock::new() }; 2],
            hooks: Hooks::default(),
            is_nobody: AtomicBool::new(false),
            was_reset: AtomicBool::new(false),
            messages: OnceLock::new(),
            packets: OnceLock::new(),
        })
    }

    /// Which of the two it is.
    pub(crate) const fn role(&self) -> Role {
        self.role
    }

    /// The Rust side of it.
    pub(crate) const fn sockets(&self) -> &Sockets {
        &self.sockets
    }

    /// Who this side is; `None` if it does not know.
    pub(crate) fn identity(&self) -> Option<Identity> {
        let identity = self.sockets.identity();
        // A hub may have said who it is since.
        let is_nobody = self.is_nobody.load(Ordering::Relaxed) && identity.is_anonymous();
        (!is_nobody).then_some(identity)
    }

    /// Says whether it knows who it is.
    pub(crate) fn set_nobody(&self, is_nobody: bool) {
        self.is_nobody.store(is_nobody, Ordering::Relaxed);
    }
}

impl Interface {
    /// Sets who hears of room in send buffers.
    pub(crate) fn set_writable(&self, function: Option<Writable>, context: *mut c_void) {
        self.hooks.set_writable(function, context);
        self.sockets.set_tells_writable(function.is_some());
    }

    /// Sets who hears of sessions of packets.
    pub(crate) fn set_packets(&self, function: PacketsFunction, context: *mut c_void) {
        let is_any = self.hooks.set_packets(function, context);
        self.sockets.set_tells_packets(is_any);
    }

    /// Sets who hears that our certificate ends.
    pub(crate) fn set_expiring(&self, function: Option<CertificateExpiring>, context: *mut c_void) {
        self.hooks.set_expiring(function, context);
        self.sockets
            .set_tells_certificate_expiring(function.is_some());
    }

    /// What an event loop of the application can watch, made when first asked for.
    ///
    /// # Errors
    /// If the operating system has no more handles.
    pub(crate) fn wait_handle(&self) -> io::Result<&WaitHandle> {
        let [for_thread, for_manual] = &self.wait_handles;
        let place = match self.sockets.service_mode() {
            ServiceMode::Manual => for_manual,
            _ => for_thread,
        };
        if place.get().is_none() {
            // Another thread may have been faster; then this one is dropped.
            let _ = place.set(self.sockets.wait_handle()?);
        }
        Ok(place.get().expect("it was just set"))
    }
}

/// Sets whether sessions with peers of this process are made in memory, by interfaces that are made from now on.
pub(crate) fn set_session_shortcuts(allowed: bool) {
    SESSION_SHORTCUTS.store(allowed, Ordering::Relaxed);
}

/// As in GNS, except in tests.
static SESSION_SHORTCUTS: AtomicBool = AtomicBool::new(true);

/// Sets who drives the sockets, now and from now on.
pub(crate) fn set_manual_poll(manual: bool) {
    common::set_manual_poll(manual);
    let Some(library) = current() else {
        return;
    };
    // Not under the lock: it waits for the service thread.
    for interface in library.interfaces() {
        if let Err(error) = interface.sockets.set_service_mode(service_mode()) {
            tracing::error!(target: "bowline::capi", "SetManualPollMode: {error}");
        }
    }
}

/// Says which game this is.
pub(crate) fn set_app_id(app_id: u32) {
    change_common(
        |common| common.app_id = app_id,
        |common, sockets| sockets.set_app_id(common.app_id),
    );
}

/// Sets whom we trust to what `change` makes of it; nothing of it if that fails.
pub(crate) fn change_trust<E>(
    change: impl FnOnce(&mut CertStore) -> Result<(), E>,
) -> Result<(), E> {
    let mut result = Ok(());
    change_common(
        |common| {
            let mut changed = common.trust.clone();
            result = change(&mut changed);
            if result.is_ok() {
                common.trust = changed;
            }
        },
        |common, sockets| sockets.set_trust(common.trust.clone()),
    );
    result
}

/// Changes what interfaces have in common, and tells those that there are. All under the lock: of two changes
/// at a time the later one counts everywhere.
fn change_common(change: impl FnOnce(&mut Common), tell: impl Fn(&Common, &Sockets)) {
    // Dropped after the lock: its end, if this is the last to let go, waits for service threads.
    let library;
    let mut common = common::lock();
    change(&mut common);
    library = current();
    for interface in library.iter().flat_map(|library| library.interfaces()) {
        tell(&common, &interface.sockets);
    }
}

/// The library, if it runs.
pub(crate) fn current() -> Option<Arc<Library>> {
    CURRENT
        .read()
        .unwrap_or_else(PoisonError::into_inner)
        .clone()
}

/// Runs a method of the object, with the library and the interface that it stands for; `failed` if the
/// library does not run or the object is none of ours.
pub(crate) fn called<R>(
    this: *const Object,
    failed: R,
    method: impl FnOnce(&Library, &Interface) -> R,
) -> R {
    let Some(library) = current() else {
        return failed;
    };
    match library.interface(this) {
        Some(interface) => method(&library, interface),
        None => failed,
    }
}

/// Starts it, as somebody on this host, as nobody (`Some(None)`), or as somebody; nothing if it runs already.
pub(crate) fn start(identity: Option<Option<Identity>>) -> Result<(), StartError> {
    crate::defaults::ensure();
    let _turn = life::to_start().ok_or(StartError::Ending)?;
    if current().is_some() {
        tracing::error!(target: "bowline::capi", "GameNetworkingSockets_Init: it was called before");
        return Ok(());
    }
    let is_nobody = identity == Some(None);
    let common = common::lock();
    let user = Interface::new(Role::User, identity.flatten(), &common)?;
    user.set_nobody(is_nobody);
    let library = Library {
        user,
        server: OnceLock::new(),
        listeners: Listeners::new(),
        poll_groups: PollGroups::default(),
        is_ending: AtomicBool::new(false),
        end: TellEnd::default(),
    };
    *CURRENT.write().unwrap_or_else(PoisonError::into_inner) = Some(Arc::new(library));
    Ok(())
}

/// Why it was not started.
#[derive(Debug, thiserror::Error)]
pub(crate) enum StartError {
    /// The interface could not be made.
    #[error(transparent)]
    Build(#[from] BuildError),
    /// It is being ended, and this thread is one of those that the end waits for.
    #[error("the library is being ended")]
    Ending,
}

/// Ends it, with everything that it holds, and what the application has set for it; nothing if it does not
/// run. What a panic left behind is gone in any case.
pub(crate) fn stop() {
    let Some(_turn) = life::to_end() else {
        return;
    };
    let mut current = CURRENT.write().unwrap_or_else(PoisonError::into_inner);
    let ended = current.take();
    drop(current);
    if let Some(library) = ended {
        end(library);
        crate::messages::finish_lent();
        common::lock().trust = CertStore::new();
        crate::utils::debug::forget();
    }
    crate::guard::heal();
}

/// Lets go of the library and waits until the calls of other threads have, too.
fn end(library: Arc<Library>) {
    let common = common::lock();
    library.is_ending.store(true, Ordering::Relaxed);
    drop(common);
    // Now these are all that there will ever be.
    for interface in library.interfaces() {
        interface.sockets.shut_down();
    }
    let end = Arc::clone(&library.end.0);
    drop(library);
    let done = end.done.lock().unwrap_or_else(PoisonError::into_inner);
    let waited = end.changed.wait_timeout_while(done, MAX_END, |done| !*done);
    let (done, _) = waited.unwrap_or_else(PoisonError::into_inner);
    if !*done {
        tracing::error!(target: "bowline::capi", "GameNetworkingSockets_Kill: a call of another thread goes on");
    }
}

/// Tells when the library is gone.
#[derive(Debug, Default)]
struct End {
    done: Mutex<bool>,
    changed: Condvar,
}

/// Its drop is the end.
#[derive(Debug, Default)]
struct TellEnd(Arc<End>);

impl Drop for TellEnd {
    fn drop(&mut self) {
        *self.0.done.lock().unwrap_or_else(PoisonError::into_inner) = true;
        self.0.changed.notify_all();
    }
}

static CURRENT: RwLock<Option<Arc<Library>>> = RwLock::new(None);

/// How long the end waits for calls of other threads. No call takes so long, unless application code that
/// runs within one, as a function that frees a message's bytes may, ends the library itself.
const MAX_END: Duration = Duration::from_secs(10);
