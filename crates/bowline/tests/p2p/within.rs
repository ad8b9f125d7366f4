//! Peers in one process, which need no signals.

use std::sync::Arc;
use std::time::Duration;
use std::time::Instant;

use bowline::Config;
use bowline::ConfigKey;
use bowline::ConnectP2pError;
use bowline::ConnectWithinError;
use bowline::Connection;
use bowline::ConnectionEvent;
use bowline::ConnectionState;
use bowline::EndReason;
use bowline::Event;
use bowline::Identity;
use bowline::InfoFlags;
use bowline::LaneConfig;
use bowline::LaneIndex;
use bowline::Message;
use bowline::SendFlags;
use bowline::SendOptions;
use bowline::ServiceMode;
use bowline::Sockets;
use bowline::SocketsBuilder;
use bowline::VirtualPort;
use bowline::signaling::SignalTarget;
use bowline::signaling::Signaling;

use crate::support::LIMIT;

/// Interfaces are found by their identities in all of the process, where other tests run at the same time.
fn name(test: &str, who: &str) -> Identity {
    Identity::str(&format!("{who} within {test}")).unwrap()
}

fn builder(test: &str, who: &str) -> SocketsBuilder {
    Sockets::builder()
        .identity(name(test, who))
        .loopback_candidates(true)
        .shortcuts(true)
}

/// Anna and Ben of a test.
fn anna_and_ben(test: &str) -> (Sockets, Sockets) {
    let [anna, ben] = ["anna", "ben"].map(|who| builder(test, who).build().unwrap());
    (anna, ben)
}

fn symmetric() -> Config {
    let mut config = Config::new();
    config.set_symmetric_connect(true).unwrap();
    config
}

/// Looks until it is there.
pub(crate) fn wait<T>(mut pick: impl FnMut() -> Option<T>) -> T {
    let end = Instant::now() + LIMIT;
    loop {
        if let Some(found) = pick() {
            return found;
        }
        assert!(Instant::now() < end, "not in time");
        std::thread::sleep(Duration::from_micros(200));
    }
}

fn wait_state(sockets: &Sockets, state: ConnectionState) -> ConnectionEvent {
    wait(|| {
        sockets.events().find_map(|event| match event {
            Event::ConnectionChanged(change) if change.new == state => Some(change),
            _ => None,
        })
    })
}

fn wait_message(connection: &Connection) -> Message {
    wait(|| connection.receive().unwrap())
}

fn accept(sockets: &Sockets) -> Connection {
    let request = wait(|| {
        sockets.events().find_map(|event| match event {
            Event::ConnectionChanged(change) if change.is_request() => Some(change),
            _ => None,
        })
    });
    request.connection.accept().unwrap();
    request.connection
}

fn connect(anna: &Sockets, ben: &Sockets) -> [Connection; 2] {
    let listener = ben.listen_p2p(7).unwrap();
    let asking = anna.connect_within(&ben.identity(), 7).unwrap();
    let asked = accept(ben);
    assert_eq!(asking.state(), ConnectionState::Connected);
    drop(listener);
    [asking, asked]
}

/// Signals that must not be needed.
fn unneeded() -> Arc<dyn Signaling> {
    Arc::new(|_: &SignalTarget, _: &[u8]| panic!("no signal is needed"))
}

fn changes(sockets: &Sockets) -> Vec<(ConnectionState, ConnectionState)> {
    let told = sockets.events().filter_map(|event| match event {
        Event::ConnectionChanged(change) => Some((change.old, change.new)),
        _ => None,
    });
    told.collect()
}

