//! The settings.
//!
//! All functions work before `GameNetworkingSockets_Init`, too, as far as the process is concerned.
//! Settings for relays and for Steam's client, which the open GNS does not know, are kept and told, and
//! have no effect; they are not in the list of what can be edited.

use std::collections::BTreeMap;
use std::ffi::CString;
use std::ffi::c_char;
use std::ffi::c_int;
use std::ffi::c_void;
use std::sync::LazyLock;

use bowline::Change;
use bowline::ConfigKey;
use bowline::ConfigScope;
use bowline::ConfigSpec;
use bowline::ConfigType;
use bowline::ConfigValue;
use bowline::WaitsFor;

use crate::abi::pointer;
use crate::abi::structs::ConnectionHandle;
use crate::abi::structs::RawBool;
use crate::abi::structs::RawOption;
use crate::abi::vtable::Object;
use crate::exports;
use crate::sockets::peers;
use crate::utils::place;
use crate::utils::value;
use crate::utils::value::Given;

exports! {
    /// Sets a value. `kind` is what `value` points to; a text is pointed to itself, a function by the
    /// address of its pointer. Kinds are converted, values out of range are clamped. Without a value the
    /// setting goes back to its default, or to what wider scopes have. False if it cannot be set there.
    fn SteamAPI_ISteamNetworkingUtils_SetConfigValue(
        _this: *const Object,
        key: c_int,
        scope: c_int,
        object: isize,
        kind: c_int,
        value: *const c_void,
    ) -> bool, else false;
        set(key, scope, object, kind, value);

    /// The same with a struct that holds kind and value.
    fn SteamAPI_ISteamNetworkingUtils_SetConfigValueStruct(
        _this: *const Object,
        option: *const RawOption,
        scope: c_int,
        object: isize,
    ) -> bool, else false;
        pointer::read(option).is_some_and(|option| {
            set(option.key, scope, object, option.kind, value::of_option(&option))
        });

    /// Tells the value that holds there, and its kind. `size` is the room at `to` before and what was
    /// written after, or what would be needed. The result is `ESteamNetworkingGetConfigValueResult`.
    fn SteamAPI_ISteamNetworkingUtils_GetConfigValue(
        _this: *const Object,
        key: c_int,
        scope: c_int,
        object: isize,
        kind: *mut c_int,
        to: *mut c_void,
        size: *mut usize,
    ) -> c_int, else BAD_VALUE;
        tell(key, scope, object, kind, to, size);

    /// The name of a setting, its kind, and the narrowest scope at which it can be set; null if there is
    /// no such setting.
    fn SteamAPI_ISteamNetworkingUtils_GetConfigValueInfo(
        _this: *const Object,
        key: c_int,
        kind: *mut c_int,
        scope: *mut c_int,
    ) -> *const c_char, else std::ptr::null();
        describe(key, kind, scope);

    /// The setting after `current` among those that players may edit, or with `dev` developers, too; the
    /// first after 0. 0 after the last.
    fn SteamAPI_ISteamNetworkingUtils_IterateGenericEditableConfigValues(
        _this: *const Object,
        current: c_int,
        dev: RawBool,
    ) -> c_int, else 0;
        next(current, dev != 0);

    /// The first setting, as programs of before GNS 1.4 ask for it.
    fn SteamAPI_ISteamNetworkingUtils_GetFirstConfigValue(_this: *const Object) -> c_int, else 0;
        next(0, false);

    /// Sets a value for the process.
    fn SteamAPI_ISteamNetworkingUtils_SetGlobalConfigValueInt32(_this: *const Object, key: c_int, value: i32) -> bool, else false;
        set(key, GLOBAL, 0, ConfigType::Int32.number(), (&raw const value).cast());

    /// Sets a value for the process.
    fn SteamAPI_ISteamNetworkingUtils_SetGlobalConfigValueFloat(_this: *const Object, key: c_int, value: f32) -> bool, else false;
        set(key, GLOBAL, 0, ConfigType::Float.number(), (&raw const value).cast());

    /// Sets a value for the process.
    fn SteamAPI_ISteamNetworkingUtils_SetGlobalConfigValueString(_this: *const Object, key: c_int, value: *const c_char) -> bool, else false;
        set(key, GLOBAL, 0, ConfigType::String.number(), value.cast());

    /// Sets a function for the process.
    fn SteamAPI_ISteamNetworkingUtils_SetGlobalConfigValuePtr(_this: *const Object, key: c_int, value: *const c_void) -> bool, else false;
        set_function(key, value);

    /// Sets a value for a connection.
    fn SteamAPI_ISteamNetworkingUtils_SetConnectionConfigValueInt32(_this: *const Object, connection: ConnectionHandle, key: c_int, value: i32) -> bool, else false;
        set(key, CONNECTION, connection as isize, ConfigType::Int32.number(), (&raw const value).cast());

    /// Sets a value for a connection.
    fn SteamAPI_ISteamNetworkingUtils_SetConnectionConfigValueFloat(_this: *const Object, connection: ConnectionHandle, key: c_int, value: f32) -> bool, else false;
        set(key, CONNECTION, connection as isize, ConfigType::Float.number(), (&raw const value).cast());

    /// Sets a value for a connection.
    fn SteamAPI_ISteamNetworkingUtils_SetConnectionConfigValueString(_this: *const Object, connection: ConnectionHandle, key: c_int, value: *const c_char) -> bool, else false;
        set(key, CONNECTION, connection as isize, ConfigType::String.number(), value.cast());

    /// Sets the function that is told of connections that change their state.
    fn SteamAPI_ISteamNetworkingUtils_SetGlobalCallback_SteamNetConnectionStatusChanged(_this: *const Object, function: *const c_void) -> bool, else false;
        set_function(ConfigKey::CallbackConnectionStatusChanged.number(), function);

    /// Sets the function that is told of our authentication status.
    fn SteamAPI_ISteamNetworkingUtils_SetGlobalCallback_SteamNetAuthenticationStatusChanged(_this: *const Object, function: *const c_void) -> bool, else false;
        set_function(ConfigKey::CallbackAuthStatusChanged.number(), function);

    /// Sets the function that is told of our access to relays. It is never called yet.
    fn SteamAPI_ISteamNetworkingUtils_SetGlobalCallback_SteamRelayNetworkStatusChanged(_this: *const Object, function: *const c_void) -> bool, else false;
        set_function(ConfigKey::CallbackRelayNetworkStatusChanged.number(), function);

    /// Sets the function that is told of fake addresses. It is never called yet.
    fn SteamAPI_ISteamNetworkingUtils_SetGlobalCallback_FakeIPResult(_this: *const Object, function: *const c_void) -> bool, else false;
        set_function(ConfigKey::CallbackFakeIpResult.number(), function);

    /// Sets the function that is told of peers that want to start a session of messages.
    fn SteamAPI_ISteamNetworkingUtils_SetGlobalCallback_MessagesSessionRequest(_this: *const Object, function: *const c_void) -> bool, else false;
        set_function(ConfigKey::CallbackMessagesSessionRequest.number(), function);

    /// Sets the function that is told of sessions of messages that failed.
    fn SteamAPI_ISteamNetworkingUtils_SetGlobalCallback_MessagesSessionFailed(_this: *const Object, function: *const c_void) -> bool, else false;
        set_function(ConfigKey::CallbackMessagesSessionFailed.number(), function);
}

