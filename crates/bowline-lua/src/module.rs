//! What belongs to one Lua state.

use std::cell::RefCell;
use std::rc::Rc;

use bowline::Connection;
use mlua::Lua;
use mlua::Result;
use mlua::Table;

use crate::dispatch;
use crate::interface::Interface;
use crate::register::Names;
use crate::sockets;

/// What all functions of a Lua state share.
#[derive(Debug, Default)]
pub(crate) struct Module {
    client: RefCell<Option<Rc<Interface>>>,
    server: RefCell<Option<Rc<Interface>>>,
}

impl Module {
    /// The interface that `networkingSockets` speaks of: the game server's if there is one.
    pub(crate) fn current(&self) -> Option<Rc<Interface>> {
        let server = self.server.borrow().clone();
        server.or_else(|| self.client())
    }

    /// A connection of either interface, with the interface.
    pub(crate) fn connection(&self, number: u32) -> Option<(Rc<Interface>, Connection)> {
        [self.current(), self.client()]
            .into_iter()
            .flatten()
            .find_map(|interface| {
                let connection = interface.connection(number)?;
                Some((interface, connection))
            })
    }

    pub(crate) fn client(&self) -> Option<Rc<Interface>> {
        self.client.borrow().clone()
    }
}

/// The module's table for a Lua state.
pub(crate) fn table(lua: &Lua) -> Result<Table> {
    let module = Rc::new(Module::default());
    let steam = lua.create_table()?;
    let names = Names::new(lua, &steam, "");
    let state = Rc::clone(&module);
    names.function("init", &[], move |_, ()| {
        if state.client.borrow().is_none() {
            match Interface::new() {
                Ok(interface) => {
                    state.client.replace(Some(Rc::new(interface)));
                }
                Err(_) => return Ok(false),
            }
        }
        Ok(true)
    })?;
    let state = Rc::clone(&module);
    names.function("shutdown", &[], move |_, ()| {
        drop(state.client.take());
        Ok(())
    })?;
    steam.raw_set(
        "runCallbacks",
        dispatch::function(lua, &steam, &module, Module::client)?,
    )?;
    steam.raw_set("networkingSockets", sockets::table(lua, &module)?)?;
    Ok(steam)
}
