//! Settings from Lua values: options tables, and values by name.
//!
//! luasteam knows eleven options, all whole numbers; here every setting of the library's table can be one. Numbers
//! out of range are clamped, as in the original, and names that are none are ignored with a line on standard error. A
//! value of the wrong kind is an error.

use std::str::FromStr;

use bowline::Config;
use bowline::ConfigKey;
use bowline::ConfigType;
use bowline::ConfigValue;
use mlua::Error;
use mlua::Result;
use mlua::Table;
use mlua::Value;

use crate::args;
use crate::report;

/// The settings that an options table asks for. What cannot be set for a listener or a connection is left out, with a
/// line on standard error.
///
/// # Errors
/// If a value is of the wrong kind.
pub(crate) fn config(options: &Table) -> Result<Config> {
    let mut config = Config::new();
    for pair in options.pairs::<Value, Value>() {
        let (name, given) = pair?;
        let Some(key) = key(&name) else {
            ignored(&name, "there is no such option");
            continue;
        };
        let value = value(key, &given).map_err(|error| {
            let text = args::text(&error);
            Error::RuntimeError(format!("{key}: {text}"))
        })?;
        if let Err(error) = config.set(key, value) {
            ignored(&name, &error.to_string());
        }
    }
    Ok(config)
}

/// A Lua value as one of a setting: of its kind, and within its range. A boolean stands for 1 or 0.
///
/// # Errors
/// If the value is of a kind that the setting does not have.
pub(crate) fn value(key: ConfigKey, given: &Value) -> Result<ConfigValue> {
    let facts = &key.spec().facts;
    match facts.kind {
        ConfigType::Int32 | ConfigType::Int64 => {
            let number = number(given)?.rounded();
            let (least, most) = facts.range_int;
            let value = if number == 0 && is_rate(key) {
                facts.default_int
            } else {
                number.clamp(least, most)
            };
            Ok(ConfigValue::Int64(value))
        }
        ConfigType::Float => {
            let number = number(given)?.fraction();
            let (least, most) = facts.range_float;
            Ok(ConfigValue::Float(number.clamp(least, most)))
        }
        ConfigType::String => text(given).map(ConfigValue::from),
        _ => Err(Error::RuntimeError("cannot be set from Lua".into())),
    }
}

/// The setting of that name, but for those that only C has.
fn key(name: &Value) -> Option<ConfigKey> {
    let Value::String(name) = name else {
        return None;
    };
    let key = ConfigKey::from_str(&name.to_str().ok()?).ok()?;
    (key.spec().facts.kind != ConfigType::Callback).then_some(key)
}

/// luasteam's documentation says that 0 stands for no limit of the rate, which is what there is by default. Clamped, it
/// would be the narrowest limit.
const fn is_rate(key: ConfigKey) -> bool {
    matches!(key, ConfigKey::SendRateMin | ConfigKey::SendRateMax)
}

fn ignored(name: &Value, why: &str) {
    let name = name.to_string().unwrap_or_default();
    report::line(&format!("option {name} is ignored: {why}"));
}

/// A number as Lua has it.
#[derive(Clone, Copy, Debug)]
enum Number {
    Whole(i64),
    /// Not NaN.
    Float(f64),
}

impl Number {
    /// To the nearest whole number, or the nearest that there is.
    fn rounded(self) -> i64 {
        match self {
            Self::Whole(number) => number,
            Self::Float(number) => number.round() as i64,
        }
    }

    fn fraction(self) -> f32 {
        match self {
            Self::Whole(number) => number as f32,
            Self::Float(number) => number as f32,
        }
    }
}

/// The number that a value stands for. Text that is one serves, as with Lua's own functions.
#[allow(
    clippy::unnecessary_cast,
    reason = "Lua 5.1 has smaller ones on 32 bits"
)]
fn number(given: &Value) -> Result<Number> {
    let float = match given {
        Value::Boolean(flag) => return Ok(Number::Whole(i64::from(*flag))),
        Value::Integer(number) => return Ok(Number::Whole(*number as i64)),
        Value::Number(number) => Some(*number),
        Value::String(text) => {
            let text = text.to_str().ok();
            text.and_then(|text| text.trim().parse::<f64>().ok())
        }
        _ => None,
    };
    let Some(float) = float else {
        return Err(args::unexpected("number", given));
    };
    if float.is_nan() {
        return Err(Error::RuntimeError("number expected, got NaN".into()));
    }
    Ok(Number::Float(float))
}

fn text(given: &Value) -> Result<String> {
    match given {
        Value::Integer(number) => Ok(number.to_string()),
        Value::Number(number) => Ok(number.to_string()),
        Value::String(text) => match text.to_str() {
            Ok(text) => Ok(text.to_owned()),
            Err(_) => Err(Error::RuntimeError("text in UTF-8 expected".into())),
        },
        _ => Err(args::unexpected("string", given)),
    }
}

