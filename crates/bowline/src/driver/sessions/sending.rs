//! What is sent, and the connection that it goes by.

use std::sync::Arc;

use bowline_core::config::ConfigScope;
use bowline_core::connection::Connection as CoreConnection;
use bowline_core::connection::ConnectionState;
use bowline_core::endpoint::Called;
use bowline_core::endpoint::NO_ROUTE;
use bowline_core::identity::Identity;
use bowline_core::ids::ConnectionId;
use bowline_core::ids::LaneIndex;
use bowline_core::limits::MAX_MESSAGE;
use bowline_core::message::Outgoing;
use bowline_core::message::Payload;
use bowline_core::message::SendFlags;
use bowline_core::messages as core;
use bowline_core::messages::Ending;
use bowline_core::messages::PlanError;
use bowline_core::messages::SendPlan;
use bowline_core::time::Timestamp;
use bytes::Bytes;

use crate::driver::Inner;
use crate::driver::Urgency;
use crate::driver::followup::Followup;
use crate::driver::sessions::SessionKind;
use crate::driver::signals::Carrier;
use crate::driver::signals::Signals;
use crate::driver::slot::Slot;
use crate::error::ConnectP2pError;
use crate::error::SendError;
use crate::messages::MessagesSendError;

/// Something to send to a peer.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Mail<'a> {
    pub(crate) channel: i32,
    pub(crate) data: &'a [u8],
    pub(crate) flags: SendFlags,
    /// The most bytes of this kind.
    pub(crate) max: usize,
    pub(crate) early: Early,
    /// Whether a session that has failed begins anew.
    pub(crate) restart: bool,
}

/// What becomes of mail while the two are not connected yet.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Early {
    /// It waits, and goes reliably whatever its flags say.
    Reliable,
    /// It waits.
    Waits,
    /// It is dropped.
    Dropped,
}

/// What came of the wish to send.
pub(super) enum Way {
    /// By this connection.
    Over(Arc<Slot>),
    /// By this one, which is to be accepted first.
    Accept(Arc<Slot>, Option<Carrier>),
    /// There is none yet.
    Missing,
}

impl Inner {
    /// Sends something to a peer, by a connection that is made if there is none.
    pub(crate) fn send_to_peer(
        self: &Arc<Self>,
        kind: SessionKind,
        peer: &Identity,
        mail: Mail<'_>,
    ) -> Result<(), MessagesSendError> {
        if peer.is_anonymous() {
            return Err(MessagesSendError::NoPeer);
        }
        let (len, max) = (mail.data.len(), mail.max);
        if len > max {
            return Err(MessagesSendError::TooLarge { len, max });
        }
        let pieces = mail.pieces(kind);
        let mut sent = Err(MessagesSendError::Broken);
        for _ in 0..SEND_TRIES {
            let way = self.way_to(kind, peer, mail.restart);
            sent = way.and_then(|slot| self.send_framed(&slot, &pieces, mail));
            let is_worth_another_try = match &sent {
                // It may have ended since it was looked up.
                Err(MessagesSendError::Broken) => true,
                Err(MessagesSendError::Connect(ConnectP2pError::AlreadyConnected { id })) => {
                    self.end_what_is_left(kind, *id)
                }
                _ => false,
            };
            if !is_worth_another_try {
                break;
            }
        }
        if sent.is_ok() {
            self.sessions.lock(kind).sent(peer, mail.channel);
        }
        sent
    }

    /// Ends a connection whose session has ended, if it is one: another thread is about to do that, or has not told
    /// the endpoint yet.
    pub(super) fn end_what_is_left(&self, kind: SessionKind, id: ConnectionId) -> bool {
        let Some(slot) = self.hub.lock().slot(id).cloned() else {
            return true;
        };
        if !slot.has_left_session(kind) {
            return false;
        }
        let Ending { reason, text } = self.sessions.lock(kind).profile().closed;
        // The other thread may have been there.
        let _ = self.close(&slot, reason, text, false);
        self.after_input(&slot, slot.state.lock(), Urgency::Now);
        let mut follow = Followup::default();
        follow.has_post = true;
        self.follow_up(&mut follow);
        true
    }

