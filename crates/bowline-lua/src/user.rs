//! The tables `user` and `extra`.

use std::rc::Rc;

use mlua::Lua;
use mlua::Result;
use mlua::Table;

use crate::args::Bytes;
use crate::module::Module;
use crate::register::Names;
use crate::userdata::Uint64;

/// `user`: who plays.
pub(crate) fn table(lua: &Lua, module: &Rc<Module>) -> Result<Table> {
    let table = lua.create_table()?;
    let names = Names::new(lua, &table, "user");
    let state = Rc::clone(module);
    names.function("getSteamID", &[], move |lua, ()| {
        let id = state.client().and_then(|interface| interface.steam_id());
        lua.create_userdata(Uint64(id.unwrap_or(0)))
    })?;
    Ok(table)
}

/// `extra`: what Lua lacks.
pub(crate) fn extra(lua: &Lua) -> Result<Table> {
    let table = lua.create_table()?;
    let names = Names::new(lua, &table, "extra");
    names.function("parseUint64", &["text"], |lua, Bytes(text)| {
        let number = Uint64::parse(&text.as_bytes());
        lua.create_userdata(number)
    })?;
    Ok(table)
}
