-- Connects, answers the first message, goes on for ten thousand rounds, and closes without lingering.
-- `cargo xtask lua` runs it under every interpreter.
local Steam = require 'luasteam'
local sockets = Steam.networkingSockets

local connection = nil

Steam.init()
sockets.initAuthentication()

function sockets.onConnectionChanged(data)
    print('Connection changed', data.connection, data.state, data.state_old, data.endReason, data.debug)
end

function sockets.onAuthenticationStatus(data)
    if data.status == 100 and not connection then
        connection = sockets.connectByIPAddress('127.0.0.1:55556')
    end
end

-- The answer waits for more to send with it, up to 5 ms; the rounds may take less than that.
local rounds_left = nil
while rounds_left ~= 0 do
    Steam.runCallbacks()
    if connection then
        local n, messages = sockets.receiveMessagesOnConnection(connection)
        if n > 0 then
            for i, message in ipairs(messages) do
                print('received message', i, message, 'from connection', connection, type(i))
                sockets.sendMessageToConnection(connection, 'all well on board', sockets.flags.Send_Reliable)
                rounds_left = 10000
            end
        end
    end
    if rounds_left then
        rounds_left = rounds_left - 1
    end
end

if connection then
    sockets.closeConnection(connection)
end
Steam.shutdown()
