//! What waits for a backend answers that it is not there, and writes its outputs.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on may panic")]
#![allow(
    clippy::undocumented_unsafe_blocks,
    reason = "all pointers lead to locals, or are null"
)]

mod support;

use std::ffi::c_int;
use std::ffi::c_void;
use std::mem::MaybeUninit;
use std::ptr::null;
use std::ptr::null_mut;

use GameNetworkingSockets::abi::identity::RawAddr;
use GameNetworkingSockets::abi::identity::RawIdentity;
use GameNetworkingSockets::abi::structs::RawConnectionInfo;
use GameNetworkingSockets::abi::structs::RawFakeIpResult;
use GameNetworkingSockets::abi::structs::RawRealTimeStatus;
use GameNetworkingSockets::abi::structs::RawSteamIp;
use GameNetworkingSockets::abi::vtable::Object;
use GameNetworkingSockets::packets::*;
use GameNetworkingSockets::sessions::*;
use GameNetworkingSockets::types::hosted::RawHostedAddress;
use GameNetworkingSockets::unavailable::fake_ip::*;
use GameNetworkingSockets::unavailable::hosted::*;
use GameNetworkingSockets::unavailable::legacy::*;

use support::Session;
use support::pair;
use support::sockets;

/// The function in a slot of the object's vtable.
///
/// # Safety
/// It is of type `F`.
unsafe fn slot<F: Copy>(object: *const Object, index: usize) -> F {
    unsafe {
        let slots = *object.cast::<*const *const c_void>();
        std::mem::transmute_copy(&*slots.add(index))
    }
}

fn somebody() -> RawIdentity {
    RawIdentity::from(Some(&bowline::Identity::str("somebody").unwrap()))
}

#[test]
fn objects_are_there_while_the_library_runs() {
    let all = || unsafe {
        [
            SteamNetworkingMessages_LibV2(),
            SteamAPI_SteamNetworkingMessages_v002(),
            SteamAPI_SteamNetworkingMessages_SteamAPI_v002(),
            SteamGameServerNetworkingMessages_LibV2(),
            SteamAPI_SteamGameServerNetworkingMessages_SteamAPI_v002(),
            SteamAPI_SteamNetworking_v006(),
            SteamAPI_SteamGameServerNetworking_v006(),
        ]
    };
    let session = Session::without_library();
    assert_eq!(all(), [null(); 7]);
    drop(session);
    let session = Session::start();
    let objects = all();
    assert!(objects.iter().all(|object| !object.is_null()));
    assert!(objects[0] == objects[1] && objects[1] == objects[2]);
    assert!(objects[3] == objects[4] && objects[0] != objects[3]);
    assert_ne!(objects[5], objects[6]);
    drop(session);
    let _session = Session::without_library();
    assert_eq!(all(), [null(); 7]);
}

#[test]
fn messages_without_signaling_are_refused_and_none_come() {
    let _session = Session::start();
    let this = unsafe { SteamNetworkingMessages_LibV2() };
    let peer = somebody();
    let send = |peer: *const RawIdentity, data: *const c_void, size| unsafe {
        SteamAPI_ISteamNetworkingMessages_SendMessageToUser(this, peer, data, size, 8, 0)
    };
    let data = vec![0_u8; 524_289];
    let data = data.as_ptr().cast();
    assert_eq!(send(&peer, data, 5), 2);
    assert_eq!(send(&peer, null(), 0), 2);
    assert_eq!(send(&peer, data, 524_288), 2);
    assert_eq!(send(&peer, data, 524_289), 8);
    assert_eq!(send(&peer, null(), 5), 8);
    assert_eq!(send(null(), data, 5), 8);
    assert_eq!(send(&RawIdentity::INVALID, data, 5), 8);
    let mut impossible = peer;
    impossible.kind = 99;
    assert_eq!(send(&impossible, data, 5), 8);
    unsafe {
        let mut message = null_mut();
        let receive = SteamAPI_ISteamNetworkingMessages_ReceiveMessagesOnChannel;
        assert_eq!(receive(this, 0, &raw mut message, 1), 0);
        assert!(message.is_null());
        assert!(!SteamAPI_ISteamNetworkingMessages_AcceptSessionWithUser(
            this, &peer
        ));
        assert!(!SteamAPI_ISteamNetworkingMessages_CloseSessionWithUser(
            this, &peer
        ));
        assert!(!SteamAPI_ISteamNetworkingMessages_CloseChannelWithUser(
            this, &peer, 0
        ));
    }
}