    /// The connection to send by.
    fn way_to(
        self: &Arc<Self>,
        kind: SessionKind,
        peer: &Identity,
        restart: bool,
    ) -> Result<Arc<Slot>, MessagesSendError> {
        let now = self.clock.now();
        let plan = self.sessions.lock(kind).plan_send(now, peer, restart);
        let way = match self.follow_plan(kind, plan)? {
            Way::Missing => self.call_session(kind, peer, restart)?,
            way => way,
        };
        match way {
            Way::Over(slot) => Ok(slot),
            Way::Accept(slot, carrier) => match self.accept_waiting(&slot, None, carrier) {
                Ok(()) => Ok(slot),
                Err(ConnectP2pError::Gone) => {
                    self.forget_session_connection(kind, slot.id);
                    Err(MessagesSendError::Broken)
                }
                Err(error) => Err(error.into()),
            },
            Way::Missing => Err(MessagesSendError::Broken),
        }
    }

    pub(super) fn follow_plan(
        &self,
        kind: SessionKind,
        plan: Result<SendPlan, PlanError>,
    ) -> Result<Way, MessagesSendError> {
        let find = |id| {
            let found = self.index.find(id);
            found.ok_or_else(|| {
                self.forget_session_connection(kind, id);
                MessagesSendError::Broken
            })
        };
        Ok(match plan? {
            SendPlan::Over(id) => Way::Over(find(id)?),
            SendPlan::Accept(id) => Way::Accept(find(id)?, None),
            SendPlan::Connect => Way::Missing,
        })
    }

    /// Begins a connection for a session, unless another thread was faster.
    fn call_session(
        self: &Arc<Self>,
        kind: SessionKind,
        peer: &Identity,
        restart: bool,
    ) -> Result<Way, MessagesSendError> {
        if self.lobby.is_full(0) {
            return Err(ConnectP2pError::TooManyEvents.into());
        }
        let within = self.call_session_within(kind, peer, restart)?;
        if !matches!(within, Way::Missing) {
            return Ok(within);
        }
        let port = kind.port();
        let carrier = self.default_carrier(peer, port);
        let carrier = carrier.ok_or(MessagesSendError::NoSignaling)?;
        self.want_hub();
        let interface = self.config();
        let config = self
            .session_config(kind)
            .and_then(|config| self.config_for(config, ConfigScope::Connection))
            .map_err(ConnectP2pError::from)?;
        self.open_ways();
        let mut follow = Followup::default();
        let mut hub = self.hub.lock();
        let now = self.clock.now();
        let plan = self.sessions.lock(kind).plan_send(now, peer, restart);
        let way = self.follow_plan(kind, plan)?;
        if !matches!(way, Way::Missing) {
            return Ok(way);
        }
        let called = hub.endpoint.connect_p2p(now, peer, port, config);
        let way = match called.map_err(ConnectP2pError::from)? {
            Called::New(core) => {
                let slot =
                    self.new_peer_slot(core, NO_ROUTE, None, Signals::By(carrier), Some(kind));
                hub.insert(&slot);
                Way::Over(slot)
            }
            Called::Waiting(id) => {
                let slot = hub.slot(id).cloned().ok_or(ConnectP2pError::Gone)?;
                Way::Accept(slot, Some(carrier))
            }
        };
        if let Way::Over(slot) | Way::Accept(slot, _) = &way {
            let mut sessions = self.sessions.lock(kind);
            sessions.began(now, peer, slot.id);
            self.schedule_sessions(kind, &sessions, &mut follow.nudge);
        }
        hub.collect_errands(&mut follow.errands);
        self.schedule_endpoint(&hub, &mut follow.nudge);
        drop(hub);
        self.follow_up(&mut follow);
        if let Way::Over(slot) = &way {
            self.after_input(slot, slot.state.lock(), Urgency::Now);
            let interface_now = self.config();
            if !Arc::ptr_eq(&interface, &interface_now) {
                // It changed while the connection was in nobody's list.
                self.inherit(slot, &interface_now);
            }
        }
        Ok(way)
    }

