//! The methods of `ISteamNetworkingSockets` as a compiler of C++ calls them: by their place in the vtable.
#![allow(
    clippy::unwrap_used,
    clippy::undocumented_unsafe_blocks,
    reason = "a test that cannot go on may panic; all pointers lead to locals, or are null"
)]

mod support;

use GameNetworkingSockets::abi::vtable::Object;
use GameNetworkingSockets::abi::vtable::Slot;
use GameNetworkingSockets::callbacks::*;
use GameNetworkingSockets::messages::*;
use GameNetworkingSockets::sockets::flat::*;
use GameNetworkingSockets::sockets::object::SteamGameServerNetworkingSockets_LibV12 as game_server;
use GameNetworkingSockets::sockets::peers::*;
use GameNetworkingSockets::unavailable::fake_ip::*;
use GameNetworkingSockets::unavailable::hosted::*;

use support::Session;
use support::sockets;

/// Every method in its place, by its flat name. GNS e707b3a: isteamnetworkingsockets.h.
const METHODS: [Slot; 47] = [
    SteamAPI_ISteamNetworkingSockets_CreateListenSocketIP as Slot,
    SteamAPI_ISteamNetworkingSockets_ConnectByIPAddress as Slot,
    SteamAPI_ISteamNetworkingSockets_CreateListenSocketP2P as Slot,
    SteamAPI_ISteamNetworkingSockets_ConnectP2P as Slot,
    SteamAPI_ISteamNetworkingSockets_AcceptConnection as Slot,
    SteamAPI_ISteamNetworkingSockets_CloseConnection as Slot,
    SteamAPI_ISteamNetworkingSockets_CloseListenSocket as Slot,
    SteamAPI_ISteamNetworkingSockets_SetConnectionUserData as Slot,
    SteamAPI_ISteamNetworkingSockets_GetConnectionUserData as Slot,
    SteamAPI_ISteamNetworkingSockets_SetConnectionName as Slot,
    SteamAPI_ISteamNetworkingSockets_GetConnectionName as Slot,
    SteamAPI_ISteamNetworkingSockets_SendMessageToConnection as Slot,
    SteamAPI_ISteamNetworkingSockets_SendMessages as Slot,
    SteamAPI_ISteamNetworkingSockets_FlushMessagesOnConnection as Slot,
    SteamAPI_ISteamNetworkingSockets_ReceiveMessagesOnConnection as Slot,
    SteamAPI_ISteamNetworkingSockets_GetConnectionInfo as Slot,
    SteamAPI_ISteamNetworkingSockets_GetConnectionRealTimeStatus as Slot,
    SteamAPI_ISteamNetworkingSockets_GetDetailedConnectionStatus as Slot,
    SteamAPI_ISteamNetworkingSockets_GetListenSocketAddress as Slot,
    SteamAPI_ISteamNetworkingSockets_CreateSocketPair as Slot,
    SteamAPI_ISteamNetworkingSockets_ConfigureConnectionLanes as Slot,
    SteamAPI_ISteamNetworkingSockets_GetIdentity as Slot,
    SteamAPI_ISteamNetworkingSockets_InitAuthentication as Slot,
    SteamAPI_ISteamNetworkingSockets_GetAuthenticationStatus as Slot,
    SteamAPI_ISteamNetworkingSockets_CreatePollGroup as Slot,
    SteamAPI_ISteamNetworkingSockets_DestroyPollGroup as Slot,
    SteamAPI_ISteamNetworkingSockets_SetConnectionPollGroup as Slot,
    SteamAPI_ISteamNetworkingSockets_ReceiveMessagesOnPollGroup as Slot,
    SteamAPI_ISteamNetworkingSockets_ReceivedRelayAuthTicket as Slot,
    SteamAPI_ISteamNetworkingSockets_FindRelayAuthTicketForServer as Slot,
    SteamAPI_ISteamNetworkingSockets_ConnectToHostedDedicatedServer as Slot,
    SteamAPI_ISteamNetworkingSockets_GetHostedDedicatedServerPort as Slot,
    SteamAPI_ISteamNetworkingSockets_GetHostedDedicatedServerPOPID as Slot,
    SteamAPI_ISteamNetworkingSockets_GetHostedDedicatedServerAddress as Slot,
    SteamAPI_ISteamNetworkingSockets_CreateHostedDedicatedServerListenSocket as Slot,
    SteamAPI_ISteamNetworkingSockets_GetGameCoordinatorServerLogin as Slot,
    SteamAPI_ISteamNetworkingSockets_ConnectP2PCustomSignaling as Slot,
    SteamAPI_ISteamNetworkingSockets_ReceivedP2PCustomSignal as Slot,
    SteamAPI_ISteamNetworkingSockets_GetCertificateRequest as Slot,
    SteamAPI_ISteamNetworkingSockets_SetCertificate as Slot,
    SteamAPI_ISteamNetworkingSockets_ResetIdentity as Slot,
    SteamAPI_ISteamNetworkingSockets_RunCallbacks as Slot,
    SteamAPI_ISteamNetworkingSockets_BeginAsyncRequestFakeIP as Slot,
    SteamAPI_ISteamNetworkingSockets_GetFakeIP as Slot,
    SteamAPI_ISteamNetworkingSockets_CreateListenSocketP2PFakeIP as Slot,
    SteamAPI_ISteamNetworkingSockets_GetRemoteFakeIPForConnection as Slot,
    SteamAPI_ISteamNetworkingSockets_CreateFakeUDPPort as Slot,
];

fn slot(object: *const Object, index: usize) -> Slot {
    unsafe { *(*object.cast::<*const Slot>()).add(index) }
}

#[test]
fn each_method_is_its_flat_function() {
    let _session = Session::start();
    for object in [sockets(), unsafe { game_server() }] {
        for (index, method) in METHODS.into_iter().enumerate() {
            assert_eq!(slot(object, index), method, "slot {index}");
        }
    }
}

#[test]
fn methods_can_be_called_by_their_places() {
    let _session = Session::start();
    let this = sockets();
    let create = slot(this, 24);
    let destroy = slot(this, 25);
    unsafe {
        let create =
            std::mem::transmute::<Slot, unsafe extern "C" fn(*const Object) -> u32>(create);
        let destroy =
            std::mem::transmute::<Slot, unsafe extern "C" fn(*const Object, u32) -> bool>(destroy);
        let group = create(this);
        assert!(destroy(this, group));
        assert!(!destroy(this, group));
    }
}

#[test]
fn what_stands_before_the_slots_is_zero() {
    let _session = Session::start();
    let slots = unsafe { *sockets().cast::<*const [usize; 2]>() };
    assert_eq!(unsafe { *slots.wrapping_sub(1) }, [0, 0]);
}
