//! Pairs of connections within one interface: in memory, and over loopback.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on may panic")]

mod support;

use std::time::Duration;
use std::time::Instant;

use bowline::AcceptError;
use bowline::Bytes;
use bowline::Config;
use bowline::ConfigKey;
use bowline::Connection;
use bowline::ConnectionState;
use bowline::EndReason;
use bowline::Event;
use bowline::Identity;
use bowline::InfoFlags;
use bowline::LaneConfig;
use bowline::LaneError;
use bowline::LaneIndex;
use bowline::NoSuchConnection;
use bowline::PairKind;
use bowline::SendError;
use bowline::SendFlags;
use bowline::Sockets;
use bowline::StatusError;

use support::LIMIT;
use support::manual;
use support::wait_event;
use support::wait_message;
use support::wait_state;

const KINDS: [PairKind; 2] = [PairKind::Pipe, PairKind::Loopback];

fn pair(sockets: &Sockets, kind: PairKind) -> (Connection, Connection) {
    sockets.socket_pair(kind, None, None).unwrap()
}

fn pipe_with(sockets: &Sockets, config: Config) -> (Connection, Connection) {
    let pair = sockets.socket_pair_with(PairKind::Pipe, None, None, config);
    pair.unwrap()
}

#[test]
fn both_ends_are_connected_at_once_and_nothing_tells_so() {
    for kind in KINDS {
        let sockets = Sockets::new().unwrap();
        let (one, other) = pair(&sockets, kind);
        for end in [&one, &other] {
            assert_eq!(end.state(), ConnectionState::Connected, "{kind:?}");
            assert_eq!(end.listener(), None);
            assert_eq!(end.accept(), Err(AcceptError::NotIncoming));
        }
        sockets.wait(Duration::from_millis(50));
        assert!(sockets.next_event().is_none(), "{kind:?}");
        assert_eq!(sockets.connection_count(), 2);
        assert_eq!(sockets.connection(one.id()), Some(one));
    }
}

#[test]
fn each_identity_is_whom_that_end_sees() {
    for kind in KINDS {
        let sockets = Sockets::new().unwrap();
        let alice = Identity::str("alice").unwrap();
        let (one, other) = sockets
            .socket_pair(kind, Some(alice.clone()), None)
            .unwrap();
        assert_eq!(one.info().unwrap().identity, Some(alice), "{kind:?}");
        let nobody = other.info().unwrap().identity;
        assert_eq!(nobody, Some(Identity::anonymous()), "{kind:?}");
    }
}

#[test]
fn flags_and_descriptions_are_those_of_the_original() {
    let sockets = Sockets::new().unwrap();
    let (pipe, _other) = pair(&sockets, PairKind::Pipe);
    let info = pipe.info().unwrap();
    assert_eq!(info.flags.bits(), 12);
    assert!(info.flags.contains(InfoFlags::LOOPBACK_BUFFERS));
    assert_eq!(info.description, format!("#{} pipe", pipe.id().get()));
    assert!(info.remote_addr.ip().is_unspecified());

    let alice = Identity::str("alice").unwrap();
    let pair = sockets.socket_pair(PairKind::Loopback, Some(alice), None);
    let (loopback, _other) = pair.unwrap();
    loopback.set_name("left").unwrap();
    let info = loopback.info().unwrap();
    assert_eq!(info.flags.bits(), 9);
    assert!(info.encrypted && info.remote_addr.ip().is_loopback());
    let (id, addr) = (loopback.id().get(), info.remote_addr);
    let expected = format!("#{id} UDP str:alice@{addr} 'left'");
    assert_eq!(info.description, expected);
}

