//! What the server answers, and what follows from it.

use core::net::SocketAddr;

use crate::counters::DropReason;
use crate::limits::MAX_TURN_LIFETIME;
use crate::limits::MAX_TURN_NONCES;
use crate::limits::MIN_TURN_REFRESH;
use crate::stun::AddressFamily;
use crate::stun::Class;
use crate::stun::Message;
use crate::time::Span;
use crate::time::Timestamp;
use crate::turn::TurnClient;
use crate::turn::TurnFailure;
use crate::turn::client::Allocation;
use crate::turn::client::Stage;
use crate::turn::peers::Answer;
use crate::turn::peers::Wish;
use crate::turn::request::Ask;
use crate::turn::request::Request;

// RFC 8489, section 14.8, and RFC 8656, section 19.
const TRY_ALTERNATE: u16 = 300;
const UNAUTHENTICATED: u16 = 401;
const FORBIDDEN: u16 = 403;
const UNKNOWN_ATTRIBUTE: u16 = 420;
const ALLOCATION_MISMATCH: u16 = 437;
const STALE_NONCE: u16 = 438;
const ADDRESS_FAMILY_NOT_SUPPORTED: u16 = 440;
const WRONG_CREDENTIALS: u16 = 441;
const ALLOCATION_QUOTA_REACHED: u16 = 486;
const INSUFFICIENT_CAPACITY: u16 = 508;

/// What an allocation lives for if the server does not say (RFC 8656, section 3.2).
const DEFAULT_LIFETIME: u32 = 600;

impl TurnClient {
    /// Takes an answer of the server.
    pub(super) fn answer(
        &mut self,
        now: Timestamp,
        message: &Message<'_>,
    ) -> Result<(), DropReason> {
        let id = message.transaction_id();
        let request = self.requests.find(&id, message.method());
        let request = request.ok_or(DropReason::UnknownTransaction)?;
        let error = match message.class() {
            Class::Error => match message.error_code() {
                Some(error) => Some(error.code),
                None => return self.odd(TurnFailure::Garbage),
            },
            Class::Request | Class::Indication | Class::Success => None,
        };
        // These two say that the server and we have nothing yet that could prove anything.
        if let Some(UNAUTHENTICATED | STALE_NONCE) = error {
            return self.challenged(now, &request, message);
        }
        if !self.auth.accepts(message) {
            return self.odd(TurnFailure::Untrusted);
        }
        if !message.unknown_required().is_empty() {
            return self.odd(TurnFailure::Garbage);
        }
        match (request.ask, error) {
            (Ask::Allocate(_), None) => self.allocated(now, message)?,
            (Ask::Allocate(_), Some(code)) => self.not_allocated(now, code, message),
            (Ask::Refresh, None) => self.refreshed(now, message),
            (Ask::Refresh, Some(code)) => self.not_refreshed(now, code),
            (Ask::Release, _) => self.released(now),
            (Ask::Peer(wish), None) => self.peers.answered(now, wish, Answer::Yes),
            (Ask::Peer(wish), Some(code)) => self.not_granted(now, wish, code),
        }
        self.requests.remove(&id);
        Ok(())
    }

    /// 401 or 438: the request is made anew with what the server wants to have in it.
    fn challenged(
        &mut self,
        now: Timestamp,
        request: &Request,
        message: &Message<'_>,
    ) -> Result<(), DropReason> {
        let is_stale = message.error_code().is_some_and(|e| e.code == STALE_NONCE);
        let failure = match (is_stale, self.auth.has_account(), self.auth.is_used()) {
            (_, false, _) => Some(TurnFailure::NoCredentials),
            (false, true, true) => Some(TurnFailure::WrongCredentials),
            (true, true, _) if request.nonces >= MAX_TURN_NONCES => Some(TurnFailure::NonceLoop),
            (true | false, true, _) => None,
        };
        match (failure, &self.stage) {
            (Some(_), Stage::Closing) => self.released(now),
            (Some(failure), _) => self.fail(failure),
            (None, _) => {
                if self.auth.take_challenge(message).is_none() {
                    return self.odd(TurnFailure::Garbage);
                }
                let (ask, nonces) = (request.ask, request.nonces + u8::from(is_stale));
                self.requests.start(now, ask, nonces, &mut self.rng);
            }
        }
        self.requests.remove(&message.transaction_id());
        Ok(())
    }

    fn allocated(&mut self, now: Timestamp, message: &Message<'_>) -> Result<(), DropReason> {
        let lifetime = lifetime(message);
        let relayed = message.relayed_address();
        let relayed = relayed.filter(|relayed| self.is_believable(*relayed));
        let (Some(relayed), Some(mapped), false) =
            (relayed, message.mapped_address(), lifetime.is_zero())
        else {
            return self.odd(TurnFailure::Garbage);
        };
        self.history.has_cleared = false;
        self.history.oddity = None;
        self.stage = Stage::Allocated(Allocation {
            relayed,
            mapped,
            since: now,
            expires: now + lifetime,
            refresh_at: Some(now + refresh_after(lifetime)),
            is_silent: false,
        });
        Ok(())
    }

