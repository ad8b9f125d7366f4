//! Each refusal is the result code that GNS documents for it.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on may panic")]

mod support;

use std::io;
use std::net::SocketAddr;

use bowline::AcceptError;
use bowline::BatchMessage;
use bowline::BuildError;
use bowline::Config;
use bowline::ConfigKey;
use bowline::ConfigScope;
use bowline::ConnectError;
use bowline::Connection;
use bowline::ConnectionState;
use bowline::DebugOutputError;
use bowline::EncryptionPolicy;
use bowline::EndReason;
use bowline::Identity;
use bowline::LaneConfig;
use bowline::LaneError;
use bowline::LaneIndex;
use bowline::ListenError;
use bowline::MAX_MESSAGE;
use bowline::OnFailure;
use bowline::PairError;
use bowline::PairKind;
use bowline::PeerAddr;
use bowline::PollGroupError;
use bowline::PopId;
use bowline::ResultCode;
use bowline::SendError;
use bowline::SendFlags;
use bowline::SendOptions;
use bowline::Sockets;
use bowline::ToResult;
use bowline::cert;
use bowline::cert::Authority;
use bowline::cert::CertError;
use bowline::cert::CertificateRequest;
use bowline::cert::SignedCertificate;
use bowline::cert::generate_key_pair;
use bowline::utils::PingLocation;

use support::LOOPBACK;
use support::Pair;
use support::connect;
use support::listen;
use support::wait_state;

const RELIABLE: SendFlags = SendFlags::RELIABLE_NO_NAGLE;

/// A pair whose client has closed its handle.
fn closed() -> Pair {
    let pair = Pair::new();
    pair.dialled
        .close(EndReason::APP_GENERIC, "", false)
        .unwrap();
    pair
}

#[test]
fn accepting_ok_and_refused() {
    let (server, client) = (Sockets::new().unwrap(), Sockets::new().unwrap());
    let listener = listen(&server);
    let dialled = client.connect(listener.local_addr()).unwrap();
    assert_eq!(
        dialled.accept().result(),
        ResultCode::InvalidParam,
        "8: made here"
    );
    let request = wait_state(&server, ConnectionState::Connecting).connection;
    assert_eq!(request.accept().result(), ResultCode::Ok);
    assert_eq!(
        request.accept().result(),
        ResultCode::InvalidState,
        "11: not connecting"
    );
    request.close(EndReason::APP_GENERIC, "", false).unwrap();
    assert_eq!(
        request.accept().result(),
        ResultCode::InvalidParam,
        "8: bad handle"
    );
    let failed = AcceptError::BadCrypt.result();
    assert_eq!(failed, ResultCode::HandshakeFailed, "36: crypto failure");
}

#[test]
fn accepting_whom_no_cipher_suits_is_a_failed_handshake() {
    let (server, client) = (Sockets::new().unwrap(), Sockets::new().unwrap());
    let listener = listen(&server);
    let mut plain = Config::new();
    plain.set_encryption(EncryptionPolicy::Off);
    client.connect_with(listener.local_addr(), plain).unwrap();
    let request = wait_state(&server, ConnectionState::Connecting).connection;
    let refused = request.accept().result();
    assert_eq!(refused, ResultCode::HandshakeFailed, "36: crypto failure");
    wait_state(&server, ConnectionState::ProblemDetectedLocally);
    assert_eq!(request.accept().result(), ResultCode::InvalidState, "11");
}

#[test]
fn accepting_what_the_peer_has_closed_is_an_invalid_state() {
    let (server, client) = (Sockets::new().unwrap(), Sockets::new().unwrap());
    let listener = listen(&server);
    let dialled = client.connect(listener.local_addr()).unwrap();
    let request = wait_state(&server, ConnectionState::Connecting).connection;
    dialled.close(EndReason::APP_GENERIC, "", false).unwrap();
    wait_state(&server, ConnectionState::ClosedByPeer);
    assert_eq!(request.accept().result(), ResultCode::InvalidState);
}

