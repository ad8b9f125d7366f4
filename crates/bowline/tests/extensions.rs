//! What peers of ours agree on beyond GNS, over real sockets on loopback.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on may panic")]

mod support;

use bowline::AuthPolicy;
use bowline::Config;
use bowline::ConnectionState;
use bowline::EndReason;
use bowline::Extension;
use bowline::ExtensionSet;
use bowline::KeyLimits;
use bowline::Rejection;
use bowline::SendFlags;
use bowline::Sockets;

use support::Pair;
use support::listen;
use support::wait_message;
use support::wait_state;
use support::wait_until;

#[test]
fn both_ends_show_what_was_agreed_and_can_do_without() {
    let pair = Pair::new();
    for end in [&pair.dialled, &pair.accepted] {
        assert_eq!(end.info().unwrap().extensions, ExtensionSet::ALL);
    }
    let plain = ExtensionSet::ALL.without(Extension::SealedClose);
    let server = Sockets::builder().extensions(plain).build().unwrap();
    let pair = Pair::between(server, Sockets::new().unwrap());
    for end in [&pair.dialled, &pair.accepted] {
        assert_eq!(end.info().unwrap().extensions, plain);
    }
    let text = "good night";
    let reason = EndReason::new(1042);
    pair.dialled.close(reason, text, false).unwrap();
    let closed = wait_state(&pair.server, ConnectionState::ClosedByPeer);
    assert_eq!(closed.info.end_reason, reason);
}

#[test]
fn a_sealed_close_tells_reason_and_text() {
    let pair = Pair::new();
    let reason = EndReason::new(1042);
    pair.accepted.close(reason, "good night", false).unwrap();
    let closed = wait_state(&pair.client, ConnectionState::ClosedByPeer);
    assert_eq!(closed.info.end_reason, reason);
    assert_eq!(closed.info.end_text, "good night");
}

#[test]
fn keys_are_replaced_under_way() {
    let mut limits = KeyLimits::DEFAULT;
    limits.packets = 16;
    let sockets = || Sockets::builder().key_limits(limits).build().unwrap();
    let pair = Pair::between(sockets(), sockets());
    for n in 0..200_u32 {
        let flags = SendFlags::RELIABLE_NO_NAGLE;
        pair.dialled.send(&n.to_le_bytes(), flags).unwrap();
        let message = wait_message(&pair.server, &pair.accepted);
        assert_eq!(*message, n.to_le_bytes());
        pair.accepted.send(&message, flags).unwrap();
        let echo = wait_message(&pair.client, &pair.dialled);
        assert_eq!(*echo, n.to_le_bytes());
    }
    wait_until(|| {
        [&pair.dialled, &pair.accepted].iter().all(|end| {
            let info = end.info().unwrap();
            info.send_epoch.get() > 3 && info.recv_epoch.get() > 3
        })
    });
}

#[test]
fn a_refused_client_learns_the_cause() {
    let mut config = Config::new();
    config.set_auth(AuthPolicy::Refuse);
    config.set_auth_localhost(AuthPolicy::Refuse);
    let server = Sockets::builder()
        .config(config)
        .explain_rejections(true)
        .build()
        .unwrap();
    let listener = listen(&server);
    let client = Sockets::new().unwrap();
    client.connect(listener.local_addr()).unwrap();
    let refused = wait_state(&client, ConnectionState::ClosedByPeer);
    assert_eq!(refused.info.end_reason, EndReason::REMOTE_BAD_CERT);
    assert_eq!(refused.info.rejection, Some(Rejection::BadIdentity));
}
