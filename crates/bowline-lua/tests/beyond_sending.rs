//! Messages sent in every way that there is do what was asked for.

use crate::support;

#[test]
fn a_message_is_reliable_unless_told_otherwise() {
    let lua = support::beyond();
    support::run::<()>(
        &lua,
        r#"
        local a, b = pair()
        local result, number = S.sendMessage(a, "one\0two")
        assert(result == "OK" and number == 1)
        local result, number = S.sendMessage(a, "three", { reliable = false, noNagle = true })
        assert(result == "OK" and number == 2)
        local all = receive_until(b, function(message) return message.number == 2 end)
        assert(#all == 2)
        assert(all[1].msg == "one\0two" and all[1].number == 1 and all[1].reliable == true)
        assert(all[2].msg == "three" and all[2].number == 2 and all[2].reliable == false)
        "#,
    );
}

#[test]
fn a_message_that_cannot_be_sent_has_no_number() {
    let lua = support::beyond();
    support::run::<()>(
        &lua,
        r#"
        local a, b = pair()
        local function refused(expected, ...)
            local result, number = S.sendMessage(...)
            assert(result == expected, result)
            assert(number == nil)
        end
        refused("InvalidParam", 0, "x")
        refused("InvalidParam", 4711, "x", { reliable = false })
        refused("InvalidParam", a, "x", { lane = 3 })
        refused("InvalidParam", a, "x", { deadlineMs = 5 })
        refused("InvalidParam", a, "x", { reliable = true, replaceKey = 5 })
        refused("InvalidParam", a, ("x"):rep(524289))
        S.closeConnection(a)
        refused("InvalidParam", a, "x")
        Steam.shutdown()
        refused("InvalidParam", b, "x")
        "#,
    );
}

/// Fills the way for about a tenth of a second, so that messages queue behind.
const JAM: &str = r#"
    a, b = pair()
    for _, name in ipairs { "SendRateMax", "SendRateMin" } do
        assert(U.setConnectionConfigValue(a, name, 500000))
    end
    function jam()
        for _ = 1, 50 do
            assert(S.sendMessage(a, ("j"):rep(1000)) == "OK")
        end
    end
    function without_jam(texts)
        local rest = {}
        for _, text in ipairs(texts) do
            if text:byte() ~= ("j"):byte() then
                rest[#rest + 1] = text
            end
        end
        return table.concat(rest, " ")
    end
"#;

#[test]
fn a_message_past_its_deadline_is_not_sent() {
    let lua = support::beyond();
    support::run::<()>(&lua, JAM);
    support::run::<()>(
        &lua,
        r#"
        jam()
        assert(S.sendMessage(a, "late", { reliable = false, deadlineMs = 0.5 }) == "OK")
        assert(S.sendMessage(a, "in time", { reliable = false, deadlineMs = 60000 }) == "OK")
        S.sendMessage(a, "end")
        local texts = without_jam(texts_until(b, "end"))
        assert(texts == "in time", texts)
        local status = S.getConnectionStatus(a)
        assert(status.expiredMessages == 1 and status.lanes[1].expiredMessages == 1)
        "#,
    );
}

#[test]
fn a_message_takes_the_place_of_a_waiting_one_with_its_key() {
    let lua = support::beyond();
    support::run::<()>(&lua, JAM);
    support::run::<()>(
        &lua,
        r#"
        jam()
        for _, text in ipairs { "old", "older", "newest" } do
            assert(S.sendMessage(a, text, { reliable = false, replaceKey = 7 }) == "OK")
        end
        assert(S.sendMessage(a, "another", { reliable = false, replaceKey = -8 }) == "OK")
        S.sendMessage(a, "end")
        local texts = without_jam(texts_until(b, "end"))
        assert(texts == "newest another", texts)
        local status = S.getConnectionStatus(a)
        assert(status.replacedMessages == 2 and status.lanes[1].replacedMessages == 2)
        "#,
    );
}

#[test]
fn lanes_go_by_priority_lower_first() {
    let lua = support::beyond();
    support::run::<()>(&lua, JAM);
    support::run::<()>(
        &lua,
        r#"
        local result = S.configureConnectionLanes(a, { { priority = 5 }, { priority = 0, weight = 3 } })
        assert(result == "OK", result)
        jam()
        local result, number = S.sendMessage(a, "urgent", { lane = 1 })
        assert(result == "OK" and number == 1)
        local status = S.getConnectionStatus(a)
        assert(#status.lanes == 2)
        assert(status.lanes[1].pendingReliableBytes > 10000, status.lanes[1].pendingReliableBytes)
        local before = 0
        local all = receive_until(b, function(message) return message.msg == "urgent" end)
        local urgent = all[#all]
        assert(urgent.lane == 1 and urgent.number == 1 and urgent.reliable)
        assert(#all < 40, #all .. " came before")
        -- Nothing of the others is lost by that.
        receive_until(b, function(message) return message.number == 50 end)
        "#,
    );
}

#[test]
fn lanes_are_refused_with_a_result() {
    let lua = support::beyond();
    support::run::<()>(
        &lua,
        r#"
        local a, b = pair()
        local function lanes(n)
            local lanes = {}
            for i = 1, n do
                lanes[i] = {}
            end
            return lanes
        end
        assert(S.configureConnectionLanes(4711, lanes(2)) == "NoConnection")
        assert(S.configureConnectionLanes(a, {}) == "InvalidParam")
        assert(S.configureConnectionLanes(a, lanes(256)) == "InvalidParam")
        assert(S.configureConnectionLanes(a, { { weight = 0 } }) == "InvalidParam")
        assert(S.configureConnectionLanes(a, lanes(255)) == "OK")
        assert(S.configureConnectionLanes(a, lanes(254)) == "InvalidParam", "they cannot be taken away")
        assert(#S.getConnectionStatus(a).lanes == 255)
        assert(S.sendMessage(a, "last", { lane = 254 }) == "OK")
        local all = receive_until(b, function() return true end)
        assert(all[1].lane == 254)
        "#,
    );
}

#[test]
fn late_messages_are_dropped_where_they_are_to_come_in_order() {
    let lua = support::beyond();
    support::run::<()>(
        &lua,
        r#"
        local a, b = pair()
        assert(U.setConfigValue("FakePacketReorder_Send", 40))
        assert(U.setConfigValue("FakePacketReorder_Time", 20))
        assert(S.configureConnectionLanes(a, { {}, {} }) == "OK")
        assert(S.setSequenced(b, 1, true) == "OK")
        for number = 1, 200 do
            for lane = 0, 1 do
                S.sendMessage(a, "state", { reliable = false, noNagle = true, lane = lane })
            end
        end
        local newest, came, late = { [0] = 0, [1] = 0 }, { [0] = 0, [1] = 0 }, { [0] = 0, [1] = 0 }
        local dropped
        run_until(function()
            local _, messages = S.receiveDetailedMessagesOnConnection(b)
            for _, message in ipairs(messages) do
                local lane = message.lane
                came[lane] = came[lane] + 1
                if message.number < newest[lane] then
                    late[lane] = late[lane] + 1
                end
                newest[lane] = math.max(newest[lane], message.number)
            end
            dropped = S.getDropCounts(b).late_message or 0
            return came[0] == 200 and came[1] + dropped == 200
        end)
        assert(late[0] > 0, "they do come late")
        assert(late[1] == 0, late[1])
        assert(dropped > 0)
        "#,
    );
}

#[test]
fn sequencing_names_a_lane_or_all() {
    let lua = support::beyond();
    support::run::<()>(
        &lua,
        r#"
        local a, b = pair()
        assert(S.setSequenced(a, nil, true) == "OK")
        assert(S.setSequenced(a, 255, false) == "OK")
        assert(S.setSequenced(4711, 0, true) == "NoConnection")
        "#,
    );
}

#[test]
fn capacity_shrinks_with_what_waits() {
    let lua = support::beyond();
    support::run::<()>(&lua, JAM);
    support::run::<()>(
        &lua,
        r#"
        local free = S.getSendCapacity(a)
        assert(free.bufferBytes == 524288 and free.atOnceBytes > 0)
        jam()
        local jammed = S.getSendCapacity(a, 0)
        assert(jammed.bufferBytes < free.bufferBytes)
        assert(jammed.atOnceBytes == 0)
        assert(jammed.delayUs > 1000, jammed.delayUs)
        assert(S.getSendCapacity(a, 1) == nil, "there is no such lane")
        assert(S.getSendCapacity(4711) == nil)
        "#,
    );
}

#[test]
fn a_wrong_option_is_an_error_that_names_it() {
    let lua = support::beyond();
    support::run::<()>(&lua, "a, b = pair()");
    for (options, expected) in [
        ("5", "options: table expected, got number"),
        ("{ relaible = true }", "options: unknown key 'relaible'"),
        ("{ [1] = true }", "options: unknown key '1'"),
        (
            "{ reliable = 1 }",
            "options: reliable: boolean expected, got number",
        ),
        (
            "{ noNagle = 'yes' }",
            "options: noNagle: boolean expected, got string",
        ),
        (
            "{ noDelay = {} }",
            "options: noDelay: boolean expected, got table",
        ),
        (
            "{ lane = 256 }",
            "options: lane: number of 0 to 255 expected",
        ),
        (
            "{ lane = -1 }",
            "options: lane: number of 0 to 255 expected",
        ),
        (
            "{ lane = '1.5' }",
            "options: lane: number has no integer representation",
        ),
        (
            "{ deadlineMs = -1 }",
            "options: deadlineMs: not negative and finite number expected",
        ),
        (
            "{ deadlineMs = 0/0 }",
            "options: deadlineMs: not negative and finite number expected",
        ),
        (
            "{ deadlineMs = math.huge }",
            "options: deadlineMs: not negative and finite number expected",
        ),
        (
            "{ deadlineMs = true }",
            "options: deadlineMs: number expected, got boolean",
        ),
        (
            "{ replaceKey = 'k' }",
            "options: replaceKey: number expected, got string",
        ),
    ] {
        let error = support::error(&lua, &format!("S.sendMessage(a, 'x', {options})"));
        let expected = format!("test:1: bad argument #3 to 'sendMessage' ({expected})");
        assert_eq!(error, expected, "{options}");
    }
    // Nothing was sent by then.
    support::run::<()>(&lua, "assert(select(2, S.sendMessage(a, 'x')) == 1)");
}

#[test]
fn a_wrong_lane_is_an_error_that_names_it() {
    let lua = support::beyond();
    support::run::<()>(&lua, "a, b = pair()");
    for (lanes, expected) in [
        ("nil", "lanes: table expected, got nil"),
        ("{ 5 }", "lanes: [1]: table expected, got number"),
        ("{ {}, { prio = 1 } }", "lanes: [2]: unknown key 'prio'"),
        (
            "{ { weight = 65536 } }",
            "lanes: [1]: weight: number of 0 to 65535 expected",
        ),
        (
            "{ { weight = {} } }",
            "lanes: [1]: weight: number expected, got table",
        ),
        (
            "{ { priority = 2^31 } }",
            "lanes: [1]: priority: number of -2147483648 to 2147483647 expected",
        ),
    ] {
        let error = support::error(&lua, &format!("S.configureConnectionLanes(a, {lanes})"));
        let expected =
            format!("test:1: bad argument #2 to 'configureConnectionLanes' ({expected})");
        assert_eq!(error, expected, "{lanes}");
    }
    let error = support::error(&lua, "S.setSequenced(a, 0)");
    assert_eq!(
        error,
        "test:1: bad argument #3 to 'setSequenced' (on: boolean expected, got nil)"
    );
}

#[test]
fn options_are_read_without_metamethods() {
    let lua = support::beyond();
    support::run::<()>(
        &lua,
        r#"
        local a, b = pair()
        local called = false
        local trap = setmetatable({ reliable = false }, {
            __index = function() called = true end,
            __pairs = function() called = true return next, {} end,
        })
        assert(S.sendMessage(a, "x", trap) == "OK")
        assert(not called)
        local all = receive_until(b, function() return true end)
        assert(all[1].reliable == false)
        "#,
    );
}

#[test]
fn room_in_a_full_buffer_is_told() {
    let lua = support::beyond();
    support::run::<()>(
        &lua,
        r#"
        local a, b = pair()
        local writable = {}
        function S.onWritable(data)
            writable[#writable + 1] = data.connection
        end
        local full = ("f"):rep(60000)
        local sent = 0
        while S.sendMessage(a, full) == "OK" do
            sent = sent + 1
        end
        local result, number = S.sendMessage(a, full)
        assert(result == "LimitExceeded" and number == nil)
        local received = 0
        run_until(function()
            received = received + S.receiveInto(b, {})
            return #writable > 0
        end)
        assert(#writable == 1 and writable[1] == a)
        assert(S.sendMessage(a, full) == "OK")
        "#,
    );
}
