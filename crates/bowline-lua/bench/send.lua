-- Sends messages as fast as it can to `receive.lua`: `send.lua PORT BYTES KIND`, KIND reliable or unreliable. Ends
-- when the other side closes.
local Steam = require 'luasteam'
local sockets = Steam.networkingSockets
local port, bytes, kind = arg[1], tonumber(arg[2]), arg[3]

local AT_ONCE = 32

local flag = kind == 'reliable' and sockets.flags.Send_Reliable or sockets.flags.Send_Unreliable
local connection, connected, ended = nil, false, false

assert(Steam.init())
function sockets.onConnectionChanged(data)
    connected = data.state == 'Connected'
    ended = data.state == 'ClosedByPeer' or data.state == 'ProblemDetectedLocally'
end
connection = sockets.connectByIPAddress('127.0.0.1:' .. port)

-- No two messages are alike: Lua has but one string of those that are.
local numbered = '%0' .. bytes .. 'd'
local number = 0
local messages = {}
for i = 1, AT_ONCE do
    messages[i] = { conn = connection, flag = flag }
end
while not ended do
    Steam.runCallbacks()
    for i = 1, AT_ONCE do
        number = number + 1
        messages[i].msg = numbered:format(number)
    end
    if not connected or not sockets.sendMessages(AT_ONCE, messages)[AT_ONCE] then
        sockets.wait(1)
    end
end
Steam.shutdown()