    fn send_framed(
        &self,
        slot: &Arc<Slot>,
        pieces: &[Bytes],
        mail: Mail<'_>,
    ) -> Result<(), MessagesSendError> {
        let flags = mail.flags;
        let is_urgent = flags.contains(SendFlags::NO_NAGLE) || flags.contains(SendFlags::NO_DELAY);
        let urgency = if is_urgent {
            Urgency::Now
        } else {
            Urgency::Later
        };
        let sent = self.command(slot, urgency, |core, now| mail.send(pieces, core, now));
        match sent {
            Ok(Ok(())) => Ok(()),
            Ok(Err(SendError::WrongState(_))) | Err(_) => Err(MessagesSendError::Broken),
            Ok(Err(SendError::TooLarge { len, max })) => Err(MessagesSendError::TooLarge {
                len: len.saturating_sub(core::HEADER),
                max: max.saturating_sub(core::HEADER),
            }),
            Ok(Err(error)) => Err(MessagesSendError::Refused(error)),
        }
    }
}

impl Mail<'_> {
    /// The bytes with their header; several pieces if they are more than a message takes. Messages have room for the
    /// header and are whole.
    fn pieces(&self, kind: SessionKind) -> Vec<Bytes> {
        let most = match kind {
            SessionKind::Messages => self.max,
            SessionKind::Packets => PIECE,
        };
        let count = self.data.len().div_ceil(most).max(1);
        let piece = |index: usize| {
            let rest = &self.data[index * most..];
            let body = &rest[..rest.len().min(most)];
            let header = if index + 1 < count {
                core::piece_header(self.channel)
            } else {
                core::header(self.channel)
            };
            let mut framed = Vec::with_capacity(core::HEADER + body.len());
            framed.extend_from_slice(&header);
            framed.extend_from_slice(body);
            Bytes::from(framed)
        };
        (0..count).map(piece).collect()
    }

    /// Sends all of it or nothing.
    fn send(
        &self,
        pieces: &[Bytes],
        core: &mut CoreConnection,
        now: Timestamp,
    ) -> Result<(), SendError> {
        let is_early = matches!(
            core.state(),
            ConnectionState::Connecting | ConnectionState::FindingRoute
        );
        let flags = match self.early {
            Early::Dropped if is_early => return Ok(()),
            Early::Reliable if is_early => SendFlags::RELIABLE,
            Early::Reliable | Early::Waits | Early::Dropped => self.flags,
        };
        if pieces.len() > 1 {
            let needed: usize = pieces.iter().map(|piece| piece.len() + PIECE_COST).sum();
            let free = core.free_send_buffer();
            if needed > free {
                core.await_room(now, needed);
                let limit_bytes = core.config().send_buffer_bytes();
                return Err(SendError::BufferFull {
                    queued_bytes: limit_bytes.saturating_sub(free),
                    limit_bytes,
                    wait: None,
                });
            }
        }
        for piece in pieces {
            let payload = Payload::Shared(piece.clone());
            core.send(now, Outgoing::new(LaneIndex::ZERO, flags, payload))?;
        }
        Ok(())
    }
}

/// The most bytes of a piece that are the application's.
const PIECE: usize = MAX_MESSAGE - core::HEADER;
/// What the send buffer counts for a piece besides, at most.
const PIECE_COST: usize = 16;
/// By what there is; once more if that has ended meanwhile, and once more if something was left of it.
const SEND_TRIES: usize = 3;

#[cfg(test)]
mod tests;
