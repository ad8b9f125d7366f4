//! Both ask at once.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::Duration;

use bowline::Config;
use bowline_core::crypto::kdf::Role;
use bowline_core::p2p::signal::SignalKind;
use bowline_core::p2p::tie_break::{Contender, role};
use bowline_interop::courier::Roads;

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
        *served.entry(meet(seed, roads)).or_default() += 1;
    }
    // Each by a fair coin: one run in 26,000 ends here for no reason.
    assert!(served.values().all(|count| *count >= 2), "{served:?}");
}

#[test]
fn bad_roads_change_nothing() {
    for seed in 20..24 {
        meet(seed, BAD);
    }
}

/// What is lost can make one of them the server that would not be else; one connection comes of it anyway.
fn meet(seed: u8, roads: Roads) -> &'static str {
    let mut room = Room::with(seed, roads);
    let seen = Rc::new(RefCell::new(Seen::default()));
    let note = Rc::clone(&seen);
    room.change_signals(move |from, signal| {
        let from = if from == ANNA { ANNA } else { BEN };
        let mut seen = note.borrow_mut();
        match &signal.kind {
            SignalKind::ConnectRequest(request) => {
                let id = signal.from_id.expect("a request has an ID");
                let cert = request.cert.cert().to_vec();
                seen.requests.insert(from, (id, cert));
            }
            SignalKind::ConnectOk(_) => seen.server = Some(from),
            SignalKind::None | SignalKind::Closed { .. } => {}
        }
        Some(signal)
    });
    let mut config = Config::new();
    config.set_symmetric_connect(true).expect("not locked");
    room.guests = Guests::KeptWaiting;
    let ours = room.call(config);
    room.theirs.connect(ANNA, PORT, true);
    let ends = room.connected();
    assert_eq!(ends.ours, ours);
    assert_eq!(room.ours.connection_count(), 1);
    exchange(&mut room, &ends);
    let seen = seen.borrow();
    let [anna, ben] = [ANNA, BEN].map(|name| {
        let (id, cert) = &seen.requests[name];
        Contender { id: *id, cert }
    });
    let reckoned = match role(anna, ben) {
        Role::Server => ANNA,
        Role::Client => BEN,
    };
    assert_eq!(seen.server, Some(reckoned));
    reckoned
}

#[derive(Default)]
struct Seen {
    requests: BTreeMap<&'static str, (bowline::ConnectionId, Vec<u8>)>,
    server: Option<&'static str>,
}
