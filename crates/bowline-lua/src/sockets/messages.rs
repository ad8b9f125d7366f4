//! Sending.

use std::ops::Range;
use std::rc::Rc;

use bowline::OnFailure;
use bowline::Payload;
use bowline::ResultCode;
use bowline::SendFlags;
use bowline::ToResult;
use mlua::Error;
use mlua::FromLua;
use mlua::Lua;
use mlua::Result;
use mlua::Table;
use mlua::Value;

use crate::args;
use crate::args::Bytes;
use crate::args::Handle;
use crate::args::List;
use crate::args::Whole;
use crate::constants;
use crate::module::Module;
use crate::register::Names;
use crate::results;

pub(super) fn register(names: &Names<'_>, module: &Rc<Module>) -> Result<()> {
    let state = Rc::clone(module);
    names.function(
        "sendMessageToConnection",
        &["connection", "message", "flag"],
        move |_, (Handle(connection), Bytes(message), Whole(flag))| {
            let sent = send(&state, connection, &message.as_bytes(), flag);
            Ok(results::name(sent))
        },
    )?;
    let state = Rc::clone(module);
    names.function(
        "sendMessages",
        &["n", "messages"],
        move |lua, (Whole(count), List(messages))| {
            let batch = Batch::read(lua, count, &messages)?;
            lua.create_sequence_from(batch.send(&state))
        },
    )?;
    let state = Rc::clone(module);
    names.function(
        "flushMessagesOnConnection",
        &["connection"],
        move |_, Handle(number)| {
            let found = state.connection(number);
            let flushed = found.map_or(ResultCode::InvalidParam, |(_, it)| it.flush().result());
            Ok(results::name(flushed))
        },
    )
}

fn send(module: &Module, connection: u32, message: &[u8], flag: i64) -> ResultCode {
    let Some((interface, connection)) = module.connection(connection) else {
        return ResultCode::InvalidParam;
    };
    let Some(flags) = constants::send_flags(flag) else {
        return ResultCode::InvalidParam;
    };
    let sent = connection.send(message, flags);
    if sent.is_ok() {
        interface.note_sent(&connection);
    }
    sent.result()
}

/// The messages of a call of `sendMessages`, read before the first is sent, so that an error in the table
/// leaves none half sent. Their bytes are copied: Lua has no room for references to any number of strings.
#[derive(Debug, Default)]
struct Batch {
    bytes: Vec<u8>,
    messages: Vec<BatchMessage>,
}

#[derive(Debug)]
struct BatchMessage {
    connection: u32,
    /// `None` if the script gave bits that mean nothing.
    flags: Option<SendFlags>,
    /// Where in the bytes.
    range: Range<usize>,
}

impl Batch {
    /// Reads the first `count` messages; none if that is negative.
    ///
    /// # Errors
    /// If one of them is not there or not of the right form. So a large `count` costs nothing.
    fn read(lua: &Lua, count: i64, list: &Table) -> Result<Self> {
        let mut batch = Self::default();
        for index in 1..=count {
            let read = batch.read_one(lua, list.raw_get(index)?);
            read.map_err(|Wrong { field, error }| {
                let field = field.map_or(String::new(), |name| format!(".{name}"));
                let error = args::text(&error);
                args::bad(MESSAGES, format!("messages[{index}]{field}: {error}"))
            })?;
        }
        Ok(batch)
    }

    fn read_one(&mut self, lua: &Lua, message: Value) -> std::result::Result<(), Wrong> {
        let Value::Table(message) = message else {
            let error = args::unexpected("table", &message);
            return Err(Wrong { field: None, error });
        };
        let Handle(connection) = field(lua, &message, "conn")?;
        let Bytes(data) = field(lua, &message, "msg")?;
        let Whole(flag) = field(lua, &message, "flag")?;
        let start = self.bytes.len();
        self.bytes.extend_from_slice(&data.as_bytes());
        self.messages.push(BatchMessage {
            connection,
            flags: constants::send_flags(flag),
            range: start..self.bytes.len(),
        });
        Ok(())
    }

    /// Sends them, those of one connection together. Tells of each whether it was accepted.
    fn send(&self, module: &Module) -> Vec<bool> {
        let mut outcomes = vec![false; self.messages.len()];
        let mut order: Vec<_> = (0..self.messages.len()).collect();
        order.retain(|index| self.messages[*index].flags.is_some());
        // Stable, so that the messages of a connection keep their order.
        order.sort_by_key(|index| self.messages[*index].connection);
        let same =
            |a: &usize, b: &usize| self.messages[*a].connection == self.messages[*b].connection;
        for run in order.chunk_by(same) {
            self.send_run(module, run, &mut outcomes);
        }
        outcomes
    }

    /// Sends messages of one connection.
    fn send_run(&self, module: &Module, run: &[usize], outcomes: &mut [bool]) {
        let Some(first) = run.first() else {
            return;
        };
        let found = module.connection(self.messages[*first].connection);
        let Some((interface, connection)) = found else {
            return;
        };
        let mut messages = run.iter().map(|index| &self.messages[*index]);
        let next = || {
            let message = messages.next()?;
            let bytes = &self.bytes[message.range.clone()];
            Some((Payload::Borrowed(bytes), message.flags?.into()))
        };
        let mut told = run.iter();
        let mut any = false;
        let sent = connection.send_each(OnFailure::Continue, next, |sent| {
            if let Some(index) = told.next() {
                outcomes[*index] = sent.is_ok();
                any |= sent.is_ok();
            }
        });
        if sent.is_ok() && any {
            interface.note_sent(&connection);
        }
    }
}

/// The position of the list among the arguments of `sendMessages`.
const MESSAGES: usize = 2;

/// What is wrong with a message, or with a field of it.
struct Wrong {
    field: Option<&'static str>,
    error: Error,
}

/// A field of a message, read without its metamethods.
fn field<T: FromLua>(
    lua: &Lua,
    message: &Table,
    name: &'static str,
) -> std::result::Result<T, Wrong> {
    let value: Result<Value> = message.raw_get(name);
    let read = value.and_then(|value| T::from_lua(value, lua));
    read.map_err(|error| Wrong {
        field: Some(name),
        error,
    })
}
