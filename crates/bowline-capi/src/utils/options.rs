//! Settings that are given along when a listen socket or a connection is made.

use bowline::Config;
use bowline::ConfigKey;

use crate::abi::structs::RawOption;
use crate::utils::value;
use crate::utils::value::Given;

/// An option that cannot be set, by its number. GNS makes nothing then.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("error setting option {0}")]
pub(crate) struct BadOption(i32);

/// The settings of such a list, for a listen socket as well as for a connection. An option without a value
/// is as if it were not there.
///
/// # Errors
/// If there is no such setting, it is not one for a connection, it cannot be set, or the value cannot be
/// made one of its kind.
///
/// # Safety
/// What options point to is there: texts for those of that kind.
pub(crate) unsafe fn read(list: &[RawOption]) -> Result<Config, BadOption> {
    let mut config = Config::new();
    for option in list {
        // SAFETY: the caller's promise.
        unsafe { apply(&mut config, option) }.ok_or(BadOption(option.key))?;
    }
    Ok(config)
}

/// # Safety
/// As [`read`].
unsafe fn apply(config: &mut Config, option: &RawOption) -> Option<()> {
    let key = ConfigKey::from_number(option.key).ok()?;
    let from = value::of_option(option);
    if from.is_null() {
        return config.unset(key, &Config::new()).ok().map(drop);
    }
    // SAFETY: the caller's promise.
    let value = unsafe { Given::read(option.kind, from) }?.fit(key)?;
    config.set(key, value).ok().map(drop)
}

#[cfg(test)]
mod tests {
    use std::ffi::c_int;

    use super::*;
    use crate::abi::structs::RawOptionValue;

    fn option(key: c_int, kind: c_int, value: RawOptionValue) -> RawOption {
        RawOption { key, kind, value }
    }

    fn int(key: ConfigKey, int32: i32) -> RawOption {
        option(key.number(), 1, RawOptionValue { int32 })
    }

    fn text(key: ConfigKey, text: Option<&std::ffi::CStr>) -> RawOption {
        let string = text.map_or(std::ptr::null(), std::ffi::CStr::as_ptr);
        option(key.number(), 4, RawOptionValue { string })
    }

    fn read_all(list: &[RawOption]) -> Result<Config, BadOption> {
        // SAFETY: texts in these tests are literals.
        unsafe { read(list) }
    }

    #[test]
    fn options_of_all_kinds_are_set_in_order() {
        let float = RawOptionValue { float: 1.6 };
        let int64 = RawOptionValue { int64: -9 };
        let pointer = RawOptionValue {
            pointer: std::ptr::without_provenance_mut(77),
        };
        let config = read_all(&[
            int(ConfigKey::NagleTime, 1),
            int(ConfigKey::NagleTime, 99_999),
            option(ConfigKey::SendTimeSincePreviousPacket.number(), 3, float),
            option(ConfigKey::ConnectionUserData.number(), 2, int64),
            option(201, 5, pointer),
            text(ConfigKey::P2pStunServerList, Some(c"here")),
            text(ConfigKey::TimeoutInitial, Some(c"70")),
        ])
        .unwrap();
        let value = |key| config.get(key).to_string();
        assert_eq!(value(ConfigKey::NagleTime), "20000");
        assert_eq!(value(ConfigKey::SendTimeSincePreviousPacket), "1");
        assert_eq!(config.user_data(), -9);
        let callback = config.callback(ConfigKey::CallbackConnectionStatusChanged);
        assert_eq!(callback.get(), 77);
        assert_eq!(value(ConfigKey::P2pStunServerList), "here");
        assert_eq!(value(ConfigKey::TimeoutInitial), "70");
    }

    #[test]
    fn an_option_without_a_value_is_none() {
        let config = read_all(&[
            int(ConfigKey::NagleTime, 1),
            text(ConfigKey::NagleTime, None),
        ]);
        assert_eq!(config.unwrap().own().count(), 0);
    }

    #[test]
    fn what_cannot_be_set_is_named() {
        let bad = |option| read_all(&[int(ConfigKey::NagleTime, 1), option]).unwrap_err();
        for number in [0, 1, -5, 35, 102, i32::MAX] {
            let unknown = option(number, 1, RawOptionValue { int32: 1 });
            assert_eq!(bad(unknown), BadOption(number));
        }
        assert_eq!(bad(int(ConfigKey::MtuDataSize, 1)), BadOption(33));
        assert_eq!(bad(int(ConfigKey::FakePacketLossSend, 1)), BadOption(2));
        let no_number = text(ConfigKey::NagleTime, Some(c"soon"));
        assert_eq!(bad(no_number), BadOption(12));
        let number = RawOptionValue { int64: 1 };
        for (key, kind) in [(12, 0), (12, 5), (12, 6), (201, 1)] {
            assert_eq!(bad(option(key, kind, number)), BadOption(key));
        }
    }
}
