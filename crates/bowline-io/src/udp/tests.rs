use std::net::{Ipv4Addr, Ipv6Addr};
use std::thread;
use std::time::{Duration, Instant};

use super::*;

const V4: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 0);
const V6: SocketAddr = SocketAddr::new(IpAddr::V6(Ipv6Addr::LOCALHOST), 0);

fn pair() -> (UdpSocket, UdpSocket) {
    (
        UdpSocket::bind(V4, false).unwrap(),
        UdpSocket::bind(V4, false).unwrap(),
    )
}

type Received = (SocketAddr, Option<Ecn>, Vec<u8>);

/// Reads until `count` datagrams are here.
fn receive(socket: &UdpSocket, count: usize) -> Vec<Received> {
    let mut batch = RecvBatch::new(32);
    let mut received = Vec::new();
    let deadline = Instant::now() + Duration::from_secs(5);
    while received.len() < count {
        assert!(Instant::now() < deadline, "only {} arrived", received.len());
        if socket.recv(&mut batch).unwrap() == 0 {
            thread::sleep(Duration::from_micros(200));
        }
        let before = received.len();
        received.extend(
            batch
                .iter_mut()
                .map(|(from, ecn, bytes)| (*from, ecn, bytes.to_vec())),
        );
        assert_eq!(received.len() - before, batch.len());
    }
    received
}

fn nothing_left(socket: &UdpSocket) -> bool {
    socket.recv(&mut RecvBatch::new(4)).unwrap() == 0
}

#[test]
fn an_empty_socket_has_nothing() {
    let (a, _) = pair();
    assert!(nothing_left(&a));
}

#[test]
fn a_run_arrives_as_its_datagrams() {
    let (a, b) = pair();
    let bytes: Vec<u8> = (0..40 * 1200 + 7).map(|i| (i / 1200) as u8).collect();
    let outcome = a.send(b.local_addr(), &bytes, 1200, None).unwrap();
    assert_eq!(outcome, SendOutcome::Sent);
    let received = receive(&b, 41);
    for ((from, ecn, got), sent) in received.iter().zip(bytes.chunks(1200)) {
        assert_eq!((*from, *ecn, got.as_slice()), (a.local_addr(), None, sent));
    }
    assert!(nothing_left(&b));
    assert_eq!(a.counters(), UdpCounters::default());
}

#[test]
fn a_run_longer_than_one_call_is_sent_whole() {
    let (a, b) = pair();
    let bytes = vec![9; 150 * 1200];
    assert_eq!(
        a.send(b.local_addr(), &bytes, 1200, None).unwrap(),
        SendOutcome::Sent
    );
    assert!(
        receive(&b, 150)
            .iter()
            .all(|(_, _, bytes)| bytes.len() == 1200)
    );
}

#[test]
fn congestion_marks_arrive_on_single_datagrams_and_on_runs() {
    let dual = SocketAddr::new(IpAddr::V6(Ipv6Addr::UNSPECIFIED), 0);
    for (bind, dual_stack) in [(V4, false), (dual, true)] {
        let a = UdpSocket::bind(bind, dual_stack).unwrap();
        let b = UdpSocket::bind(V4, false).unwrap();
        for ecn in [Ecn::Ect0, Ecn::Ect1, Ecn::Ce] {
            for bytes in [vec![1; 100], vec![1; 1000]] {
                let _ = a.send(b.local_addr(), &bytes, 100, Some(ecn)).unwrap();
                let received = receive(&b, bytes.len() / 100);
                assert!(
                    received.iter().all(|item| item.1 == Some(ecn)),
                    "{bind} {ecn:?}"
                );
            }
        }
    }
}

#[test]
fn congestion_marks_arrive_over_ipv6() {
    let Ok(a) = UdpSocket::bind(V6, false) else {
        return; // no IPv6 on this machine
    };
    let b = UdpSocket::bind(V6, false).unwrap();
    let _ = a
        .send(b.local_addr(), &[1; 1000], 100, Some(Ecn::Ect0))
        .unwrap();
    let received = receive(&b, 10);
    assert!(
        received
            .iter()
            .all(|item| item.1 == Some(Ecn::Ect0) && item.0 == a.local_addr())
    );
}

