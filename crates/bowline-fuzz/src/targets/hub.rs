//! What a hub tells about the network, and the machines of a hub and of its clients.

mod client;
mod model;
mod session;

use arbitrary::{Result, Unstructured};
use bowline_core::cert::keypair::KeyPair;
use bowline_core::hub::{NetworkConfig, NetworkConfigError, SignedBody};
use bowline_core::wire::pb;
use prost::Message as _;

use super::certs;
use crate::crypto::QuickCrypto;

pub use client::hub_client;
pub use session::hub_session;

/// What is signed begins with this, so that it is taken for nothing else.
const CONTEXT: &[u8] = b"bowline network 1\0";

/// Takes a configuration of the network that is signed properly, whatever it says: it is understood, or refused for what
/// it says and not for its signature. What was understood, and is signed again, reads the same. By another key, or changed,
/// it is not taken.
pub fn network_config(data: &[u8]) {
    let Some((mode, rest)) = data.split_first() else {
        return;
    };
    let body = match mode & 1 {
        0 => rest.to_vec(),
        // Fails only for want of bytes.
        _ => made_up(&mut Unstructured::new(rest)).unwrap_or_default(),
    };
    let crypto = QuickCrypto::new().provider();
    let [ours, theirs] = [0, 1].map(pair);
    let signed = sign(&ours, &body);
    let taken = NetworkConfig::verify(&signed, &crypto, &[theirs.public(), ours.public()]);
    assert_eq!(
        NetworkConfig::verify_by_its_own_key(&signed, &crypto),
        taken
    );
    let foreign = NetworkConfig::verify(&signed, &crypto, &[theirs.public()]);
    assert_eq!(foreign, Err(NetworkConfigError::UnknownKey(ours.id())));
    let mut changed = signed;
    changed.body.push(*mode);
    let verdict = NetworkConfig::verify(&changed, &crypto, &[ours.public()]);
    assert_eq!(verdict, Err(NetworkConfigError::BadSignature));
    match taken {
        Ok(config) => {
            let again = config.sign(&crypto, ours.private());
            let again = again.expect("what is understood can be signed");
            let again = NetworkConfig::verify(&again, &crypto, &[ours.public()]);
            assert_eq!(again, Ok(config));
        }
        Err(error) => assert!(
            matches!(
                error,
                NetworkConfigError::Malformed(_) | NetworkConfigError::TooMany(_)
            ),
            "{error}"
        ),
    }
}

/// Something that a hub tells about the network, and what it is to begin with.
pub(super) fn network_configs() -> Vec<Vec<u8>> {
    let config = pb::HubNetwork {
        revision: Some(7),
        issued: Some(1_790_000_000),
        stun: vec![b"stun:hub.example.com".to_vec(), b"192.0.2.1:99".to_vec()],
        authorities: vec![pair(0).public().as_bytes().to_vec()],
        revoked: vec![u64::MAX, 4],
    };
    vec![[&[0], &config.encode_to_vec()[..]].concat()]
}

/// A configuration that may have too much of anything, and nonsense in it.
fn made_up(u: &mut Unstructured<'_>) -> Result<Vec<u8>> {
    let config = pb::HubNetwork {
        revision: u.arbitrary()?,
        issued: u.arbitrary()?,
        authorities: vec![authority(u)?; u.int_in_range(0..=70)?],
        revoked: vec![u.arbitrary()?; u.int_in_range(0..=5000)?],
        stun: vec![server(u)?; u.int_in_range(0..=40)?],
    };
    Ok(config.encode_to_vec())
}

fn authority(u: &mut Unstructured<'_>) -> Result<Vec<u8>> {
    Ok(match u.ratio(1, 2)? {
        true => pair(u.int_in_range(0..=3)?).public().as_bytes().to_vec(),
        false => u.arbitrary()?,
    })
}

fn server(u: &mut Unstructured<'_>) -> Result<Vec<u8>> {
    Ok(match u.ratio(1, 2)? {
        true => b"stun:192.0.2.1".to_vec(),
        false => u.arbitrary()?,
    })
}

/// Signs whatever it is.
fn sign(by: &KeyPair, body: &[u8]) -> SignedBody {
    let crypto = QuickCrypto::new().provider();
    let statement = [CONTEXT, body].concat();
    SignedBody {
        signature: by.private().sign(&crypto, &statement).to_vec(),
        key_id: Some(by.id().get()),
        key: Some(by.public().as_bytes().to_vec()),
        body: body.to_vec(),
    }
}

/// One of some keys that trust takes.
fn pair(index: usize) -> KeyPair {
    let keys = certs::signing_keys();
    KeyPair::new(&QuickCrypto::new().provider(), keys[index].clone())
}
