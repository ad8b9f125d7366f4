use std::sync::Mutex;
use std::sync::Weak;
use std::thread;
use std::time::Duration;
use std::time::Instant;

use bowline_core::connection::ConnectionState;
use bowline_core::message::SendFlags;

use super::*;
use crate::connection::Connection;
use crate::driver::followup::Followup;
use crate::driver::tests::bounded_as;
use crate::events::Event;
use crate::sockets::Sockets;

const LIMIT: Duration = Duration::from_secs(20);

fn name(test: &str, who: &str) -> Identity {
    Identity::str(&format!("{who} driven {test}")).unwrap()
}

fn sockets(name: &Identity) -> Sockets {
    let builder = Sockets::builder().identity(name.clone());
    builder.build().unwrap()
}

fn requests(sockets: &Sockets) -> Vec<Connection> {
    let events = sockets.events();
    let requests = events.filter_map(|event| match event {
        Event::ConnectionChanged(change) if change.is_request() => Some(change.connection),
        _ => None,
    });
    requests.collect()
}

fn wait(done: impl Fn() -> bool) {
    let end = Instant::now() + LIMIT;
    while !done() {
        assert!(Instant::now() < end, "not in time");
        thread::sleep(Duration::from_millis(1));
    }
}

#[test]
fn limit_events_of_a_peer_that_is_called() {
    let [annas, bens] = ["anna", "ben"].map(|who| name("events", who));
    let (anna, ben) = (bounded_as(annas.clone(), 100), bounded_as(bens.clone(), 3));
    let _listener = ben.listen_p2p(7).unwrap();
    for _ in 0..3 {
        anna.connect_within(&bens, 7).unwrap();
    }
    let refused = anna.connect_within(&bens, 7).unwrap_err();
    let busy = ConnectWithinError::Refused(ConnectP2pError::PeerBusy);
    assert_eq!(refused, busy);
    assert_eq!(anna.connection_count(), 3);
    assert_eq!(requests(&ben).len(), 3);
    assert_eq!(anna.waiting_events(), 3, "nothing is told of the fourth");
    anna.connect_within(&bens, 7).unwrap();
}

#[test]
fn who_drives_one_interface_waits_for_nobody_of_the_other() {
    let [annas, bens] = ["anna", "ben"].map(|who| name("held", who));
    let (anna, ben) = (sockets(&annas), sockets(&bens));
    let _listener = ben.listen_p2p(7).unwrap();
    let asking = anna.connect_within(&bens, 7).unwrap();
    let asked = requests(&ben).remove(0);
    asked.accept().unwrap();
    let held = asked.slot().state.lock();
    thread::scope(|scope| {
        let driver = scope.spawn(|| {
            let _driving = crate::driver::lock_order::Driving::begin();
            let slot = asking.slot();
            let mut follow = Followup::for_driver();
            let mut state = slot.lock_soon().unwrap();
            let reason = EndReason::new(1234);
            state.close(slot.inner.clock.now(), reason, "too late", false);
            slot.settle(&mut state, &mut follow);
            drop(state);
            slot.inner.follow_up(&mut follow);
        });
        driver.join().unwrap();
        drop(held);
    });
    // Ben's own driver comes back to it.
    wait(|| asked.state() == ConnectionState::ClosedByPeer);
    assert_eq!(asked.info().unwrap().end_text, "too late");
}

/// Everybody calls everybody, accepts, talks and closes, from a thread each, while interfaces come and go.
#[test]
fn limit_what_is_left_of_interfaces_that_come_and_go() {
    const ROUNDS: usize = 40;
    let names = ["ann", "bob", "cat"].map(|who| name("chaos", who));
    let known: Mutex<Vec<Weak<Inner>>> = Mutex::new(Vec::new());
    let met = std::sync::atomic::AtomicUsize::new(0);
    let live = |own: &Identity, round: usize| {
        let sockets = sockets(own);
        known.lock().unwrap().push(Arc::downgrade(sockets.inner()));
        let _listener = sockets.listen_p2p(7).unwrap();
        for turn in 0..8 {
            for called in names
                .iter()
                .filter_map(|peer| sockets.connect_within(peer, 7).ok())
            {
                let _ = called.send(b"hello", SendFlags::RELIABLE);
                if turn % 2 == 0 {
                    let _ = called.close(EndReason::new(1000), "", round.is_multiple_of(2));
                }
            }
            for request in requests(&sockets) {
                if request.accept().is_ok() {
                    let _ = request.send(b"hi", SendFlags::RELIABLE);
                }
                while let Ok(Some(_)) = request.receive() {
                    met.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
                }
            }
        }
    };
    thread::scope(|scope| {
        for own in &names {
            let live = &live;
            scope.spawn(move || (0..ROUNDS).for_each(|round| live(own, round)));
        }
    });
    assert!(met.into_inner() > 0, "some talked");
    let known = known.into_inner().unwrap();
    assert_eq!(known.len(), names.len() * ROUNDS);
    for inner in known {
        assert_eq!(
            inner.strong_count(),
            0,
            "nothing holds an interface that is gone"
        );
    }
}
