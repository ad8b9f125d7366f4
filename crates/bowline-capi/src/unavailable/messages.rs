//! `ISteamNetworkingMessages`: messages to identities, without connections to take care of.

use std::ffi::c_int;
use std::ffi::c_void;
use std::ptr;

use bowline::MAX_MESSAGE;
use bowline::ResultCode;

use crate::abi::identity::RawIdentity;
use crate::abi::message::RawMessage;
use crate::abi::pointer;
use crate::abi::structs::RawConnectionInfo;
use crate::abi::structs::RawRealTimeStatus;
use crate::abi::vtable::Object;
use crate::abi::vtable::Slot;
use crate::abi::vtable::Vtable;
use crate::exports;
use crate::unavailable::missing;
use crate::unavailable::while_running;

exports! {
    /// The players' messages, for C++; null while the library does not run.
    fn SteamNetworkingMessages_LibV2() -> *const Object, else ptr::null(); while_running(&USER);

    /// The players' messages; null while the library does not run.
    fn SteamAPI_SteamNetworkingMessages_v002() -> *const Object, else ptr::null(); while_running(&USER);

    /// The players' messages, by the name that Steam's own library has.
    fn SteamAPI_SteamNetworkingMessages_SteamAPI_v002() -> *const Object, else ptr::null(); while_running(&USER);

    /// The game server's messages, for C++; null while the library does not run.
    fn SteamGameServerNetworkingMessages_LibV2() -> *const Object, else ptr::null(); while_running(&SERVER);

    /// The game server's messages, by the name that Steam's own library has.
    fn SteamAPI_SteamGameServerNetworkingMessages_SteamAPI_v002() -> *const Object, else ptr::null(); while_running(&SERVER);

    /// Sends a message: `k_EResultInvalidParam` if the identity is none or the message too large, else
    /// `k_EResultFail`.
    fn SteamAPI_ISteamNetworkingMessages_SendMessageToUser(
        _this: *const Object,
        peer: *const RawIdentity,
        data: *const c_void,
        size: u32,
        _flags: c_int,
        _channel: c_int,
    ) -> c_int, else ResultCode::Fail.number();
        send(pointer::read(peer), !data.is_null(), size as usize).number();

    /// Receives messages: none.
    fn SteamAPI_ISteamNetworkingMessages_ReceiveMessagesOnChannel(
        _this: *const Object,
        _channel: c_int,
        _messages: *mut *mut RawMessage,
        _max: c_int,
    ) -> c_int, else 0;
        0;

    /// Accepts what a peer sends: false, none does.
    fn SteamAPI_ISteamNetworkingMessages_AcceptSessionWithUser(_this: *const Object, _peer: *const RawIdentity) -> bool, else false;
        false;

    /// Ends a session: false, there are none.
    fn SteamAPI_ISteamNetworkingMessages_CloseSessionWithUser(_this: *const Object, _peer: *const RawIdentity) -> bool, else false;
        false;

    /// Ends a channel of a session: false, there are none.
    fn SteamAPI_ISteamNetworkingMessages_CloseChannelWithUser(_this: *const Object, _peer: *const RawIdentity, _channel: c_int) -> bool, else false;
        false;

    /// How the connection of a session does: there is none, so both structs are zeroed.
    fn SteamAPI_ISteamNetworkingMessages_GetSessionConnectionInfo(
        _this: *const Object,
        _peer: *const RawIdentity,
        info: *mut RawConnectionInfo,
        status: *mut RawRealTimeStatus,
    ) -> c_int, else NO_SESSION;
        {
            zero(info);
            zero(status);
            NO_SESSION
        };
}

/// `k_ESteamNetworkingConnectionState_None`.
const NO_SESSION: c_int = 0;

fn send(peer: Option<RawIdentity>, has_data: bool, size: usize) -> ResultCode {
    let is_somebody = peer.is_some_and(|peer| peer.identity().is_some());
    if !is_somebody || size > MAX_MESSAGE || (size > 0 && !has_data) {
        return ResultCode::InvalidParam;
    }
    missing("SendMessageToUser", "messages to identities are");
    ResultCode::Fail
}

/// # Safety
/// There is room for one, unless the pointer is null.
unsafe fn zero<T: Copy>(to: *mut T) {
    if !to.is_null() {
        // SAFETY: there is room by the caller's promise; bytes need no alignment.
        unsafe { to.cast::<u8>().write_bytes(0, size_of::<T>()) };
    }
}

static USER: Object = VTABLE.object();
static SERVER: Object = VTABLE.object();

static VTABLE: Vtable<6> = Vtable::new([
    SteamAPI_ISteamNetworkingMessages_SendMessageToUser as Slot,
    SteamAPI_ISteamNetworkingMessages_ReceiveMessagesOnChannel as Slot,
    SteamAPI_ISteamNetworkingMessages_AcceptSessionWithUser as Slot,
    SteamAPI_ISteamNetworkingMessages_CloseSessionWithUser as Slot,
    SteamAPI_ISteamNetworkingMessages_CloseChannelWithUser as Slot,
    SteamAPI_ISteamNetworkingMessages_GetSessionConnectionInfo as Slot,
]);
