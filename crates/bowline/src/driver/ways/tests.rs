//! Tests that change the addresses of this machine, as far as the driver knows them.

use std::sync::Mutex;
use std::time::Duration;
use std::time::Instant;

use bowline_core::connection::ConnectionState;
use bowline_core::identity::Identity;
use bowline_io::faults;

use super::*;
use crate::builder::ServiceMode;
use crate::connection::Connection;
use crate::signaling::PeerRequest;
use crate::signaling::SignalTarget;
use crate::signaling::Signaling;
use crate::sockets::Sockets;

/// Two who call each other, driven by the test, and what they have signalled.
struct Duo {
    sockets: [Sockets; 2],
    signals: Arc<Mutex<Vec<(Identity, Vec<u8>)>>>,
}

impl Duo {
    fn new() -> Self {
        let sockets = ["anna", "ben"].map(|name| {
            Sockets::builder()
                .identity(Identity::str(name).unwrap())
                .loopback_candidates(true)
                .service(ServiceMode::Manual)
                .build()
                .unwrap()
        });
        Self {
            sockets,
            signals: Arc::default(),
        }
    }

    fn signaling(&self) -> Arc<dyn Signaling> {
        let signals = Arc::clone(&self.signals);
        Arc::new(move |to: &SignalTarget, signal: &[u8]| {
            let mut signals = signals.lock().unwrap();
            signals.push((to.peer().clone(), signal.to_vec()));
            Ok(())
        })
    }

    /// The first calls the second; both are connected when this returns.
    fn connect(&self) -> [Connection; 2] {
        let [anna, ben] = &self.sockets;
        let dialled = anna
            .connect_p2p(&ben.identity(), 7, self.signaling())
            .unwrap();
        let mut accepted = None;
        self.run(|| {
            let signals = std::mem::take(&mut *self.signals.lock().unwrap());
            for (to, signal) in signals {
                let to = self.sockets.iter().find(|one| one.identity() == to);
                let mut context = |request: &PeerRequest<'_>| {
                    request.connection().accept().unwrap();
                    accepted = Some(request.connection().clone());
                    Some(self.signaling())
                };
                let _ = to.unwrap().receive_signal(&signal, &mut context);
            }
            let ends = [Some(&dialled), accepted.as_ref()];
            ends.iter()
                .all(|end| end.is_some_and(|end| end.state() == ConnectionState::Connected))
        });
        [dialled, accepted.unwrap()]
    }

    fn run(&self, mut is_done: impl FnMut() -> bool) {
        let end = Instant::now() + Duration::from_secs(10);
        while !is_done() {
            assert!(Instant::now() < end, "not in time");
            for one in &self.sockets {
                one.poll();
            }
            std::thread::sleep(Duration::from_millis(1));
        }
    }

    fn set_addresses(&self, addresses: &[&str]) {
        let addresses: Vec<IpAddr> = addresses.iter().map(|ip| ip.parse().unwrap()).collect();
        for one in &self.sockets {
            let mut follow = Followup::default();
            one.inner().open_ways();
            one.inner().use_addresses(&addresses, &mut follow);
            one.inner().follow_up(&mut follow);
        }
    }
}

fn ways(sockets: &Sockets) -> Vec<SocketAddr> {
    let hub = sockets.inner().hub.lock();
    hub.ways.list.iter().map(|(_, address)| *address).collect()
}

#[test]
fn nothing_is_opened_before_peers_are_needed() {
    let duo = Duo::new();
    assert!(ways(&duo.sockets[0]).is_empty());
    let _connection = duo.connect();
    assert!(!ways(&duo.sockets[0]).is_empty());
}

#[test]
fn regression_whoever_needs_ways_has_somebody_to_ask_for_names() {
    let duo = Duo::new();
    let inner = duo.sockets[0].inner();
    // Another thread has begun, and not come any further.
    assert!(inner.hub.lock().ways.begin_first_look());
    inner.open_ways();
    assert!(inner.resolver.get().is_some());
}

#[test]
fn addresses_come_and_go_and_those_that_stay_keep_their_sockets() {
    let duo = Duo::new();
    let anna = &duo.sockets[0];
    duo.set_addresses(&["127.0.0.1", "127.0.0.2"]);
    let before = ways(anna);
    assert_eq!(before.len(), 2);
    duo.set_addresses(&["127.0.0.3", "127.0.0.2"]);
    let after = ways(anna);
    assert_eq!(after[1], before[1]);
    assert_eq!(after[0].ip(), IpAddr::from([127, 0, 0, 3]));
    duo.set_addresses(&[]);
    assert!(ways(anna).is_empty());
    duo.set_addresses(&["127.0.0.1"]);
    let remote = duo.connect()[0].remote_addr();
    assert_eq!(remote, ways(&duo.sockets[1])[0]);
}

#[test]
fn an_address_that_cannot_be_used_is_left_out() {
    let duo = Duo::new();
    // Of no machine (RFC 5737).
    duo.set_addresses(&["203.0.113.77", "127.0.0.1"]);
    let ways = ways(&duo.sockets[0]);
    assert_eq!(ways.len(), 1);
    assert!(ways[0].ip().is_loopback());
}

#[test]
fn the_socket_of_an_address_that_is_gone_is_closed() {
    let duo = Duo::new();
    duo.set_addresses(&["127.0.0.1"]);
    let [dialled, accepted] = duo.connect();
    let old = ways(&duo.sockets[0])[0];
    assert_eq!(accepted.remote_addr(), old);
    duo.set_addresses(&["127.0.0.2"]);
    // Whoever sends forgets it as well, so that the port is free.
    assert!(UdpSocket::bind(old, false).is_ok());
    drop(dialled);
}

#[test]
fn a_socket_that_cannot_send_is_looked_after_soon() {
    let duo = Duo::new();
    duo.set_addresses(&["127.0.0.1"]);
    let [dialled, accepted] = duo.connect();
    let anna = &duo.sockets[0];
    let next_look = || anna.inner().hub.lock().ways.next_look().unwrap();
    let before = next_look();
    faults::fail_sends(ways(anna)[0].port(), [libc_enetunreach(); 3]);
    let flags = bowline_core::message::SendFlags::RELIABLE_NO_NAGLE;
    dialled.send(b"lost at first", flags).unwrap();
    assert!(next_look() < before);
    let mut received = None;
    duo.run(|| {
        received = accepted.receive().unwrap();
        received.is_some()
    });
    assert_eq!(&**received.as_ref().unwrap(), b"lost at first");
}

/// "Network is unreachable", as the system numbers it.
fn libc_enetunreach() -> i32 {
    if cfg!(windows) {
        10_051
    } else if cfg!(target_os = "linux") || cfg!(target_os = "android") {
        101
    } else {
        51
    }
}
