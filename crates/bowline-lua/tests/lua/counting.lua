-- What tests of callbacks need besides `world`.
sockets = Steam.networkingSockets

-- Begins so many connections, each of which is an event.
function dial(count)
    local dialled = {}
    for i = 1, count do
        dialled[i] = sockets.connectByIPAddress("127.0.0.1:9")
        assert(dialled[i] ~= 0)
    end
    return dialled
end

function send(connection, text)
    local result = sockets.sendMessageToConnection(connection, text, sockets.flags.Send_Reliable)
    assert(result == "OK", result)
end

-- Waits, without running callbacks, for what `get` gives.
local function await(get)
    local start = os.clock()
    while true do
        local got = get()
        if got then
            return got
        end
        assert(os.clock() - start < 60, "it did not happen")
    end
end

-- The messages that come in next.
function arrive(connection)
    return await(function()
        local n, messages = sockets.receiveMessagesOnConnection(connection)
        return n > 0 and messages
    end)
end

-- The peer has closed it, which was not told yet.
function ended(connection)
    await(function()
        local flag = sockets.flags.Send_Unreliable
        return sockets.sendMessageToConnection(connection, "", flag) == "NoConnection"
    end)
end
