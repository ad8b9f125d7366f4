//! Handshake, identities, refusals, many connections.

use std::net::{Ipv4Addr, UdpSocket};
use std::time::{Duration, Instant};

use bowline_interop::host::{Options, State};
use bowline_interop::pair::{Library, PROMPT, Pair, Pairing, Side};
use bowline_interop::product::Product;
use bowline_interop::traffic::{assert_reliable_intact, exchange, plan};

use crate::{Cost, Scenario};

pub(crate) const SCENARIOS: &[Scenario] = &[
    Scenario {
        name: "dialled_host_is_silent",
        cost: Cost::Waits,
        limit_s: 30,
        run: silent,
    },
    Scenario {
        name: "never_accepted",
        cost: Cost::Waits,
        limit_s: 30,
        run: never_accepted,
    },
    Scenario {
        name: "handshake_anonymous",
        cost: Cost::Waits,
        limit_s: 15,
        run: anonymous,
    },
    Scenario {
        name: "handshake_with_names",
        cost: Cost::Waits,
        limit_s: 15,
        run: named,
    },
    Scenario {
        name: "accepted_late",
        cost: Cost::Waits,
        limit_s: 15,
        run: accepted_late,
    },
    Scenario {
        name: "rejected",
        cost: Cost::Waits,
        limit_s: 15,
        run: rejected,
    },
    Scenario {
        name: "rejected_with_the_cause",
        cost: Cost::Waits,
        limit_s: 15,
        run: rejected_with_cause,
    },
    Scenario {
        name: "dialler_gives_up",
        cost: Cost::Waits,
        limit_s: 15,
        run: gives_up,
    },
    Scenario {
        name: "unencrypted",
        cost: Cost::Waits,
        limit_s: 15,
        run: unencrypted,
    },
    Scenario {
        name: "one_after_the_other",
        cost: Cost::Waits,
        limit_s: 30,
        run: repeated,
    },
    Scenario {
        name: "many_clients",
        cost: Cost::Works,
        limit_s: 60,
        run: many,
    },
];

fn anonymous(pairing: Pairing) {
    let (mut pair, ends) = Pair::connected(pairing, &Options::default());
    let up = [
        (State::None, State::Connecting),
        (State::Connecting, State::Connected),
    ];
    assert_eq!(
        pair.client.changes_of(ends.client),
        up,
        "state changes at the client"
    );
    assert_eq!(
        pair.server.changes_of(ends.server),
        up,
        "state changes at the server"
    );

    let at_client = pair.client.host.info(ends.client);
    let at_server = pair.server.host.info(ends.server);
    for info in [&at_client, &at_server] {
        assert!(info.encrypted, "{info:?}");
        assert!(!info.authenticated, "{info:?}");
        assert_eq!((info.end_reason, info.end_text.as_str()), (0, ""));
        let remote = info.remote.expect("the remote address is known");
        assert_eq!(info.identity, format!("ip:{remote}"));
    }
    assert_eq!(at_client.remote, Some(pair.address));
}

fn named(pairing: Pairing) {
    // One process has one GNS, with one identity.
    let (client, server) = if pairing.client == pairing.server {
        ("str:one", "str:one")
    } else {
        ("str:ann", "str:bob")
    };
    let options = Options::default();
    let mut pair = Pair::with_identities(pairing, Some(client), Some(server), &options);
    let ends = pair.dial(&options);
    // The application decides on the identity, so it is known before that.
    assert_eq!(pair.server.host.info(ends.server).identity, client);
    pair.server.host.accept(ends.server);
    pair.client
        .until_state(ends.client, State::Connected, PROMPT);
    assert_eq!(pair.client.host.info(ends.client).identity, server);
    assert_eq!(pair.server.host.info(ends.server).identity, client);
}

fn accepted_late(pairing: Pairing) {
    let options = Options::default();
    let mut pair = Pair::new(pairing, &options);
    let ends = pair.dial(&options);
    // Long enough for several rounds of the handshake, 500 ms apart.
    pair.run_for(Duration::from_millis(2300));
    assert_eq!(pair.client.host.info(ends.client).state, State::Connecting);
    assert!(
        pair.server.take_incoming().is_none(),
        "the retries made a second connection"
    );
    pair.server.host.accept(ends.server);
    pair.client
        .until_state(ends.client, State::Connected, PROMPT);
    let ping_ms = pair.client.host.status(ends.client).ping_ms;
    assert!(
        ping_ms < 1000,
        "the wait for the application was counted as ping: {ping_ms} ms"
    );
    assert_traffic_flows(&mut pair, ends);
}

fn never_accepted(pairing: Pairing) {
    // Only the client is in a hurry: a server with the same limit may be first to give up, and the
    // client then reads of it.
    let mut pair = Pair::new(pairing, &Options::default());
    let ends = pair.dial(&Options {
        timeout_initial_ms: Some(3000),
        ..Options::default()
    });
    let ended = [
        (State::None, State::Connecting),
        (State::Connecting, State::ProblemDetectedLocally),
    ];
    pair.client.until_state(
        ends.client,
        State::ProblemDetectedLocally,
        Duration::from_secs(6),
    );
    assert_eq!(pair.client.changes_of(ends.client), ended);
    assert_eq!(pair.client.host.info(ends.client).end_reason, TIMEOUT);
    // The client says that it gave up.
    pair.until("the server learns of it", PROMPT, |pair| {
        let state = pair.server.host.info(ends.server).state;
        matches!(state, State::ClosedByPeer | State::ProblemDetectedLocally)
    });
}

