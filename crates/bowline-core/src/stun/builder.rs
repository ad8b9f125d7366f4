//! Writes messages.

use alloc::vec::Vec;
use core::net::SocketAddr;

use crate::limits::MAX_STUN_USERNAME;
use crate::stun::AddressFamily;
use crate::stun::Class;
use crate::stun::HEADER_LEN;
use crate::stun::IntegrityKey;
use crate::stun::MAGIC_COOKIE;
use crate::stun::Method;
use crate::stun::TransactionId;
use crate::stun::attribute;
use crate::stun::integrity;
use crate::stun::kind_of;

/// Appends a message to a buffer, attribute by attribute in the order of the calls. After each call what is there
/// is a whole message.
///
/// An attribute that would make the message longer than any may be (64 KiB) is left out; that is a bug of the
/// caller, and panics in debug builds.
#[derive(Debug)]
pub struct Builder<'a> {
    out: &'a mut Vec<u8>,
    /// Where in the buffer the message begins.
    start: usize,
    transaction_id: TransactionId,
}

impl<'a> Builder<'a> {
    /// Begins a message behind what is in `out`.
    pub fn new(
        out: &'a mut Vec<u8>,
        class: Class,
        method: Method,
        transaction_id: TransactionId,
    ) -> Self {
        let start = out.len();
        out.extend_from_slice(&kind_of(class, method).to_be_bytes());
        out.extend_from_slice(&[0, 0]);
        out.extend_from_slice(&MAGIC_COOKIE.to_be_bytes());
        out.extend_from_slice(transaction_id.as_bytes());
        Self {
            out,
            start,
            transaction_id,
        }
    }

    /// MAPPED-ADDRESS, which old servers answer with.
    pub fn mapped_address(&mut self, address: SocketAddr) -> &mut Self {
        self.put(attribute::MAPPED_ADDRESS, |out, _| {
            attribute::write_address(out, address);
        })
    }

    /// XOR-MAPPED-ADDRESS: how the asker is seen.
    pub fn xor_mapped_address(&mut self, address: SocketAddr) -> &mut Self {
        self.put_xor(attribute::XOR_MAPPED_ADDRESS, address)
    }

    /// XOR-PEER-ADDRESS: whom a TURN message is about.
    pub fn xor_peer_address(&mut self, address: SocketAddr) -> &mut Self {
        self.put_xor(attribute::XOR_PEER_ADDRESS, address)
    }

    /// XOR-RELAYED-ADDRESS: the address that a TURN server gives.
    pub fn xor_relayed_address(&mut self, address: SocketAddr) -> &mut Self {
        self.put_xor(attribute::XOR_RELAYED_ADDRESS, address)
    }

    /// ALTERNATE-SERVER: where to ask instead.
    pub fn alternate_server(&mut self, address: SocketAddr) -> &mut Self {
        self.put(attribute::ALTERNATE_SERVER, |out, _| {
            attribute::write_address(out, address);
        })
    }

    /// USERNAME, of at most [`MAX_STUN_USERNAME`] bytes.
    pub fn username(&mut self, username: &str) -> &mut Self {
        debug_assert!(username.len() <= MAX_STUN_USERNAME, "user name too long");
        self.attribute(attribute::USERNAME, username.as_bytes())
    }

    /// REALM: which accounts a server means.
    pub fn realm(&mut self, realm: &[u8]) -> &mut Self {
        self.attribute(attribute::REALM, realm)
    }

    /// NONCE, given by a server and handed back to it.
    pub fn nonce(&mut self, nonce: &[u8]) -> &mut Self {
        self.attribute(attribute::NONCE, nonce)
    }

    /// PRIORITY of the candidate that the peer learns from this check.
    pub fn priority(&mut self, priority: u32) -> &mut Self {
        self.attribute(attribute::PRIORITY, &priority.to_be_bytes())
    }

    /// ICE-CONTROLLING, with what settles a conflict of roles.
    pub fn ice_controlling(&mut self, tie_breaker: u64) -> &mut Self {
        self.attribute(attribute::ICE_CONTROLLING, &tie_breaker.to_be_bytes())
    }

    /// ICE-CONTROLLED, with what settles a conflict of roles.
    pub fn ice_controlled(&mut self, tie_breaker: u64) -> &mut Self {
        self.attribute(attribute::ICE_CONTROLLED, &tie_breaker.to_be_bytes())
    }

    /// USE-CANDIDATE: this pair is nominated.
    pub fn use_candidate(&mut self) -> &mut Self {
        self.attribute(attribute::USE_CANDIDATE, &[])
    }

