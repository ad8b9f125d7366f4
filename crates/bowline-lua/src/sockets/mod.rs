//! The table `networkingSockets`.

mod authentication;
mod connections;
pub(crate) mod events;
pub(crate) mod listen;
mod messages;
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

/// Why nothing can be made.
const NO_INTERFACE: &str = "not initialised";

/// Why nothing is made by identity.
const NO_P2P: &str = "connections by identity are not available";

/// The table with its functions.
pub(crate) fn table(lua: &Lua, module: &Rc<Module>) -> Result<Table> {
    let table = lua.create_table()?;
    table.raw_set("flags", constants::flags(lua)?)?;
    let names = Names::new(lua, &table, "networkingSockets");
    listen::register(&names, module)?;
    connections::register(&names, module)?;
    messages::register(&names, module)?;
    receive::register(&names, module)?;
    poll_groups::register(&names, module)?;
    authentication::register(&names, module)?;
    beyond::register(&names, module)?;
    Ok(table)
}
