//! The table `networkingUtils`: settings, the clock, the debug output.

mod config;
pub(crate) mod debug;

use std::rc::Rc;

use mlua::Lua;
use mlua::Result;
use mlua::Table;

use bowline::Identity;
use bowline::PeerAddr;
use bowline::utils;

use crate::args::Bytes;
use crate::module::Module;
use crate::register::Names;

/// The table with its functions.
pub(crate) fn table(lua: &Lua, module: &Rc<Module>) -> Result<Table> {
    let table = lua.create_table()?;
    let names = Names::new(lua, &table, "networkingUtils");
    names.function("initRelayNetworkAccess", &[], |_, ()| {
        utils::init_relay_access();
        Ok(())
    })?;
    names.function("getRelayNetworkStatus", &[], |_, ()| {
        Ok(utils::relay_status().availability.number())
    })?;
    names.own("getLocalTimestamp", &[], |_, ()| {
        Ok(utils::local_timestamp().as_micros())
    })?;
    names.own("isIdentity", &["text"], |_, Bytes(text)| {
        let text = text.to_str();
        Ok(text.is_ok_and(|text| text.parse::<Identity>().is_ok()))
    })?;
    names.own("isFakeIP", &["address"], |_, Bytes(text)| {
        let addr = text.to_str().ok().and_then(|text| text.parse().ok());
        Ok(addr.is_some_and(|addr: PeerAddr| addr.is_fake_ip()))
    })?;
    config::register(&names, module)?;
    debug::register(&names, module)?;
    Ok(table)
}