fn rejected(pairing: Pairing) {
    let options = Options::default();
    let mut pair = Pair::new(pairing, &options);
    let ends = pair.dial(&options);
    pair.server
        .host
        .close(ends.server, 1303, "the house is full", false);
    pair.client
        .until_state(ends.client, State::ClosedByPeer, PROMPT);
    let info = pair.client.host.info(ends.client);
    assert_eq!(
        (info.end_reason, info.end_text.as_str()),
        (1303, "the house is full")
    );
    let ended = [
        (State::None, State::Connecting),
        (State::Connecting, State::ClosedByPeer),
    ];
    assert_eq!(pair.client.changes_of(ends.client), ended);
}

/// A server of ours that is set to tell why it refuses; GNS never does.
fn rejected_with_cause(pairing: Pairing) {
    if pairing.server != Library::Bowline {
        return;
    }
    let options = Options::default();
    let mut server = Side::of(Box::new(Product::of_another_game()));
    let mut client = pairing.client.start(None);
    let address = server.host.listen(&options);
    let link = client.host.connect(address, &options);
    client.until_state(link, State::ClosedByPeer, PROMPT);
    let info = client.host.info(link);
    assert_eq!(
        (info.end_reason, info.end_text.as_str()),
        (4003, "Cert is not for app 480, but for 0")
    );
    assert!(
        server.changes().is_empty(),
        "the application never hears of it"
    );
}

fn gives_up(pairing: Pairing) {
    let options = Options::default();
    let mut pair = Pair::new(pairing, &options);
    let ends = pair.dial(&options);
    pair.client
        .host
        .close(ends.client, 1404, "changed my mind", false);
    pair.server
        .until_state(ends.server, State::ClosedByPeer, PROMPT);
    let info = pair.server.host.info(ends.server);
    assert_eq!(
        (info.end_reason, info.end_text.as_str()),
        (1404, "changed my mind")
    );
}

fn unencrypted(pairing: Pairing) {
    let options = Options {
        unencrypted: Some(2),
        ..Options::default()
    };
    let (mut pair, ends) = Pair::connected(pairing, &options);
    assert!(!pair.client.host.info(ends.client).encrypted);
    assert!(!pair.server.host.info(ends.server).encrypted);
    assert_traffic_flows(&mut pair, ends);
}

fn repeated(pairing: Pairing) {
    let options = Options::default();
    let mut pair = Pair::new(pairing, &options);
    for round in 0..20 {
        let ends = pair.connect(&options);
        assert_traffic_flows(&mut pair, ends);
        pair.client
            .host
            .close(ends.client, 1000 + round, "next", false);
        pair.server
            .until_state(ends.server, State::ClosedByPeer, PROMPT);
        assert_eq!(pair.server.host.info(ends.server).end_reason, 1000 + round);
        pair.server.host.close(ends.server, 0, "", false);
    }
}

fn many(pairing: Pairing) {
    let options = Options::default();
    let mut pair = Pair::new(pairing, &options);
    let all: Vec<_> = (0..64).map(|_| pair.connect(&options)).collect();
    for (index, ends) in all.iter().enumerate() {
        let up = plan(true, [index + 1, 3000]);
        let down = plan(true, [2000, index + 1]);
        let (at_server, at_client) = exchange(&mut pair, *ends, &up, &down, PROMPT);
        assert_reliable_intact(&up, &at_server);
        assert_reliable_intact(&down, &at_client);
    }
}

fn silent(pairing: Pairing) {
    let hole = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
    let address = hole.local_addr().expect("it is bound");
    let mut side = pairing.client.start(None);
    let options = Options {
        timeout_initial_ms: Some(4000),
        ..Options::default()
    };
    let start = Instant::now();
    let link = side.host.connect(address, &options);
    side.until_state(link, State::ProblemDetectedLocally, Duration::from_secs(9));
    let took = start.elapsed();
    assert!(
        took > Duration::from_millis(3900),
        "gave up after {took:?} already"
    );
    assert!(
        took < Duration::from_millis(7000),
        "gave up only after {took:?}"
    );
    let info = side.host.info(link);
    assert_eq!(info.end_reason, TIMEOUT, "{}", info.end_text);
}

fn assert_traffic_flows(pair: &mut Pair, ends: bowline_interop::pair::Ends) {
    let messages = plan(true, [5, 5000]);
    let (at_server, at_client) = exchange(pair, ends, &messages, &messages, PROMPT);
    assert_reliable_intact(&messages, &at_server);
    assert_reliable_intact(&messages, &at_client);
}

/// GNS's `k_ESteamNetConnectionEnd_Misc_Timeout`.
const TIMEOUT: i32 = 5003;
