-- The client of `states.c` and `threads.lua`: see `server.lua`.
local Steam = require 'luasteam'
local sockets = Steam.networkingSockets

local thanked, left = false, false

assert(Steam.init())

local connection = sockets.connectByIPAddress('127.0.0.1:' .. PORT)
assert(connection ~= 0)

function sockets.onConnectionChanged(data)
    assert(data.connection == connection, 'a connection of another state')
    left = data.state == 'ClosedByPeer' or left
end

local function talk()
    Steam.runCallbacks()
    local n, messages = sockets.receiveMessagesOnConnection(connection)
    for i = 1, n do
        if messages[i] == 'question' then
            sockets.sendMessageToConnection(connection, 'answer', sockets.flags.Send_ReliableNoNagle)
        else
            assert(messages[i] == 'thanks', messages[i])
            thanked = true
        end
    end
    return thanked
end

local function hear_the_end()
    Steam.runCallbacks()
    return left
end

return talk, hear_the_end, Steam.shutdown
