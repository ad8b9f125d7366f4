//! The logic of a hub.
//!
//! # A client's way
//!
//! ```text
//! connected ──hello──▶ (challenge, proof) ──▶ (question, verdict) ──▶ signed in ──▶ gone
//!     │                                                                   │
//!     └── nothing for ten seconds, nonsense, refused: closed              └── superseded, kicked, too slow: goodbye
//! ```
//!
//! What can be decided here is decided here: development, keys, resumption, anonymity. What somebody else has to be
//! asked about is put as a question ([`Output::Check`]), and goes on with the verdict ([`Hub::on_verdict`]).
//!
//! # One owner per identity
//!
//! An identity of an app has one session. Who signs in last has it; the session before gets a goodbye, and what
//! it got for resuming is worth nothing any more, even when the later one is gone. That is remembered in memory, for as long
//! as it could be used: a hub that has started anew takes it again, unless the later one is there.
//!
//! # Signals
//!
//! A signal goes to whoever owns the identity, at once or not at all: peers send again what matters. Its envelope must
//! say what the signal says, so that nobody speaks for others. Whether anybody is there is not told, neither by an answer
//! nor by the lack of one: limits count signals to nobody like those to somebody.
//!
//! Nothing here blocks, and nothing is unbounded: see [`limits`](crate::limits).

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::collections::HashMap;
use std::collections::HashSet;
use std::collections::VecDeque;
use std::net::SocketAddr;

use bowline_core::cert::authority::Authority;
use bowline_core::cert::authority::KeyId;
use bowline_core::cert::keypair::PublicKey;
use bowline_core::crypto::Crypto;
use bowline_core::hub::FromHub;
use bowline_core::hub::Goodbye;
use bowline_core::hub::HubMessageError;
use bowline_core::hub::Refusal;
use bowline_core::hub::Refused;
use bowline_core::hub::ToHub;
use bowline_core::identity::Identity;
use bowline_core::ids::AppId;
use bowline_core::ids::ConnectionId;
use bowline_core::rng::Rng;
use bowline_core::time::Span;
use bowline_core::time::Timestamp;
use zeroize::Zeroizing;

use crate::hub::announce::Announcement;
use crate::hub::blocks::Blocks;
use crate::hub::networks::Networks;
use crate::hub::past::Past;
use crate::hub::resume::Seal;
use crate::hub::session::Session;
use crate::hub::session::Stage;
use crate::limits::BUSY_RETRY;
use crate::limits::CHECK_TIMEOUT;
use crate::limits::HELLO_TIMEOUT;
use crate::limits::MAX_STRANGERS;
use crate::limits::SLOW_CLIENT;
use crate::namespace::NamespaceError;

mod announce;
mod blocks;
mod certificates;
mod counters;
mod list;
pub(crate) mod networks;
mod output;
mod past;
mod policy;
mod resume;
mod session;
mod sign_in;
mod signals;

pub use self::blocks::Block;
pub use self::blocks::SentAway;
pub use self::blocks::TooManyBlocks;
pub use self::counters::Counters;
pub use self::list::SessionInfo;
pub use self::output::Check;
pub use self::output::Notice;
pub use self::output::Output;
pub use self::output::Verdict;
pub use self::policy::GameServerKey;
pub use self::policy::Policy;
pub use self::policy::SharedKey;

/// A hub: all its sessions.
#[derive(Debug)]
pub struct Hub {
    policy: Policy,
    crypto: Crypto,
    authority: Authority,
    /// What clients know the hub by.
    key: PublicKey,
    seal: Seal,
    rng: Rng,
    sessions: HashMap<ConnectionId, Session>,
    /// Which session an identity of an app belongs to.
    owners: HashMap<(AppId, Identity), ConnectionId>,
    /// Which session has that number.
    numbers: BTreeMap<u64, ConnectionId>,
    /// Those who have not signed in yet, by when they connected.
    strangers: VecDeque<(Timestamp, ConnectionId)>,
    /// Those who wait for a verdict, by when the question was put; some have it meanwhile.
    asking: VecDeque<(Timestamp, ConnectionId)>,
    /// How many have not.
    checking: usize,
    /// Until when credentials hold, in seconds since 1970.
    expiring: BTreeSet<(u64, ConnectionId)>,
    /// Those who are signed in, by when they get another note for coming back.
    renewing: BTreeSet<(Timestamp, ConnectionId)>,
    /// Those who do not read, by since when.
    slow: BTreeSet<(Timestamp, ConnectionId)>,
    networks: Networks,
    past: Past,
    blocks: Blocks,
    announcement: Announcement,
    /// Keys that it revokes: they get no certificates here either.
    revoked: HashSet<KeyId>,
    counters: Counters,
    /// The latest time that came in.
    now: Timestamp,
    /// 1970 in the clock of the time that comes in.
    unix_epoch_us: u64,
    /// Nobody is let in any more.
    is_draining: bool,
    outputs: VecDeque<Output>,
}

