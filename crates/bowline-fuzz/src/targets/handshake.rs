//! A handshake in which every field can be another.

use arbitrary::{Result, Unstructured};
use bowline_core::cert::certificate::Certificate;
use bowline_core::extensions::ExtensionSet;
use bowline_core::ids::ConnectionId;
use bowline_core::time::Span;
use bowline_core::wire::pb;
use bowline_core::wire::udp::{self, RequestIdentity, UdpPacket};
use prost::Message as _;

use crate::arena::{Arena, Setup};
use crate::crypto::signature;
use crate::frames::near;

/// Most datagrams of one input.
const MAX_STEPS: u32 = 24;

/// Lets two ends shake hands with somebody between them who changes any field of any packet, and signs
/// what he changed where a signature must be. Whatever comes of it, both ends come to rest.
pub fn handshake(data: &[u8]) {
    // Fails only for want of bytes.
    let _ = dialogue(&mut Unstructured::new(data));
}

fn dialogue(u: &mut Unstructured<'_>) -> Result<()> {
    let bits = u.arbitrary::<u8>()?;
    let mut setup = Setup::default();
    if bits & 1 != 0 {
        setup.extensions[usize::from(bits & 2 != 0)] = ExtensionSet::NONE;
    }
    if bits & 4 != 0 {
        setup
            .config
            .set_timeout_initial(Span::from_secs(2))
            .expect("within its range");
    }
    let mut arena = Arena::new(setup);
    arena.taint();
    arena.dial(0).expect("nothing is dialled yet");
    for _ in 0..MAX_STEPS {
        if u.is_empty() {
            break;
        }
        let Some(end) = (0..2).find(|end| !arena.wires[*end].is_empty()) else {
            let Some(next) = arena.next_event() else {
                break;
            };
            arena.run_for(next.since(arena.now));
            continue;
        };
        let mut datagram = arena.wires[end].remove(0);
        let original = datagram.clone();
        if u.arbitrary::<bool>()? {
            datagram.bytes = altered(u, &datagram.bytes)?;
        }
        arena.arrive(end, &datagram);
        if u.ratio(1, 4)? {
            arena.arrive(end, &original);
        }
        arena.run_for(Span::from_millis(1));
    }
    arena.come_to_rest();
    Ok(())
}

/// The packet with some of its fields changed.
fn altered(u: &mut Unstructured<'_>, bytes: &[u8]) -> Result<Vec<u8>> {
    let mut out = Vec::new();
    match udp::parse(bytes) {
        Ok(UdpPacket::ChallengeRequest(mut packet)) => {
            change_id(u, &mut packet.connection_id)?;
            packet.my_timestamp = near(u, packet.my_timestamp)?;
            packet.protocol_version = u.int_in_range(0..=20)?;
            packet.encode(&mut out);
        }
        Ok(UdpPacket::ChallengeReply(mut packet)) => {
            change_id(u, &mut packet.connection_id)?;
            packet.your_timestamp = near(u, packet.your_timestamp)?;
            if u.ratio(1, 4)? {
                packet.challenge = u.arbitrary()?;
            }
            if u.ratio(1, 4)? {
                packet.protocol_version = u.int_in_range(0..=20)?;
            }
            packet.finds_by_connection_id = u.arbitrary()?;
            packet.encode(&mut out);
        }
        Ok(UdpPacket::ConnectRequest(mut packet)) => {
            change_id(u, &mut packet.client_connection_id)?;
            if u.ratio(1, 8)? {
                packet.challenge = near(u, packet.challenge)?;
            }
            packet.my_timestamp = u.arbitrary()?;
            packet.ping_est_ms = u.arbitrary()?;
            change_crypt(u, &mut packet.cert, &mut packet.crypt)?;
            change_identity(u, &mut packet.identity)?;
            packet.encode(&mut out);
        }
        Ok(UdpPacket::ConnectOk(mut packet)) => {
            change_id(u, &mut packet.client_connection_id)?;
            change_id(u, &mut packet.server_connection_id)?;
            packet.your_timestamp = match packet.your_timestamp {
                Some(echo) => Some(near(u, echo)?),
                None => u.arbitrary()?,
            };
            packet.delay_time_us = u.arbitrary()?;
            change_crypt(u, &mut packet.cert, &mut packet.crypt)?;
            change_identity(u, &mut packet.identity)?;
            packet.encode(&mut out);
        }
        Ok(UdpPacket::ConnectionClosed(_) | UdpPacket::NoConnection(_) | UdpPacket::Data(_))
        | Err(_) => out.extend_from_slice(bytes),
    }
    if u.ratio(1, 4)? && !out.is_empty() {
        let at = u.int_in_range(0..=out.len() - 1)?;
        out[at] ^= u.arbitrary::<u8>()?;
    }
    Ok(out)
}

