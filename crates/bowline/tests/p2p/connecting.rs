//! How connections come about, and what they are like then.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use bowline::Config;
use bowline::ConfigKey;
use bowline::ConnectP2pError;
use bowline::ConnectionState;
use bowline::EndReason;
use bowline::Identity;
use bowline::InfoFlags;
use bowline::ListenP2pError;
use bowline::SendFlags;
use bowline::ServiceMode;
use bowline::Sockets;
use bowline::VirtualPort;

use crate::room::Faults;
use crate::room::Room;
use crate::room::impatient;

#[test]
fn two_players_meet_and_talk() {
    let (mut room, [anna, ben]) = Room::new(["anna", "ben"]);
    let listener = ben.sockets.listen_p2p(7).unwrap();
    assert_eq!(listener.port(), VirtualPort::from(7));
    let dialled = anna.call(&ben, 7);
    dialled.send(b"early", SendFlags::RELIABLE).unwrap();
    let request = room.wait_state(&ben, ConnectionState::Connecting);
    assert!(request.is_request());
    let accepted = request.connection;
    assert_eq!(accepted.listener(), Some(listener.id()));
    assert_eq!(request.info.identity, Some(anna.name.clone()));
    accepted.accept().unwrap();
    assert_eq!(&*room.wait_message(&accepted), b"early");
    accepted.send(b"answer", SendFlags::RELIABLE).unwrap();
    assert_eq!(&*room.wait_message(&dialled), b"answer");
    for (end, peer) in [(&dialled, &ben), (&accepted, &anna)] {
        assert_eq!(end.state(), ConnectionState::Connected);
        assert_eq!(end.peer(), Some(&peer.name));
        assert!(!end.is_pipe());
        let remote = end.remote_addr();
        assert!(!remote.ip().is_unspecified() && remote.port() != 0);
        let info = end.info().unwrap();
        assert_eq!(info.remote_addr, remote);
        let flags = InfoFlags::UNAUTHENTICATED | InfoFlags::FAST;
        assert_eq!(info.flags, flags, "nobody vouches, and it is near");
        assert!(info.encrypted);
        assert!(info.description.contains(&format!("P2P {}", peer.name)));
        let story = end.story().unwrap();
        // Further checks may be answered after it.
        let mut lines = story.iter().map(ToString::to_string);
        assert!(lines.any(|line| line == "a packet of the peer arrived: connected"));
    }
}

#[test]
fn the_states_are_told_in_order_at_both_ends() {
    let (mut room, [anna, ben]) = Room::new(["anna", "ben"]);
    let _listener = ben.sockets.listen_p2p(7).unwrap();
    let dialled = anna.call(&ben, 7);
    let accepted = room.accept(&ben);
    room.wait_connected([&dialled, &accepted]);
    for player in [&anna, &ben] {
        let told = player.sockets.events().filter_map(|event| match event {
            bowline::Event::ConnectionChanged(change) => Some((change.old, change.new)),
            _ => None,
        });
        let told: Vec<_> = told.collect();
        let finding = (ConnectionState::Connecting, ConnectionState::FindingRoute);
        let connected = (ConnectionState::FindingRoute, ConnectionState::Connected);
        assert!(told.ends_with(&[finding, connected]), "{told:?}");
    }
}

#[test]
fn without_threads_polling_is_enough() {
    let manual = |builder: bowline::SocketsBuilder| builder.service(ServiceMode::Manual);
    let (mut room, [anna, ben]) = Room::with(["anna", "ben"], manual);
    let [dialled, accepted] = room.connect(&anna, &ben);
    dialled.send(b"ping", SendFlags::RELIABLE_NO_NAGLE).unwrap();
    assert_eq!(&*room.wait_message(&accepted), b"ping");
}

#[test]
fn much_data_goes_both_ways() {
    let (mut room, [anna, ben]) = Room::new(["anna", "ben"]);
    let ends = room.connect(&anna, &ben);
    let large = vec![7; 400_000];
    for end in &ends {
        end.send(&large, SendFlags::RELIABLE).unwrap();
    }
    for end in &ends {
        assert_eq!(room.wait_message(end).len(), large.len());
    }
}

