//! The same program twice: one is linked to GNS, the other to our C library.

use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::time::Duration;

use bowline_interop::courier::{Courier, LIMIT, Meeting, Roads};
use bowline_interop::gns_p2p::{Event, GnsP2p};
use bowline_interop::host::{Outgoing, State};
use bowline_interop::repository;

use crate::connecting::BAD;
use crate::room::{ANNA, BEN, PORT};

/// Which of the peers is which.
const OURS: usize = 0;
const THEIRS: usize = 1;
const NAMES: [&str; 2] = [ANNA, BEN];
/// GNS's `k_nSteamNetworkingSend_Reliable`.
const RELIABLE: i32 = 8;

#[test]
fn each_may_ask_the_other() {
    for roads in [Roads::default(), BAD] {
        for asks in [OURS, THEIRS] {
            let mut meeting = meeting(roads);
            meeting.peers[1 - asks].listen(PORT, false);
            meeting.peers[asks].connect(NAMES[1 - asks], PORT, false);
            let links = meeting.connected();
            meeting.exchange(links);
        }
    }
}

#[test]
fn both_may_ask() {
    for roads in [Roads::default(), late(), BAD] {
        let mut meeting = meeting(roads);
        for peer in &mut meeting.peers {
            peer.listen(PORT, true);
        }
        meeting.peers[OURS].connect(BEN, PORT, true);
        meeting.peers[THEIRS].connect(ANNA, PORT, true);
        let links = meeting.connected();
        meeting.exchange(links);
    }
}

#[test]
fn each_may_write_to_the_other_by_name() {
    for writes in [OURS, THEIRS] {
        let reads = 1 - writes;
        let mut meeting = meeting(Roads::default());
        for peer in &mut meeting.peers {
            peer.open_messages();
        }
        meeting.peers[writes].post(NAMES[reads], 2, RELIABLE, b"hello");
        let is_asked = meeting.until(
            LIMIT,
            |index, event| matches!(event, Event::Asks(peer) if (index, &**peer) == (reads, NAMES[writes])),
        );
        assert!(is_asked);
        meeting.peers[reads].accept_session(NAMES[writes]);
        meeting.peers[reads].post(NAMES[writes], 3, RELIABLE, b"hello yourself");
        let mut letters = [None, None];
        meeting.until(LIMIT, |index, event| {
            if let Event::Letter {
                from,
                channel,
                data,
                ..
            } = event
            {
                letters[index] = Some((from.clone(), *channel, data.clone()));
            }
            letters.iter().all(Option::is_some)
        });
        let letter = |from: usize, channel, text: &[u8]| {
            Some((NAMES[from].to_owned(), channel, text.to_vec()))
        };
        assert_eq!(letters[reads], letter(writes, 2, b"hello"));
        assert_eq!(letters[writes], letter(reads, 3, b"hello yourself"));
    }
}

#[test]
fn both_may_write_at_once() {
    let mut meeting = meeting(Roads::default());
    for peer in &mut meeting.peers {
        peer.open_messages();
    }
    for index in [OURS, THEIRS] {
        meeting.peers[index].post(NAMES[1 - index], 0, RELIABLE, b"hello");
    }
    let mut read = [false; 2];
    let is_read = meeting.until(LIMIT, |index, event| {
        read[index] |= matches!(event, Event::Letter { data, .. } if data == b"hello");
        read == [true; 2]
    });
    assert!(is_read);
}

#[test]
fn both_tell_the_same_of_each_other() {
    let mut meeting = meeting(Roads::default());
    // Who is asked chooses the way, and ours follows.
    meeting.peers[THEIRS].listen(PORT, false);
    meeting.peers[OURS].connect(BEN, PORT, false);
    let mut seen = [None, None];
    let mut links = [None; 2];
    meeting.until(LIMIT, |index, event| {
        if let Event::State {
            state: State::Connected,
            link,
            peer,
            vouched,
            ..
        } = event
        {
            seen[index] = Some((peer.clone(), *vouched));
            links[index] = Some(*link);
        }
        seen.iter().all(Option::is_some)
    });
    let named = |name: &str| Some((name.to_owned(), false));
    assert_eq!(seen, [named(BEN), named(ANNA)]);
    let links = links.map(|link| link.expect("both are connected"));
    meeting.exchange(links);

    // Each may have heard the other by a way that it does not take itself yet.
    let mut ways = [None; 2];
    let is_settled = |ways: &[Option<(bool, u32)>; 2]| matches!(ways, [Some((true, ours)), Some((true, theirs))] if ours == theirs);
    for _ in 0..50 {
        for (peer, link) in meeting.peers.iter_mut().zip(links) {
            peer.ask_way(link);
        }
        let mut told = 0;
        meeting.until(Duration::from_secs(1), |index, event| {
            if let Event::Way {
                address,
                flags,
                ping_ms,
                ..
            } = event
            {
                let is_known = address.is_some() && (0..100).contains(ping_ms);
                ways[index] = Some((is_known, *flags));
                told += 1;
            }
            told == 2
        });
        if is_settled(&ways) {
            break;
        }
        std::thread::sleep(Duration::from_millis(100));
    }
    assert!(is_settled(&ways), "{ways:?}");
}

