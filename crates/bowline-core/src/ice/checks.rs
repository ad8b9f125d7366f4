//! Connectivity checks: sending ours, answering the peer's, and taking its answers.
//!
//! A check proves itself by the other side's password, so both must have been told by signals. One without
//! integrity is not answered (DIFFERS: GNS answers it).

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::net::SocketAddr;

use crate::counters::DropReason;
use crate::ice::CandidateKind;
use crate::ice::IceAgent;
use crate::ice::IceEvent;
use crate::ice::RouteKind;
use crate::ice::agent::way;
use crate::ice::candidate::is_target;
use crate::ice::checklist::Retries;
use crate::ice::dialect;
use crate::ice::pair::Base;
use crate::ice::pair::Check;
use crate::ice::pair::Extra;
use crate::ice::pair::PairKey;
use crate::ice::pair::PairState;
use crate::ice::pair::Remote;
use crate::ice::story::What;
use crate::ids::LocalId;
use crate::limits::MAX_CHECK_EXTRAS;
use crate::stun::Builder;
use crate::stun::Class;
use crate::stun::Message;
use crate::stun::Method;
use crate::stun::Transaction;
use crate::stun::TransactionId;
use crate::stun::TransactionStep;
use crate::time::Timestamp;

/// "Role Conflict" (RFC 8445, section 7.2.5.1).
const ROLE_CONFLICT: u16 = 487;
/// "Unknown Attribute" (RFC 8489, section 6.3.1).
const UNKNOWN_ATTRIBUTE: u16 = 420;

/// What comes of a check whose sender has a role.
enum Roles {
    /// Ours is the other one, or may as well be.
    Agree,
    /// Ours is the same, and the sender must change its own.
    TheyChange,
}

impl IceAgent {
    pub(super) fn take_message(
        &mut self,
        now: Timestamp,
        local: LocalId,
        from: SocketAddr,
        data: &[u8],
    ) -> Result<(), DropReason> {
        let message = Message::parse(data)?;
        let Some(base) = self.base(local) else {
            return Err(DropReason::UnknownSource);
        };
        match (message.method(), message.class()) {
            (Method::Binding, Class::Request) => self.on_request(now, base, from, &message),
            (Method::Binding, Class::Success) => self.on_success(now, (local, from), &message),
            (Method::Binding, Class::Error) => self.on_error(now, (local, from), &message),
            // Keeps a NAT's mapping, and wants nothing (RFC 8445, section 11).
            (Method::Binding, Class::Indication) => Ok(()),
            _ => Err(DropReason::UnexpectedStun),
        }
    }

    /// Begins to check a pair.
    pub(super) fn start_check(&mut self, now: Timestamp, key: PairKey) {
        let mut check = self.new_check(now);
        let Some(pair) = self.checklist.get_mut(key) else {
            return;
        };
        if pair.failures() > 0 {
            check.extra = Extra::Sent;
        }
        pair.state = PairState::Checking(Box::new(check));
        if pair.is_relay {
            // What nothing has passed through for long may have been forgotten there.
            let (local, remote) = key;
            self.push_event(IceEvent::Permit { local, remote });
        }
        self.send_check(key, &check, false);
    }

    /// Chooses a pair that was answered before, and tells the peer.
    pub(super) fn start_nomination(&mut self, now: Timestamp, key: PairKey) {
        let check = self.new_check(now);
        let Some(pair) = self.checklist.get_mut(key) else {
            return;
        };
        if let PairState::Valid { nominating, .. } = &mut pair.state {
            *nominating = Some(Box::new(check));
            self.send_check(key, &check, true);
        }
    }

    /// Sends checks again that were not answered, gives others up, and takes failed pairs up again.
    pub(super) fn repeat_checks(&mut self, now: Timestamp) {
        let retries = self.retries();
        let mut again = Vec::new();
        let mut failed = Vec::new();
        for pair in self.checklist.iter_mut() {
            if pair
                .deadline(retries.include(pair))
                .is_none_or(|at| at > now)
            {
                continue;
            }
            let (key, is_nominating) = (pair.key(), pair.is_nominating());
            match pair.check_mut() {
                None => pair.state = PairState::Waiting,
                Some(check)
                    if check.extra_at().is_some_and(|at| at <= now)
                        && check.transaction.next_deadline() > now =>
                {
                    check.on_extra(now);
                    again.push((key, *check, is_nominating));
                }
                Some(check) => match check.transaction.on_timeout(now) {
                    Some(TransactionStep::Retransmit) => {
                        check.on_repeat(now);
                        again.push((key, *check, is_nominating));
                    }
                    Some(TransactionStep::Failed) => failed.push(key),
                    None => {}
                },
            }
        }
        for (key, check, is_nominating) in again {
            self.write_check(key, check.transaction.id(), is_nominating);
        }
        for key in failed {
            self.fail(now, key);
        }
    }

