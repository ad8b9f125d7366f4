use alloc::string::ToString;
use alloc::vec;
use alloc::vec::Vec;

use proptest::prelude::*;

use super::*;

#[test]
fn the_defaults_are_within_their_ranges() {
    let config = Config::new();
    for key in ConfigKey::all() {
        let facts = &key.spec().facts;
        assert_eq!(config.origin(key), None, "{key}");
        match config.get(key) {
            ConfigValue::Int32(value) => {
                let (min, max) = facts.range_int;
                assert!((min..=max).contains(&i64::from(value)), "{key} = {value}");
            }
            ConfigValue::Float(value) => {
                let (min, max) = facts.range_float;
                assert!((min..=max).contains(&value), "{key} = {value}");
            }
            ConfigValue::Int64(value) => assert_eq!(value, -1),
            ConfigValue::String(text) => assert_eq!(&*text, ""),
            ConfigValue::Callback(token) => assert!(token.is_none()),
        }
    }
}

#[test]
fn every_setting_takes_its_bounds_and_nothing_beyond() {
    for key in ConfigKey::all() {
        let facts = &key.spec().facts;
        let mut config = Config::at(ConfigScope::Interface);
        if facts.change == Change::Never {
            assert_eq!(config.set(key, 1).err(), Some(ConfigError::ReadOnly(key)));
            continue;
        }
        match facts.kind {
            ConfigType::Int32 => {
                let (min, max) = facts.range_int;
                for good in [min, max, facts.default_int] {
                    config.set(key, good).unwrap();
                    assert_eq!(config.get(key).to_int(), Some(good), "{key}");
                }
                for bad in [min - 1, max + 1] {
                    let error = config.set(key, bad).map(|_| ()).unwrap_err().to_string();
                    assert!(error.contains(&min.to_string()), "{error}");
                    assert!(error.contains(key.name()), "{error}");
                }
            }
            ConfigType::Float => {
                let (min, max) = facts.range_float;
                for good in [min, max] {
                    config.set(key, good).unwrap();
                    assert_eq!(config.get(key), ConfigValue::Float(good), "{key}");
                }
                for bad in [min - 0.5, max + 0.5, f32::NAN] {
                    assert!(config.set(key, bad).is_err(), "{key} = {bad}");
                }
            }
            ConfigType::Int64 => {
                config.set(key, i64::MAX).unwrap();
                assert_eq!(config.get(key), ConfigValue::Int64(i64::MAX));
            }
            ConfigType::String => {
                config.set(key, "a,b").unwrap();
                assert_eq!(config.get(key), ConfigValue::from("a,b"));
                config.set(key, 7).unwrap();
                assert_eq!(config.get(key), ConfigValue::from("7"));
            }
            ConfigType::Callback => {
                let token = CallbackToken::new(u64::MAX);
                config.set(key, token).unwrap();
                assert_eq!(config.get(key), ConfigValue::Callback(token));
                for bad in [ConfigValue::from(1), ConfigValue::from("1")] {
                    let error = config.set(key, bad).map(|_| ()).unwrap_err();
                    assert!(matches!(error, ConfigError::WrongType { .. }), "{error}");
                }
                assert_eq!(config.callback(key), token);
            }
        }
        assert_eq!(config.origin(key), Some(ConfigScope::Interface));
    }
}

#[test]
fn a_refused_value_changes_nothing() {
    let mut config = Config::new();
    config.set(ConfigKey::NagleTime, 700).unwrap();
    for bad in [
        ConfigValue::from(99_999),
        ConfigValue::from("soon"),
        ConfigValue::from(1_i64 << 40),
    ] {
        assert!(config.set(ConfigKey::NagleTime, bad).is_err());
    }
    assert_eq!(config.get(ConfigKey::NagleTime), ConfigValue::Int32(700));
}

