//! Replacing the keys of a connection while it lives.
//!
//! Each direction has its own epoch, which its sender advances; the parity of the epoch is the key
//! phase in the header of its packets. The sender does so when a key has sealed enough
//! ([`KeyLimits`]), but never before the peer has acknowledged a packet of the present epoch: so the
//! receiver is at most one epoch behind, and one bit tells it which key to try. It tries one key per
//! packet, and keeps the key before for packets that come late.
//!
//! The secrets of the next epoch come from those of the present one and not the other way round, as
//! in RFC 9001, section 6.1: who learns a key learns nothing of the traffic before.

mod image;

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::fmt;

use zeroize::Zeroizing;

use serde::Deserialize;
use serde::Serialize;

use crate::crypto::Crypto;
use crate::crypto::CryptoError;
use crate::crypto::kdf;
use crate::crypto::packet::PacketKey;
use crate::crypto::packet::SessionKeys;
use crate::ids::PacketNumber;
use crate::limits;
use crate::time::Span;
use crate::time::Timestamp;

pub(crate) use image::KeysImage;

/// When a key has done enough.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[non_exhaustive]
pub struct KeyLimits {
    /// Packets sealed with a key before the next one is taken; never more than
    /// [`limits::PACKETS_PER_KEY`], which is the default.
    pub packets: u64,
    /// Bytes of packets sealed with a key before the next one is taken; no limit by default.
    pub bytes: Option<u64>,
    /// How long a key seals; no limit by default. Looked at when a packet is sent.
    pub time: Option<Span>,
    /// Forged packets after which a connection ends; never more than
    /// [`limits::MAX_FAILED_OPENS`], which is the default.
    pub failed_opens: u64,
}

/// The keys of a connection, from its first epoch to its last.
#[derive(Clone, Debug)]
pub(crate) struct ConnectionKeys {
    pub(crate) send: PacketKey,
    pub(crate) recv: PacketKey,
    /// `None` towards a peer that keeps its first keys.
    update: Option<Box<KeyUpdate>>,
}

/// What both directions derive their next keys from.
#[derive(Clone)]
pub(crate) struct UpdateSecrets {
    pub(crate) send: Secret,
    pub(crate) recv: Secret,
}

pub(crate) type Secret = Zeroizing<[u8; 32]>;

#[derive(Clone)]
struct KeyUpdate {
    secrets: UpdateSecrets,
    /// The first packet sealed with the present key.
    first_sent: PacketNumber,
    sealed_bytes: u64,
    since: Timestamp,
    /// The peer has acknowledged a packet sealed with the present key.
    confirmed: bool,
    /// The lowest packet number opened with the present key.
    first_received: PacketNumber,
    /// The key before, and until when it is kept.
    old: Option<Box<(PacketKey, Timestamp)>>,
    /// The next secret and key, once a packet seemed to need them.
    next: Option<Box<(Secret, PacketKey)>>,
}

/// What a cipher makes of a key: aws-lc has 592 bytes (on x86-64) and the handle 56, the portable one
/// about as many.
const EXPANDED_KEY: usize = 656;

impl KeyLimits {
    /// What is safe for AES-256-GCM.
    pub const DEFAULT: Self = Self {
        packets: limits::PACKETS_PER_KEY,
        bytes: None,
        time: None,
        failed_opens: limits::MAX_FAILED_OPENS,
    };

    /// Whether a connection that refused this many forged packets must end.
    pub(crate) fn is_broken(&self, failed_opens: u64) -> bool {
        failed_opens >= self.failed_opens.min(limits::MAX_FAILED_OPENS)
    }
}

impl Default for KeyLimits {
    fn default() -> Self {
        Self::DEFAULT
    }
}

impl ConnectionKeys {
    /// The keys of the handshake, at `now`, with `first` as the first packet that they seal. With
    /// `secrets` they are replaced in time.
    pub(crate) fn new(
        now: Timestamp,
        first: PacketNumber,
        keys: SessionKeys,
        secrets: Option<UpdateSecrets>,
    ) -> Self {
        let update = secrets.map(|secrets| {
            Box::new(KeyUpdate {
                secrets,
                first_sent: first,
                sealed_bytes: 0,
                since: now,
                confirmed: false,
                first_received: PacketNumber::default(),
                old: None,
                next: None,
            })
        });
        Self {
            send: keys.send,
            recv: keys.recv,
            update,
        }
    }

    /// The key phase of the packets that are sealed now.
    pub(crate) const fn phase(&self) -> bool {
        self.send.epoch().phase()
    }

    /// Takes the next key if the present one has done enough and the peer is ready. To be called
    /// before each packet, with its number; tells whether there is a new key.
    pub(crate) fn renew(
        &mut self,
        now: Timestamp,
        number: PacketNumber,
        crypto: &Crypto,
        limits: &KeyLimits,
    ) -> bool {
        let Some(update) = &mut self.update else {
            return false;
        };
        if !update.confirmed || !update.is_due(now, number, limits) {
            return false;
        }
        let secret = kdf::next_secret(&update.secrets.send);
        let epoch = self.send.epoch().next();
        self.send = kdf::epoch_key(crypto, &secret, epoch);
        update.secrets.send = secret;
        update.first_sent = number;
        update.sealed_bytes = 0;
        update.since = now;
        update.confirmed = false;
        true
    }

