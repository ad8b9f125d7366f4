//! Connections by identity, by signals that the application carries.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on may panic")]
#![allow(
    clippy::undocumented_unsafe_blocks,
    reason = "all pointers lead to locals, or are null"
)]

mod bad;
mod objects;
mod room;
mod sessions;
#[path = "../support/mod.rs"]
mod support;
mod within;

use std::ffi::CStr;
use std::time::Duration;
use std::time::Instant;

use bowline::ConfigKey;

use GameNetworkingSockets::sockets::flat::*;

use room::ANNA;
use room::Answer;
use room::BEN;
use room::CLOSED_BY_PEER;
use room::CONNECTED;
use room::PROBLEM;
use room::Room;
use room::int;
use room::name;
use support::close;
use support::info;

#[test]
fn peers_connect_talk_and_part() {
    let room = Room::new();
    let (annas, bens, listener) = room.connected();
    let [of_anna, of_ben] = [annas, bens].map(|it| info(room.peers[ANNA], it).unwrap());
    assert_eq!({ of_anna.identity_remote }, name(BEN));
    assert_eq!({ of_ben.identity_remote }, name(ANNA));
    assert_eq!({ of_anna.listen_socket }, 0);
    assert_eq!({ of_ben.listen_socket }, listener);
    room.check_message(annas, bens, "hello");
    room.check_message(bens, annas, "hello yourself");
    // Connecting, finding a way, connected.
    assert_eq!(room.heard_of(annas), [(0, 1), (1, 2), (2, 3)]);
    assert_eq!(room.heard_of(bens), [(0, 1), (1, 2), (2, 3)]);
    let close = SteamAPI_ISteamNetworkingSockets_CloseConnection;
    assert!(unsafe { close(room.peers[BEN], bens, 1005, c"enough".as_ptr(), 0) });
    let told = room.wait_heard(|heard| heard.connection == annas && heard.new == CLOSED_BY_PEER);
    assert_eq!(told.end_reason, 1005);
    room.end();
}

#[test]
fn a_signal_goes_out_with_what_its_connection_is() {
    let room = Room::new();
    let annas = room.call(ANNA, 7, &[]);
    let signal = room.next_signal();
    assert_eq!((signal.to, signal.connection), (BEN, annas));
    assert_eq!({ signal.info.identity_remote }, name(BEN));
    assert_eq!({ signal.info.state }, 1);
    let description = CStr::from_bytes_until_nul(&signal.info.description).unwrap();
    assert!(description.to_str().unwrap().contains(&annas.to_string()));
    room.end();
}

#[test]
fn a_request_can_be_accepted_right_there() {
    let room = Room::new();
    let annas = room.call(ANNA, 7, &[]);
    // Nobody listens, which the application need not.
    let mut asked = room.asked(BEN, Answer::Accept);
    assert!(room.hand_in(&room.next_signal(), &mut asked));
    let [(bens, peer, port)] = asked.requests[..] else {
        panic!("{:?}", asked.requests);
    };
    assert_eq!((peer, port), (name(ANNA), 7));
    assert_eq!(room.accept(BEN, bens), 11, "it was");
    room.wait_state(annas, CONNECTED);
    room.check_message(annas, bens, "hello");
    drop(asked);
    room.end();
}

#[test]
fn a_request_closed_right_there_is_rejected() {
    let room = Room::new();
    let annas = room.call(ANNA, 7, &[]);
    let mut asked = room.asked(BEN, Answer::Reject);
    assert!(room.hand_in(&room.next_signal(), &mut asked));
    assert_eq!((asked.requests.len(), asked.rejections), (1, 1));
    room.wait_state(annas, CLOSED_BY_PEER);
    let ended = info(room.peers[ANNA], annas).unwrap();
    assert_eq!({ ended.end_reason }, 1777);
    assert!(ended.end_debug.starts_with(b"no thanks\0"));
    drop(asked);
    room.end();
}

#[test]
fn a_request_refused_later_is_rejected_too() {
    let room = Room::new();
    let listener = room.listen(BEN, 7);
    let annas = room.call(ANNA, 7, &[]);
    let request = room.wait_heard(|heard| heard.listener == listener && heard.new == 1);
    assert!(close(room.peers[BEN], request.connection));
    room.wait_state(annas, CLOSED_BY_PEER);
    room.end();
}

