-- A server that welcomes who comes, and ends when somebody has thanked it. Returns what it was told.
local sockets = Steam.networkingSockets
local open, answer = {}, nil

assert(Steam.init())
sockets.initAuthentication()

function sockets.onAuthenticationStatus(data)
    if data.status == 100 then
        sockets.createListenSocketIP("[::]:" .. port)
    end
end

function sockets.onConnectionChanged(data)
    local connection = data.connection
    if data.state == "Connecting" then
        sockets.acceptConnection(connection)
    elseif data.state == "Connected" then
        open[connection] = true
        sockets.sendMessageToConnection(connection, "welcome", sockets.flags.Send_Reliable)
    elseif data.state == "ClosedByPeer" or data.state == "ProblemDetectedLocally" then
        -- What was not read by now is gone.
        sockets.closeConnection(connection)
        open[connection] = nil
    end
end

local start = os.time()
while not answer do
    Steam.runCallbacks()
    for connection in pairs(open) do
        local n, messages = sockets.receiveMessagesOnConnection(connection)
        if n > 0 then
            answer = messages[1]
        end
    end
    if piece == "some" then
        -- Long enough for a client to come and go.
        for _ = 1, 300000 do
        end
    end
    assert(os.time() - start < limit, "nobody came and thanked")
end
for connection in pairs(open) do
    sockets.closeConnection(connection)
end
Steam.shutdown()
return answer