/// What a hub signs, is known by, and seals with.
#[derive(Clone, Debug)]
pub struct Keys {
    /// Signs certificates.
    pub authority: Authority,
    /// What clients know the hub by.
    pub identity: PublicKey,
    /// Seals what clients come back with: a hub that starts anew with the same one knows them again.
    pub resumption: Zeroizing<[u8; 32]>,
    /// What was or will be used for that, on the way from one key to the next: what it sealed is taken, too.
    pub other_resumptions: Vec<Zeroizing<[u8; 32]>>,
}

impl Hub {
    /// A hub without sessions. `unix_us` is what the clock says now, in microseconds since 1970.
    ///
    /// # Errors
    /// If two ways of signing in could give the same identity.
    pub fn new(
        now: Timestamp,
        unix_us: u64,
        policy: Policy,
        crypto: Crypto,
        keys: Keys,
        rng: Rng,
    ) -> Result<Self, NamespaceError> {
        policy.check()?;
        Ok(Self {
            policy,
            seal: Seal::new(&crypto, &keys.resumption, &keys.other_resumptions),
            crypto,
            authority: keys.authority,
            key: keys.identity,
            rng,
            sessions: HashMap::new(),
            owners: HashMap::new(),
            numbers: BTreeMap::new(),
            strangers: VecDeque::new(),
            asking: VecDeque::new(),
            checking: 0,
            expiring: BTreeSet::new(),
            renewing: BTreeSet::new(),
            slow: BTreeSet::new(),
            networks: Networks::new(),
            past: Past::default(),
            blocks: Blocks::default(),
            announcement: Announcement::default(),
            revoked: HashSet::new(),
            now,
            is_draining: false,
            counters: Counters::default(),
            unix_epoch_us: unix_us.saturating_sub(now.as_micros()),
            outputs: VecDeque::new(),
        })
    }

    /// What the clock says now, in microseconds since 1970. It may have been set, or gone at another pace than the time that
    /// comes in: to be told every second or so.
    pub const fn set_unix_time(&mut self, now: Timestamp, unix_us: u64) {
        self.now = now;
        self.unix_epoch_us = unix_us.saturating_sub(now.as_micros());
    }

    /// Somebody has connected.
    pub fn on_connected(&mut self, now: Timestamp, client: ConnectionId, from: SocketAddr) {
        self.now = now;
        while let Some((_, oldest)) = self.strangers.front()
            && !self.sessions.get(oldest).is_some_and(Session::is_silent)
        {
            self.strangers.pop_front();
        }
        let strangers = self.sessions.len().saturating_sub(self.owners.len());
        if strangers.max(self.strangers.len() / 4) >= MAX_STRANGERS {
            self.refuse(client, Refusal::Busy, "too many clients are signing in");
            return;
        }
        if !self.networks.enter(from) {
            let text = "too many clients of this network are signing in";
            self.refuse(client, Refusal::Busy, text);
            return;
        }
        self.strangers.push_back((now, client));
        self.sessions.insert(client, Session::new(from));
    }

    /// Somebody's connection is over.
    pub fn on_disconnected(&mut self, client: ConnectionId) {
        self.end(client, None);
    }

    /// A message came in.
    pub fn on_message(&mut self, now: Timestamp, client: ConnectionId, bytes: &[u8]) {
        self.now = now;
        if !self.sessions.contains_key(&client) {
            return;
        }
        match ToHub::parse(bytes) {
            Ok(message) => self.dispatch(now, client, message),
            Err(error) => self.on_nonsense(client, &error),
        }
    }