    /// Writes a binding request to the peer.
    pub(super) fn write_check(&mut self, key: PairKey, id: TransactionId, nominates: bool) {
        let (Some(base), Some(peer)) = (self.base(key.0), &self.peer) else {
            return;
        };
        let mut bytes = Vec::with_capacity(CHECK_BYTES);
        let mut builder = Builder::new(&mut bytes, Class::Request, Method::Binding, id);
        builder
            .username(&alloc::format!("{}:{}", peer.ufrag, self.ufrag()))
            .priority(dialect::check_priority(base.preference));
        if self.is_controlling {
            builder.ice_controlling(self.tie_breaker);
        } else {
            builder.ice_controlled(self.tie_breaker);
        }
        if nominates {
            builder.use_candidate();
        }
        builder.integrity(&peer.key).fingerprint();
        self.push_packet(key, bytes);
    }

    /// A check of the peer's.
    fn on_request(
        &mut self,
        now: Timestamp,
        base: Base,
        from: SocketAddr,
        message: &Message<'_>,
    ) -> Result<(), DropReason> {
        self.check_username(message)?;
        if !message.check_integrity(&self.key) {
            return Err(DropReason::BadIntegrity);
        }
        if !is_target(from) || !base.reaches(from, self.types) {
            return Err(DropReason::RefusedCandidate);
        }
        let key = (base.id, from);
        if !message.unknown_required().is_empty() {
            self.answer_error(key, message, UNKNOWN_ATTRIBUTE);
            return Ok(());
        }
        if let Roles::TheyChange = self.settle_roles(now, message) {
            self.answer_error(key, message, ROLE_CONFLICT);
            return Ok(());
        }
        self.learn_source(now, base, from, message)?;
        let (id, is_chosen) = (message.transaction_id(), message.use_candidate());
        let is_chosen = is_chosen && !self.is_controlling;
        if is_chosen && self.is_late_choice(now, key, id) {
            return Ok(());
        }
        self.answer(key, message);
        if is_chosen {
            self.on_nominated(now, key, id);
        }
        self.check_back(key);
        Ok(())
    }

    /// Whether a check is for this connection and from its peer.
    fn check_username(&self, message: &Message<'_>) -> Result<(), DropReason> {
        let username = message.username().ok_or(DropReason::WrongIceUser)?;
        let (ours, theirs) = username.split_once(':').ok_or(DropReason::WrongIceUser)?;
        let is_peer = self.peer.as_ref().is_none_or(|peer| &*peer.ufrag == theirs);
        if ours == self.ufrag() && is_peer {
            Ok(())
        } else {
            Err(DropReason::WrongIceUser)
        }
    }

    /// Both sides may believe that they have the same role (RFC 8445, section 7.3.1.1).
    fn settle_roles(&mut self, now: Timestamp, message: &Message<'_>) -> Roles {
        let theirs = if self.is_controlling {
            message.ice_controlling()
        } else {
            message.ice_controlled()
        };
        let Some(theirs) = theirs else {
            return Roles::Agree;
        };
        // Who has the larger number is controlling in the end.
        if (self.tie_breaker >= theirs) != self.is_controlling {
            self.change_role(now);
            return Roles::Agree;
        }
        if self.conflicts_told >= dialect::MAX_CONFLICTS_TOLD {
            return Roles::Agree;
        }
        self.conflicts_told += 1;
        Roles::TheyChange
    }

    /// The address that a check came from is a candidate, whether we were told of it or not.
    fn learn_source(
        &mut self,
        now: Timestamp,
        base: Base,
        from: SocketAddr,
        message: &Message<'_>,
    ) -> Result<(), DropReason> {
        let key = (base.id, from);
        if self.checklist.get(key).is_some() {
            return Ok(());
        }
        if !self.knows_remote(from) {
            let remote = Remote {
                address: from.into(),
                kind: CandidateKind::PeerReflexive,
                priority: message.priority().unwrap_or(0),
            };
            self.learn_remote(now, remote)?;
        }
        if self.checklist.get(key).is_none() {
            return Err(DropReason::TooManyCandidates);
        }
        self.tell(now, What::PeerChecks(way(key)));
        Ok(())
    }

    fn answer(&mut self, key: PairKey, message: &Message<'_>) {
        let mut bytes = Vec::with_capacity(CHECK_BYTES);
        let id = message.transaction_id();
        let mut builder = Builder::new(&mut bytes, Class::Success, Method::Binding, id);
        builder.xor_mapped_address(key.1);
        if let Some(username) = message.username() {
            builder.username(username);
        }
        builder.integrity(&self.key).fingerprint();
        self.push_packet(key, bytes);
    }

    fn answer_error(&mut self, key: PairKey, message: &Message<'_>, code: u16) {
        let mut bytes = Vec::with_capacity(CHECK_BYTES);
        let id = message.transaction_id();
        let mut builder = Builder::new(&mut bytes, Class::Error, Method::Binding, id);
        builder.error_code(code, "");
        if code == UNKNOWN_ATTRIBUTE {
            builder.unknown_attributes(message.unknown_required());
        }
        builder.integrity(&self.key).fingerprint();
        self.push_packet(key, bytes);
    }

