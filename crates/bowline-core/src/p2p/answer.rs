//! The side that is asked: the application decides, and the answer is repeated for as long as the peer
//! asks.

use alloc::boxed::Box;

use crate::connection::Connection;
use crate::connection::Stage;
use crate::connection::State;
use crate::error::AcceptError;
use crate::p2p::signal::ConnectOk;
use crate::time::Timestamp;

impl Connection {
    /// The application accepts a peer that has asked by signals.
    pub(crate) fn on_accept_call(&mut self, now: Timestamp) -> Result<(), AcceptError> {
        if !self.is_called() {
            return Err(AcceptError::WrongState(self.state()));
        }
        self.answer_call(now)
    }

    /// Chooses the cipher, and begins to look for a way.
    pub(super) fn answer_call(&mut self, now: Timestamp) -> Result<(), AcceptError> {
        let (Some(party), Some(client)) = (&mut self.party, self.peer.id) else {
            return Err(AcceptError::WrongState(self.state.public()));
        };
        let Some(mut session) = party.session.take() else {
            return Err(AcceptError::WrongState(self.state.public()));
        };
        let (crypt, agreed) = match session.answer(&self.host, client) {
            Ok(answer) => answer,
            Err(refused) => {
                self.fail(now, refused.reason, &refused.text);
                return Err(AcceptError::BadCrypt);
            }
        };
        let cert = session.cert().clone();
        party.answer = Some(Box::new(ConnectOk { crypt, cert }));
        self.install_keys(now, agreed);
        self.start_agent(now);
        let early = match &mut self.party {
            Some(party) => core::mem::take(&mut party.early),
            None => return Ok(()),
        };
        for message in early {
            self.on_reliable_message(now, message);
        }
        self.find_route(now);
        Ok(())
    }

    pub(super) const fn is_called(&self) -> bool {
        matches!(
            self.state,
            State::Rendezvous {
                stage: Stage::Called,
                ..
            }
        )
    }
}