const GLOBAL: c_int = ConfigScope::Global.number();
const CONNECTION: c_int = ConfigScope::Connection.number();

/// `k_ESteamNetworkingGetConfigValue_BadValue`.
const BAD_VALUE: c_int = -1;
/// `k_ESteamNetworkingGetConfigValue_BadScopeObj`.
const BAD_SCOPE: c_int = -2;
/// `k_ESteamNetworkingGetConfigValue_BufferTooSmall`.
const BUFFER_TOO_SMALL: c_int = -3;
/// `k_ESteamNetworkingGetConfigValue_OK`.
const OK: c_int = 1;
/// `k_ESteamNetworkingGetConfigValue_OKInherited`.
const OK_INHERITED: c_int = 2;

/// # Safety
/// If `value` is not null, a value of that kind is there.
unsafe fn set(key: c_int, scope: c_int, object: isize, kind: c_int, value: *const c_void) -> bool {
    let Ok(key) = ConfigKey::from_number(key) else {
        return false;
    };
    if value.is_null() {
        return place::at(scope, object, |place| place.reset(key)).unwrap_or(false);
    }
    // SAFETY: the caller's promise.
    let Some(value) = unsafe { Given::read(kind, value) }.and_then(|given| given.fit(key)) else {
        return false;
    };
    let is_set = place::at(scope, object, |place| place.set(key, value)).unwrap_or(false);
    if is_set && key == ConfigKey::CallbackMessagesSessionRequest {
        peers::await_sessions_by_hub();
    }
    is_set
}

fn set_function(key: c_int, function: *const c_void) -> bool {
    let kind = ConfigType::Callback.number();
    // SAFETY: a pointer is there.
    unsafe { set(key, GLOBAL, 0, kind, (&raw const function).cast()) }
}