#[test]
fn a_list_reaches_different_peers_in_order() {
    let a = UdpSocket::bind(V4, false).unwrap();
    let peers: Vec<_> = (0..5)
        .map(|_| UdpSocket::bind(V4, false).unwrap())
        .collect();
    let bytes: Vec<Vec<u8>> = (0..100).map(|i| vec![i; 30 + usize::from(i)]).collect();
    let list: Vec<_> = bytes
        .iter()
        .zip(peers.iter().cycle())
        .map(|(bytes, peer)| OutDatagram {
            to: peer.local_addr(),
            bytes,
            segment_size: 25,
            ecn: None,
        })
        .collect();
    assert_eq!(a.send_many(&list).unwrap().entries, 100);
    for (i, peer) in peers.iter().enumerate() {
        let expected: Vec<&[u8]> = bytes
            .iter()
            .skip(i)
            .step_by(5)
            .flat_map(|b| b.chunks(25))
            .collect();
        let received = receive(peer, expected.len());
        let received: Vec<&[u8]> = received.iter().map(|item| item.2.as_slice()).collect();
        assert_eq!(received, expected);
        assert!(nothing_left(peer));
    }
}

#[test]
fn a_dual_stack_socket_talks_to_both_families() {
    let any = SocketAddr::new(IpAddr::V6(Ipv6Addr::UNSPECIFIED), 0);
    let Ok(dual) = UdpSocket::bind(any, true) else {
        return; // no IPv6 on this machine
    };
    let port = dual.local_addr().port();
    for client in [V4, V6] {
        let client = UdpSocket::bind(client, false).unwrap();
        let to = SocketAddr::new(client.local_addr().ip(), port);
        let _ = client.send(to, b"hello", 5, None).unwrap();
        let (from, _, bytes) = receive(&dual, 1).remove(0);
        assert_eq!(
            (from, bytes.as_slice()),
            (client.local_addr(), &b"hello"[..])
        );
        // The answer goes to the address as reported, with runs for good measure.
        let _ = dual.send(from, b"answer", 3, None).unwrap();
        let answers = receive(&client, 2);
        assert_eq!((answers[0].0, answers[1].2.as_slice()), (to, &b"wer"[..]));
    }
    assert_eq!(dual.counters(), UdpCounters::default());
}

#[test]
fn a_socket_without_dual_stack_leaves_ipv4_alone() {
    let any = SocketAddr::new(IpAddr::V6(Ipv6Addr::UNSPECIFIED), 0);
    let Ok(six) = UdpSocket::bind(any, false) else {
        return; // no IPv6 on this machine
    };
    let four = SocketAddr::new(Ipv4Addr::UNSPECIFIED.into(), six.local_addr().port());
    UdpSocket::bind(four, false).unwrap();
}

#[test]
fn a_taken_port_is_an_error_that_names_the_address() {
    let (a, _b) = pair();
    let error = UdpSocket::bind(a.local_addr(), false).unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::AddrInUse);
    assert!(
        error.to_string().contains(&a.local_addr().to_string()),
        "{error}"
    );
    let inner = error.get_ref().and_then(|inner| inner.source());
    assert!(inner.is_some());
}

#[test]
fn an_empty_datagram_counts_as_one() {
    let (a, b) = pair();
    let sender = net::UdpSocket::bind(V4).unwrap();
    sender.send_to(b"", b.local_addr()).unwrap();
    let _ = a.send(b.local_addr(), b"after", 5, None).unwrap();
    let received = receive(&b, 2);
    assert_eq!(
        received[0],
        (sender.local_addr().unwrap(), None, Vec::new())
    );
    assert_eq!(received[1].2, b"after");
}

#[test]
fn what_cannot_be_sent_is_lost_and_counted() {
    let (a, b) = pair();
    let port_zero = SocketAddr::new(Ipv4Addr::LOCALHOST.into(), 0);
    let list = [port_zero, V6, b.local_addr()].map(|to| OutDatagram {
        to,
        bytes: b"xxyy",
        segment_size: 2,
        ecn: None,
    });
    assert_eq!(a.send_many(&list).unwrap().entries, 3);
    assert_eq!(a.counters().send_errors, 2);
    assert_eq!(receive(&b, 2)[1].2, b"yy");
    // Too long for UDP.
    let _ = a.send(b.local_addr(), &[0; 70_000], 70_000, None).unwrap();
    assert_eq!(a.counters().send_errors, 3);
}

