//! The objects that C++ programs see as `ISteamNetworkingSockets`, and the accessors that give them out.

use std::ptr;

use crate::abi::vtable::Object;
use crate::abi::vtable::Slot;
use crate::abi::vtable::Vtable;
use crate::callbacks;
use crate::exports;
use crate::library;
use crate::library::Role;
use crate::messages;
use crate::objects::Objects;
use crate::sockets::flat;
use crate::sockets::peers;
use crate::unavailable::fake_ip;
use crate::unavailable::hosted;

exports! {
    /// The players' interface; null while the library does not run.
    fn SteamNetworkingSockets_LibV12() -> *const Object, else ptr::null(); get(Role::User);

    /// The players' interface, for callers in C.
    fn SteamAPI_SteamNetworkingSockets_v009() -> *const Object, else ptr::null(); get(Role::User);

    /// The players' interface, as the library of Steam's SDK names it up to 1.64.
    fn SteamAPI_SteamNetworkingSockets_SteamAPI_v012() -> *const Object, else ptr::null(); get(Role::User);

    /// The players' interface, as the library of Steam's SDK names it from 1.65 on.
    fn SteamAPI_SteamNetworkingSockets_SteamAPI_v013() -> *const Object, else ptr::null(); get(Role::User);

    /// The players' interface, for programs that were built for GNS 1.1.
    fn SteamAPI_SteamNetworkingSockets_v008() -> *const Object, else ptr::null();
        { callbacks::enable_passed(); get(Role::User) };

    /// The game server's interface, which has an identity and connections of its own; null while the
    /// library does not run.
    fn SteamGameServerNetworkingSockets_LibV12() -> *const Object, else ptr::null(); get(Role::Server);

    /// The game server's interface, as the library of Steam's SDK names it up to 1.64.
    fn SteamAPI_SteamGameServerNetworkingSockets_SteamAPI_v012() -> *const Object, else ptr::null(); get(Role::Server);

    /// The game server's interface, as the library of Steam's SDK names it from 1.65 on.
    fn SteamAPI_SteamGameServerNetworkingSockets_SteamAPI_v013() -> *const Object, else ptr::null(); get(Role::Server);
}

/// Which interface an object stands for; `None` if it is none of ours.
pub(crate) fn role(this: *const Object) -> Option<Role> {
    OBJECTS.role(this)
}

/// The object that stands for an interface.
pub(crate) fn of(role: Role) -> *const Object {
    OBJECTS.of(role)
}

/// The object of an interface; null while the library does not run.
fn get(role: Role) -> *const Object {
    let library = library::current();
    let interface = library
        .as_deref()
        .and_then(|library| library.interface_of(role));
    OBJECTS.of_some(role, interface)
}

static OBJECTS: Objects = Objects::new(&VTABLE);