#[test]
fn sending_ok_and_refused() {
    let mut config = Config::new();
    config.set(ConfigKey::SendBufferSize, 10_000).unwrap();
    let pair = Pair::with(config);
    assert_eq!(MAX_MESSAGE, 524_288);
    let too_large = vec![0; MAX_MESSAGE + 1];
    assert_eq!(
        pair.dialled.send(b"", RELIABLE).result(),
        ResultCode::Ok,
        "size zero"
    );
    let sent = pair.dialled.send(&too_large, RELIABLE);
    assert_eq!(
        sent.result(),
        ResultCode::InvalidParam,
        "8: above 524288 bytes"
    );
    let sent = pair.dialled.send(&too_large[..10_001], RELIABLE);
    assert_eq!(
        sent.result(),
        ResultCode::LimitExceeded,
        "25: above the send buffer"
    );
    let options = SendOptions::unreliable().replace(1);
    let sent = pair.dialled.send_with(&too_large, options);
    assert_eq!(sent.result(), ResultCode::InvalidParam, "8");
    let lane = LaneIndex::new(1);
    let sent = pair.dialled.send_on(lane, b"x", RELIABLE);
    assert_eq!(sent.result(), ResultCode::InvalidParam, "8: bad lane");
    let refused = SendError::OnlyUnreliable.result();
    assert_eq!(refused, ResultCode::InvalidParam, "as a bad flag");
    let filled = (0..).map(|_| pair.dialled.send(&[0; 5000], RELIABLE));
    let refused = filled.take(1000).find(Result::is_err).unwrap();
    assert_eq!(
        refused.result(),
        ResultCode::LimitExceeded,
        "25: send buffer"
    );
    pair.accepted
        .close(EndReason::APP_GENERIC, "", false)
        .unwrap();
    wait_state(&pair.client, ConnectionState::ClosedByPeer);
    assert_eq!(
        pair.dialled.send(b"x", RELIABLE).result(),
        ResultCode::NoConnection,
        "3: ended"
    );
    assert_eq!(
        pair.dialled.flush().result(),
        ResultCode::NoConnection,
        "3: ended"
    );
    pair.dialled
        .close(EndReason::APP_GENERIC, "", false)
        .unwrap();
    assert_eq!(
        pair.dialled.send(b"x", RELIABLE).result(),
        ResultCode::InvalidParam,
        "8: handle"
    );
    assert_eq!(
        pair.dialled.flush().result(),
        ResultCode::InvalidParam,
        "8: bad handle"
    );
}

#[test]
fn flushing_is_ignored_until_connected() {
    let (server, client) = (Sockets::new().unwrap(), Sockets::new().unwrap());
    let listener = listen(&server);
    let dialled = client.connect(listener.local_addr()).unwrap();
    assert_eq!(
        dialled.send(b"x", SendFlags::RELIABLE).result(),
        ResultCode::Ok
    );
    let refused = dialled.flush();
    let state = ConnectionState::Connecting;
    assert_eq!(refused, Err(SendError::WrongState(state)));
    assert_eq!(
        refused.result(),
        ResultCode::Ignored,
        "41: not yet connected"
    );
    let request = wait_state(&server, ConnectionState::Connecting).connection;
    assert_eq!(
        request.flush().result(),
        ResultCode::Ignored,
        "41: not accepted"
    );
    request.accept().unwrap();
    wait_state(&client, ConnectionState::Connected);
    for end in [&dialled, &request] {
        assert_eq!(
            end.flush().result(),
            ResultCode::Ok,
            "also with nothing to send"
        );
    }
}

#[test]
fn without_delay_is_ignored_while_not_connected() {
    let (server, client) = (Sockets::new().unwrap(), Sockets::new().unwrap());
    let listener = listen(&server);
    let dialled = client.connect(listener.local_addr()).unwrap();
    let sent = dialled.send(b"x", SendFlags::UNRELIABLE_NO_DELAY);
    assert_eq!(sent.result(), ResultCode::Ignored, "41");
    assert_eq!(
        dialled.send(b"x", RELIABLE).result(),
        ResultCode::Ok,
        "queued"
    );
    for state in [ConnectionState::Connecting, ConnectionState::FindingRoute] {
        assert_eq!(SendError::WrongState(state).result(), ResultCode::Ignored);
    }
}

#[test]
fn a_batch_has_a_result_for_each_message() {
    let pair = Pair::new();
    let message = |data: Vec<u8>| BatchMessage::new(&pair.dialled, data, RELIABLE);
    let results = |stale: &Connection| {
        let stale = BatchMessage::new(stale, "x", RELIABLE);
        let batch = vec![
            message(vec![1]),
            message(vec![0; 524_289]),
            message(vec![3]),
            stale,
        ];
        let sent = pair.client.send_batch(batch, OnFailure::Stop);
        sent.iter().map(ToResult::result).collect::<Vec<_>>()
    };
    let expected = [
        ResultCode::Ok,
        ResultCode::InvalidParam,
        ResultCode::None,
        ResultCode::InvalidParam,
    ];
    assert_eq!(results(&closed().dialled), expected);
}

