//! What functions take: types that say in Lua's words what is wrong with a value.

use mlua::Error;
use mlua::FromLua;
use mlua::Lua;
use mlua::LuaString;
use mlua::Result;
use mlua::Table;
use mlua::Value;

/// An error about a value of the wrong kind.
pub(crate) fn unexpected(wanted: &str, got: &Value) -> Error {
    Error::RuntimeError(format!("{wanted} expected, got {}", got.type_name()))
}

/// An error about the argument at this position, counted from 1, whose type was right.
pub(crate) fn bad(position: usize, text: impl Into<String>) -> Error {
    Error::BadArgument {
        to: None,
        pos: position,
        name: None,
        cause: std::sync::Arc::new(Error::RuntimeError(text.into())),
    }
}

/// What an error says, without where it came from.
pub(crate) fn text(error: &Error) -> String {
    match error {
        Error::RuntimeError(text) => text.clone(),
        Error::CallbackError { cause, .. } | Error::BadArgument { cause, .. } => text(cause),
        other => other.to_string(),
    }
}

/// A whole number. Text that is one serves, as with Lua's own functions.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Whole(pub(crate) i64);

impl FromLua for Whole {
    fn from_lua(value: Value, lua: &Lua) -> Result<Self> {
        let number = match &value {
            Value::Integer(number) => return Ok(Self(*number as i64)),
            Value::Number(number) => Some(*number),
            Value::String(_) => lua.coerce_number(value.clone())?,
            _ => None,
        };
        let Some(number) = number else {
            return Err(unexpected("number", &value));
        };
        // Everything below 2^63 that has no fraction.
        if number.fract() != 0.0 || !(-9.3e18..9.2e18).contains(&number) {
            let error = "number has no integer representation";
            return Err(Error::RuntimeError(error.into()));
        }
        Ok(Self(number as i64))
    }
}

/// The number of a connection or a poll group. What cannot be one is 0, which names none.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Handle(pub(crate) u32);

impl FromLua for Handle {
    fn from_lua(value: Value, lua: &Lua) -> Result<Self> {
        let Whole(number) = Whole::from_lua(value, lua)?;
        Ok(Self(u32::try_from(number).unwrap_or(0)))
    }
}

/// Any bytes; a number serves, as with Lua's own functions.
#[derive(Clone, Debug)]
pub(crate) struct Bytes(pub(crate) LuaString);

impl FromLua for Bytes {
    fn from_lua(value: Value, lua: &Lua) -> Result<Self> {
        match &value {
            Value::String(text) => Ok(Self(text.clone())),
            Value::Integer(_) | Value::Number(_) => match lua.coerce_string(value.clone())? {
                Some(text) => Ok(Self(text)),
                None => Err(unexpected("string", &value)),
            },
            _ => Err(unexpected("string", &value)),
        }
    }
}

/// A table that may be left out.
#[derive(Clone, Debug)]
pub(crate) struct MaybeTable(pub(crate) Option<Table>);

impl FromLua for MaybeTable {
    fn from_lua(value: Value, _lua: &Lua) -> Result<Self> {
        match value {
            Value::Nil => Ok(Self(None)),
            Value::Table(table) => Ok(Self(Some(table))),
            other => Err(unexpected("table", &other)),
        }
    }
}

/// Yes or no; no if it is left out.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Flag(pub(crate) bool);

impl FromLua for Flag {
    fn from_lua(value: Value, _lua: &Lua) -> Result<Self> {
        match value {
            Value::Nil => Ok(Self(false)),
            Value::Boolean(flag) => Ok(Self(flag)),
            other => Err(unexpected("boolean", &other)),
        }
    }
}
