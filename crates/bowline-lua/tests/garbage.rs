//! What calls leave to the garbage collector.

use crate::support::run;
use crate::support::world;

/// How often a function is called. Less than a byte per call is nothing: no value is so small.
const CALLS: usize = 100_000;

/// How many bytes calls leave, of which `body` makes one.
fn left(lua: &mlua::Lua, prepare: &str, body: &str) -> f64 {
    run(
        lua,
        &format!(
            r#"
            local sockets = Steam.networkingSockets
            {prepare}
            local function measure()
                collectgarbage()
                collectgarbage()
                collectgarbage("stop")
                local before = collectgarbage("count")
                for index = 1, {CALLS} do
                    {body}
                end
                local left = collectgarbage("count") - before
                collectgarbage("restart")
                return left * 1024
            end
            measure()
            return measure()
            "#
        ),
    )
}

#[test]
fn calls_that_give_numbers_and_texts_leave_nothing() {
    let lua = world();
    run::<()>(&lua, "client, server = world.pair()");
    let prepare = "local client, server = client, server";
    for body in [
        "sockets.sendMessageToConnection(client, 'x', 0)",
        "sockets.flushMessagesOnConnection(client)",
        "sockets.receiveMessagesOnConnection(0)",
        "sockets.acceptConnection(client)",
        "sockets.setConnectionPollGroup(server, 0)",
        "Steam.runCallbacks()",
    ] {
        let bytes = left(&lua, prepare, body);
        assert!(bytes < CALLS as f64, "{body} left {bytes} bytes");
    }
}

#[test]
fn receiving_nothing_leaves_an_empty_table() {
    let lua = world();
    let prepare = "local client, server = world.pair()";
    // Where LuaJIT sees that it is used, so that it does make it.
    let table = left(&lua, prepare, "kept = {}");
    let received = left(&lua, prepare, "sockets.receiveMessagesOnConnection(server)");
    assert!(
        received < table + CALLS as f64,
        "{received} bytes, {table} for tables alone"
    );
}

#[test]
fn a_message_leaves_its_string_and_a_place_in_a_table() {
    let lua = world();
    let (received, made): (f64, f64) = run(
        &lua,
        r#"
        local sockets = Steam.networkingSockets
        local client, server = world.pair({ RecvBufferMessages = 10000, RecvBufferSize = 10000000 })
        local count = 3200
        for number = 1, count do
            local sent = sockets.sendMessageToConnection(client, ("%064d"):format(number), sockets.flags.Send_Reliable)
            assert(sent == "OK")
        end
        collectgarbage()
        collectgarbage()
        collectgarbage("stop")
        local got, received, made = 0, 0, 0
        world.untilTrue(function()
            local before = collectgarbage("count")
            local n = sockets.receiveMessagesOnConnection(server)
            local after = collectgarbage("count")
            if n > 0 then
                got = got + n
                received = received + after - before
                -- The same again, made in Lua.
                local list = {}
                for index = 1, n do
                    list[index] = ("%064d"):format(count + got + index)
                end
                made = made + collectgarbage("count") - after
            end
            return got == count
        end)
        collectgarbage("restart")
        return received, made
        "#,
    );
    // The table in which Lua has all its strings may grow in the one or in the other. A table for each message
    // would be half as much again.
    assert!(
        received > 0.0 && received <= made * 1.3,
        "{received} KiB, {made} for the same made in Lua"
    );
}