#[cfg(all(test, feature = "vendored"))]
mod tests {
    use mlua::Lua;

    use super::*;

    /// What the value is for the setting, as text, or the text of the error.
    fn fit(lua: &Lua, key: ConfigKey, code: &str) -> String {
        let given: Value = lua.load(code).eval().expect("it compiles");
        match value(key, &given) {
            Ok(value) => value.to_string(),
            Err(error) => args::text(&error),
        }
    }

    fn options(lua: &Lua, code: &str) -> Result<Config> {
        let table: Table = lua.load(code).eval().expect("it compiles");
        config(&table)
    }

    #[test]
    fn numbers_are_rounded_and_clamped() {
        let lua = Lua::new();
        for (code, expected) in [
            ("17", "17"),
            ("17.5", "18"),
            ("-1", "0"),
            ("1e300", "20000"),
            ("math.huge", "20000"),
            ("-math.huge", "0"),
            ("' 300 '", "300"),
            ("true", "1"),
            ("0/0", "number expected, got NaN"),
            ("'many'", "number expected, got string"),
            ("{}", "number expected, got table"),
            ("nil", "number expected, got nil"),
        ] {
            assert_eq!(fit(&lua, ConfigKey::NagleTime, code), expected, "{code}");
        }
        let loss = |code| fit(&lua, ConfigKey::FakePacketLossSend, code);
        assert_eq!(loss("2.5"), "2.5");
        assert_eq!(loss("1e300"), "100");
        assert_eq!(loss("-math.huge"), "0");
        let data = |code| fit(&lua, ConfigKey::ConnectionUserData, code);
        assert_eq!(data("-7"), "-7");
        assert_eq!(data("1e300"), i64::MAX.to_string());
    }

    #[test]
    fn texts_are_texts_or_numbers() {
        let lua = Lua::new();
        let list = |code| fit(&lua, ConfigKey::P2pStunServerList, code);
        assert_eq!(list("'a,b'"), "a,b");
        assert_eq!(list("5"), "5");
        assert_eq!(list("true"), "string expected, got boolean");
        assert_eq!(list("'\\255'"), "text in UTF-8 expected");
        let function = fit(
            &lua,
            ConfigKey::CallbackConnectionStatusChanged,
            "function() end",
        );
        assert_eq!(function, "cannot be set from Lua");
    }

    #[test]
    fn a_table_sets_what_it_names() {
        let lua = Lua::new();
        let set = options(
            &lua,
            "{ TimeoutInitial = 500, NagleTime = 99999, SendBufferSize = 65536, Unencrypted = 0,
               LocalVirtualPort = 7, SymmetricConnect = 1, IP_AllowWithoutAuth = 1, RecvBufferSize = 70000 }",
        );
        let set = set.expect("they are settings");
        for (key, expected) in [
            (ConfigKey::TimeoutInitial, "500"),
            (ConfigKey::NagleTime, "20000"),
            (ConfigKey::SendBufferSize, "65536"),
            (ConfigKey::LocalVirtualPort, "7"),
            (ConfigKey::SymmetricConnect, "1"),
            (ConfigKey::IpAllowWithoutAuth, "1"),
            (ConfigKey::RecvBufferSize, "70000"),
        ] {
            assert_eq!(set.get(key).to_string(), expected, "{key}");
        }
        assert_eq!(set.own().count(), 8);
    }

    #[test]
    fn what_cannot_be_set_here_is_ignored() {
        let lua = Lua::new();
        let set = options(
            &lua,
            "{ Nonsense = 1, [1] = 2, MTU_DataSize = 500, FakePacketLag_Send = 5, [{}] = 1,
               Callback_AuthStatusChanged = 1, TimeoutInitial = 5 }",
        );
        let own: Vec<_> = set.expect("nothing of the wrong kind").own().collect();
        assert_eq!(own, [ConfigKey::TimeoutInitial]);
    }

    #[test]
    fn a_rate_of_0_is_no_limit() {
        let lua = Lua::new();
        let set = options(&lua, "{ SendRateMin = 0, SendRateMax = 0 }").expect("numbers");
        for rate in [ConfigKey::SendRateMin, ConfigKey::SendRateMax] {
            assert_eq!(set.get(rate), Config::new().get(rate));
        }
        // Also where the interface has a limit.
        assert_eq!(set.own().count(), 2);
        let set = options(&lua, "{ SendRateMax = 1 }").expect("a number");
        assert_eq!(set.get(ConfigKey::SendRateMax).to_string(), "1024");
    }

    #[test]
    fn a_value_of_the_wrong_kind_is_named() {
        let lua = Lua::new();
        let error = options(&lua, "{ NagleTime = {} }").expect_err("a table is no number");
        assert_eq!(args::text(&error), "NagleTime: number expected, got table");
    }
}
