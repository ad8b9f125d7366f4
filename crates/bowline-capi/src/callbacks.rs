//! What happened, told to the application by the functions that it installed.
//!
//! `RunCallbacks` hands out as much as was there when it began, one by one and in order. While the application's
//! function runs no lock is held, nothing here refers to the library, and no panic is caught: so it may call
//! everything, `RunCallbacks` and `GameNetworkingSockets_Kill` included, and an exception that it throws goes
//! through to whoever called `RunCallbacks`. What was not handed out by then stays where it was, in the Rust
//! library, whose waits and wait handles tell of it, and waits for the next call.
//!
//! Which function that is was decided when it happened: settings 201, 202, 204 and 205 as they were then. What happened
//! without one is nobody's business.

use std::cell::Cell;
use std::ffi::c_int;
use std::ffi::c_void;
use std::sync::Mutex;
use std::sync::MutexGuard;
use std::sync::Once;
use std::sync::PoisonError;
use std::sync::Weak;

use bowline::CallbackToken;
use bowline::ConfigKey;
use bowline::Event;
use bowline::global_config;

use crate::abi::identity::RawIdentity;
use crate::abi::structs::ConnectionHandle;
use crate::abi::structs::RawAuthenticationStatus;
use crate::abi::structs::RawConnectionStatusChanged;
use crate::abi::structs::RawP2pSessionConnectFail;
use crate::abi::structs::RawP2pSessionRequest;
use crate::abi::structs::RawSessionFailed;
use crate::abi::structs::RawSessionRequest;
use crate::abi::vtable::Object;
use crate::guard;
use crate::library;
use crate::library::Interface;
use crate::library::Library;
use crate::packets;
use crate::sockets::convert;

/// A function that hears of connections: `FnSteamNetConnectionStatusChanged`.
pub type StatusChanged = unsafe extern "C-unwind" fn(*mut RawConnectionStatusChanged);
/// The same with a number of the caller's: `FSteamNetConnectionStatusChangedCallback` of GNS 1.1.
pub type PassedFunction = unsafe extern "C-unwind" fn(*mut RawConnectionStatusChanged, isize);
/// A function that hears of our own certificate: `FnSteamNetAuthenticationStatusChanged`.
pub type AuthenticationChanged = unsafe extern "C-unwind" fn(*mut RawAuthenticationStatus);
/// A function that hears of a peer that wants to send messages: `FnSteamNetworkingMessagesSessionRequest`.
pub type SessionRequested = unsafe extern "C-unwind" fn(*mut RawSessionRequest);
/// A function that hears of a session that has failed: `FnSteamNetworkingMessagesSessionFailed`.
pub type SessionFailed = unsafe extern "C-unwind" fn(*mut RawSessionFailed);
/// A function that hears of room in a send buffer: `FnBowlineWritable`.
pub type Writable = unsafe extern "C-unwind" fn(ConnectionHandle, *mut c_void);
/// A function that hears of a certificate that ends: `FnBowlineCertificateExpiring`.
pub type CertificateExpiring = unsafe extern "C-unwind" fn(u64, *mut c_void);

/// A function that hears of a peer that wants to send packets: `FnBowlineP2PSessionRequest`.
pub type PacketsRequested = unsafe extern "C-unwind" fn(*mut RawP2pSessionRequest, *mut c_void);
/// A function that hears of a peer that was not reached: `FnBowlineP2PSessionConnectFail`.
pub type PacketsFailed = unsafe extern "C-unwind" fn(*mut RawP2pSessionConnectFail, *mut c_void);

/// Functions of an interface that are not among the settings.
#[derive(Debug, Default)]
pub(crate) struct Hooks {
    functions: Mutex<Functions>,
}

/// Each with the pointer that it wants to be given.
#[derive(Clone, Copy, Debug, Default)]
struct Functions {
    writable: Option<(Writable, Context)>,
    expiring: Option<(CertificateExpiring, Context)>,
    packets_requested: Option<(PacketsRequested, Context)>,
    packets_failed: Option<(PacketsFailed, Context)>,
}

/// A function that hears of sessions of packets, or that nobody does any more.
#[derive(Clone, Copy, Debug)]
pub(crate) enum PacketsFunction {
    Requested(Option<PacketsRequested>),
    Failed(Option<PacketsFailed>),
}

/// A pointer of the application's, which is only passed on.
#[derive(Clone, Copy, Debug)]
struct Context(*mut c_void);

// SAFETY: never followed here; that the function that gets it may be called by any thread that calls
// `RunCallbacks` is what the header says.
unsafe impl Send for Context {}

