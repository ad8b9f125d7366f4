//! What requests are answered with.

use std::net::SocketAddr;

use bowline_core::stun::{AddressFamily, Builder, Class, Message, Method, TransactionId};
use bowline_core::time::{Span, Timestamp};

use super::allocation::Allocation;
use super::{ServerFault, StunServer};

/// An answer before it is written.
#[derive(Clone, Debug, Default)]
pub(super) struct Answer {
    error: Option<u16>,
    mapped: Option<SocketAddr>,
    relayed: Option<SocketAddr>,
    alternate: Option<SocketAddr>,
    lifetime_secs: Option<u32>,
    unknown: Vec<u16>,
}

impl Answer {
    pub(super) fn mapped(address: SocketAddr) -> Self {
        Self {
            mapped: Some(address),
            ..Self::default()
        }
    }

    fn error(code: u16) -> Self {
        Self {
            error: Some(code),
            ..Self::default()
        }
    }
}

impl StunServer {
    /// Answers a request of TURN.
    pub(super) fn request(
        &mut self,
        now: Timestamp,
        from: SocketAddr,
        message: &Message<'_>,
    ) -> Answer {
        if let Err(code) = self.authenticate(now, message) {
            return Answer::error(code);
        }
        if !message.unknown_required().is_empty() {
            let mut answer = Answer::error(420);
            answer.unknown = message.unknown_required().to_vec();
            return answer;
        }
        match message.method() {
            Method::Allocate => self.allocate(now, from, message),
            Method::Refresh => self.refresh(now, from, message),
            Method::CreatePermission => self.create_permission(now, from, message),
            Method::ChannelBind => self.channel_bind(now, from, message),
            Method::Binding | Method::Send | Method::Data | Method::Other(_) => Answer::error(400),
        }
    }

    /// RFC 8489, section 9.2.4.
    fn authenticate(&mut self, now: Timestamp, message: &Message<'_>) -> Result<(), u16> {
        let Some((user, _)) = &self.config.account else {
            return Ok(());
        };
        if self.fault == ServerFault::NeverAuthenticated || !message.has_integrity() {
            return Err(401);
        }
        let (Some(name), Some(_), Some(nonce)) =
            (message.username(), message.realm(), message.nonce())
        else {
            return Err(400);
        };
        let is_user = name == user;
        if self.fault == ServerFault::AlwaysStale {
            self.renew_nonce(now);
        }
        if nonce != self.nonce_text().as_bytes() {
            return Err(438);
        }
        // Whatever it signs with, it knows the password of its users.
        let fault = std::mem::take(&mut self.fault);
        let key = self.key();
        self.fault = fault;
        let holds = key.is_some_and(|key| message.check_integrity(&key));
        if is_user && holds { Ok(()) } else { Err(401) }
    }

    fn allocate(&mut self, now: Timestamp, from: SocketAddr, message: &Message<'_>) -> Answer {
        if let ServerFault::Refuses(code) = self.fault {
            return Answer::error(code);
        }
        if let Some(alternate) = self.alternate {
            let mut answer = Answer::error(300);
            answer.alternate = Some(alternate);
            return answer;
        }
        let family = message.requested_address_family();
        let family = family.unwrap_or(AddressFamily::Ipv4);
        if let Some(known) = self.allocations.get(&from) {
            if known.made_for != message.transaction_id() {
                return Answer::error(437);
            }
            return self.allocated(from, known.relayed);
        }
        match message.is_udp_requested() {
            None => return Answer::error(400),
            Some(false) => return Answer::error(442),
            Some(true) if self.allocations.len() >= self.config.quota => {
                return Answer::error(486);
            }
            Some(true) => {}
        }
        let Some(relayed) = self.free_address(family) else {
            return Answer::error(440);
        };
        let expires = now + Span::from_secs(self.config.lifetime_secs.into());
        let allocation = Allocation::new(relayed, expires, message.transaction_id());
        if self.fault != ServerFault::Forgetful {
            self.allocations.insert(from, allocation);
            self.by_relayed.insert(relayed, from);
        }
        self.allocated(from, relayed)
    }

