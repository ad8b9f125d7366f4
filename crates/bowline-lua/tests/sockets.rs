//! Listen sockets and connections.

use crate::support;
use crate::support::run;
use crate::support::state;
use crate::support::world;

#[test]
fn before_init_every_function_says_that_it_failed() {
    let lua = state();
    run::<()>(
        &lua,
        r#"
        local sockets = Steam.networkingSockets
        local function only(expected, ...)
            assert(select('#', ...) == 1 and (...) == expected)
        end
        assert(tostring(sockets.createListenSocketIP("[::]:0")) == "invalid socket")
        only(0, sockets.connectByIPAddress("127.0.0.1:1"))
        only("InvalidParam", sockets.acceptConnection(1))
        only("InvalidParam", sockets.sendMessageToConnection(1, "x", 8))
        only("InvalidParam", sockets.flushMessagesOnConnection(1))
        only(false, sockets.sendMessages(1, { { conn = 1, msg = "x", flag = 8 } })[1])
        only(-1, sockets.receiveMessagesOnConnection(1))
        only(-1, sockets.receiveMessagesOnPollGroup(1))
        only(0, sockets.createPollGroup())
        only(false, sockets.destroyPollGroup(1))
        only(false, sockets.setConnectionPollGroup(1, 1))
        local result, description = sockets.getConnectionInfo(1)
        assert(result == "None" and description == "")
        assert(select('#', sockets.closeConnection(1)) == 0)
        assert(select('#', sockets.closeListenSocket(nil)) == 0)
        "#,
    );
}

#[test]
fn a_listen_socket_takes_both_families() {
    let lua = world();
    run::<()>(
        &lua,
        r#"
        local sockets = Steam.networkingSockets
        local socket, port
        repeat
            port = math.random(10000, 30000)
            socket = sockets.createListenSocketIP("[::]:" .. port)
        until tostring(socket) ~= "invalid socket"
        assert(type(socket) == "userdata")
        world.pair(nil, "127.0.0.1:" .. port)
        "#,
    );
}

#[test]
fn a_taken_port_gives_an_invalid_socket() {
    let lua = world();
    run::<()>(
        &lua,
        r#"
        local sockets = Steam.networkingSockets
        local socket, address = world.listen()
        local second = sockets.createListenSocketIP(address)
        assert(type(second) == "userdata" and tostring(second) == "invalid socket")
        sockets.closeListenSocket(second)
        world.pair(nil, address)
        sockets.closeListenSocket(socket)
        local again = sockets.createListenSocketIP(address)
        assert(tostring(again) ~= "invalid socket" and again ~= socket)
        "#,
    );
}

#[test]
fn what_is_no_address_makes_nothing() {
    let lua = world();
    run::<()>(
        &lua,
        r#"
        local sockets = Steam.networkingSockets
        for _, text in ipairs { "", "nonsense", "localhost:1", "1.2.3.4", "1.2.3.4:99999", "[::1", "\255\0", "::", 5 } do
            assert(tostring(sockets.createListenSocketIP(text)) == "invalid socket", text)
            assert(sockets.connectByIPAddress(text) == 0, text)
        end
        assert(sockets.connectByIPAddress("127.0.0.1:0") == 0)
        assert(sockets.connectByIPAddress("[::]:0") == 0)
        assert(tostring(sockets.createListenSocketIP("192.0.2.1:5000")) == "invalid socket")
        "#,
    );
}

#[test]
fn sockets_are_equal_if_they_are_the_same() {
    let lua = world();
    run::<()>(
        &lua,
        r#"
        local sockets = Steam.networkingSockets
        local a, b = world.listen(), world.listen()
        assert(a == a and a ~= b)
        assert(tostring(a):match("^socket %d+$") and tostring(a) ~= tostring(b))
        local none, neither = sockets.createListenSocketIP(""), sockets.createListenSocketP2P(0)
        assert(none == neither and none ~= a)
        assert(none ~= io.stdout and a ~= 1 and a ~= nil)
        "#,
    );
}

#[test]
fn whatever_is_no_socket_is_not_closed() {
    let lua = world();
    run::<()>(
        &lua,
        r#"
        local sockets = Steam.networkingSockets
        local socket, address = world.listen()
        for _, other in ipairs { 1, 0, -1, "x", {}, print, io.stdout, true, sockets.createListenSocketIP("") } do
            assert(select('#', sockets.closeListenSocket(other)) == 0)
        end
        sockets.closeListenSocket()
        world.pair(nil, address)
        "#,
    );
}

#[test]
fn a_socket_outlives_what_referred_to_it() {
    let lua = world();
    run::<()>(
        &lua,
        r#"
        local address = select(2, world.listen())
        collectgarbage()
        collectgarbage()
        world.pair(nil, address)
        "#,
    );
}

#[test]
fn closing_a_socket_closes_what_came_in_through_it() {
    let lua = world();
    run::<()>(
        &lua,
        r#"
        local sockets = Steam.networkingSockets
        local socket, address = world.listen()
        local client, server = world.pair(nil, address)
        sockets.closeListenSocket(socket)
        assert(sockets.receiveMessagesOnConnection(server) == -1)
        world.untilTrue(function() return world.state[client] ~= "Connected" end)
        sockets.closeListenSocket(socket)
        "#,
    );
}

