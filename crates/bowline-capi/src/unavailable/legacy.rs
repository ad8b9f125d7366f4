//! The older half of `ISteamNetworking`: sockets by Steam account, which nobody makes any more. Its packets are in
//! [`packets`](crate::packets).

use std::ffi::c_int;
use std::ffi::c_void;

use crate::abi::pointer;
use crate::abi::structs::RawBool;
use crate::abi::structs::RawSteamIp;
use crate::abi::vtable::Object;
use crate::exports;
use crate::unavailable::missing;

exports! {
    /// Listens for sockets: 0, nobody makes any.
    fn SteamAPI_ISteamNetworking_CreateListenSocket(_this: *const Object, _virtual_port: c_int, _ip: RawSteamIp, _port: u16, _relay: RawBool) -> u32, else 0;
        { missing("CreateListenSocket", WHAT); 0 };

    /// Connects to an account: 0, that is not possible.
    fn SteamAPI_ISteamNetworking_CreateP2PConnectionSocket(_this: *const Object, _peer: u64, _virtual_port: c_int, _timeout_s: c_int, _relay: RawBool) -> u32, else 0;
        { missing("CreateP2PConnectionSocket", WHAT); 0 };

    /// Connects to an address: 0, that is not possible.
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

const WHAT: &str = "sockets by Steam account are";

const NO_IP: RawSteamIp = RawSteamIp {
    ip: [0; 16],
    kind: 0,
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
