//! Signals by way of a hub.

use std::sync::Arc;
use std::sync::Weak;

use bowline_core::availability::Availability;
use bowline_core::counters::DropReason;
use bowline_core::hub::HubSendError;
use bowline_core::hub::NackReason;
use bowline_core::identity::Identity;
use bowline_core::ids::ConnectionId;

use crate::driver::Inner;
use crate::driver::Urgency;
use crate::driver::hub_link::MAX_SENT;
use crate::driver::signals::Carrier;
use crate::driver::signals::Vouched;
use crate::signaling::PeerRequest;
use crate::signaling::ReceiveContext;
use crate::signaling::SignalTarget;
use crate::signaling::Signaling;
use crate::signaling::SignalingFailed;

/// Carries signals by the hub of that interface.
struct ByHub(Weak<Inner>);

impl Signaling for ByHub {
    fn send(&self, to: &SignalTarget, signal: &[u8]) -> Result<(), SignalingFailed> {
        let inner = self.0.upgrade().ok_or(SignalingFailed)?;
        inner.send_by_hub(to, signal)
    }
}

/// Whoever asks is answered by the hub, and announced to the application.
struct FromHub(Arc<dyn Signaling>);

impl ReceiveContext for FromHub {
    fn on_request(&mut self, _: &PeerRequest<'_>) -> Option<Arc<dyn Signaling>> {
        Some(Arc::clone(&self.0))
    }
}

impl Inner {
    /// What carries signals by the hub, if there is one.
    pub(crate) fn hub_carrier(self: &Arc<Self>) -> Option<Carrier> {
        let has_hub = self.link.lock().desk.is_some();
        has_hub.then(|| Carrier::new(Arc::new(ByHub(Arc::downgrade(self)))))
    }

    /// Ends a call that the hub will not carry, and says why: 5005, and the words of the hub.
    fn end_refused_call(&self, id: ConnectionId, why: &str) {
        let Some(slot) = self.hub.lock().slot(id).cloned() else {
            return;
        };
        let mut state = slot.state.lock();
        let now = state.advance(self.clock.now());
        if let Some(live) = &mut state.live {
            live.core.refuse_signaling(now, why);
        }
        self.after_input(&slot, state, Urgency::Now);
    }

    fn send_by_hub(&self, to: &SignalTarget, signal: &[u8]) -> Result<(), SignalingFailed> {
        {
            let mut link = self.link.lock();
            let desk = link.desk.as_mut().ok_or(SignalingFailed)?;
            match desk.client.send_signal(to.peer(), signal) {
                Ok(number) => {
                    if desk.sent.len() >= MAX_SENT {
                        desk.sent.pop_front();
                    }
                    desk.sent.push_back((number, to.connection()));
                }
                Err(HubSendError::NotSignedIn) => {
                    match desk.client.availability() {
                        Availability::Failed => {
                            let why = desk.status.text.clone();
                            drop(link);
                            self.end_refused_call(to.connection(), &why);
                        }
                        Availability::NeverTried => return Err(SignalingFailed),
                        // It is sent again.
                        _ => {}
                    }
                    return Ok(());
                }
                // A thread is late with what there is to do. It is sent again, too.
                Err(HubSendError::TooMany) => return Ok(()),
                Err(error) => {
                    tracing::debug!(%error, "a signal cannot go by the hub");
                    return Err(SignalingFailed);
                }
            }
        }
        self.attend_link();
        Ok(())
    }

    /// The hub has a signal for us, and says who it is from.
    pub(super) fn take_hub_signal(self: &Arc<Self>, desk: u64, from: &str, signal: &[u8]) {
        let Ok(from) = from.parse::<Identity>() else {
            let mut hub = self.hub.lock();
            return hub.endpoint.count_drop(DropReason::BadIdentity);
        };
        let mut context = FromHub(Arc::new(ByHub(Arc::downgrade(self))));
        let vouched = Vouched { from: &from, desk };
        if let Err(error) = self.receive_signal(signal, Some(vouched), &mut context) {
            tracing::debug!(%error, "a signal by the hub is not taken");
        }
    }

    /// The hub has not carried a signal. The connection ends if it never will, and for lack of rights if a rule of the
    /// operator's forbids it.
    pub(super) fn on_signal_refused(&self, desk: u64, number: u32, reason: Option<NackReason>) {
        let sender = self.at_desk(desk, |desk| {
            let mut sent = desk.sent.iter();
            sent.find(|(its, _)| *its == number).map(|(_, id)| *id)
        });
        tracing::debug!(?reason, "the hub has not carried a signal");
        let will_not = !matches!(reason, Some(NackReason::RateLimited) | None);
        let slot = sender
            .flatten()
            .and_then(|id| self.hub.lock().slot(id).cloned());
        if let (true, Some(slot)) = (will_not, slot) {
            let mut state = slot.state.lock();
            let now = state.advance(self.clock.now());
            if let Some(live) = &mut state.live {
                match reason {
                    Some(NackReason::Forbidden) => live.core.forbid_signaling(now),
                    _ => live.core.fail_signaling(now),
                }
            }
            self.after_input(&slot, state, Urgency::Now);
        }
    }
}
