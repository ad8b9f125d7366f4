//! The two kinds of sessions: messages as GNS has them, and packets as Steam's legacy API has them.

use std::sync::atomic::Ordering;

use bowline_core::config::Config;
use bowline_core::config::ConfigError;
use bowline_core::config::ConfigKey;
use bowline_core::config::ConfigValue;
use bowline_core::identity::Identity;
use bowline_core::ids::VirtualPort;
use bowline_core::limits;
use bowline_core::messages::Profile;
use bowline_core::messages::SessionEvent;
use bowline_core::messages::limits as session_limits;

use crate::driver::Inner;
use crate::driver::lock_order::Guard;
use crate::driver::lock_order::Lock;
use crate::driver::lock_order::Rank;
use crate::driver::sessions::Ended;
use crate::driver::sessions::Sessions;
use crate::events::Event;
use crate::packets::P2pSessionError;

/// Which sessions.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum SessionKind {
    /// [`Messages`](crate::Messages).
    Messages,
    /// [`Packets`](crate::Packets).
    Packets,
}

impl SessionKind {
    pub(crate) const ALL: [Self; 2] = [Self::Messages, Self::Packets];

    /// Its place among all.
    pub(crate) const fn index(self) -> usize {
        self as usize
    }

    /// The virtual port of both ends.
    pub(crate) const fn port(self) -> VirtualPort {
        self.profile().port
    }

    /// A table without sessions.
    pub(super) fn empty(self) -> Sessions {
        Sessions::new(self.profile())
    }

    /// What the application is told of something that happened to a session, with the settings of the interface.
    pub(super) fn event(self, event: SessionEvent<Box<Ended>>, config: &Config) -> Event {
        match (self, event) {
            (Self::Messages, SessionEvent::Requested(peer)) => Event::MessagesSessionRequest {
                peer: Identity::clone(&peer),
                callback: config.callback(ConfigKey::CallbackMessagesSessionRequest),
            },
            (Self::Messages, SessionEvent::Failed(ended)) => Event::MessagesSessionFailed {
                info: Box::new(ended.info),
                callback: config.callback(ConfigKey::CallbackMessagesSessionFailed),
            },
            (Self::Packets, SessionEvent::Requested(peer)) => Event::PacketsSessionRequest {
                peer: Identity::clone(&peer),
            },
            (Self::Packets, SessionEvent::Failed(ended)) => {
                let info = Box::new(ended.info);
                Event::PacketsSessionFailed {
                    peer: info.identity.clone().unwrap_or(Identity::anonymous()),
                    error: P2pSessionError::of(info.end_reason),
                    info,
                }
            }
        }
    }

    /// What the application is told when there is room in the send buffer of a session.
    pub(crate) fn writable(self, peer: &Identity) -> Event {
        let peer = peer.clone();
        match self {
            Self::Messages => Event::MessagesWritable { peer },
            Self::Packets => Event::PacketsWritable { peer },
        }
    }

    const fn profile(self) -> Profile {
        match self {
            Self::Messages => Profile::MESSAGES,
            Self::Packets => Profile::LEGACY,
        }
    }
}

/// The sessions of an interface, of each kind.
#[derive(Debug)]
pub(crate) struct SessionTables([Lock<Sessions>; SessionKind::ALL.len()]);

impl SessionTables {
    pub(crate) fn new() -> Self {
        Self(SessionKind::ALL.map(|kind| Lock::new(Rank::Sessions, kind.empty())))
    }

    /// Those of a kind. A thread has one at a time.
    pub(crate) fn lock(&self, kind: SessionKind) -> Guard<'_, Sessions> {
        self.0[kind.index()].lock()
    }
}

impl Inner {
    /// The settings of new connections of sessions, as far as they are not those of the interface.
    pub(super) fn session_config(&self, kind: SessionKind) -> Result<Config, ConfigError> {
        let mut config = Config::new();
        // Both ends may begin.
        config.set_symmetric_connect(true)?;
        if kind == SessionKind::Messages {
            return Ok(config);
        }
        config
            .set_timeout_initial(session_limits::PACKETS_CONNECT_TIMEOUT)?
            .set_send_buffer(session_limits::PACKETS_SEND_BUFFER)?
            .set_recv_max_message(limits::MAX_MESSAGE)?;
        if self.packets_avoid_relays.load(Ordering::Relaxed) {
            let key = ConfigKey::P2pTransportIceEnable;
            if let ConfigValue::Int32(enabled) = self.config().get(key) {
                config.set(key, enabled & !RELAYS)?;
            }
        }
        Ok(config)
    }
}

/// `k_nSteamNetworkingConfig_P2P_Transport_ICE_Enable_Relay`.
const RELAYS: i32 = 1;