/// # Safety
/// There is room for what is written: at `to` as much as at `size` is told.
unsafe fn tell(
    key: c_int,
    scope: c_int,
    object: isize,
    kind: *mut c_int,
    to: *mut c_void,
    size: *mut usize,
) -> c_int {
    let Ok(key) = ConfigKey::from_number(key) else {
        return BAD_VALUE;
    };
    // SAFETY: the caller's promise.
    unsafe { pointer::write(kind, key.spec().facts.kind.number()) };
    let Some((value, is_own)) = place::at(scope, object, |place| held(&place, key)).flatten()
    else {
        // SAFETY: the caller's promise.
        unsafe { pointer::write(size, 0) };
        return BAD_SCOPE;
    };
    let Some(bytes) = bytes_of(&value) else {
        return BAD_VALUE;
    };
    // SAFETY: the caller's promise.
    unsafe {
        let room = pointer::read(size).unwrap_or(0);
        pointer::write(size, bytes.len());
        if to.is_null() || room < bytes.len() {
            return BUFFER_TOO_SMALL;
        }
        std::ptr::copy_nonoverlapping(bytes.as_ptr(), to.cast(), bytes.len());
    }
    if is_own { OK } else { OK_INHERITED }
}

/// What holds there, and whether it was set there; `None` if it is a setting for more than that.
fn held(place: &place::Place<'_>, key: ConfigKey) -> Option<(ConfigValue, bool)> {
    let level = place.level();
    if key.spec().scope == ConfigScope::Global && level > ConfigScope::Interface {
        return None;
    }
    let config = place.config()?;
    // It follows from the other.
    let source = match key {
        ConfigKey::MtuDataSize => ConfigKey::MtuPacketSize,
        key => key,
    };
    // What cannot change any more has become the connection's own.
    let is_fixed =
        key == ConfigKey::ConnectionUserData || key.spec().facts.change == Change::BeforeConnecting;
    let is_own = level == ConfigScope::Global
        || (level == ConfigScope::Connection && is_fixed)
        || config.origin(source) == Some(level);
    Some((config.get(key), is_own))
}

/// As C has it: a text with its zero byte, a function by its address.
fn bytes_of(value: &ConfigValue) -> Option<Vec<u8>> {
    match value {
        ConfigValue::Int32(value) => Some(value.to_ne_bytes().to_vec()),
        ConfigValue::Int64(value) => Some(value.to_ne_bytes().to_vec()),
        ConfigValue::Float(value) => Some(value.to_ne_bytes().to_vec()),
        ConfigValue::String(text) => Some([text.as_bytes(), b"\0"].concat()),
        ConfigValue::Callback(token) => Some((token.get() as usize).to_ne_bytes().to_vec()),
        // A kind that is newer than this interface.
        _ => None,
    }
}

/// # Safety
/// There is room for what is written.
unsafe fn describe(key: c_int, kind: *mut c_int, scope: *mut c_int) -> *const c_char {
    let Ok(key) = ConfigKey::from_number(key) else {
        return std::ptr::null();
    };
    // SAFETY: the caller's promise.
    unsafe {
        pointer::write(kind, key.spec().facts.kind.number());
        pointer::write(scope, key.spec().scope.number());
    }
    NAMES
        .get(&key)
        .map_or(std::ptr::null(), |name| name.as_ptr())
}

/// The names as C has texts.
static NAMES: LazyLock<BTreeMap<ConfigKey, CString>> = LazyLock::new(|| {
    let name = |key: ConfigKey| CString::new(key.name()).expect("names have no zero byte");
    ConfigKey::all().map(|key| (key, name(key))).collect()
});

fn next(current: c_int, dev: bool) -> c_int {
    if current != 0 && ConfigKey::from_number(current).is_err() {
        return 0;
    }
    let listed = ConfigKey::all()
        .map(ConfigKey::spec)
        .filter(|spec| spec.number > current && is_listed(spec, dev));
    listed.map(|spec| spec.number).min().unwrap_or(0)
}

/// Whether the open GNS lists it. What it does not know would do nothing here, or is beyond its list.
fn is_listed(spec: &ConfigSpec, dev: bool) -> bool {
    /// From here on they are experimental there, or ours.
    const FIRST_UNLISTED: c_int = 998;
    let facts = &spec.facts;
    let is_elsewhere = matches!(
        facts.waits_for,
        Some(WaitsFor::Relays | WaitsFor::SteamClient)
    );
    spec.number < FIRST_UNLISTED && !facts.unlisted && !is_elsewhere && (dev || !facts.dev)
}
