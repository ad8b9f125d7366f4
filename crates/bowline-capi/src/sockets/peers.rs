//! Connections by identity, with signals that the application carries.
//!
//! The application's code runs in here, so nothing refers to the library meanwhile, only to the interface's
//! sockets: should the library be ended by then, they end with the call.

use std::ffi::c_int;
use std::ffi::c_void;
use std::sync::Arc;

use bowline::Availability;
use bowline::Config;
use bowline::ConfigKey;
use bowline::ConfigType;
use bowline::ConnectP2pError;
use bowline::ConnectWithinError;
use bowline::Connection;
use bowline::DropReason;
use bowline::Identity;
use bowline::SignalError;
use bowline::Sockets;
use bowline::VirtualPort;
use bowline::global_config;
use bowline::signaling::Signaling;

use crate::abi::identity::RawIdentity;
use crate::abi::pointer;
use crate::abi::structs::ConnectionHandle;
use crate::abi::structs::ListenHandle;
use crate::abi::structs::RawOption;
use crate::abi::vtable::Object;
use crate::callbacks;
use crate::defaults;
use crate::exports;
use crate::guard;
use crate::library;
use crate::library::Role;
use crate::library::called;
use crate::sockets::convert;
use crate::sockets::handles::Numbering;
use crate::sockets::making;
use crate::sockets::object;
use crate::sockets::signaling::Context;
use crate::sockets::signaling::OnConnectRequest;
use crate::sockets::signaling::Owned;
use crate::sockets::signaling::SendRejectionSignal;
use crate::sockets::signaling::contained;

/// Makes what carries the signals of a connection that [`ConnectP2P`] starts: setting 206. The ports are
/// ours, -1 if that was said to be any, and the peer's.
///
/// [`ConnectP2P`]: SteamAPI_ISteamNetworkingSockets_ConnectP2P
pub type CreateSignaling =
    unsafe extern "C-unwind" fn(*const Object, *const RawIdentity, c_int, c_int) -> *mut Object;

exports! {
    /// Listens for connections by identity on a virtual port, 0 to 65535. 0 if there is a listen socket on
    /// it already, or an option cannot be set.
    fn SteamAPI_ISteamNetworkingSockets_CreateListenSocketP2P(
        this: *const Object,
        virtual_port: c_int,
        count: c_int,
        options: *const RawOption,
    ) -> ListenHandle, else 0;
        listen(this, virtual_port, pointer::list(options, count));

    /// Connects to an identity: in memory if it is that of an interface of this process, which must listen then;
    /// else by signals that an object carries which the application's factory makes (setting 206), or that a hub
    /// carries. 0 if there is neither, or the factory makes none, if this side or the peer is nobody, or an option cannot be set.
    fn SteamAPI_ISteamNetworkingSockets_ConnectP2P(
        this: *const Object,
        peer: *const RawIdentity,
        virtual_port: c_int,
        count: c_int,
        options: *const RawOption,
    ) -> ConnectionHandle, else 0;
        connect(this, pointer::read(peer), virtual_port, pointer::list(options, count));

    /// Takes a signal that the application carried here. The context is asked about those who want to
    /// connect, before this returns; with null nobody can. False if the signal is malformed, not for us, or
    /// cannot be dealt with.
    fn SteamAPI_ISteamNetworkingSockets_ReceivedP2PCustomSignal(
        this: *const Object,
        signal: *const c_void,
        size: c_int,
        context: *mut Object,
    ) -> bool, else false;
        receive(this, signal_bytes(signal, size), |whose| Context::of_object(context, whose));

    /// The same with functions in the place of an object, which are given `context`. Null ones are not
    /// called.
    fn SteamAPI_ISteamNetworkingSockets_ReceivedP2PCustomSignal2(
        this: *const Object,
        signal: *const c_void,
        size: c_int,
        context: *mut c_void,
        on_request: Option<OnConnectRequest>,
        send_rejection: Option<SendRejectionSignal>,
    ) -> bool, else false;
        receive(this, signal_bytes(signal, size), |whose| {
            Context::of_functions(context, on_request, send_rejection, whose)
        });
}

/// Connects to an identity by signals that the object carries. 0 without an object, if this side or the
/// peer is nobody, or an option cannot be set. The object is released when the connection needs it no more,
/// and at once if none comes about.
///
/// # Safety
/// The object, unless null, is one for signals, with a vtable, and is not used after. The other pointers
/// lead to what the header documents, or are null.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn SteamAPI_ISteamNetworkingSockets_ConnectP2PCustomSignaling(
    this: *const Object,
    signals: *mut Object,
    peer: *const RawIdentity,
    virtual_port: c_int,
    count: c_int,
    options: *const RawOption,
) -> ConnectionHandle {
    // Outside the guard: it is released even when the library answers nothing any more.
    // SAFETY: the caller's promise.
    let signals = unsafe { Owned::new(signals) };
    let connect = || {
        let side = Side::of(this)?;
        // SAFETY: the caller's promise.
        let (peer, options) = unsafe { (pointer::read(peer), pointer::list(options, count)) };
        // Programs from before GNS 1.2 name no port: the first.
        let port = match virtual_port {
            -1 => 0,
            port => port,
        };
        let port = u32::try_from(port).ok().and_then(VirtualPort::new);
        let dial = Dial::new(CUSTOM, peer, port, options)?;
        let signals = signals.or_else(|| refuse(CUSTOM, &"no object that carries signals"))?;
        side.connect(CUSTOM, dial, signals)
    };
    guard::call(
        "SteamAPI_ISteamNetworkingSockets_ConnectP2PCustomSignaling",
        None,
        connect,
    )
    .unwrap_or(0)
}

