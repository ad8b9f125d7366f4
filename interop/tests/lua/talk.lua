-- One end of a talk with a peer that echoes: `talk.lua server PORT` or `talk.lua client PORT`. Sends messages of both
-- kinds, and ends with 0 once all that must come back has, as it was. The share of unreliable messages that must come
-- back, in percent, is the third argument.
local Steam = require 'luasteam'
local sockets = Steam.networkingSockets
local role, port, least = arg[1], arg[2], tonumber(arg[3])

local SECONDS = 60
-- All of them at once are less than a send buffer holds.
local PER_KIND = 150

-- A message of up to 3000 bytes of every value, which says what it is.
local function message(kind, index)
    local size = index * 7919 % 3000
    local bytes = {}
    for i = 1, size do
        bytes[i] = string.char((index + i * 31) % 256)
    end
    return kind .. ' ' .. index .. ' ' .. table.concat(bytes)
end

local connection, ended = nil, nil

assert(Steam.init())

function sockets.onConnectionChanged(data)
    if data.state == 'Connecting' and role == 'server' then
        assert(sockets.acceptConnection(data.connection) == 'OK')
    elseif data.state == 'Connected' then
        connection = data.connection
    elseif data.state == 'ClosedByPeer' or data.state == 'ProblemDetectedLocally' then
        ended = data.state .. ' ' .. data.endReason .. ' ' .. data.debug
    end
end

local address = '127.0.0.1:' .. port
local listener = role == 'server' and sockets.createListenSocketIP(address)
local dialled = role == 'client' and sockets.connectByIPAddress(address)
assert(listener or dialled ~= 0)
print('READY')
io.stdout:flush()

local sent, reliable, unreliable, seen = 0, 0, 0, {}

local function send_some()
    for _ = 1, 10 do
        if sent == PER_KIND then
            return
        end
        sent = sent + 1
        assert(sockets.sendMessageToConnection(connection, message('r', sent), sockets.flags.Send_Reliable) == 'OK')
        assert(sockets.sendMessageToConnection(connection, message('u', sent), sockets.flags.Send_Unreliable) == 'OK')
    end
end

local function take(text)
    local kind, index = text:match('^(%a) (%d+) ')
    index = tonumber(index)
    assert(text == message(kind, index), 'a message has changed on its way')
    if kind == 'r' then
        reliable = reliable + 1
        assert(index == reliable, 'a reliable message is out of order')
    else
        assert(not seen[index], 'an unreliable message came twice')
        seen[index] = true
        unreliable = unreliable + 1
    end
end

local deadline = os.time() + SECONDS
while reliable < PER_KIND or unreliable * 100 < PER_KIND * least do
    Steam.runCallbacks()
    assert(not ended, ended)
    if os.time() > deadline then
        error('only ' .. reliable .. ' reliable and ' .. unreliable .. ' unreliable messages came back')
    end
    if connection then
        send_some()
        repeat
            local n, messages = sockets.receiveMessagesOnConnection(connection)
            for i = 1, n do
                take(messages[i])
            end
        until n < 32
    end
end
print(reliable .. ' reliable and ' .. unreliable .. ' unreliable messages of ' .. PER_KIND .. ' each')
sockets.closeConnection(connection)
Steam.shutdown()
