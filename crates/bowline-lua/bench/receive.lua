-- How fast messages are received: `receive.lua PORT WAY MILLISECONDS`, WAY a function of `ways`. Waits for
-- `send.lua`, receives for a while to warm up, then measures. Prints messages per second, processor time per message
-- in nanoseconds, and bytes of garbage per message.
local Steam = require 'luasteam'
local sockets = Steam.networkingSockets
local port, way, milliseconds = arg[1], arg[2], tonumber(arg[3])

assert(Steam.init())
local connection
function sockets.onConnectionChanged(data)
    if data.state == 'Connecting' then
        sockets.acceptConnection(data.connection)
    elseif data.state == 'Connected' then
        connection = data.connection
    end
end
-- Room for what comes while the collector runs: what finds none is refused.
sockets.createListenSocketIP('127.0.0.1:' .. port, { RecvBufferMessages = 100000, RecvBufferSize = 16777216 })
print('READY')
io.stdout:flush()
while not connection do
    Steam.runCallbacks()
end

local group = sockets.createPollGroup()
local kept, from = {}, {}
local ways = {
    connection = function()
        return (sockets.receiveMessagesOnConnection(connection))
    end,
    group = function()
        return (sockets.receiveMessagesOnPollGroup(group))
    end,
    into = function()
        return sockets.receiveInto(connection, kept)
    end,
    groupInto = function()
        return sockets.receiveFromPollGroupInto(group, from, kept)
    end,
}
local receive = ways[way]
if way:find('group') then
    assert(sockets.setConnectionPollGroup(connection, group))
end

local now = Steam.networkingUtils.getLocalTimestamp
-- Messages, and by how much the heap grew; the collector stands still, and runs between the batches of rounds.
local function run(until_us)
    local count, bytes, calls = 0, 0, 0
    while now() < until_us do
        collectgarbage()
        collectgarbage('stop')
        local before = collectgarbage('count')
        for _ = 1, 1000 do
            local n = receive()
            count = count + n
            calls = calls + 1
            if n == 0 then
                Steam.runCallbacks()
            end
        end
        bytes = bytes + (collectgarbage('count') - before) * 1024
        collectgarbage('restart')
    end
    return count, bytes
end

run(now() + 300000)
local start, clock = now(), os.clock()
local count, bytes = run(start + milliseconds * 1000)
local time, used = now() - start, os.clock() - clock
print(string.format('%.0f %.0f %.1f', count * 1e6 / time, used * 1e9 / count, bytes / count))
sockets.closeConnection(connection)
Steam.shutdown()
