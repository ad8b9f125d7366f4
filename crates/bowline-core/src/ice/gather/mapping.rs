//! How NATs show a socket: a question to a STUN server, and again and again while somebody needs to know.

use alloc::vec::Vec;
use core::net::SocketAddr;

use crate::limits::MAPPING_FRESH;
use crate::limits::MAPPING_KEEPALIVE;
use crate::limits::MAPPING_RETRY;
use crate::limits::MAPPING_RETRY_DOUBLINGS;
use crate::limits::MAX_SEND_ERRORS;
use crate::limits::MAX_SERVERS;
use crate::limits::MIN_SERVER_RETRY;
use crate::rng::Rng;
use crate::stun::Builder;
use crate::stun::Class;
use crate::stun::Message;
use crate::stun::Method;
use crate::stun::Transaction;
use crate::stun::TransactionId;
use crate::stun::TransactionStep;
use crate::time::Timestamp;

use super::ServerFailure;

/// What is known of the address at which the world sees a socket.
#[derive(Clone, Debug)]
pub(super) struct Mapping {
    state: State,
    /// How often all servers have failed, one after the other.
    failures: u32,
    /// A request is to leave.
    is_due: bool,
    /// What is wrong with servers that have not answered since: at most one entry for each of a list.
    pub(super) wrong: Vec<ServerFailure>,
}

#[derive(Clone, Debug)]
enum State {
    /// Nobody has asked.
    Unknown,
    /// Server number `tried` of the list is being asked.
    Asking { question: Question, tried: usize },
    /// A server has answered.
    Known {
        mapped: SocketAddr,
        server: SocketAddr,
        confirmed: Timestamp,
        /// It is asked again.
        question: Option<Question>,
    },
    /// None has answered.
    Failed {
        since: Timestamp,
        retry_at: Timestamp,
    },
}

#[derive(Clone, Debug)]
struct Question {
    server: SocketAddr,
    transaction: Transaction,
    /// How often the system has refused to send it.
    send_errors: u8,
}

/// What came of an answer, or of none.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Outcome {
    /// As before.
    Same,
    /// Something is known that was not, or it is known that nothing can be.
    News,
}

impl Mapping {
    pub(super) const fn new() -> Self {
        Self {
            state: State::Unknown,
            failures: 0,
            is_due: false,
            wrong: Vec::new(),
        }
    }