    /// Where the peer's checks come along, ours probably will, too.
    fn check_back(&mut self, key: PairKey) {
        let Some(pair) = self.checklist.get_mut(key) else {
            return;
        };
        match &mut pair.state {
            PairState::Waiting | PairState::Failed { .. } => self.checklist.trigger(key),
            PairState::Valid { .. } => {}
            // Perhaps the peer's NAT lets ours in only now, and has dropped it before.
            PairState::Checking(check) => check.on_peer_check(),
        }
    }

    /// The peer answered.
    fn on_success(
        &mut self,
        now: Timestamp,
        from: PairKey,
        message: &Message<'_>,
    ) -> Result<(), DropReason> {
        let id = message.transaction_id();
        let asked = self.checklist.asked_by(id);
        let key = asked.map(|(key, _)| key);
        let key = key.or_else(|| self.asked_for_consent(id));
        self.check_answer(key, from, message)?;
        self.checks_answered = self.checks_answered.saturating_add(1);
        let Some((key, check)) = asked else {
            self.on_consent_answered(id);
            self.note_consent(now, from);
            return Ok(());
        };
        let rtt = Some(now.since(check.measured_from));
        let Some(pair) = self.checklist.get_mut(key) else {
            return Ok(());
        };
        let was_nominating = pair.is_nominating();
        let was_valid = pair.is_valid();
        pair.state = PairState::Valid {
            rtt,
            nominating: None,
        };
        pair.forgive();
        if !was_valid {
            let way = way(key);
            self.tell(now, What::Answered { way, rtt });
        }
        self.note_consent(now, key);
        self.on_valid(now, key, was_nominating);
        Ok(())
    }

    /// The peer refuses.
    fn on_error(
        &mut self,
        now: Timestamp,
        from: PairKey,
        message: &Message<'_>,
    ) -> Result<(), DropReason> {
        let asked = self.checklist.asked_by(message.transaction_id());
        let key = asked.map(|(key, _)| key);
        let key = key.or_else(|| self.asked_for_consent(message.transaction_id()));
        self.check_answer(key, from, message)?;
        let Some((key, check)) = asked else {
            // Not answered as wanted, which counts as no answer.
            return Ok(());
        };
        let is_conflict = message
            .error_code()
            .is_some_and(|error| error.code == ROLE_CONFLICT);
        if !is_conflict {
            self.fail(now, key);
            return Ok(());
        }
        if check.as_controlling == self.is_controlling {
            self.change_role(now);
        }
        if let Some(pair) = self.checklist.get_mut(key) {
            match &pair.state {
                PairState::Valid { .. } => pair.stop_nominating(),
                _ => pair.state = PairState::Waiting,
            }
        }
        self.checklist.trigger(key);
        Ok(())
    }

    /// Whether an answer is to a check of ours, from whom it was sent to, and proven.
    fn check_answer(
        &self,
        asked: Option<PairKey>,
        from: PairKey,
        message: &Message<'_>,
    ) -> Result<(), DropReason> {
        let asked = asked.ok_or(DropReason::UnknownTransaction)?;
        let peer = self.peer.as_ref().ok_or(DropReason::UnknownTransaction)?;
        if !message.check_integrity(&peer.key) {
            return Err(DropReason::BadIntegrity);
        }
        if asked == from {
            Ok(())
        } else {
            Err(DropReason::UnknownSource)
        }
    }

    fn fail(&mut self, now: Timestamp, key: PairKey) {
        let is_looking = self.selection.is_none();
        if let Some(pair) = self.checklist.get_mut(key) {
            pair.fail(now);
            // That what failed fails again is no news while there is another way.
            if is_looking || pair.failures() == 1 {
                self.tell(now, What::Failed(way(key)));
            }
        }
        self.choose(now);
    }

    /// Which pairs are worth another try.
    pub(super) fn retries(&self) -> Retries {
        if self.selection.is_none() {
            return Retries::All;
        }
        match self.selected() {
            Some((_, RouteKind::Relayed)) => Retries::Direct,
            Some(_) | None => Retries::None,
        }
    }

    fn change_role(&mut self, now: Timestamp) {
        self.is_controlling = !self.is_controlling;
        for pair in self.checklist.iter_mut() {
            pair.stop_nominating();
        }
        let is_controlling = self.is_controlling;
        self.tell(now, What::RoleTaken { is_controlling });
        self.choose(now);
    }

    fn new_check(&mut self, now: Timestamp) -> Check {
        let id = TransactionId::new(self.id.get(), &mut self.rng);
        Check {
            transaction: Transaction::new(now, id),
            measured_from: now,
            last_sent: now,
            extra: Extra::First,
            extras_left: MAX_CHECK_EXTRAS,
            as_controlling: self.is_controlling,
        }
    }

    fn send_check(&mut self, key: PairKey, check: &Check, nominates: bool) {
        self.checks_sent = self.checks_sent.saturating_add(1);
        self.write_check(key, check.transaction.id(), nominates);
    }
}

/// What a check of ours has at most: header, user name, priority, role, choice, integrity, fingerprint.
const CHECK_BYTES: usize = 20 + 16 + 8 + 12 + 4 + 24 + 8;
