//! Waiting until what was sent has arrived.

use std::sync::Arc;
use std::time::Duration;

use bowline_core::identity::Identity;
use bowline_core::messages::Standing;

use crate::driver::Inner;
use crate::driver::sessions::Ended;
use crate::driver::sessions::SessionKind;
use crate::messages::NotDelivered;

/// What of what was sent reliably to a peer has not arrived.
enum Outstanding {
    /// So many bytes.
    Bytes(usize),
    /// The session has failed.
    Failed(NotDelivered),
    /// There is no session.
    NoSession,
    /// It is about to be known what the end of the connection is to the session.
    Unclear,
}

impl Inner {
    /// Waits until all that was sent reliably to a peer has arrived.
    pub(crate) fn wait_until_delivered(
        self: &Arc<Self>,
        kind: SessionKind,
        peer: &Identity,
        timeout: Duration,
    ) -> Result<(), NotDelivered> {
        let mut left = self.wait_until_all_delivered(kind, vec![peer.clone()], timeout);
        left.pop().map_or(Ok(()), |(_, why)| Err(why))
    }

    /// Waits until all that was sent reliably to these peers has arrived. Returns those to whom it has not.
    pub(crate) fn wait_until_all_delivered(
        self: &Arc<Self>,
        kind: SessionKind,
        peers: Vec<Identity>,
        timeout: Duration,
    ) -> Vec<(Identity, NotDelivered)> {
        let mut waiting: Vec<_> = peers.into_iter().map(|peer| (peer, 0)).collect();
        let mut failed = Vec::new();
        self.wait_until(timeout, || {
            waiting.retain_mut(|(peer, bytes)| match self.outstanding(kind, peer) {
                Outstanding::Bytes(now) => {
                    *bytes = now;
                    now > 0
                }
                Outstanding::Failed(why) => {
                    failed.push((peer.clone(), why));
                    false
                }
                Outstanding::NoSession => {
                    // It had something left a moment ago, or there was none.
                    if *bytes > 0 {
                        failed.push((peer.clone(), NotDelivered::Closed));
                    }
                    false
                }
                Outstanding::Unclear => true,
            });
            waiting.is_empty()
        });
        let late = |(peer, bytes)| (peer, NotDelivered::TimedOut { bytes });
        failed.extend(waiting.into_iter().map(late));
        failed
    }

    /// Everybody with whom there is a session.
    pub(crate) fn session_peers(&self, kind: SessionKind) -> Vec<Identity> {
        let sessions = self.sessions.lock(kind);
        sessions.peers().cloned().collect()
    }

    fn outstanding(&self, kind: SessionKind, peer: &Identity) -> Outstanding {
        let sessions = self.sessions.lock(kind);
        let id = match sessions.standing(peer) {
            None => return Outstanding::NoSession,
            Some(Standing::Unconnected) => return Outstanding::Bytes(0),
            Some(Standing::Failed(ended)) => return Outstanding::Failed(failure(ended)),
            Some(Standing::Over(id)) => id,
        };
        drop(sessions);
        let Some(slot) = self.index.find(id) else {
            self.forget_session_connection(kind, id);
            return Outstanding::Unclear;
        };
        let mut state = slot.state.lock();
        let now = state.advance(self.clock.now());
        let live = state.live.as_ref();
        let status = live.map(|live| live.core.status(now));
        match status {
            // One that has ended holds nothing any more, arrived or not.
            Some(status) if !status.state.is_closed() => {
                Outstanding::Bytes(status.pending_reliable_bytes + status.unacked_reliable_bytes)
            }
            _ => Outstanding::Unclear,
        }
    }
}

fn failure(ended: &Ended) -> NotDelivered {
    NotDelivered::Broken {
        reason: ended.info.end_reason,
        text: ended.info.end_text.clone(),
    }
}