#[test]
fn pairs_ok_and_refused() {
    let sockets = Sockets::new().unwrap();
    let pair = |options: Config| sockets.socket_pair_with(PairKind::Pipe, None, None, options);
    assert_eq!(pair(Config::new()).result(), ResultCode::Ok);
    let mut options = Config::at(ConfigScope::Interface);
    options.set(ConfigKey::FakePacketLossSend, 5).unwrap();
    assert_eq!(
        pair(options).result(),
        ResultCode::InvalidParam,
        "too narrow"
    );
    for error in [PairError::TooManyConnections, PairError::TooManyEvents] {
        assert_eq!(error.result(), ResultCode::LimitExceeded);
    }
    let failed = PairError::Socket(io::Error::from(io::ErrorKind::OutOfMemory));
    assert_eq!(failed.result(), ResultCode::Fail);
}

#[test]
fn lanes_ok_and_refused() {
    let pair = Pair::new();
    let lanes = |count: usize| vec![LaneConfig::new(0, 1); count];
    let configure = |lanes: &[LaneConfig]| pair.dialled.configure_lanes(lanes).result();
    assert_eq!(configure(&lanes(2)), ResultCode::Ok);
    assert_eq!(
        configure(&lanes(0)),
        ResultCode::InvalidParam,
        "8: less than 1"
    );
    assert_eq!(
        configure(&lanes(256)),
        ResultCode::InvalidParam,
        "8: above 255"
    );
    assert_eq!(
        configure(&lanes(1)),
        ResultCode::InvalidParam,
        "8: fewer than now"
    );
    let weightless = [LaneConfig::new(0, 1), LaneConfig::new(0, 0)];
    assert_eq!(
        configure(&weightless),
        ResultCode::InvalidParam,
        "8: weight 0"
    );
    assert_eq!(
        LaneError::PeerTooOld(10).result(),
        ResultCode::Fail,
        "2: before 11"
    );
    pair.accepted
        .close(EndReason::APP_GENERIC, "", false)
        .unwrap();
    wait_state(&pair.client, ConnectionState::ClosedByPeer);
    assert_eq!(
        configure(&lanes(2)),
        ResultCode::InvalidState,
        "11: not active"
    );
    pair.dialled
        .close(EndReason::APP_GENERIC, "", false)
        .unwrap();
    assert_eq!(
        configure(&lanes(2)),
        ResultCode::NoConnection,
        "3: bad handle"
    );
}

#[test]
fn status_of_a_closed_connection_is_no_connection() {
    let pair = Pair::new();
    assert_eq!(pair.dialled.status().result(), ResultCode::Ok);
    let pair = closed();
    assert_eq!(
        pair.dialled.status().result(),
        ResultCode::NoConnection,
        "3"
    );
    let lane = LaneIndex::new(0);
    assert_eq!(
        pair.dialled.lane_status(lane).result(),
        ResultCode::NoConnection,
        "3"
    );
    let pair = Pair::new();
    assert_eq!(pair.dialled.lane_status(lane).result(), ResultCode::Ok);
    let beyond = pair.dialled.lane_status(LaneIndex::new(1));
    assert_eq!(beyond.result(), ResultCode::InvalidParam, "8");
}

#[test]
fn poll_groups_ok_and_refused() {
    let pair = Pair::new();
    let group = pair.client.poll_group();
    let foreign = pair.server.poll_group();
    assert_eq!(
        pair.dialled.set_poll_group(Some(&group)).result(),
        ResultCode::Ok
    );
    assert_eq!(
        pair.dialled.set_poll_group(Some(&foreign)).result(),
        ResultCode::InvalidParam
    );
    let pair = closed();
    assert_eq!(
        pair.dialled.set_poll_group(None).result(),
        ResultCode::InvalidParam
    );
    assert_eq!(PollGroupError::Ended.result(), ResultCode::InvalidParam);
    assert_eq!(
        PollGroupError::ForeignPollGroup.result(),
        ResultCode::InvalidParam
    );
}