    /// This message to a client did not leave, because it does not read what it was sent before.
    pub fn on_dropped(&mut self, now: Timestamp, client: ConnectionId, message: &[u8]) {
        self.counters.dropped += 1;
        let Some(session) = self.sessions.get_mut(&client) else {
            return;
        };
        session.missed_network |= self.announcement.is(message);
        if session.slow_since.is_none() {
            session.slow_since = Some(now);
            self.slow.insert((now, client));
        }
    }

    /// A client that did not read has read something.
    pub fn on_writable(&mut self, client: ConnectionId) {
        let Some(session) = self.sessions.get_mut(&client) else {
            return;
        };
        if let Some(since) = session.slow_since.take() {
            self.slow.remove(&(since, client));
        }
        if session.missed_network {
            self.put_off_network(client);
        }
    }

    /// Ends all sessions, since the hub will stop, and lets nobody in any more. Clients come back by themselves.
    pub fn drain(&mut self) {
        self.is_draining = true;
        for client in self.members() {
            self.dismiss(client, Goodbye::Draining);
        }
    }

    /// The deadline may have passed.
    pub fn handle_timeout(&mut self, now: Timestamp) {
        self.now = now;
        while let Some((since, client)) = front_due(&mut self.strangers, now, HELLO_TIMEOUT) {
            if self.sessions.get(&client).is_some_and(Session::is_silent) {
                tracing::debug!(?since, "a client did not say hello");
                self.close(client, "nothing was said");
            }
        }
        while let Some((since, client)) = front_due(&mut self.asking, now, CHECK_TIMEOUT) {
            let is_it = |session: &Session| matches!(&session.stage, Stage::Asked { at, .. } if *at == since);
            if self.sessions.get(&client).is_some_and(is_it) {
                self.refuse(client, Refusal::Unavailable, "the check took too long");
            }
        }
        while let Some((expiry, client)) = self.expiring.first().copied()
            && expiry <= self.unix_secs(now)
        {
            self.expiring.remove(&(expiry, client));
            self.dismiss(client, Goodbye::Expired);
        }
        while let Some((since, client)) = self.slow.first().copied()
            && since + SLOW_CLIENT <= now
        {
            self.slow.remove(&(since, client));
            self.dismiss(client, Goodbye::TooSlow);
        }
        self.renew_notes(now);
        self.tell_network_by_rounds(now);
    }

    /// When [`Self::handle_timeout`] has something to do.
    pub fn poll_timeout(&self) -> Option<Timestamp> {
        let due = |list: &VecDeque<(Timestamp, ConnectionId)>, span| {
            list.front().map(|(since, _)| *since + span)
        };
        let all = [
            due(&self.strangers, HELLO_TIMEOUT),
            due(&self.asking, CHECK_TIMEOUT),
            self.slow.first().map(|(since, _)| *since + SLOW_CLIENT),
            self.renewing.first().map(|(at, _)| *at),
            self.announcement.next_round(),
            self.expiring
                .first()
                .map(|(expiry, _)| self.at_unix(*expiry)),
        ];
        all.into_iter().flatten().min()
    }

