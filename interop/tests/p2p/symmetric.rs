//! Both ask, at once or nearly so.

use std::cell::{OnceCell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::Duration;

use bowline::{Config, ConnectionId, ConnectionState, EndReason};
use bowline_core::crypto::kdf::Role;
use bowline_core::p2p::signal::{Signal, SignalKind};
use bowline_core::p2p::tie_break::{Contender, role};
use bowline_interop::courier::Roads;
use bowline_interop::gns_p2p::Event;
use bowline_interop::host::State;

use crate::connecting::BAD;
use crate::messages::exchange;
use crate::room::{ANNA, BEN, Guests, PORT, Room};

/// Both requests are under way before one of them arrives, and everyone reckons the same.
#[test]
fn both_find_out_who_serves() {
    let mut served = BTreeMap::from([(ANNA, 0), (BEN, 0)]);
    for seed in 0..20 {
        if served.values().all(|count| *count >= 2) {
            break;
        }
        let roads = Roads {
            delay: Duration::from_millis(100),
            ..Roads::default()
        };
        *served.entry(meet(seed, roads, None)).or_default() += 1;
    }
    // Each by a fair coin: one run in 26,000 ends here for no reason.
    assert!(served.values().all(|count| *count >= 2), "{served:?}");
}

#[test]
fn bad_roads_change_nothing() {
    for seed in 20..24 {
        meet(seed, BAD, None);
    }
}

/// Who is late may hear of the other before it asks, while it does, or after.
#[test]
fn it_does_not_matter_who_is_first() {
    const DELAY_MS: u64 = 60;
    let good = Roads {
        delay: Duration::from_millis(DELAY_MS),
        ..Roads::default()
    };
    for (first, late) in [(ANNA, BEN), (BEN, ANNA)] {
        for (seed, lead_ms) in (30..).zip([5, 30, 55, 60, 65, 90, 200]) {
            let lead = Duration::from_millis(lead_ms);
            let server = meet(seed, good, Some((first, lead)));
            if lead_ms > 2 * DELAY_MS {
                assert_eq!(server, late, "who was asked for long only had to accept");
            }
        }
        for (seed, lead_ms) in (40..).zip([30, 120, 600]) {
            meet(seed, BAD, Some((first, Duration::from_millis(lead_ms))));
        }
    }
}

/// GNS e707b3a: steamnetworkingsockets_p2p.cpp, `InternalConnectP2P`: an accept of that kind leaves the key exchange
/// out. So the answer has none, and there is nothing that could be done with it.
#[test]
fn gns_cannot_accept_by_connecting() {
    let mut room = Room::new();
    room.theirs.keep_waiting();
    room.theirs.listen(PORT, true);
    let ours = room.call(symmetric());
    room.theirs_in(State::Connecting);
    room.theirs.connect(ANNA, PORT, true);
    let ended = room.ours_in(ConnectionState::ProblemDetectedLocally);
    assert_eq!(ended.connection, ours);
    assert_eq!(ended.info.end_reason, EndReason::REMOTE_BAD_CRYPT);
    assert_eq!(room.theirs_in(State::ClosedByPeer).reason, 4002);
}

fn symmetric() -> Config {
    let mut config = Config::new();
    config.set_symmetric_connect(true).expect("not locked");
    config
}

/// Both connect, one of them maybe ahead of the other by so much, and become one connection. Returns who
/// accepted.
fn meet(seed: u8, roads: Roads, lead: Option<(&'static str, Duration)>) -> &'static str {
    let mut room = Room::with(seed, roads);
    let seen = Rc::new(RefCell::new(Seen::default()));
    let note = Rc::clone(&seen);
    room.change_signals(move |from, signal| {
        note.borrow_mut().note(from, &signal);
        Some(signal)
    });
    // Whoever connects to somebody who has asked already accepts by that; but not GNS, which is told to.
    room.guests = Guests::KeptWaiting;
    room.theirs.listen(PORT, true);
    let (first, lead) = lead.unwrap_or((ANNA, Duration::ZERO));
    let mut ours = None;
    for who in [first, if first == ANNA { BEN } else { ANNA }] {
        if who == ANNA {
            ours = Some(room.call(symmetric()));
        } else {
            room.theirs.connect(ANNA, PORT, true);
        }
        if who == first && !lead.is_zero() {
            room.run_for(lead, |_| None::<()>);
        }
    }
    let ends = room.connected();
    assert_eq!(Some(&ends.ours), ours.as_ref());
    assert_eq!(room.ours.connection_count(), 1);
    let dialled = room.theirs_tell(|event| match event {
        Event::Dialled(link) => Some(*link),
        _ => None,
    });
    // It refuses to connect to whom it has accepted already.
    assert!(dialled.is_none_or(|link| link == ends.theirs));
    exchange(&mut room, &ends);
    let seen = seen.borrow();
    let server = *seen.server.get().expect("somebody has accepted");
    assert_eq!(server, seen.reckoned(), "{first} ahead by {lead:?}");
    server
}

/// What was signalled.
#[derive(Default)]
struct Seen {
    requests: BTreeMap<&'static str, (ConnectionId, Vec<u8>)>,
    server: OnceCell<&'static str>,
}

impl Seen {
    fn note(&mut self, from: &str, signal: &Signal) {
        let from = if from == ANNA { ANNA } else { BEN };
        match &signal.kind {
            SignalKind::ConnectRequest(request) => {
                let id = signal.from_id.expect("a request has an ID");
                let cert = request.cert.cert().to_vec();
                self.requests.insert(from, (id, cert));
            }
            SignalKind::ConnectOk(_) => assert_eq!(*self.server.get_or_init(|| from), from),
            SignalKind::None | SignalKind::Closed { .. } => {}
        }
    }

    /// Who has to accept: of two that ask the one that both reckon, else who did not ask.
    fn reckoned(&self) -> &'static str {
        let contender = |name| {
            let (id, cert) = self.requests.get(name)?;
            Some(Contender { id: *id, cert })
        };
        match (contender(ANNA), contender(BEN)) {
            (Some(anna), Some(ben)) => match role(anna, ben) {
                Role::Server => ANNA,
                Role::Client => BEN,
            },
            (Some(_), None) => BEN,
            (None, _) => ANNA,
        }
    }
}
