//! GNS peers that find each other by signals, each of which our code reads and writes anew.
//!
//! With `UPDATE=1` in the environment, the test `the_recorded_signals_are_like_live_ones` writes the
//! signals that the core's tests read. The machine needs an address besides the loopback ones.

mod streams;

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, UdpSocket};
use std::path::Path;
use std::thread;
use std::time::Duration;
use std::{env, fs};

use bowline_core::crypto::kdf::Role;
use bowline_core::crypto::vectors::hex_vec;
use bowline_core::p2p::signal::{NO_CONNECTION, Signal, SignalKind};
use bowline_core::p2p::tie_break::{Contender, role};
use bowline_interop::courier::{Courier, LIMIT, Meeting, Roads};
use bowline_interop::gns_p2p::{Event, GnsP2p, own_address, to_hex};
use bowline_interop::host::State;

const ANNA: &str = "str:anna";
const BEN: &str = "str:ben";
const PORT: u16 = 7;

#[test]
fn peers_connect_through_our_codec() {
    let mut peers = [peer(ANNA), peer(BEN)];
    peers[1].listen(PORT, false);
    peers[0].connect(BEN, PORT, false);
    let mut meeting = Meeting::new(peers.into(), Courier::new(1, Roads::default()), rewritten);
    let links = meeting.connected();
    meeting.exchange(links);
}

#[test]
fn peers_connect_over_bad_roads() {
    let roads = Roads {
        loss_pct: 25,
        duplicate_pct: 20,
        delay: Duration::from_millis(20),
        jitter: Duration::from_millis(60),
    };
    let mut peers = [peer(ANNA), peer(BEN)];
    peers[1].listen(PORT, false);
    peers[0].connect(BEN, PORT, false);
    let mut meeting = Meeting::new(peers.into(), Courier::new(2, roads), rewritten);
    let links = meeting.connected();
    meeting.exchange(links);
}

/// Both ask at the same time, and find out who serves; so do we.
#[test]
fn peers_that_ask_each_other_become_one_connection() {
    for seed in 1..=4 {
        let mut peers = [peer(ANNA), peer(BEN)];
        for peer in &mut peers {
            peer.listen(PORT, true);
        }
        peers[0].connect(BEN, PORT, true);
        peers[1].connect(ANNA, PORT, true);
        let mut requests = BTreeMap::new();
        let mut server = None;
        let roads = Roads {
            // Both requests are under way before one of them arrives.
            delay: Duration::from_millis(200),
            ..Roads::default()
        };
        let mut meeting = Meeting::new(peers.into(), Courier::new(seed, roads), |bytes| {
            let signal = parsed(bytes);
            let from = signal.from_identity.to_string();
            match &signal.kind {
                SignalKind::ConnectRequest(request) => {
                    let id = signal.from_id.expect("a request has an ID");
                    requests.insert(from, (id, request.cert.cert().to_vec()));
                }
                SignalKind::ConnectOk(_) => server = Some(from),
                SignalKind::None | SignalKind::Closed { .. } => {}
            }
            rewritten(bytes)
        });
        let links = meeting.connected();
        meeting.exchange(links);
        drop(meeting);
        let [anna, ben] = [ANNA, BEN].map(|name| {
            let (id, cert) = &requests[name];
            Contender { id: *id, cert }
        });
        let reckoned = match role(anna, ben) {
            Role::Server => ANNA,
            Role::Client => BEN,
        };
        assert_eq!(server.as_deref(), Some(reckoned));
    }
}

#[test]
fn the_recorded_signals_are_like_live_ones() {
    let live = live_signals();
    let folder =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../crates/bowline-core/testdata/signals");
    if env::var_os("UPDATE").is_some() {
        fs::create_dir_all(&folder).unwrap();
        for (name, bytes) in &live {
            fs::write(folder.join(name).with_extension("hex"), lines(bytes)).unwrap();
        }
    }
    for (name, bytes) in &live {
        let file = folder.join(name).with_extension("hex");
        let recorded =
            fs::read_to_string(&file).unwrap_or_else(|error| panic!("{file:?}: {error}"));
        let recorded = parsed(&hex_vec(&recorded));
        let live = parsed(bytes);
        assert_eq!(shape(&recorded), shape(&live), "{name}");
    }
}