#[test]
fn messages_of_all_kinds_arrive() {
    let mut meeting = meeting(Roads::default());
    meeting.peers[THEIRS].listen(PORT, false);
    meeting.peers[OURS].connect(BEN, PORT, false);
    let links = meeting.connected();
    let long = vec![7; 300 * 1024];
    for from in [OURS, THEIRS] {
        let sender = &mut meeting.peers[from];
        sender.configure_lanes(links[from], 2);
        let messages = [
            Outgoing::unreliable(b"short"),
            Outgoing::reliable(&long).on_lane(1),
        ];
        for message in &messages {
            sender.send_message(links[from], message);
        }
        let mut received = Vec::new();
        meeting.until(LIMIT, |index, event| {
            if let Event::Message {
                lane,
                reliable,
                data,
                ..
            } = event
            {
                assert_eq!(index, 1 - from);
                received.push((*lane, *reliable, data.len()));
            }
            received.len() == messages.len()
        });
        received.sort();
        assert_eq!(received, [(0, false, 5), (1, true, long.len())]);
    }
}

#[test]
fn a_close_is_heard_with_reason_and_text() {
    let mut meeting = meeting(Roads::default());
    meeting.peers[THEIRS].listen(PORT, false);
    meeting.peers[OURS].connect(BEN, PORT, false);
    let links = meeting.connected();
    meeting.peers[OURS].close(links[OURS], 1300, "good night");
    let heard = meeting.until(Duration::from_secs(1), |index, event| {
        index == THEIRS && is_end(event, 1300, "good night")
    });
    assert!(heard, "at once");
}

#[test]
fn a_rejection_is_heard_with_reason_and_text() {
    for asks in [OURS, THEIRS] {
        let mut meeting = meeting(Roads::default());
        meeting.peers[1 - asks].reject();
        meeting.peers[1 - asks].listen(PORT, false);
        meeting.peers[asks].connect(NAMES[1 - asks], PORT, false);
        let heard = meeting.until(LIMIT, |index, event| {
            index == asks && is_end(event, 1234, "not today")
        });
        assert!(heard, "{} is told", NAMES[asks]);
    }
}

fn is_end(event: &Event, expected: i32, expected_text: &str) -> bool {
    matches!(event, Event::State { state: State::ClosedByPeer, reason, text, .. }
        if *reason == expected && text == expected_text)
}

/// Both requests are under way before one of them arrives.
fn late() -> Roads {
    Roads {
        delay: Duration::from_millis(100),
        ..Roads::default()
    }
}

fn meeting(roads: Roads) -> Meeting<'static> {
    let (program, libraries) = on_our_library();
    let ours = GnsP2p::start_with(program, libraries, ANNA);
    let theirs = GnsP2p::start(Path::new(env!("CARGO_BIN_EXE_gns_p2p")), BEN);
    Meeting::new(vec![ours, theirs], Courier::new(3, roads), <[u8]>::to_vec)
}

/// The program on our library, and the library's folder; both are built once.
fn on_our_library() -> (&'static Path, &'static Path) {
    static BUILT: OnceLock<(PathBuf, PathBuf)> = OnceLock::new();
    let (program, libraries) = BUILT.get_or_init(|| {
        let libraries =
            repository::build("Cargo.toml", &["--package", "bowline-capi", "--lib"], &[]);
        let folder = ("BOWLINE_LIBRARY_FOLDER", libraries.as_path());
        let built = repository::build("interop/capi/Cargo.toml", &["--bin", "capi_p2p"], &[folder]);
        (built.join("capi_p2p"), libraries)
    });
    (program, libraries)
}
