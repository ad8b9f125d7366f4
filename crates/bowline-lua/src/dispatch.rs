//! `runCallbacks`: see `dispatch.lua`.

use std::rc::Rc;

use mlua::Function;
use mlua::IntoLuaMulti;
use mlua::Lua;
use mlua::MultiValue;
use mlua::Result;
use mlua::Table;

use crate::interface::Interface;
use crate::interface::Told;
use crate::module::Module;
use crate::sockets;

/// Which of the interfaces a function speaks of.
pub(crate) type Choice = fn(&Module) -> Option<Rc<Interface>>;

/// A function for `runCallbacks`, which tells what happened at the interface.
pub(crate) fn function(
    lua: &Lua,
    steam: &Table,
    module: &Rc<Module>,
    choice: Choice,
) -> Result<Function> {
    let started = Rc::clone(module);
    let start = lua.create_function(move |_, ()| {
        Ok(choice(&started).map_or(0, |interface| interface.start_callbacks()))
    })?;
    let module = Rc::clone(module);
    let next = lua.create_function(move |lua, ()| {
        let told = choice(&module).and_then(|interface| interface.next_told());
        told.map_or_else(
            || Ok(MultiValue::new()),
            |told| value(lua, told)?.into_lua_multi(lua),
        )
    })?;
    lua.load(include_str!("dispatch.lua"))
        .set_name("=luasteam")
        .call((steam, start, next))
}

/// The table and the name under which the script's function is, and what it is told.
fn value(lua: &Lua, told: Told) -> Result<(&'static str, &'static str, Table)> {
    match told {
        Told::Connection(change) => {
            let data = sockets::events::connection_changed(lua, &change)?;
            Ok(("networkingSockets", "onConnectionChanged", data))
        }
    }
}
