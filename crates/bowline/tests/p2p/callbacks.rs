//! What the application does inside the callbacks.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::Weak;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering;

use bowline::ConnectionState;
use bowline::EndReason;
use bowline::Event;
use bowline::Identity;
use bowline::SendFlags;
use bowline::Sockets;
use bowline::signaling::NobodyNew;
use bowline::signaling::PeerRequest;
use bowline::signaling::ReceiveContext;
use bowline::signaling::SignalTarget;
use bowline::signaling::Signaling;
use bowline::signaling::SignalingFailed;

use crate::room::Player;
use crate::room::Room;
use crate::room::Signal;
use crate::room::impatient;

#[test]
fn a_request_can_be_accepted_right_there() {
    let (mut room, [anna, ben]) = Room::new(["anna", "ben"]);
    let dialled = anna.call(&ben, 7);
    let signal = room.first_signal();
    assert_eq!(signal.connection, dialled.id());
    let mut seen = None;
    let mut context = |request: &PeerRequest<'_>| {
        assert_eq!(request.peer(), &anna.name);
        assert_eq!(request.port().get(), 7);
        request.connection().accept().unwrap();
        seen = Some(request.connection().clone());
        Some(Arc::clone(&ben.signaling))
    };
    ben.hear_with(&signal, &mut context).unwrap();
    let accepted = seen.unwrap();
    room.wait_connected([&dialled, &accepted]);
    // There is nothing left to decide, so nothing says that there is.
    let mut events = ben.sockets.events();
    let is_request =
        |event| matches!(event, Event::ConnectionChanged(change) if change.is_request());
    assert!(!events.any(is_request));
    dialled.send(b"hi", SendFlags::RELIABLE).unwrap();
    assert_eq!(&*room.wait_message(&accepted), b"hi");
}

#[test]
fn a_request_closed_right_there_is_rejected_by_signal() {
    for has_signaling in [true, false] {
        let (mut room, [anna, ben]) = Room::new(["anna", "ben"]);
        let dialled = anna.call(&ben, 7);
        let signal = room.first_signal();
        let mut context = Rejecting {
            signaling: has_signaling.then(|| Arc::clone(&ben.signaling)),
            rejections: Vec::new(),
        };
        ben.hear_with(&signal, &mut context).unwrap();
        assert!(
            ben.sockets.next_event().is_none(),
            "nobody else hears of it"
        );
        assert_eq!(context.rejections.is_empty(), has_signaling);
        for (peer, bytes) in context.rejections {
            assert_eq!(peer, anna.name);
            anna.sockets.receive_signal(&bytes, &mut NobodyNew).unwrap();
        }
        room.run(|| (dialled.state() == ConnectionState::ClosedByPeer).then_some(()));
        let info = dialled.info().unwrap();
        assert_eq!(info.end_reason, EndReason::new(1777));
        assert_eq!(info.end_text, "no thanks");
    }
}

/// Rejects everybody.
struct Rejecting {
    signaling: Option<Arc<dyn Signaling>>,
    rejections: Vec<(Identity, Vec<u8>)>,
}

impl ReceiveContext for Rejecting {
    fn on_request(&mut self, request: &PeerRequest<'_>) -> Option<Arc<dyn Signaling>> {
        let connection = request.connection();
        connection
            .close(EndReason::new(1777), "no thanks", false)
            .unwrap();
        self.signaling.clone()
    }

    fn send_rejection(&mut self, peer: &Identity, signal: &[u8]) {
        self.rejections.push((peer.clone(), signal.to_vec()));
    }
}

#[test]
fn who_is_ignored_hears_nothing() {
    let (mut room, [anna, ben]) =
        Room::with(["anna", "ben"], |builder| builder.config(impatient()));
    let dialled = anna.call(&ben, 7);
    let signal = room.first_signal();
    for _ in 0..3 {
        ben.hear_with(&signal, &mut NobodyNew).unwrap();
        assert_eq!(ben.sockets.connection_count(), 0);
    }
    assert!(ben.sockets.next_event().is_none());
    room.players.retain(|player| player.name != ben.name);
    let ended = room.wait_state(&anna, ConnectionState::ProblemDetectedLocally);
    assert_eq!(ended.connection, dialled);
    assert_eq!(ended.info.end_reason, EndReason::MISC_TIMEOUT);
    let from_ben = |signal: &Signal| signal.from == ben.name;
    assert!(!room.service.queue().iter().any(from_ben));
}

