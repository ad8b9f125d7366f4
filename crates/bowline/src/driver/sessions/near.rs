//! Sessions with peers in this process, whose connections are made in memory where shortcuts are taken: they need
//! nothing that carries signals.
//!
//! GNS e707b3a: steamnetworkingsockets_p2p.cpp, `InternalConnectP2PDefaultSignaling`. DIFFERS: a peer that is here and
//! has no sessions is asked by signals, as one that is elsewhere. With itself an interface has none; in GNS such a session
//! begins, and fails.

use std::sync::Arc;
use std::thread;
use std::time::Duration;

use bowline_core::config::Config;
use bowline_core::config::ConfigScope;
use bowline_core::error::ConnectP2pError as CallError;
use bowline_core::identity::Identity;

use crate::driver::Inner;
use crate::driver::Urgency;
use crate::driver::lobby::Nudge;
use crate::driver::sessions::SessionKind;
use crate::driver::sessions::sending::Way;
use crate::driver::slot::Slot;
use crate::driver::within::ForSession;
use crate::driver::within::Made;
use crate::driver::within::Neighbours;
use crate::driver::within::Shortcuts;
use crate::error::ConnectP2pError;
use crate::error::ConnectWithinError;
use crate::messages::MessagesSendError;

impl Inner {
    /// Begins a connection in memory for a session, unless another thread was faster. [`Way::Missing`] if the peer is not to
    /// be reached so.
    pub(super) fn call_session_within(
        self: &Arc<Self>,
        kind: SessionKind,
        peer: &Identity,
        restart: bool,
    ) -> Result<Way, MessagesSendError> {
        let own = self.hub.lock().endpoint.identity().clone();
        if own == *peer {
            return Err(MessagesSendError::ToSelf);
        }
        let shortcuts = Shortcuts::Sessions;
        if self.shortcuts < shortcuts {
            return Ok(Way::Missing);
        }
        let neighbours = Neighbours::Open(shortcuts);
        let callee = match self.find_callee(peer, kind.port(), neighbours) {
            Ok(callee) => callee,
            Err(error) => return not_near(error),
        };
        let interface = self.config();
        let config = self
            .session_config(kind)
            .and_then(|config| self.config_for(config, ConfigScope::Connection))
            .map_err(ConnectP2pError::from)?;
        let session = ForSession { kind, restart };
        let bring = || self.bring_together(&callee, Arc::clone(&config), Some(session));
        let mut made = bring();
        for _ in 0..END_TRIES {
            if !matches!(made, Err(ConnectWithinError::NotHere))
                || !callee.inner.hear_of_end(kind, &own, &config)
            {
                break;
            }
            made = bring();
        }
        self.look_after_sessions(kind);
        match made {
            Ok(Made::New(slots)) => Ok(Way::Over(self.set_out(&callee, slots, &interface))),
            Ok(Made::Waiting(slot)) if slot.is_pipe() => Ok(Way::Accept(slot, None)),
            // By signals, which its accepting needs, too.
            Ok(Made::Waiting(_)) => Ok(Way::Missing),
            Ok(Made::Settled(plan)) => self.follow_plan(kind, plan),
            Err(error) => not_near(error),
        }
    }

    /// Has the end here of a session with a peer in this process hear what waits for it. The peer calls anew, and so has ended
    /// the last one: a thread that could not wait for this end, or has come no further, has left that for later. Tells whether
    /// there is such an end.
    fn hear_of_end(&self, kind: SessionKind, peer: &Identity, config: &Arc<Config>) -> bool {
        let hub = self.hub.lock();
        let call = hub.endpoint.request_to_accept(peer, kind.port(), config);
        let (Ok(Some(id)) | Err(CallError::AlreadyConnected(id))) = call else {
            return false;
        };
        let slot = hub.slot(id).cloned();
        drop(hub);
        let Some(slot) = slot.filter(|slot| slot.is_pipe()) else {
            return false;
        };
        self.after_input(&slot, slot.state.lock(), Urgency::Now);
        if !self.end_what_is_left(kind, id) {
            thread::sleep(END_WAIT);
        }
        true
    }

    /// A connection is that of a session from now on, if it was made for one.
    pub(in crate::driver) fn note_session(
        &self,
        session: Option<ForSession>,
        peer: &Identity,
        slot: &Arc<Slot>,
    ) {
        if let Some(ForSession { kind, .. }) = session {
            let mut sessions = self.sessions.lock(kind);
            sessions.began(self.clock.now(), peer, slot.id);
        }
    }

    fn look_after_sessions(&self, kind: SessionKind) {
        let mut nudge = Nudge::default();
        self.schedule_sessions(kind, &self.sessions.lock(kind), &mut nudge);
        self.lobby.act_on(nudge, |shards| self.shards.wake(shards));
    }
}

fn not_near(error: ConnectWithinError) -> Result<Way, MessagesSendError> {
    match error {
        ConnectWithinError::Refused(error) => Err(error.into()),
        ConnectWithinError::NotHere | ConnectWithinError::NotListening { .. } => Ok(Way::Missing),
    }
}

/// How often a peer in this process is called whose end of the last session may have to hear of that one's end.
const END_TRIES: usize = 8;
/// For so long another thread may be about to tell it.
const END_WAIT: Duration = Duration::from_millis(1);
