-- A player whom others reach by signals: one per state. What it has to signal is in `outgoing`.
local sockets = Steam.networkingSockets

local player = { outgoing = {}, states = {}, incoming = {}, accepts = true, told = {}, heard = {} }

function sockets.onSignal(data)
    assert(type(data.connection) == "number" and data.connection > 0)
    assert(type(data.peer) == "string" and #data.signal > 0)
    table.insert(player.outgoing, data)
end

function sockets.onConnectionChanged(data)
    player.states[data.connection] = data.state
    table.insert(player.told, data.state)
    player.last = data
    if data.state == "Connecting" and not player.dialled then
        table.insert(player.incoming, data.connection)
        if player.accepts then
            assert(sockets.acceptConnection(data.connection) == "OK")
        end
    end
end

-- Who this is, in a program with another way to others on the same machine than the network.
function player.begin(identity, options)
    options = options or {}
    options.identity, options.loopbackCandidates = identity, true
    -- All are in one process here, and it is the network that is to be tried.
    options.shortcuts = false
    assert(Steam.init(options))
end

function player.connect(peer, port, options)
    player.dialled = true
    local connection = sockets.connectP2P(peer, port, options)
    assert(connection ~= 0)
    return connection
end

-- The oldest signal, with whom it is for.
function player.next()
    local data = table.remove(player.outgoing, 1)
    if data then
        return data.peer, data.signal
    end
end

function player.turn()
    sockets.wait(1)
    Steam.runCallbacks()
    for connection in pairs(player.states) do
        local n, messages = sockets.receiveMessagesOnConnection(connection)
        for i = 1, n do
            table.insert(player.heard, messages[i])
        end
    end
end

return player
