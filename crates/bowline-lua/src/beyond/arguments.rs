//! Types of arguments that only functions of our own take.

use std::time::Duration;

use mlua::Error;
use mlua::FromLua;
use mlua::Lua;
use mlua::Result;
use mlua::Table;
use mlua::Value;

use bowline::LaneIndex;

use crate::args;
use crate::args::Bytes;
use crate::args::Whole;

/// A text in UTF-8.
#[derive(Clone, Debug)]
pub(crate) struct Text(pub(crate) String);

impl FromLua for Text {
    fn from_lua(value: Value, lua: &Lua) -> Result<Self> {
        let Bytes(text) = Bytes::from_lua(value, lua)?;
        match text.to_str() {
            Ok(text) => Ok(Self(text.to_owned())),
            Err(_) => Err(Error::RuntimeError("text in UTF-8 expected".into())),
        }
    }
}

/// A text for people to read, with U+FFFD in the place of what is not UTF-8. It is often a peer's, who can send
/// anything, so that an error would let the peer end the script.
#[derive(Clone, Debug)]
pub(crate) struct Shown(pub(crate) String);

impl FromLua for Shown {
    fn from_lua(value: Value, lua: &Lua) -> Result<Self> {
        let Bytes(text) = Bytes::from_lua(value, lua)?;
        Ok(Self(text.to_string_lossy()))
    }
}

/// A length of time, given in milliseconds, with a fraction if need be.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Millis(pub(crate) Duration);

impl FromLua for Millis {
    fn from_lua(value: Value, lua: &Lua) -> Result<Self> {
        // Text that is a number serves, as with Lua's own functions.
        let Some(ms) = lua.coerce_number(value.clone())? else {
            return Err(args::unexpected("number", &value));
        };
        let error = || Error::RuntimeError("not negative and finite number expected".into());
        if !ms.is_finite() || ms < 0.0 {
            return Err(error());
        }
        let time = Duration::from_secs_f64(ms.min(MAX_MS) / 1e3);
        Ok(Self(time))
    }
}

/// The longest time that can be told: 24 days, as long as fits a signed number of 32 bits. Longer ones are cut.
const MAX_MS: f64 = i32::MAX as f64;

/// A lane, counted from 0.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Lane(pub(crate) LaneIndex);

impl FromLua for Lane {
    fn from_lua(value: Value, lua: &Lua) -> Result<Self> {
        ranged(value, lua).map(|lane| Self(LaneIndex::new(lane)))
    }
}

/// Yes or no, not to be left out.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Choice(pub(crate) bool);

impl FromLua for Choice {
    fn from_lua(value: Value, _lua: &Lua) -> Result<Self> {
        match value {
            Value::Boolean(choice) => Ok(Self(choice)),
            other => Err(args::unexpected("boolean", &other)),
        }
    }
}

/// A number of 32 bits.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Number(pub(crate) u32);

impl FromLua for Number {
    fn from_lua(value: Value, lua: &Lua) -> Result<Self> {
        ranged(value, lua).map(Self)
    }
}

/// A whole number of this kind.
pub(crate) fn ranged<N: TryFrom<i64> + Bounded>(value: Value, lua: &Lua) -> Result<N> {
    let Whole(number) = Whole::from_lua(value, lua)?;
    N::try_from(number).map_err(|_| {
        let (min, max) = N::BOUNDS;
        Error::RuntimeError(format!("number of {min} to {max} expected"))
    })
}

/// A kind of whole number, with the least and the greatest one.
pub(crate) trait Bounded {
    /// The least and the greatest.
    const BOUNDS: (i64, i64);
}

impl Bounded for u8 {
    const BOUNDS: (i64, i64) = (0, Self::MAX as i64);
}

impl Bounded for u16 {
    const BOUNDS: (i64, i64) = (0, Self::MAX as i64);
}

impl Bounded for i32 {
    const BOUNDS: (i64, i64) = (Self::MIN as i64, Self::MAX as i64);
}

impl Bounded for u32 {
    const BOUNDS: (i64, i64) = (0, Self::MAX as i64);
}

/// Hands the fields of a table of options to `take`, which tells whether there is such a one. Metamethods are not
/// called.
pub(crate) fn each_field(
    table: &Table,
    mut take: impl FnMut(&str, Value) -> Result<bool>,
) -> Result<()> {
    for field in table.pairs::<Value, Value>() {
        let (key, value) = field?;
        let name = match &key {
            Value::String(name) => name.to_string_lossy(),
            other => other.to_string()?,
        };
        let is_text = key.is_string();
        let taken = is_text && take(&name, value).map_err(|error| within(&name, &error))?;
        if !taken {
            return Err(Error::RuntimeError(format!("unknown key '{name}'")));
        }
    }
    Ok(())
}

/// An error about something inside of an argument.
pub(crate) fn within(place: &str, error: &Error) -> Error {
    Error::RuntimeError(format!("{place}: {}", args::text(error)))
}