#[test]
fn a_peer_on_port_zero_cannot_turn_segmentation_off() {
    let (a, b) = pair();
    let before = a.max_gso_segments();
    let port_zero = SocketAddr::new(b.local_addr().ip(), 0);
    let _ = a.send(port_zero, &[0; 5000], 1000, None).unwrap();
    assert_eq!(a.max_gso_segments(), before);
}

#[test]
fn a_closed_port_does_not_disturb_the_socket() {
    let (a, b) = pair();
    let gone = {
        let gone = UdpSocket::bind(V4, false).unwrap();
        gone.local_addr()
    };
    for _ in 0..3 {
        let _ = a.send(gone, b"anybody?", 8, None).unwrap();
        assert!(nothing_left(&a));
    }
    let _ = b.send(a.local_addr(), b"me", 2, None).unwrap();
    assert_eq!(receive(&a, 1)[0].2, b"me");
}

#[test]
fn a_batch_of_one_slot_reads_everything_in_several_calls() {
    let (a, b) = pair();
    let others = [UdpSocket::bind(V4, false).unwrap(), a];
    for i in 0..10 {
        let _ = others[i % 2]
            .send(b.local_addr(), &[i as u8], 1, None)
            .unwrap();
    }
    let mut batch = RecvBatch::new(1);
    let mut seen = 0;
    while b.recv(&mut batch).unwrap() > 0 {
        assert!(batch.is_full());
        seen += batch.iter_mut().count();
    }
    assert_eq!(seen, 10);
}

#[cfg(any(target_os = "android", target_os = "linux"))]
#[test]
fn linux_segments_runs_and_grants_large_buffers() {
    let (a, _b) = pair();
    assert_eq!(a.max_gso_segments(), 64);
    let sizes = a.buffer_sizes();
    assert!(
        sizes.recv_bytes >= 200_000 && sizes.send_bytes >= 200_000,
        "{sizes:?}"
    );
}

#[test]
fn a_broken_socket_is_told_from_a_lost_datagram() {
    let (a, _b) = pair();
    let piece = Piece {
        to: V4,
        bytes: b"xy",
        segment_size: None,
        ecn: None,
    };
    let lost = io::Error::from(io::ErrorKind::ConnectionRefused);
    assert_eq!(a.judge(&lost, &piece), Verdict::Lost);
    let blocked = io::Error::from(io::ErrorKind::WouldBlock);
    assert_eq!(a.judge(&blocked, &piece), Verdict::Blocked);
    let counters = a.counters();
    assert_eq!((counters.send_errors, counters.send_blocked), (1, 1));
}

#[cfg(unix)]
#[test]
fn only_a_device_without_segmentation_turns_it_off() {
    let (a, _b) = pair();
    let run = Piece {
        to: V4,
        bytes: b"xy",
        segment_size: std::num::NonZeroU16::new(1),
        ecn: None,
    };
    let judge = |code| a.judge(&io::Error::from_raw_os_error(code), &run);
    let before = a.max_gso_segments();
    assert_eq!(judge(libc::EINVAL), Verdict::RunRefused);
    assert_eq!(judge(libc::EMSGSIZE), Verdict::RunRefused);
    assert_eq!(judge(libc::EBADF), Verdict::Fatal);
    assert_eq!(judge(libc::EPERM), Verdict::Lost);
    assert_eq!(judge(libc::ENOBUFS), Verdict::Lost);
    assert_eq!(a.max_gso_segments(), before);
    assert_eq!(judge(libc::EIO), Verdict::RunRefused);
    assert_eq!(a.max_gso_segments(), 1);
    assert_eq!(a.counters().gso_refusals, 3);
}

#[cfg(any(target_os = "android", target_os = "linux"))]
#[test]
fn a_queue_that_overflows_is_noticed_once() {
    let (a, b) = pair();
    assert_eq!(b.lost_since_asked(), 0);
    // However small, a datagram takes more than its bytes of the queue.
    for _ in 0..b.buffer_sizes().recv_bytes / 256 {
        let sent = a.send(b.local_addr(), b"x", 1, None).unwrap();
        assert_eq!(sent, SendOutcome::Sent);
    }
    assert!(b.lost_since_asked() > 0);
    assert_eq!(b.lost_since_asked(), 0);
}