#[test]
fn signals_may_be_lost_doubled_and_swapped() {
    let none = Faults::default();
    for faults in [
        Faults { lost: 30, ..none },
        Faults {
            doubled: 100,
            ..none
        },
        Faults {
            swapped: 50,
            ..none
        },
        Faults {
            lost: 20,
            doubled: 30,
            swapped: 30,
        },
    ] {
        let (mut room, [anna, ben]) = Room::new(["anna", "ben"]);
        room.faults = faults;
        let _listener = ben.sockets.listen_p2p(7).unwrap();
        let dialled = anna.call(&ben, 7);
        let accepted = room.accept(&ben);
        room.wait_connected([&dialled, &accepted]);
        dialled.send(b"still", SendFlags::RELIABLE).unwrap();
        assert_eq!(&*room.wait_message(&accepted), b"still", "{faults:?}");
    }
}

#[test]
fn a_close_is_told_by_packet_or_by_signal() {
    let (mut room, [anna, ben]) = Room::new(["anna", "ben"]);
    let [dialled, accepted] = room.connect(&anna, &ben);
    dialled.close(EndReason::new(1234), "bye", false).unwrap();
    let ended = room.wait_state(&ben, ConnectionState::ClosedByPeer);
    assert_eq!(ended.connection, accepted);
    assert_eq!(ended.info.end_reason, EndReason::new(1234));
    assert_eq!(ended.info.end_text, "bye");

    let _listener = ben.sockets.listen_p2p(8).unwrap();
    let dialled = anna.call(&ben, 8);
    let request = room.wait_state(&ben, ConnectionState::Connecting);
    dialled
        .close(EndReason::new(1235), "never mind", false)
        .unwrap();
    let ended = room.wait_state(&ben, ConnectionState::ClosedByPeer);
    assert_eq!(ended.connection, request.connection);
    assert_eq!(ended.info.end_reason, EndReason::new(1235));
}

#[test]
fn somebody_who_is_not_there_does_not_answer() {
    let (mut room, [anna, ben]) =
        Room::with(["anna", "ben"], |builder| builder.config(impatient()));
    room.players.retain(|player| player.name != ben.name);
    let dialled = anna.call(&ben, 7);
    let ended = room.wait_state(&anna, ConnectionState::ProblemDetectedLocally);
    assert_eq!(ended.connection, dialled);
    assert_eq!(ended.info.end_reason, EndReason::MISC_TIMEOUT);
    assert_eq!(dialled.remote_addr().port(), 0);
    assert!(
        !dialled.story().unwrap().is_empty(),
        "what was tried is told"
    );
}

#[test]
fn an_application_that_does_not_decide_lets_the_request_time_out() {
    let (mut room, [anna, ben]) = Room::new(["anna", "ben"]);
    let _listener = ben.sockets.listen_p2p_with(7, impatient()).unwrap();
    let dialled = anna.call(&ben, 7);
    let request = room.wait_state(&ben, ConnectionState::Connecting);
    assert!(request.is_request());
    let ended = room.wait_state(&ben, ConnectionState::ProblemDetectedLocally);
    assert_eq!(ended.connection, request.connection);
    assert_eq!(ended.info.end_reason, EndReason::MISC_TIMEOUT);
    room.run(|| (dialled.state() == ConnectionState::ClosedByPeer).then_some(()));
}

#[test]
fn what_cannot_be_called_is_refused_with_the_cause() {
    let (room, [anna, ben]) = Room::new(["anna", "ben"]);
    let nobody = Sockets::new().unwrap();
    let signaling = || Arc::clone(&anna.signaling);
    assert_eq!(
        nobody.connect_p2p(&ben.name, 7, signaling()),
        Err(ConnectP2pError::NoIdentity)
    );
    assert_eq!(
        anna.sockets
            .connect_p2p(&Identity::anonymous(), 7, signaling()),
        Err(ConnectP2pError::NoPeer)
    );
    let mut no_way = Config::new();
    no_way.set(ConfigKey::P2pTransportIceEnable, 0).unwrap();
    assert_eq!(
        anna.sockets
            .connect_p2p_with(&ben.name, 7, signaling(), no_way),
        Err(ConnectP2pError::NoTransport)
    );
    assert_eq!(anna.sockets.connection_count(), 0);
    assert!(room.service.queue().is_empty());
}

