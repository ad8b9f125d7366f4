//! Certificates of an authority that the original does not know, and expectations that it cannot meet.

use bowline::cert::{AppId, Authority, SignedCertificate, default_crypto, generate_key_pair};
use bowline::{Expect, Sockets};
use bowline_interop::host::{Options, State};
use bowline_interop::pair::{Library, PROMPT, Pair, Pairing, Side};
use bowline_interop::product::Product;
use bowline_interop::traffic::{assert_reliable_intact, exchange, plan};

use crate::{Cost, Scenario};

pub(crate) const SCENARIOS: &[Scenario] = &[
    Scenario {
        name: "certificate_of_an_unknown_authority",
        cost: Cost::Waits,
        limit_s: 15,
        run: unknown_authority,
    },
    Scenario {
        name: "dialled_host_is_not_the_expected_one",
        cost: Cost::Waits,
        limit_s: 15,
        run: not_the_expected_one,
    },
];

/// The end reason for a peer that is not who it should be.
const BAD_CERT: i32 = 4003;

/// The original trusts its maker's root only. As long as it allows peers without authentication, which
/// is its default, it takes our certificate for an unsigned one, identity included.
fn unknown_authority(pairing: Pairing) {
    let options = Options::default();
    let client = start(pairing.client, "str:ann", None);
    let server = start(pairing.server, name_of_server(pairing), None);
    let mut pair = Pair::of(client, server, &options);
    let ends = pair.dial(&options);
    pair.server.host.accept(ends.server);
    pair.client
        .until_state(ends.client, State::Connected, PROMPT);
    pair.server
        .until_state(ends.server, State::Connected, PROMPT);
    let (client, server) = (
        pair.client.host.info(ends.client),
        pair.server.host.info(ends.server),
    );
    assert_eq!(server.identity, "str:ann");
    assert_eq!(client.identity, name_of_server(pairing));
    if pairing.is_mixed() {
        assert!(!client.authenticated && !server.authenticated);
    }
    let plan = plan(true, [1, 100, 2000]);
    let outcome = exchange(&mut pair, ends, &plan, &plan, PROMPT);
    assert_reliable_intact(&plan, &outcome.0);
    assert_reliable_intact(&plan, &outcome.1);
}

/// A host of the original makes a key for each connection, and nobody vouches for its name.
fn not_the_expected_one(pairing: Pairing) {
    if pairing.client != Library::Bowline {
        return;
    }
    let expect = Expect::Identity("str:bob".parse().expect("a sound identity"));
    let options = Options::default();
    let client = start(pairing.client, "str:ann", Some(expect));
    let server = start(pairing.server, "str:bob", None);
    let mut pair = Pair::of(client, server, &options);
    let ends = pair.dial(&options);
    pair.server.host.accept(ends.server);
    pair.client
        .until_state(ends.client, State::ProblemDetectedLocally, PROMPT);
    pair.server
        .until_state(ends.server, State::ClosedByPeer, PROMPT);
    let ours = pair.client.host.info(ends.client);
    let theirs = pair.server.host.info(ends.server);
    assert_eq!(ours.end_reason, BAD_CERT, "{}", ours.end_text);
    assert_eq!(theirs.end_reason, BAD_CERT, "{}", theirs.end_text);
}

/// One process has one host of the original, with one identity.
fn name_of_server(pairing: Pairing) -> &'static str {
    if pairing.is_mixed() {
        "str:bob"
    } else {
        "str:ann"
    }
}

fn start(library: Library, identity: &str, expect: Option<Expect>) -> Side {
    match library {
        Library::Gns => library.start(Some(identity)),
        Library::Bowline => Side::of(Box::new(Product::of(certified(identity), expect))),
    }
}

/// An interface with a certificate by an authority that exists only here.
fn certified(identity: &str) -> Sockets {
    let sockets = Sockets::builder()
        .identity(identity.parse().expect("scenarios use sound identities"))
        .build()
        .expect("the interface starts");
    let mut request = sockets.certificate_request();
    // The original asks for app 0 unless it is told another.
    request.app_ids = vec![AppId::new(0)];
    let crypto = default_crypto();
    let root = generate_key_pair().expect("the system has randomness");
    let authority = Authority::new(&crypto, root.private().clone());
    let signed = authority.issue(&crypto, &request.spec(1, u32::MAX));
    let signed = SignedCertificate::from_message(signed).expect("just made");
    sockets.set_certificate(&signed).expect("made for us");
    sockets
}