#[test]
fn peers_in_one_process_meet_in_memory() {
    let (anna, ben) = anna_and_ben("meet");
    let listener = ben.listen_p2p(7).unwrap();
    let asking = anna.connect_p2p(&ben.identity(), 7, unneeded()).unwrap();
    asking.send(b"early", SendFlags::RELIABLE).unwrap();
    let request = wait_state(&ben, ConnectionState::Connecting);
    assert!(request.is_request());
    let asked = request.connection;
    assert_eq!(asking.state(), ConnectionState::Connecting);
    assert_eq!(asked.listener(), Some(listener.id()));
    assert_eq!(request.info.identity, Some(anna.identity()));
    asked.accept().unwrap();
    assert_eq!(&*wait_message(&asked), b"early");
    asked.send(b"answer", SendFlags::RELIABLE).unwrap();
    assert_eq!(&*wait_message(&asking), b"answer");
    for (end, peer) in [(&asking, &ben), (&asked, &anna)] {
        assert_eq!(end.state(), ConnectionState::Connected);
        assert_eq!(end.peer(), Some(&peer.identity()));
        assert!(end.is_pipe());
        assert_eq!(end.remote_addr(), "[::]:0".parse().unwrap());
        let info = end.info().unwrap();
        assert!(info.authenticated && !info.encrypted);
        let flags = InfoFlags::LOOPBACK_BUFFERS | InfoFlags::FAST;
        assert_eq!(info.flags, flags);
        assert!(info.description.contains("pipe"), "{}", info.description);
        let story = end.story().unwrap();
        let story: Vec<_> = story.iter().map(|entry| entry.what.to_string()).collect();
        assert_eq!(story, ["the peer is in this process: connected in memory"]);
        assert!(end.detailed_status().unwrap().contains("in this process"));
        assert_eq!(end.status().unwrap().ping_ms, Some(0));
    }
}

#[test]
fn the_states_are_told_in_order_at_both_ends() {
    let (anna, ben) = anna_and_ben("order");
    let _listener = ben.listen_p2p(7).unwrap();
    let asking = anna.connect_within(&ben.identity(), 7).unwrap();
    let begun = (ConnectionState::None, ConnectionState::Connecting);
    assert_eq!(changes(&anna), [begun]);
    let request = ben.next_event();
    let Some(Event::ConnectionChanged(request)) = request else {
        panic!("{request:?}");
    };
    assert_eq!((request.old, request.new), begun);
    request.connection.accept().unwrap();
    let connected = (ConnectionState::Connecting, ConnectionState::Connected);
    assert_eq!(changes(&anna), [connected]);
    assert_eq!(changes(&ben), [connected]);
    let reason = EndReason::new(1234);
    asking.close(reason, "enough", false).unwrap();
    let ended = wait_state(&ben, ConnectionState::ClosedByPeer);
    assert_eq!(ended.info.end_reason, reason);
    assert_eq!(ended.info.end_text, "enough");
    ended.connection.close(reason, "", false).unwrap();
    for sockets in [&anna, &ben] {
        wait(|| (sockets.connection_count() == 0).then_some(()));
    }
}

#[test]
fn a_refused_request_tells_who_asked_why() {
    let (anna, ben) = anna_and_ben("refused");
    let _listener = ben.listen_p2p(7).unwrap();
    let asking = anna.connect_within(&ben.identity(), 7).unwrap();
    let request = wait_state(&ben, ConnectionState::Connecting);
    let full = EndReason::new(1777);
    request.connection.close(full, "full", false).unwrap();
    let ended = wait_state(&anna, ConnectionState::ClosedByPeer);
    assert_eq!(ended.connection, asking);
    assert_eq!(ended.info.end_reason, full);
    assert_eq!(ended.info.end_text, "full");
}

#[test]
fn an_application_that_does_not_decide_lets_the_request_time_out() {
    let (anna, ben) = anna_and_ben("undecided");
    let mut impatient = Config::new();
    impatient
        .set_timeout_initial(Duration::from_millis(100))
        .unwrap();
    let _listener = ben.listen_p2p_with(7, impatient.clone()).unwrap();
    anna.connect_within(&ben.identity(), 7).unwrap();
    let ended = wait_state(&ben, ConnectionState::ProblemDetectedLocally);
    assert_eq!(ended.info.end_reason, EndReason::MISC_TIMEOUT);
    let told = wait_state(&anna, ConnectionState::ClosedByPeer);
    assert_eq!(told.info.end_reason, EndReason::MISC_TIMEOUT);

    let _other = ben.listen_p2p(8).unwrap();
    anna.connect_within_with(&ben.identity(), 8, impatient)
        .unwrap();
    let ended = wait_state(&anna, ConnectionState::ProblemDetectedLocally);
    assert_eq!(ended.info.end_reason, EndReason::MISC_TIMEOUT);
    let told = wait_state(&ben, ConnectionState::ClosedByPeer);
    assert_eq!(told.info.end_reason, EndReason::MISC_TIMEOUT);
    let refused = told.connection.accept();
    assert!(refused.is_err());
}