#[test]
fn messages_go_both_ways_with_lanes_numbers_and_user_data() {
    for kind in KINDS {
        let sockets = Sockets::new().unwrap();
        let (one, other) = pair(&sockets, kind);
        one.configure_lanes(&[LaneConfig::new(0, 1), LaneConfig::new(1, 1)])
            .unwrap();
        other.set_user_data(77).unwrap();
        let lane = LaneIndex::new(1);
        one.send(b"zero", SendFlags::RELIABLE_NO_NAGLE).unwrap();
        for text in [b"first", b"again"] {
            let flags = SendFlags::RELIABLE_NO_NAGLE;
            one.send_on(lane, text, flags).unwrap();
        }
        let zero = wait_message(&sockets, &other);
        assert_eq!((&*zero, zero.number().get()), (&b"zero"[..], 1));
        assert!(zero.is_reliable() && zero.received_at() <= sockets.now());
        wait_message(&sockets, &other);
        let again = wait_message(&sockets, &other);
        assert_eq!((&*again, again.lane()), (&b"again"[..], lane));
        assert_eq!((again.number().get(), again.user_data()), (2, 77));
        other.send(b"", SendFlags::UNRELIABLE_NO_NAGLE).unwrap();
        let empty = wait_message(&sockets, &one);
        assert!(empty.is_empty() && !empty.is_reliable());
    }
}

#[test]
fn a_pipe_moves_messages_without_a_copy_and_at_once() {
    let sockets = manual();
    let (one, other) = pair(&sockets, PairKind::Pipe);
    let data = Bytes::from(vec![7; 300_000]);
    let flags = SendFlags::RELIABLE;
    one.send_bytes(LaneIndex::ZERO, data.clone(), flags)
        .unwrap();
    let message = other.receive().unwrap().unwrap();
    assert_eq!(message.as_ptr(), data.as_ptr());
    assert_eq!(message.into_bytes().as_ptr(), data.as_ptr());
}

#[test]
fn limit_a_pipe_holds_no_more_than_the_receiver_takes_and_the_send_buffer() {
    let sockets = manual();
    let mut config = Config::new();
    config.set_recv_buffer_messages(4).unwrap();
    config.set_send_buffer(4096).unwrap();
    let (one, other) = pipe_with(&sockets, config);
    for _ in 0..4 {
        one.send(&[1; 1000], SendFlags::RELIABLE).unwrap();
    }
    let status = one.status().unwrap();
    assert_eq!(status.pending_reliable_bytes, 0, "all four are over there");
    for _ in 0..4 {
        one.send(&[1; 1000], SendFlags::RELIABLE).unwrap();
    }
    assert_eq!(one.status().unwrap().pending_reliable_bytes, 4000);
    let lane = one.lane_status(LaneIndex::ZERO).unwrap();
    assert_eq!((lane.pending_reliable_bytes, lane.queue_time), (4000, None));
    let refused = one.send(&[1; 1000], SendFlags::RELIABLE);
    assert!(matches!(
        refused,
        Err(SendError::BufferFull {
            limit_bytes: 4096,
            ..
        })
    ));
    let hasty = one.send(b"now", SendFlags::UNRELIABLE_NO_DELAY);
    assert_eq!(hasty, Err(SendError::NotNow));
    assert!(sockets.next_event().is_none());
    for number in 1..=8 {
        let message = other.receive().unwrap().unwrap();
        assert_eq!(message.number().get(), number);
    }
    assert!(other.receive().unwrap().is_none());
    let writable = sockets.next_event();
    assert!(matches!(writable, Some(Event::Writable(end)) if end == one));
    let status = one.status().unwrap();
    assert_eq!(
        (status.pending_reliable_bytes, status.ping_ms),
        (0, Some(0))
    );
    assert!(status.queue_time.is_some_and(|wait| wait.is_zero()));
}

#[test]
fn refusals_are_those_of_any_connection() {
    for kind in KINDS {
        let sockets = Sockets::new().unwrap();
        let (one, _other) = pair(&sockets, kind);
        let (len, max) = (524_289, 524_288);
        let too_large = one.send(&vec![0; len], SendFlags::RELIABLE);
        assert_eq!(too_large, Err(SendError::TooLarge { len, max }));
        let lane = LaneIndex::new(1);
        let nowhere = one.send_on(lane, b"x", SendFlags::RELIABLE);
        assert_eq!(nowhere, Err(SendError::NoSuchLane { lane, lanes: 1 }));
        assert_eq!(one.configure_lanes(&[]), Err(LaneError::BadCount(0)));
        assert_eq!(
            one.lane_status(lane).map(|_| ()),
            Err(StatusError::NoSuchLane { lane })
        );
        one.flush().unwrap();
        one.close(EndReason::APP_GENERIC, "", false).unwrap();
        assert_eq!(
            one.flush(),
            Err(SendError::NoSuchConnection(NoSuchConnection))
        );
        let again = one.close(EndReason::APP_GENERIC, "", false);
        assert_eq!(again, Err(NoSuchConnection));
    }
}

