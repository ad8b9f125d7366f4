//! Inputs to begin with, where finding the form by chance takes long.

use bowline_core::config::ConfigKey;
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
