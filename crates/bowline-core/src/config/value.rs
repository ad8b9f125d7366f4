//! What a value of the settings may hold, and how one kind becomes another.

use alloc::string::String;
use alloc::sync::Arc;
use core::fmt;

use crate::config::CallbackToken;

/// The kind of a value (`ESteamNetworkingConfigDataType`).
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub enum ConfigType {
    /// A whole number of 32 bits.
    Int32,
    /// A whole number of 64 bits.
    Int64,
    /// A number with a fraction.
    Float,
    /// A text.
    String,
    /// A function of the application, which bindings have; in Rust there are events.
    Callback,
}

impl ConfigType {
    /// The number that GNS has for it.
    pub const fn number(self) -> i32 {
        match self {
            Self::Int32 => 1,
            Self::Int64 => 2,
            Self::Float => 3,
            Self::String => 4,
            Self::Callback => 5,
        }
    }
}

impl fmt::Display for ConfigType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Int32 => "int32",
            Self::Int64 => "int64",
            Self::Float => "float",
            Self::String => "string",
            Self::Callback => "callback",
        })
    }
}

/// The value of a setting.
///
/// ```
/// use bowline_core::config::ConfigValue;
///
/// assert_eq!(ConfigValue::from(5).to_string(), "5");
/// assert_eq!(ConfigValue::from("stun.example.org:3478").to_string(), "stun.example.org:3478");
/// ```
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum ConfigValue {
    /// A whole number of 32 bits.
    Int32(i32),
    /// A whole number of 64 bits.
    Int64(i64),
    /// A number with a fraction.
    Float(f32),
    /// A text; a number in a text is as good as the number.
    String(Arc<str>),
    /// A function of the application; for bindings.
    Callback(CallbackToken),
}

impl ConfigValue {
    /// The kind of the value.
    pub const fn kind(&self) -> ConfigType {
        match self {
            Self::Int32(_) => ConfigType::Int32,
            Self::Int64(_) => ConfigType::Int64,
            Self::Float(_) => ConfigType::Float,
            Self::String(_) => ConfigType::String,
            Self::Callback(_) => ConfigType::Callback,
        }
    }

    /// As a whole number: a fraction is rounded, a text read. `None` if it is none.
    pub fn to_int(&self) -> Option<i64> {
        match self {
            Self::Int32(value) => Some(i64::from(*value)),
            Self::Int64(value) => Some(*value),
            Self::Float(value) => round(*value),
            Self::String(text) => {
                let text = text.trim();
                text.parse()
                    .ok()
                    .or_else(|| text.parse::<f32>().ok().and_then(round))
            }
            Self::Callback(_) => None,
        }
    }

    /// As a number with a fraction. `None` if it is none, or not finite.
    pub fn to_float(&self) -> Option<f32> {
        #[allow(clippy::cast_precision_loss, reason = "settings are small numbers")]
        let value = match self {
            Self::Int32(value) => *value as f32,
            Self::Int64(value) => *value as f32,
            Self::Float(value) => *value,
            Self::String(text) => text.trim().parse().ok()?,
            Self::Callback(_) => return None,
        };
        value.is_finite().then_some(value)
    }

    /// As a text.
    pub fn to_text(&self) -> Arc<str> {
        match self {
            Self::String(text) => Arc::clone(text),
            Self::Int32(_) | Self::Int64(_) | Self::Float(_) | Self::Callback(_) => {
                Arc::from(alloc::format!("{self}").as_str())
            }
        }
    }
}

/// To the nearest whole number, halves away from zero. The standard library's `round` is not in `core`.
fn round(value: f32) -> Option<i64> {
    /// Beyond this a 32-bit value has long been out of range.
    const LIMIT: f32 = 1e15;
    if !(-LIMIT..=LIMIT).contains(&value) {
        return None;
    }
    let half = if value < 0.0 { -0.5 } else { 0.5 };
    #[allow(clippy::cast_possible_truncation, reason = "limited above")]
    Some((f64::from(value) + half) as i64)
}

impl fmt::Display for ConfigValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Int32(value) => value.fmt(f),
            Self::Int64(value) => value.fmt(f),
            Self::Float(value) => value.fmt(f),
            Self::String(text) => f.pad(text),
            Self::Callback(value) => value.fmt(f),
        }
    }
}

impl From<i32> for ConfigValue {
    fn from(value: i32) -> Self {
        Self::Int32(value)
    }
}

impl From<i64> for ConfigValue {
    fn from(value: i64) -> Self {
        Self::Int64(value)
    }
}

impl From<f32> for ConfigValue {
    fn from(value: f32) -> Self {
        Self::Float(value)
    }
}

impl From<bool> for ConfigValue {
    fn from(value: bool) -> Self {
        Self::Int32(i32::from(value))
    }
}

impl From<&str> for ConfigValue {
    fn from(value: &str) -> Self {
        Self::String(Arc::from(value))
    }
}

impl From<String> for ConfigValue {
    fn from(value: String) -> Self {
        Self::String(Arc::from(value))
    }
}

impl From<CallbackToken> for ConfigValue {
    fn from(value: CallbackToken) -> Self {
        Self::Callback(value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_convert_into_each_other() {
        assert_eq!(ConfigValue::from(2.5).to_int(), Some(3));
        assert_eq!(ConfigValue::from(-2.5).to_int(), Some(-3));
        assert_eq!(ConfigValue::from("17").to_int(), Some(17));
        assert_eq!(ConfigValue::from(" 17.4 ").to_int(), Some(17));
        assert_eq!(ConfigValue::from("1e3").to_float(), Some(1000.0));
        assert_eq!(ConfigValue::from(1_i64 << 40).to_int(), Some(1 << 40));
        assert_eq!(ConfigValue::from(true).to_int(), Some(1));
    }

    #[test]
    fn what_is_no_number_is_none() {
        for text in ["", "x", "1 2", "0x10", "nan", "inf", "1,5"] {
            assert_eq!(ConfigValue::from(text).to_int(), None, "{text:?}");
            assert_eq!(ConfigValue::from(text).to_float(), None, "{text:?}");
        }
        assert_eq!(ConfigValue::from(f32::NAN).to_int(), None);
        assert_eq!(ConfigValue::from(f32::INFINITY).to_float(), None);
    }
}