#[test]
fn a_close_tells_why_and_what_was_sent_stays_readable() {
    for kind in KINDS {
        let sockets = Sockets::new().unwrap();
        let (one, other) = pair(&sockets, kind);
        one.send(b"last words", SendFlags::RELIABLE_NO_NAGLE)
            .unwrap();
        one.close(EndReason::from_app(1234), "enough", true)
            .unwrap();
        let own = wait_state(&sockets, ConnectionState::None);
        assert_eq!((own.connection, own.old), (one, ConnectionState::Connected));
        let closed = wait_state(&sockets, ConnectionState::ClosedByPeer);
        assert_eq!(closed.connection, other);
        assert_eq!(closed.info.end_reason.code(), 1234, "{kind:?}");
        assert_eq!(closed.info.end_text, "enough");
        assert_eq!(&*other.receive().unwrap().unwrap(), b"last words");
        let refused = other.send(b"too late", SendFlags::RELIABLE);
        let state = ConnectionState::ClosedByPeer;
        assert_eq!(refused, Err(SendError::WrongState(state)));
        other.close(EndReason::APP_GENERIC, "", false).unwrap();
        assert_eq!(other.state(), ConnectionState::None);
    }
}

#[test]
fn a_closed_pipe_is_forgotten_at_once() {
    let sockets = manual();
    let (one, other) = pair(&sockets, PairKind::Pipe);
    one.close(EndReason::APP_GENERIC, "", false).unwrap();
    assert_eq!(sockets.connection_count(), 1);
    other.close(EndReason::APP_GENERIC, "", false).unwrap();
    assert_eq!(sockets.connection_count(), 0);
}

#[test]
fn a_lingering_pipe_delivers_what_waits_and_then_closes() {
    let sockets = manual();
    let mut config = Config::new();
    config.set_recv_buffer_messages(2).unwrap();
    let (one, other) = pipe_with(&sockets, config);
    for text in [b"1", b"2", b"3"] {
        one.send(text, SendFlags::RELIABLE).unwrap();
    }
    one.close(EndReason::APP_GENERIC, "done", true).unwrap();
    assert_eq!(other.state(), ConnectionState::Connected);
    assert!(!sockets.wait_for_linger(Duration::ZERO));
    for text in [b"1", b"2", b"3"] {
        assert_eq!(&*other.receive().unwrap().unwrap(), text);
    }
    assert!(sockets.wait_for_linger(Duration::MAX));
    assert_eq!(other.state(), ConnectionState::ClosedByPeer);

    let mut config = Config::new();
    config.set_recv_buffer_messages(2).unwrap();
    let (one, other) = pipe_with(&sockets, config);
    for text in [b"1", b"2", b"3"] {
        one.send(text, SendFlags::RELIABLE).unwrap();
    }
    one.close(EndReason::APP_GENERIC, "", false).unwrap();
    assert_eq!(other.state(), ConnectionState::ClosedByPeer);
    let mut left = Vec::new();
    assert_eq!(
        other.receive_batch(&mut left, 10),
        Ok(2),
        "the third is dropped"
    );
}