#[test]
fn a_virtual_port_has_one_listener_at_a_time() {
    let (_room, [anna]) = Room::new(["anna"]);
    let port = VirtualPort::from(7);
    let first = anna.sockets.listen_p2p(port).unwrap();
    let refused = anna.sockets.listen_p2p(port).unwrap_err();
    assert_eq!(refused, ListenP2pError::PortInUse { port });
    let other = anna.sockets.listen_p2p(8).unwrap();
    assert_ne!(first.id(), other.id());
    drop(first);
    let again = anna.sockets.listen_p2p(port).unwrap();
    assert_ne!(again.id(), other.id());
}

#[test]
fn settings_of_a_port_are_those_of_its_connections() {
    let (mut room, [anna, ben]) = Room::new(["anna", "ben"]);
    let mut config = Config::new();
    config.set(ConfigKey::NagleTime, 1234).unwrap();
    let listener = ben.sockets.listen_p2p_with(7, config).unwrap();
    let dialled = anna.call(&ben, 7);
    let accepted = room.accept(&ben);
    room.wait_connected([&dialled, &accepted]);
    let nagle = |connection: &bowline::Connection| connection.config().unwrap().nagle();
    assert_eq!(nagle(&accepted).as_micros(), 1234);
    listener.set_config(ConfigKey::NagleTime, 4321).unwrap();
    assert_eq!(nagle(&accepted).as_micros(), 4321);
    assert_eq!(listener.config().nagle().as_micros(), 4321);
    ben.sockets
        .set_config(ConfigKey::SendBufferSize, 99_999)
        .unwrap();
    assert_eq!(accepted.config().unwrap().send_buffer_bytes(), 99_999);
}

#[test]
fn closing_a_port_ends_its_connections_and_dropping_it_only_the_undecided() {
    let (mut room, [anna, ben]) = Room::new(["anna", "ben"]);
    let listener = ben.sockets.listen_p2p(7).unwrap();
    let kept = anna.call(&ben, 7);
    let accepted = room.accept(&ben);
    room.wait_connected([&kept, &accepted]);
    let undecided = anna.call(&ben, 7);
    let request = room.wait_state(&ben, ConnectionState::Connecting);
    drop(listener);
    assert_eq!(request.connection.state(), ConnectionState::None);
    room.run(|| (undecided.state() == ConnectionState::ClosedByPeer).then_some(()));
    assert_eq!(accepted.state(), ConnectionState::Connected);

    let listener = ben.sockets.listen_p2p(8).unwrap();
    let other = anna.call(&ben, 8);
    let its = room.accept(&ben);
    room.wait_connected([&other, &its]);
    listener.close();
    assert_eq!(its.state(), ConnectionState::None);
    room.run(|| (other.state() == ConnectionState::ClosedByPeer).then_some(()));
    assert_eq!(kept.state(), ConnectionState::Connected);
}

#[test]
fn a_drop_in_the_middle_ends_at_once() {
    for steps in 0..40 {
        let (mut room, [anna, ben]) = Room::new(["anna", "ben"]);
        let _listener = ben.sockets.listen_p2p(7).unwrap();
        let _dialled = anna.call(&ben, 7);
        for _ in 0..steps {
            room.deliver();
            for event in ben.sockets.events() {
                if let bowline::Event::ConnectionChanged(change) = event
                    && change.is_request()
                {
                    change.connection.accept().unwrap();
                }
            }
            std::thread::sleep(Duration::from_micros(500));
        }
    }
}

#[test]
fn a_connection_by_address_and_one_between_peers_live_side_by_side() {
    let (mut room, [anna, ben]) = Room::new(["anna", "ben"]);
    let listener = ben.sockets.listen("127.0.0.1:0".parse().unwrap()).unwrap();
    let by_address = anna.sockets.connect(listener.local_addr()).unwrap();
    let request = room.wait_state(&ben, ConnectionState::Connecting);
    request.connection.accept().unwrap();
    let [between, _accepted] = room.connect(&anna, &ben);
    room.run(|| (by_address.state() == ConnectionState::Connected).then_some(()));
    let remotes = BTreeSet::from([by_address.remote_addr(), between.remote_addr()]);
    assert_eq!(remotes.len(), 2);
}
