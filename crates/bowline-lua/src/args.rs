//! What functions take: types that say in Lua's words what is wrong with a value.

use bowline::Config;
use mlua::Error;
use mlua::FromLua;
use mlua::Lua;
use mlua::LuaString;
use mlua::Result;
use mlua::Table;
use mlua::Value;

use crate::options;
use crate::sockets::socket::Socket;

/// An error about a value of the wrong kind.
pub(crate) fn unexpected(wanted: &str, got: &Value) -> Error {
    let got = match got {
        // Lua has no other word for it.
        Value::Integer(_) => "number",
        other => other.type_name(),
    };
    Error::RuntimeError(format!("{wanted} expected, got {got}"))
}

/// An error about the argument at this position, counted from 1, whose type was right.
#[allow(clippy::arc_with_non_send_sync, reason = "mlua's errors have it")]
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
    #[allow(
        clippy::unnecessary_cast,
        reason = "Lua 5.1 has smaller ones on 32 bits"
    )]
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
        // What is from -2^63 to below 2^63, and has no fraction.
        let range = -(TWO_TO_63)..TWO_TO_63;
        if number.fract() != 0.0 || !range.contains(&number) {
            let error = "number has no integer representation";
            return Err(Error::RuntimeError(error.into()));
        }
        Ok(Self(number as i64))
    }
}

const TWO_TO_63: f64 = 9_223_372_036_854_775_808.0;

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

/// A table.
#[derive(Clone, Debug)]
pub(crate) struct List(pub(crate) Table);

impl FromLua for List {
    fn from_lua(value: Value, _lua: &Lua) -> Result<Self> {
        match value {
            Value::Table(table) => Ok(Self(table)),
            other => Err(unexpected("table", &other)),
        }
    }
}

/// A table of settings that may be left out.
#[derive(Clone, Debug)]
pub(crate) struct Options(pub(crate) Config);

impl FromLua for Options {
    fn from_lua(value: Value, _lua: &Lua) -> Result<Self> {
        match value {
            Value::Nil => Ok(Self(Config::new())),
            Value::Table(table) => options::config(&table).map(Self),
            other => Err(unexpected("table", &other)),
        }
    }
}

/// The number of a listen socket. Any other userdata is 0, which names none.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SocketHandle(pub(crate) u32);

impl FromLua for SocketHandle {
    fn from_lua(value: Value, _lua: &Lua) -> Result<Self> {
        match &value {
            Value::UserData(_) | Value::LightUserData(_) => Ok(Self(Socket::number_of(&value))),
            other => Err(unexpected("userdata", other)),
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