#[test]
fn a_request_can_be_rejected_later() {
    let (mut room, [anna, ben]) = Room::new(["anna", "ben"]);
    let dialled = anna.call(&ben, 7);
    let request = room.wait_state(&ben, ConnectionState::Connecting);
    assert!(request.is_request());
    assert_eq!(request.info.listener, None, "nobody listens");
    let (reason, text) = (EndReason::new(1700), "full");
    request.connection.close(reason, text, false).unwrap();
    room.run(|| (dialled.state() == ConnectionState::ClosedByPeer).then_some(()));
    assert_eq!(dialled.info().unwrap().end_reason, reason);
}

/// Hands each signal over to the other interface at once, in the call.
struct Direct {
    sockets: Mutex<HashMap<Identity, Sockets>>,
    me: Weak<Self>,
    calls: AtomicUsize,
}

impl Direct {
    fn new() -> Arc<Self> {
        Arc::new_cyclic(|me| Self {
            sockets: Mutex::new(HashMap::new()),
            me: Weak::clone(me),
            calls: AtomicUsize::new(0),
        })
    }

    fn add(&self, player: &Player) {
        let mut sockets = self.sockets.lock().unwrap();
        sockets.insert(player.name.clone(), player.sockets.clone());
    }
}

impl Signaling for Direct {
    fn send(&self, to: &SignalTarget, signal: &[u8]) -> Result<(), SignalingFailed> {
        self.calls.fetch_add(1, Ordering::Relaxed);
        let sockets = self.sockets.lock().unwrap().get(to.peer()).cloned();
        if let Some(sockets) = sockets {
            let mut context = |request: &PeerRequest<'_>| {
                request.connection().accept().unwrap();
                self.me.upgrade().map(|me| me as Arc<dyn Signaling>)
            };
            let _ = sockets.receive_signal(signal, &mut context);
        }
        Ok(())
    }
}

#[test]
fn a_callback_may_hand_the_signal_to_the_other_side_itself() {
    let (mut room, [anna, ben]) = Room::new(["anna", "ben"]);
    let direct = Direct::new();
    direct.add(&anna);
    direct.add(&ben);
    let signaling: Arc<dyn Signaling> = Arc::clone(&direct) as _;
    let dialled = anna.sockets.connect_p2p(&ben.name, 7, signaling).unwrap();
    room.run(|| (dialled.state() == ConnectionState::Connected).then_some(()));
    assert!(direct.calls.load(Ordering::Relaxed) >= 2);
    // Else the interfaces would live in it, and it in them.
    direct.sockets.lock().unwrap().clear();
}

#[test]
fn a_service_that_fails_ends_the_connection() {
    let (mut room, [anna, ben]) = Room::new(["anna", "ben"]);
    let broken: Arc<dyn Signaling> = Arc::new(|_: &SignalTarget, _: &[u8]| Err(SignalingFailed));
    let dialled = anna.sockets.connect_p2p(&ben.name, 7, broken).unwrap();
    let ended = room.wait_state(&anna, ConnectionState::ProblemDetectedLocally);
    assert_eq!(ended.connection, dialled);
    assert!(
        ended.info.end_text.contains("signaling"),
        "{}",
        ended.info.end_text
    );
}

#[test]
fn what_carries_the_signals_is_dropped_when_nobody_needs_it() {
    let (mut room, [anna, ben]) = Room::new(["anna", "ben"]);
    let own: Arc<dyn Signaling> = room.service.account(&anna.name);
    let watched = Arc::downgrade(&own);
    let _listener = ben.sockets.listen_p2p(7).unwrap();
    let dialled = anna.sockets.connect_p2p(&ben.name, 7, own).unwrap();
    let accepted = room.accept(&ben);
    room.wait_connected([&dialled, &accepted]);
    assert!(watched.strong_count() > 0);
    dialled.close(EndReason::new(1000), "", false).unwrap();
    room.run(|| (watched.strong_count() == 0).then_some(()));
}

#[test]
fn with_the_interface_goes_what_carries_its_signals() {
    let (room, [anna, ben]) = Room::new(["anna", "ben"]);
    let own: Arc<dyn Signaling> = room.service.account(&anna.name);
    let watched = Arc::downgrade(&own);
    let dialled = anna.sockets.connect_p2p(&ben.name, 7, own).unwrap();
    drop((room, anna));
    assert_eq!(dialled.state(), ConnectionState::None);
    assert_eq!(watched.strong_count(), 0);
    drop(ben);
}