    /// ERROR-CODE: a number from 300 to 699, and a text for people.
    pub fn error_code(&mut self, code: u16, reason: &str) -> &mut Self {
        debug_assert!((300..700).contains(&code), "no error code: {code}");
        self.put(attribute::ERROR_CODE, |out, _| {
            out.extend_from_slice(&[0, 0, (code / 100) as u8, (code % 100) as u8]);
            out.extend_from_slice(reason.as_bytes());
        })
    }

    /// UNKNOWN-ATTRIBUTES of a request, in the answer 420.
    pub fn unknown_attributes(&mut self, kinds: &[u16]) -> &mut Self {
        self.put(attribute::UNKNOWN_ATTRIBUTES, |out, _| {
            out.extend(kinds.iter().flat_map(|kind| kind.to_be_bytes()));
        })
    }

    /// LIFETIME of an allocation in seconds.
    pub fn lifetime(&mut self, seconds: u32) -> &mut Self {
        self.attribute(attribute::LIFETIME, &seconds.to_be_bytes())
    }

    /// REQUESTED-TRANSPORT: UDP (17).
    pub fn requested_transport_udp(&mut self) -> &mut Self {
        self.attribute(attribute::REQUESTED_TRANSPORT, &[UDP, 0, 0, 0])
    }

    /// REQUESTED-ADDRESS-FAMILY of the relayed address.
    pub fn requested_address_family(&mut self, family: AddressFamily) -> &mut Self {
        self.attribute(
            attribute::REQUESTED_ADDRESS_FAMILY,
            &[family.number(), 0, 0, 0],
        )
    }

    /// CHANNEL-NUMBER, 0x4000 to 0x4FFF.
    pub fn channel_number(&mut self, channel: u16) -> &mut Self {
        let [high, low] = channel.to_be_bytes();
        self.attribute(attribute::CHANNEL_NUMBER, &[high, low, 0, 0])
    }

    /// DATA to or from a peer.
    pub fn data(&mut self, data: &[u8]) -> &mut Self {
        self.attribute(attribute::DATA, data)
    }

    /// MESSAGE-INTEGRITY over all before it. Only a fingerprint may follow.
    pub fn integrity(&mut self, key: &IntegrityKey) -> &mut Self {
        let tag = key.sha1(self.message());
        self.attribute(attribute::MESSAGE_INTEGRITY, &tag)
    }

    /// FINGERPRINT over all before it. Nothing may follow.
    pub fn fingerprint(&mut self) -> &mut Self {
        self.attribute(attribute::FINGERPRINT, &[0; 4]);
        let covered = self.message().len().saturating_sub(8);
        let message = self.message().get(..covered).unwrap_or_default();
        let value = integrity::fingerprint(message).to_be_bytes();
        if let Some(slot) = self.out.last_chunk_mut() {
            *slot = value;
        }
        self
    }

    /// Any attribute, by its number.
    pub fn attribute(&mut self, kind: u16, value: &[u8]) -> &mut Self {
        self.put(kind, |out, _| out.extend_from_slice(value))
    }

    fn put_xor(&mut self, kind: u16, address: SocketAddr) -> &mut Self {
        self.put(kind, |out, id| {
            attribute::write_xor_address(out, address, id);
        })
    }

    fn put(&mut self, kind: u16, value: impl FnOnce(&mut Vec<u8>, &TransactionId)) -> &mut Self {
        let at = self.out.len();
        self.out.extend_from_slice(&kind.to_be_bytes());
        self.out.extend_from_slice(&[0, 0]);
        value(self.out, &self.transaction_id);
        let value_len = self.out.len() - at - 4;
        while !(self.out.len() - at).is_multiple_of(4) {
            self.out.push(0);
        }
        let body_len = self.message().len() - HEADER_LEN;
        if let (Ok(value_len), Ok(body_len)) = (u16::try_from(value_len), u16::try_from(body_len)) {
            self.set_u16(at + 2, value_len);
            self.set_u16(self.start + 2, body_len);
        } else {
            debug_assert!(false, "no STUN message holds {body_len} bytes");
            self.out.truncate(at);
        }
        self
    }

    fn set_u16(&mut self, at: usize, value: u16) {
        if let Some(slot) = self.out.get_mut(at..at + 2) {
            slot.copy_from_slice(&value.to_be_bytes());
        }
    }

    fn message(&self) -> &[u8] {
        self.out.get(self.start..).unwrap_or_default()
    }
}

/// The protocol number of UDP, as REQUESTED-TRANSPORT names it.
pub(super) const UDP: u8 = 17;