/// An interface while the application's code may run: without the library.
struct Side {
    sockets: Sockets,
    role: Role,
    listeners: Numbering,
}

/// Whom to connect to, and how.
struct Dial {
    peer: Identity,
    port: VirtualPort,
    config: Config,
}

impl Side {
    fn of(this: *const Object) -> Option<Self> {
        called(this, None, |library, interface| {
            Some(Self {
                sockets: interface.sockets().clone(),
                role: interface.role(),
                listeners: library.listeners().numbering(),
            })
        })
    }

    fn connect_within(&self, dial: &Dial) -> Result<Connection, ConnectWithinError> {
        let config = dial.config.clone();
        self.sockets
            .connect_within_with(&dial.peer, dial.port, config)
    }

    /// Without signals of the application's.
    fn connect_by_hub(&self, name: &str, dial: Dial) -> Option<ConnectionHandle> {
        let Dial { peer, port, config } = dial;
        match self.sockets.connect_peer_with(&peer, port, config) {
            Ok(connection) => Some(connection.id().get()),
            Err(ConnectP2pError::NoSignaling) => refuse(name, &NO_SIGNALING),
            Err(error) => refuse(name, &error),
        }
    }

    fn connect(&self, name: &str, dial: Dial, signals: Owned) -> Option<ConnectionHandle> {
        let signaling = signals.carry(self.role, self.listeners);
        let Dial { peer, port, config } = dial;
        let sockets = &self.sockets;
        match sockets.connect_p2p_with(&peer, port, signaling, config) {
            Ok(connection) => Some(connection.id().get()),
            Err(error) => refuse(name, &error),
        }
    }
}

impl Dial {
    fn new(
        name: &str,
        peer: Option<RawIdentity>,
        port: Option<VirtualPort>,
        options: Option<&[RawOption]>,
    ) -> Option<Self> {
        // What is malformed says so in the log.
        let peer = peer.map_or(Ok(None), |raw| raw.argument(name)).ok()?;
        Some(Self {
            peer: peer.or_else(|| refuse(name, &"no peer"))?,
            port: port.or_else(|| refuse(name, &NO_PORT))?,
            config: making::config(options).map_or_else(|error| refuse(name, &error), Some)?,
        })
    }
}

fn listen(this: *const Object, virtual_port: c_int, options: Option<&[RawOption]>) -> ListenHandle {
    const NAME: &str = "CreateListenSocketP2P";
    let listener = called(this, None, |library, interface| {
        let Some(port) = small_port(virtual_port) else {
            return refuse(NAME, &NO_PORT);
        };
        let config = match making::config(options) {
            Ok(config) => config,
            Err(error) => return refuse(NAME, &error),
        };
        match interface.sockets().listen_p2p_with(port, config) {
            Ok(listener) => Some(library.listeners().add(interface.role(), listener)),
            Err(error) => refuse(NAME, &error),
        }
    });
    listener.unwrap_or(0)
}

/// Connects within the process if the peer is there, else by what the application's factory makes.
///
/// # Safety
/// What options point to is there.
unsafe fn connect(
    this: *const Object,
    peer: Option<RawIdentity>,
    virtual_port: c_int,
    options: Option<&[RawOption]>,
) -> ConnectionHandle {
    const NAME: &str = "ConnectP2P";
    let connect = || {
        let side = Side::of(this)?;
        let port = small_port(virtual_port);
        let dial = Dial::new(NAME, peer, port, options)?;
        match side.connect_within(&dial) {
            Ok(connection) => return Some(connection.id().get()),
            Err(ConnectWithinError::NotHere) => {}
            Err(error) => return refuse(NAME, &error),
        }
        let local_port = local_port(options.unwrap_or_default(), virtual_port)
            .or_else(|| refuse(NAME, &"LocalVirtualPort must be a port, as Int32"))?;
        let Some(factory) = factory() else {
            return side.connect_by_hub(NAME, dial);
        };
        let peer = RawIdentity::from(Some(&dial.peer));
        // SAFETY: the setting was given such a function, and what it makes is for us.
        let signals = unsafe {
            Owned::new(contained("CreateConnectionSignaling", || {
                factory(this, &raw const peer, local_port, virtual_port)
            }))
        };
        let signals = signals.or_else(|| refuse(NAME, &"no signaling was made"))?;
        side.connect(NAME, dial, signals)
    };
    connect().unwrap_or(0)
}