#[test]
fn what_is_not_set_comes_from_the_next_wider_level() {
    let mut global = Config::at(ConfigScope::Global);
    global.set(ConfigKey::NagleTime, 1).unwrap();
    global.set(ConfigKey::TimeoutInitial, 1000).unwrap();
    global.set(ConfigKey::P2pStunServerList, "stun:a").unwrap();
    let mut interface = Config::at(ConfigScope::Interface);
    interface.set(ConfigKey::TimeoutInitial, 2000).unwrap();
    interface.inherit(&global);
    let mut connection = Config::new();
    connection.set(ConfigKey::MtuPacketSize, 600).unwrap();
    connection.inherit(&interface);

    let seen = |key| (connection.get(key).to_string(), connection.origin(key));
    assert_eq!(
        seen(ConfigKey::NagleTime),
        ("1".into(), Some(ConfigScope::Global))
    );
    assert_eq!(
        seen(ConfigKey::TimeoutInitial),
        ("2000".into(), Some(ConfigScope::Interface))
    );
    assert_eq!(
        seen(ConfigKey::MtuPacketSize),
        ("600".into(), Some(ConfigScope::Connection))
    );
    assert_eq!(
        seen(ConfigKey::P2pStunServerList),
        ("stun:a".into(), Some(ConfigScope::Global))
    );
    assert_eq!(
        seen(ConfigKey::TimeoutConnected),
        ("10000".into(), None),
        "the default"
    );
    assert_eq!(seen(ConfigKey::MtuDataSize).0, "500");
    let own: Vec<_> = connection.own().collect();
    assert_eq!(own, vec![ConfigKey::MtuPacketSize]);
}

#[test]
fn what_follows_from_a_setting_follows_when_it_is_unset() {
    let mut config = Config::new();
    config.set(ConfigKey::MtuPacketSize, 600).unwrap();
    config
        .unset(ConfigKey::MtuPacketSize, &Config::new())
        .unwrap();
    let size = config.get(ConfigKey::MtuDataSize);
    assert_eq!(size, ConfigValue::Int32(1200));
}

#[test]
fn unset_goes_back_to_what_the_wider_level_says_now() {
    let mut interface = Config::at(ConfigScope::Interface);
    interface.set(ConfigKey::NagleTime, 10).unwrap();
    let mut connection = Config::new();
    connection.inherit(&interface);
    connection.set(ConfigKey::NagleTime, 20).unwrap();
    connection.unset(ConfigKey::NagleTime, &interface).unwrap();
    assert_eq!(connection.nagle().as_micros(), 10);
    assert_eq!(
        connection.origin(ConfigKey::NagleTime),
        Some(ConfigScope::Interface)
    );
}

#[test]
fn global_values_are_not_for_listeners_and_connections() {
    for level in [ConfigScope::ListenSocket, ConfigScope::Connection] {
        let error = Config::at(level)
            .set(ConfigKey::FakePacketLossSend, 1)
            .map(|_| ())
            .unwrap_err();
        assert!(matches!(error, ConfigError::TooNarrow { .. }), "{error}");
        assert!(error.to_string().contains("global"), "{error}");
    }
    let mut interface = Config::at(ConfigScope::Interface);
    interface.set(ConfigKey::FakePacketLossSend, 1).unwrap();
    assert!(interface.into_level(ConfigScope::Connection).is_err());
}

#[test]
fn moving_to_another_level_takes_along_what_was_set() {
    let mut options = Config::new();
    options.set(ConfigKey::NagleTime, 3).unwrap();
    let options = options.into_level(ConfigScope::ListenSocket).unwrap();
    assert_eq!(
        options.origin(ConfigKey::NagleTime),
        Some(ConfigScope::ListenSocket)
    );
    assert_eq!(options.own().count(), 1);
}

