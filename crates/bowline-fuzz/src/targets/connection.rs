//! What reaches a connection behind its encryption.

use arbitrary::{Result, Unstructured};
use bowline_core::connection::ConnectionState;
use bowline_core::crypto::cipher_negotiation::EncryptionPolicy;
use bowline_core::end_reason::EndReason;
use bowline_core::extensions::ExtensionSet;
use bowline_core::ids::{ConnectionId, LaneIndex, PacketNumber};
use bowline_core::message::{Outgoing, SendFlags};
use bowline_core::snp::decode::DecodeContext as _;
use bowline_core::time::Span;
use bowline_core::wire::varint;

use crate::arena::{Arena, Datagram, Setup};
use crate::frames;

/// Most packets of one input.
const MAX_PACKETS: u32 = 64;

/// Opens packets with any plaintext: each one sealed as the peer would seal it, with the number after
/// the last one or any other. The connection survives, or ends as connections end; then everything
/// comes to rest.
pub fn connection_frames(data: &[u8]) {
    // Fails only for want of bytes.
    let _ = packets(&mut Unstructured::new(data));
}

fn packets(u: &mut Unstructured<'_>) -> Result<()> {
    let bits = u.arbitrary::<u8>()?;
    let (mut arena, ids) = pair(bits);
    arena.taint();
    if bits & 64 != 0 {
        // Something for acks to speak of.
        for number in 0..20 {
            let flags = SendFlags::from_bits(number * 4);
            let message = Outgoing::new(LaneIndex::ZERO, flags, &[b'm'; 900][..]);
            // A full buffer refuses.
            let _ = arena.send(1, ids[1], message);
        }
    }
    let mut number = next_number(&arena, ids);
    for _ in 0..MAX_PACKETS {
        if u.is_empty() {
            break;
        }
        let how = u.arbitrary::<u8>()?;
        if how & 7 == 7 {
            number = frames::near(u, number)?;
        }
        if how & 24 == 24 {
            arena.run_for(Span::from_millis(u.arbitrary::<u8>()?.into()));
        }
        let len = u.int_in_range(0..=120_usize)?.min(u.len());
        let mut plaintext = u.bytes(len)?.to_vec();
        if how & 32 != 0 {
            plaintext.resize(1000, plaintext.last().copied().unwrap_or(0));
        }
        forge(&mut arena, ids, number, &plaintext);
        number = number.wrapping_add(1);
    }
    arena.come_to_rest();
    Ok(())
}

/// Sends frames that peers must have agreed on, to connections that have and have not: the close inside
/// the encryption above all. A peer that agreed to nothing ends over the first of them.
pub fn extensions(data: &[u8]) {
    // Fails only for want of bytes.
    let _ = extension_frames(&mut Unstructured::new(data));
}

fn extension_frames(u: &mut Unstructured<'_>) -> Result<()> {
    let bits = u.arbitrary::<u8>()?;
    let (mut arena, ids) = pair(bits);
    arena.taint();
    let agreed = arena.sides[1]
        .connection(ids[1])
        .map(|c| c.info().extensions);
    let first = next_number(&arena, ids);
    for number in first..first + u64::from(MAX_PACKETS) {
        if u.is_empty() {
            break;
        }
        let mut plaintext = Vec::new();
        for _ in 0..u.int_in_range(1..=3_u8)? {
            plaintext.push(0xA0 | u.int_in_range(0..=31_u8)?);
            let len = u.int_in_range(0..=40_usize)?.min(u.len());
            let said = if u.ratio(1, 8)? {
                frames::near(u, 0)?
            } else {
                len as u64
            };
            varint::encode(&mut plaintext, said);
            plaintext.extend_from_slice(u.bytes(len)?);
        }
        if u.ratio(1, 8)? {
            arena.feed(1, ids[1], |connection, now| {
                connection.close(now, EndReason::APP_GENERIC, "first", false);
            });
        }
        let was_open = arena.sides[1].state(ids[1]) == ConnectionState::Connected;
        forge(&mut arena, ids, number, &plaintext);
        if was_open && agreed == Some(ExtensionSet::NONE) {
            let state = arena.sides[1].state(ids[1]);
            assert_eq!(state, ConnectionState::ProblemDetectedLocally);
        }
    }
    arena.come_to_rest();
    Ok(())
}

/// A pair that is connected: with all that goes beyond GNS, with nothing of it, or without encryption.
fn pair(bits: u8) -> (Arena, [ConnectionId; 2]) {
    let mut setup = Setup {
        reads: bits & 8 == 0,
        ..Setup::default()
    };
    if bits & 3 == 1 {
        setup.extensions = [ExtensionSet::ALL, ExtensionSet::NONE];
    }
    if bits & 3 == 2 {
        setup.config.set_encryption(EncryptionPolicy::Off);
    }
    if bits & 4 != 0 {
        setup
            .config
            .set_recv_buffer(4_096)
            .expect("within its range");
        setup
            .config
            .set_recv_buffer_messages(4)
            .expect("within its range");
    }
    Arena::connected(setup)
}

fn next_number(arena: &Arena, ids: [ConnectionId; 2]) -> u64 {
    let client = arena.sides[0].connection(ids[0]);
    client.map_or(2, |client| client.decode_context().next_send().get())
}

/// The client sends a packet that it would never send.
fn forge(arena: &mut Arena, ids: [ConnectionId; 2], number: u64, plaintext: &[u8]) {
    let Some(client) = arena.sides[0].connection(ids[0]) else {
        return;
    };
    let number = PacketNumber::new(number);
    let seal = || client.forge(number, None, plaintext);
    let sealed = arena.crypto.forge(seal);
    let (Some(bytes), Some((from, to))) = (sealed, arena.sides[0].addresses(ids[0])) else {
        return;
    };
    let due = arena.now;
    let datagram = Datagram {
        due,
        from,
        to,
        bytes,
    };
    arena.arrive(1, &datagram);
}
