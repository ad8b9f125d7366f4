//! The accepting side of direct UDP, once the endpoint has checked cookie, certificate and signature:
//! the application decides, and the answer is repeated for a client that did not get it.

use crate::connection::Connection;
use crate::connection::State;
use crate::counters::DropReason;
use crate::error::AcceptError;
use crate::handshake::Origin;
use crate::handshake::identity_beside;
use crate::handshake::session::Session;
use crate::ids::ConnectionId;
use crate::limits;
use crate::time::Timestamp;
use crate::wire::udp;

/// A request that waits for the application.
#[derive(Clone, Debug)]
pub(crate) struct Deciding {
    session: Session,
    since: Timestamp,
    /// The client's timestamp, echoed in the answer.
    client_timestamp: Option<u64>,
}

/// An answer that the client may not have got.
#[derive(Clone, Debug)]
pub(crate) struct Answered {
    packet: udp::ConnectOk,
    client_timestamp: Option<u64>,
    /// When the request came in that is echoed.
    requested_at: Timestamp,
}

impl Deciding {
    pub(crate) const fn new(
        now: Timestamp,
        session: Session,
        client_timestamp: Option<u64>,
    ) -> Self {
        Self {
            session,
            since: now,
            client_timestamp,
        }
    }

    /// When the request came in.
    pub(crate) const fn since(&self) -> Timestamp {
        self.since
    }
}

impl Connection {
    pub(crate) fn on_accept(&mut self, now: Timestamp) -> Result<(), AcceptError> {
        match self.origin {
            Origin::Dial | Origin::Pair => return Err(AcceptError::NotIncoming),
            Origin::Signal => return self.on_accept_call(now),
            Origin::InProcess => return self.on_accept_within(now),
            Origin::Listen => {}
        }
        let (State::Deciding(deciding), Some(client)) = (&mut self.state, self.peer.id) else {
            return Err(AcceptError::WrongState(self.state()));
        };
        let (crypt, agreed) = match deciding.session.answer(&self.host, client) {
            Ok(answer) => answer,
            Err(refused) => {
                self.fail(now, refused.reason, &refused.text);
                return Err(AcceptError::BadCrypt);
            }
        };
        let cert = deciding.session.cert().clone();
        let answered = Answered {
            packet: udp::ConnectOk {
                client_connection_id: client,
                server_connection_id: self.id,
                your_timestamp: None,
                delay_time_us: None,
                identity: identity_beside(&cert, &self.host.identity),
                cert,
                crypt,
            },
            client_timestamp: deciding.client_timestamp,
            requested_at: deciding.since,
        };
        let packet = answered.packet(now);
        let answered = Some(alloc::boxed::Box::new(answered));
        self.set_connected(now, agreed, State::Connected { answered });
        self.send_control(|out| packet.encode(out));
        Ok(())
    }

    /// The client asks again: it may not have got our answer.
    pub(crate) fn on_repeated_request(
        &mut self,
        now: Timestamp,
        client: ConnectionId,
    ) -> Result<(), DropReason> {
        if self.origin != Origin::Listen {
            return Err(DropReason::WrongRole);
        }
        if Some(client) != self.peer.id {
            return Err(DropReason::WrongAttempt);
        }
        match &self.state {
            State::Connected { answered } | State::Linger { answered, .. } => {
                // Without the answer the client has sent data already: an old packet, come late.
                let answered = answered.as_ref().ok_or(DropReason::WrongState)?;
                let packet = answered.packet(now);
                self.send_control(|out| packet.encode(out));
            }
            State::Dialing(_) | State::Deciding(_) | State::Rendezvous { .. } => {
                return Err(DropReason::WrongState);
            }
            State::ClosedByPeer | State::Failed | State::FinWait { .. } | State::Dead => {
                self.answer_closed();
            }
        }
        Ok(())
    }
}

impl Answered {
    /// The packet to send now: the echo tells how long we held it, unless that is too long ago.
    fn packet(&self, now: Timestamp) -> udp::ConnectOk {
        let held = now.since(self.requested_at);
        let echo = self
            .client_timestamp
            .filter(|_| held <= limits::MAX_TIMESTAMP_ECHO);
        udp::ConnectOk {
            your_timestamp: echo,
            delay_time_us: echo.and_then(|_| u32::try_from(held.as_micros()).ok()),
            ..self.packet.clone()
        }
    }
}
