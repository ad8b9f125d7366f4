//! One client of a hub.

use std::net::SocketAddr;

use bowline_core::cert::authority::KeyId;
use bowline_core::hub::Hello;
use bowline_core::hub::Method;
use bowline_core::hub::Role;
use bowline_core::identity::Identity;
use bowline_core::ids::AppId;
use bowline_core::time::Timestamp;

use crate::bucket::Bucket;
use crate::hub::signals::Pairs;

/// A client, from connecting on.
#[derive(Debug)]
pub(super) struct Session {
    pub(super) from: SocketAddr,
    pub(super) stage: Stage,
    /// Since when messages to it are dropped.
    pub(super) slow_since: Option<Timestamp>,
    /// Its turn to be told about the network, if it waits for that.
    pub(super) network_turn: Option<u64>,
    /// What it was told about the network was dropped.
    pub(super) missed_network: bool,
}

/// How far a client is.
#[derive(Debug)]
pub(super) enum Stage {
    /// It has said nothing yet.
    New,
    /// It is to prove that it has a key.
    Challenged(Box<Challenged>),
    /// Somebody else is asked about its credential.
    Asked { at: Timestamp, hello: Box<Hello> },
    /// It is somebody.
    SignedIn(Box<Member>),
}

#[derive(Debug)]
pub(super) struct Challenged {
    pub(super) hello: Hello,
    pub(super) nonce: [u8; 32],
}

/// Somebody.
#[derive(Debug)]
pub(super) struct Member {
    pub(super) identity: Identity,
    pub(super) app: AppId,
    pub(super) role: Role,
    pub(super) method: Method,
    /// The number of the session.
    pub(super) number: u64,
    /// When it signed in by a credential, in microseconds since 1970: later ones replace earlier ones.
    pub(super) born_unix_us: u64,
    /// When it gets another note for coming back.
    pub(super) renew_at: Timestamp,
    /// Until when the credential holds, in seconds since 1970.
    pub(super) expiry_unix_secs: Option<u64>,
    /// The key that it signed in by, if it did so as a game server.
    pub(super) signed_in_by: Option<KeyId>,
    /// The key of its latest certificate, if it has one.
    pub(super) key: Option<KeyId>,
    /// Signals that it has sent and that were not refused.
    pub(super) sent: u64,
    pub(super) allowance: Allowance,
}

/// What somebody has used up of what it may do.
#[derive(Debug, Default)]
pub(super) struct Allowance {
    /// Certificates that it asks for.
    pub(super) certificates: Bucket,
    pub(super) signals: Bucket,
    pub(super) signal_bytes: Bucket,
    pub(super) pairs: Pairs,
    /// Requests to connect that came to it.
    pub(super) requests: Bucket,
    /// Bytes of signals that came to it from those whom it has signalled lately.
    pub(super) received: Bucket,
    /// Bytes of signals that came to it from others.
    pub(super) unsolicited: Bucket,
}

impl Session {
    pub(super) const fn new(from: SocketAddr) -> Self {
        Self {
            from,
            stage: Stage::New,
            slow_since: None,
            network_turn: None,
            missed_network: false,
        }
    }

    /// Whether it has not said who it is.
    pub(super) const fn is_silent(&self) -> bool {
        matches!(self.stage, Stage::New | Stage::Challenged(_))
    }

    /// Who it is, once it is somebody.
    pub(super) const fn member(&self) -> Option<&Member> {
        match &self.stage {
            Stage::SignedIn(member) => Some(member),
            Stage::New | Stage::Challenged(_) | Stage::Asked { .. } => None,
        }
    }

    pub(super) const fn member_mut(&mut self) -> Option<&mut Member> {
        match &mut self.stage {
            Stage::SignedIn(member) => Some(member),
            Stage::New | Stage::Challenged(_) | Stage::Asked { .. } => None,
        }
    }
}