#[test]
fn the_session_that_is_not_there_is_all_zero() {
    let _session = Session::start();
    unsafe {
        type Info = unsafe extern "C" fn(
            *const Object,
            *const RawIdentity,
            *mut RawConnectionInfo,
            *mut RawRealTimeStatus,
        ) -> c_int;
        let this = SteamNetworkingMessages_LibV2();
        let get = slot::<Info>(this, 5);
        let mut info = MaybeUninit::<RawConnectionInfo>::uninit();
        let mut status = MaybeUninit::<RawRealTimeStatus>::uninit();
        info.as_mut_ptr().write_bytes(7, 1);
        status.as_mut_ptr().write_bytes(7, 1);
        let state = get(this, &somebody(), info.as_mut_ptr(), status.as_mut_ptr());
        assert_eq!(state, 0);
        let info = std::slice::from_raw_parts(info.as_ptr().cast::<u8>(), 696);
        let status = std::slice::from_raw_parts(status.as_ptr().cast::<u8>(), 120);
        assert!(info.iter().chain(status).all(|byte| *byte == 0));
        assert_eq!(get(this, null(), null_mut(), null_mut()), 0);
    }
}

#[test]
fn fake_addresses_are_disabled() {
    let _session = Session::start();
    let this = sockets();
    let [connection, _] = pair(this);
    unsafe {
        assert!(!SteamAPI_ISteamNetworkingSockets_BeginAsyncRequestFakeIP(
            this, 1
        ));
        let mut result = MaybeUninit::<RawFakeIpResult>::uninit();
        result.as_mut_ptr().write_bytes(7, 1);
        SteamAPI_ISteamNetworkingSockets_GetFakeIP(this, 0, result.as_mut_ptr());
        let result = result.assume_init();
        assert_eq!((result.result, result.ip, result.ports), (80, 0, [0; 8]));
        assert_eq!({ result.identity }, RawIdentity::INVALID);
        SteamAPI_ISteamNetworkingSockets_GetFakeIP(this, 0, null_mut());
        assert_eq!(
            SteamAPI_ISteamNetworkingSockets_CreateListenSocketP2PFakeIP(this, 0, 0, null()),
            0
        );
        assert!(SteamAPI_ISteamNetworkingSockets_CreateFakeUDPPort(this, -1).is_null());
        let fake_ip = SteamAPI_ISteamNetworkingSockets_GetRemoteFakeIPForConnection;
        for (handle, result) in [(connection, 31), (connection ^ 0x1_0000, 8), (0, 8)] {
            let mut addr = RawAddr {
                ip: [7; 16],
                port: 7,
            };
            assert_eq!(fake_ip(this, handle, &mut addr), result);
            assert_eq!(addr, RawAddr::default());
            assert_eq!(fake_ip(this, handle, null_mut()), result);
        }
        let mut message = null_mut();
        SteamAPI_ISteamNetworkingFakeUDPPort_DestroyFakeUDPPort(null());
        SteamAPI_ISteamNetworkingFakeUDPPort_ScheduleCleanup(null(), null());
        let send = SteamAPI_ISteamNetworkingFakeUDPPort_SendMessageToFakeIP;
        assert_eq!(send(null(), null(), null(), 0, 0), 80);
        let receive = SteamAPI_ISteamNetworkingFakeUDPPort_ReceiveMessages;
        assert_eq!(receive(null(), &raw mut message, 1), 0);
        assert!(message.is_null());
    }
}

/// The variables of a data center are not set here; what is made of them is tested where it is done.
#[test]
fn this_is_no_server_in_a_data_center() {
    let _session = Session::start();
    let this = sockets();
    let peer = somebody();
    unsafe {
        assert_eq!(
            SteamAPI_ISteamNetworkingSockets_GetHostedDedicatedServerPort(this),
            0
        );
        assert_eq!(
            SteamAPI_ISteamNetworkingSockets_GetHostedDedicatedServerPOPID(this),
            0
        );
        let mut routing = RawHostedAddress {
            size: 7,
            data: [7; 128],
        };
        let address = SteamAPI_ISteamNetworkingSockets_GetHostedDedicatedServerAddress;
        assert_eq!(address(this, &mut routing), 11);
        assert_eq!((routing.size, routing.data), (0, [0; 128]));
        assert_eq!(address(this, null_mut()), 11);
        let mut size = 4096;
        let login = SteamAPI_ISteamNetworkingSockets_GetGameCoordinatorServerLogin;
        assert_eq!(login(this, null_mut(), &mut size, null_mut()), 11);
        assert_eq!(size, 0);
        let listen = SteamAPI_ISteamNetworkingSockets_CreateHostedDedicatedServerListenSocket;
        assert_eq!(listen(this, 0, 0, null()), 0);
        let connect = SteamAPI_ISteamNetworkingSockets_ConnectToHostedDedicatedServer;
        assert_eq!(connect(this, &peer, 0, 0, null()), 0);
        let received = SteamAPI_ISteamNetworkingSockets_ReceivedRelayAuthTicket;
        assert!(!received(this, [1_u8; 4].as_ptr().cast(), 4, null_mut()));
        let find = SteamAPI_ISteamNetworkingSockets_FindRelayAuthTicketForServer;
        assert_eq!(find(this, &peer, 0, null_mut()), 0);
    }
}

