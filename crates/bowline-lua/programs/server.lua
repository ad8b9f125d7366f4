-- Listens on a port, greets whoever connects, and ends with the first message that comes back.
-- `cargo xtask lua` runs it under every interpreter.
local Steam = require 'luasteam'
local sockets = Steam.networkingSockets

local clients = {}
local listener = nil

Steam.init()
sockets.initAuthentication()

-- Only now, as programs do: nothing is told before runCallbacks.
function sockets.onConnectionChanged(data)
    print('Connection changed', data.connection, data.state, data.state_old, data.endReason, data.debug)
    if data.state == 'Connecting' then
        print('accepted', sockets.acceptConnection(data.connection))
    elseif data.state == 'Connected' then
        clients[data.connection] = true
        sockets.sendMessageToConnection(data.connection, 'ahoy from the harbour', sockets.flags.Send_Reliable)
    elseif data.state == 'ClosedByPeer' or data.state == 'ProblemDetectedLocally' then
        sockets.closeConnection(data.connection)
        clients[data.connection] = nil
    end
end

-- A second call would find the port taken, by us, and take the listener's name from it.
function sockets.onAuthenticationStatus(data)
    if data.status == 100 and not connection then
        listener = sockets.createListenSocketIP('[::]:55556')
        print('listening on port 55556', type(listener))
    end
end

local done = false
while not done do
    Steam.runCallbacks()
    for connection in pairs(clients) do
        local n, messages = sockets.receiveMessagesOnConnection(connection)
        if n > 0 then
            for i, message in ipairs(messages) do
                print('received message', i, message, 'from connection', connection, type(i))
                done = true
            end
        end
    end
end

-- The listener stays open, and is never closed by name: shutdown ends it.
for connection in pairs(clients) do
    sockets.closeConnection(connection)
end
Steam.shutdown()
