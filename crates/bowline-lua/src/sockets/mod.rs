//! The table `networkingSockets`.

pub(crate) mod events;
mod messages;

use std::rc::Rc;

use mlua::Lua;
use mlua::Result;
use mlua::Table;

use crate::module::Module;
use crate::register::Names;

/// The table with its functions.
pub(crate) fn table(lua: &Lua, module: &Rc<Module>) -> Result<Table> {
    let table = lua.create_table()?;
    let names = Names::new(lua, &table, "networkingSockets");
    messages::register(&names, module)?;
    // Of the skeleton, to measure with.
    let state = Rc::clone(module);
    names.function("createSocketPair", &[], move |_, ()| {
        let sockets = state.current().expect("initialised");
        let (a, b) = sockets
            .sockets()
            .socket_pair(
                bowline::PairKind::Loopback,
                Default::default(),
                Default::default(),
            )
            .expect("a pair");
        Ok((a.id().get(), b.id().get()))
    })?;
    Ok(table)
}
