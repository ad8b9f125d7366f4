//! What cannot be: no pointers, no such handles, no such ports, and signals that are none.

use std::ffi::c_int;
use std::ffi::c_void;
use std::ptr::null;
use std::ptr::null_mut;

use bowline::ConfigKey;

use GameNetworkingSockets::abi::identity::RawIdentity;
use GameNetworkingSockets::abi::structs::RawOption;
use GameNetworkingSockets::abi::vtable::Object;
use GameNetworkingSockets::sockets::flat::*;
use GameNetworkingSockets::sockets::peers::*;
use GameNetworkingSockets::utils::config::SteamAPI_ISteamNetworkingUtils_SetConfigValue as set_value;

use crate::room::ANNA;
use crate::room::Answer;
use crate::room::BEN;
use crate::room::NOTHING;
use crate::room::Room;
use crate::room::int;
use crate::room::name;
use crate::support::Session;
use crate::support::close;
use crate::support::listen;

#[test]
fn a_virtual_port_has_one_listen_socket_and_is_small() {
    let room = Room::new();
    let listen_on = |port| room.listen(BEN, port);
    for port in [0, 7, 0xffff] {
        let handle = listen_on(port);
        assert_ne!(handle, 0, "{port}");
        assert_eq!(listen_on(port), 0, "{port}");
    }
    for port in [-1, 0x1_0000, c_int::MAX, c_int::MIN] {
        assert_eq!(listen_on(port), 0, "{port}");
    }
    // The other interface has its own.
    let handle = room.listen(ANNA, 7);
    assert_ne!(handle, 0);
    let address = SteamAPI_ISteamNetworkingSockets_GetListenSocketAddress;
    assert!(!unsafe { address(room.peers[ANNA], handle, null_mut()) });
    let create = SteamAPI_ISteamNetworkingSockets_CreateListenSocketP2P;
    let bad = int(ConfigKey::MtuDataSize, 1);
    unsafe {
        assert_eq!(create(room.peers[ANNA], 9, 1, &raw const bad), 0);
        assert_eq!(create(room.peers[ANNA], 9, 1, NOTHING), 0);
        assert_eq!(create(null(), 9, 0, NOTHING), 0);
    }
}

#[test]
fn a_listen_socket_for_peers_has_settings_and_a_handle_of_its_own() {
    let room = Room::new();
    let handle = room.listen(BEN, 7);
    let (other, _) = listen(room.peers[BEN]);
    assert_ne!(handle, other);
    let value = 9_000_i32;
    let set = |handle: u32| unsafe {
        set_value(null(), 24, 3, handle as isize, 1, (&raw const value).cast())
    };
    assert!(set(handle));
    assert!(set(other));
    let close = SteamAPI_ISteamNetworkingSockets_CloseListenSocket;
    assert!(unsafe { close(room.peers[BEN], handle) });
    assert!(!set(handle));
    assert!(set(other));
}

/// Whether an object was made, given away, and is released by the time of return.
fn is_refused(
    room: &Room,
    this: *const Object,
    peer: *const RawIdentity,
    port: c_int,
    options: &[RawOption],
) -> bool {
    let released = || room.service.lock().unwrap().released;
    let before = released();
    let connect = SteamAPI_ISteamNetworkingSockets_ConnectP2PCustomSignaling;
    let object = room.signaling(ANNA);
    let count = options.len() as c_int;
    let made = unsafe { connect(this, object, peer, port, count, options.as_ptr()) };
    made == 0 && released() == before + 1
}

#[test]
fn what_cannot_be_connected_releases_the_object_at_once() {
    let room = Room::new();
    let (anna, ben) = (room.peers[ANNA], name(BEN));
    let refused = |peer, port, options: &[_]| is_refused(&room, anna, peer, port, options);
    assert!(refused(null(), 7, &[]));
    assert!(refused(&RawIdentity::INVALID, 7, &[]));
    let mut impossible = ben;
    impossible.kind = 99;
    assert!(refused(&impossible, 7, &[]));
    assert!(refused(&ben, -2, &[]));
    assert!(refused(&ben, c_int::MIN, &[]));
    assert!(refused(&ben, 7, &[int(ConfigKey::MtuDataSize, 1)]));
    // No way is allowed.
    assert!(refused(
        &ben,
        7,
        &[int(ConfigKey::P2pTransportIceEnable, 0)]
    ));
    assert!(is_refused(&room, null(), &ben, 7, &[]));
    let not_ours = 5_usize;
    assert!(is_refused(
        &room,
        (&raw const not_ours).cast(),
        &ben,
        7,
        &[]
    ));
    // Somebody without a name.
    unsafe { SteamAPI_ISteamNetworkingSockets_ResetIdentity(anna, null()) };
    assert!(refused(&ben, 7, &[]));
    // And without an object.
    let connect = SteamAPI_ISteamNetworkingSockets_ConnectP2PCustomSignaling;
    let of_ben = room.peers[BEN];
    assert_eq!(
        unsafe { connect(of_ben, null_mut(), &name(ANNA), 7, 0, null()) },
        0
    );
    room.end();
}