    /// What is to be done next.
    pub fn poll_output(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    /// How many are signed in.
    pub fn sessions(&self) -> usize {
        self.owners.len()
    }

    /// What has happened so far.
    pub const fn counters(&self) -> &Counters {
        &self.counters
    }

    fn dispatch(&mut self, now: Timestamp, client: ConnectionId, message: ToHub) {
        match message {
            ToHub::Hello(hello) => self.on_hello(now, client, hello),
            ToHub::Proof(proof) => self.on_proof(now, client, &proof),
            ToHub::Signal(signal) => self.on_signal(now, client, signal),
            ToHub::Certificate(request) => self.on_certificate_request(now, client, &request),
            // Newer than we are.
            ToHub::Unknown => {}
        }
    }

    fn on_nonsense(&mut self, client: ConnectionId, error: &HubMessageError) {
        self.counters.malformed += 1;
        match self.sessions.get(&client).map(|session| &session.stage) {
            Some(Stage::SignedIn(_)) => self.dismiss(client, Goodbye::Malformed),
            _ => self.refuse(client, Refusal::Malformed, &error.to_string()),
        }
    }

    /// Who is signed in, in the order of their numbers, so that the same happens each time.
    fn members(&self) -> Vec<ConnectionId> {
        let mut members: Vec<ConnectionId> = self.owners.values().copied().collect();
        members.sort_unstable();
        members
    }

    fn send(&mut self, client: ConnectionId, message: &FromHub) {
        let bytes = message.encode().into();
        self.outputs.push_back(Output::Send { client, bytes });
    }

    fn refuse(&mut self, client: ConnectionId, reason: Refusal, text: &str) {
        self.refuse_telling(client, reason, text, text.to_owned());
    }

    /// Lets somebody not in, and says more about it to the operator.
    fn refuse_telling(
        &mut self,
        client: ConnectionId,
        reason: Refusal,
        text: &str,
        for_operator: String,
    ) {
        self.counters.refused(reason);
        let retry_after = match reason.may_pass() {
            true => BUSY_RETRY,
            false => Span::ZERO,
        };
        let refused = Refused {
            reason: Some(reason),
            text: text.to_owned(),
            retry_after,
        };
        self.send(client, &FromHub::Refused(refused));
        self.outputs.push_back(Output::Notice(Notice::Refused {
            reason,
            text: for_operator,
        }));
        self.close(client, &reason.to_string());
    }

    /// Ends a session, and says why.
    fn dismiss(&mut self, client: ConnectionId, reason: Goodbye) {
        self.dismiss_saying(client, reason, reason.to_string());
    }

    fn dismiss_saying(&mut self, client: ConnectionId, reason: Goodbye, text: String) {
        let goodbye = FromHub::Goodbye {
            reason: Some(reason),
            text,
            retry_after: Span::ZERO,
        };
        self.send(client, &goodbye);
        self.end(client, Some(reason));
        let text = reason.to_string();
        self.outputs.push_back(Output::Close { client, text });
    }

    fn close(&mut self, client: ConnectionId, text: &str) {
        self.end(client, None);
        let text = text.to_owned();
        self.outputs.push_back(Output::Close { client, text });
    }

    /// Forgets a client.
    fn end(&mut self, client: ConnectionId, reason: Option<Goodbye>) {
        let Some(session) = self.sessions.remove(&client) else {
            return;
        };
        if let Some(since) = session.slow_since {
            self.slow.remove(&(since, client));
        }
        if let Some(turn) = session.network_turn {
            self.announcement.forget(turn, client);
        }
        let member = match session.stage {
            Stage::SignedIn(member) => member,
            Stage::Asked { .. } => {
                self.networks.leave(session.from);
                self.checking = self.checking.saturating_sub(1);
                return;
            }
            Stage::New | Stage::Challenged(_) => {
                self.networks.leave(session.from);
                return;
            }
        };
        if let Some(expiry) = member.expiry_unix_secs {
            self.expiring.remove(&(expiry, client));
        }
        self.renewing.remove(&(member.renew_at, client));
        if self.numbers.get(&member.number) == Some(&client) {
            self.numbers.remove(&member.number);
        }
        let key = (member.app, member.identity);
        if self.owners.get(&key) == Some(&client) {
            self.owners.remove(&key);
            self.past.keep(self.now, &key, member.allowance);
        }
        self.outputs.push_back(Output::Notice(Notice::Ended {
            session: member.number,
            identity: key.1,
            reason,
        }));
    }

    fn unix_secs(&self, now: Timestamp) -> u64 {
        self.unix_us(now) / 1_000_000
    }

    const fn unix_us(&self, now: Timestamp) -> u64 {
        self.unix_epoch_us.saturating_add(now.as_micros())
    }

    /// When the clock says so.
    const fn at_unix(&self, unix_secs: u64) -> Timestamp {
        let unix_us = unix_secs.saturating_mul(1_000_000);
        Timestamp::from_micros(unix_us.saturating_sub(self.unix_epoch_us))
    }
}

/// The first of a list, if it has been there for so long.
fn front_due(
    list: &mut VecDeque<(Timestamp, ConnectionId)>,
    now: Timestamp,
    span: Span,
) -> Option<(Timestamp, ConnectionId)> {
    let (since, _) = *list.front()?;
    if since + span > now {
        return None;
    }
    list.pop_front()
}

#[cfg(test)]
mod tests;
