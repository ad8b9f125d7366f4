//! What strangers and peers send to an endpoint, before any key is looked at.

use arbitrary::{Result, Unstructured};
use bowline_core::end_reason::{EndReason, Rejection};
use bowline_core::ids::ConnectionId;
use bowline_core::time::Span;
use bowline_core::wire::udp::{ChallengeReply, ChallengeRequest, ConnectionClosed, NoConnection};

use crate::arena::{Arena, Datagram, Setup};

/// Most datagrams of one input.
const MAX_DATAGRAMS: u32 = 64;

/// Sends any datagrams to an endpoint that listens, dials, has connections or had some: bytes, bytes
/// with the right connection ID, and packets whose fields are near what they should be. Strangers get no
/// answer larger than what they sent, and at the end nothing is remembered of anybody.
pub fn endpoint_datagram(data: &[u8]) {
    // Fails only for want of bytes.
    let _ = datagrams(&mut Unstructured::new(data));
}

fn datagrams(u: &mut Unstructured<'_>) -> Result<()> {
    let mut arena = prepared(u.arbitrary()?);
    // Plain packets can end connections without an agreement, so nothing is promised of them.
    arena.taint();
    for _ in 0..MAX_DATAGRAMS {
        if u.is_empty() {
            break;
        }
        let byte = u.arbitrary::<u8>()?;
        let end = usize::from(byte & 1);
        if byte & 0x70 == 0x70 {
            arena.run_for(Span::from_millis(u64::from(u.arbitrary::<u8>()?) * 4));
        }
        let datagram = datagram(u, &arena, end)?;
        arena.arrive(end, &datagram);
    }
    arena.come_to_rest();
    Ok(())
}

/// Endpoints in one of the states that they can be in.
fn prepared(how: u8) -> Arena {
    let mut setup = Setup {
        accepts: how & 16 == 0,
        ..Setup::default()
    };
    if how & 32 != 0 {
        setup.extensions[0] = bowline_core::extensions::ExtensionSet::NONE;
    }
    match how & 7 {
        0 => Arena::new(setup),
        1 | 2 => {
            let mut arena = Arena::new(setup);
            arena.dial(0).expect("nothing is dialled yet");
            arena.run_for(Span::from_millis(u64::from(how >> 6) * 12));
            arena
        }
        3 | 4 => {
            let (mut arena, ids) = Arena::connected(setup);
            let end = usize::from(how & 1);
            arena.feed(end, ids[end], |connection, now| {
                connection.close(now, EndReason::APP_GENERIC, "closed", how & 64 != 0);
            });
            arena
        }
        _ => Arena::connected(setup).0,
    }
}

fn datagram(u: &mut Unstructured<'_>, arena: &Arena, end: usize) -> Result<Datagram> {
    let (local, remote) = ids(u, arena, end)?;
    let mut from = arena.sides[1 - end].listening();
    let mut to = arena.sides[end].listening();
    if let Some((here, there)) = arena.sides[end].addresses(local) {
        (to, from) = (here, there);
    }
    let mut bytes = Vec::new();
    let what = u.int_in_range(0..=11_u8)?;
    match what {
        0..=3 => {
            bytes.extend_from_slice(some(u)?);
            if what >= 2 && bytes.len() >= 5 {
                bytes[0] |= 0x80;
                bytes[1..5].copy_from_slice(&local.get().to_le_bytes());
            }
        }
        4 => ChallengeRequest {
            connection_id: remote,
            my_timestamp: u.arbitrary()?,
            protocol_version: u.arbitrary()?,
        }
        .encode(&mut bytes),
        5 => ChallengeReply {
            connection_id: local,
            challenge: u.arbitrary()?,
            your_timestamp: u.arbitrary()?,
            protocol_version: u.int_in_range(7..=14)?,
            finds_by_connection_id: u.arbitrary()?,
        }
        .encode(&mut bytes),
        6 | 7 => ConnectionClosed {
            to: u.arbitrary::<bool>()?.then_some(local),
            from: u.arbitrary::<bool>()?.then_some(remote),
            reason: EndReason::new(u.arbitrary()?),
            text: String::from_utf8_lossy(some(u)?).into(),
            rejection: u
                .arbitrary::<Option<u8>>()?
                .map(|code| Rejection::from_code(code.into())),
        }
        .encode(&mut bytes),
        8 => NoConnection {
            to: u.arbitrary::<bool>()?.then_some(local),
            from: u.arbitrary::<bool>()?.then_some(remote),
        }
        .encode(&mut bytes),
        // Padded, as those must be that a stranger sends.
        9 => {
            bytes.push(if u.arbitrary()? { 32 } else { 36 });
            let body = some(u)?;
            bytes.extend_from_slice(&(body.len() as u16).to_le_bytes());
            bytes.extend_from_slice(body);
            bytes.resize(512, 0);
        }
        10 => {
            bytes.push(u.int_in_range(33..=37)?);
            bytes.extend_from_slice(some(u)?);
        }
        _ => {
            from.set_port(u.arbitrary()?);
            bytes.extend_from_slice(some(u)?);
            bytes.resize(bytes.len() + usize::from(u.arbitrary::<u8>()?) * 6, 0);
        }
    }
    let due = arena.now;
    Ok(Datagram {
        due,
        from,
        to,
        bytes,
    })
}

/// Up to 200 bytes.
fn some<'a>(u: &mut Unstructured<'a>) -> Result<&'a [u8]> {
    let len = u.int_in_range(0..=200_usize)?;
    u.bytes(len.min(u.len()))
}

/// What an end calls a connection and what its peer calls it, or something else.
fn ids(
    u: &mut Unstructured<'_>,
    arena: &Arena,
    end: usize,
) -> Result<(ConnectionId, ConnectionId)> {
    let real = arena.sides[end].ids().next();
    let local = match real.filter(|_| !matches!(u.ratio(1, 8), Ok(true))) {
        Some(id) => id,
        None => ConnectionId::new(u.arbitrary()?),
    };
    let connection = arena.sides[end].connection(local);
    let remote = connection.and_then(|connection| connection.info().remote_id);
    let remote = match remote.filter(|_| !matches!(u.ratio(1, 8), Ok(true))) {
        Some(id) => id,
        None => ConnectionId::new(u.arbitrary()?),
    };
    Ok((local, remote))
}
