//! Where a setting is: the process, an interface, a listen socket or a connection.

use std::ffi::c_int;
use std::sync::Arc;

use bowline::Config;
use bowline::ConfigKey;
use bowline::ConfigScope;
use bowline::ConfigValue;
use bowline::Connection;
use bowline::Sockets;
use bowline::global_config;

use crate::abi::vtable::Object;
use crate::defaults;
use crate::library;
use crate::sockets::handles::AnyListener;

/// Where a setting is.
pub(super) enum Place<'a> {
    /// The process.
    Global,
    /// The interface of players, or that of game servers.
    Interface(&'a Sockets),
    /// A listen socket.
    Listener(&'a AnyListener),
    /// A connection.
    Connection(Connection),
}

/// Does something at a place: `scope` is `ESteamNetworkingConfigScope`, `object` a pointer to an interface
/// or a handle. `None` if there is no such place.
pub(super) fn at<R>(scope: c_int, object: isize, act: impl FnOnce(Place<'_>) -> R) -> Option<R> {
    defaults::ensure();
    if scope == ConfigScope::Global.number() {
        return Some(act(Place::Global));
    }
    let library = library::current()?;
    // As the caller would: handles have 32 bits, whatever was made of them on the way.
    let handle = object as u32;
    if scope == ConfigScope::Interface.number() {
        let object: *const Object = std::ptr::with_exposed_provenance(object.cast_unsigned());
        let interface = library.interface(object)?;
        Some(act(Place::Interface(interface.sockets())))
    } else if scope == ConfigScope::ListenSocket.number() {
        library.with_listener(handle, |listener| act(Place::Listener(listener)))
    } else if scope == ConfigScope::Connection.number() {
        library
            .connection(handle)
            .map(|it| act(Place::Connection(it)))
    } else {
        None
    }
}

impl Place<'_> {
    /// The level of what is set here.
    pub(super) const fn level(&self) -> ConfigScope {
        match self {
            Self::Global => ConfigScope::Global,
            Self::Interface(_) => ConfigScope::Interface,
            Self::Listener(_) => ConfigScope::ListenSocket,
            Self::Connection(_) => ConfigScope::Connection,
        }
    }

    /// What holds here, inherited or not; `None` if it is a connection that has ended.
    pub(super) fn config(&self) -> Option<Arc<Config>> {
        match self {
            Self::Global => Some(global_config::snapshot()),
            Self::Interface(sockets) => Some(sockets.config()),
            Self::Listener(listener) => Some(listener.config()),
            Self::Connection(connection) => connection.config().ok(),
        }
    }

    /// Sets a value; tells whether it could be set.
    pub(super) fn set(&self, key: ConfigKey, value: ConfigValue) -> bool {
        match self {
            Self::Global => global_config::set(key, value).is_ok(),
            Self::Interface(sockets) => sockets.set_config(key, value).is_ok(),
            Self::Listener(listener) => listener.set_config(key, value).is_ok(),
            Self::Connection(connection) => connection.set_config(key, value).is_ok(),
        }
    }

    /// Goes back to the default, or to what wider levels have.
    pub(super) fn reset(&self, key: ConfigKey) -> bool {
        match self {
            Self::Global => defaults::restore(key) || global_config::unset(key).is_ok(),
            Self::Interface(sockets) => sockets.unset_config(key).is_ok(),
            Self::Listener(listener) => listener.unset_config(key).is_ok(),
            Self::Connection(connection) => connection.unset_config(key).is_ok(),
        }
    }
}