#[test]
fn who_is_ignored_hears_nothing() {
    let room = Room::new();
    let annas = room.call(ANNA, 7, &[]);
    let signal = room.next_signal();
    for _ in 0..3 {
        let mut asked = room.asked(BEN, Answer::Ignore);
        assert!(room.hand_in(&signal, &mut asked));
        let [(bens, ..)] = asked.requests[..] else {
            panic!("{:?}", asked.requests);
        };
        assert!(info(room.peers[BEN], bens).is_none());
        assert_eq!(asked.rejections, 0);
    }
    assert_eq!(room.state(annas), 1);
    let is_annas = |signal: &room::Signal| signal.to == BEN;
    assert!(room.service.lock().unwrap().signals.iter().all(is_annas));
    room.end();
}

#[test]
fn a_service_that_is_gone_ends_the_connection() {
    let room = Room::new();
    room.service.lock().unwrap().is_gone = true;
    let annas = room.call(ANNA, 7, &[]);
    assert_ne!(annas, 0);
    room.wait_state(annas, PROBLEM);
    let ended = info(room.peers[ANNA], annas).unwrap();
    assert_eq!({ ended.end_reason }, 5002);
    room.end();
}

#[test]
fn two_who_call_each_other_have_one_connection() {
    let room = Room::new();
    let symmetric = [int(ConfigKey::SymmetricConnect, 1)];
    let annas = room.call(ANNA, 7, &symmetric);
    let bens = room.call(BEN, 7, &symmetric);
    assert!(annas != 0 && bens != 0);
    room.wait_state(annas, CONNECTED);
    room.wait_state(bens, CONNECTED);
    room.check_message(annas, bens, "hello");
    // There is one already.
    assert_eq!(room.call(ANNA, 7, &symmetric), 0);
    room.end();
}

#[test]
fn to_call_who_has_called_is_to_accept() {
    let room = Room::new();
    let symmetric = [int(ConfigKey::SymmetricConnect, 1)];
    let annas = room.call(ANNA, 7, &symmetric);
    let mut asked = room.asked(BEN, Answer::Consider);
    assert!(room.hand_in(&room.next_signal(), &mut asked));
    let waiting = asked.requests[0].0;
    assert_eq!(room.state(waiting), 1);
    assert_eq!(room.call(BEN, 7, &symmetric), waiting);
    room.wait_state(annas, CONNECTED);
    room.wait_state(waiting, CONNECTED);
    drop(asked);
    room.end();
}

#[test]
fn the_port_of_this_side_may_be_another() {
    let room = Room::new();
    let symmetric = int(ConfigKey::SymmetricConnect, 1);
    let port = |port| int(ConfigKey::LocalVirtualPort, port);
    let annas = room.call(ANNA, 7, &[symmetric, port(5)]);
    let bens = room.call(BEN, 5, &[symmetric, port(7)]);
    room.wait_state(annas, CONNECTED);
    room.check_message(bens, annas, "hello");
    room.end();
}

#[test]
fn a_closed_listen_socket_takes_its_connections_along() {
    let room = Room::new();
    let (annas, bens, listener) = room.connected();
    let close = SteamAPI_ISteamNetworkingSockets_CloseListenSocket;
    unsafe {
        assert!(close(room.peers[BEN], listener));
        assert!(!close(room.peers[BEN], listener));
    }
    assert!(info(room.peers[BEN], bens).is_none());
    room.wait_state(annas, CLOSED_BY_PEER);
    // The virtual port is free again.
    assert_ne!(room.listen(BEN, 7), 0);
    room.end();
}

#[test]
fn the_library_can_be_ended_when_somebody_asks() {
    let room = Room::new();
    room.call(ANNA, 7, &[]);
    let signal = room.next_signal();
    let mut asked = room.asked(BEN, Answer::Kill);
    let begin = Instant::now();
    assert!(room.hand_in(&signal, &mut asked));
    assert!(begin.elapsed() < Duration::from_secs(5));
    assert_eq!(asked.requests.len(), 1);
    drop(asked);
    room.end();
}
