//! Why a setting was not taken.

use alloc::string::String;

use crate::config::ConfigKey;
use crate::config::ConfigScope;
use crate::config::ConfigType;
use crate::config::ConfigValue;

/// Why a setting was not taken. Nothing has changed then.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// No setting has that name.
    #[error("there is no setting named {0:?}; `bowline config` and docs/config.md list them")]
    NoSuchName(String),
    /// No setting has that number.
    #[error("there is no setting number {0}")]
    NoSuchNumber(i32),
    /// Text that should be `name = value` is not.
    #[error("{0:?} is not of the form name = value")]
    NotAnAssignment(String),
    /// The value is out of its range.
    #[error("{key} is {value}: it must be {min} to {max}")]
    OutOfRange {
        /// The setting.
        key: ConfigKey,
        /// The value that was given.
        value: ConfigValue,
        /// The least value.
        min: ConfigValue,
        /// The greatest value.
        max: ConfigValue,
    },
    /// The value cannot be made one of the kind that the setting has.
    #[error("{key} is {value:?}: it must be of type {kind}", value = value.to_text())]
    WrongType {
        /// The setting.
        key: ConfigKey,
        /// The value that was given.
        value: ConfigValue,
        /// The kind that it must have.
        kind: ConfigType,
    },
    /// The lower bound of the rate is above the upper one.
    #[error("SendRateMin is {min}, above SendRateMax, which is {max}")]
    RatesCrossed {
        /// The lower bound in bytes per second.
        min: u64,
        /// The upper bound in bytes per second.
        max: u64,
    },
    /// It follows from another setting.
    #[error("{0} cannot be set: it follows from another setting")]
    ReadOnly(ConfigKey),
    /// It holds for more than what it was to be set for.
    #[error("{key} cannot be set for a {scope}: it holds for the {widest}", widest = key.spec().scope)]
    TooNarrow {
        /// The setting.
        key: ConfigKey,
        /// Where it was to be set.
        scope: ConfigScope,
    },
    /// It was needed for the handshake, which has begun.
    #[error("{0} cannot change any more: the connection has begun")]
    TooLate(ConfigKey),
    /// It has been taken over by the connection; set it by the call that is for it.
    #[error("{0} cannot be unset for a connection")]
    CannotUnset(ConfigKey),
}
