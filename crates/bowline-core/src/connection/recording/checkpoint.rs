//! A connection at one moment, as it stands in a file.
//!
//! Only a connection with keys has one, and only from the moment on when nothing of the handshake is
//! left in it: certificates and the private keys of the exchange are never written.

use alloc::collections::VecDeque;
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt;
use core::net::Ipv6Addr;
use core::net::SocketAddr;

use serde::Deserialize;
use serde::Serialize;

use crate::cert::store::CertStore;
use crate::config::Config;
use crate::connection::Connection;
use crate::connection::End;
use crate::connection::Liveness;
use crate::connection::Outbox;
use crate::connection::Path;
use crate::connection::Peer;
use crate::connection::State;
use crate::connection::Telemetry;
use crate::connection::recording::Recorder;
use crate::connection::recording::hide;
use crate::connection::recording::hide::StreamHeaders;
use crate::connection::recording::watch::Plan;
use crate::crypto::Crypto;
use crate::crypto::key_update::KeyLimits;
use crate::crypto::key_update::KeysImage;
use crate::extensions::ExtensionSet;
use crate::handshake::Host;
use crate::handshake::Origin;
use crate::identity::Identity;
use crate::ids::AppId;
use crate::ids::ConnectionId;
use crate::recv::Receiver;
use crate::send::Sender;
use crate::time::Timestamp;
use crate::wire::udp;

/// All of an established connection.
#[derive(Clone, Deserialize, Serialize)]
pub(crate) struct Checkpoint {
    identity: Identity,
    app: AppId,
    offered: ExtensionSet,
    key_limits: KeyLimits,
    config: Arc<Config>,
    id: ConnectionId,
    origin: Origin,
    peer: Peer,
    phase: Phase,
    end: Option<End>,
    keys: KeysImage,
    path: Path,
    sender: Sender,
    receiver: Receiver,
    liveness: Liveness,
    telemetry: Telemetry,
    control: VecDeque<Vec<u8>>,
    now: Timestamp,
}

/// The states that can be recorded.
#[derive(Clone, Copy, Debug, Deserialize, Serialize)]
enum Phase {
    Connected,
    Linger { since: Timestamp },
    ClosedByPeer,
    Failed,
    FinWait { until: Timestamp, peer_closed: bool },
    Dead,
}

impl Phase {
    fn of(state: &State) -> Option<Self> {
        Some(match state {
            State::Dialing(_)
            | State::Deciding(_)
            | State::Rendezvous { .. }
            | State::Connected { answered: Some(_) }
            | State::Linger {
                answered: Some(_), ..
            } => return None,
            State::Connected { answered: None } => Self::Connected,
            State::Linger {
                answered: None,
                since,
            } => Self::Linger { since: *since },
            State::ClosedByPeer => Self::ClosedByPeer,
            State::Failed => Self::Failed,
            State::FinWait { until, peer_closed } => Self::FinWait {
                until: *until,
                peer_closed: *peer_closed,
            },
            State::Dead => Self::Dead,
        })
    }

    const fn state(self) -> State {
        match self {
            Self::Connected => State::Connected { answered: None },
            Self::Linger { since } => State::Linger {
                answered: None,
                since,
            },
            Self::ClosedByPeer => State::ClosedByPeer,
            Self::Failed => State::Failed,
            Self::FinWait { until, peer_closed } => State::FinWait { until, peer_closed },
            Self::Dead => State::Dead,
        }
    }
}

impl Connection {
    /// Whether a recording can begin now. Not while an answer of the handshake waits to be sent: it names
    /// who we are. And not of peers that found each other by signals: what they know of ways to each other has
    /// no form in a file.
    pub(super) fn is_recordable(&self) -> bool {
        let mut waiting = self.outbox.control();
        self.keys.is_some()
            && self.pipe.is_none()
            && self.party.is_none()
            && Phase::of(&self.state).is_some()
            && !waiting.any(|packet| udp::is_connect_ok(packet))
    }
}

impl Checkpoint {
    /// The connection as it is; `None` while it cannot be recorded.
    pub(super) fn of(connection: &Connection) -> Option<Self> {
        if connection.pipe.is_some() {
            return None;
        }
        let phase = Phase::of(&connection.state)?;
        let keys = KeysImage::of(connection.keys.as_ref()?);
        let connection = connection.clone();
        let host = &connection.host;
        Some(Self {
            identity: host.identity.clone(),
            app: host.app,
            offered: host.extensions,
            key_limits: host.key_limits,
            config: connection.config,
            id: connection.id,
            origin: connection.origin,
            peer: connection.peer,
            phase,
            end: connection.end.map(|end| *end),
            keys,
            path: connection.path,
            sender: connection.sender,
            receiver: connection.receiver,
            liveness: connection.liveness,
            telemetry: connection.telemetry,
            control: connection.outbox.control().cloned().collect(),
            now: connection.now,
        })
    }

    /// The connection again, with ciphers of `crypto`.
    pub(super) fn restore(&self, crypto: Crypto) -> Connection {
        let image = self.clone();
        let keys = Some(image.keys.restore(&crypto));
        let host = Host {
            crypto,
            identity: image.identity,
            app: image.app,
            store: CertStore::new(),
            extensions: image.offered,
            key_limits: image.key_limits,
            key: None,
            credentials: None,
            #[cfg(any(test, feature = "test-support"))]
            start: None,
        };
        Connection {
            host: Arc::new(host),
            config: image.config,
            id: image.id,
            origin: image.origin,
            peer: image.peer,
            state: image.phase.state(),
            end: image.end.map(Into::into),
            keys,
            path: image.path,
            sender: image.sender,
            receiver: image.receiver,
            liveness: image.liveness,
            telemetry: image.telemetry,
            outbox: Outbox::with_control(image.control),
            pipe: None,
            party: None,
            recorder: Recorder::default(),
            now: image.now,
        }
    }

    /// When it was taken.
    pub(super) const fn taken_at(&self) -> Timestamp {
        self.now
    }

    /// The settings then.
    pub(super) fn config(&self) -> &Config {
        &self.config
    }

    pub(super) fn hide_keys(&mut self) {
        self.keys.hide();
    }

    /// Leaves out who and where the two are, and settings that are texts: they name servers.
    pub(super) fn hide_addresses(&mut self) {
        self.identity = Identity::anonymous();
        self.peer.identity = self.peer.identity.take().map(|_| Identity::anonymous());
        self.peer.address = SocketAddr::from((Ipv6Addr::UNSPECIFIED, 0));
        self.config = Arc::new(self.config.without_texts());
    }

    /// Overwrites what the application and its peer said to each other.
    pub(super) fn hide_payloads(&mut self, headers: &StreamHeaders, plan: &Plan) {
        self.sender.blank();
        self.receiver.blank(headers, plan);
        if let Some(end) = &mut self.end {
            end.text = masked(&end.text);
        }
        for packet in &mut self.control {
            hide::control_text(packet);
        }
    }
}

/// A text of the same length that says nothing.
pub(super) fn masked(text: &str) -> String {
    "*".repeat(text.len())
}

impl fmt::Debug for Checkpoint {
    /// Shows neither keys nor messages.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Checkpoint")
            .field("id", &self.id)
            .field("now", &self.now)
            .field("phase", &self.phase)
            .finish_non_exhaustive()
    }
}