#[test]
fn who_calls_before_the_peer_is_there_or_listens_hears_so() {
    let anna = builder("absent", "anna").build().unwrap();
    let bens = name("absent", "ben");
    let call = || anna.connect_within(&bens, 7).unwrap_err();
    assert_eq!(call(), ConnectWithinError::NotHere);
    let ben = builder("absent", "ben").build().unwrap();
    let port = VirtualPort::from(7);
    assert_eq!(call(), ConnectWithinError::NotListening { port });
    let listener = ben.listen_p2p(7).unwrap();
    anna.connect_within(&bens, 7).unwrap();
    drop(listener);
    assert_eq!(call(), ConnectWithinError::NotListening { port });
    let _listener = ben.listen_p2p(7).unwrap();
    ben.set_app_id(480);
    assert_eq!(call(), ConnectWithinError::NotHere, "another game");
    ben.set_app_id(0);
    ben.reset_identity(Some(name("absent", "benjamin")));
    assert_eq!(call(), ConnectWithinError::NotHere);
    ben.reset_identity(Some(bens.clone()));
    ben.shut_down();
    assert_eq!(call(), ConnectWithinError::NotHere);
    drop(ben);
    assert_eq!(call(), ConnectWithinError::NotHere);
    let nobody = Sockets::new().unwrap();
    let ben = builder("absent", "ben").build().unwrap();
    let _listener = ben.listen_p2p(7).unwrap();
    let refused = nobody.connect_within(&bens, 7).unwrap_err();
    let no_identity = ConnectWithinError::Refused(ConnectP2pError::NoIdentity);
    assert_eq!(refused, no_identity);
}

#[test]
fn without_a_listener_or_without_shortcuts_signals_are_used() {
    let (anna, ben) = anna_and_ben("signals");
    let sent = Arc::new(std::sync::atomic::AtomicUsize::new(0));
    let counted = Arc::clone(&sent);
    let signaling: Arc<dyn Signaling> = Arc::new(move |_: &SignalTarget, _: &[u8]| {
        counted.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        Ok(())
    });
    let sent = || sent.swap(0, std::sync::atomic::Ordering::Relaxed);
    let by_signals = |from: &Sockets, to: &Sockets| {
        let signaling = Arc::clone(&signaling);
        let called = from.connect_p2p(&to.identity(), 7, signaling).unwrap();
        wait(|| (sent() > 0).then_some(()));
        assert!(!called.is_pipe());
        called.close(EndReason::new(1000), "", false).unwrap();
    };
    by_signals(&anna, &ben);
    let _listener = ben.listen_p2p(7).unwrap();
    let eve = builder("signals", "eve").shortcuts(false).build().unwrap();
    let _eves = eve.listen_p2p(7).unwrap();
    by_signals(&eve, &ben);
    by_signals(&anna, &eve);
    // Who asks for it gets it.
    assert!(eve.connect_within(&ben.identity(), 7).unwrap().is_pipe());
    assert!(anna.connect_within(&eve.identity(), 7).unwrap().is_pipe());
}

#[test]
fn an_interface_may_call_itself() {
    let anna = builder("alone", "anna").build().unwrap();
    let [asking, asked] = connect(&anna, &anna);
    asking.send(b"hello me", SendFlags::RELIABLE).unwrap();
    assert_eq!(&*wait_message(&asked), b"hello me");
    asked.send(b"hello", SendFlags::RELIABLE).unwrap();
    assert_eq!(&*wait_message(&asking), b"hello");
    assert_eq!(anna.connection_count(), 2);
}

