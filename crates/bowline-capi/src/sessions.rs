//! `ISteamNetworkingMessages`: messages to identities, without connections to take care of.
//!
//! The first use of an interface's object lets peers ask for sessions. Signals go by objects that the application's
//! factory makes (setting 206), one for each session that begins here; those of a session that a peer has asked for
//! go by what the receive context has returned. A peer in this process needs none: it is connected to in memory, as in GNS.
//!
//! The application's code may run in here, to carry signals, so nothing refers to the library meanwhile.

use std::ffi::c_int;
use std::ffi::c_void;
use std::ptr;

use bowline::Identity;
use bowline::Messages;
use bowline::ResultCode;
use bowline::SendFlags;
use bowline::ToResult;

use crate::abi::identity::RawIdentity;
use crate::abi::message::RawMessage;
use crate::abi::pointer;
use crate::abi::structs::RawConnectionInfo;
use crate::abi::structs::RawRealTimeStatus;
use crate::abi::vtable::Object;
use crate::abi::vtable::Slot;
use crate::abi::vtable::Vtable;
use crate::exports;
use crate::library;
use crate::library::Role;
use crate::messages::holder;
use crate::objects::Objects;
use crate::sockets::convert;

exports! {
    /// The players' messages, for C++; null while the library does not run.
    fn SteamNetworkingMessages_LibV2() -> *const Object, else ptr::null(); get(Role::User);

    /// The players' messages; null while the library does not run.
    fn SteamAPI_SteamNetworkingMessages_v002() -> *const Object, else ptr::null(); get(Role::User);

    /// The players' messages, by the name that Steam's own library has.
    fn SteamAPI_SteamNetworkingMessages_SteamAPI_v002() -> *const Object, else ptr::null(); get(Role::User);

    /// The game server's messages, for C++; null while the library does not run.
    fn SteamGameServerNetworkingMessages_LibV2() -> *const Object, else ptr::null(); get(Role::Server);

    /// The game server's messages, by the name that Steam's own library has.
    fn SteamAPI_SteamGameServerNetworkingMessages_SteamAPI_v002() -> *const Object, else ptr::null(); get(Role::Server);

    /// Sends a message to an identity, on a channel: begins a session if there is none, and accepts one that is
    /// asked for. `k_EResultInvalidParam` if the identity is none or our own, or the message too large,
    /// `k_EResultConnectFailed` if the session has failed and the flags do not say to restart it, `k_EResultFail`
    /// if nothing carries signals.
    fn SteamAPI_ISteamNetworkingMessages_SendMessageToUser(
        this: *const Object,
        peer: *const RawIdentity,
        data: *const c_void,
        size: u32,
        flags: c_int,
        channel: c_int,
    ) -> c_int, else ResultCode::Fail.number();
        send(this, pointer::read(peer), pointer::bytes(data.cast(), size as usize), flags, channel).number();

    /// Takes up to so many messages of a channel, whoever has sent them, and returns how many.
    fn SteamAPI_ISteamNetworkingMessages_ReceiveMessagesOnChannel(
        this: *const Object,
        channel: c_int,
        messages: *mut *mut RawMessage,
        max: c_int,
    ) -> c_int, else 0;
        receive(this, channel, messages, max);

    /// Lets a peer have the session that it asks for. True if it has one already, false if there is none.
    fn SteamAPI_ISteamNetworkingMessages_AcceptSessionWithUser(this: *const Object, peer: *const RawIdentity) -> bool, else false;
        of(this, pointer::read(peer)).is_some_and(|(messages, peer)| messages.accept(&peer).is_ok());

    /// Ends a session, or refuses one that is asked for, or clears one that has failed. False if there is none.
    fn SteamAPI_ISteamNetworkingMessages_CloseSessionWithUser(this: *const Object, peer: *const RawIdentity) -> bool, else false;
        of(this, pointer::read(peer)).is_some_and(|(messages, peer)| messages.close(&peer).is_ok());

    /// Ends a channel of a session, and with the last one the session. False if nothing was received on it.
    fn SteamAPI_ISteamNetworkingMessages_CloseChannelWithUser(this: *const Object, peer: *const RawIdentity, channel: c_int) -> bool, else false;
        of(this, pointer::read(peer)).is_some_and(|(messages, peer)| messages.close_channel(&peer, channel).is_ok());

    /// The state of a session's connection, 0 if there is none, and how it does. Both structs are zeroed first;
    /// either may be null.
    fn SteamAPI_ISteamNetworkingMessages_GetSessionConnectionInfo(
        this: *const Object,
        peer: *const RawIdentity,
        info: *mut RawConnectionInfo,
        status: *mut RawRealTimeStatus,
    ) -> c_int, else NO_SESSION;
        {
            zero(info);
            zero(status);
            tell(this, pointer::read(peer), info, status)
        };
}

