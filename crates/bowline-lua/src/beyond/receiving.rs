//! Receiving with everything that is known of a message, and into tables that the script keeps.

use std::rc::Rc;

use bstr::BStr;
use mlua::Error;
use mlua::FromLua;
use mlua::IntoLua;
use mlua::IntoLuaMulti;
use mlua::Lua;
use mlua::MultiValue;
use mlua::Result;
use mlua::Table;
use mlua::Value;

use bowline::Message;

use crate::args::Handle;
use crate::args::List;
use crate::args::Whole;
use crate::module::Module;
use crate::register::Names;
use crate::sockets::receive::RECEIVED_AT_ONCE;

pub(super) fn register(names: &Names<'_>, module: &Rc<Module>) -> Result<()> {
    let state = Rc::clone(module);
    names.own(
        "receiveDetailedMessagesOnConnection",
        &["connection", "max?"],
        move |lua, (Handle(connection), max): (_, Option<AtOnce>)| {
            let received = state
                .connection(connection)
                .and_then(|(interface, connection)| {
                    let list = |messages: &[Message]| detailed(lua, messages);
                    interface.receive_from(&connection, AtOnce::or_usual(max), list)
                });
            received.unwrap_or_else(|| (-1).into_lua_multi(lua))
        },
    )?;
    let state = Rc::clone(module);
    names.own(
        "receiveDetailedMessagesOnPollGroup",
        &["pollGroup", "max?"],
        move |lua, (Handle(group), max): (_, Option<AtOnce>)| {
            let Some((interface, group)) = state.group(group) else {
                return (-1).into_lua_multi(lua);
            };
            let list = |messages: &[Message]| detailed(lua, messages);
            interface.receive_from_group(&group, AtOnce::or_usual(max), list)
        },
    )?;
    register_into(names, module)
}

/// Those that fill the script's own tables.
fn register_into(names: &Names<'_>, module: &Rc<Module>) -> Result<()> {
    let state = Rc::clone(module);
    names.own(
        "receiveInto",
        &["connection", "messages"],
        move |_, (Handle(connection), List(messages))| {
            let received = state
                .connection(connection)
                .and_then(|(interface, connection)| {
                    let fill = |received: &[Message]| fill(&messages, received.iter().map(bytes));
                    interface.receive_from(&connection, RECEIVED_AT_ONCE, fill)
                });
            received.unwrap_or_else(|| nothing(&[&messages]))
        },
    )?;
    let state = Rc::clone(module);
    names.own(
        "receiveFromPollGroupInto",
        &["pollGroup", "connections", "messages"],
        move |_, (Handle(group), List(connections), List(messages))| {
            let Some((interface, group)) = state.group(group) else {
                return nothing(&[&connections, &messages]);
            };
            interface.receive_from_group(&group, RECEIVED_AT_ONCE, |received| {
                let from = |message: &Message| message.connection().id().get();
                fill(&connections, received.iter().map(from))?;
                fill(&messages, received.iter().map(bytes))
            })
        },
    )
}

fn bytes(message: &Message) -> &BStr {
    BStr::new(&**message)
}

/// The number of messages, and an array of a table for each.
fn detailed(lua: &Lua, messages: &[Message]) -> Result<MultiValue> {
    let list = lua.create_table_with_capacity(messages.len(), 0)?;
    for (index, message) in messages.iter().enumerate() {
        let table = lua.create_table_with_capacity(0, 7)?;
        table.raw_set("conn", message.connection().id().get())?;
        table.raw_set("msg", bytes(message))?;
        table.raw_set("number", message.number().get())?;
        table.raw_set("lane", message.lane().get())?;
        table.raw_set("reliable", message.is_reliable())?;
        table.raw_set("timeUs", message.received_at().as_micros())?;
        table.raw_set("userData", message.user_data())?;
        list.raw_set(index + 1, table)?;
    }
    (messages.len(), list).into_lua_multi(lua)
}

/// Puts values into an array, which has them alone afterwards. How many there were.
fn fill<V: IntoLua>(array: &Table, values: impl IntoIterator<Item = V>) -> Result<i64> {
    let mut count = 0;
    for value in values {
        count += 1;
        array.raw_set(count, value)?;
    }
    // From the end, so that it is an array all the time.
    while let Some(last) = i64::try_from(array.raw_len())
        .ok()
        .filter(|last| *last > count)
    {
        array.raw_set(last, Value::Nil)?;
    }
    Ok(count)
}

/// The answer where there is nothing to receive from.
fn nothing(arrays: &[&Table]) -> Result<i64> {
    for array in arrays {
        fill::<Value>(array, [])?;
    }
    Ok(-1)
}

/// How many messages a call hands out.
#[derive(Clone, Copy, Debug)]
struct AtOnce(usize);

/// So many at most, so that a call ends while others send.
const MAX_AT_ONCE: i64 = 65_536;

impl AtOnce {
    fn or_usual(max: Option<Self>) -> usize {
        max.map_or(RECEIVED_AT_ONCE, |Self(max)| max)
    }
}

impl FromLua for AtOnce {
    fn from_lua(value: Value, lua: &Lua) -> Result<Self> {
        let Whole(max) = Whole::from_lua(value, lua)?;
        match usize::try_from(max.min(MAX_AT_ONCE)) {
            Ok(max) => Ok(Self(max)),
            Err(_) => Err(Error::RuntimeError("not negative number expected".into())),
        }
    }
}