    fn allocated(&self, from: SocketAddr, relayed: SocketAddr) -> Answer {
        Answer {
            mapped: Some(from),
            relayed: Some(relayed),
            lifetime_secs: Some(self.config.lifetime_secs),
            ..Answer::default()
        }
    }

    fn refresh(&mut self, now: Timestamp, from: SocketAddr, message: &Message<'_>) -> Answer {
        let Some(allocation) = self.allocations.get_mut(&from) else {
            return Answer::error(437);
        };
        let most = self.config.lifetime_secs;
        let seconds = message.lifetime().map_or(most, |wish| wish.min(most));
        allocation.expires = now + Span::from_secs(seconds.into());
        self.expire(now);
        Answer {
            lifetime_secs: Some(seconds),
            ..Answer::default()
        }
    }

    fn create_permission(
        &mut self,
        now: Timestamp,
        from: SocketAddr,
        message: &Message<'_>,
    ) -> Answer {
        match self.reachable_peer(from, message) {
            Ok((allocation, peer)) => {
                allocation.permit(now, peer.ip());
                Answer::default()
            }
            Err(code) => Answer::error(code),
        }
    }

    fn channel_bind(&mut self, now: Timestamp, from: SocketAddr, message: &Message<'_>) -> Answer {
        let number = message.channel_number();
        match (self.reachable_peer(from, message), number) {
            (Ok((allocation, peer)), Some(number)) => match allocation.bind(now, number, peer) {
                Some(()) => Answer::default(),
                None => Answer::error(400),
            },
            (Ok(_), None) => Answer::error(400),
            (Err(code), _) => Answer::error(code),
        }
    }

    /// The allocation and the peer that a request is about.
    fn reachable_peer(
        &mut self,
        from: SocketAddr,
        message: &Message<'_>,
    ) -> Result<(&mut Allocation, SocketAddr), u16> {
        let allocation = self.allocations.get_mut(&from).ok_or(437_u16)?;
        let peer = message.peer_address().ok_or(400_u16)?;
        if self.forbidden.contains(&peer.ip()) {
            return Err(403);
        }
        if peer.is_ipv4() != allocation.relayed.is_ipv4() {
            return Err(443);
        }
        Ok((allocation, peer))
    }

    /// Writes an answer, with whatever is wrong with this server. `None` if nothing is sent.
    pub(super) fn write(&self, request: &Message<'_>, answer: &Answer) -> Option<Vec<u8>> {
        let mut bytes = Vec::new();
        if self.fault == ServerFault::Noise {
            bytes.resize(60, 0x2A);
            return Some(bytes);
        }
        let mut id = *request.transaction_id().as_bytes();
        if self.fault == ServerFault::WrongTransaction {
            id[11] ^= 1;
        }
        let class = match answer.error {
            Some(_) => Class::Error,
            None => Class::Success,
        };
        let id = TransactionId::from_bytes(id);
        let mut message = Builder::new(&mut bytes, class, request.method(), id);
        let is_empty = self.fault == ServerFault::EmptyAnswers && answer.error.is_none();
        if !is_empty {
            self.write_attributes(answer, &mut message);
        }
        // Nothing proves anything before the request did.
        let is_challenge = matches!(answer.error, Some(400 | 401 | 438));
        let key = self
            .key()
            .filter(|_| !is_challenge && request.has_integrity());
        if let Some(key) = key {
            message.integrity(&key);
        }
        message.fingerprint();
        Some(bytes)
    }

    fn write_attributes(&self, answer: &Answer, message: &mut Builder<'_>) {
        if let Some(code) = answer.error {
            message.error_code(code, "no");
        }
        if let Some(401 | 438) = answer.error {
            message.realm(self.config.realm.as_bytes());
            message.nonce(self.nonce_text().as_bytes());
        }
        if !answer.unknown.is_empty() {
            message.unknown_attributes(&answer.unknown);
        }
        if let Some(address) = answer.relayed {
            message.xor_relayed_address(address);
        }
        if let Some(address) = answer.mapped {
            message.xor_mapped_address(address);
        }
        if let Some(address) = answer.alternate {
            message.alternate_server(address);
        }
        if let Some(seconds) = answer.lifetime_secs {
            message.lifetime(seconds);
        }
    }
}
