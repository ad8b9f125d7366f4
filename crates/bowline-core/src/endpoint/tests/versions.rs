//! Peers of older protocol versions, played by a script.

use prost::Message as _;

use super::*;
use crate::cert::issue::issue_unsigned;
use crate::config::LaneConfig;
use crate::crypto::cipher_negotiation::Cipher;
use crate::crypto::kdf;
use crate::crypto::kdf::KeyContext;
use crate::crypto::keys::ExchangeKey;
use crate::crypto::keys::SigningKey;
use crate::crypto::packet::SessionKeys;
use crate::error::LaneError;
use crate::ids::LaneIndex;
use crate::ids::MessageNumber;
use crate::ids::PacketNumber;
use crate::message::Outgoing;
use crate::message::Payload;
use crate::message::SendFlags;
use crate::snp::encode::FrameWriter;
use crate::transmit::TransmitBuf;
use crate::wire::data_header::DataHeader;
use crate::wire::pb;

const CLIENT: ConnectionId = ConnectionId::new(0x0011_0001);
const FROM: &str = "10.0.0.1:1000";

/// A client of some version, and our side of its connection.
struct OldPeer {
    keys: SessionKeys,
    server: Connection,
}

/// What a request of `version` becomes, and the peer if it was let in.
fn connect(version: u32) -> (DatagramEvent, ClientKeys) {
    let mut endpoint = server();
    let crypto = rustcrypto::provider();
    let mut rng = Rng::from_seed([8; 32]);
    let signing = SigningKey::generate(&mut rng);
    let exchange = ExchangeKey::generate(&mut rng);
    let info = pb::SessionCryptInfo {
        key_type: Some(1),
        key_data: Some(exchange.public(&crypto).to_vec()),
        nonce: Some(77),
        protocol_version: Some(version),
        ciphers: vec![2],
        extensions: None,
    }
    .encode_to_vec();
    let cert = issue_unsigned(
        &*signing.ready(&crypto),
        &Identity::anonymous(),
        AppId::default(),
    );
    let request = udp::ConnectRequest {
        client_connection_id: CLIENT,
        challenge: cookie_for(&mut endpoint, NOW, route(FROM), CLIENT.get()),
        cert: pb::CertificateSigned {
            cert: Some(cert.clone()),
            ..Default::default()
        },
        my_timestamp: Some(1),
        ping_est_ms: None,
        crypt: pb::SessionCryptInfoSigned {
            signature: Some(signing.sign(&crypto, &info).to_vec()),
            info: Some(info.clone()),
        },
        identity: udp::RequestIdentity::default(),
    };
    let mut bytes = Vec::new();
    request.encode(&mut bytes);
    let (event, _) = feed(&mut endpoint, NOW, route(FROM), &bytes);
    let keys = ClientKeys {
        exchange,
        cert,
        info,
    };
    (event, keys)
}

struct ClientKeys {
    exchange: ExchangeKey,
    cert: Vec<u8>,
    info: Vec<u8>,
}

/// A connection with a peer of this version.
fn old_peer(version: u32) -> OldPeer {
    let (DatagramEvent::Incoming(mut server), client) = connect(version) else {
        panic!("version {version} is let in");
    };
    server.accept(NOW).unwrap();
    let answer = next_packet(&mut server);
    let UdpPacket::ConnectOk(answer) = udp::parse(&answer).unwrap() else {
        panic!("a ConnectOK is expected");
    };
    let crypto = rustcrypto::provider();
    let info = answer.crypt.info().to_vec();
    let theirs = pb::SessionCryptInfo::decode(&info[..]).unwrap();
    assert!(theirs.extensions.is_none(), "nothing was offered");
    let public = theirs.key_data().try_into().unwrap();
    let shared = client.exchange.agree(&crypto, &public).unwrap();
    let context = KeyContext {
        client_id: CLIENT,
        server_id: answer.server_connection_id,
        client_nonce: 77,
        server_nonce: theirs.nonce(),
        client_cert: &client.cert,
        server_cert: answer.cert.cert(),
        client_crypt: &client.info,
        server_crypt: &info,
    };
    let keys = kdf::derive(&crypto, Role::Client, Cipher::Aes256Gcm, &shared, &context);
    OldPeer {
        keys,
        server: *server,
    }
}

fn next_packet(connection: &mut Connection) -> Vec<u8> {
    let mut buf = TransmitBuf::new(1);
    let transmit = connection.poll_transmit(NOW, &mut buf).unwrap();
    buf.bytes(&transmit).to_vec()
}

impl OldPeer {
    /// Sends an unreliable message as packet `number`.
    fn send(&mut self, number: u64, text: &[u8]) {
        let number = PacketNumber::new(number);
        let mut packet = Vec::new();
        data_header::write(&mut packet, self.server.id(), number.to_wire(), None, None);
        let body = packet.len();
        let mut writer = FrameWriter::new(&mut packet, number, 1000);
        writer.unreliable(MessageNumber::new(1), 0, true, &[text]);
        writer.finish();
        self.keys.send.seal(number, &mut packet, body);
        self.server
            .handle_datagram(NOW, &DatagramMeta::default(), &mut packet);
    }

    /// Takes the server's next data packet and checks its number.
    fn take(&mut self, expected: u64) {
        let mut packet = next_packet(&mut self.server);
        let (header, at) = DataHeader::parse(&packet).unwrap();
        assert_eq!(u64::from(header.seq.get()), expected);
        let number = PacketNumber::new(expected);
        self.keys.recv.open(number, &mut packet[at..]).unwrap();
    }
}

#[test]
fn packet_numbers_start_where_the_version_says() {
    for (version, first) in [(8, 1), (9, 1), (10, 2), (11, 2), (12, 2), (13, 2), (99, 2)] {
        let mut peer = old_peer(version);
        let message = Outgoing::new(
            LaneIndex::ZERO,
            SendFlags::RELIABLE_NO_NAGLE,
            Payload::Borrowed(b"hi"),
        );
        peer.server.send(NOW, message).unwrap();
        peer.take(first);
        peer.send(first, b"hello");
        let got = peer.server.receive(NOW).unwrap();
        assert_eq!(&*got, b"hello", "version {version}");
    }
}

#[test]
fn older_versions_are_refused_in_silence() {
    for version in [0, 1, 7] {
        let (event, _) = connect(version);
        assert_eq!(dropped(&event), Some(DropReason::OldProtocol));
    }
}

#[test]
fn lanes_need_a_peer_that_knows_them() {
    let lanes = [LaneConfig::default(); 2];
    let mut peer = old_peer(10);
    assert_eq!(
        peer.server.configure_lanes(NOW, &lanes),
        Err(LaneError::PeerTooOld(10))
    );
    let info = peer.server.info();
    assert_eq!(info.end_reason, EndReason::REMOTE_BAD_PROTOCOL_VERSION);
    assert!(old_peer(11).server.configure_lanes(NOW, &lanes).is_ok());
}
