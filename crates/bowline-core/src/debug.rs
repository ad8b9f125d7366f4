//! The levels and sources of GNS's debug output, and how they relate to what this library logs.
//!
//! Everything is logged by `tracing`. What GNS lets one turn up per connection is logged under a target
//! of its own, and only if the connection's level for it says so.

use core::fmt;

use tracing::Level;

use crate::config::Config;
use crate::config::ConfigKey;

/// How important a line of the debug output is, or which lines are wanted, with GNS's numbers.
///
/// GNS e707b3a: steamnetworkingtypes.h, `ESteamNetworkingSocketsDebugOutputType`.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
#[repr(i32)]
pub enum DebugLevel {
    /// Nothing.
    None = 0,
    /// A misuse of the interface, or a defect of the library.
    Bug = 1,
    /// Something failed.
    Error = 2,
    /// Nothing is wrong, and still good to know.
    Important = 3,
    /// Something looks wrong, and may be for a good reason.
    Warning = 4,
    /// Connections made and lost.
    Msg = 5,
    /// What a developer wants while looking for a problem.
    Verbose = 6,
    /// Nearly everything.
    Debug = 7,
    /// Everything.
    Everything = 8,
}

/// What a line of the debug output is about.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum DebugSource {
    /// Anything that has no level of its own.
    General,
    /// Round trips measured by acknowledgements; `LogLevel_AckRTT`.
    AckRtt,
    /// Packets taken apart; `LogLevel_PacketDecode`.
    PacketDecode,
    /// Messages sent and received; `LogLevel_Message`.
    Message,
    /// Packets missing or late; `LogLevel_PacketGaps`.
    PacketGaps,
    /// Signals of rendezvous; `LogLevel_P2PRendezvous`.
    P2pRendezvous,
}

impl DebugLevel {
    /// Every level, in the order of the numbers.
    pub const ALL: [Self; 9] = [
        Self::None,
        Self::Bug,
        Self::Error,
        Self::Important,
        Self::Warning,
        Self::Msg,
        Self::Verbose,
        Self::Debug,
        Self::Everything,
    ];

    /// The level of that number; `None` if GNS has none.
    pub fn from_number(number: i32) -> Option<Self> {
        Self::ALL.into_iter().find(|level| level.number() == number)
    }

    /// GNS's number.
    pub const fn number(self) -> i32 {
        self as i32
    }

    /// What a line logged at `level` counts as. GNS's other levels have no counterpart.
    pub const fn of(level: Level) -> Self {
        match level {
            Level::ERROR => Self::Error,
            Level::WARN => Self::Warning,
            Level::INFO => Self::Msg,
            Level::DEBUG => Self::Verbose,
            Level::TRACE => Self::Debug,
        }
    }
}

impl fmt::Display for DebugLevel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}

impl DebugSource {
    /// Every source.
    pub const ALL: [Self; 6] = [
        Self::General,
        Self::AckRtt,
        Self::PacketDecode,
        Self::Message,
        Self::PacketGaps,
        Self::P2pRendezvous,
    ];

    /// The source of a line logged under `target`.
    pub fn of(target: &str) -> Self {
        let named = Self::ALL
            .into_iter()
            .find(|source| source.target() == target);
        named.unwrap_or(Self::General)
    }

    /// The `tracing` target under which it is logged; for [`Self::General`] what all begin with.
    pub const fn target(self) -> &'static str {
        match self {
            Self::General => "bowline",
            Self::AckRtt => "bowline::ack_rtt",
            Self::PacketDecode => "bowline::packet_decode",
            Self::Message => "bowline::message",
            Self::PacketGaps => "bowline::packet_gaps",
            Self::P2pRendezvous => "bowline::p2p_rendezvous",
        }
    }

    /// The setting that holds a connection's level for it.
    pub const fn level_key(self) -> Option<ConfigKey> {
        match self {
            Self::General => None,
            Self::AckRtt => Some(ConfigKey::LogLevelAckRtt),
            Self::PacketDecode => Some(ConfigKey::LogLevelPacketDecode),
            Self::Message => Some(ConfigKey::LogLevelMessage),
            Self::PacketGaps => Some(ConfigKey::LogLevelPacketGaps),
            Self::P2pRendezvous => Some(ConfigKey::LogLevelP2pRendezvous),
        }
    }

    /// Whether a connection with these settings logs lines of `level` from this source.
    pub fn is_wanted(self, config: &Config, level: DebugLevel) -> bool {
        let Some(key) = self.level_key() else {
            return true;
        };
        let wanted = config.get(key).to_int();
        wanted.is_some_and(|wanted| i64::from(level.number()) <= wanted)
    }
}

impl fmt::Display for DebugSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}

/// Logs at `Verbose` from a source that has a level per connection, if this connection's allows it.
///
/// The target is a literal because `tracing` keeps it in a static: a test holds it equal to
/// [`DebugSource::target`].
macro_rules! log_verbose {
    ($connection:expr, $source:ident $target:literal, $($field:tt)+) => {
        // First what costs nothing while nobody listens.
        if tracing::enabled!(target: $target, tracing::Level::DEBUG)
            && $crate::debug::DebugSource::$source
                .is_wanted(&$connection.config, $crate::debug::DebugLevel::Verbose)
        {
            tracing::debug!(target: $target, id = %$connection.id, $($field)+);
        }
    };
}
pub(crate) use log_verbose;

#[cfg(test)]
mod tests;