#[test]
fn who_calls_back_accepts() {
    let (anna, ben) = anna_and_ben("back");
    let _annas = anna.listen_p2p_with(7, symmetric()).unwrap();
    let _bens = ben.listen_p2p_with(7, symmetric()).unwrap();
    let asking = anna
        .connect_p2p_with(&ben.identity(), 7, unneeded(), symmetric())
        .unwrap();
    let request = wait_state(&ben, ConnectionState::Connecting);
    let back = ben
        .connect_p2p_with(&anna.identity(), 7, unneeded(), symmetric())
        .unwrap();
    assert_eq!(back, request.connection);
    assert_eq!(asking.state(), ConnectionState::Connected);
    let again = ben.connect_within_with(&anna.identity(), 7, symmetric());
    let there_is_one = ConnectP2pError::AlreadyConnected { id: back.id() };
    assert_eq!(again, Err(ConnectWithinError::Refused(there_is_one)));
}

#[test]
fn regression_who_calls_back_somebody_who_does_not_listen_accepts() {
    let (anna, ben) = anna_and_ben("back, deaf");
    let _bens = ben.listen_p2p(7).unwrap();
    let asking = anna
        .connect_within_with(&ben.identity(), 7, symmetric())
        .unwrap();
    let back = ben.connect_within_with(&anna.identity(), 7, symmetric());
    let back = back.unwrap();
    asking.send(b"from anna", SendFlags::RELIABLE).unwrap();
    assert_eq!(&*wait_message(&back), b"from anna");
    let again = ben.connect_within_with(&anna.identity(), 7, symmetric());
    let there_is_one = ConnectP2pError::AlreadyConnected { id: back.id() };
    assert_eq!(again, Err(ConnectWithinError::Refused(there_is_one)));
    assert_eq!([anna.connection_count(), ben.connection_count()], [1, 1]);
    // On another port nobody has called.
    let other = ben.connect_within_with(&anna.identity(), 8, symmetric());
    let port = VirtualPort::from(8);
    assert_eq!(other, Err(ConnectWithinError::NotListening { port }));
}

#[test]
fn two_who_call_each_other_from_two_threads_meet_in_one_connection() {
    for _ in 0..200 {
        let (anna, ben) = anna_and_ben("crossing");
        let listeners = [&anna, &ben].map(|it| it.listen_p2p_with(7, symmetric()).unwrap());
        let call = |from: &Sockets, to: &Sockets| {
            let called = from.connect_within_with(&to.identity(), 7, symmetric());
            called.unwrap()
        };
        let [annas, bens] = std::thread::scope(|scope| {
            let other = scope.spawn(|| call(&ben, &anna));
            [call(&anna, &ben), other.join().unwrap()]
        });
        annas.send(b"from anna", SendFlags::RELIABLE).unwrap();
        bens.send(b"from ben", SendFlags::RELIABLE).unwrap();
        assert_eq!(&*wait_message(&bens), b"from anna");
        assert_eq!(&*wait_message(&annas), b"from ben");
        for sockets in [&anna, &ben] {
            assert_eq!(sockets.connection_count(), 1);
        }
        drop(listeners);
    }
}

#[test]
fn settings_lanes_and_groups_are_those_of_each_side() {
    let (anna, ben) = anna_and_ben("settings");
    let mut few = Config::new();
    few.set(ConfigKey::RecvBufferMessages, 2).unwrap();
    let listener = ben.listen_p2p_with(7, few).unwrap();
    let asking = anna.connect_within(&ben.identity(), 7).unwrap();
    let lanes = [1, 0].map(|priority| LaneConfig {
        priority,
        weight: 1,
    });
    asking.configure_lanes(&lanes).unwrap();
    let asked = accept(&ben);
    let group = ben.poll_group();
    asked.set_poll_group(Some(&group)).unwrap();
    for number in 0..4_u8 {
        let options = SendOptions::new(SendFlags::RELIABLE).lane(LaneIndex::new(number % 2));
        asking.send_with(&[number], options).unwrap();
    }
    assert_eq!(asking.status().unwrap().pending_reliable_bytes, 2);
    let mut read = Vec::new();
    wait(|| {
        read.extend(group.receive().map(|message| message[0]));
        (read.len() == 4).then_some(())
    });
    read.sort_unstable();
    assert_eq!(read, [0, 1, 2, 3]);
    listener
        .set_config(ConfigKey::SendBufferSize, 77_777)
        .unwrap();
    assert_eq!(asked.config().unwrap().send_buffer_bytes(), 77_777);
    assert_ne!(asking.config().unwrap().send_buffer_bytes(), 77_777);
}

