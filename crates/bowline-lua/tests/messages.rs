//! Sending and receiving, one by one and in batches.

use crate::support;
use crate::support::run;
use crate::support::world;

#[test]
fn any_bytes_arrive_in_order() {
    let lua = world();
    run::<()>(
        &lua,
        r#"
        local client, server = world.pair()
        local sockets = Steam.networkingSockets
        local sent = { "", "\0a\0", string.rep("x", 100000), "\255\254", 17 }
        for _, message in ipairs(sent) do
            assert(sockets.sendMessageToConnection(client, message, sockets.flags.Send_Reliable) == "OK")
        end
        local received = world.receive(server, #sent)
        for index, message in ipairs(received) do
            assert(message == tostring(sent[index]), index)
        end
        assert(select('#', sockets.receiveMessagesOnConnection(server)) == 2)
        local n, messages = sockets.receiveMessagesOnConnection(server)
        assert(n == 0 and type(messages) == "table" and next(messages) == nil)
        "#,
    );
}

#[test]
fn flags_have_the_numbers_of_the_original_by_either_name() {
    let lua = support::state();
    run::<()>(
        &lua,
        r#"
        local flags, count = Steam.networkingSockets.flags, 0
        local numbers = { Unreliable = 0, UnreliableNoNagle = 1, UnreliableNoDelay = 5, Reliable = 8,
                          ReliableNoNagle = 9 }
        for name, number in pairs(numbers) do
            assert(flags[name] == number and flags["Send_" .. name] == number, name)
        end
        for _ in pairs(flags) do count = count + 1 end
        assert(count == 10)
        "#,
    );
}

#[test]
fn every_flag_sends() {
    let lua = world();
    run::<()>(
        &lua,
        r#"
        local client, server = world.pair()
        local sockets = Steam.networkingSockets
        for name, flag in pairs(sockets.flags) do
            assert(sockets.sendMessageToConnection(client, name, flag) == "OK", name)
        end
        assert(sockets.flushMessagesOnConnection(client) == "OK")
        assert(#world.receive(server, 10) == 10)
        "#,
    );
}

#[test]
fn a_refused_message_tells_why() {
    let lua = world();
    run::<()>(
        &lua,
        r#"
        local sockets = Steam.networkingSockets
        local function send(...) return sockets.sendMessageToConnection(...) end
        local client, server = world.pair({ SendBufferSize = 8192, TimeoutInitial = 60000 })
        assert(send(0, "x", 8) == "InvalidParam")
        assert(send(client + 1, "x", 8) == "InvalidParam")
        assert(send(-1, "x", 8) == "InvalidParam")
        for _, flag in ipairs { 2, 3, 32, 64, 256, -1, 2 ^ 40 } do
            assert(send(client, "x", flag) == "InvalidParam", flag)
        end
        assert(send(client, string.rep("x", 10000), 8) == "LimitExceeded")
        assert(send(client, string.rep("x", 524289), 8) == "InvalidParam")

        world.accepts = false
        local _, address = world.listen()
        local connecting = world.connect(address)
        assert(send(connecting, "x", sockets.flags.Send_UnreliableNoDelay) == "Ignored")
        assert(send(connecting, "waits", sockets.flags.Send_Reliable) == "OK")
        assert(sockets.flushMessagesOnConnection(connecting) == "Ignored")

        sockets.closeConnection(client)
        assert(send(client, "x", 8) == "InvalidParam")
        assert(sockets.flushMessagesOnConnection(client) == "InvalidParam")
        world.untilTrue(function() return world.state[server] == "ClosedByPeer" end)
        assert(send(server, "x", 8) == "NoConnection")
        assert(sockets.flushMessagesOnConnection(server) == "NoConnection")
        "#,
    );
}

#[test]
fn what_was_sent_before_the_peer_accepted_arrives() {
    let lua = world();
    run::<()>(
        &lua,
        r#"
        local sockets = Steam.networkingSockets
        world.accepts = false
        local _, address = world.listen()
        local client = world.connect(address)
        assert(sockets.sendMessageToConnection(client, "early", sockets.flags.Reliable) == "OK")
        local server = world.untilTrue(function() return world.incoming[1] end)
        assert(sockets.acceptConnection(server) == "OK")
        assert(world.receive(server, 1)[1] == "early")
        "#,
    );
}

#[test]
fn a_batch_goes_to_many_connections_in_order() {
    let lua = world();
    run::<()>(
        &lua,
        r#"
        local sockets = Steam.networkingSockets
        local _, address = world.listen()
        local clients, servers, batch = {}, {}, {}
        for index = 1, 3 do
            clients[index], servers[index] = world.pair(nil, address)
        end
        for number = 1, 40 do
            for index = 1, 3 do
                table.insert(batch, { conn = clients[index], msg = index .. ":" .. number, flag = 8 })
            end
        end
        -- One of nobody's, one with a wrong flag.
        table.insert(batch, 2, { conn = 0, msg = "lost", flag = 8 })
        table.insert(batch, 5, { conn = clients[1], msg = "lost", flag = 2 })
        local sent = sockets.sendMessages(#batch, batch)
        assert(#sent == #batch)
        for index, accepted in ipairs(sent) do
            assert(accepted == (index ~= 2 and index ~= 5), index)
        end
        for index = 1, 3 do
            local received = world.receive(servers[index], 40)
            for number, message in ipairs(received) do
                assert(message == index .. ":" .. number)
            end
        end
        "#,
    );
}

#[test]
fn a_batch_goes_on_after_a_message_that_was_refused() {
    let lua = world();
    run::<()>(
        &lua,
        r#"
        local sockets = Steam.networkingSockets
        local client, server = world.pair({ SendBufferSize = 8192 })
        local sent = sockets.sendMessages(3, {
            { conn = client, msg = "a", flag = 9 },
            { conn = client, msg = string.rep("x", 10000), flag = 9 },
            { conn = client, msg = "b", flag = 9 },
        })
        assert(sent[1] == true and sent[2] == false and sent[3] == true and #sent == 3)
        local received = world.receive(server, 2)
        assert(received[1] == "a" and received[2] == "b")
        "#,
    );
}

#[test]
fn a_batch_with_an_error_in_it_sends_nothing() {
    let lua = world();
    let client: u32 = run(&lua, "client, server = world.pair() return client");
    let expected =
        |wrong: &str| format!("test:1: bad argument #2 to 'sendMessages' (messages: {wrong})");
    for (batch, wrong) in [
        (
            "{ good, { conn = client, msg = {}, flag = 8 } }",
            "messages[2].msg: string expected, got table",
        ),
        (
            "{ good, { conn = {}, msg = 'x', flag = 8 } }",
            "messages[2].conn: number expected, got table",
        ),
        (
            "{ good, { conn = client, msg = 'x' } }",
            "messages[2].flag: number expected, got nil",
        ),
        ("{ good, 5 }", "messages[2]: table expected, got number"),
        ("{ good }", "messages[2]: table expected, got nil"),
        (
            "setmetatable({ good }, { __index = error })",
            "messages[2]: table expected, got nil",
        ),
        (
            "{ good, setmetatable({}, { __index = error }) }",
            "messages[2].conn: number expected, got nil",
        ),
    ] {
        let code = format!(
            "local good = {{ conn = {client}, msg = 'not sent', flag = 9 }} local batch = {batch} Steam.networkingSockets.sendMessages(2, batch)"
        );
        let error = support::error(&lua, &code);
        // Lua 5.1 has one kind of number.
        let got = error.replace("got integer", "got number");
        assert_eq!(got, expected(wrong), "{batch}");
    }
    run::<()>(
        &lua,
        r#"
        Steam.networkingSockets.sendMessageToConnection(client, "first", 9)
        local received = world.receive(server, 1)
        assert(#received == 1 and received[1] == "first")
        "#,
    );
}

#[test]
fn a_batch_is_bounded_by_its_list() {
    let lua = world();
    run::<()>(
        &lua,
        r#"
        local sockets = Steam.networkingSockets
        local one = { { conn = 0, msg = "", flag = 0 } }
        assert(#sockets.sendMessages(1, one) == 1)
        assert(#sockets.sendMessages(0, one) == 0)
        assert(#sockets.sendMessages(-1, one) == 0)
        assert(#sockets.sendMessages(-2 ^ 62, one) == 0)
        assert(not pcall(sockets.sendMessages, 2 ^ 62, one))
        "#,
    );
}

#[test]
fn as_many_as_32_come_at_once() {
    let lua = world();
    run::<()>(
        &lua,
        r#"
        local sockets = Steam.networkingSockets
        local client, server = world.pair()
        local group = sockets.createPollGroup()
        for round = 1, 2 do
            local batch = {}
            for index = 1, 70 do
                batch[index] = { conn = client, msg = tostring(index), flag = 9 }
            end
            sockets.sendMessages(70, batch)
            local counts, total = {}, 0
            world.untilTrue(function()
                local n
                if round == 1 then
                    n = sockets.receiveMessagesOnConnection(server)
                else
                    assert(sockets.setConnectionPollGroup(server, group))
                    n = sockets.receiveMessagesOnPollGroup(group)
                end
                assert(n <= 32)
                total = total + n
                return total == 70
            end)
        end
        "#,
    );
}

#[test]
fn a_bad_handle_gives_minus_one_and_nothing_else() {
    let lua = world();
    run::<()>(
        &lua,
        r#"
        local sockets = Steam.networkingSockets
        for _, receive in ipairs { sockets.receiveMessagesOnConnection, sockets.receiveMessagesOnPollGroup } do
            for _, handle in ipairs { 0, 1, -1, 2 ^ 31, 2 ^ 32, 2 ^ 53 } do
                assert(select('#', receive(handle)) == 1 and receive(handle) == -1)
            end
        end
        local client = world.pair()
        sockets.closeConnection(client)
        assert(sockets.receiveMessagesOnConnection(client) == -1)
        "#,
    );
}