/// One of each kind of signal, by name: two peers connect, with a STUN server that takes its time; and one is
/// turned away.
fn live_signals() -> BTreeMap<&'static str, Vec<u8>> {
    let mut live = BTreeMap::new();
    let stun = slow_stun_server(Duration::from_millis(350));
    let mut peers = [peer(ANNA), peer(BEN)];
    for peer in &mut peers {
        peer.set("P2P_STUN_ServerList", &stun);
    }
    peers[1].listen(PORT, false);
    peers[0].connect(BEN, PORT, false);
    let mut meeting = Meeting::new(peers.into(), Courier::new(3, Roads::default()), |bytes| {
        live.entry(name_of(&parsed(bytes)))
            .or_insert_with(|| bytes.to_vec());
        bytes.to_vec()
    });
    meeting.connected();
    // What was found late is told late.
    meeting.until(Duration::from_secs(2), |_, _| false);
    drop(meeting);
    let mut peers = [peer(ANNA), peer(BEN)];
    peers[1].listen(PORT, false);
    peers[1].reject();
    peers[0].connect(BEN, PORT, false);
    let mut meeting = Meeting::new(peers.into(), Courier::new(4, Roads::default()), |bytes| {
        live.entry(name_of(&parsed(bytes)))
            .or_insert_with(|| bytes.to_vec());
        bytes.to_vec()
    });
    let turned_away = meeting.until(LIMIT, |index, event| {
        index == 0
            && matches!(event, Event::State { state: State::ClosedByPeer, reason: 1234, text, .. }
                if text == "not today")
    });
    assert!(turned_away, "the close arrives with its reason");
    meeting.until(Duration::from_secs(1), |_, _| false);
    drop(meeting);
    let names: Vec<&str> = live.keys().copied().collect();
    let expected = [
        "acknowledgement",
        "candidate",
        "close",
        "connect_ok",
        "connect_request",
        "no_connection",
    ];
    assert_eq!(names, expected);
    live
}

fn name_of(signal: &Signal) -> &'static str {
    match &signal.kind {
        SignalKind::ConnectRequest(_) => "connect_request",
        SignalKind::ConnectOk(_) => "connect_ok",
        SignalKind::Closed { reason, .. } if *reason == NO_CONNECTION => "no_connection",
        SignalKind::Closed { .. } => "close",
        SignalKind::None if signal.reliable.is_empty() => "acknowledgement",
        SignalKind::None => "candidate",
    }
}

/// What does not change from one run to the next.
fn shape(signal: &Signal) -> impl PartialEq + std::fmt::Debug {
    (
        signal.from_identity.clone(),
        signal.to_identity.clone(),
        (signal.from_id.is_some(), signal.to_id.is_some()),
        signal.ice_enabled,
        std::mem::discriminant(&signal.kind),
        (signal.ack.is_some(), signal.first_reliable.is_some()),
        signal.has_unsupported,
    )
}

fn parsed(bytes: &[u8]) -> Signal {
    Signal::parse(bytes).unwrap_or_else(|reason| panic!("{reason}: {}", to_hex(bytes)))
}

/// The same signal in our words.
fn rewritten(bytes: &[u8]) -> Vec<u8> {
    let signal = parsed(bytes);
    assert!(!signal.has_unsupported.any(), "{signal:?}");
    let mut out = Vec::new();
    signal.encode(&mut out);
    assert_eq!(parsed(&out), signal);
    out
}

fn peer(identity: &str) -> GnsP2p {
    GnsP2p::start(program(), identity)
}

fn program() -> &'static Path {
    Path::new(env!("CARGO_BIN_EXE_gns_p2p"))
}

/// Answers binding requests after a while, always with an address that leads nowhere.
fn slow_stun_server(delay: Duration) -> String {
    let socket = UdpSocket::bind((own_address(), 0)).expect("the address is ours");
    let address = socket.local_addr().expect("it is bound");
    thread::spawn(move || {
        let mut buffer = [0; 1500];
        while let Ok((size, from)) = socket.recv_from(&mut buffer) {
            let Some(id) = buffer[..size].get(8..20) else {
                continue;
            };
            let answer = stun_answer(id, Ipv4Addr::new(203, 0, 113, 9), from.port());
            let socket = socket.try_clone().expect("the socket can be shared");
            thread::spawn(move || {
                thread::sleep(delay);
                // The peer may have ended.
                let _ = socket.send_to(&answer, from);
            });
        }
    });
    address.to_string()
}

/// RFC 8489: a binding success response with XOR-MAPPED-ADDRESS.
fn stun_answer(id: &[u8], ip: Ipv4Addr, port: u16) -> Vec<u8> {
    const COOKIE: u32 = 0x2112_A442;
    let mut answer = vec![1, 1, 0, 12];
    answer.extend(COOKIE.to_be_bytes());
    answer.extend(id);
    answer.extend([0, 0x20, 0, 8, 0, 1]);
    answer.extend((port ^ (COOKIE >> 16) as u16).to_be_bytes());
    answer.extend((u32::from(ip) ^ COOKIE).to_be_bytes());
    answer
}

/// Hexadecimal digits, 32 bytes a line.
fn lines(bytes: &[u8]) -> String {
    bytes.chunks(32).map(|line| to_hex(line) + "\n").collect()
}
