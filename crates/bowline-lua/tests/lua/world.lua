-- What tests of the sockets need: a state in which connections are accepted, and changes kept.
local sockets = Steam.networkingSockets
assert(Steam.init())

-- `changes` are all that onConnectionChanged was told. `state` is the last one of each connection. Those in `incoming`
-- came in, in their order.
local world = { changes = {}, state = {}, incoming = {}, accepts = true, dialled = {} }

function sockets.onConnectionChanged(data)
    table.insert(world.changes, data)
    world.state[data.connection] = data.state
    if data.state_old == "None" and data.state == "Connecting" and not world.dialled[data.connection] then
        table.insert(world.incoming, data.connection)
        if world.accepts then
            assert(sockets.acceptConnection(data.connection) == "OK")
        end
    end
end

-- Runs callbacks until the function gives something other than nil and false, which it returns. A minute of
-- processor time is too long for anything here.
function world.untilTrue(wanted)
    local start = os.clock()
    while true do
        Steam.runCallbacks()
        local got = wanted()
        if got then
            return got
        end
        if os.clock() - start > 60 then
            error("it did not happen", 2)
        end
    end
end

-- A listen socket on a port that is free, and its address.
function world.listen(options)
    while true do
        local address = "127.0.0.1:" .. math.random(10000, 30000)
        local socket = sockets.createListenSocketIP(address, options)
        if tostring(socket) ~= "invalid socket" then
            return socket, address
        end
    end
end

function world.connect(address, options)
    local connection = sockets.connectByIPAddress(address, options)
    world.dialled[connection] = true
    return connection
end

-- Two ends of a connection that is established: who dialled, who accepted.
function world.pair(options, address)
    local before = #world.incoming
    if not address then
        local _
        _, address = world.listen(options)
    end
    local client = world.connect(address, options)
    local server = world.untilTrue(function()
        local server = world.incoming[before + 1]
        return world.state[client] == "Connected" and world.state[server or 0] == "Connected" and server
    end)
    return client, server
end

-- Receives until there are so many messages.
function world.receive(connection, count)
    local all = {}
    world.untilTrue(function()
        local n, messages = sockets.receiveMessagesOnConnection(connection)
        assert(n == #messages and n <= 32)
        for _, message in ipairs(messages) do
            table.insert(all, message)
        end
        return #all >= count
    end)
    return all
end

-- math.random has the same seed in every process of Lua 5.1; an address of a table has not.
math.randomseed(os.time() + tonumber(tostring(world):match("0x(%x+)") or "0", 16) % 2 ^ 31)

return world
