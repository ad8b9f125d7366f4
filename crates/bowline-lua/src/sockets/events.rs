//! What functions of the script are told.

use bowline::ConnectionEvent;
use mlua::Lua;
use mlua::Result;
use mlua::Table;

/// What `onConnectionChanged` is told.
pub(crate) fn connection_changed(lua: &Lua, change: &ConnectionEvent) -> Result<Table> {
    let data = lua.create_table_with_capacity(0, 5)?;
    data.raw_set("connection", change.connection.id().get())?;
    data.raw_set("state", change.new.to_string())?;
    data.raw_set("state_old", change.old.to_string())?;
    data.raw_set("endReason", change.info.end_reason.code())?;
    data.raw_set("debug", change.info.end_text.as_str())?;
    Ok(data)
}