#[test]
fn packets_without_signaling_are_refused_and_none_come() {
    let _session = Session::start();
    const FRIEND: u64 = 76_561_197_960_287_930;
    unsafe {
        let this = SteamAPI_SteamNetworking_v006();
        let (mut size, mut socket, mut peer) = (7, 7, 7);
        assert!(!SteamAPI_ISteamNetworking_SendP2PPacket(
            this,
            FRIEND,
            null(),
            0,
            2,
            0
        ));
        assert!(!SteamAPI_ISteamNetworking_IsP2PPacketAvailable(this, &mut size, 0) && size == 0);
        size = 7;
        let read = SteamAPI_ISteamNetworking_ReadP2PPacket;
        assert!(!read(this, null_mut(), 0, &mut size, &mut peer, 0));
        assert_eq!((size, peer), (0, 0));
        assert!(!read(this, null_mut(), 0, null_mut(), null_mut(), 0));
        let accept = SteamAPI_ISteamNetworking_AcceptP2PSessionWithUser;
        assert!(accept(this, FRIEND), "it may have asked a moment ago");
        assert!(!accept(this, 0) && !accept(null(), FRIEND));
        assert!(!SteamAPI_ISteamNetworking_CloseP2PSessionWithUser(
            this, FRIEND
        ));
        assert!(!SteamAPI_ISteamNetworking_CloseP2PChannelWithUser(
            this, FRIEND, 0
        ));
        let mut state = [7_u8; 20];
        let get = SteamAPI_ISteamNetworking_GetP2PSessionState;
        assert!(!get(this, FRIEND, state.as_mut_ptr().cast()));
        let fields = [&state[..12], &state[12..18]].concat();
        assert_eq!(fields, [0; 18], "all but the padding");
        assert!(SteamAPI_ISteamNetworking_AllowP2PPacketRelay(this, 0));
        let available = SteamAPI_ISteamNetworking_IsDataAvailable;
        assert!(!available(this, 1, &mut size, &mut socket) && socket == 0);
        socket = 7;
        let retrieve = SteamAPI_ISteamNetworking_RetrieveData;
        assert!(!retrieve(this, 1, null_mut(), 0, &mut size, &mut socket) && socket == 0);
        assert!(!SteamAPI_ISteamNetworking_IsDataAvailableOnSocket(
            this, 1, &mut size
        ));
        assert!(!SteamAPI_ISteamNetworking_RetrieveDataFromSocket(
            this,
            1,
            null_mut(),
            0,
            &mut size
        ));
        assert!(!SteamAPI_ISteamNetworking_SendDataOnSocket(
            this,
            1,
            null_mut(),
            0,
            1
        ));
    }
}

#[test]
fn sockets_by_account_are_not_made() {
    let _session = Session::start();
    let ip = RawSteamIp {
        ip: [7; 16],
        kind: 1,
    };
    unsafe {
        let this = SteamAPI_SteamGameServerNetworking_v006();
        assert_eq!(
            SteamAPI_ISteamNetworking_CreateListenSocket(this, 0, ip, 1, 1),
            0
        );
        assert_eq!(
            SteamAPI_ISteamNetworking_CreateP2PConnectionSocket(this, 5, 0, 10, 1),
            0
        );
        assert_eq!(
            SteamAPI_ISteamNetworking_CreateConnectionSocket(this, ip, 1, 10),
            0
        );
        assert!(!SteamAPI_ISteamNetworking_DestroySocket(this, 1, 1));
        assert!(!SteamAPI_ISteamNetworking_DestroyListenSocket(this, 1, 1));
        let (mut peer, mut state, mut out, mut port) = (7, 7, ip, 7);
        let info = SteamAPI_ISteamNetworking_GetSocketInfo;
        assert!(!info(this, 1, &mut peer, &mut state, &mut out, &mut port));
        assert_eq!(
            (peer, state, port, out.ip, { out.kind }),
            (0, 0, 0, [0; 16], 0)
        );
        let info = SteamAPI_ISteamNetworking_GetListenSocketInfo;
        (out, port) = (ip, 7);
        assert!(!info(this, 1, &mut out, &mut port));
        assert_eq!((port, out.ip, { out.kind }), (0, [0; 16], 0));
        type Ask = unsafe extern "C" fn(*const Object, u32) -> c_int;
        assert_eq!(slot::<Ask>(this, 20)(this, 1), 0);
        assert_eq!(slot::<Ask>(this, 21)(this, 1), 0);
        type Relay = unsafe extern "C" fn(*const Object, u8) -> bool;
        assert!(slot::<Relay>(this, 7)(this, 1));
    }
}
