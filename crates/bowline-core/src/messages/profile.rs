//! What tells one kind of sessions from another.

use crate::end_reason::EndReason;
use crate::ids::VirtualPort;
use crate::limits;
use crate::time::Span;

/// The port, the timers and the codes of a kind of sessions.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Profile {
    /// The virtual port of both ends.
    pub port: VirtualPort,
    /// A session ends that was not used for so long.
    pub idle: Span,
    /// What the peer hears when the application ends a session.
    pub closed: Ending,
    /// What it hears when a session was not used.
    pub idled: Ending,
}

/// What the peer is told when a session ends.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Ending {
    /// The code.
    pub reason: EndReason,
    /// In words.
    pub text: &'static str,
}

impl Profile {
    /// Messages to identities, as GNS has them.
    pub const MESSAGES: Self = Self {
        port: VirtualPort::MESSAGES,
        idle: limits::SESSION_IDLE,
        closed: Ending {
            reason: EndReason::new(1001),
            text: "the session was closed",
        },
        idled: Ending {
            reason: EndReason::new(1002),
            text: "the session was not used",
        },
    };
}
