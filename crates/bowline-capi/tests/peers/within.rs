//! Peers in this process, which need no signals.

use std::ffi::c_int;

use bowline::ConfigKey;

use GameNetworkingSockets::abi::structs::ConnectionHandle;
use GameNetworkingSockets::abi::structs::RawOption;
use GameNetworkingSockets::sockets::flat::*;
use GameNetworkingSockets::sockets::peers::*;

use crate::room::ANNA;
use crate::room::BEN;
use crate::room::CLOSED_BY_PEER;
use crate::room::CONNECTED;
use crate::room::Room;
use crate::room::int;
use crate::room::name;
use crate::support::callback;
use crate::support::hear;
use crate::support::info;

/// `whose` calls `whom`, who may be the same.
fn call(
    room: &Room,
    whose: usize,
    whom: usize,
    port: c_int,
    more: &[RawOption],
) -> ConnectionHandle {
    let options = [&[callback(hear)], more].concat();
    let peer = name(whom);
    unsafe {
        SteamAPI_ISteamNetworkingSockets_ConnectP2P(
            room.peers[whose],
            &raw const peer,
            port,
            options.len() as c_int,
            options.as_ptr(),
        )
    }
}

#[test]
fn who_is_in_this_process_is_connected_in_memory() {
    let room = Room::new();
    let listener = room.listen(BEN, 7);
    let annas = call(&room, ANNA, BEN, 7, &[]);
    assert_ne!(annas, 0);
    let request = room.wait_heard(|heard| heard.listener == listener && heard.new == 1);
    let bens = request.connection;
    assert_eq!((room.state(annas), room.state(bens)), (1, 1));
    assert_eq!(room.accept(BEN, bens), 1);
    room.wait_state(annas, CONNECTED);
    room.check_message(annas, bens, "hello");
    room.check_message(bens, annas, "hello yourself");
    for end in [annas, bens] {
        room.wait_heard(|heard| heard.connection == end && heard.new == CONNECTED);
    }
    // A way is not looked for.
    assert_eq!(room.heard_of(annas), [(0, 1), (1, 3)]);
    assert_eq!(room.heard_of(bens), [(0, 1), (1, 3)]);
    for (end, peer, listen_socket) in [(annas, BEN, 0), (bens, ANNA, listener)] {
        let told = info(room.peers[ANNA], end).unwrap();
        assert_eq!({ told.identity_remote }, name(peer));
        assert_eq!({ told.listen_socket }, listen_socket);
        assert_eq!({ told.flags }, 12, "in memory, and fast");
        assert!(
            told.description
                .starts_with(format!("#{end} pipe\0").as_bytes())
        );
    }
    assert_eq!(room.service.lock().unwrap().made, 0);
    let close = SteamAPI_ISteamNetworkingSockets_CloseConnection;
    assert!(unsafe {
        close(
            room.peers[BEN],
            bens,
            1005,
            c"enough".as_ptr(),
            false.into(),
        )
    });
    let told = room.wait_heard(|heard| heard.connection == annas && heard.new == CLOSED_BY_PEER);
    assert_eq!(told.end_reason, 1005);
    room.end();
}

#[test]
fn who_is_here_and_does_not_listen_is_not_called() {
    let room = Room::new();
    assert_eq!(call(&room, ANNA, BEN, 7, &[]), 0);
    let listener = room.listen(BEN, 7);
    assert_ne!(call(&room, ANNA, BEN, 7, &[]), 0);
    let request = room.wait_heard(|heard| heard.listener == listener && heard.new == 1);
    assert_ne!(request.connection, 0);
    room.end();
}

#[test]
fn an_interface_may_call_itself() {
    let room = Room::new();
    let listener = room.listen(ANNA, 7);
    let asking = call(&room, ANNA, ANNA, 7, &[]);
    assert_ne!(asking, 0);
    let request = room.wait_heard(|heard| heard.listener == listener && heard.new == 1);
    assert_eq!(room.accept(ANNA, request.connection), 1);
    room.wait_state(asking, CONNECTED);
    room.check_message(asking, request.connection, "hello me");
    room.end();
}

#[test]
fn two_who_call_each_other_have_one_connection() {
    let room = Room::new();
    let symmetric = [int(ConfigKey::SymmetricConnect, 1)];
    let option = [callback(hear), symmetric[0]];
    for whose in [ANNA, BEN] {
        let listen = SteamAPI_ISteamNetworkingSockets_CreateListenSocketP2P;
        assert_ne!(
            unsafe { listen(room.peers[whose], 7, 2, option.as_ptr()) },
            0
        );
    }
    let annas = call(&room, ANNA, BEN, 7, &symmetric);
    let bens = call(&room, BEN, ANNA, 7, &symmetric);
    assert!(annas != 0 && bens != 0);
    room.wait_state(annas, CONNECTED);
    room.wait_state(bens, CONNECTED);
    room.check_message(annas, bens, "hello");
    assert_eq!(call(&room, ANNA, BEN, 7, &symmetric), 0);
    room.end();
}

#[test]
fn with_signaling_of_its_own_a_call_goes_by_signals() {
    let room = Room::new();
    let (annas, _, _) = room.connected();
    let told = info(room.peers[ANNA], annas).unwrap();
    assert_eq!({ told.flags } & 4, 0, "not in memory");
    assert!(room.service.lock().unwrap().made > 0);
    room.end();
}