    /// What is wrong with the servers that were asked.
    pub(super) fn failures(&self) -> impl Iterator<Item = ServerFailure> + '_ {
        self.wrong.iter().copied()
    }

    /// Somebody wants to know. What was known lately is good enough.
    pub(super) fn want(&mut self, now: Timestamp, servers: &[SocketAddr], rng: &mut Rng) {
        let is_under_way = match &self.state {
            State::Unknown => false,
            State::Asking { .. } => true,
            State::Known { confirmed, .. } => now.since(*confirmed) < MAPPING_FRESH,
            State::Failed { retry_at, .. } => now < *retry_at,
        };
        if !is_under_way {
            self.ask(now, servers, 0, rng);
        }
    }

    /// Somebody wants to know who did not before: servers that have failed are not left alone for much longer.
    pub(super) fn hurry(&mut self, now: Timestamp) {
        if let State::Failed { since, retry_at } = &mut self.state {
            *retry_at = (*retry_at).min(now.max(*since + MIN_SERVER_RETRY));
        }
    }

    /// The address, and the server that told it.
    pub(super) const fn known(&self) -> Option<(SocketAddr, SocketAddr)> {
        match &self.state {
            State::Known { mapped, server, .. } => Some((*mapped, *server)),
            State::Unknown | State::Asking { .. } | State::Failed { .. } => None,
        }
    }

    /// Whether it is known, or known that it cannot be.
    pub(super) const fn is_settled(&self) -> bool {
        match &self.state {
            State::Known { .. } | State::Failed { .. } => true,
            State::Unknown | State::Asking { .. } => false,
        }
    }

    /// When there is something to do, if anybody wants to know.
    pub(super) fn deadline(&self) -> Option<Timestamp> {
        match &self.state {
            State::Unknown => None,
            State::Asking { question, .. } => Some(question.transaction.next_deadline()),
            State::Known {
                confirmed,
                question,
                ..
            } => Some(match question {
                Some(question) => question.transaction.next_deadline(),
                None => *confirmed + MAPPING_KEEPALIVE,
            }),
            State::Failed { retry_at, .. } => Some(*retry_at),
        }
    }

    /// The deadline may have passed.
    pub(super) fn on_timeout(
        &mut self,
        now: Timestamp,
        servers: &[SocketAddr],
        rng: &mut Rng,
    ) -> Outcome {
        if self.deadline().is_none_or(|at| at > now) {
            return Outcome::Same;
        }
        let (question, next) = match &mut self.state {
            State::Unknown => return Outcome::Same,
            State::Failed { .. } => {
                self.ask(now, servers, 0, rng);
                return Outcome::Same;
            }
            State::Known {
                server,
                question: question @ None,
                ..
            } => {
                *question = Some(Question::new(now, *server, rng));
                self.is_due = true;
                return Outcome::Same;
            }
            State::Known {
                question: Some(question),
                ..
            } => (question, 0),
            State::Asking { question, tried } => (question, *tried + 1),
        };
        match question.transaction.on_timeout(now) {
            Some(TransactionStep::Retransmit) => self.is_due = true,
            Some(TransactionStep::Failed) => {
                let server = question.server;
                self.note_wrong(ServerFailure::StunSilent { server });
                self.ask(now, servers, next, rng);
                return Outcome::News;
            }
            None => {}
        }
        Outcome::Same
    }

    /// Whether that is the answer to a question under way, from whom was asked.
    pub(super) fn expects(&self, from: SocketAddr, message: &Message<'_>) -> bool {
        self.question().is_some_and(|question| {
            question.server == from && question.transaction.id() == message.transaction_id()
        })
    }

    /// An answer that was expected. `own` is the address of the socket.
    pub(super) fn on_answer(
        &mut self,
        now: Timestamp,
        own: SocketAddr,
        servers: &[SocketAddr],
        message: &Message<'_>,
        rng: &mut Rng,
    ) -> Outcome {
        let Some(server) = self.question().map(|question| question.server) else {
            return Outcome::Same;
        };
        let address = message.mapped_address().filter(|mapped| {
            message.class() == Class::Success && mapped.is_ipv4() == own.is_ipv4()
        });
        let Some(mapped) = address else {
            self.note_wrong(ServerFailure::StunRefused { server });
            let next = match &self.state {
                State::Asking { tried, .. } => *tried + 1,
                State::Unknown | State::Known { .. } | State::Failed { .. } => 0,
            };
            self.ask(now, servers, next, rng);
            return Outcome::News;
        };
        let before = self.known();
        self.failures = 0;
        self.wrong
            .retain(|failure| stun_server(failure) != Some(server));
        self.state = State::Known {
            mapped,
            server,
            confirmed: now,
            question: None,
        };
        if before.is_some_and(|(before, _)| before == mapped) {
            Outcome::Same
        } else {
            Outcome::News
        }
    }

    /// The system has refused to send to that address: if it is the server being asked, and again so, the next one is
    /// asked. What is known stays so until it has long not been confirmed.
    pub(super) fn on_send_error(
        &mut self,
        now: Timestamp,
        to: SocketAddr,
        servers: &[SocketAddr],
        rng: &mut Rng,
    ) -> Outcome {
        let State::Asking { question, tried } = &mut self.state else {
            return Outcome::Same;
        };
        if question.server != to {
            return Outcome::Same;
        }
        question.send_errors = question.send_errors.saturating_add(1);
        if question.send_errors < MAX_SEND_ERRORS {
            return Outcome::Same;
        }
        let next = *tried + 1;
        self.note_wrong(ServerFailure::StunUnreachable { server: to });
        self.ask(now, servers, next, rng);
        Outcome::News
    }

    /// Appends the request that is to leave, and returns to whom.
    pub(super) fn poll_transmit(&mut self, out: &mut Vec<u8>) -> Option<SocketAddr> {
        if !core::mem::take(&mut self.is_due) {
            return None;
        }
        let question = self.question()?;
        let id = question.transaction.id();
        Builder::new(out, Class::Request, Method::Binding, id).fingerprint();
        Some(question.server)
    }

    const fn question(&self) -> Option<&Question> {
        match &self.state {
            State::Asking { question, .. } => Some(question),
            State::Known { question, .. } => question.as_ref(),
            State::Unknown | State::Failed { .. } => None,
        }
    }

    /// What is wrong with servers that nobody lists any more is forgotten.
    pub(super) fn forget_unlisted(&mut self, servers: &[SocketAddr]) {
        self.wrong
            .retain(|failure| stun_server(failure).is_some_and(|server| servers.contains(&server)));
    }

    /// Remembers what is wrong with a server, in place of what was before.
    fn note_wrong(&mut self, failure: ServerFailure) {
        let server = stun_server(&failure);
        self.wrong.retain(|other| stun_server(other) != server);
        if self.wrong.len() < MAX_SERVERS {
            self.wrong.push(failure);
        }
    }

    /// Asks that server of the list; if there is none so far down, all have failed for now.
    fn ask(&mut self, now: Timestamp, servers: &[SocketAddr], tried: usize, rng: &mut Rng) {
        let Some(server) = servers.get(tried) else {
            let wait = MAPPING_RETRY * (1 << self.failures.min(MAPPING_RETRY_DOUBLINGS));
            self.failures = self.failures.saturating_add(1);
            self.state = State::Failed {
                since: now,
                retry_at: now + wait,
            };
            return;
        };
        let question = Question::new(now, *server, rng);
        self.state = State::Asking { question, tried };
        self.is_due = true;
    }
}

impl Question {
    fn new(now: Timestamp, server: SocketAddr, rng: &mut Rng) -> Self {
        let id = TransactionId::new(0, rng);
        let transaction = Transaction::new(now, id);
        Self {
            server,
            transaction,
            send_errors: 0,
        }
    }
}

/// The STUN server that it is about.
pub(super) const fn stun_server(failure: &ServerFailure) -> Option<SocketAddr> {
    match failure {
        ServerFailure::StunSilent { server }
        | ServerFailure::StunRefused { server }
        | ServerFailure::StunUnreachable { server } => Some(*server),
        ServerFailure::StunUnknown { .. }
        | ServerFailure::TurnUnknown { .. }
        | ServerFailure::Turn { .. } => None,
    }
}

/// Whether a message answers something that was asked on behalf of a socket.
pub(super) const fn is_answer(message: &Message<'_>) -> bool {
    let is_answer = matches!(message.class(), Class::Success | Class::Error);
    is_answer && message.transaction_id().asker() == 0
}
