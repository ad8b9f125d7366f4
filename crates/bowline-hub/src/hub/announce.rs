//! What clients are told about the network, until each of them has it.
//!
//! Who comes is told with its welcome. Those who are here when it changes are told by rounds: all at once there would be a copy
//! of it for each of them in memory, and nobody else would be looked after meanwhile. Each is told what is so when its turn comes.
//!
//! What finds no room in what waits for a client is dropped ([`Hub::on_dropped`]). It is told again when that client has read
//! something ([`Hub::on_writable`]): a revision that nobody follows revokes nothing.

use std::collections::BTreeSet;
use std::sync::Arc;

use bowline_core::cert::authority::KeyId;
use bowline_core::hub::FromHub;
use bowline_core::hub::Goodbye;
use bowline_core::hub::SignedBody;
use bowline_core::hub::limits::MAX_NETWORK_REVOKED;
use bowline_core::ids::ConnectionId;
use bowline_core::time::Timestamp;
use bowline_core::wire::pb;
use prost::Message as _;

use crate::hub::GameServerKey;
use crate::hub::Hub;
use crate::hub::Output;
use crate::hub::session::Session;
use crate::limits::ANNOUNCE_PAUSE;
use crate::limits::ANNOUNCE_ROUND;
use crate::limits::ANNOUNCE_ROUND_BYTES;

/// What is told, and to whom it is to be told yet.
#[derive(Debug, Default)]
pub(super) struct Announcement {
    /// Its revision, and the message.
    current: Option<(u64, Arc<[u8]>)>,
    /// Who has not been told yet, by turns. Only those who are signed in.
    untold: BTreeSet<(u64, ConnectionId)>,
    /// The last turn that was given.
    last_turn: u64,
    next_round: Timestamp,
}

impl Announcement {
    /// Zero if nothing is told.
    pub(super) fn revision(&self) -> u64 {
        self.current.as_ref().map_or(0, |(revision, _)| *revision)
    }

    pub(super) fn is(&self, message: &[u8]) -> bool {
        let current = self.current.as_ref();
        current.is_some_and(|(_, current)| **current == *message)
    }

    /// When the next are to be told.
    pub(super) fn next_round(&self) -> Option<Timestamp> {
        (!self.untold.is_empty()).then_some(self.next_round)
    }

    /// Somebody who is to be told is gone.
    pub(super) fn forget(&mut self, turn: u64, client: ConnectionId) {
        self.untold.remove(&(turn, client));
    }
}

impl Hub {
    /// Tells all clients about the network, those who are here and those who come. The revision is that of the body. Keys that
    /// it revokes get no certificates from now on, and game servers that sign in by one are sent away. The signature is not checked: what is announced is the operator's own.
    /// Nothing happens if it is what they are told already.
    pub fn announce(&mut self, revision: u64, body: SignedBody) {
        let network = pb::HubNetwork::decode(&*body.body);
        let body = Some(body);
        let message = FromHub::Config { revision, body }.encode();
        if self.announcement.is(&message) {
            return;
        }
        if let Ok(network) = network {
            let revoked = network.revoked.into_iter().take(MAX_NETWORK_REVOKED);
            self.revoked = revoked.map(KeyId::new).collect();
            self.dismiss_revoked_servers();
        }
        self.announcement.current = Some((revision, message.into()));
        for client in self.members() {
            self.put_off_network(client);
        }
        self.tell_network_by_rounds(self.now);
    }

    /// Sends game servers away that signed in by a key that is revoked: whoever has it is not that server.
    fn dismiss_revoked_servers(&mut self) {
        let servers = self.policy.game_servers.iter();
        let revoked = servers.filter(|server| self.revoked.contains(&server.key.id()));
        let revoked: Vec<&GameServerKey> = revoked.collect();
        if revoked.is_empty() {
            return;
        }
        for server in revoked {
            tracing::warn!(server = %server.identity, key = %server.key.id(), "a game server cannot sign in: its key is revoked");
        }
        for client in self.members() {
            let member = self.sessions.get(&client).and_then(Session::member);
            let key = member.and_then(|member| member.signed_in_by);
            if key.is_some_and(|key| self.revoked.contains(&key)) {
                self.dismiss_saying(client, Goodbye::Kicked, "the key was revoked".to_owned());
            }
        }
    }

    /// Tells those whose turn it is.
    pub(super) fn tell_network_by_rounds(&mut self, now: Timestamp) {
        if self.announcement.next_round().is_none_or(|at| at > now) {
            return;
        }
        let current = self.announcement.current.as_ref();
        let len = current.map_or(0, |(_, message)| message.len());
        let most = ANNOUNCE_ROUND_BYTES / len.max(1);
        for _ in 0..most.clamp(1, ANNOUNCE_ROUND) {
            match self.announcement.untold.pop_first() {
                Some((_, client)) => self.tell_network(client),
                None => return,
            }
        }
        self.announcement.next_round = now + ANNOUNCE_PAUSE;
    }

    /// Tells somebody who is signed in.
    pub(super) fn tell_network(&mut self, client: ConnectionId) {
        let Some(session) = self.sessions.get_mut(&client) else {
            return;
        };
        session.network_turn = None;
        session.missed_network = false;
        if let Some((_, bytes)) = &self.announcement.current {
            let bytes = Arc::clone(bytes);
            self.outputs.push_back(Output::Send { client, bytes });
        }
    }

    /// Has somebody told when its turn comes. Who waits already keeps its turn, so that those at the end have theirs however
    /// often something changes.
    pub(super) fn put_off_network(&mut self, client: ConnectionId) {
        if let Some(session) = self.sessions.get_mut(&client)
            && session.member().is_some()
            && session.network_turn.is_none()
        {
            self.announcement.last_turn += 1;
            let turn = self.announcement.last_turn;
            session.network_turn = Some(turn);
            self.announcement.untold.insert((turn, client));
        }
    }
}
