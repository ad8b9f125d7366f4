//! What TURN servers lend a socket: one allocation of each server, whichever account gets it.
//!
//! A server knows an allocation by the addresses of both ends (RFC 8656, section 3.2), so that a socket cannot have two at
//! one server, and a second account asking would be told of a mismatch. Connections may name different accounts. One
//! after the other is tried, and what one has got is there for all that name the server: their packets leave from one
//! process anyway. An account that is refused is left alone for a while, and the next one's turn comes at once. If
//! nobody has answered at all, the others need not try either.

use alloc::vec::Vec;
use core::net::SocketAddr;

use crate::counters::DropReason;
use crate::limits::MAX_RELAYS_PER_SOCKET;
use crate::rng::Rng;
use crate::time::Timestamp;

use super::GatherInput;
use super::TurnServer;
use super::relay::Relay;

/// The relays of one socket: at most one for each account, and of each server's at most one in use.
#[derive(Clone, Debug, Default)]
pub(super) struct Relays(Vec<Relay>);

impl Relays {
    pub(super) const fn new() -> Self {
        Self(Vec::new())
    }

    /// Asks for what somebody needs, of each server once, and gives back the rest. `is_listed` tells whether somebody names
    /// that account.
    pub(super) fn need(
        &mut self,
        now: Timestamp,
        needed: &[&TurnServer],
        is_listed: impl Fn(&Relay) -> bool,
        rng: &mut Rng,
    ) {
        for relay in &mut self.0 {
            if !needed.iter().any(|server| server.server == relay.server) {
                relay.give_back(now);
            }
        }
        self.0.retain(|relay| !relay.is_over());
        for server in needed {
            self.ask(now, server, &is_listed, rng);
        }
        let occupied = self.occupied();
        // Whoever waits for another account to be done with keeps its place.
        self.0.retain(|relay| {
            !relay.is_due(now) || (occupied.contains(&relay.server) && is_listed(relay))
        });
    }

    /// A datagram that may be a relay's.
    ///
    /// # Errors
    /// Why no relay took it, if it came from one's server.
    pub(super) fn handle_datagram(
        &mut self,
        now: Timestamp,
        from: SocketAddr,
        data: &[u8],
    ) -> Result<GatherInput, DropReason> {
        let mut result = Ok(GatherInput::NotMine);
        // There may be one that is in use and others that have failed, or two whose servers sent us to one.
        for relay in &mut self.0 {
            if relay.client.server() == from {
                result = relay.handle_datagram(now, data);
                if result.is_ok() {
                    break;
                }
            }
        }
        result
    }

    /// Whether there is no use in asking that server with that account now.
    pub(super) fn is_refused(&self, now: Timestamp, server: &TurnServer) -> bool {
        let mut relays = self.at(server.server);
        relays.any(|relay| relay.is_failed(now) && relay.concerns(server))
    }

    /// Whether the server lends an address.
    pub(super) fn lends(&self, server: SocketAddr) -> bool {
        self.at(server).any(|relay| relay.lent().is_some())
    }

    /// When there is something to do.
    pub(super) fn deadline(&self, is_wanted: bool) -> Option<Timestamp> {
        let occupied = self.occupied();
        let waits = |relay: &&Relay| relay.is_in_use() || !occupied.contains(&relay.server);
        let relays = self.0.iter().filter(waits);
        relays.filter_map(|relay| relay.deadline(is_wanted)).min()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Relay> {
        self.0.iter()
    }

    pub(super) fn iter_mut(&mut self) -> impl Iterator<Item = &mut Relay> {
        self.0.iter_mut()
    }

    pub(super) const fn as_vec(&self) -> &Vec<Relay> {
        &self.0
    }

    /// Begins with that account, unless another is being tried, or has its address, or still gives it back.
    fn ask(
        &mut self,
        now: Timestamp,
        server: &TurnServer,
        is_listed: impl Fn(&Relay) -> bool,
        rng: &mut Rng,
    ) {
        let is_other_in_use = |relay: &Relay| relay.is_in_use() && !relay.is_of(server);
        if self.at(server.server).any(is_other_in_use) {
            return;
        }
        if let Some(relay) = self.0.iter_mut().find(|relay| relay.is_of(server)) {
            relay.need(now);
            return;
        }
        if self.0.len() >= MAX_RELAYS_PER_SOCKET {
            let is_free = |relay: &Relay| !relay.is_in_use() && !is_listed(relay);
            let Some(free) = self.0.iter().position(is_free) else {
                return;
            };
            self.0.swap_remove(free);
        }
        self.0.push(Relay::new(now, server, rng.child("relay")));
    }

    /// The servers of which an account is in use, so that no other can be.
    fn occupied(&self) -> Vec<SocketAddr> {
        let in_use = self.0.iter().filter(|relay| relay.is_in_use());
        in_use.map(|relay| relay.server).collect()
    }

    fn at(&self, server: SocketAddr) -> impl Iterator<Item = &Relay> {
        self.0.iter().filter(move |relay| relay.server == server)
    }
}
