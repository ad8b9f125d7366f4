//! `runCallbacks`: see `dispatch.lua`.

use std::rc::Rc;

use mlua::Function;
use mlua::IntoLuaMulti;
use mlua::Lua;
use mlua::MultiValue;
use mlua::Result;
use mlua::Table;

use crate::game_server::ServerNews;
use crate::interface::Interface;
use crate::interface::Told;
use crate::module::Module;
use crate::networking;
use crate::sockets;
use crate::sockets::peers::Callbacks;
use crate::sockets::peers::ON_SIGNAL;
use crate::utils;

/// Which of the interfaces a function speaks of.
pub(crate) type Choice = fn(&Module) -> Option<Rc<Interface>>;

/// A function for `runCallbacks`, which tells what happened at the interface.
pub(crate) fn function(
    lua: &Lua,
    steam: &Table,
    module: &Rc<Module>,
    choice: Choice,
) -> Result<Function> {
    let state = Rc::clone(module);
    let callbacks = Callbacks::of(lua, steam)?;
    let start = lua.create_function(move |_, ()| {
        let Some(interface) = choice(&state) else {
            return Ok((None, None));
        };
        let is_current = state
            .current()
            .is_some_and(|it| Rc::ptr_eq(&it, &interface));
        if is_current && callbacks.hears_of_packets()? {
            interface.hear_of_packets(callbacks.has_signaling()?);
        }
        let end = interface.start_callbacks();
        if !state.debug_lines().start() && end.is_none() {
            interface.flush();
            return Ok((None, None));
        }
        Ok((Some(interface.generation()), Some(end.unwrap_or(0))))
    })?;
    let state = Rc::clone(module);
    let next = lua.create_function(move |lua, (generation, end)| {
        let interface = choice(&state).filter(|it| it.generation() == generation);
        let Some(interface) = interface else {
            return Ok(MultiValue::new());
        };
        let line = || state.debug_lines().next().map(Told::DebugOutput);
        match interface.next_told(end).or_else(line) {
            Some(told) => value(lua, told)?.into_lua_multi(lua),
            None => {
                interface.flush();
                Ok(MultiValue::new())
            }
        }
    })?;
    lua.load(include_str!("dispatch.lua"))
        .set_name("=luasteam")
        .call((steam, start, next))
}

/// The table and the name under which the script's function is, and what it is told.
fn value(lua: &Lua, told: Told) -> Result<(&'static str, &'static str, Table)> {
    let sockets = "networkingSockets";
    Ok(match told {
        Told::Connection(change) => {
            let data = sockets::events::connection_changed(lua, &change)?;
            (sockets, "onConnectionChanged", data)
        }
        Told::Writable(connection) => {
            let data = lua.create_table()?;
            data.raw_set("connection", connection.get())?;
            (sockets, "onWritable", data)
        }
        Told::Signal(signal) => {
            let data = lua.create_table_with_capacity(0, 3)?;
            data.raw_set("connection", signal.connection.get())?;
            data.raw_set("peer", signal.peer.to_string())?;
            data.raw_set("signal", lua.create_string(&signal.bytes)?)?;
            (sockets, ON_SIGNAL, data)
        }
        Told::Authentication(status) => {
            let data = lua.create_table()?;
            data.raw_set("status", status.availability.number())?;
            data.raw_set("debugMsg", status.text)?;
            (sockets, "onAuthenticationStatus", data)
        }
        Told::CertificateExpiring(expiry) => {
            let data = lua.create_table()?;
            data.raw_set("expiry", expiry)?;
            (sockets, "onCertificateExpiring", data)
        }
        Told::DebugOutput(line) => {
            let data = utils::debug::data(lua, &line)?;
            ("networkingUtils", "onDebugOutput", data)
        }
        Told::PacketsRequested(peer) => {
            let data = lua.create_table()?;
            data.raw_set("steamIDRemote", networking::peer_value(lua, &peer)?)?;
            ("networking", networking::ON_REQUEST, data)
        }
        Told::PacketsFailed(peer, error) => {
            let data = lua.create_table()?;
            data.raw_set("steamIDRemote", networking::peer_value(lua, &peer)?)?;
            data.raw_set("sessionError", error.number())?;
            ("networking", networking::ON_FAIL, data)
        }
        Told::Server(ServerNews::Connected) => {
            ("gameServer", "onSteamServersConnected", lua.create_table()?)
        }
        Told::Server(ServerNews::Disconnected) => {
            let data = lua.create_table()?;
            data.raw_set("result", "OK")?;
            ("gameServer", "onSteamServersDisconnected", data)
        }
    })
}