    fn not_allocated(&mut self, now: Timestamp, code: u16, message: &Message<'_>) {
        let failure = match code {
            TRY_ALTERNATE => {
                return self.redirected(now, message.alternate_server());
            }
            ALLOCATION_MISMATCH if !self.history.has_cleared => {
                // Of an earlier owner of this port, or of ours if the answer to it was lost.
                self.history.has_cleared = true;
                return self.ask(now, Ask::Release);
            }
            ALLOCATION_MISMATCH => TurnFailure::Mismatch,
            ALLOCATION_QUOTA_REACHED => TurnFailure::Quota,
            INSUFFICIENT_CAPACITY => TurnFailure::Capacity,
            FORBIDDEN => TurnFailure::Forbidden,
            WRONG_CREDENTIALS => TurnFailure::WrongCredentials,
            ADDRESS_FAMILY_NOT_SUPPORTED => TurnFailure::Family,
            UNKNOWN_ATTRIBUTE if self.family == AddressFamily::Ipv6 => TurnFailure::Family,
            code => TurnFailure::Refused(code),
        };
        self.fail(failure);
    }

    /// The server has sent us to another, which is tried once.
    fn redirected(&mut self, now: Timestamp, alternate: Option<SocketAddr>) {
        let alternate = alternate.filter(|alternate| {
            // It must be reachable from this socket, and not be somebody who is not meant.
            is_unicast(*alternate)
                && *alternate != self.server
                && alternate.is_ipv4() == self.server.is_ipv4()
                && (!alternate.ip().is_loopback() || self.server.ip().is_loopback())
        });
        match (alternate, self.history.has_redirected) {
            (Some(alternate), false) => {
                self.history.has_redirected = true;
                self.server = alternate;
                self.auth.forget();
                self.allocate(now);
            }
            (None, _) | (_, true) => self.fail(TurnFailure::Redirected),
        }
    }

    fn refreshed(&mut self, now: Timestamp, message: &Message<'_>) {
        let Stage::Allocated(allocation) = &mut self.stage else {
            return;
        };
        let lifetime = lifetime(message);
        if lifetime.is_zero() {
            return self.lost(now);
        }
        allocation.expires = now + lifetime;
        allocation.refresh_at = Some(now + refresh_after(lifetime));
        allocation.is_silent = false;
    }

    fn not_refreshed(&mut self, now: Timestamp, code: u16) {
        match (code, &mut self.stage) {
            (ALLOCATION_MISMATCH, _) => self.lost(now),
            (WRONG_CREDENTIALS, _) => self.fail(TurnFailure::WrongCredentials),
            (_, Stage::Allocated(allocation)) => {
                allocation.refresh_at = Some(now + MIN_TURN_REFRESH);
            }
            (_, Stage::Idle | Stage::Allocating | Stage::Closing | Stage::Failed(_)) => {}
        }
    }

    fn not_granted(&mut self, now: Timestamp, wish: Wish, code: u16) {
        match code {
            ALLOCATION_MISMATCH => self.lost(now),
            WRONG_CREDENTIALS => self.fail(TurnFailure::WrongCredentials),
            500.. => self.peers.answered(now, wish, Answer::NotNow),
            ..500 => {
                if let Wish::Permission(ip) = wish {
                    self.held.retain(|(peer, _)| peer.ip() != ip);
                }
                self.peers.answered(now, wish, Answer::No(code));
            }
        }
    }

    /// An answer that does not count. The request goes on; if nothing better comes, this is why it failed.
    fn odd(&mut self, failure: TurnFailure) -> Result<(), DropReason> {
        self.history.oddity = Some(failure);
        Err(match failure {
            TurnFailure::Untrusted => DropReason::BadIntegrity,
            _ => DropReason::BadStun,
        })
    }

    /// Whether a peer could send to it.
    fn is_believable(&self, relayed: SocketAddr) -> bool {
        AddressFamily::of(relayed) == self.family && is_unicast(relayed)
    }
}

fn is_unicast(address: SocketAddr) -> bool {
    address.port() != 0 && !address.ip().is_unspecified() && !address.ip().is_multicast()
}

fn lifetime(message: &Message<'_>) -> Span {
    let seconds = message.lifetime().unwrap_or(DEFAULT_LIFETIME);
    Span::from_secs(seconds.into()).min(MAX_TURN_LIFETIME)
}

/// GNS e707b3a refreshes at half of the life, too (p2p.md 8.7).
fn refresh_after(lifetime: Span) -> Span {
    (lifetime / 2).max(MIN_TURN_REFRESH)
}
