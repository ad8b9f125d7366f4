//! Poll groups.

use crate::support::run;
use crate::support::world;

#[test]
fn messages_of_many_connections_come_with_their_numbers() {
    let lua = world();
    run::<()>(
        &lua,
        r#"
        local sockets = Steam.networkingSockets
        local group = sockets.createPollGroup()
        assert(type(group) == "number" and group > 0)
        local _, address = world.listen()
        local from, count = {}, 0
        for index = 1, 3 do
            local client, server = world.pair(nil, address)
            from[server] = index
            assert(sockets.setConnectionPollGroup(server, group) == true)
            assert(sockets.sendMessageToConnection(client, "of " .. index, 9) == "OK")
        end
        world.untilTrue(function()
            local n, messages = sockets.receiveMessagesOnPollGroup(group)
            assert(n == #messages)
            for _, message in ipairs(messages) do
                assert(message.msg == "of " .. from[message.conn])
                count = count + 1
            end
            return count == 3
        end)
        "#,
    );
}

#[test]
fn a_group_of_no_number_takes_out() {
    let lua = world();
    run::<()>(
        &lua,
        r#"
        local sockets = Steam.networkingSockets
        local group = sockets.createPollGroup()
        local client, server = world.pair()
        assert(sockets.setConnectionPollGroup(server, group))
        assert(sockets.setConnectionPollGroup(server, 0))
        sockets.sendMessageToConnection(client, "x", 9)
        assert(world.receive(server, 1)[1] == "x")
        assert(sockets.receiveMessagesOnPollGroup(group) == 0)
        "#,
    );
}

#[test]
fn a_group_that_is_destroyed_names_nothing() {
    let lua = world();
    run::<()>(
        &lua,
        r#"
        local sockets = Steam.networkingSockets
        local client, server = world.pair()
        local group = sockets.createPollGroup()
        assert(sockets.setConnectionPollGroup(server, group))
        assert(sockets.destroyPollGroup(group) == true)
        assert(sockets.destroyPollGroup(group) == false)
        assert(sockets.destroyPollGroup(0) == false)
        assert(sockets.setConnectionPollGroup(server, group) == false)
        assert(sockets.setConnectionPollGroup(0, 0) == false)
        assert(sockets.receiveMessagesOnPollGroup(group) == -1)
        assert(sockets.createPollGroup() ~= group)
        sockets.sendMessageToConnection(client, "still there", 9)
        assert(world.receive(server, 1)[1] == "still there")
        "#,
    );
}
