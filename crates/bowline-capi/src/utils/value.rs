//! Values of settings as callers hand them over, and what GNS makes of them.
//!
//! GNS converts between all kinds of numbers and texts, and clamps what is out of range, so that setting a
//! value out of range succeeds (GNS e707b3a: `csteamnetworkingsockets.cpp`, `AssignConfigValueTyped`).
//! The Rust library refuses what is out of range; so it is clamped here, before.

use std::ffi::c_char;
use std::ffi::c_int;
use std::ffi::c_void;

use bowline::CallbackToken;
use bowline::ConfigKey;
use bowline::ConfigType;
use bowline::ConfigValue;

use crate::abi::pointer;
use crate::abi::structs::RawOption;
use crate::utils::scan;

/// A value as the caller has it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Given {
    /// A whole number, of 32 or 64 bits.
    Int(i64),
    /// A number with a fraction.
    Float(f32),
    /// A text.
    Text(String),
    /// A function.
    Pointer(u64),
}

impl Given {
    /// The value of that kind (`ESteamNetworkingConfigDataType`) at `from`; `None` for null, and for kinds
    /// that there are not. A text is there itself, everything else by its address.
    ///
    /// # Safety
    /// If `from` is not null, a value of that kind is there.
    pub(crate) unsafe fn read(kind: c_int, from: *const c_void) -> Option<Self> {
        // SAFETY: what is there is of that kind, by the caller's promise.
        unsafe {
            if kind == ConfigType::Int32.number() {
                pointer::read(from.cast::<i32>()).map(|value| Self::Int(value.into()))
            } else if kind == ConfigType::Int64.number() {
                pointer::read(from.cast::<i64>()).map(Self::Int)
            } else if kind == ConfigType::Float.number() {
                pointer::read(from.cast::<f32>()).map(Self::Float)
            } else if kind == ConfigType::String.number() {
                let text = pointer::text(from.cast::<c_char>(), pointer::MAX_TEXT);
                text.map(|text| Self::Text(text.into_owned()))
            } else if kind == ConfigType::Callback.number() {
                pointer::read(from.cast::<usize>()).map(|value| Self::Pointer(value as u64))
            } else {
                None
            }
        }
    }

    /// What becomes of it for that setting: of its kind and within its range. `None` if it cannot be made
    /// one.
    pub(crate) fn fit(self, key: ConfigKey) -> Option<ConfigValue> {
        let facts = &key.spec().facts;
        match facts.kind {
            ConfigType::Int32 => {
                let (min, max) = facts.range_int;
                let value = self.to_int()?;
                // Whole numbers that 32 bits do not hold are refused, all others clamped.
                let is_wide = matches!(self, Self::Int(_)) && i32::try_from(value).is_err();
                (!is_wide).then(|| ConfigValue::Int64(value.clamp(min, max)))
            }
            ConfigType::Int64 => self.to_int().map(ConfigValue::Int64),
            ConfigType::Float => {
                let (min, max) = facts.range_float;
                let value = self.to_float()?;
                Some(ConfigValue::Float(value.clamp(min, max)))
            }
            ConfigType::String => self.into_text().map(ConfigValue::from),
            ConfigType::Callback => match self {
                Self::Pointer(value) => Some(ConfigValue::Callback(CallbackToken::new(value))),
                Self::Int(_) | Self::Float(_) | Self::Text(_) => None,
            },
            // A kind that is newer than this interface.
            _ => None,
        }
    }

    fn to_int(&self) -> Option<i64> {
        match self {
            Self::Int(value) => Some(*value),
            // Saturates; what is no number at all is refused.
            Self::Float(value) => {
                (!value.is_nan()).then(|| (f64::from(*value) + 0.5).floor() as i64)
            }
            Self::Text(text) => scan::int(text),
            Self::Pointer(_) => None,
        }
    }

    fn to_float(&self) -> Option<f32> {
        let value = match self {
            Self::Int(value) => *value as f32,
            Self::Float(value) => *value,
            Self::Text(text) => scan::float(text)?,
            Self::Pointer(_) => return None,
        };
        (!value.is_nan()).then_some(value)
    }

    fn into_text(self) -> Option<String> {
        match self {
            Self::Int(value) => Some(value.to_string()),
            Self::Float(value) => Some(scan::shortest(value)),
            Self::Text(text) => Some(text),
            Self::Pointer(_) => None,
        }
    }
}

