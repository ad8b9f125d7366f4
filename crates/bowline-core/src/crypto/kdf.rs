//! From the shared secret to the keys of a connection.
//!
//! Not HKDF: the extract step takes the hashed secret as the HMAC key and the nonces as the message,
//! and four named blocks are taken from the expand step (wire.md 3.5).

use hmac::{Hmac, KeyInit, Mac};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use crate::crypto::Crypto;
use crate::crypto::cipher_negotiation::Cipher;
use crate::crypto::key_update::UpdateSecrets;
use crate::crypto::packet::{KeyEpoch, PacketKey, SessionKeys};
use crate::ids::ConnectionId;

/// Which end of a connection this is, as far as the key derivation goes: the client asked first.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, PartialEq, Serialize)]
pub enum Role {
    /// The end that sent the connect request.
    Client,
    /// The end that answered it.
    Server,
}

/// What both ends said during the handshake, bound into the keys.
///
/// The four byte strings are exactly those that crossed the wire, never encoded anew.
#[derive(Clone, Copy, Debug)]
pub struct KeyContext<'a> {
    /// The client's connection ID.
    pub client_id: ConnectionId,
    /// The server's connection ID.
    pub server_id: ConnectionId,
    /// The nonce in the client's session crypt info.
    pub client_nonce: u64,
    /// The nonce in the server's session crypt info.
    pub server_nonce: u64,
    /// The client's certificate, as signed.
    pub client_cert: &'a [u8],
    /// The server's certificate, as signed.
    pub server_cert: &'a [u8],
    /// The client's session crypt info, as signed.
    pub client_crypt: &'a [u8],
    /// The server's session crypt info, as signed.
    pub server_crypt: &'a [u8],
}

/// The keys of both directions, seen from `role`. With [`Cipher::Null`] there is nothing to derive.
pub fn derive(
    crypto: &Crypto,
    role: Role,
    cipher: Cipher,
    shared: &[u8; 32],
    ctx: &KeyContext<'_>,
) -> SessionKeys {
    let (from_client, from_server) = match cipher {
        Cipher::Null => (
            PacketKey::null(KeyEpoch::FIRST),
            PacketKey::null(KeyEpoch::FIRST),
        ),
        Cipher::Aes256Gcm => {
            let blocks = expand::<4>(&extract(shared, ctx), ctx);
            let [client_key, server_key, client_nonce, server_nonce] = &blocks;
            (
                packet_key(crypto, client_key, client_nonce, KeyEpoch::FIRST),
                packet_key(crypto, server_key, server_nonce, KeyEpoch::FIRST),
            )
        }
    };
    match role {
        Role::Client => SessionKeys {
            send: from_client,
            recv: from_server,
        },
        Role::Server => SessionKeys {
            send: from_server,
            recv: from_client,
        },
    }
}

/// What the keys of later epochs grow from: the two blocks that follow those of the first keys.
pub(crate) fn update_secrets(role: Role, shared: &[u8; 32], ctx: &KeyContext<'_>) -> UpdateSecrets {
    let [_, _, _, _, client, server] = expand::<6>(&extract(shared, ctx), ctx);
    match role {
        Role::Client => UpdateSecrets {
            send: client,
            recv: server,
        },
        Role::Server => UpdateSecrets {
            send: server,
            recv: client,
        },
    }
}

/// The secret of the next epoch of a direction.
pub(crate) fn next_secret(secret: &Block) -> Block {
    hkdf_expand(secret, b"bowline ku")
}

/// The key of the epoch that `secret` belongs to.
pub(crate) fn epoch_key(crypto: &Crypto, secret: &Block, epoch: KeyEpoch) -> PacketKey {
    let key = hkdf_expand(secret, b"bowline key");
    let nonce = hkdf_expand(secret, b"bowline iv");
    packet_key(crypto, &key, &nonce, epoch)
}

/// HKDF-Expand of RFC 5869 with SHA-256, for one block of output.
fn hkdf_expand(secret: &Block, info: &[u8]) -> Block {
    hmac(secret, &[info, &[1]])
}

type Block = Zeroizing<[u8; 32]>;

fn packet_key(crypto: &Crypto, key: &Block, nonce: &Block, epoch: KeyEpoch) -> PacketKey {
    let mut base_nonce = [0; 12];
    for (to, from) in base_nonce.iter_mut().zip(nonce.iter()) {
        *to = *from;
    }
    PacketKey::aes_256_gcm(crypto, key, base_nonce, epoch)
}