#[test]
fn many_threads_may_use_both_ends_of_a_pipe() {
    const EACH: u64 = 5_000;
    let sockets = Sockets::new().unwrap();
    let (one, other) = pair(&sockets, PairKind::Pipe);
    let end = Instant::now() + LIMIT;
    let sender = |connection: Connection| {
        move || {
            for count in 0..EACH {
                let bytes = count.to_le_bytes();
                while connection.send(&bytes, SendFlags::RELIABLE).is_err() {
                    assert!(Instant::now() < end);
                    std::thread::yield_now();
                }
            }
        }
    };
    let reader = |connection: Connection, senders: u64| {
        move || {
            let mut last = 0;
            while last < EACH * senders {
                assert!(Instant::now() < end, "{last}");
                match connection.receive().unwrap() {
                    Some(message) => {
                        assert_eq!(message.number().get(), last + 1, "in order");
                        last += 1;
                    }
                    None => std::thread::yield_now(),
                }
            }
        }
    };
    std::thread::scope(|scope| {
        scope.spawn(sender(one.clone()));
        scope.spawn(sender(one.clone()));
        scope.spawn(sender(other.clone()));
        scope.spawn(reader(other.clone(), 2));
        scope.spawn(reader(one.clone(), 1));
    });
}

#[test]
fn messages_of_pipes_wake_waits_and_poll_groups() {
    let sockets = Sockets::new().unwrap();
    let (one, other) = pair(&sockets, PairKind::Pipe);
    let group = sockets.poll_group();
    other.set_poll_group(Some(&group)).unwrap();
    std::thread::scope(|scope| {
        scope.spawn(|| {
            std::thread::sleep(Duration::from_millis(20));
            one.send(b"wake", SendFlags::RELIABLE).unwrap();
        });
        assert!(group.wait(LIMIT));
    });
    assert_eq!(&*group.receive().unwrap(), b"wake");
    assert!(group.receive().is_none());
}

#[test]
fn a_loopback_pair_goes_over_the_network() {
    let sockets = Sockets::new().unwrap();
    let (one, other) = pair(&sockets, PairKind::Loopback);
    for _ in 0..20 {
        one.send(&vec![3; 100_000], SendFlags::RELIABLE).unwrap();
        assert_eq!(wait_message(&sockets, &other).len(), 100_000);
    }
    let text = one.detailed_status().unwrap();
    let sent = text
        .lines()
        .find(|line| line.contains("Sent:") && line.contains("KiB"));
    let packets: u64 = sent
        .and_then(|line| line.split_whitespace().nth(1)?.parse().ok())
        .unwrap_or_else(|| panic!("{text}"));
    assert!(packets > 1500, "2 MB take packets: {packets}");
    drop(sockets);
    assert_eq!(one.status().map(|_| ()), Err(NoSuchConnection));
}

#[test]
fn a_bad_network_is_pretended_on_loopback_and_not_in_memory() {
    let sockets = Sockets::new().unwrap();
    let (pipe, pipe_end) = pair(&sockets, PairKind::Pipe);
    let (udp, udp_end) = pair(&sockets, PairKind::Loopback);
    sockets
        .set_config(ConfigKey::FakePacketLossSend, 100)
        .unwrap();
    for end in [&udp, &pipe] {
        end.send(b"lost?", SendFlags::UNRELIABLE_NO_NAGLE).unwrap();
    }
    assert_eq!(&*wait_message(&sockets, &pipe_end), b"lost?");
    std::thread::sleep(Duration::from_millis(50));
    assert!(udp_end.receive().unwrap().is_none());
    sockets
        .set_config(ConfigKey::FakePacketLossSend, 0)
        .unwrap();
    udp.send(b"no more", SendFlags::UNRELIABLE_NO_NAGLE)
        .unwrap();
    assert_eq!(&*wait_message(&sockets, &udp_end), b"no more");
}

#[test]
fn the_end_of_one_is_an_event_of_the_other_also_when_it_lingers() {
    let sockets = Sockets::new().unwrap();
    let (one, other) = pair(&sockets, PairKind::Pipe);
    other
        .close(EndReason::from_app(2001), "gone", true)
        .unwrap();
    let told = wait_event(&sockets, |event| match event {
        Event::ConnectionChanged(change) if change.connection == one => Some(change),
        _ => None,
    });
    assert!(told.is_ended());
    assert_eq!(told.info.end_reason.code(), 2001);
}
