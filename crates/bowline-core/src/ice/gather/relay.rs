//! An address that a TURN server lends a socket.

use core::net::SocketAddr;

use zeroize::Zeroizing;

use crate::ids::LocalId;
use crate::limits::RELAY_RETRY;
use crate::limits::RELAY_RETRY_DOUBLINGS;
use crate::rng::Rng;
use crate::stun::AddressFamily;
use crate::time::Timestamp;
use crate::turn::TurnClient;
use crate::turn::TurnConfig;
use crate::turn::TurnFailure;
use crate::turn::TurnState;

use super::ServerFailure;
use super::TurnServer;

/// One allocation, or the attempt to get one.
#[derive(Clone, Debug)]
pub(super) struct Relay {
    /// As it was configured; the client may have been sent on to another.
    pub(super) server: SocketAddr,
    pub(super) client: TurnClient,
    standing: Standing,
    failures: u32,
    /// Why the last attempt has failed, until one succeeds.
    cause: Option<TurnFailure>,
}

#[derive(Clone, Copy, Debug)]
enum Standing {
    /// The server is being asked.
    Asking,
    /// It lends an address, under this name.
    Lent { id: LocalId, address: SocketAddr },
    /// It does not.
    Failed { retry_at: Timestamp },
    /// Nobody needs it.
    Unneeded,
}

impl Relay {
    pub(super) fn new(now: Timestamp, server: &TurnServer, rng: Rng) -> Self {
        let config = TurnConfig {
            server: server.server,
            user: server.user.clone(),
            password: Zeroizing::new(server.password.clone()),
            family: AddressFamily::of(server.server),
        };
        let mut client = TurnClient::new(config, rng);
        client.start(now);
        Self {
            server: server.server,
            client,
            standing: Standing::Asking,
            failures: 0,
            cause: None,
        }
    }

    /// Somebody needs it: begins anew after it was given back, or has failed long ago.
    pub(super) fn need(&mut self, now: Timestamp) {
        let begins = match self.standing {
            Standing::Asking | Standing::Lent { .. } => false,
            Standing::Failed { retry_at } => retry_at <= now,
            Standing::Unneeded => true,
        };
        if begins {
            self.client.start(now);
            self.standing = Standing::Asking;
        }
    }

    /// Nobody needs it any more.
    pub(super) fn give_back(&mut self, now: Timestamp) {
        match self.standing {
            Standing::Asking | Standing::Lent { .. } => {
                self.client.close(now);
                self.standing = Standing::Unneeded;
            }
            Standing::Failed { .. } | Standing::Unneeded => {}
        }
    }

    /// Looks at what the client has come to; says whether that is news. `next_id` names a new address.
    pub(super) fn follow(&mut self, now: Timestamp, next_id: &mut u32) -> bool {
        match (self.client.state(), self.standing) {
            (_, Standing::Unneeded | Standing::Failed { .. }) => false,
            (TurnState::Allocated { relayed, .. }, Standing::Lent { address, .. })
                if relayed == address =>
            {
                false
            }
            (TurnState::Allocated { relayed, .. }, _) => {
                *next_id = next_id.wrapping_add(1);
                self.failures = 0;
                self.cause = None;
                self.standing = Standing::Lent {
                    id: LocalId::new(*next_id),
                    address: relayed,
                };
                true
            }
            (TurnState::Allocating, Standing::Lent { .. }) => {
                self.standing = Standing::Asking;
                true
            }
            (TurnState::Allocating, Standing::Asking) => false,
            (state @ (TurnState::Failed(_) | TurnState::Idle | TurnState::Closing), _) => {
                if let TurnState::Failed(cause) = state {
                    self.cause = Some(cause);
                }
                let doublings = self.failures.min(RELAY_RETRY_DOUBLINGS);
                let retry_at = now + RELAY_RETRY * (1 << doublings);
                self.failures = self.failures.saturating_add(1);
                self.standing = Standing::Failed { retry_at };
                true
            }
        }
    }

    /// The address that is lent, and its name.
    pub(super) const fn lent(&self) -> Option<(LocalId, SocketAddr)> {
        match self.standing {
            Standing::Lent { id, address } => Some((id, address)),
            Standing::Asking | Standing::Failed { .. } | Standing::Unneeded => None,
        }
    }

    /// What is wrong with it, if anything is.
    pub(super) fn failure(&self) -> Option<ServerFailure> {
        let why = self.cause?;
        let server = self.server;
        Some(ServerFailure::Turn { server, why })
    }

    /// Whether it has failed, and is not to be tried again yet.
    pub(super) fn is_failed(&self, now: Timestamp) -> bool {
        matches!(self.standing, Standing::Failed { retry_at } if retry_at > now)
    }

    /// Whether an answer is still to come.
    pub(super) const fn is_asking(&self) -> bool {
        matches!(self.standing, Standing::Asking)
    }

    /// Whether nothing is lost if it is forgotten.
    pub(super) fn is_over(&self) -> bool {
        matches!(self.standing, Standing::Unneeded)
            && !matches!(self.client.state(), TurnState::Closing)
    }

    /// When there is something to do.
    pub(super) fn deadline(&self, is_wanted: bool) -> Option<Timestamp> {
        match self.standing {
            Standing::Failed { retry_at } => is_wanted.then_some(retry_at),
            Standing::Asking | Standing::Lent { .. } | Standing::Unneeded => {
                self.client.poll_timeout()
            }
        }
    }
}

impl Relay {
    /// A failure that nobody waits for any more is forgotten when its time is over.
    pub(super) fn forgive(&mut self, now: Timestamp) {
        if matches!(self.standing, Standing::Failed { retry_at } if retry_at <= now) {
            self.standing = Standing::Unneeded;
        }
    }
}
