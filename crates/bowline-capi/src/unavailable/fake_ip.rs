//! Fake addresses, by which programs that know addresses only reach peers by identity.

use std::ffi::c_int;
use std::ffi::c_void;

use bowline::ResultCode;

use crate::abi::identity::RawAddr;
use crate::abi::identity::RawIdentity;
use crate::abi::message::RawMessage;
use crate::abi::pointer;
use crate::abi::structs::ConnectionHandle;
use crate::abi::structs::ListenHandle;
use crate::abi::structs::RawFakeIpResult;
use crate::abi::structs::RawOption;
use crate::abi::vtable::Object;
use crate::exports;
use crate::library;
use crate::unavailable::missing;

exports! {
    /// Asks for a fake address with so many ports: false, nothing hands them out yet.
    fn SteamAPI_ISteamNetworkingSockets_BeginAsyncRequestFakeIP(_this: *const Object, _ports: c_int) -> bool, else false;
        { missing("BeginAsyncRequestFakeIP", WHAT); false };

    /// The fake address that was asked for: `k_EResultDisabled`.
    fn SteamAPI_ISteamNetworkingSockets_GetFakeIP(_this: *const Object, _first: c_int, result: *mut RawFakeIpResult);
        pointer::write(result, RawFakeIpResult {
            result: ResultCode::Disabled.number(),
            identity: RawIdentity::INVALID,
            ip: 0,
            ports: [0; 8],
        });

    /// Listens at a fake address: 0, there is none.
    fn SteamAPI_ISteamNetworkingSockets_CreateListenSocketP2PFakeIP(
        _this: *const Object,
        _port_index: c_int,
        _count: c_int,
        _options: *const RawOption,
    ) -> ListenHandle, else 0;
        { missing("CreateListenSocketP2PFakeIP", WHAT); 0 };

    /// The fake address of a connection's peer: `k_EResultIPNotFound`, none has one, or
    /// `k_EResultInvalidParam` if there is no such connection.
    fn SteamAPI_ISteamNetworkingSockets_GetRemoteFakeIPForConnection(
        _this: *const Object,
        connection: ConnectionHandle,
        addr: *mut RawAddr,
    ) -> c_int, else ResultCode::InvalidParam.number();
        {
            pointer::write(addr, RawAddr::default());
            let found = library::current().and_then(|library| library.connection(connection));
            found.map_or(ResultCode::InvalidParam, |_| ResultCode::IpNotFound).number()
        };

    /// A port for datagrams at a fake address: null, there are none.
    fn SteamAPI_ISteamNetworkingSockets_CreateFakeUDPPort(_this: *const Object, _server_port: c_int) -> *mut Object, else std::ptr::null_mut();
        { missing("CreateFakeUDPPort", WHAT); std::ptr::null_mut() };

    /// Ends such a port. Nothing happens: there are none.
    fn SteamAPI_ISteamNetworkingFakeUDPPort_DestroyFakeUDPPort(_this: *const Object); ();

    /// Sends a datagram from such a port: `k_EResultDisabled`.
    fn SteamAPI_ISteamNetworkingFakeUDPPort_SendMessageToFakeIP(
        _this: *const Object,
        _to: *const RawAddr,
        _data: *const c_void,
        _size: u32,
        _flags: c_int,
    ) -> c_int, else ResultCode::Disabled.number();
        ResultCode::Disabled.number();

    /// Receives datagrams at such a port: none.
    fn SteamAPI_ISteamNetworkingFakeUDPPort_ReceiveMessages(
        _this: *const Object,
        _messages: *mut *mut RawMessage,
        _max: c_int,
    ) -> c_int, else 0;
        0;

    /// Says that a peer of such a port will not be heard of soon. Nothing happens: there are none.
    fn SteamAPI_ISteamNetworkingFakeUDPPort_ScheduleCleanup(_this: *const Object, _addr: *const RawAddr); ();
}

const WHAT: &str = "fake addresses are";