/// What makes objects for signals, if the application has set it.
fn factory() -> Option<CreateSignaling> {
    defaults::ensure();
    let token = global_config::snapshot().callback(ConfigKey::CallbackCreateConnectionSignaling);
    // SAFETY: the setting was given such a function or null, which is `None`.
    unsafe { std::mem::transmute::<*const (), Option<CreateSignaling>>(callbacks::address(token)) }
}

/// What carries the signals of a session with a peer: what the application's factory makes, if it has set one.
pub(crate) fn make_signaling(
    role: Role,
    listeners: Numbering,
    peer: &Identity,
    port: VirtualPort,
) -> Option<Arc<dyn Signaling>> {
    let factory = factory()?;
    let raw = RawIdentity::from(Some(peer));
    let port = convert::saturate(port.get());
    // SAFETY: the setting was given such a function, and what it makes is for us.
    let signals = unsafe {
        Owned::new(contained("CreateConnectionSignaling", || {
            factory(object::of(role), &raw const raw, port, port)
        }))
    }?;
    Some(signals.carry(role, listeners))
}

/// Which port of ours the connection is from, as the options say it: the peer's if they do not, and -1 if
/// they say any. `None` if that is no port.
fn local_port(options: &[RawOption], virtual_port: c_int) -> Option<c_int> {
    let mut local = virtual_port;
    for option in options {
        if option.key != ConfigKey::LocalVirtualPort.number() {
            continue;
        }
        if option.kind != ConfigType::Int32.number() {
            return None;
        }
        // SAFETY: its kind says so.
        local = unsafe { option.value.int32 };
    }
    (local == -1 || small_port(local).is_some()).then_some(local)
}

/// The virtual ports that applications use. GNS e707b3a: steamnetworkingsockets_p2p.cpp,
/// `CreateListenSocketP2P`, `ConnectP2P`.
fn small_port(port: c_int) -> Option<VirtualPort> {
    u16::try_from(port).ok().map(VirtualPort::from)
}

/// The bytes of a signal; `None` if there are none.
///
/// # Safety
/// So many bytes are there, or it is null.
unsafe fn signal_bytes<'a>(signal: *const c_void, size: c_int) -> Option<&'a [u8]> {
    let size = usize::try_from(size).ok()?;
    // SAFETY: the caller's promise.
    unsafe { pointer::bytes(signal.cast(), size) }
}

fn receive(
    this: *const Object,
    signal: Option<&[u8]>,
    context: impl FnOnce((Role, Numbering)) -> Context,
) -> bool {
    let (Some(side), Some(signal)) = (Side::of(this), signal) else {
        return false;
    };
    await_sessions(this);
    let mut context = context((side.role, side.listeners));
    match side.sockets.receive_signal(signal, &mut context) {
        // As they should be, but late, or twice. GNS e707b3a: `InternalReceivedP2PSignal`.
        Ok(()) | Err(SignalError::Dropped(DropReason::UnknownConnection)) => true,
        Err(error) => {
            tracing::debug!(target: "bowline::capi", "ReceivedP2PCustomSignal: {error}");
            false
        }
    }
}

/// Lets peers ask for sessions of messages to identities if the application has said who is to hear of that: it need
/// not have used that interface before. GNS makes it on the first request, too.
pub(crate) fn await_sessions(this: *const Object) {
    if hears_of_sessions() {
        called(this, (), |library, interface| {
            // If it cannot be, that is in the log.
            let _ = interface.messages(library.listeners().numbering());
        });
    }
}

/// The same of the interfaces that sign in to a hub, of whose signals the application sees nothing: it has said just now
/// who is to hear.
pub(crate) fn await_sessions_by_hub() {
    let Some(library) = library::current().filter(|_| hears_of_sessions()) else {
        return;
    };
    for interface in library.interfaces().filter(|it| !it.has_messages()) {
        let hub = interface.sockets().hub_status();
        // Another one is opened when it signs in.
        if hub.is_some_and(|hub| hub.availability != Availability::NeverTried) {
            let _ = interface.messages(library.listeners().numbering());
        }
    }
}

fn hears_of_sessions() -> bool {
    let heard_by = global_config::snapshot().callback(ConfigKey::CallbackMessagesSessionRequest);
    !heard_by.is_none()
}

/// Tells why not.
fn refuse<T>(name: &str, why: &dyn std::fmt::Display) -> Option<T> {
    tracing::error!(target: "bowline::capi", "{name}: {why}");
    None
}

const NO_SIGNALING: &str = "no signaling: sign in to a hub (Bowline_SignIn, or BOWLINE_HUB in the environment), set \
                            k_ESteamNetworkingConfig_Callback_CreateConnectionSignaling, or use \
                            ConnectP2PCustomSignaling";
const CUSTOM: &str = "ConnectP2PCustomSignaling";
const NO_PORT: &str = "virtual ports are 0 to 65535";