#[test]
fn no_port_is_the_first() {
    let room = Room::new();
    let listener = room.listen(BEN, 0);
    assert_ne!(room.call(ANNA, -1, &[]), 0);
    room.wait_heard(|heard| heard.listener == listener && heard.new == 1);
    room.end();
}

#[test]
fn what_is_no_signal_is_refused() {
    let room = Room::new();
    let receive = |this: *const Object, bytes: *const c_void, size: c_int| unsafe {
        SteamAPI_ISteamNetworkingSockets_ReceivedP2PCustomSignal(this, bytes, size, null_mut())
    };
    let ben = room.peers[BEN];
    let nonsense = b"nonsense".as_ptr().cast();
    assert!(!receive(ben, nonsense, 8));
    assert!(!receive(ben, nonsense, 0));
    assert!(!receive(ben, nonsense, -1));
    assert!(!receive(ben, nonsense, c_int::MIN));
    assert!(!receive(ben, null(), 8));
    assert!(!receive(ben, null(), 0));
    room.call(ANNA, 7, &[]);
    let signal = room.next_signal();
    let (bytes, size) = (signal.bytes.as_ptr().cast(), signal.bytes.len() as c_int);
    assert!(!receive(null(), bytes, size));
    assert!(!receive(room.peers[ANNA], bytes, size), "it is for Ben");
    assert!(!receive(ben, bytes, size - 3));
    // Without a context nobody is let in.
    assert!(receive(ben, bytes, size));
    let receive2 = SteamAPI_ISteamNetworkingSockets_ReceivedP2PCustomSignal2;
    assert!(unsafe { receive2(ben, bytes, size, null_mut(), None, None) });
    let mut asked = room.asked(BEN, Answer::Consider);
    assert!(room.hand_in(&signal, &mut asked));
    assert_eq!(asked.requests.len(), 1);
    let bens = asked.requests[0].0;
    assert_eq!(room.accept(BEN, bens ^ 0x1_0000), 8);
    // A signal of a connection that is no more is as it should be.
    assert_eq!(room.accept(BEN, bens), 1);
    let answer = room.wait_for_signal_to(ANNA);
    assert!(close(room.peers[ANNA], signal.connection));
    unsafe { SteamAPI_ISteamNetworkingSockets_ResetIdentity(room.peers[ANNA], &name(ANNA)) };
    let (bytes, size) = (answer.bytes.as_ptr().cast(), answer.bytes.len() as c_int);
    assert!(receive(room.peers[ANNA], bytes, size));
    drop(asked);
    room.end();
}

#[test]
fn nothing_is_connected_while_the_library_does_not_run() {
    let _session = Session::without_library();
    let ben = name(BEN);
    unsafe {
        let this = crate::support::sockets();
        assert!(this.is_null());
        let listen = SteamAPI_ISteamNetworkingSockets_CreateListenSocketP2P;
        assert_eq!(listen(this, 7, 0, null()), 0);
        let connect = SteamAPI_ISteamNetworkingSockets_ConnectP2P;
        assert_eq!(connect(this, &ben, 7, 0, null()), 0);
        let connect = SteamAPI_ISteamNetworkingSockets_ConnectP2PCustomSignaling;
        assert_eq!(connect(this, null_mut(), &ben, 7, 0, null()), 0);
        let receive = SteamAPI_ISteamNetworkingSockets_ReceivedP2PCustomSignal;
        assert!(!receive(this, [1_u8; 4].as_ptr().cast(), 4, null_mut()));
    }
}