    /// Whether the present key must not seal packet `number` any more, since it has sealed as many
    /// packets as are safe and the peer never confirmed it.
    pub(crate) fn is_worn_out(&self, number: PacketNumber) -> bool {
        self.update
            .as_ref()
            .is_some_and(|update| update.sealed_packets(number) >= limits::MAX_PACKETS_PER_KEY)
    }

    /// Seals packet `number`, whose plaintext begins at `plaintext_start`, in place at the end of `buf`;
    /// counts `buf` from `packet_start` on as sealed.
    pub(crate) fn seal(
        &mut self,
        number: PacketNumber,
        buf: &mut Vec<u8>,
        packet_start: usize,
        plaintext_start: usize,
    ) {
        self.send.note_use();
        self.send.seal(number, buf, plaintext_start);
        if let Some(update) = &mut self.update {
            let bytes = buf.len().saturating_sub(packet_start) as u64;
            update.sealed_bytes = update.sealed_bytes.saturating_add(bytes);
        }
    }

    /// Keeps no more memory than need be until packets flow again.
    pub(crate) fn rest(&mut self, now: Timestamp, crypto: &Crypto) {
        self.forget_old(now);
        self.send.rest(crypto);
        self.recv.rest(crypto);
        if let Some(update) = &mut self.update {
            if let Some(old) = &mut update.old {
                old.0.rest(crypto);
            }
            // Anybody can make a packet that seems to need it; one that does makes it again.
            update.next = None;
        }
    }

    /// Heap in bytes of what is kept, the ciphers' by estimate.
    pub(crate) fn heap_bytes(&self) -> usize {
        let keys = [Some(&self.send), Some(&self.recv)].into_iter();
        let update = self.update.as_deref();
        let old = update.and_then(|update| update.old.as_deref());
        let next = update.and_then(|update| update.next.as_deref());
        let more = [old.map(|old| &old.0), next.map(|next| &next.1)].into_iter();
        let expanded = keys.chain(more).flatten().filter(|key| key.is_expanded());
        expanded.count() * EXPANDED_KEY
            + update.map_or(0, |_| size_of::<KeyUpdate>())
            + old.map_or(0, size_of_val)
            + next.map_or(0, size_of_val)
    }

    /// The peer has received packet `latest`.
    pub(crate) fn on_acked(&mut self, latest: PacketNumber) {
        if let Some(update) = &mut self.update {
            update.confirmed |= latest >= update.first_sent;
        }
    }

    /// Decrypts `payload` in place with the key that its number and key phase stand for, and moves on
    /// to the next epoch if it was the next key that did it.
    pub(crate) fn open<'a>(
        &mut self,
        now: Timestamp,
        number: PacketNumber,
        phase: bool,
        payload: &'a mut [u8],
        crypto: &Crypto,
    ) -> Result<&'a mut [u8], CryptoError> {
        let Some(update) = &mut self.update else {
            // GNS sends the bit as zero and ignores it; so do we without the extension.
            self.recv.note_use();
            return self.recv.open(number, payload);
        };
        update.forget_old(now);
        if phase == self.recv.epoch().phase() {
            self.recv.note_use();
            let plaintext = self.recv.open(number, payload)?;
            update.first_received = update.first_received.min(number);
            return Ok(plaintext);
        }
        if number < update.first_received {
            let old = update.old.as_mut().ok_or(CryptoError)?;
            old.0.note_use();
            return old.0.open(number, payload);
        }
        let epoch = self.recv.epoch().next();
        let next = update.next.get_or_insert_with(|| {
            let secret = kdf::next_secret(&update.secrets.recv);
            let key = kdf::epoch_key(crypto, &secret, epoch);
            Box::new((secret, key))
        });
        next.1.note_use();
        let plaintext = next.1.open(number, payload)?;
        if let Some(next) = update.next.take() {
            let (secret, key) = *next;
            let old = core::mem::replace(&mut self.recv, key);
            update.secrets.recv = secret;
            update.old = Some(Box::new((old, now + limits::OLD_KEY_LIFETIME)));
            update.first_received = number;
        }
        Ok(plaintext)
    }

    /// Forgets the key before the present one when late packets are no longer waited for.
    pub(crate) fn forget_old(&mut self, now: Timestamp) {
        if let Some(update) = &mut self.update {
            update.forget_old(now);
        }
    }
}

impl KeyUpdate {
    const fn sealed_packets(&self, number: PacketNumber) -> u64 {
        number.get().saturating_sub(self.first_sent.get())
    }

    fn is_due(&self, now: Timestamp, number: PacketNumber, limits: &KeyLimits) -> bool {
        let packets = limits.packets.min(limits::PACKETS_PER_KEY);
        self.sealed_packets(number) >= packets
            || limits.bytes.is_some_and(|max| self.sealed_bytes >= max)
            || limits.time.is_some_and(|max| now.since(self.since) >= max)
    }

    fn forget_old(&mut self, now: Timestamp) {
        if self.old.as_ref().is_some_and(|old| old.1 <= now) {
            self.old = None;
        }
    }
}

impl fmt::Debug for UpdateSecrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("UpdateSecrets")
    }
}

impl fmt::Debug for KeyUpdate {
    /// Shows nothing of the secrets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeyUpdate")
            .field("first_sent", &self.first_sent)
            .field("confirmed", &self.confirmed)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
