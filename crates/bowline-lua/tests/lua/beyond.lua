-- What the tests of our own functions share. `S` and `U` are the tables that they are in.
S = Steam.networkingSockets
U = Steam.networkingUtils
assert(Steam.init())

-- Two connections to each other over UDP.
function pair()
    local a, b = S.createSocketPair(true)
    assert(a ~= 0 and b ~= 0, "a pair")
    return a, b
end

-- The messages that come in on a connection, in detail, until `is_last` says so of one.
function receive_until(connection, is_last)
    local all = {}
    local stop = U.getLocalTimestamp() + 20e6
    repeat
        local n, messages = S.receiveDetailedMessagesOnConnection(connection)
        assert(n >= 0, "the connection is there")
        for _, message in ipairs(messages) do
            all[#all + 1] = message
            if is_last(message) then
                return all
            end
        end
        assert(U.getLocalTimestamp() < stop, "it does not come")
    until not S.wait(1000) and U.getLocalTimestamp() > stop
    error("it did not come")
end

-- The same until a message with this text, which is left out: only the texts.
function texts_until(connection, last)
    local texts = {}
    for _, message in ipairs(receive_until(connection, function(message) return message.msg == last end)) do
        if message.msg ~= last then
            texts[#texts + 1] = message.msg
        end
    end
    return texts
end

-- Calls `runCallbacks` until `is_done` says so.
function run_until(is_done)
    local stop = U.getLocalTimestamp() + 20e6
    while not is_done() do
        assert(U.getLocalTimestamp() < stop, "it does not happen")
        S.wait(10)
        Steam.runCallbacks()
    end
end

function count(table)
    local n = 0
    for _ in pairs(table) do
        n = n + 1
    end
    return n
end
