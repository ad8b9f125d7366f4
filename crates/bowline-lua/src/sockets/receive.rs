//! Receiving. A message becomes a string, and what it comes in is one table for up to 32 of them.

use std::rc::Rc;

use bowline::Message;
use bstr::BStr;
use mlua::IntoLuaMulti;
use mlua::Lua;
use mlua::MultiValue;
use mlua::Result;
use mlua::Table;

use crate::args::Handle;
use crate::module::Module;
use crate::register::Names;

/// As many messages as a call hands out at most: luasteam's programs call again until there were fewer.
pub(crate) const RECEIVED_AT_ONCE: usize = 32;

pub(super) fn register(names: &Names<'_>, module: &Rc<Module>) -> Result<()> {
    let state = Rc::clone(module);
    names.function(
        "receiveMessagesOnConnection",
        &["connection"],
        move |lua, Handle(number)| {
            let Some((interface, connection)) = state.connection(number) else {
                return Ok(Received::BadHandle);
            };
            let received = interface.receive_from(&connection, RECEIVED_AT_ONCE, |messages| {
                let strings = messages.iter().map(|message| BStr::new(&**message));
                let list = lua.create_sequence_from(strings)?;
                Ok(Received::List(messages.len(), list))
            });
            received.unwrap_or(Ok(Received::BadHandle))
        },
    )?;
    let state = Rc::clone(module);
    names.function(
        "receiveMessagesOnPollGroup",
        &["pollGroup"],
        move |lua, Handle(number)| {
            let Some((interface, group)) = state.group(number) else {
                return Ok(Received::BadHandle);
            };
            interface.receive_from_group(&group, RECEIVED_AT_ONCE, |messages| {
                let list = lua.create_table_with_capacity(messages.len(), 0)?;
                for (index, message) in messages.iter().enumerate() {
                    list.raw_set(index + 1, with_connection(lua, message)?)?;
                }
                Ok(Received::List(messages.len(), list))
            })
        },
    )
}

fn with_connection(lua: &Lua, message: &Message) -> Result<Table> {
    let table = lua.create_table_with_capacity(0, 2)?;
    table.raw_set("conn", message.connection().id().get())?;
    table.raw_set("msg", BStr::new(&**message))?;
    Ok(table)
}

/// What a function that receives returns.
enum Received {
    /// -1 and nothing else.
    BadHandle,
    /// How many there are, and the list of them.
    List(usize, Table),
}

impl IntoLuaMulti for Received {
    fn into_lua_multi(self, lua: &Lua) -> Result<MultiValue> {
        match self {
            Self::BadHandle => (-1).into_lua_multi(lua),
            Self::List(count, list) => (count, list).into_lua_multi(lua),
        }
    }
}
