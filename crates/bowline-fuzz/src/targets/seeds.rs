//! Inputs to begin with, where finding the form by chance takes long.

use bowline_core::config::ConfigKey;
use bowline_core::hub::FromHub;
use bowline_core::hub::HUB_PROTOCOL;
use bowline_core::hub::Hello;
use bowline_core::hub::HubSignal;
use bowline_core::hub::Method;
use bowline_core::hub::Role;
use bowline_core::hub::ToHub;
use bowline_core::hub::Welcome;
use bowline_core::identity::Identity;
use bowline_core::ids::AppId;
use bowline_core::time::Span;

use crate::arena::{Arena, Setup};

/// A script finds its way by itself.
pub(super) const fn none() -> Vec<Vec<u8>> {
    Vec::new()
}

/// The packets of a handshake, some data and a close.
pub(super) fn datagrams() -> Vec<Vec<u8>> {
    let (mut arena, ids) = Arena::connected(Setup::default());
    arena.feed(0, ids[0], |connection, now| {
        connection.close(
            now,
            bowline_core::end_reason::EndReason::APP_GENERIC,
            "bye",
            false,
        );
    });
    arena.run_for(Span::from_secs(1));
    let sent = arena.sent.iter().flatten();
    sent.map(|datagram| datagram.bytes.clone()).collect()
}

pub(super) fn certs() -> Vec<Vec<u8>> {
    let files: [&[u8]; 4] = [
        include_bytes!("../../../bowline-core/testdata/cert/gns_request_anonymous.bin"),
        include_bytes!("../../../bowline-core/testdata/cert/gns_request_gen.bin"),
        include_bytes!("../../../bowline-core/testdata/cert/gns_request_steamid.bin"),
        include_bytes!("../../../bowline-core/testdata/cert/gns_request_str.bin"),
    ];
    files.map(|file| [&[0], file].concat()).to_vec()
}

/// What a client says first, and how a hub answers.
pub(super) fn hub_messages() -> Vec<Vec<u8>> {
    let hello = Hello {
        protocol: HUB_PROTOCOL,
        app: AppId::new(480),
        role: Role::User,
        method: Ok(Method::Jwt),
        credential: b"a token".to_vec(),
        wanted_identity: Some(Identity::anonymous()),
        version: "a game".into(),
        certificate_request: Some(vec![1, 2]),
    };
    let signal = HubSignal {
        number: 1,
        peer: "str:ben".into(),
        payload: vec![8, 1],
    };
    let welcome = Welcome {
        identity: Identity::anonymous(),
        session: 7,
        unix_ms: 1_700_000_000_000,
        seen_address: Some(([192, 0, 2, 1], 4000).into()),
        config_revision: 1,
        resume: vec![1; 20],
        certificate: Some(vec![2; 20]),
        max_signal: 16_384,
    };
    vec![
        ToHub::Hello(hello).encode(),
        ToHub::Signal(signal.clone()).encode(),
        FromHub::Challenge([1; 32]).encode(),
        FromHub::Welcome(welcome).encode(),
        FromHub::Signal(signal).encode(),
    ]
}

/// Those of the original.
pub(super) fn signals() -> Vec<Vec<u8>> {
    let texts = [
        include_str!("../../../bowline-core/testdata/signals/acknowledgement.hex"),
        include_str!("../../../bowline-core/testdata/signals/candidate.hex"),
        include_str!("../../../bowline-core/testdata/signals/close.hex"),
        include_str!("../../../bowline-core/testdata/signals/connect_ok.hex"),
        include_str!("../../../bowline-core/testdata/signals/connect_request.hex"),
        include_str!("../../../bowline-core/testdata/signals/no_connection.hex"),
    ];
    let digits = |text: &str| -> Vec<u8> {
        let digits = text.chars().filter_map(|digit| digit.to_digit(16));
        let digits: Vec<u8> = digits.map(|digit| digit as u8).collect();
        digits
            .chunks_exact(2)
            .map(|pair| pair[0] << 4 | pair[1])
            .collect()
    };
    texts.map(digits).to_vec()
}

pub(super) fn cert_texts() -> Vec<Vec<u8>> {
    texts(&[
        include_str!("../../../bowline-core/testdata/cert/certtool_intermediate.txt"),
        include_str!("../../../bowline-core/testdata/cert/certtool_keypair.txt"),
        include_str!("../../../bowline-core/testdata/cert/certtool_leaf_one_line.txt"),
        include_str!("../../../bowline-core/testdata/cert/certtool_root.txt"),
        include_str!("../../../bowline-core/testdata/cert/openssh.key"),
        include_str!("../../../bowline-core/testdata/cert/openssh.key.pub"),
        "ID123 # who\n77\n",
    ])
}

pub(super) fn settings() -> Vec<Vec<u8>> {
    let line = |key: ConfigKey| format!("{} = 1", key.name()).into_bytes();
    ConfigKey::all().map(line).collect()
}

pub(super) fn identities() -> Vec<Vec<u8>> {
    texts(&[
        "invalid",
        "steamid:76561197960287930",
        "str:alice",
        "gen:0102030405",
        "ip:127.0.0.1:27015",
        "ip:[2001:db8::1]:27015",
        "xbox:pairwise",
        "psn:12345",
        "unknown:thing",
    ])
}

pub(super) fn addresses() -> Vec<Vec<u8>> {
    texts(&[
        "127.0.0.1:27015",
        "10.0.0.1",
        "[::1]:5",
        "[::ffff:1.2.3.4]:80",
        "2001:db8::1",
        "::",
        "169.254.1.2:3",
    ])
}

pub(super) fn short_texts() -> Vec<Vec<u8>> {
    texts(&[
        "iad",
        "sto2",
        "2026-11-21",
        "2026-11-21 08:15:00 UTC",
        "1800000000",
        "k_EResultOK",
        "OK",
    ])
}

fn texts(all: &[&str]) -> Vec<Vec<u8>> {
    all.iter().map(|text| text.as_bytes().to_vec()).collect()
}
