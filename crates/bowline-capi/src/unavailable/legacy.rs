//! `ISteamNetworking`, which only Steam's own library has: packets and sockets by Steam account.

use std::ffi::c_int;
use std::ffi::c_void;
use std::ptr;

use crate::abi::pointer;
use crate::abi::structs::RawBool;
use crate::abi::structs::RawP2pSessionState;
use crate::abi::structs::RawSteamIp;
use crate::abi::vtable::Object;
use crate::abi::vtable::Slot;
use crate::abi::vtable::Vtable;
use crate::exports;
use crate::unavailable::missing;
use crate::unavailable::while_running;

exports! {
    /// The players' interface; null while the library does not run.
    fn SteamAPI_SteamNetworking_v006() -> *const Object, else ptr::null(); while_running(&USER);

    /// The game server's interface; null while the library does not run.
    fn SteamAPI_SteamGameServerNetworking_v006() -> *const Object, else ptr::null(); while_running(&SERVER);

    /// Sends a packet: false, no account can be reached yet.
    fn SteamAPI_ISteamNetworking_SendP2PPacket(_this: *const Object, _peer: u64, _data: *const c_void, _size: u32, _kind: c_int, _channel: c_int) -> bool, else false;
        { missing("SendP2PPacket", WHAT); false };

    /// The size of the next packet: false, there is none.
    fn SteamAPI_ISteamNetworking_IsP2PPacketAvailable(_this: *const Object, size: *mut u32, _channel: c_int) -> bool, else false;
        nothing(size);

    /// The next packet: false, there is none.
    fn SteamAPI_ISteamNetworking_ReadP2PPacket(_this: *const Object, _to: *mut c_void, _room: u32, size: *mut u32, peer: *mut u64, _channel: c_int) -> bool, else false;
        { pointer::write(peer, 0); nothing(size) };

    /// Accepts what an account sends: false, none does.
    fn SteamAPI_ISteamNetworking_AcceptP2PSessionWithUser(_this: *const Object, _peer: u64) -> bool, else false;
        false;

    /// Ends a session: false, there are none.
    fn SteamAPI_ISteamNetworking_CloseP2PSessionWithUser(_this: *const Object, _peer: u64) -> bool, else false;
        false;

    /// Ends a channel of a session: false, there are none.
    fn SteamAPI_ISteamNetworking_CloseP2PChannelWithUser(_this: *const Object, _peer: u64, _channel: c_int) -> bool, else false;
        false;

    /// How a session does: false, there is none, and the struct is zeroed.
    fn SteamAPI_ISteamNetworking_GetP2PSessionState(_this: *const Object, _peer: u64, state: *mut RawP2pSessionState) -> bool, else false;
        {
            pointer::write(state, NO_SESSION);
            false
        };

    /// Whether packets may go by relays; true, it makes no difference.
    fn SteamAPI_ISteamNetworking_AllowP2PPacketRelay(_this: *const Object, _allow: RawBool) -> bool, else true;
        true;

    /// Listens for sockets: 0, there are none yet.
    fn SteamAPI_ISteamNetworking_CreateListenSocket(_this: *const Object, _virtual_port: c_int, _ip: RawSteamIp, _port: u16, _relay: RawBool) -> u32, else 0;
        { missing("CreateListenSocket", WHAT); 0 };

    /// Connects to an account: 0, that is not possible yet.
    fn SteamAPI_ISteamNetworking_CreateP2PConnectionSocket(_this: *const Object, _peer: u64, _virtual_port: c_int, _timeout_s: c_int, _relay: RawBool) -> u32, else 0;
        { missing("CreateP2PConnectionSocket", WHAT); 0 };

    /// Connects to an address: 0, that is not possible yet.
    fn SteamAPI_ISteamNetworking_CreateConnectionSocket(_this: *const Object, _ip: RawSteamIp, _port: u16, _timeout_s: c_int) -> u32, else 0;
        { missing("CreateConnectionSocket", WHAT); 0 };

    /// Ends a socket: false, there are none.
    fn SteamAPI_ISteamNetworking_DestroySocket(_this: *const Object, _socket: u32, _notify: RawBool) -> bool, else false;
        false;

    /// Ends a listen socket: false, there are none.
    fn SteamAPI_ISteamNetworking_DestroyListenSocket(_this: *const Object, _listener: u32, _notify: RawBool) -> bool, else false;
        false;

    /// Sends on a socket: false, there are none.
    fn SteamAPI_ISteamNetworking_SendDataOnSocket(_this: *const Object, _socket: u32, _data: *mut c_void, _size: u32, _reliable: RawBool) -> bool, else false;
        false;

    /// The size of the next packet on a socket: false, there is none.
    fn SteamAPI_ISteamNetworking_IsDataAvailableOnSocket(_this: *const Object, _socket: u32, size: *mut u32) -> bool, else false;
        nothing(size);

    /// The next packet on a socket: false, there is none.
    fn SteamAPI_ISteamNetworking_RetrieveDataFromSocket(_this: *const Object, _socket: u32, _to: *mut c_void, _room: u32, size: *mut u32) -> bool, else false;
        nothing(size);

    /// The size of the next packet on any socket of a listen socket: false, there is none.
    fn SteamAPI_ISteamNetworking_IsDataAvailable(_this: *const Object, _listener: u32, size: *mut u32, socket: *mut u32) -> bool, else false;
        { pointer::write(socket, 0); nothing(size) };

    /// The next packet on any socket of a listen socket: false, there is none.
    fn SteamAPI_ISteamNetworking_RetrieveData(_this: *const Object, _listener: u32, _to: *mut c_void, _room: u32, size: *mut u32, socket: *mut u32) -> bool, else false;
        { pointer::write(socket, 0); nothing(size) };

    /// Who is at the other end of a socket: false, there are none, and all is zeroed.
    fn SteamAPI_ISteamNetworking_GetSocketInfo(_this: *const Object, _socket: u32, peer: *mut u64, state: *mut c_int, ip: *mut RawSteamIp, port: *mut u16) -> bool, else false;
        {
            pointer::write(peer, 0);
            pointer::write(state, 0);
            pointer::write(ip, NO_IP);
            pointer::write(port, 0);
            false
        };

    /// Where a listen socket listens: false, there are none, and all is zeroed.
    fn SteamAPI_ISteamNetworking_GetListenSocketInfo(_this: *const Object, _listener: u32, ip: *mut RawSteamIp, port: *mut u16) -> bool, else false;
        {
            pointer::write(ip, NO_IP);
            pointer::write(port, 0);
            false
        };

    /// How a socket is connected: `k_ESNetSocketConnectionTypeNotConnected`.
    fn SteamAPI_ISteamNetworking_GetSocketConnectionType(_this: *const Object, _socket: u32) -> c_int, else 0;
        0;

    /// The largest packet that a socket takes, in bytes: 0, there are none.
    fn SteamAPI_ISteamNetworking_GetMaxPacketSize(_this: *const Object, _socket: u32) -> c_int, else 0;
        0;
}