#[test]
fn text_assigns_by_name() {
    let mut config = Config::new();
    config.set_from_text("NagleTime = 2000").unwrap();
    config
        .set_from_text("p2p_stun_serverlist=stun:a=b")
        .unwrap();
    assert_eq!(config.nagle().as_micros(), 2000);
    assert_eq!(config.text(ConfigKey::P2pStunServerList), "stun:a=b");
    for (bad, told) in [
        ("NagleTime", "name = value"),
        ("Nagle = 1", "no setting named"),
        ("NagleTime = much", "of type int32"),
        ("NagleTime = 20001", "0 to 20000"),
        ("", "name = value"),
    ] {
        let error = config.set_from_text(bad).map(|_| ()).unwrap_err();
        assert!(error.to_string().contains(told), "{bad}: {error}");
    }
}

#[test]
fn passwords_are_not_in_debug_output() {
    let mut config = Config::new();
    config.set(ConfigKey::P2pTurnPassList, "sesame").unwrap();
    let shown = alloc::format!("{config:?}");
    assert!(!shown.contains("sesame") && shown.contains("P2P_TURN_PassList"));
}

#[test]
fn functions_are_inherited_and_cleared_like_other_settings() {
    let key = ConfigKey::CallbackConnectionStatusChanged;
    let [wide, own] = [1, 2].map(CallbackToken::new);
    let mut interface = Config::at(ConfigScope::Interface);
    interface.set(key, wide).unwrap();
    let mut connection = Config::new();
    connection.inherit(&interface);
    assert_eq!(connection.callback(key), wide);
    connection.set(key, own).unwrap();
    connection.inherit(&interface);
    assert_eq!(connection.callback(key), own);
    connection.set(key, CallbackToken::NONE).unwrap();
    connection.inherit(&interface);
    assert!(connection.callback(key).is_none(), "none is a value too");
    connection.unset(key, &interface).unwrap();
    assert_eq!(connection.callback(key), wide);
    assert!(connection.without_texts().callback(key).is_none());
}

#[test]
fn functions_are_neither_stored_nor_shown_nor_taken_for_texts() {
    let key = ConfigKey::CallbackConnectionStatusChanged;
    let mut config = Config::new();
    config.set(key, CallbackToken::new(987_654_321)).unwrap();
    config.set(ConfigKey::NagleTime, 123).unwrap();
    assert!(!alloc::format!("{config:?}").contains("987"));
    assert!(!config.get(key).to_text().contains("987"));
    let stored = serde_json::to_string(&config).unwrap();
    assert_eq!(stored, r#"{"12":"123"}"#);
    let again: Config = serde_json::from_str(&stored).unwrap();
    assert!(again.callback(key).is_none());
    for other in [
        ConfigKey::P2pStunServerList,
        ConfigKey::NagleTime,
        ConfigKey::FakePacketLossSend,
    ] {
        let mut config = Config::at(ConfigScope::Interface);
        assert!(config.set(other, CallbackToken::new(1)).is_err(), "{other}");
    }
}

#[test]
fn settings_survive_being_stored() {
    let mut config = Config::new();
    config.set(ConfigKey::NagleTime, 123).unwrap();
    config.set(ConfigKey::P2pStunServerList, "stun:a").unwrap();
    config.set(ConfigKey::ConnectionUserData, i64::MIN).unwrap();
    let text = serde_json::to_string(&config).unwrap();
    let again: Config = serde_json::from_str(&text).unwrap();
    assert_eq!(again, config);
}

proptest! {
    #[test]
    fn any_text_is_taken_or_refused(text in ".{0,40}") {
        let mut config = Config::at(ConfigScope::Global);
        let _ = config.set_from_text(&text);
        for key in ConfigKey::all() {
            let _ = config.set(key, text.as_str());
        }
    }

    #[test]
    fn numbers_are_read_back_as_written(value in 0..=20_000) {
        let mut config = Config::new();
        config.set_from_text(&alloc::format!("NagleTime={value}")).unwrap();
        prop_assert_eq!(config.get(ConfigKey::NagleTime), ConfigValue::Int32(value));
    }
}