fn extract(shared: &[u8; 32], ctx: &KeyContext<'_>) -> Block {
    let premaster: Block = Zeroizing::new(Sha256::digest(shared).into());
    hmac(
        &premaster,
        &[
            &ctx.server_nonce.to_le_bytes(),
            &ctx.client_nonce.to_le_bytes(),
        ],
    )
}

/// Client key, server key, client nonce, server nonce; then ours: client secret, server secret. Each
/// block is chained to the one before.
fn expand<const N: usize>(prk: &Block, ctx: &KeyContext<'_>) -> [Block; N] {
    let mut previous: Option<Block> = None;
    let mut counter = 0_u8;
    core::array::from_fn(|_| {
        counter += 1;
        let chained: &[u8] = previous.as_ref().map_or(&[], |block| &block[..]);
        let block = hmac(
            prk,
            &[
                chained,
                &ctx.client_id.get().to_le_bytes(),
                &ctx.server_id.get().to_le_bytes(),
                b"Steam datagram",
                ctx.server_cert,
                ctx.client_cert,
                ctx.server_crypt,
                ctx.client_crypt,
                &[counter],
            ],
        );
        previous = Some(block.clone());
        block
    })
}

fn hmac(key: &Block, message: &[&[u8]]) -> Block {
    let mut mac =
        Hmac::<Sha256>::new_from_slice(&key[..]).expect("HMAC takes keys of every length");
    for part in message {
        mac.update(part);
    }
    Zeroizing::new(mac.finalize().into_bytes().into())
}

#[cfg(test)]
mod tests {
    use std::vec::Vec;

    use super::*;
    use crate::crypto::keys::ExchangeKey;
    use crate::crypto::rustcrypto::provider;
    use crate::crypto::vectors::{hex, hex_vec};
    use crate::ids::PacketNumber;

    // The session of wire.md 12.4: private keys are counting bytes.
    const CERT_CLIENT: &str = "0801122003a107bff3ce10be1d70dd18e74bc09967e4d6309ba50d5f1ddc8664125531b850005a142212000000000000000000000000000000010000620669703a3a3a31";
    const CERT_SERVER: &str = "080112202543b92ff1095511476adc8369db6ddc933665a11978dda1404ee1066ca9559d50005a142212000000000000000000000000000000010000620669703a3a3a31";
    const CRYPT_CLIENT: &str = "08011220358072d6365880d1aeea329adf9121383851ed21a28e3b75e965d0d2cd166254190807060504030201200d2802";
    const CRYPT_SERVER: &str = "08011220675dd574ed7789310b3d2e7681f3790b466c773b1521fecf36577958371ea52f191817161514131211200d2802";
    const PACKET: &str = "8002004e5e02006a061e413c11ec60b81bd2cf88bddc9559f8b20cd9739b5ec162b849427c68303e39956d1ff186e5456115fba3ae0e34a91c406eddd9";
    const PLAINTEXT: &str =
        "80019801 00ffff 3001000000 0768656c6c6f2d75 57010000000000 4902 68656c6c6f2d72656c";

    fn shared() -> Block {
        let crypto = provider();
        let client = ExchangeKey::from_bytes(hex(
            "202122232425262728292a2b2c2d2e2f303132333435363738393a3b3c3d3e3f",
        ));
        let server = ExchangeKey::from_bytes(hex(
            "606162636465666768696a6b6c6d6e6f707172737475767778797a7b7c7d7e7f",
        ));
        let shared = client.agree(&crypto, &server.public(&crypto)).unwrap();
        assert_eq!(
            server.agree(&crypto, &client.public(&crypto)).unwrap(),
            shared
        );
        shared
    }

