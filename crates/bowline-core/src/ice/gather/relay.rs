//! An address that a TURN server lends a socket, to one account.

use core::net::SocketAddr;

use zeroize::Zeroizing;

use crate::counters::DropReason;
use crate::ids::LocalId;
use crate::limits::MAX_SEND_ERRORS;
use crate::limits::MIN_SERVER_RETRY;
use crate::limits::RELAY_RETRY;
use crate::limits::RELAY_RETRY_DOUBLINGS;
use crate::rng::Rng;
use crate::stun::AddressFamily;
use crate::time::Timestamp;
use crate::turn::TurnClient;
use crate::turn::TurnConfig;
use crate::turn::TurnFailure;
use crate::turn::TurnInput;
use crate::turn::TurnState;

use super::GatherInput;
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
    /// How often the system has refused to send in the attempt under way.
    send_errors: u8,
}

#[derive(Clone, Copy, Debug)]
enum Standing {
    /// The server is being asked.
    Asking,
    /// It lends an address, under this name.
    Lent { id: LocalId, address: SocketAddr },
    /// It does not.
    Failed {
        /// `None` if the client does not say.
        why: Option<TurnFailure>,
        since: Timestamp,
        retry_at: Timestamp,
    },
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
            send_errors: 0,
        }
    }

    /// Somebody needs it: begins anew after it was given back, or has failed long ago.
    pub(super) fn need(&mut self, now: Timestamp) {
        let begins = match self.standing {
            Standing::Asking | Standing::Lent { .. } => false,
            Standing::Failed { retry_at, .. } => retry_at <= now,
            Standing::Unneeded => true,
        };
        if begins {
            self.client.start(now);
            self.standing = Standing::Asking;
            self.send_errors = 0;
        }
    }

    /// Somebody wants it who did not before: after a failure it is not left alone for much longer.
    pub(super) fn hurry(&mut self, now: Timestamp) {
        if let Standing::Failed {
            since, retry_at, ..
        } = &mut self.standing
        {
            *retry_at = (*retry_at).min(now.max(*since + MIN_SERVER_RETRY));
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

    /// A datagram came from the server.
    ///
    /// # Errors
    /// Why it was not taken.
    pub(super) fn handle_datagram(
        &mut self,
        now: Timestamp,
        data: &[u8],
    ) -> Result<GatherInput, DropReason> {
        match self.client.handle_datagram(now, data)? {
            TurnInput::Handled => Ok(GatherInput::Handled),
            TurnInput::Data { peer, payload } => {
                let (local, _) = self.lent().ok_or(DropReason::WrongState)?;
                Ok(GatherInput::Relayed {
                    local,
                    peer,
                    payload,
                })
            }
        }
    }

    /// The system has refused to send to that address: if it is the server being asked, and again so, that is given up.
    pub(super) fn on_send_error(&mut self, now: Timestamp, to: SocketAddr) {
        if !self.is_asking() || self.client.server() != to {
            return;
        }
        self.send_errors = self.send_errors.saturating_add(1);
        if self.send_errors >= MAX_SEND_ERRORS {
            self.client.on_unreachable(now);
        }
    }

    /// Looks at what the client has come to; says whether that is news. `next_id` names a new address.
    pub(super) fn follow(&mut self, now: Timestamp, next_id: &mut u32) -> bool {
        match (self.client.state(), self.standing) {
            (_, Standing::Failed { .. }) => false,
            // Another account may wait for that.
            (_, Standing::Unneeded) => self.is_over(),
            (TurnState::Allocated { relayed, .. }, Standing::Lent { address, .. })
                if relayed == address =>
            {
                false
            }
            (TurnState::Allocated { relayed, .. }, _) => {
                *next_id = next_id.wrapping_add(1);
                self.failures = 0;
                self.send_errors = 0;
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
                let why = match state {
                    TurnState::Failed(why) => Some(why),
                    _ => None,
                };
                let doublings = self.failures.min(RELAY_RETRY_DOUBLINGS);
                let retry_at = now + RELAY_RETRY * (1 << doublings);
                self.failures = self.failures.saturating_add(1);
                self.standing = Standing::Failed {
                    why,
                    since: now,
                    retry_at,
                };
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

    /// What is wrong with it, as long as it is.
    pub(super) const fn failure(&self) -> Option<ServerFailure> {
        match self.standing {
            Standing::Failed { why: Some(why), .. } => {
                let server = self.server;
                Some(ServerFailure::Turn { server, why })
            }
            _ => None,
        }
    }

    /// Whether it is that account's at that server.
    pub(super) fn is_of(&self, server: &TurnServer) -> bool {
        self.server == server.server && self.client.is_of(&server.user, &server.password)
    }

    /// Whether what is wrong with it is so for that account as well: it is the same, or nobody answers at the server.
    pub(super) fn concerns(&self, server: &TurnServer) -> bool {
        let is_silent = matches!(
            self.standing,
            Standing::Failed { why: Some(TurnFailure::NoAnswer | TurnFailure::Unreachable), .. } if !self.client.was_challenged()
        );
        self.server == server.server && (is_silent || self.is_of(server))
    }

    /// Whether the server has something to do with it: it is asked, lends an address, or takes it back.
    pub(super) fn is_in_use(&self) -> bool {
        match self.standing {
            Standing::Asking | Standing::Lent { .. } => true,
            Standing::Failed { .. } => false,
            Standing::Unneeded => !self.is_over(),
        }
    }

    /// Whether it has failed, and is not to be tried again yet.
    pub(super) fn is_failed(&self, now: Timestamp) -> bool {
        matches!(self.standing, Standing::Failed { retry_at, .. } if retry_at > now)
    }

    /// Whether it has failed so long ago that it may be tried again.
    pub(super) fn is_due(&self, now: Timestamp) -> bool {
        matches!(self.standing, Standing::Failed { retry_at, .. } if retry_at <= now)
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
            Standing::Failed { retry_at, .. } => is_wanted.then_some(retry_at),
            Standing::Asking | Standing::Lent { .. } | Standing::Unneeded => {
                self.client.poll_timeout()
            }
        }
    }
}
