//! Messages are received with all that is known of them, and into tables that the script keeps; waiting ends when
//! there is something.

use crate::support;

#[test]
fn a_message_comes_with_all_that_is_known_of_it() {
    let lua = support::beyond();
    support::run::<()>(
        &lua,
        r#"
        local a, b = pair()
        assert(S.setConnectionUserData(b, 77))
        S.configureConnectionLanes(a, { {}, {} })
        local before = U.getLocalTimestamp()
        S.sendMessage(a, "first", { lane = 1 })
        S.sendMessage(a, "second", { lane = 1, noNagle = true })
        local all = receive_until(b, function(message) return message.number == 2 end)
        local after = U.getLocalTimestamp()
        assert(#all == 2)
        local message = all[1]
        assert(count(message) == 7)
        assert(message.conn == b and message.msg == "first" and message.number == 1)
        assert(message.lane == 1 and message.reliable == true and message.userData == 77)
        assert(before <= message.timeUs and message.timeUs <= after, message.timeUs)
        "#,
    );
}

#[test]
fn as_many_messages_come_as_are_asked_for() {
    let lua = support::beyond();
    support::run::<()>(
        &lua,
        r#"
        local a, b = S.createSocketPair()
        local group = S.createPollGroup()
        assert(S.setConnectionPollGroup(b, group))
        for number = 1, 100 do
            S.sendMessage(a, tostring(number))
        end
        local function check(n, messages, first, count)
            assert(n == count and #messages == count, n)
            for index, message in ipairs(messages) do
                assert(message.msg == tostring(first + index - 1) and message.conn == b)
            end
        end
        local n, messages = S.receiveDetailedMessagesOnConnection(b, 0)
        check(n, messages, 1, 0)
        n, messages = S.receiveDetailedMessagesOnConnection(b, 3)
        check(n, messages, 1, 3)
        n, messages = S.receiveDetailedMessagesOnConnection(b)
        check(n, messages, 4, 32)
        n, messages = S.receiveDetailedMessagesOnPollGroup(group, 5)
        check(n, messages, 36, 5)
        n, messages = S.receiveDetailedMessagesOnPollGroup(group)
        check(n, messages, 41, 32)
        n, messages = S.receiveDetailedMessagesOnPollGroup(group, 1e9)
        check(n, messages, 73, 28)
        n, messages = S.receiveDetailedMessagesOnPollGroup(group)
        check(n, messages, 101, 0)
        "#,
    );
}

#[test]
fn the_scripts_own_table_has_the_messages_and_nothing_else() {
    let lua = support::beyond();
    support::run::<()>(
        &lua,
        r#"
        local a, b = S.createSocketPair()
        for number = 1, 40 do
            S.sendMessage(a, tostring(number))
        end
        local messages = { name = "kept" }
        for index = 1, 50 do
            messages[index] = "stale"
        end
        assert(S.receiveInto(b, messages) == 32)
        assert(#messages == 32 and messages[1] == "1" and messages[32] == "32")
        assert(messages[33] == nil and messages[50] == nil)
        assert(S.receiveInto(b, messages) == 8)
        assert(#messages == 8 and messages[1] == "33" and messages[8] == "40")
        for index = 9, 50 do
            assert(messages[index] == nil, index)
        end
        assert(S.receiveInto(b, messages) == 0)
        assert(#messages == 0 and messages.name == "kept" and count(messages) == 1)
        "#,
    );
}

#[test]
fn two_tables_have_the_connections_and_the_messages_of_a_group() {
    let lua = support::beyond();
    support::run::<()>(
        &lua,
        r#"
        local a, b = S.createSocketPair()
        local c, d = S.createSocketPair()
        local group = S.createPollGroup()
        assert(S.setConnectionPollGroup(b, group) and S.setConnectionPollGroup(d, group))
        S.sendMessage(a, "one")
        S.sendMessage(c, "two")
        S.sendMessage(a, "three")
        local connections, messages = { 9, 9, 9, 9 }, {}
        assert(S.receiveFromPollGroupInto(group, connections, messages) == 3)
        local from = {}
        for index, message in ipairs(messages) do
            from[message] = connections[index]
        end
        assert(#connections == 3 and #messages == 3)
        assert(from.one == b and from.two == d and from.three == b)
        assert(S.receiveFromPollGroupInto(group, connections, messages) == 0)
        assert(#connections == 0 and #messages == 0)
        "#,
    );
}

#[test]
fn receiving_into_a_table_makes_no_garbage_but_the_strings() {
    let lua = support::beyond();
    support::run::<()>(
        &lua,
        r#"
        local a, b = S.createSocketPair()
        local group = S.createPollGroup()
        assert(S.setConnectionPollGroup(b, group))
        local messages, connections = {}, {}
        local function round()
            for _ = 1, 32 do
                S.sendMessage(a, "always the same")
            end
            assert(S.receiveInto(b, messages) == 32)
            for _ = 1, 32 do
                S.sendMessage(a, "always the same")
            end
            assert(S.receiveFromPollGroupInto(group, connections, messages) == 32)
        end
        round()
        collectgarbage("collect")
        collectgarbage("stop")
        local before = collectgarbage("count")
        for _ = 1, 100 do
            round()
        end
        local made = (collectgarbage("count") - before) * 1024
        collectgarbage("restart")
        -- 6,400 messages, whose text the interpreter has once.
        assert(made < 6400, made)
        "#,
    );
}

#[test]
fn a_closed_or_unknown_handle_gives_minus_one_alone() {
    let lua = support::beyond();
    support::run::<()>(
        &lua,
        r#"
        local a, b = S.createSocketPair()
        local group = S.createPollGroup()
        S.closeConnection(b)
        assert(S.destroyPollGroup(group))
        local function alone(...)
            assert(select('#', ...) == 1 and (...) == -1)
        end
        for _ = 1, 2 do
            for _, handle in ipairs { 0, 4711, b, group, -1, 2^40 } do
                local x, y = { 1, 2, 3 }, { 1, 2, 3 }
                alone(S.receiveDetailedMessagesOnConnection(handle))
                alone(S.receiveDetailedMessagesOnPollGroup(handle))
                alone(S.receiveInto(handle, x))
                assert(#x == 0)
                x = { 1, 2, 3 }
                alone(S.receiveFromPollGroupInto(handle, x, y))
                assert(#x == 0 and #y == 0)
                assert(S.waitForMessages(handle, 0) == false)
            end
            Steam.shutdown()
        end
        "#,
    );
}

#[test]
fn wrong_arguments_are_named() {
    let lua = support::beyond();
    for (call, expected) in [
        (
            "receiveInto(1)",
            "bad argument #2 to 'receiveInto' (messages: table expected, got nil)",
        ),
        (
            "receiveInto(1, {}, {})",
            "bad argument #3 to 'receiveInto' (no more than 2 arguments expected)",
        ),
        (
            "receiveFromPollGroupInto(1, {}, 'x')",
            "bad argument #3 to 'receiveFromPollGroupInto' (messages: table expected, got string)",
        ),
        (
            "receiveDetailedMessagesOnConnection(1, -1)",
            "bad argument #2 to 'receiveDetailedMessagesOnConnection' (max: not negative number expected)",
        ),
        (
            "receiveDetailedMessagesOnPollGroup(1, 1.5)",
            "bad argument #2 to 'receiveDetailedMessagesOnPollGroup' (max: number has no integer representation)",
        ),
        (
            "wait()",
            "bad argument #1 to 'wait' (timeoutMs: number expected, got nil)",
        ),
        (
            "wait(-1)",
            "bad argument #1 to 'wait' (timeoutMs: not negative and finite number expected)",
        ),
        (
            "wait(0/0)",
            "bad argument #1 to 'wait' (timeoutMs: not negative and finite number expected)",
        ),
        (
            "waitForMessages(1, math.huge)",
            "bad argument #2 to 'waitForMessages' (timeoutMs: not negative and finite number expected)",
        ),
    ] {
        let error = support::error(&lua, &format!("S.{call}"));
        assert_eq!(error, format!("test:1: {expected}"));
    }
}

#[test]
fn a_wait_ends_when_something_can_be_read() {
    let lua = support::beyond();
    support::run::<()>(
        &lua,
        r#"
        local a, b = pair()
        local group = S.createPollGroup()
        assert(S.setConnectionPollGroup(b, group))
        assert(S.wait(0) == false, "there is nothing")
        assert(S.waitForMessages(group, 0) == false)
        local begin = U.getLocalTimestamp()
        assert(S.wait(20) == false and S.waitForMessages(group, 20.5) == false)
        assert(U.getLocalTimestamp() - begin >= 40000)
        S.sendMessage(a, "x", { noNagle = true })
        -- 25 days, and longer: what comes is there long before.
        assert(S.wait(2^31) == true)
        assert(S.waitForMessages(group, 1e300) == true)
        assert(S.wait(0) == true and S.waitForMessages(group, 0) == true, "it is still unread")
        assert(S.receiveInto(b, {}) == 1)
        assert(S.wait(0) == false and S.waitForMessages(group, 0) == false)
        S.closeConnection(a)
        assert(S.wait(20000) == true, "an event")
        assert(S.waitForMessages(group, 0) == false, "no message")
        "#,
    );
}

/// The end is held back until what came before is read: then there is something to hear, without anything new.
#[test]
fn a_wait_ends_for_an_event_that_was_held_back() {
    let lua = support::beyond();
    support::run::<()>(
        &lua,
        r#"
        local a, b = pair()
        local ended
        function S.onConnectionChanged(data)
            ended = ended or data.connection == b and data.state
        end
        S.sendMessage(a, "last words")
        S.closeConnectionWithReason(a, 0, "", true)
        while S.getConnectionDetails(b).state ~= "ClosedByPeer" do
            S.wait(10)
        end
        Steam.runCallbacks()
        assert(not ended, "there is something to read")
        assert(S.receiveInto(b, {}) == 1)
        local begin = U.getLocalTimestamp()
        assert(S.wait(20000) == true)
        assert(U.getLocalTimestamp() - begin < 10e6)
        Steam.runCallbacks()
        assert(ended == "ClosedByPeer", ended)
        "#,
    );
}

#[test]
fn there_is_nothing_to_wait_for_before_init() {
    let lua = support::state();
    let ready = support::run::<bool>(&lua, "return Steam.networkingSockets.wait(1e9)");
    assert!(!ready);
}
