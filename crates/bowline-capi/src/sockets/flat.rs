//! The functions of `ISteamNetworkingSockets`, each under its flat name; the slots of the vtable are the same
//! functions. Those about messages are in [`crate::messages`], those that need a backend in
//! [`crate::unavailable`].

use std::ffi::c_char;
use std::ffi::c_int;
use std::ffi::c_void;

use crate::abi::identity::RawAddr;
use crate::abi::identity::RawIdentity;
use crate::abi::pointer;
use crate::abi::structs::ConnectionHandle;
use crate::abi::structs::ErrorText;
use crate::abi::structs::ListenHandle;
use crate::abi::structs::PollGroupHandle;
use crate::abi::structs::RawAuthenticationStatus;
use crate::abi::structs::RawBool;
use crate::abi::structs::RawConnectionInfo;
use crate::abi::structs::RawLaneStatus;
use crate::abi::structs::RawOption;
use crate::abi::structs::RawRealTimeStatus;
use crate::abi::vtable::Object;
use crate::exports;
use crate::sockets::connections;
use crate::sockets::credentials;
use crate::sockets::making;
use crate::sockets::status;

exports! {
    /// Listens on a UDP port of this machine, all of its addresses if the address is zero. 0 if it cannot,
    /// if no port is given, or an option cannot be set.
    fn SteamAPI_ISteamNetworkingSockets_CreateListenSocketIP(
        this: *const Object,
        addr: *const RawAddr,
        count: c_int,
        options: *const RawOption,
    ) -> ListenHandle, else 0;
        making::listen(this, pointer::read(addr), pointer::list(options, count));

    /// Starts a connection to an address. 0 if it cannot be dialled, or an option cannot be set.
    fn SteamAPI_ISteamNetworkingSockets_ConnectByIPAddress(
        this: *const Object,
        addr: *const RawAddr,
        count: c_int,
        options: *const RawOption,
    ) -> ConnectionHandle, else 0;
        making::connect(this, pointer::read(addr), pointer::list(options, count), None);

    /// Makes two connections to each other. `identity1` is whom the first one sees as its peer, and null
    /// is somebody on this host. False if it cannot; both handles are 0 then.
    fn SteamAPI_ISteamNetworkingSockets_CreateSocketPair(
        this: *const Object,
        first: *mut ConnectionHandle,
        second: *mut ConnectionHandle,
        network: RawBool,
        identity1: *const RawIdentity,
        identity2: *const RawIdentity,
    ) -> bool, else false;
        making::pair(this, [first, second], network != 0, [identity1, identity2]);

    /// Closes a listen socket, and drops all connections that came in on it. False if there is none.
    fn SteamAPI_ISteamNetworkingSockets_CloseListenSocket(this: *const Object, handle: ListenHandle) -> bool, else false;
        making::close_listener(this, handle);

    /// Tells what a listen socket listens on. False if there is none.
    fn SteamAPI_ISteamNetworkingSockets_GetListenSocketAddress(
        this: *const Object,
        handle: ListenHandle,
        out: *mut RawAddr,
    ) -> bool, else false;
        making::listen_addr(this, handle, out);

    /// Makes a poll group; 0 if the library does not run.
    fn SteamAPI_ISteamNetworkingSockets_CreatePollGroup(this: *const Object) -> PollGroupHandle, else 0;
        making::poll_group(this);

    /// Ends a poll group; its connections stay open. False if there is none.
    fn SteamAPI_ISteamNetworkingSockets_DestroyPollGroup(this: *const Object, handle: PollGroupHandle) -> bool, else false;
        making::destroy_poll_group(this, handle);

    /// Accepts a connection that came in. `k_EResultInvalidParam` if there is none or it did not come in,
    /// `k_EResultInvalidState` if it was decided upon or has ended.
    fn SteamAPI_ISteamNetworkingSockets_AcceptConnection(this: *const Object, handle: ConnectionHandle) -> c_int, else 2;
        connections::accept(this, handle);

    /// Closes a connection. False if there is none.
    fn SteamAPI_ISteamNetworkingSockets_CloseConnection(
        this: *const Object,
        handle: ConnectionHandle,
        reason: c_int,
        text: *const c_char,
        linger: RawBool,
    ) -> bool, else false;
        connections::close(this, handle, reason, pointer::text(text, connections::MAX_CLOSE_TEXT).as_deref(), linger != 0);

    /// Attaches a number to a connection. False if there is none.
    fn SteamAPI_ISteamNetworkingSockets_SetConnectionUserData(
        this: *const Object,
        handle: ConnectionHandle,
        user_data: i64,
    ) -> bool, else false;
        connections::set_user_data(this, handle, user_data);

    /// The number that was attached to a connection, -1 if there is none of either.
    fn SteamAPI_ISteamNetworkingSockets_GetConnectionUserData(this: *const Object, handle: ConnectionHandle) -> i64, else -1;
        connections::user_data(this, handle);

    /// Names a connection for logs. Null is no name.
    fn SteamAPI_ISteamNetworkingSockets_SetConnectionName(
        this: *const Object,
        handle: ConnectionHandle,
        name: *const c_char,
    );
        connections::set_name(this, handle, pointer::text(name, connections::MAX_NAME).as_deref());

    /// The name of a connection, cut to the buffer. False if there is no such connection, or no buffer.
    fn SteamAPI_ISteamNetworkingSockets_GetConnectionName(
        this: *const Object,
        handle: ConnectionHandle,
        out: *mut c_char,
        room: c_int,
    ) -> bool, else false;
        connections::name(this, handle, out, room);

    /// Sends at once what waits for company. `k_EResultInvalidParam` if there is no such connection,
    /// `k_EResultNoConnection` if it has ended, `k_EResultIgnored` if it is not established.
    fn SteamAPI_ISteamNetworkingSockets_FlushMessagesOnConnection(this: *const Object, handle: ConnectionHandle) -> c_int, else 2;
        connections::flush(this, handle);

    /// Puts a connection into a poll group, or with 0 out of its group. False if there is no such
    /// connection or group.
    fn SteamAPI_ISteamNetworkingSockets_SetConnectionPollGroup(
        this: *const Object,
        handle: ConnectionHandle,
        group: PollGroupHandle,
    ) -> bool, else false;
        connections::set_poll_group(this, handle, group);

    /// Sets up lanes: null priorities are all the same, null weights 1. `k_EResultNoConnection` if there
    /// is no such connection, `k_EResultInvalidParam` for a count outside 1 to 255, fewer than before, or a
    /// weight of 0, `k_EResultInvalidState` if the connection has ended.
    fn SteamAPI_ISteamNetworkingSockets_ConfigureConnectionLanes(
        this: *const Object,
        handle: ConnectionHandle,
        count: c_int,
        priorities: *const c_int,
        weights: *const u16,
    ) -> c_int, else 2;
        connections::configure_lanes(this, handle, count, priorities, weights);

    /// What a connection is. False if there is none.
    fn SteamAPI_ISteamNetworkingSockets_GetConnectionInfo(
        this: *const Object,
        handle: ConnectionHandle,
        out: *mut RawConnectionInfo,
    ) -> bool, else false;
        status::info(this, handle, out);

    /// How a connection and its first lanes do. `k_EResultNoConnection` if there is none,
    /// `k_EResultInvalidParam` for more lanes than there are, or none to write to.
    fn SteamAPI_ISteamNetworkingSockets_GetConnectionRealTimeStatus(
        this: *const Object,
        handle: ConnectionHandle,
        out: *mut RawRealTimeStatus,
        count: c_int,
        lanes: *mut RawLaneStatus,
    ) -> c_int, else 2;
        status::real_time(this, handle, out, count, lanes);

    /// How a connection does: the name up to GNS 1.3. False if there is none.
    fn SteamAPI_ISteamNetworkingSockets_GetQuickConnectionStatus(
        this: *const Object,
        handle: ConnectionHandle,
        out: *mut RawRealTimeStatus,
    ) -> bool, else false;
        status::real_time(this, handle, out, 0, std::ptr::null_mut()) == 1;

    /// All that is known of how a connection does, in words. 0 if it fit, -1 if there is no such
    /// connection, else the size of a buffer that would do.
    fn SteamAPI_ISteamNetworkingSockets_GetDetailedConnectionStatus(
        this: *const Object,
        handle: ConnectionHandle,
        out: *mut c_char,
        room: c_int,
    ) -> c_int, else -1;
        status::detailed(this, handle, out, room);

    /// Who this side is. False if it does not know; the identity is invalid then.
    fn SteamAPI_ISteamNetworkingSockets_GetIdentity(this: *const Object, out: *mut RawIdentity) -> bool, else false;
        credentials::identity(this, out);

    /// Closes all connections, listen sockets and poll groups of the interface, forgets its certificate,
    /// and makes it somebody else; with null nobody, until a certificate tells.
    fn SteamAPI_ISteamNetworkingSockets_ResetIdentity(this: *const Object, identity: *const RawIdentity);
        credentials::reset_identity(this, pointer::read(identity));

    /// Gets ready to prove who this side is, and tells how far that is.
    fn SteamAPI_ISteamNetworkingSockets_InitAuthentication(this: *const Object) -> c_int, else 0;
        credentials::authentication(this, std::ptr::null_mut());

    /// How far the proof of who this side is has come.
    fn SteamAPI_ISteamNetworkingSockets_GetAuthenticationStatus(
        this: *const Object,
        out: *mut RawAuthenticationStatus,
    ) -> c_int, else 0;
        credentials::authentication(this, out);

    /// What to have signed by an authority. With a null buffer only its size. False with a text if the
    /// buffer is too small; the size that is needed is told then, too.
    fn SteamAPI_ISteamNetworkingSockets_GetCertificateRequest(
        this: *const Object,
        size: *mut c_int,
        out: *mut c_void,
        error: *mut ErrorText,
    ) -> bool, else false;
        credentials::request(this, size, out, error);

    /// Takes the certificate that an authority signed. False with a text if it cannot be ours.
    fn SteamAPI_ISteamNetworkingSockets_SetCertificate(
        this: *const Object,
        certificate: *const c_void,
        size: c_int,
        error: *mut ErrorText,
    ) -> bool, else false;
        credentials::set_certificate(this, certificate, size, error);
}
