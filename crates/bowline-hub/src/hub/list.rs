//! Who is signed in, for the operator.

use std::ops::Bound;

use bowline_core::cert::authority::KeyId;
use bowline_core::hub::Method;
use bowline_core::hub::Role;
use bowline_core::identity::Identity;
use bowline_core::ids::AppId;

use crate::hub::Hub;
use crate::hub::session::Member;
use crate::hub::session::Session;
use crate::limits::MAX_SESSION_PAGE;

/// A session. Where it is connected from is not told.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct SessionInfo {
    /// Its number.
    pub number: u64,
    /// Who it is.
    pub identity: Identity,
    /// Of which game.
    pub app: AppId,
    /// What it is.
    pub role: Role,
    /// How it signed in.
    pub method: Method,
    /// When it did so by a credential, in seconds since 1970. Resumptions do not change that.
    pub since_unix_secs: u64,
    /// Until when its credential holds, in seconds since 1970.
    pub expiry_unix_secs: Option<u64>,
    /// The key of its latest certificate, if it has one.
    pub key: Option<KeyId>,
    /// Signals that it has sent, those that were refused left out.
    pub signals: u64,
}

impl Hub {
    /// Sessions with larger numbers than this one, by number: at most so many, and at most [`MAX_SESSION_PAGE`].
    pub fn list(&self, after: u64, limit: usize) -> Vec<SessionInfo> {
        let later = (Bound::Excluded(after), Bound::Unbounded);
        let later = self.numbers.range(later).take(limit.min(MAX_SESSION_PAGE));
        let sessions = later.filter_map(|(_, client)| self.sessions.get(client));
        sessions
            .filter_map(Session::member)
            .map(SessionInfo::of)
            .collect()
    }
}

impl SessionInfo {
    fn of(member: &Member) -> Self {
        Self {
            number: member.number,
            identity: member.identity.clone(),
            app: member.app,
            role: member.role,
            method: member.method,
            since_unix_secs: member.born_unix_us / 1_000_000,
            expiry_unix_secs: member.expiry_unix_secs,
            key: member.key,
            signals: member.sent,
        }
    }
}