#[test]
fn a_close_with_linger_delivers_what_was_sent() {
    let (anna, ben) = anna_and_ben("linger");
    let mut few = Config::new();
    few.set(ConfigKey::RecvBufferMessages, 2).unwrap();
    let _listener = ben.listen_p2p_with(7, few).unwrap();
    let asking = anna.connect_within(&ben.identity(), 7).unwrap();
    let asked = accept(&ben);
    for text in [b"1", b"2", b"3"] {
        asking.send(text, SendFlags::RELIABLE).unwrap();
    }
    asking.close(EndReason::new(1000), "bye", true).unwrap();
    assert_eq!(asked.state(), ConnectionState::Connected);
    for text in [b"1", b"2", b"3"] {
        assert_eq!(&*wait_message(&asked), text);
    }
    assert_eq!(asked.state(), ConnectionState::ClosedByPeer);
    assert!(anna.wait_for_linger(LIMIT));
}

#[test]
fn closing_a_port_ends_its_connections_and_dropping_it_only_the_undecided() {
    let (anna, ben) = anna_and_ben("listeners");
    let listener = ben.listen_p2p(7).unwrap();
    let kept = anna.connect_within(&ben.identity(), 7).unwrap();
    accept(&ben);
    let undecided = anna.connect_within(&ben.identity(), 7).unwrap();
    wait_state(&ben, ConnectionState::Connecting);
    drop(listener);
    assert_eq!(undecided.state(), ConnectionState::ClosedByPeer);
    assert_eq!(kept.state(), ConnectionState::Connected);
    let listener = ben.listen_p2p(8).unwrap();
    let other = anna.connect_within(&ben.identity(), 8).unwrap();
    accept(&ben);
    listener.close();
    assert_eq!(other.state(), ConnectionState::ClosedByPeer);
    assert_eq!(kept.state(), ConnectionState::Connected);
}

#[test]
fn whichever_interface_is_dropped_first_tells_the_other() {
    for annas_first in [true, false] {
        let (anna, ben) = anna_and_ben("dropped");
        let [asking, asked] = connect(&anna, &ben);
        let (first, left, end) = match annas_first {
            true => (anna, ben, asked),
            false => (ben, anna, asking),
        };
        drop(first);
        assert_eq!(end.state(), ConnectionState::ClosedByPeer);
        let info = end.info().unwrap();
        assert_eq!(info.end_reason, EndReason::LIBRARY_SHUTDOWN);
        assert_eq!(end.send(b"?", SendFlags::RELIABLE).ok(), None);
        end.close(EndReason::new(1000), "", false).unwrap();
        wait(|| (left.connection_count() == 0).then_some(()));
    }
}

#[test]
fn with_reset_identity_goes_what_was_made_under_it() {
    let (anna, ben) = anna_and_ben("reset");
    let [asking, _asked] = connect(&anna, &ben);
    ben.reset_identity(Some(name("reset", "benjamin")));
    assert_eq!(asking.state(), ConnectionState::ClosedByPeer);
    let _listener = ben.listen_p2p(7).unwrap();
    assert!(anna.connect_within(&ben.identity(), 7).is_ok());
}

#[test]
fn without_threads_polling_is_enough() {
    let manual = |who| {
        let builder = builder("manual", who).service(ServiceMode::Manual);
        builder.build().unwrap()
    };
    let (anna, ben) = (manual("anna"), manual("ben"));
    let [asking, asked] = connect(&anna, &ben);
    asking.send(b"ping", SendFlags::RELIABLE).unwrap();
    assert!(ben.poll());
    assert_eq!(&*asked.receive().unwrap().unwrap(), b"ping");
}
