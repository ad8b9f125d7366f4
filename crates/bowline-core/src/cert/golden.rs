//! A handshake between two hosts of the original, as recorded from the wire.

use core::net::SocketAddr;

use prost::Message;

use crate::cert::check::{AuthPolicy, PeerCheck, VerifiedPeer, check_peer, peer_identity};
use crate::cert::store::CertStore;
use crate::crypto::cipher_negotiation::Cipher;
use crate::crypto::rustcrypto::provider;
use crate::crypto::vectors::hex_vec;
use crate::identity::Identity;
use crate::ids::AppId;
use crate::wire::pb;

/// A connect request without its first byte.
const CONNECT_REQUEST: &str = "\
    0d8647399411dfa784d35b1ed0a02246224408011220113b9731bdb8055bf235f7dde89bd636d0d8fe3c2122\
    078477ed4f8770858df250005a142212000000000000000000000000000000010000620669703a3a3a3129c9\
    3bef7dba02000030003a750a3108011220b0d1b8dcc55a1c437f2b5ad69ab6f7c2a46d3fe085d65b4b447bb0\
    350b5bca6f198b4146b18ad34b0c200d280212408498788a739ea86297b68e66dbb47df6f1e9d12f9d9d2e2c\
    90aaa06a955059cd3b5de9f5986a0bfaea1e46fdf9789e74575d4bd8cd15f4f9a7b2f7fdc6df9e04";

/// The answer without its first byte.
const CONNECT_OK: &str = "\
    0d8647399419c93bef7dba02000020c50e2d2f2bec2c3a750a3108011220c6319a67a3e0da64bd17fcbe75bc\
    1f9654667d2d0011718fa9780122518df607192e7177e10df7835d200d28021240459906949f1ba3036ea0e5\
    e049f6c834373ed3fbfa8f672358226edd9bbc44b5733f192fc57278f6b8236c629bb8d060b8cf6155e5b1a2\
    82161760a156d4770042462244080112208f28128d83190c0c355837c3b96aa8dd7ee622ac0ac1b1e2cdd9c1\
    d37f40982450005a142212000000000000000000000000000000010000620669703a3a3a31";

fn check(cert: &pb::CertificateSigned, crypt: &pb::SessionCryptInfoSigned) -> VerifiedPeer {
    let source: SocketAddr = "127.0.0.1:5000".parse().unwrap();
    let identity = peer_identity(cert, Ok(None), source, AuthPolicy::Allow).unwrap();
    assert_eq!(identity, Identity::ip(source));
    check_peer(&PeerCheck {
        crypto: &provider(),
        store: &CertStore::new(),
        now_unix_secs: None,
        app: AppId::new(0),
        policy: AuthPolicy::Allow,
        cert,
        crypt,
        expected_identity: &identity,
        expected_version: Some(13),
    })
    .unwrap()
}

#[test]
fn recorded_client_passes() {
    let request = pb::ConnectRequest::decode(&*hex_vec(CONNECT_REQUEST)).unwrap();
    let peer = check(&request.cert.unwrap(), &request.crypt.unwrap());
    assert_eq!(peer.identity, Some(Identity::anonymous()));
    assert!(!peer.authenticated);
    assert_eq!(peer.crypt.ciphers(), [Cipher::Aes256Gcm]);
    assert!(peer.crypt.exchange_key().is_ok());
}

#[test]
fn recorded_server_passes() {
    let answer = pb::ConnectOk::decode(&*hex_vec(CONNECT_OK)).unwrap();
    let peer = check(&answer.cert.unwrap(), &answer.crypt.unwrap());
    assert_eq!(peer.crypt.protocol_version(), 13);
    assert_eq!(peer.crypt.ciphers(), [Cipher::Aes256Gcm]);
    assert!(peer.crypt.exchange_key().is_ok());
}
