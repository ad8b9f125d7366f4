-- The server of `states.c` and `threads.lua`, which set PORT: functions to call until they return true, and one
-- that ends it.
local Steam = require 'luasteam'
local sockets = Steam.networkingSockets

local client, heard, left = nil, false, false

assert(Steam.init())

function sockets.onConnectionChanged(data)
    if data.state == 'Connecting' then
        assert(sockets.acceptConnection(data.connection) == 'OK')
    elseif data.state == 'Connected' then
        client = data.connection
        sockets.sendMessageToConnection(client, 'question', sockets.flags.Send_ReliableNoNagle)
    else
        assert(data.connection == client, 'a connection of another state')
        left = data.state == 'ClosedByPeer' or left
    end
end

local listener = sockets.createListenSocketIP('127.0.0.1:' .. PORT)

local function talk()
    Steam.runCallbacks()
    local n, messages = 0, nil
    if client then
        n, messages = sockets.receiveMessagesOnConnection(client)
    end
    if n > 0 then
        assert(n == 1 and messages[1] == 'answer', messages[1])
        sockets.sendMessageToConnection(client, 'thanks', sockets.flags.Send_ReliableNoNagle)
        heard = true
    end
    return heard
end

local function hear_the_end()
    Steam.runCallbacks()
    return left
end

return talk, hear_the_end, Steam.shutdown
