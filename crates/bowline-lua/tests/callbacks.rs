//! When the script is told what: `runCallbacks`, what an error in it leaves, and what waits for messages to be read.

use crate::support::run;
use crate::support::world;

/// A state in which callbacks are counted, with what these tests need.
fn counting() -> mlua::Lua {
    let lua = world();
    run::<()>(&lua, include_str!("lua/counting.lua"));
    lua
}

#[test]
fn a_run_tells_only_what_there_was_when_it_began() {
    let lua = counting();
    run::<()>(
        &lua,
        r#"
        world.accepts = false
        local connection
        function sockets.onAuthenticationStatus(data)
            connection = world.connect("127.0.0.1:9")
        end
        sockets.initAuthentication()
        Steam.runCallbacks()
        assert(connection and connection ~= 0)
        assert(world.state[connection] == nil, "told in the run that it happened in")
        Steam.runCallbacks()
        assert(world.state[connection] == "Connecting")
        "#,
    );
}

#[test]
fn an_error_goes_through_unchanged_and_leaves_the_rest_for_the_next_run() {
    let lua = counting();
    run::<()>(
        &lua,
        r#"
        local problem = setmetatable({}, { __tostring = function() return "mine" end })
        local dialled = dial(3)
        local told = {}
        function sockets.onConnectionChanged(data)
            table.insert(told, data.connection)
            error(problem)
        end
        for i = 1, 3 do
            local worked, got = pcall(Steam.runCallbacks)
            assert(not worked and rawequal(got, problem))
            assert(#told == i and told[i] == dialled[i])
        end
        Steam.runCallbacks()
        assert(#told == 3)
        -- Errors that are texts have the place of the script's function, and nothing else.
        dial(1)
        function sockets.onConnectionChanged() error("oh") end
        local _, text = pcall(Steam.runCallbacks)
        assert(text:match("^test:%d+: oh$"), text)
        sockets.onConnectionChanged = 5
        dial(1)
        local worked, text = pcall(Steam.runCallbacks)
        assert(not worked and text:match("attempt to call"), text)
        "#,
    );
}

#[test]
fn a_run_within_a_run_tells_everything_once() {
    let lua = counting();
    run::<()>(
        &lua,
        r#"
        local dialled = dial(5)
        local told = {}
        function sockets.onConnectionChanged(data)
            table.insert(told, data.connection)
            if #told == 2 then
                dialled[6] = dial(1)[1]
                Steam.runCallbacks()
                assert(#told == 6)
                dialled[7] = dial(1)[1]
            end
        end
        Steam.runCallbacks()
        assert(#told == 6, "the outer run goes no further than it was to")
        Steam.runCallbacks()
        assert(table.concat(told, " ") == table.concat(dialled, " "))
        "#,
    );
}

#[test]
fn a_coroutine_may_yield_in_a_callback() {
    let lua = counting();
    run::<()>(
        &lua,
        r#"
        local dialled = dial(3)
        local told = {}
        function sockets.onConnectionChanged(data)
            table.insert(told, coroutine.yield(data.connection))
        end
        local thread = coroutine.create(Steam.runCallbacks)
        for _, connection in ipairs(dialled) do
            local worked, got = coroutine.resume(thread, connection)
            assert(worked and got == connection)
        end
        assert(coroutine.resume(thread, dialled[3]) and coroutine.status(thread) == "dead")
        assert(#told == 3)
        -- Another run while one has yielded tells the rest, and so does the one that goes on.
        dialled = dial(3)
        told = {}
        local waiting = coroutine.create(Steam.runCallbacks)
        coroutine.resume(waiting)
        function sockets.onConnectionChanged(data) table.insert(told, data.connection) end
        Steam.runCallbacks()
        assert(#told == 2 and told[2] == dialled[3])
        assert(coroutine.resume(waiting, 0) and coroutine.status(waiting) == "dead")
        "#,
    );
}

#[test]
fn the_end_and_a_new_beginning_in_a_callback_end_the_run() {
    let lua = counting();
    run::<()>(
        &lua,
        r#"
        local told = 0
        dial(3)
        function sockets.onConnectionChanged() told = told + 1; Steam.shutdown() end
        Steam.runCallbacks()
        Steam.runCallbacks()
        assert(told == 1)
        assert(Steam.init())
        dial(3)
        function sockets.onConnectionChanged()
            told = told + 1
            Steam.shutdown()
            assert(Steam.init())
            dial(3)
        end
        told = 0
        Steam.runCallbacks()
        assert(told == 1, "what the new interface has to tell is for the next run")
        function sockets.onConnectionChanged() told = told + 1 end
        Steam.runCallbacks()
        assert(told == 4)
        "#,
    );
}

#[test]
fn functions_are_looked_up_when_they_are_called() {
    let lua = counting();
    run::<()>(
        &lua,
        r#"
        dial(4)
        local calls = ""
        local function last() calls = calls .. "b" end
        function sockets.onConnectionChanged()
            calls = calls .. "a"
            if calls == "a" then
                sockets.onConnectionChanged = last
            end
        end
        Steam.runCallbacks()
        assert(calls == "abbb")
        -- Nobody is told what nobody wants to hear.
        dial(2)
        sockets.onConnectionChanged = nil
        Steam.runCallbacks()
        sockets.onConnectionChanged = last
        Steam.runCallbacks()
        assert(calls == "abbb")
        "#,
    );
}

#[test]
fn what_waits_for_company_goes_out_with_the_end() {
    let lua = counting();
    run::<()>(
        &lua,
        r#"
        local client, server = world.pair()
        send(client, "with the end")
        sockets.closeConnection(client)
        assert(arrive(server)[1] == "with the end")
        "#,
    );
}

#[test]
fn the_end_waits_until_all_is_read() {
    let lua = counting();
    run::<()>(
        &lua,
        r#"
        local client, server = world.pair()
        for i = 1, 100 do
            send(client, tostring(i))
        end
        sockets.closeConnection(client)
        ended(server)
        local counts, all = {}, {}
        while world.state[server] == "Connected" do
            Steam.runCallbacks()
            local n, messages = sockets.receiveMessagesOnConnection(server)
            table.insert(counts, n)
            for _, message in ipairs(messages) do
                table.insert(all, message)
                assert(message == tostring(#all))
            end
        end
        assert(world.state[server] == "ClosedByPeer" and #all == 100)
        -- Told with the first run after the last message.
        assert(table.concat(counts, " ") == "32 32 32 4 0", table.concat(counts, " "))
        "#,
    );
}

#[test]
fn the_end_waits_for_readers_of_the_poll_group() {
    let lua = counting();
    run::<()>(
        &lua,
        r#"
        local client, server = world.pair()
        local group, other = sockets.createPollGroup(), sockets.createPollGroup()
        sockets.setConnectionPollGroup(server, group)
        for i = 1, 70 do
            send(client, "x")
        end
        sockets.closeConnection(client)
        ended(server)
        for _, expected in ipairs({ 32, 32, 6 }) do
            Steam.runCallbacks()
            assert(world.state[server] == "Connected")
            assert(sockets.receiveMessagesOnPollGroup(group) == expected)
        end
        Steam.runCallbacks()
        assert(world.state[server] == "ClosedByPeer")
        -- Who reads from others does not read from this one.
        local client, server = world.pair()
        sockets.setConnectionPollGroup(server, group)
        send(client, "x")
        sockets.closeConnection(client)
        ended(server)
        Steam.runCallbacks()
        assert(sockets.receiveMessagesOnPollGroup(other) == 0)
        assert(world.state[server] == "Connected")
        Steam.runCallbacks()
        assert(world.state[server] == "ClosedByPeer")
        "#,
    );
}

#[test]
fn the_end_waits_for_one_run_if_nobody_reads_and_not_at_all_if_nothing_is_there() {
    let lua = counting();
    run::<()>(
        &lua,
        r#"
        local client, server = world.pair()
        sockets.closeConnection(client)
        ended(server)
        Steam.runCallbacks()
        assert(world.state[server] == "ClosedByPeer")
        local client, server = world.pair()
        send(client, "never read")
        sockets.closeConnection(client)
        ended(server)
        Steam.runCallbacks()
        assert(world.state[server] == "Connected")
        Steam.runCallbacks()
        assert(world.state[server] == "ClosedByPeer")
        -- It is there to be read all the same.
        assert(sockets.receiveMessagesOnConnection(server) == 1)
        "#,
    );
}

#[test]
fn events_of_a_connection_keep_their_order_and_others_go_on() {
    let lua = counting();
    run::<()>(
        &lua,
        r#"
        local client, server = world.pair()
        send(client, "unread")
        sockets.closeConnection(client)
        ended(server)
        local told = {}
        function sockets.onConnectionChanged(data)
            if data.connection == server then
                table.insert(told, data.state)
            else
                told.other = true
            end
        end
        Steam.runCallbacks()
        assert(#told == 0)
        told.other = nil
        sockets.closeConnection(server)
        dial(1)
        Steam.runCallbacks()
        assert(told.other)
        assert(told[1] == "ClosedByPeer" and told[2] == "None" and #told == 2, table.concat(told, " "))
        "#,
    );
}
