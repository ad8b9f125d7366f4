//! What is known of a setting besides its value.

use core::fmt;

use crate::config::ConfigKey;
use crate::config::ConfigType;

/// Where a value can be set (`ESteamNetworkingConfigScope`). What is not set at one level comes from
/// the next wider one: connection, listen socket, interface, global.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
#[non_exhaustive]
pub enum ConfigScope {
    /// The whole process.
    Global,
    /// One sockets interface.
    Interface,
    /// The connections that come in on one listen socket.
    ListenSocket,
    /// One connection.
    Connection,
}

impl ConfigScope {
    /// The number that GNS has for it.
    pub const fn number(self) -> i32 {
        match self {
            Self::Global => 1,
            Self::Interface => 2,
            Self::ListenSocket => 3,
            Self::Connection => 4,
        }
    }
}

impl fmt::Display for ConfigScope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Global => "global",
            Self::Interface => "interface",
            Self::ListenSocket => "listen socket",
            Self::Connection => "connection",
        })
    }
}

/// When a value may change.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Change {
    /// At any time; connections follow at once.
    Always,
    /// Only before the connection is made: it was needed for the handshake.
    BeforeConnecting,
    /// Never: it follows from another value.
    Never,
}

/// What a setting without effect waits for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum WaitsFor {
    /// Relays.
    Relays,
    /// Fake IP addresses.
    FakeIp,
    /// Something that only Steam's own client has.
    SteamClient,
}

impl fmt::Display for WaitsFor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Relays => "relays",
            Self::FakeIp => "FakeIP",
            Self::SteamClient => "Steam's client",
        })
    }
}

/// All that is known of a setting; see [`ConfigKey::spec`].
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct ConfigSpec {
    /// Which setting.
    pub key: ConfigKey,
    /// Its number in GNS (`ESteamNetworkingConfigValue`); ours from 20,000 on.
    pub number: i32,
    /// Its name, that of GNS without the prefix.
    pub name: &'static str,
    /// The narrowest level at which it can be set. What is global in GNS can be set per interface, too.
    pub scope: ConfigScope,
    /// Its kind, default and range.
    pub facts: Facts,
    /// What it does.
    pub doc: &'static str,
}

/// Kind, default and range of a setting.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Facts {
    /// The kind.
    pub kind: ConfigType,
    /// The default of a whole number; for a text it is the empty one.
    pub default_int: i64,
    /// The least and the greatest whole number.
    pub range_int: (i64, i64),
    /// The default of a number with a fraction.
    pub default_float: f32,
    /// The least and the greatest number with a fraction.
    pub range_float: (f32, f32),
    /// The default in GNS, where it is another one.
    pub original_default: Option<i64>,
    /// The unit, empty if there is none.
    pub unit: &'static str,
    /// Not for players to see: lists leave it out unless asked (GNS's "dev vars").
    pub dev: bool,
    /// Never in lists: it makes sense for one connection only, or cannot be set.
    pub unlisted: bool,
    /// When it may change.
    pub change: Change,
    /// What it waits for, if it has no effect yet.
    pub waits_for: Option<WaitsFor>,
}

impl Facts {
    const fn of(kind: ConfigType) -> Self {
        Self {
            kind,
            default_int: 0,
            range_int: (i64::MIN, i64::MAX),
            default_float: 0.0,
            range_float: (f32::MIN, f32::MAX),
            original_default: None,
            unit: "",
            dev: false,
            unlisted: false,
            change: Change::Always,
            waits_for: None,
        }
    }

    pub(super) const fn int(default: i64, min: i64, max: i64) -> Self {
        let mut facts = Self::of(ConfigType::Int32);
        facts.default_int = default;
        facts.range_int = (min, max);
        facts
    }

    pub(super) const fn wide(default: i64) -> Self {
        let mut facts = Self::of(ConfigType::Int64);
        facts.default_int = default;
        facts
    }

    pub(super) const fn float(default: f32, min: f32, max: f32) -> Self {
        let mut facts = Self::of(ConfigType::Float);
        facts.default_float = default;
        facts.range_float = (min, max);
        facts
    }

    pub(super) const fn percent(default: f32) -> Self {
        Self::float(default, 0.0, 100.0).unit("%")
    }

    /// A debug output level, GNS's 2 (error) to 8 (everything), 4 (warning) unless set.
    pub(super) const fn level() -> Self {
        Self::int(4, 2, 8).unit("level")
    }

    pub(super) const fn text() -> Self {
        Self::of(ConfigType::String)
    }

    pub(super) const fn callback() -> Self {
        Self::of(ConfigType::Callback).unlisted()
    }

    pub(super) const fn unit(mut self, unit: &'static str) -> Self {
        self.unit = unit;
        self
    }

    pub(super) const fn original(mut self, default: i64) -> Self {
        self.original_default = Some(default);
        self
    }

    pub(super) const fn dev(mut self) -> Self {
        self.dev = true;
        self
    }

    pub(super) const fn unlisted(mut self) -> Self {
        self.unlisted = true;
        self
    }

    pub(super) const fn before_connecting(mut self) -> Self {
        self.change = Change::BeforeConnecting;
        self
    }

    pub(super) const fn read_only(mut self) -> Self {
        self.change = Change::Never;
        self.unlisted()
    }

    pub(super) const fn waits_for(mut self, what: WaitsFor) -> Self {
        self.waits_for = Some(what);
        self
    }
}
