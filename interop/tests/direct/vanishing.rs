//! A peer that is gone from one moment to the next.

use std::path::Path;
use std::time::{Duration, Instant};

use bowline_interop::PeerProcess;
use bowline_interop::host::{Link, Options, Outgoing, State};
use bowline_interop::pair::{PROMPT, Pairing, Side, until};

use crate::{Cost, Scenario};

pub(crate) const SCENARIOS: &[Scenario] = &[
    Scenario {
        name: "server_vanishes_when_idle",
        cost: Cost::Waits,
        limit_s: 60,
        run: server_idle,
    },
    Scenario {
        name: "server_vanishes_when_busy",
        cost: Cost::Waits,
        limit_s: 60,
        run: server_busy,
    },
    Scenario {
        name: "client_vanishes_when_busy",
        cost: Cost::Waits,
        limit_s: 60,
        run: client_busy,
    },
];

fn server_idle(pairing: Pairing) {
    let (mut side, link, peer) = connect_to_process(pairing);
    assert_echo(&mut side, link);
    peer.kill();
    assert_notices(&mut side, link, false);
}

fn server_busy(pairing: Pairing) {
    let (mut side, link, peer) = connect_to_process(pairing);
    assert_echo(&mut side, link);
    peer.kill();
    assert_notices(&mut side, link, true);
}

fn client_busy(pairing: Pairing) {
    let mut side = pairing.server.start(None);
    let address = side.host.listen(&Options::default());
    let peer = PeerProcess::client(program(), pairing.client, address);
    let mut incoming = None;
    until("the process dials", PROMPT, || {
        incoming = side.take_incoming();
        incoming.is_some()
    });
    let link = incoming.expect("waited for it");
    side.host.accept(link);
    side.until_state(link, State::Connected, PROMPT);
    assert_echo(&mut side, link);
    peer.kill();
    assert_notices(&mut side, link, true);
}

fn connect_to_process(pairing: Pairing) -> (Side, Link, PeerProcess) {
    let (peer, address) = PeerProcess::server(program(), pairing.server);
    let mut side = pairing.client.start(None);
    let link = side.host.connect(address, &Options::default());
    side.until_state(link, State::Connected, PROMPT);
    (side, link, peer)
}

fn assert_echo(side: &mut Side, link: Link) {
    side.host
        .send(link, &Outgoing::reliable(b"anybody there?"))
        .expect("there is room");
    let mut received = Vec::new();
    until("the echo comes", PROMPT, || {
        side.changes();
        side.host.receive(link, &mut received);
        !received.is_empty()
    });
    assert_eq!(received[0].data, b"anybody there?");
}

/// With the default limit of 10 s for silence: about 11 s when busy, 21 s when idle.
fn assert_notices(side: &mut Side, link: Link, busy: bool) {
    let start = Instant::now();
    let latest = if busy {
        Duration::from_secs(14)
    } else {
        Duration::from_secs(25)
    };
    until("the loss is noticed", latest, || {
        if busy {
            // Refused once the connection is over, which is what is waited for.
            side.host
                .send(link, &Outgoing::reliable(b"still there?"))
                .ok();
        }
        side.is_in(link, State::ProblemDetectedLocally)
    });
    let took = start.elapsed();
    assert!(
        took > Duration::from_millis(9500),
        "noticed after {took:?} already"
    );
    let info = side.host.info(link);
    // GNS's `k_ESteamNetConnectionEnd_Misc_Timeout`.
    assert_eq!(info.end_reason, 5003, "{}", info.end_text);
    let last = side.changes_of(link).pop();
    assert_eq!(
        last,
        Some((State::Connected, State::ProblemDetectedLocally))
    );
}

fn program() -> &'static Path {
    Path::new(env!("CARGO_BIN_EXE_peer"))
}
