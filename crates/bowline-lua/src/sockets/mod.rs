//! The table `networkingSockets`.

mod authentication;
mod connections;
pub(crate) mod events;
pub(crate) mod listen;
mod messages;
pub(crate) mod peers;
mod poll_groups;
pub(crate) mod receive;
pub(crate) mod socket;

use std::rc::Rc;

use mlua::Lua;
use mlua::Result;
use mlua::Table;

use crate::beyond;
use crate::constants;
use crate::module::Module;
use crate::register::Names;
use crate::sockets::peers::Callbacks;

/// Why nothing can be made.
pub(crate) const NO_INTERFACE: &str = "not initialised";

/// The table with its functions, for the module's own table.
pub(crate) fn table(lua: &Lua, steam: &Table, module: &Rc<Module>) -> Result<Table> {
    let table = lua.create_table()?;
    table.raw_set("flags", constants::flags(lua)?)?;
    let names = Names::new(lua, &table, "networkingSockets");
    listen::register(&names, module)?;
    connections::register(&names, module)?;
    peers::register(&names, module, Callbacks::of(lua, steam)?)?;
    messages::register(&names, module)?;
    receive::register(&names, module)?;
    poll_groups::register(&names, module)?;
    authentication::register(&names, module)?;
    beyond::register(&names, module, Callbacks::of(lua, steam)?)?;
    Ok(table)
}