/// Where the value of an option is, as [`Given::read`] wants it.
pub(crate) fn of_option(option: &RawOption) -> *const c_void {
    if option.kind == ConfigType::String.number() {
        // SAFETY: every pattern of bits is a pointer; whether it leads anywhere the reader is told.
        unsafe { option.value.string }.cast()
    } else {
        (&raw const option.value).cast()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fit(given: Given, key: ConfigKey) -> Option<String> {
        given.fit(key).map(|value| value.to_string())
    }

    fn text(text: &str) -> Given {
        Given::Text(text.to_owned())
    }

    #[test]
    fn numbers_are_converted_and_clamped() {
        let nagle = |given| fit(given, ConfigKey::NagleTime);
        assert_eq!(nagle(Given::Int(99_999)).unwrap(), "20000");
        assert_eq!(nagle(Given::Int(-1)).unwrap(), "0");
        assert_eq!(nagle(Given::Int(1 << 31)), None);
        assert_eq!(nagle(Given::Float(1.5)).unwrap(), "2");
        assert_eq!(nagle(Given::Float(-0.5)).unwrap(), "0");
        assert_eq!(nagle(Given::Float(f32::INFINITY)).unwrap(), "20000");
        assert_eq!(nagle(Given::Float(f32::NAN)), None);
        assert_eq!(nagle(text(" 17 us")).unwrap(), "17");
        assert_eq!(nagle(text("99999999999999999999")).unwrap(), "20000");
        assert_eq!(nagle(text("many")), None);
        assert_eq!(nagle(Given::Pointer(5)), None);
        let loss = |given| fit(given, ConfigKey::FakePacketLossSend);
        assert_eq!(loss(Given::Int(5)).unwrap(), "5");
        assert_eq!(loss(Given::Float(1e9)).unwrap(), "100");
        assert_eq!(loss(text("2.5%")).unwrap(), "2.5");
        assert_eq!(loss(text("nan")), None);
        assert_eq!(loss(Given::Float(f32::NAN)), None);
        let data = |given| fit(given, ConfigKey::ConnectionUserData);
        assert_eq!(data(Given::Int(i64::MIN)).unwrap(), i64::MIN.to_string());
        assert_eq!(data(text("-7")).unwrap(), "-7");
    }

    #[test]
    fn texts_are_made_of_numbers_and_functions_of_nothing_else() {
        let list = |given| fit(given, ConfigKey::P2pStunServerList);
        assert_eq!(list(text("a,b")).unwrap(), "a,b");
        assert_eq!(list(Given::Int(-5)).unwrap(), "-5");
        assert_eq!(list(Given::Float(0.25)).unwrap(), "0.25");
        assert_eq!(list(Given::Pointer(5)), None);
        let function = |given: Given| given.fit(ConfigKey::CallbackConnectionStatusChanged);
        let token = ConfigValue::Callback(CallbackToken::new(5));
        assert_eq!(function(Given::Pointer(5)), Some(token));
        assert_eq!(function(Given::Int(5)), None);
        assert_eq!(function(text("5")), None);
    }

    #[test]
    fn what_fits_is_taken_by_the_setting() {
        let extremes = [
            Given::Int(i64::MIN),
            Given::Int(i32::MIN.into()),
            Given::Int(i32::MAX.into()),
            Given::Int(i64::MAX),
            Given::Float(f32::MIN),
            Given::Float(f32::MAX),
            Given::Float(f32::NEG_INFINITY),
            Given::Pointer(u64::MAX),
            text("-1e30"),
            text("1e30"),
        ];
        for key in ConfigKey::all() {
            for given in &extremes {
                let Some(value) = given.clone().fit(key) else {
                    continue;
                };
                let mut config = bowline::Config::new();
                if let Err(error) = config.set(key, value) {
                    let is_refused = matches!(
                        error,
                        bowline::ConfigError::ReadOnly(_) | bowline::ConfigError::TooNarrow { .. }
                    );
                    assert!(is_refused, "{given:?}: {error}");
                }
            }
        }
    }

    #[test]
    fn null_and_unknown_kinds_are_no_values() {
        let number = 5_i64;
        let from = (&raw const number).cast();
        for kind in [-1, 0, 6, i32::MAX] {
            // SAFETY: a number is there.
            assert_eq!(unsafe { Given::read(kind, from) }, None);
        }
        for kind in 1..=5 {
            // SAFETY: null is allowed.
            assert_eq!(unsafe { Given::read(kind, std::ptr::null()) }, None);
        }
        // SAFETY: a number is there.
        assert_eq!(unsafe { Given::read(2, from) }, Some(Given::Int(5)));
    }
}