fn change_id(u: &mut Unstructured<'_>, id: &mut ConnectionId) -> Result<()> {
    if u.ratio(1, 8)? {
        *id = ConnectionId::new(near(u, id.get().into())? as u32);
    }
    Ok(())
}

/// Changes a certificate and the half of a key exchange that its key signs, and signs again.
fn change_crypt(
    u: &mut Unstructured<'_>,
    cert: &mut pb::CertificateSigned,
    crypt: &mut pb::SessionCryptInfoSigned,
) -> Result<()> {
    if u.ratio(1, 4)? {
        cert.cert = Some(changed_cert(u, cert.cert())?);
    }
    if u.ratio(1, 8)? {
        cert.ca_key_id = u.arbitrary()?;
        cert.ca_signature = u.arbitrary::<Option<[u8; 9]>>()?.map(Vec::from);
    }
    if u.ratio(1, 2)? {
        crypt.info = Some(changed_info(u, crypt.info())?);
    }
    if u.ratio(7, 8)?
        && let Ok(signer) = Certificate::parse(cert.cert())
    {
        crypt.signature = Some(signature(signer.key(), crypt.info()).to_vec());
    }
    Ok(())
}

fn changed_cert(u: &mut Unstructured<'_>, bytes: &[u8]) -> Result<Vec<u8>> {
    let Ok(mut cert) = pb::Certificate::decode(bytes) else {
        return Ok(Vec::new());
    };
    match u.int_in_range(0..=8_u8)? {
        0 => cert.key_data = u.arbitrary::<Option<[u8; 32]>>()?.map(Vec::from),
        1 => cert.key_type = u.arbitrary()?,
        2 => cert.legacy_steam_id = u.arbitrary()?,
        3 => cert.app_ids = (0..u.int_in_range(0..=40)?).collect(),
        4 => cert.time_expiry = u.arbitrary()?,
        5 => cert.identity_string = Some(text(u)?),
        6 => cert.gameserver_datacenter_ids = vec![u.arbitrary()?],
        7 => cert.ip_addresses = vec![text(u)?],
        _ => return Ok(u.bytes(u.len().min(40))?.to_vec()),
    }
    Ok(cert.encode_to_vec())
}

fn changed_info(u: &mut Unstructured<'_>, bytes: &[u8]) -> Result<Vec<u8>> {
    let Ok(mut info) = pb::SessionCryptInfo::decode(bytes) else {
        return Ok(Vec::new());
    };
    match u.int_in_range(0..=7_u8)? {
        0 => info.key_type = u.arbitrary()?,
        1 => info.key_data = Some(vec![0; u.int_in_range(0..=40)?]),
        2 => info.key_data = u.arbitrary::<Option<[u8; 32]>>()?.map(Vec::from),
        3 => info.nonce = u.arbitrary()?,
        4 => info.protocol_version = Some(u.int_in_range(0..=20)?),
        5 => info.ciphers = u.arbitrary::<[i8; 3]>()?.map(i32::from).to_vec(),
        6 => {
            info.extensions = Some(pb::Extensions {
                sealed_close: u.arbitrary::<bool>()?.then_some(pb::SealedClose {}),
                key_update: u.arbitrary::<bool>()?.then_some(pb::KeyUpdate {}),
                receive_window: u.arbitrary::<bool>()?.then_some(pb::ReceiveWindow {}),
                path_mtu: u.arbitrary::<bool>()?.then_some(pb::PathMtu {}),
            });
        }
        _ => return Ok(u.bytes(u.len().min(40))?.to_vec()),
    }
    Ok(info.encode_to_vec())
}

fn change_identity(u: &mut Unstructured<'_>, identity: &mut RequestIdentity) -> Result<()> {
    if u.ratio(1, 4)? {
        identity.identity_string = Some(text(u)?);
    }
    if u.ratio(1, 4)? {
        identity.legacy_steam_id = u.arbitrary()?;
        let generic = u.bytes(u.len().min(12))?.to_vec();
        identity.legacy_identity_binary = Some(pb::IdentityLegacyBinary {
            generic_bytes: Some(generic),
            ..pb::IdentityLegacyBinary::default()
        });
    }
    Ok(())
}

/// A text, often one that is an identity or an address.
fn text(u: &mut Unstructured<'_>) -> Result<String> {
    let heads = ["", "str:", "ip:", "steamid:", "gen:", "xbox:", "psn:", "x:"];
    let head = u.choose(&heads)?;
    let tail = String::from_utf8_lossy(u.bytes(u.len().min(12))?).into_owned();
    Ok(format!("{head}{tail}"))
}