#[test]
fn accepting_says_whether_it_could_be() {
    let lua = world();
    run::<()>(
        &lua,
        r#"
        local sockets = Steam.networkingSockets
        world.accepts = false
        local _, address = world.listen()
        local client = world.connect(address)
        assert(sockets.acceptConnection(client) == "InvalidParam")
        local server = world.untilTrue(function() return world.incoming[1] end)
        assert(sockets.acceptConnection(server) == "OK")
        assert(sockets.acceptConnection(server) == "InvalidState")
        world.untilTrue(function() return world.state[client] == "Connected" end)
        assert(sockets.acceptConnection(client) == "InvalidState")
        assert(sockets.acceptConnection(0) == "InvalidParam")
        "#,
    );
}

#[test]
fn the_other_side_hears_of_an_end() {
    let lua = world();
    run::<()>(
        &lua,
        r#"
        local sockets = Steam.networkingSockets
        local client, server = world.pair()
        local result, description = sockets.getConnectionInfo(client)
        assert(result == "OK" and description:find('#' .. string.format("%d", client), 1, true), description)
        assert(select('#', sockets.closeConnection(client)) == 0)
        sockets.closeConnection(client, true)
        world.untilTrue(function() return world.state[server] == "ClosedByPeer" end)
        local last = world.changes[#world.changes]
        assert(last.connection == server and last.state_old == "Connected" and last.endReason == 1000)
        assert(type(last.debug) == "string")
        assert(sockets.getConnectionInfo(server) == "OK")
        sockets.closeConnection(server)
        assert(sockets.getConnectionInfo(server) == "None")
        "#,
    );
}

#[test]
fn with_linger_what_was_sent_arrives() {
    let lua = world();
    run::<()>(
        &lua,
        r#"
        local sockets = Steam.networkingSockets
        local client, server = world.pair()
        local message = string.rep("x", 300000)
        assert(sockets.sendMessageToConnection(client, message, sockets.flags.Send_Reliable) == "OK")
        sockets.closeConnection(client, true)
        assert(world.receive(server, 1)[1] == message)
        "#,
    );
}

#[test]
fn changes_tell_old_and_new_state() {
    let lua = world();
    run::<()>(
        &lua,
        r#"
        local sockets = Steam.networkingSockets
        local client, server = world.pair()
        local seen = { [client] = {}, [server] = {} }
        for _, change in ipairs(world.changes) do
            local count = 0
            for _ in pairs(change) do count = count + 1 end
            assert(count == 5)
            table.insert(seen[change.connection], change.state_old .. ">" .. change.state)
            assert(change.endReason == 0 and change.debug == "")
        end
        assert(seen[client][1] == "None>Connecting" and seen[server][1] == "None>Connecting")
        for _, connection in ipairs { client, server } do
            local changes = seen[connection]
            assert(changes[#changes]:match(">Connected$"), changes[#changes])
        end
        "#,
    );
}

#[test]
fn nobody_there_is_a_problem_detected_locally() {
    let lua = world();
    run::<()>(
        &lua,
        r#"
        local sockets = Steam.networkingSockets
        local socket, address = world.listen()
        sockets.closeListenSocket(socket)
        local client = world.connect(address, { TimeoutInitial = 50 })
        world.untilTrue(function() return world.state[client] == "ProblemDetectedLocally" end)
        local last = world.changes[#world.changes]
        assert(last.state_old == "Connecting" and last.endReason == 5003, last.endReason)
        assert(#last.debug > 0)
        "#,
    );
}

#[test]
fn surplus_arguments_are_ignored_as_the_original_does() {
    let lua = world();
    run::<()>(
        &lua,
        r#"
        local sockets = Steam.networkingSockets
        assert(sockets.createPollGroup(1, 2, 3) > 0)
        assert(sockets.acceptConnection(0, "more") == "InvalidParam")
        "#,
    );
}

#[test]
fn what_was_kept_from_before_a_shutdown_names_nothing() {
    let lua = world();
    run::<()>(
        &lua,
        r#"
        local sockets = Steam.networkingSockets
        local old, group = world.listen(), sockets.createPollGroup()
        Steam.shutdown()
        assert(Steam.init())
        local new, address = world.listen()
        assert(sockets.createPollGroup() ~= group)
        assert(sockets.receiveMessagesOnPollGroup(group) == -1)
        assert(new ~= old)
        sockets.closeListenSocket(old)
        world.pair(nil, address)
        "#,
    );
}

#[test]
fn options_are_those_of_the_connections_that_come_in() {
    let lua = world();
    run::<()>(
        &lua,
        r#"
        local sockets = Steam.networkingSockets
        local _, address = world.listen({ SendBufferSize = 8192, Nonsense = 1, SendRateMin = 0, SendRateMax = 0 })
        local client, server = world.pair(nil, address)
        local large = string.rep("x", 10000)
        assert(sockets.sendMessageToConnection(server, large, 8) == "LimitExceeded")
        assert(sockets.sendMessageToConnection(client, large, 8) == "OK")
        assert(#world.receive(server, 1)[1] == 10000)
        "#,
    );
}

#[test]
fn an_option_of_the_wrong_kind_is_an_error() {
    let lua = world();
    for function in ["createListenSocketIP", "connectByIPAddress"] {
        let code =
            format!("Steam.networkingSockets.{function}('127.0.0.1:5', {{ NagleTime = print }})");
        assert_eq!(
            support::error(&lua, &code),
            format!(
                "test:1: bad argument #2 to '{function}' (options: NagleTime: number expected, got function)"
            )
        );
    }
}