impl Hooks {
    /// Sets who hears of room in send buffers; nobody without a function.
    pub(crate) fn set_writable(&self, function: Option<Writable>, context: *mut c_void) {
        lock(&self.functions).writable = function.map(|function| (function, Context(context)));
    }

    /// Sets who hears of a certificate that ends; nobody without a function.
    pub(crate) fn set_expiring(&self, function: Option<CertificateExpiring>, context: *mut c_void) {
        lock(&self.functions).expiring = function.map(|function| (function, Context(context)));
    }
}

impl Hooks {
    /// Sets who hears of sessions of packets. Tells whether anybody does.
    pub(crate) fn set_packets(&self, function: PacketsFunction, context: *mut c_void) -> bool {
        let mut functions = lock(&self.functions);
        let context = Context(context);
        match function {
            PacketsFunction::Requested(function) => {
                functions.packets_requested = function.map(|function| (function, context));
            }
            PacketsFunction::Failed(function) => {
                functions.packets_failed = function.map(|function| (function, context));
            }
        }
        functions.packets_requested.is_some() || functions.packets_failed.is_some()
    }
}

/// A function and what it is to be told.
#[allow(
    clippy::large_enum_variant,
    reason = "there is one at a time, on the stack"
)]
enum Call {
    StatusChanged(StatusChanged, RawConnectionStatusChanged),
    AuthenticationChanged(AuthenticationChanged, RawAuthenticationStatus),
    SessionRequested(SessionRequested, RawSessionRequest),
    SessionFailed(SessionFailed, RawSessionFailed),
    Writable(Writable, ConnectionHandle, Context),
    CertificateExpiring(CertificateExpiring, u64, Context),
    PacketsRequested(PacketsRequested, RawP2pSessionRequest, Context),
    PacketsFailed(PacketsFailed, RawP2pSessionConnectFail, Context),
}

impl Call {
    fn of(library: &Library, interface: &Interface, event: &Event) -> Option<Self> {
        let functions = *lock(&interface.hooks.functions);
        let listeners = library.listeners().numbering();
        match event {
            Event::ConnectionChanged(change) => {
                let told = RawConnectionStatusChanged {
                    connection: change.connection.id().get(),
                    info: convert::connection_info(listeners, interface.role(), &change.info),
                    old_state: change.old as c_int,
                };
                Some(Self::StatusChanged(status_changed(change.callback)?, told))
            }
            Event::AuthenticationChanged { status, callback } => {
                let told = convert::authentication_status(status);
                Some(Self::AuthenticationChanged(
                    authentication_changed(*callback)?,
                    told,
                ))
            }
            Event::MessagesSessionRequest { peer, callback } => {
                let told = RawSessionRequest {
                    identity_remote: RawIdentity::from(Some(peer)),
                };
                Some(Self::SessionRequested(session_requested(*callback)?, told))
            }
            Event::MessagesSessionFailed { info, callback } => {
                let told = RawSessionFailed {
                    info: convert::connection_info(listeners, interface.role(), info),
                };
                Some(Self::SessionFailed(session_failed(*callback)?, told))
            }
            Event::Writable(connection) => {
                let (function, context) = functions.writable?;
                Some(Self::Writable(function, connection.id().get(), context))
            }
            Event::CertificateExpiring { expiry_unix_secs } => {
                let (function, context) = functions.expiring?;
                Some(Self::CertificateExpiring(
                    function,
                    *expiry_unix_secs,
                    context,
                ))
            }
            Event::PacketsSessionRequest { peer } => {
                let (function, context) = functions.packets_requested?;
                let peer = packets::account(peer)?;
                let told = RawP2pSessionRequest { peer };
                Some(Self::PacketsRequested(function, told, context))
            }
            Event::PacketsSessionFailed { peer, error, .. } => {
                let (function, context) = functions.packets_failed?;
                let peer = packets::account(peer)?;
                let error = error.number();
                let told = RawP2pSessionConnectFail { peer, error };
                Some(Self::PacketsFailed(function, told, context))
            }
            _ => None,
        }
    }

    /// # Safety
    /// The function is one of the application's, as it was installed.
    unsafe fn make(self) {
        // SAFETY: the caller's promise. The structs are copies of our own, which the function may change.
        unsafe {
            match self {
                Self::StatusChanged(function, mut told) => function(&raw mut told),
                Self::AuthenticationChanged(function, mut told) => function(&raw mut told),
                Self::SessionRequested(function, mut told) => function(&raw mut told),
                Self::SessionFailed(function, mut told) => function(&raw mut told),
                Self::Writable(function, connection, context) => function(connection, context.0),
                Self::CertificateExpiring(function, expiry, context) => function(expiry, context.0),
                Self::PacketsRequested(function, mut told, context) => {
                    function(&raw mut told, context.0);
                }
                Self::PacketsFailed(function, mut told, context) => {
                    function(&raw mut told, context.0);
                }
            }
        }
    }
}

