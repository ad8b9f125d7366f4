//! Listen sockets, connections, pairs and poll groups: how they come into being, and how the first two end.

use std::net::SocketAddr;

use bowline::Config;
use bowline::ConfigKey;
use bowline::Expect;
use bowline::PairKind;

use crate::abi::identity::RawAddr;
use crate::abi::identity::RawIdentity;
use crate::abi::pointer;
use crate::abi::structs::ConnectionHandle;
use crate::abi::structs::ListenHandle;
use crate::abi::structs::PollGroupHandle;
use crate::abi::structs::RawOption;
use crate::abi::vtable::Object;
use crate::library::called;
use crate::sockets::handles::AnyListener;
use crate::utils::options;

pub(super) fn listen(
    this: *const Object,
    addr: Option<RawAddr>,
    options: Option<&[RawOption]>,
) -> ListenHandle {
    called(this, 0, |library, interface| {
        let refuse = |why: &dyn std::fmt::Display| {
            tracing::error!(target: "bowline::capi", "CreateListenSocketIP: {why}");
            0
        };
        let Some(addr) = addr.map(SocketAddr::from) else {
            return refuse(&"no address");
        };
        if addr.port() == 0 {
            return refuse(&"no port");
        }
        let config = match config(options) {
            Ok(config) => config,
            Err(error) => return refuse(&error),
        };
        match interface.sockets().listen_with(addr, config) {
            Ok(listener) => library.listeners().add(interface.role(), listener),
            Err(error) => refuse(&error),
        }
    })
}

/// Starts a connection, to whoever is there or to the one that is expected.
pub(crate) fn connect(
    this: *const Object,
    addr: Option<RawAddr>,
    options: Option<&[RawOption]>,
    expect: Option<Expect>,
) -> ConnectionHandle {
    called(this, 0, |_, interface| {
        let refuse = |why: &dyn std::fmt::Display| {
            tracing::error!(target: "bowline::capi", "ConnectByIPAddress: {why}");
            0
        };
        let Some(addr) = addr.map(SocketAddr::from) else {
            return refuse(&"no address");
        };
        let config = match config(options) {
            Ok(config) => config,
            Err(error) => return refuse(&error),
        };
        let sockets = interface.sockets();
        let connected = match expect {
            Some(expect) => sockets.connect_expecting(addr, expect, config),
            None => sockets.connect_with(addr, config),
        };
        match connected {
            Ok(connection) => connection.id().get(),
            Err(error) => refuse(&error),
        }
    })
}

/// # Safety
/// Pointers lead to what their types say, or are null.
pub(super) unsafe fn pair(
    this: *const Object,
    out: [*mut ConnectionHandle; 2],
    network: bool,
    identities: [*const RawIdentity; 2],
) -> bool {
    let write = |handles: [ConnectionHandle; 2]| {
        for (out, handle) in out.into_iter().zip(handles) {
            // SAFETY: the caller's promise.
            unsafe { pointer::write(out, handle) };
        }
    };
    write([0, 0]);
    if out.iter().any(|out| out.is_null()) {
        // Nobody could ever close the connections.
        return false;
    }
    // SAFETY: the caller's promise.
    let [first, second] = identities.map(|identity| unsafe { pointer::read(identity) });
    let kind = if network {
        PairKind::Loopback
    } else {
        PairKind::Pipe
    };
    called(this, false, |_, interface| {
        let argument =
            |raw: Option<RawIdentity>| raw.map_or(Ok(None), |raw| raw.argument("CreateSocketPair"));
        let (Ok(first), Ok(second)) = (argument(first), argument(second)) else {
            return false;
        };
        let config = settings_of(kind);
        let sockets = interface.sockets();
        match sockets.socket_pair_with(kind, first, second, config) {
            Ok((first, second)) => {
                write([first.id().get(), second.id().get()]);
                true
            }
            Err(error) => {
                tracing::error!(target: "bowline::capi", "CreateSocketPair: {error}");
                false
            }
        }
    })
}

/// The settings that a pair begins with. A pipe takes whatever is sent before anybody reads, and is never
/// slowed down. GNS e707b3a: `steamnetworkingsockets_connections.cpp`, `CSteamNetworkConnectionPipe`.
fn settings_of(kind: PairKind) -> Config {
    /// The greatest value of each of them.
    const NO_LIMIT: i32 = 0x1000_0000;
    let mut config = Config::new();
    if kind == PairKind::Pipe {
        for key in [
            ConfigKey::SendRateMin,
            ConfigKey::SendRateMax,
            ConfigKey::RecvBufferSize,
            ConfigKey::RecvBufferMessages,
            ConfigKey::RecvMaxMessageSize,
        ] {
            config.set(key, NO_LIMIT).expect("it is in range");
        }
    }
    config
}

pub(super) fn close_listener(this: *const Object, handle: ListenHandle) -> bool {
    called(this, false, |library, _| library.listeners().close(handle))
}

/// # Safety
/// The pointer leads to room for an address, or is null.
pub(super) unsafe fn listen_addr(
    this: *const Object,
    handle: ListenHandle,
    out: *mut RawAddr,
) -> bool {
    called(this, false, |library, _| {
        let Some(Some(addr)) = library.with_listener(handle, AnyListener::local_addr) else {
            return false;
        };
        // SAFETY: the caller's promise.
        unsafe { pointer::write(out, RawAddr::from(addr)) };
        true
    })
}

pub(super) fn poll_group(this: *const Object) -> PollGroupHandle {
    called(this, 0, |library, interface| {
        let group = interface.sockets().poll_group();
        library.poll_groups().add(interface.role(), group)
    })
}

pub(super) fn destroy_poll_group(this: *const Object, handle: PollGroupHandle) -> bool {
    called(this, false, |library, _| {
        library.poll_groups().remove(handle)
    })
}

/// The settings that options ask for. A list that is not there although it should have entries is an error
/// of the caller's, and refused like a bad option.
pub(super) fn config(options: Option<&[RawOption]>) -> Result<Config, String> {
    let options = options.ok_or_else(|| "no options where there should be some".to_owned())?;
    // SAFETY: the caller of the exported function promised that texts in there are texts.
    unsafe { options::read(options) }.map_err(|error| error.to_string())
}
