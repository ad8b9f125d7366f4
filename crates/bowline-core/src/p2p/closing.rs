//! Ends that the peer is told of by signals, since no packet may reach it.
//!
//! A close by packets is repeated for whoever still sends. Signals may be lost as well, and nobody may be
//! sending: so a close by signal goes out a few times, until the peer says that it knows.

use alloc::string::String;

use crate::connection::Connection;
use crate::connection::State;
use crate::counters::DropReason;
use crate::end_reason::EndReason;
use crate::limits;
use crate::p2p::signal::NO_CONNECTION;
use crate::p2p::signal::SignalKind;
use crate::time::Timestamp;

/// What is still to be said of the end.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Closing {
    /// Nothing.
    Nothing,
    /// That it is over: then, for the `sent`th time.
    Told { next: Timestamp, sent: usize },
    /// That we know: at once.
    Confirmed,
}

impl Closing {
    pub(crate) const fn deadline(self) -> Option<Timestamp> {
        match self {
            Self::Nothing => None,
            Self::Told { next, .. } => Some(next),
            Self::Confirmed => Some(Timestamp::ZERO),
        }
    }
}

impl Connection {
    /// Whether the connection has ended, for whatever reason.
    pub(super) const fn is_over(&self) -> bool {
        match self.state {
            State::ClosedByPeer | State::Failed | State::FinWait { .. } | State::Dead => true,
            State::Rendezvous { .. }
            | State::Dialing(_)
            | State::Deciding(_)
            | State::Connected { .. }
            | State::Linger { .. } => false,
        }
    }

    /// The peer is to hear by signals that it is over, unless packets reach it.
    pub(crate) fn begin_closing(&mut self, is_reached: bool) {
        let now = self.now;
        let by_packets = is_reached && self.path.is_usable();
        if let Some(party) = &mut self.party
            && !by_packets
            && !party.never_heard(self.peer.id)
        {
            party.closing = Closing::Told { next: now, sent: 0 };
        }
    }

    /// The peer says by a signal that it is over.
    pub(super) fn on_close_signal(
        &mut self,
        now: Timestamp,
        reason: EndReason,
        text: &str,
    ) -> Result<(), DropReason> {
        let is_confirmation = reason == NO_CONNECTION;
        if self.is_over() {
            if let Some(party) = &mut self.party {
                party.closing = match is_confirmation {
                    true => Closing::Nothing,
                    false => Closing::Confirmed,
                };
            }
            return Ok(());
        }
        if self.state.is_active() && self.ignores_unsealed() {
            return Err(self.on_unsealed_close());
        }
        if matches!(self.state, State::Linger { .. }) {
            self.finish(now, true);
        } else if is_confirmation {
            let reason = EndReason::MISC_PEER_SENT_NO_CONNECTION;
            self.closed_by_peer(reason, "The peer has no such connection");
        } else {
            self.closed_by_peer(reason, text);
        }
        if let Some(party) = &mut self.party
            && !is_confirmation
        {
            party.closing = Closing::Confirmed;
        }
        Ok(())
    }

    /// The peer signals as if it were not over.
    pub(super) fn answer_signal_closed(&mut self, now: Timestamp) {
        let is_theirs = match self.state {
            State::ClosedByPeer => true,
            State::FinWait { peer_closed, .. } => peer_closed,
            _ => false,
        };
        let Some(party) = &mut self.party else {
            return;
        };
        if party.pacer.next_at() <= now {
            party.closing = match is_theirs {
                true => Closing::Confirmed,
                false => Closing::Told { next: now, sent: 0 },
            };
        }
    }

    /// What is to be said of the end now, if anything.
    pub(super) fn next_close_signal(&mut self, now: Timestamp) -> Option<SignalKind> {
        if !self.is_over() || matches!(self.state, State::Dead) {
            return None;
        }
        let (reason, text) = self.end_for_peer();
        let party = self.party.as_mut()?;
        match party.closing {
            Closing::Nothing => None,
            Closing::Confirmed => {
                party.closing = Closing::Nothing;
                Some(SignalKind::Closed {
                    reason: NO_CONNECTION,
                    text: String::new(),
                })
            }
            Closing::Told { next, .. } if next > now => None,
            Closing::Told { sent, .. } => {
                party.closing = match limits::CLOSE_SIGNAL_WAITS.get(sent) {
                    Some(wait) => Closing::Told {
                        next: now + *wait,
                        sent: sent + 1,
                    },
                    None => Closing::Nothing,
                };
                Some(SignalKind::Closed { reason, text })
            }
        }
    }
}

impl super::party::Party {
    /// Whether the peer cannot know of the connection: nothing was ever signalled.
    fn never_heard(&self, peer_id: Option<crate::ids::ConnectionId>) -> bool {
        peer_id.is_none() && !self.story.has_signalled()
    }
}