#[test]
fn settings_ok_and_refused() {
    let pair = Pair::new();
    let set = |value: i32| {
        pair.dialled
            .set_config(ConfigKey::NagleTime, value)
            .result()
    };
    assert_eq!(set(0), ResultCode::Ok);
    assert_eq!(set(-1), ResultCode::InvalidParam);
    let pair = closed();
    let refused = pair.dialled.set_config(ConfigKey::NagleTime, 0);
    assert_eq!(refused.result(), ResultCode::InvalidParam, "bad handle");
}

#[test]
fn listening_ok_and_refused() {
    let sockets = Sockets::new().unwrap();
    let listener = sockets.listen(LOOPBACK.parse().unwrap());
    assert_eq!(listener.result(), ResultCode::Ok);
    let addr = listener.unwrap().local_addr();
    let taken = std::net::UdpSocket::bind(LOOPBACK).unwrap();
    let refused = sockets.listen(taken.local_addr().unwrap());
    assert_eq!(refused.result(), ResultCode::Fail, "in use");
    let elsewhere: SocketAddr = "192.0.2.7:27015".parse().unwrap();
    assert_eq!(
        sockets.listen(elsewhere).result(),
        ResultCode::InvalidParam,
        "not ours"
    );
    assert_eq!(
        ListenError::BadAddress { addr }.result(),
        ResultCode::InvalidParam
    );
    assert_eq!(
        ListenError::PermissionDenied { addr }.result(),
        ResultCode::Fail
    );
}

#[test]
fn connecting_ok_and_refused() {
    let (server, client) = (Sockets::new().unwrap(), Sockets::new().unwrap());
    let listener = listen(&server);
    connect(&server, &client, listener.local_addr());
    let refused = client.connect("127.0.0.1:0".parse().unwrap());
    assert_eq!(refused.result(), ResultCode::InvalidParam);
    assert_eq!(
        ConnectError::TooManyConnections.result(),
        ResultCode::LimitExceeded
    );
    assert_eq!(
        ConnectError::TooManyEvents.result(),
        ResultCode::LimitExceeded
    );
    let failed = BuildError::Thread(io::Error::from(io::ErrorKind::OutOfMemory));
    assert_eq!(failed.result(), ResultCode::Fail);
}

#[test]
fn certificates_ok_and_refused() {
    let sockets = Sockets::new().unwrap();
    let key = generate_key_pair().unwrap();
    let nonsense = SignedCertificate::from_bytes(b"nonsense");
    assert_eq!(nonsense.map(|_| ()).result(), ResultCode::InvalidParam);
    let request = CertificateRequest::new(key.public());
    let authority = Authority::new(&cert::default_crypto(), key.private().clone());
    let spec = request.spec(1_800_000_000, 4_000_000_000);
    let signed = authority.issue(&cert::default_crypto(), &spec);
    let signed = SignedCertificate::from_message(signed).unwrap();
    let foreign = sockets.set_certificate(&signed);
    assert_eq!(foreign.result(), ResultCode::InvalidParam, "no key for it");
    let results =
        [CertError::Expired, CertError::Revoked, CertError::StoreFull].map(|error| error.result());
    let expected = [
        ResultCode::Expired,
        ResultCode::Revoked,
        ResultCode::LimitExceeded,
    ];
    assert_eq!(results, expected);
    let built = Sockets::builder().certificate(signed).build();
    assert_eq!(built.map(|_| ()).result(), ResultCode::InvalidParam);
}

#[test]
fn texts_that_cannot_be_read_are_wrong_parameters() {
    let results = [
        "".parse::<Identity>().result(),
        "localhost:80".parse::<PeerAddr>().result(),
        "nowhere".parse::<PopId>().result(),
        "fra=1".parse::<PingLocation>().result(),
        ConfigKey::from_number(-1).result(),
    ];
    assert_eq!(results, [ResultCode::InvalidParam; 5]);
    assert_eq!("fra".parse::<PopId>().result(), ResultCode::Ok);
}

#[test]
fn debug_output_beside_another_subscriber_is_busy() {
    assert_eq!(
        DebugOutputError::AnotherSubscriber.result(),
        ResultCode::Busy
    );
    let failed = DebugOutputError::Thread(io::Error::from(io::ErrorKind::OutOfMemory));
    assert_eq!(failed.result(), ResultCode::Fail);
}