/// Tells the application what has happened up to now.
///
/// # Safety
/// Functions that the application installed are functions of their types.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn SteamAPI_ISteamNetworkingSockets_RunCallbacks(this: *const Object) {
    let (library, waiting) = guard::call(NAME, (Weak::new(), 0), || begin(this));
    for _ in 0..waiting {
        let Some(call) = guard::call(NAME, None, || next(&library, this)) else {
            return;
        };
        // SAFETY: the caller's promise.
        unsafe { call.make() };
    }
}

/// Tells `function` what has happened to connections up to now: the name up to GNS 1.1, where functions
/// were not installed but handed over at each call.
///
/// # Safety
/// The function may be called with any `context`, or is null. Functions that the application installed are
/// functions of their types.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn SteamAPI_ISteamNetworkingSockets_RunConnectionStatusChangedCallbacks(
    this: *const Object,
    function: Option<PassedFunction>,
    context: isize,
) {
    guard::call(
        "SteamAPI_ISteamNetworkingSockets_RunConnectionStatusChangedCallbacks",
        (),
        enable_passed,
    );
    let outer = PASSED.replace(function.map(|function| (function, context)));
    let _restored = Restore(outer);
    // SAFETY: the caller's promise.
    unsafe { SteamAPI_ISteamNetworkingSockets_RunCallbacks(this) };
}

/// Has changes of connections kept for functions that are handed over at each call, unless the application
/// installs one.
pub(crate) fn enable_passed() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        crate::defaults::ensure();
        let key = ConfigKey::CallbackConnectionStatusChanged;
        if global_config::snapshot().callback(key).is_none() {
            let address = (tell_passed as *const ()).expose_provenance();
            let set = global_config::set(key, CallbackToken::new(address as u64));
            set.expect("any function will do");
        }
    });
}

/// Stands for whatever function is handed over when the event is told.
unsafe extern "C-unwind" fn tell_passed(told: *mut RawConnectionStatusChanged) {
    if let Some((function, context)) = PASSED.get() {
        // SAFETY: whoever handed it over promised that.
        unsafe { function(told, context) };
    }
}

/// Puts back what an outer call was handed, after an exception, too.
struct Restore(Option<(PassedFunction, isize)>);

impl Drop for Restore {
    fn drop(&mut self) {
        PASSED.set(self.0);
    }
}

thread_local! {
    static PASSED: Cell<Option<(PassedFunction, isize)>> = const { Cell::new(None) };
}

/// How much there is to tell, and the library that it is about.
fn begin(this: *const Object) -> (Weak<Library>, usize) {
    let Some(library) = library::current() else {
        return (Weak::new(), 0);
    };
    let Some(interface) = library.interface(this) else {
        return (Weak::new(), 0);
    };
    interface.sockets().poll_if_busy();
    let waiting = interface.sockets().waiting_events();
    (std::sync::Arc::downgrade(&library), waiting)
}

/// What is next to tell; `None` if another call has told all, or the library was ended meanwhile.
fn next(library: &Weak<Library>, this: *const Object) -> Option<Call> {
    let library = library.upgrade()?;
    let interface = library.interface(this)?;
    loop {
        let event = interface.sockets().next_event()?;
        if let Some(call) = Call::of(&library, interface, &event) {
            return Some(call);
        }
    }
}

/// The function that a setting means.
fn status_changed(token: CallbackToken) -> Option<StatusChanged> {
    // SAFETY: the setting was given such a function or null, which is `None`.
    unsafe { std::mem::transmute::<*const (), Option<StatusChanged>>(address(token)) }
}

/// The function that a setting means.
fn authentication_changed(token: CallbackToken) -> Option<AuthenticationChanged> {
    // SAFETY: as above.
    unsafe { std::mem::transmute::<*const (), Option<AuthenticationChanged>>(address(token)) }
}

/// The function that a setting means.
fn session_requested(token: CallbackToken) -> Option<SessionRequested> {
    // SAFETY: as above.
    unsafe { std::mem::transmute::<*const (), Option<SessionRequested>>(address(token)) }
}

/// The function that a setting means.
fn session_failed(token: CallbackToken) -> Option<SessionFailed> {
    // SAFETY: as above.
    unsafe { std::mem::transmute::<*const (), Option<SessionFailed>>(address(token)) }
}

/// The address of the function that a setting means; null for none.
pub(crate) fn address(token: CallbackToken) -> *const () {
    // It was the address of a function on this machine.
    std::ptr::with_exposed_provenance(token.get() as usize)
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

const NAME: &str = "SteamAPI_ISteamNetworkingSockets_RunCallbacks";
