//! Bytes as a script of what applications, the network and an evil peer do in an [`Arena`].
//!
//! The first bytes are the settings, then one operation follows the other. No byte string is no
//! script: what does not fit (a connection that is not there, a datagram that has arrived) does nothing.
//! At its end the arena comes to rest, and everything must have come to a good end.

use std::sync::Arc;

use arbitrary::{Result, Unstructured};
use bowline_core::config::{Config, LaneConfig};
use bowline_core::connection::{Command, Connection, Input};
use bowline_core::crypto::cipher_negotiation::EncryptionPolicy;
use bowline_core::end_reason::EndReason;
use bowline_core::extensions::{Extension, ExtensionSet};
use bowline_core::ids::{ConnectionId, LaneIndex, PacketNumber};
use bowline_core::message::{Freshness, Outgoing, Payload, SendFlags};
use bowline_core::time::{Span, Timestamp};
use bytes::Bytes;

use crate::arena::{Arena, Datagram, End, Setup};
use crate::frames;

/// Most operations of one script.
const MAX_OPERATIONS: u32 = 256;
/// Most bytes of messages that one script sends.
const MAX_SENT: usize = 400_000;
/// The longest message that a script sends.
const MAX_MESSAGE: usize = 66_000;
/// Connections that one end dials.
const MAX_DIALLED: u32 = 4;
/// Most time that a script lets pass.
const MAX_TIME: Span = Span::from_secs(120);

/// In the first byte of a script: it may make packets up.
const MAY_FORGE: u8 = 16;

/// Plays a script, and its end.
///
/// # Panics
/// If the code under test breaks a promise.
pub fn play(data: &[u8]) {
    let mut u = Unstructured::new(data);
    let Ok(mut script) = Script::new(&mut u) else {
        return;
    };
    for _ in 0..MAX_OPERATIONS {
        if u.is_empty() || script.operation(&mut u).is_err() {
            break;
        }
    }
    script.arena.come_to_rest();
}

