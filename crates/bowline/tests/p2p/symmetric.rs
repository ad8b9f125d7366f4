//! Both call each other, and one connection comes of it.

use std::sync::Arc;

use bowline::Config;
use bowline::ConnectP2pError;
use bowline::ConnectionState;
use bowline::SendFlags;

use crate::room::Room;

fn symmetric() -> Config {
    let mut config = Config::new();
    config.set_symmetric_connect(true).unwrap();
    config
}

#[test]
fn who_calls_at_once_meets_in_one_connection() {
    for _ in 0..8 {
        let (mut room, [anna, ben]) = Room::new(["anna", "ben"]);
        let ends = [
            anna.call_with(&ben, 7, symmetric()),
            ben.call_with(&anna, 7, symmetric()),
        ];
        let [one, other] = &ends;
        one.send(b"from anna", SendFlags::RELIABLE).unwrap();
        other.send(b"from ben", SendFlags::RELIABLE).unwrap();
        room.wait_connected([one, other]);
        assert_eq!(&*room.wait_message(other), b"from anna");
        assert_eq!(&*room.wait_message(one), b"from ben");
        for player in [&anna, &ben] {
            assert_eq!(player.sockets.connection_count(), 1);
        }
    }
}

#[test]
fn who_calls_back_accepts() {
    let (mut room, [anna, ben]) = Room::new(["anna", "ben"]);
    let _listener = ben.sockets.listen_p2p_with(7, symmetric()).unwrap();
    let dialled = anna.call_with(&ben, 7, symmetric());
    let request = room.wait_state(&ben, ConnectionState::Connecting);
    let back = ben.call_with(&anna, 7, symmetric());
    assert_eq!(back, request.connection);
    room.wait_connected([&dialled, &back]);
    let signaling = Arc::clone(&ben.signaling);
    let again = ben
        .sockets
        .connect_p2p_with(&anna.name, 7, signaling, symmetric());
    assert_eq!(
        again,
        Err(ConnectP2pError::AlreadyConnected { id: back.id() })
    );
}

#[test]
fn who_calls_back_inside_the_callback_accepts() {
    let (mut room, [anna, ben]) = Room::new(["anna", "ben"]);
    let dialled = anna.call_with(&ben, 7, symmetric());
    let signal = room.first_signal();
    let mut back = None;
    let mut context = |request: &bowline::signaling::PeerRequest<'_>| {
        let called = ben.call_with(&anna, 7, symmetric());
        assert_eq!(&called, request.connection());
        back = Some(called);
        None
    };
    ben.hear_with(&signal, &mut context).unwrap();
    room.wait_connected([&dialled, &back.unwrap()]);
}
