//! Ways to end a connection, as the other side sees them.

use std::time::Duration;

use bowline_interop::host::{Options, Outgoing, State};
use bowline_interop::pair::{Ends, PROMPT, Pair, Pairing, Side};
use bowline_interop::traffic::payload;

use crate::{Cost, Scenario};

pub(crate) const SCENARIOS: &[Scenario] = &[
    Scenario {
        name: "linger_of_client",
        cost: Cost::Waits,
        limit_s: 30,
        run: client_lingers,
    },
    Scenario {
        name: "linger_of_server",
        cost: Cost::Waits,
        limit_s: 30,
        run: server_lingers,
    },
    Scenario {
        name: "close_by_client",
        cost: Cost::Waits,
        limit_s: 15,
        run: by_client,
    },
    Scenario {
        name: "close_by_server",
        cost: Cost::Waits,
        limit_s: 15,
        run: by_server,
    },
    Scenario {
        name: "close_without_reason",
        cost: Cost::Waits,
        limit_s: 15,
        run: no_reason,
    },
    Scenario {
        name: "close_with_long_text",
        cost: Cost::Waits,
        limit_s: 15,
        run: long_text,
    },
    Scenario {
        name: "close_by_both",
        cost: Cost::Waits,
        limit_s: 15,
        run: by_both,
    },
    Scenario {
        name: "close_behind_messages",
        cost: Cost::Waits,
        limit_s: 15,
        run: unread,
    },
];

fn by_client(pairing: Pairing) {
    let (mut pair, ends) = Pair::connected(pairing, &Options::default());
    pair.client
        .host
        .close(ends.client, 1234, "good night", false);
    assert_closed_by_peer(&mut pair.server, ends.server, 1234, "good night");
    assert_eq!(
        pair.client.host.info(ends.client).state,
        State::None,
        "a closed handle is gone"
    );
}

fn by_server(pairing: Pairing) {
    let (mut pair, ends) = Pair::connected(pairing, &Options::default());
    pair.server
        .host
        .close(ends.server, 2345, "caught cheating", false);
    assert_closed_by_peer(&mut pair.client, ends.client, 2345, "caught cheating");
    assert_eq!(
        pair.server.host.info(ends.server).state,
        State::None,
        "a closed handle is gone"
    );
}

fn no_reason(pairing: Pairing) {
    let (mut pair, ends) = Pair::connected(pairing, &Options::default());
    pair.client.host.close(ends.client, 0, "", false);
    pair.server
        .until_state(ends.server, State::ClosedByPeer, PROMPT);
    // GNS's `k_ESteamNetConnectionEnd_App_Generic`.
    assert_eq!(pair.server.host.info(ends.server).end_reason, 1000);
}

fn long_text(pairing: Pairing) {
    let (mut pair, ends) = Pair::connected(pairing, &Options::default());
    let text = "long ".repeat(100);
    pair.server.host.close(ends.server, 1001, &text, false);
    // GNS keeps 127 bytes of a text.
    assert_closed_by_peer(&mut pair.client, ends.client, 1001, &text[..127]);
}

fn by_both(pairing: Pairing) {
    let (mut pair, ends) = Pair::connected(pairing, &Options::default());
    pair.client
        .host
        .close(ends.client, 1001, "from the client", false);
    pair.server
        .host
        .close(ends.server, 1002, "from the server", false);
    pair.run_for(Duration::from_millis(300));
    assert_eq!(pair.client.host.info(ends.client).state, State::None);
    assert_eq!(pair.server.host.info(ends.server).state, State::None);
    // Neither is left in a state that hinders a new start.
    pair.server.forget_changes();
    pair.connect(&Options::default());
}

fn unread(pairing: Pairing) {
    let (mut pair, ends) = Pair::connected(pairing, &Options::default());
    for id in 1..=10 {
        let data = payload(id, 100);
        let message = Outgoing::reliable(&data).no_nagle();
        pair.client
            .host
            .send(ends.client, &message)
            .expect("there is room");
    }
    pair.until("all is acknowledged", PROMPT, |pair| {
        let status = pair.client.host.status(ends.client);
        status.unacked_reliable_bytes + status.pending_reliable_bytes == 0
    });
    pair.client
        .host
        .close(ends.client, 1234, "that was all", false);
    assert_closed_by_peer(&mut pair.server, ends.server, 1234, "that was all");
    let mut received = Vec::new();
    pair.server.host.receive(ends.server, &mut received);
    assert_eq!(
        received.len(),
        10,
        "what arrived before the close can still be read"
    );
}

fn client_lingers(pairing: Pairing) {
    let (mut pair, ends) = Pair::connected(pairing, &slow());
    let Ends { client, server } = ends;
    assert_lingers(&mut pair, client, server, |pair| {
        (&mut pair.client, &mut pair.server)
    });
}

fn server_lingers(pairing: Pairing) {
    let (mut pair, ends) = Pair::connected(pairing, &slow());
    let Ends { client, server } = ends;
    assert_lingers(&mut pair, server, client, |pair| {
        (&mut pair.server, &mut pair.client)
    });
}

/// Slow enough that the data is on its way for about a second.
fn slow() -> Options {
    Options {
        send_rate: Some(400_000),
        ..Options::default()
    }
}

fn assert_lingers(
    pair: &mut Pair,
    from: bowline_interop::host::Link,
    to: bowline_interop::host::Link,
    sides: fn(&mut Pair) -> (&mut Side, &mut Side),
) {
    let data = payload(1, 400_000);
    let (sender, _) = sides(pair);
    sender
        .host
        .send(from, &Outgoing::reliable(&data))
        .expect("there is room");
    sender.host.close(from, 1500, "after you", true);
    let mut received = Vec::new();
    pair.until(
        "the lingering message arrives",
        Duration::from_secs(15),
        |pair| {
            let (_, receiver) = sides(pair);
            receiver.host.receive(to, &mut received);
            !received.is_empty()
        },
    );
    assert!(received[0].data == data, "the message arrived damaged");
    pair.until("the end is seen", PROMPT, |pair| {
        let (_, receiver) = sides(pair);
        receiver.host.info(to).state == State::ClosedByPeer
    });
    let (_, receiver) = sides(pair);
    let info = receiver.host.info(to);
    assert_eq!(
        (info.end_reason, info.end_text.as_str()),
        (1500, "after you")
    );
}

fn assert_closed_by_peer(
    side: &mut Side,
    link: bowline_interop::host::Link,
    reason: i32,
    text: &str,
) {
    side.until_state(link, State::ClosedByPeer, PROMPT);
    let info = side.host.info(link);
    assert_eq!((info.end_reason, info.end_text.as_str()), (reason, text));
    let last = side.changes_of(link).pop();
    assert_eq!(last, Some((State::Connected, State::ClosedByPeer)));
}