/// The messages of the interface of that role, which are ready to be used then; null while the library does not
/// run.
fn get(role: Role) -> *const Object {
    OBJECTS.of_some(role, messages(role))
}

/// The Rust side of an interface's messages.
fn messages(role: Role) -> Option<Messages> {
    let library = library::current()?;
    let interface = library.interface_of(role)?;
    interface.messages(library.listeners().numbering())
}

/// What an object stands for, and a peer; `None` if it is none of ours, or the peer is nobody.
fn of(this: *const Object, peer: Option<RawIdentity>) -> Option<(Messages, Identity)> {
    Some((messages(OBJECTS.role(this)?)?, peer?.identity()?))
}

fn send(
    this: *const Object,
    peer: Option<RawIdentity>,
    data: Option<&[u8]>,
    flags: c_int,
    channel: c_int,
) -> ResultCode {
    const NAME: &str = "SendMessageToUser";
    let Some(messages) = OBJECTS.role(this).and_then(messages) else {
        return ResultCode::Fail;
    };
    // What is malformed says so in the log.
    let peer = peer.map_or(Ok(None), |raw| raw.argument(NAME));
    let (Ok(Some(peer)), Some(data)) = (peer, data) else {
        return ResultCode::InvalidParam;
    };
    // All that we know is in the lowest byte.
    let known = SendFlags::from_bits(flags.cast_unsigned() as u8);
    let sent = if flags & RESTART != 0 {
        messages.send_restarting(&peer, channel, data, known)
    } else {
        messages.send(&peer, channel, data, known)
    };
    if let Err(error) = &sent {
        tracing::debug!(target: "bowline::capi", "{NAME}: {error}");
    }
    sent.result()
}

/// # Safety
/// If `out` is not null, it has room for `max` pointers.
unsafe fn receive(
    this: *const Object,
    channel: c_int,
    out: *mut *mut RawMessage,
    max: c_int,
) -> c_int {
    let Some(messages) = OBJECTS.role(this).and_then(messages) else {
        return 0;
    };
    let mut count = 0;
    while count < max
        && !out.is_null()
        && let Some(message) = messages.receive(channel)
    {
        let peer = RawIdentity::from(Some(message.peer()));
        let raw = holder::received_in_session(message, &peer);
        // SAFETY: there is room for `max` by the caller's promise.
        unsafe { out.add(count as usize).write(raw) };
        count += 1;
    }
    count
}

/// # Safety
/// There is room for what is told, unless the pointers are null.
unsafe fn tell(
    this: *const Object,
    peer: Option<RawIdentity>,
    info: *mut RawConnectionInfo,
    status: *mut RawRealTimeStatus,
) -> c_int {
    let session = of(this, peer).and_then(|(messages, peer)| messages.session(&peer));
    let numbering = library::current().map(|library| library.listeners().numbering());
    let (Some(session), Some(role), Some(numbering)) = (session, OBJECTS.role(this), numbering)
    else {
        return NO_SESSION;
    };
    if let Some(connection) = session.connection
        && !info.is_null()
    {
        let raw = convert::connection_info(numbering, role, &connection);
        // SAFETY: the caller's promise.
        unsafe { pointer::write(info, raw) };
    }
    if let Some(told) = session.status
        && !status.is_null()
    {
        // SAFETY: the caller's promise.
        unsafe { pointer::write(status, convert::real_time_status(&told)) };
    }
    session.state as c_int
}

/// # Safety
/// There is room for one, unless the pointer is null.
unsafe fn zero<T: Copy>(to: *mut T) {
    if !to.is_null() {
        // SAFETY: there is room by the caller's promise; bytes need no alignment.
        unsafe { to.cast::<u8>().write_bytes(0, size_of::<T>()) };
    }
}

/// For tests, in which both sides are in one process: whether sessions between them are made in memory, of interfaces that
/// are made from now on.
#[doc(hidden)]
pub fn set_shortcuts(allowed: bool) {
    library::set_session_shortcuts(allowed);
}

/// `k_ESteamNetworkingConnectionState_None`.
const NO_SESSION: c_int = 0;
/// `k_nSteamNetworkingSend_AutoRestartBrokenSession`.
const RESTART: c_int = 32;

static OBJECTS: Objects = Objects::new(&VTABLE);

/// In the order of the methods. GNS e707b3a: isteamnetworkingmessages.h.
static VTABLE: Vtable<6> = Vtable::new([
    SteamAPI_ISteamNetworkingMessages_SendMessageToUser as Slot,
    SteamAPI_ISteamNetworkingMessages_ReceiveMessagesOnChannel as Slot,
    SteamAPI_ISteamNetworkingMessages_AcceptSessionWithUser as Slot,
    SteamAPI_ISteamNetworkingMessages_CloseSessionWithUser as Slot,
    SteamAPI_ISteamNetworkingMessages_CloseChannelWithUser as Slot,
    SteamAPI_ISteamNetworkingMessages_GetSessionConnectionInfo as Slot,
]);