/// The steps that bytes stand for: until they are used up or stand for none, and `max` at most.
pub(crate) fn steps<T>(
    bytes: &mut Unstructured<'_>,
    max: usize,
    read: impl Fn(&mut Unstructured<'_>) -> Result<T>,
) -> impl Iterator<Item = T> {
    std::iter::from_fn(move || (!bytes.is_empty()).then(|| read(bytes).ok())?).take(max)
}

struct Script {
    arena: Arena,
    /// Nothing is encrypted, so that what the network alters is a lie of the peer.
    is_plain: bool,
    /// Whether the script may make packets up; decided once, so that many scripts never do and are
    /// held to all promises.
    may_forge: bool,
    sent: usize,
    dialled: u32,
    started: Timestamp,
}

impl Script {
    fn new(u: &mut Unstructured<'_>) -> Result<Self> {
        let bits = u.arbitrary::<u8>()?;
        let is_plain = bits & 7 == 7;
        let setup = setup(u, bits, is_plain)?;
        let mut arena = if bits & 8 == 0 {
            Arena::connected(setup).0
        } else {
            let mut arena = Arena::new(setup);
            // Nothing was dialled before.
            let _ = arena.dial(0);
            arena
        };
        if bits & MAY_FORGE != 0 {
            arena.allow_failures();
        }
        Ok(Self {
            started: arena.now,
            arena,
            is_plain,
            may_forge: bits & MAY_FORGE != 0,
            sent: 0,
            dialled: 0,
        })
    }

    fn operation(&mut self, u: &mut Unstructured<'_>) -> Result<()> {
        match u.int_in_range(0..=31_u8)? {
            0..=5 => self.send(u),
            6..=9 => self.wait(u),
            10..=16 => self.disturb(u),
            17 => self.replay(u),
            18 => self.set_lanes(u),
            19 => self.configure(u),
            20..=21 => self.read(u),
            22 => self.flush_or_sequence(u),
            23 => self.close_or_accept(u),
            24 => self.dial_or_restart(u),
            25 => self.inject(u),
            _ => self.forge(u),
        }
    }

    /// One of the connections of one of the ends.
    fn pick(&self, u: &mut Unstructured<'_>) -> Result<Option<(End, ConnectionId)>> {
        let byte = u.arbitrary::<u8>()?;
        let end = usize::from(byte & 1);
        let ids: Vec<ConnectionId> = self.arena.sides[end].ids().collect();
        let index = usize::from(byte >> 1) % ids.len().max(1);
        Ok(ids.get(index).map(|id| (end, *id)))
    }

    fn send(&mut self, u: &mut Unstructured<'_>) -> Result<()> {
        let picked = self.pick(u)?;
        let flags = SendFlags::from_bits(u.arbitrary()?);
        let lane = LaneIndex::new(u.int_in_range(0..=5)?);
        let len = match u.arbitrary::<u8>()? {
            len @ 0..=159 => usize::from(len),
            len @ 160..=219 => usize::from(len) * 8,
            len @ 220..=249 => usize::from(len - 219) * 1_000,
            len @ 250.. => usize::from(len - 249) * (MAX_MESSAGE / 6),
        };
        let freshness = if u.ratio(1, 8)? {
            Freshness {
                deadline: u
                    .arbitrary::<Option<u16>>()?
                    .map(|ms| Span::from_millis(ms.into())),
                key: u.arbitrary::<Option<u8>>()?.map(u64::from),
            }
        } else {
            Freshness::default()
        };
        let Some((end, id)) = picked.filter(|_| self.sent + len <= MAX_SENT) else {
            return Ok(());
        };
        self.sent += len;
        let data = vec![self.sent as u8; len];
        let payload = if len > 5_000 {
            Payload::Shared(Bytes::from(data))
        } else {
            Payload::Shared(Bytes::copy_from_slice(&data))
        };
        let message = Outgoing {
            freshness,
            ..Outgoing::new(lane, flags, payload)
        };
        // Refusals are part of it.
        let _ = self.arena.send(end, id, message);
        Ok(())
    }

    fn wait(&mut self, u: &mut Unstructured<'_>) -> Result<()> {
        let span = match u.arbitrary::<u8>()? {
            0..=63 => match self.arena.next_event() {
                Some(next) => next.since(self.arena.now),
                None => Span::ZERO,
            },
            ms @ 64..=159 => Span::from_millis(u64::from(ms - 63)),
            160..=219 => Span::from_micros(u.arbitrary::<u16>()?.into()),
            ms @ 220..=251 => Span::from_millis(u64::from(ms - 219) * 100),
            secs @ 252.. => Span::from_secs(u64::from(secs - 251) * 4),
        };
        if self.arena.now.since(self.started) < MAX_TIME {
            self.arena.run_for(span);
        }
        Ok(())
    }

    /// Something happens to a datagram on its way, or to the way.
    fn disturb(&mut self, u: &mut Unstructured<'_>) -> Result<()> {
        let byte = u.arbitrary::<u8>()?;
        let what = u.int_in_range(0..=9_u8)?;
        let end = usize::from(byte & 1);
        let wire = &mut self.arena.wires[end];
        if wire.is_empty() && what != 9 {
            return Ok(());
        }
        let index = usize::from(byte >> 1) % wire.len().max(1);
        match what {
            0..=2 => {
                wire.swap_remove(index);
            }
            3 => wire.clear(),
            4 => {
                let copy = wire[index].clone();
                wire.push(copy);
            }
            5 | 6 => {
                let late = Span::from_millis(u.arbitrary::<u8>()?.into());
                wire[index].due += late;
            }
            7 => {
                let (at, mask) = (u.arbitrary::<u16>()?, u.arbitrary::<u8>()?);
                let len = wire[index].bytes.len();
                wire[index].bytes[usize::from(at) % len] ^= mask;
                self.lied();
            }
            8 => {
                let keep = u.arbitrary::<u16>()?;
                let len = wire[index].bytes.len();
                wire[index].bytes.truncate(1 + usize::from(keep) % len);
                self.lied();
            }
            _ => self.arena.latency = Span::from_millis(u64::from(byte) * 2),
        }
        Ok(())
    }

    /// What was altered and passes for genuine all the same.
    fn lied(&mut self) {
        if self.is_plain {
            self.arena.taint();
        }
    }

    /// An old datagram arrives once more: where it went, or back where it came from.
    fn replay(&mut self, u: &mut Unstructured<'_>) -> Result<()> {
        let byte = u.arbitrary::<u8>()?;
        let sender = usize::from(byte & 1);
        let is_reflected = u.ratio(1, 4)?;
        let sent = &self.arena.sent[sender];
        let Some(index) = usize::from(byte >> 1).checked_rem(sent.len()) else {
            return Ok(());
        };
        let mut datagram = sent[index].clone();
        if is_reflected {
            std::mem::swap(&mut datagram.from, &mut datagram.to);
            self.arena.arrive(sender, &datagram);
            self.lied();
        } else {
            self.arena.arrive(1 - sender, &datagram);
        }
        Ok(())
    }

    fn set_lanes(&mut self, u: &mut Unstructured<'_>) -> Result<()> {
        let picked = self.pick(u)?;
        let count = u.int_in_range(0..=6_usize)?;
        let lanes: Vec<LaneConfig> = (0..count)
            .map(|_| {
                Ok(LaneConfig::new(
                    u.int_in_range(-1..=2)?,
                    u.int_in_range(0..=9)?,
                ))
            })
            .collect::<Result<_>>()?;
        if let Some((end, id)) = picked {
            // Refusals are part of it.
            let _ = self.arena.feed(end, id, |connection, now| {
                connection.configure_lanes(now, &lanes)
            });
        }
        Ok(())
    }

    fn configure(&mut self, u: &mut Unstructured<'_>) -> Result<()> {
        let picked = self.pick(u)?;
        let settings = Arc::new(config(u, self.may_forge)?);
        if let Some((end, id)) = picked {
            self.arena.feed(end, id, |connection, now| {
                let done = connection.handle(now, Input::Command(Command::Configure(settings)));
                assert!(done.is_ok(), "settings are always taken");
            });
        }
        Ok(())
    }

    fn read(&mut self, u: &mut Unstructured<'_>) -> Result<()> {
        let picked = self.pick(u)?;
        let how = u.arbitrary::<u8>()?;
        if let Some((end, id)) = picked {
            match how {
                0..=63 => self.arena.sides[end].set_reads(id, false),
                64..=127 => {
                    self.arena.sides[end].set_reads(id, true);
                    self.arena.receive(end, id, usize::MAX);
                }
                count @ 128.. => self.arena.receive(end, id, usize::from(count - 127)),
            }
        }
        Ok(())
    }

    fn flush_or_sequence(&mut self, u: &mut Unstructured<'_>) -> Result<()> {
        let picked = self.pick(u)?;
        let sequences = u.arbitrary::<Option<bool>>()?;
        let lane = u.arbitrary::<Option<u8>>()?.map(LaneIndex::new);
        if let Some((end, id)) = picked {
            self.arena.feed(end, id, |connection, now| match sequences {
                // Refused while there is no connection yet.
                None => drop(connection.flush(now)),
                Some(sequenced) => connection.set_sequenced(now, lane, sequenced),
            });
        }
        Ok(())
    }

    fn close_or_accept(&mut self, u: &mut Unstructured<'_>) -> Result<()> {
        let picked = self.pick(u)?;
        let what = u.int_in_range(0..=7_u8)?;
        if let Some((end, id)) = picked {
            self.arena.feed(end, id, |connection, now| match what {
                0..=3 => drop(connection.accept(now)),
                linger @ 4.. => {
                    let reason = EndReason::from_app(u32::from(what) * 400);
                    connection.close(now, reason, "bye", linger & 1 == 0);
                }
            });
        }
        Ok(())
    }

    fn dial_or_restart(&mut self, u: &mut Unstructured<'_>) -> Result<()> {
        let byte = u.arbitrary::<u8>()?;
        let end = usize::from(byte & 1);
        if byte >= 230 {
            self.arena.restart(end);
        } else if self.dialled < MAX_DIALLED {
            self.dialled += 1;
            // Refusals are part of it.
            let _ = self.arena.dial(end);
        }
        Ok(())
    }

    /// Any bytes arrive, from the peer's address or from nowhere.
    fn inject(&mut self, u: &mut Unstructured<'_>) -> Result<()> {
        let Some((end, id)) = self.pick(u)? else {
            return Ok(());
        };
        let Some((here, mut there)) = self.arena.sides[end].addresses(id) else {
            return Ok(());
        };
        if u.ratio(1, 4)? {
            there.set_port(9);
        }
        let mut bytes = u.bytes(u.len().min(48))?.to_vec();
        if u.ratio(1, 2)? && bytes.len() >= 5 {
            bytes[0] |= 0x80;
            bytes[1..5].copy_from_slice(&id.get().to_le_bytes());
        }
        let datagram = Datagram {
            due: self.arena.now,
            from: there,
            to: here,
            bytes,
        };
        self.lied();
        self.arena.arrive(end, &datagram);
        Ok(())
    }

    /// The other end of a connection turns evil: a packet that it would never send, sealed as it would.
    fn forge(&mut self, u: &mut Unstructured<'_>) -> Result<()> {
        let picked = self.pick(u)?;
        let Some((end, id)) = picked.filter(|_| self.may_forge) else {
            return Ok(());
        };
        let victim = self.arena.sides[end].connection(id);
        let Some(peer_id) = victim.and_then(|victim| victim.info().remote_id) else {
            return Ok(());
        };
        let peer = self.arena.sides[1 - end].connection(peer_id);
        let (Some(victim), Some(peer)) = (victim, peer) else {
            return Ok(());
        };
        let Some(bytes) = forged(u, victim, peer, &self.arena)? else {
            return Ok(());
        };
        let Some((from, to)) = self.arena.sides[1 - end].addresses(peer_id) else {
            return Ok(());
        };
        self.arena.taint();
        let datagram = Datagram {
            due: self.arena.now,
            from,
            to,
            bytes,
        };
        self.arena.arrive(end, &datagram);
        Ok(())
    }
}

/// A packet from `peer` to `victim` that nobody but an evil peer sends.
fn forged(
    u: &mut Unstructured<'_>,
    victim: &Connection,
    peer: &Connection,
    arena: &Arena,
) -> Result<Option<Vec<u8>>> {
    use bowline_core::snp::decode::DecodeContext as _;
    let next = peer.decode_context().next_send();
    let number = match u.arbitrary::<u8>()? {
        0..=199 => next,
        _ => PacketNumber::new(frames::near(u, next.get())?),
    };
    let stats = if u.ratio(1, 8)? {
        Some(u.bytes(u.len().min(12))?)
    } else {
        None
    };
    let plaintext = frames::plaintext(u, &victim.decode_context(), number)?;
    Ok(arena.crypto.forge(|| peer.forge(number, stats, &plaintext)))
}

fn setup(u: &mut Unstructured<'_>, bits: u8, is_plain: bool) -> Result<Setup> {
    let mut setup = Setup {
        accepts: bits & 32 == 0,
        reads: bits & 64 == 0,
        ..Setup::default()
    };
    if bits & 128 != 0 {
        setup.config = config(u, bits & MAY_FORGE != 0)?;
    }
    if is_plain {
        setup.config.set_encryption(EncryptionPolicy::Off);
    }
    let mut extensions = ExtensionSet::NONE;
    let more = u.arbitrary::<u8>()?;
    if more & 1 == 0 {
        extensions = extensions
            .with(Extension::SealedClose)
            .with(Extension::ReceiveWindow)
            .with(Extension::PathMtu);
    }
    if more & 2 == 0 {
        extensions = extensions.with(Extension::KeyUpdate);
    }
    setup.extensions[1] = extensions;
    if more & 4 == 0 {
        setup.key_limits.packets = 1 + u64::from(more >> 4);
    }
    if more & 8 == 0 {
        setup.key_limits.time = Some(Span::from_millis(u64::from(more >> 4) * 50));
    }
    Ok(setup)
}

/// Settings within their ranges, small ones more often than not. A bound on the size of messages ends
/// the connection of a peer that exceeds it, so it is only for scripts with evil peers.
fn config(u: &mut Unstructured<'_>, may_end: bool) -> Result<Config> {
    let mut config = Config::new();
    for _ in 0..u.int_in_range(0..=3_u8)? {
        let value = usize::from(u.arbitrary::<u16>()?);
        // What is out of range leaves the setting as it was.
        let _ = match u.int_in_range(0..=8_u8)? {
            0 => config.set_mtu(200 + value % 1101),
            1 => config.set_send_buffer(value * 8),
            // Less than the longest message is a bound on it.
            2 if may_end => config.set_recv_buffer(value * 16),
            2 => config.set_recv_buffer(MAX_MESSAGE + value * 16),
            3 => config.set_recv_buffer_messages(value % 64),
            4 if may_end => config.set_recv_max_message(value * 8),
            5 => config.set_nagle(Span::from_micros(value as u64)),
            6 => config.set_max_segments_per_packet((value % 50) as u32),
            4 | 7 => config.set_timeout_connected(Span::from_millis(value as u64)),
            _ => {
                let rate = 65_536 + value as u64 * 64;
                config.set_send_rate(Some(rate), Some(rate))
            }
        };
    }
    Ok(config)
}