    fn with_context<T>(check: impl FnOnce(&KeyContext<'_>) -> T) -> T {
        check(&KeyContext {
            client_id: ConnectionId::new(0xC11E_0001),
            server_id: ConnectionId::new(0x5E4E_0002),
            client_nonce: 0x0102_0304_0506_0708,
            server_nonce: 0x1112_1314_1516_1718,
            client_cert: &hex_vec(CERT_CLIENT),
            server_cert: &hex_vec(CERT_SERVER),
            client_crypt: &hex_vec(CRYPT_CLIENT),
            server_crypt: &hex_vec(CRYPT_SERVER),
        })
    }

    #[test]
    fn every_intermediate_value_matches_the_recorded_session() {
        let shared = shared();
        assert_eq!(
            *shared,
            hex("7c79d7b5f31b9aac367477f5f7c7a68b5c44cac28ed5c902a59ec48c02956a6a")
        );
        assert_eq!(
            <[u8; 32]>::from(Sha256::digest(*shared)),
            hex("9b5e520531cc95d6e4aeccea4a3ca4beee1a330a2da6d243dccf28299c14e028")
        );
        with_context(|ctx| {
            let prk = extract(&shared, ctx);
            assert_eq!(
                *prk,
                hex("ed7a38c683794cb39a7b114c89c8f5e30ac08143db11cf3c0ac13ee5eb1a48aa")
            );
            let blocks: Vec<[u8; 32]> =
                expand::<4>(&prk, ctx).iter().map(|block| **block).collect();
            assert_eq!(
                blocks,
                [
                    hex("4a66ccebba4182025915cfdac9b0c5958ce84d41a82497a61edc229b02228b3e"),
                    hex("cd4afd776d5775f57b34dafa5bd479fdb971432c3f625b3997a93c363cfa4b89"),
                    hex("025026571bc0024397230c476af527722ab4f06772dc3782a794f26fb4a1a31b"),
                    hex("9dcb9355892e418972a7e83266cee3dd1889d38ede0d3c10f8f7da0e3d61c365"),
                ]
            );
        });
    }

    #[test]
    fn both_roles_read_the_recorded_packet() {
        let crypto = provider();
        let (number, packet, plaintext) =
            (PacketNumber::new(2), hex_vec(PACKET), hex_vec(PLAINTEXT));
        with_context(|ctx| {
            let client = derive(&crypto, Role::Client, Cipher::Aes256Gcm, &shared(), ctx);
            let mut sealed = packet[..7].to_vec();
            sealed.extend_from_slice(&plaintext);
            client.send.seal(number, &mut sealed, 7);
            assert_eq!(sealed, packet);

            let server = derive(&crypto, Role::Server, Cipher::Aes256Gcm, &shared(), ctx);
            assert_eq!(
                server.recv.open(number, &mut sealed[7..]).unwrap(),
                plaintext
            );
            let mut reply = Vec::from(*b"reply");
            server.send.seal(number, &mut reply, 0);
            assert_eq!(client.recv.open(number, &mut reply).unwrap(), b"reply");
        });
    }

    #[test]
    fn later_keys_are_those_of_the_document() {
        // RFC 5869, test case 1: the first block of its output.
        let prk = hex("077709362c2e32df0ddc3f0dc47bba6390b6c73bb50f9c3122ec844ad7c2b3e5");
        let info = hex_vec("f0f1f2f3f4f5f6f7f8f9");
        assert_eq!(
            *hkdf_expand(&Zeroizing::new(prk), &info),
            hex("3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf")
        );
        // The vector of docs/extensions.md.
        with_context(|ctx| {
            let secrets = update_secrets(Role::Client, &shared(), ctx);
            let server = update_secrets(Role::Server, &shared(), ctx);
            assert_eq!((*secrets.send, *secrets.recv), (*server.recv, *server.send));
            let next = next_secret(&secrets.send);
            assert_eq!(
                [*secrets.send, *secrets.recv, *next],
                [
                    hex("8e4d0a1556824d9b56a6061bafd567751dbc38ac6f9f3c233f67080329c01c79"),
                    hex("3fbda460c0f48e37fe40528452ec13987fb80933d5743158924c18b2b2dcae9a"),
                    hex("918570a28787365957146be0a60cd43616ab735588437e042b2574ab558b9532"),
                ]
            );
            let key = hex("4da1038a280327bee7930059f69f109d0a424383b1712e003467647fec2bf16a");
            let mut expected = Vec::from(*b"epoch one");
            let mut sealed = expected.clone();
            let nonce = hex("4b9c2558297fd0e329b7736f");
            PacketKey::aes_256_gcm(&provider(), &key, nonce, KeyEpoch::new(1)).seal(
                PacketNumber::new(9),
                &mut expected,
                0,
            );
            epoch_key(&provider(), &next, KeyEpoch::new(1)).seal(
                PacketNumber::new(9),
                &mut sealed,
                0,
            );
            assert_eq!(sealed, expected);
        });
    }

    #[test]
    fn null_cipher_needs_no_keys() {
        with_context(|ctx| {
            let keys = derive(&provider(), Role::Client, Cipher::Null, &shared(), ctx);
            assert_eq!(
                (keys.send.cipher(), keys.recv.overhead()),
                (Cipher::Null, 0)
            );
        });
    }
}