/// In the order of the methods. GNS e707b3a: isteamnetworkingsockets.h, `ISteamNetworkingSockets`.
static VTABLE: Vtable<47> = Vtable::new([
    flat::SteamAPI_ISteamNetworkingSockets_CreateListenSocketIP as Slot,
    flat::SteamAPI_ISteamNetworkingSockets_ConnectByIPAddress as Slot,
    peers::SteamAPI_ISteamNetworkingSockets_CreateListenSocketP2P as Slot,
    peers::SteamAPI_ISteamNetworkingSockets_ConnectP2P as Slot,
    flat::SteamAPI_ISteamNetworkingSockets_AcceptConnection as Slot,
    flat::SteamAPI_ISteamNetworkingSockets_CloseConnection as Slot,
    flat::SteamAPI_ISteamNetworkingSockets_CloseListenSocket as Slot,
    flat::SteamAPI_ISteamNetworkingSockets_SetConnectionUserData as Slot,
    flat::SteamAPI_ISteamNetworkingSockets_GetConnectionUserData as Slot,
    flat::SteamAPI_ISteamNetworkingSockets_SetConnectionName as Slot,
    flat::SteamAPI_ISteamNetworkingSockets_GetConnectionName as Slot,
    messages::SteamAPI_ISteamNetworkingSockets_SendMessageToConnection as Slot,
    messages::SteamAPI_ISteamNetworkingSockets_SendMessages as Slot,
    flat::SteamAPI_ISteamNetworkingSockets_FlushMessagesOnConnection as Slot,
    messages::SteamAPI_ISteamNetworkingSockets_ReceiveMessagesOnConnection as Slot,
    flat::SteamAPI_ISteamNetworkingSockets_GetConnectionInfo as Slot,
    flat::SteamAPI_ISteamNetworkingSockets_GetConnectionRealTimeStatus as Slot,
    flat::SteamAPI_ISteamNetworkingSockets_GetDetailedConnectionStatus as Slot,
    flat::SteamAPI_ISteamNetworkingSockets_GetListenSocketAddress as Slot,
    flat::SteamAPI_ISteamNetworkingSockets_CreateSocketPair as Slot,
    flat::SteamAPI_ISteamNetworkingSockets_ConfigureConnectionLanes as Slot,
    flat::SteamAPI_ISteamNetworkingSockets_GetIdentity as Slot,
    flat::SteamAPI_ISteamNetworkingSockets_InitAuthentication as Slot,
    flat::SteamAPI_ISteamNetworkingSockets_GetAuthenticationStatus as Slot,
    flat::SteamAPI_ISteamNetworkingSockets_CreatePollGroup as Slot,
    flat::SteamAPI_ISteamNetworkingSockets_DestroyPollGroup as Slot,
    flat::SteamAPI_ISteamNetworkingSockets_SetConnectionPollGroup as Slot,
    messages::SteamAPI_ISteamNetworkingSockets_ReceiveMessagesOnPollGroup as Slot,
    hosted::SteamAPI_ISteamNetworkingSockets_ReceivedRelayAuthTicket as Slot,
    hosted::SteamAPI_ISteamNetworkingSockets_FindRelayAuthTicketForServer as Slot,
    hosted::SteamAPI_ISteamNetworkingSockets_ConnectToHostedDedicatedServer as Slot,
    hosted::SteamAPI_ISteamNetworkingSockets_GetHostedDedicatedServerPort as Slot,
    hosted::SteamAPI_ISteamNetworkingSockets_GetHostedDedicatedServerPOPID as Slot,
    hosted::SteamAPI_ISteamNetworkingSockets_GetHostedDedicatedServerAddress as Slot,
    hosted::SteamAPI_ISteamNetworkingSockets_CreateHostedDedicatedServerListenSocket as Slot,
    hosted::SteamAPI_ISteamNetworkingSockets_GetGameCoordinatorServerLogin as Slot,
    peers::SteamAPI_ISteamNetworkingSockets_ConnectP2PCustomSignaling as Slot,
    peers::SteamAPI_ISteamNetworkingSockets_ReceivedP2PCustomSignal as Slot,
    flat::SteamAPI_ISteamNetworkingSockets_GetCertificateRequest as Slot,
    flat::SteamAPI_ISteamNetworkingSockets_SetCertificate as Slot,
    flat::SteamAPI_ISteamNetworkingSockets_ResetIdentity as Slot,
    callbacks::SteamAPI_ISteamNetworkingSockets_RunCallbacks as Slot,
    fake_ip::SteamAPI_ISteamNetworkingSockets_BeginAsyncRequestFakeIP as Slot,
    fake_ip::SteamAPI_ISteamNetworkingSockets_GetFakeIP as Slot,
    fake_ip::SteamAPI_ISteamNetworkingSockets_CreateListenSocketP2PFakeIP as Slot,
    fake_ip::SteamAPI_ISteamNetworkingSockets_GetRemoteFakeIPForConnection as Slot,
    fake_ip::SteamAPI_ISteamNetworkingSockets_CreateFakeUDPPort as Slot,
]);
