//! What functions of the script are told.

use bowline::ConnectionEvent;
use bowline::ConnectionState;
use mlua::Lua;
use mlua::Result;
use mlua::Table;

/// What `onConnectionChanged` is told.
pub(crate) fn connection_changed(lua: &Lua, change: &ConnectionEvent) -> Result<Table> {
    let data = lua.create_table_with_capacity(0, 5)?;
    data.raw_set("connection", change.connection.id().get())?;
    data.raw_set("state", state_name(change.new))?;
    data.raw_set("state_old", state_name(change.old))?;
    data.raw_set("endReason", change.info.end_reason.code())?;
    data.raw_set("debug", change.info.end_text.as_str())?;
    Ok(data)
}

/// luasteam's name of a state. A connection that the script has closed is none to it, whatever it still does.
pub(crate) const fn state_name(state: ConnectionState) -> &'static str {
    match state {
        ConnectionState::None
        | ConnectionState::FinWait
        | ConnectionState::Linger
        | ConnectionState::Dead => "None",
        ConnectionState::Connecting => "Connecting",
        ConnectionState::FindingRoute => "FindingRoute",
        ConnectionState::Connected => "Connected",
        ConnectionState::ClosedByPeer => "ClosedByPeer",
        ConnectionState::ProblemDetectedLocally => "ProblemDetectedLocally",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn states_have_the_names_of_the_original() {
        for (state, expected) in [
            (ConnectionState::None, "None"),
            (ConnectionState::Connecting, "Connecting"),
            (ConnectionState::FindingRoute, "FindingRoute"),
            (ConnectionState::Connected, "Connected"),
            (ConnectionState::ClosedByPeer, "ClosedByPeer"),
            (
                ConnectionState::ProblemDetectedLocally,
                "ProblemDetectedLocally",
            ),
            (ConnectionState::FinWait, "None"),
            (ConnectionState::Linger, "None"),
            (ConnectionState::Dead, "None"),
        ] {
            assert_eq!(state_name(state), expected);
        }
    }
}