const WHAT: &str = "packets and sockets by Steam account are";

const NO_IP: RawSteamIp = RawSteamIp {
    ip: [0; 16],
    kind: 0,
};

const NO_SESSION: RawP2pSessionState = RawP2pSessionState {
    is_active: 0,
    is_connecting: 0,
    error: 0,
    uses_relay: 0,
    bytes_queued: 0,
    packets_queued: 0,
    remote_ip: 0,
    remote_port: 0,
};

/// No packet, and no bytes of it.
///
/// # Safety
/// There is room for the size, unless the pointer is null.
unsafe fn nothing(size: *mut u32) -> bool {
    // SAFETY: the caller's promise.
    unsafe { pointer::write(size, 0) };
    false
}

static USER: Object = VTABLE.object();
static SERVER: Object = VTABLE.object();

static VTABLE: Vtable<22> = Vtable::new([
    SteamAPI_ISteamNetworking_SendP2PPacket as Slot,
    SteamAPI_ISteamNetworking_IsP2PPacketAvailable as Slot,
    SteamAPI_ISteamNetworking_ReadP2PPacket as Slot,
    SteamAPI_ISteamNetworking_AcceptP2PSessionWithUser as Slot,
    SteamAPI_ISteamNetworking_CloseP2PSessionWithUser as Slot,
    SteamAPI_ISteamNetworking_CloseP2PChannelWithUser as Slot,
    SteamAPI_ISteamNetworking_GetP2PSessionState as Slot,
    SteamAPI_ISteamNetworking_AllowP2PPacketRelay as Slot,
    SteamAPI_ISteamNetworking_CreateListenSocket as Slot,
    SteamAPI_ISteamNetworking_CreateP2PConnectionSocket as Slot,
    SteamAPI_ISteamNetworking_CreateConnectionSocket as Slot,
    SteamAPI_ISteamNetworking_DestroySocket as Slot,
    SteamAPI_ISteamNetworking_DestroyListenSocket as Slot,
    SteamAPI_ISteamNetworking_SendDataOnSocket as Slot,
    SteamAPI_ISteamNetworking_IsDataAvailableOnSocket as Slot,
    SteamAPI_ISteamNetworking_RetrieveDataFromSocket as Slot,
    SteamAPI_ISteamNetworking_IsDataAvailable as Slot,
    SteamAPI_ISteamNetworking_RetrieveData as Slot,
    SteamAPI_ISteamNetworking_GetSocketInfo as Slot,
    SteamAPI_ISteamNetworking_GetListenSocketInfo as Slot,
    SteamAPI_ISteamNetworking_GetSocketConnectionType as Slot,
    SteamAPI_ISteamNetworking_GetMaxPacketSize as Slot,
]);
