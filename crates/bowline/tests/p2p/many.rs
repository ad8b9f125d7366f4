//! Many connections between peers of one interface.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use bowline::Config;
use bowline::ConnectionState;
use bowline::EndReason;
use bowline::Event;
use bowline::Identity;
use bowline::ServiceMode;
use bowline::SocketsBuilder;

use crate::room::Room;
use crate::room::player;

/// 63 players call one, each 16 times: 1008 connections.
const CALLERS: usize = 63;
const CALLS: u16 = 16;

#[test]
fn a_thousand_connections_share_a_socket_for_each_address() {
    let mut patient = Config::new();
    patient
        .set_timeout_initial(Duration::from_secs(60))
        .unwrap();
    let patient = |builder: SocketsBuilder| builder.config(patient.clone());
    let (mut room, [host]) = Room::with(["host"], patient);
    let listeners: Vec<_> = (0..CALLS)
        .map(|port| host.sockets.listen_p2p(port).unwrap())
        .collect();
    let mut dialled = Vec::new();
    for number in 0..CALLERS {
        let caller = player(&room.service, &format!("caller {number}"), |builder| {
            patient(builder).service(ServiceMode::Manual)
        });
        dialled.extend((0..CALLS).map(|port| caller.call(&host, port)));
        room.players.push(caller);
    }
    let sockets = host.sockets.clone();
    room.run_longer(|| {
        for event in sockets.events() {
            if let Event::ConnectionChanged(change) = event
                && change.is_request()
            {
                change.connection.accept().unwrap();
            }
        }
        dialled
            .iter()
            .all(|end| end.state() == ConnectionState::Connected)
            .then_some(())
    });
    let mut ports: BTreeMap<IpAddr, BTreeSet<u16>> = BTreeMap::new();
    for end in &dialled {
        let remote = end.remote_addr();
        ports.entry(remote.ip()).or_default().insert(remote.port());
    }
    assert!(ports.values().all(|ports| ports.len() == 1), "{ports:?}");
    for end in &dialled {
        end.close(EndReason::APP_GENERIC, "", false).unwrap();
    }
    drop(listeners);
}

#[test]
fn limit_calls_to_one_peer() {
    let (room, [anna]) = Room::new(["anna"]);
    let ben = Identity::str("ben").unwrap();
    let refused = (0..100)
        .map(|port| {
            let signaling = Arc::clone(&anna.signaling);
            anna.sockets.connect_p2p(&ben, port, signaling)
        })
        .filter(Result::is_err)
        .count();
    assert_eq!(refused, 100 - usize::from(CALLS));
    drop(room);
}