#[test]
fn a_probe_arrives_whole_and_whatever_follows_may_be_cut() {
    let dual = SocketAddr::new(IpAddr::V6(Ipv6Addr::UNSPECIFIED), 0);
    for (bind, dual_stack) in [(V4, false), (dual, true)] {
        let a = UdpSocket::bind(bind, dual_stack).unwrap();
        let b = UdpSocket::bind(V4, false).unwrap();
        a.send_probe(b.local_addr(), &[5; 8952]).unwrap();
        let received = receive(&b, 1);
        assert_eq!(received[0].2, [5; 8952], "{bind}");
        #[cfg(any(target_os = "android", target_os = "linux"))]
        assert!(!sys::forbids_fragments(&a.socket, bind.is_ipv6()), "{bind}");
    }
}

#[cfg(any(target_os = "android", target_os = "linux"))]
#[test]
fn fragments_can_be_forbidden_and_allowed() {
    for bind in [V4, V6] {
        let Ok(a) = UdpSocket::bind(bind, false) else {
            continue; // no IPv6 on this machine
        };
        let is_forbidden = || sys::forbids_fragments(&a.socket, bind.is_ipv6());
        assert!(!is_forbidden(), "{bind}");
        sys::forbid_fragments(&a.socket, bind).unwrap();
        assert!(is_forbidden(), "{bind}");
        sys::allow_fragments(&a.socket, bind.is_ipv6()).unwrap();
        assert!(!is_forbidden(), "{bind}");
    }
}

#[cfg(any(target_os = "android", target_os = "linux"))]
#[test]
fn fragments_are_forbidden_for_the_family_that_a_probe_goes_to() {
    let dual = SocketAddr::new(IpAddr::V6(Ipv6Addr::UNSPECIFIED), 0);
    let Ok(socket) = UdpSocket::bind(dual, true) else {
        return; // no IPv6 on this machine
    };
    let forbids = |is_ipv6| sys::forbids_fragments(&socket.socket, is_ipv6);
    let mapped = socket.address((Ipv4Addr::LOCALHOST, 1).into()).unwrap();
    sys::forbid_fragments(&socket.socket, mapped).unwrap();
    assert_eq!((forbids(false), forbids(true)), (true, false));
    sys::allow_fragments(&socket.socket, true).unwrap();
    sys::forbid_fragments(&socket.socket, V6).unwrap();
    assert_eq!((forbids(false), forbids(true)), (false, true));
    sys::allow_fragments(&socket.socket, true).unwrap();
    assert_eq!((forbids(false), forbids(true)), (false, false));
}

#[cfg(unix)]
#[test]
fn a_probe_that_the_system_refuses_tells_whether_its_size_is_to_blame() {
    use bowline_core::transmit::ProbeFailure::{NotNow, TooLong};
    let (a, b) = pair();
    let port = a.local_addr().port();
    for (error, failure) in [
        (libc::EMSGSIZE, TooLong),
        (libc::EAGAIN, NotNow),
        (libc::ENOBUFS, NotNow),
        (libc::EPERM, NotNow),
    ] {
        crate::faults::fail_probes(port, [error]);
        let sent = a.send_probe(b.local_addr(), &[1; 1472]);
        assert_eq!(sent, Err(failure), "{error}");
    }
    assert_eq!(crate::faults::probes(port), [1472; 4]);
    // Longer than any datagram may be.
    assert_eq!(a.send_probe(b.local_addr(), &[2; 65_508]), Err(TooLong));
    // Nor is there a way to port 0.
    assert_eq!(a.send_probe(V4, &[3; 1472]), Err(NotNow));
    let sent = a.send(b.local_addr(), b"after", 5, None).unwrap();
    assert_eq!(sent, SendOutcome::Sent);
    assert_eq!(receive(&b, 1)[0].2, b"after");
    assert!(nothing_left(&b));
    assert_eq!(a.counters(), UdpCounters::default());
}
