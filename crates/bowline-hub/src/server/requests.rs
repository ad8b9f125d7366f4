//! Requests of the operator, answered by the hub's thread.

use crate::limits::MAX_REQUESTS;
use crate::server::Server;
use crate::server::handle::Farewell;
use crate::server::handle::Request;
use crate::server::handle::Standing;
use crate::server::handle::Unblocked;

impl Server {
    /// Says whether the hub is to stop.
    pub(super) fn answer_requests(&mut self) -> Option<Farewell> {
        for _ in 0..MAX_REQUESTS {
            match self.requests.try_recv() {
                Ok(Request::Stop(farewell)) => return Some(farewell),
                Ok(request) => self.answer(request),
                Err(_) => return None,
            }
        }
        self.handle.waker.wake();
        None
    }

    /// Who asked may have gone.
    fn answer(&mut self, request: Request) {
        match request {
            Request::Standing(answer) => {
                let _ = answer.try_send(Standing {
                    sessions: self.hub.sessions(),
                    connections: self.clients.len(),
                    blocks: self.hub.blocks(),
                    counters: self.hub.counters().clone(),
                });
            }
            Request::Sessions(after, limit, answer) => {
                let _ = answer.try_send(self.hub.list(after, limit));
            }
            Request::Kick(app, identity, answer) => {
                let _ = answer.try_send(self.hub.kick(app, &identity));
            }
            Request::Block(identity, block, answer) => {
                let _ = answer.try_send(self.hub.block(&identity, block));
            }
            Request::Unblock(identity, answer) => {
                let _ = answer.try_send(Unblocked {
                    was_blocked: self.hub.unblock(&identity),
                    is_blocked_by_settings: self.hub.is_blocked_by_policy(&identity),
                });
            }
            Request::Announce(revision, body, answer) => {
                self.hub.announce(revision, body);
                let _ = answer.try_send(());
            }
            // Ends the round before it comes here.
            Request::Stop(_) => {}
        }
    }
}
