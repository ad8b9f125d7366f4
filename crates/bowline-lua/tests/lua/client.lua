-- A client that thanks whoever welcomes it, and ends. Returns what it was told.
local sockets = Steam.networkingSockets
local connection, answer = nil, nil

assert(Steam.init())
sockets.initAuthentication()

function sockets.onAuthenticationStatus(data)
    if data.status == 100 then
        connection = sockets.connectByIPAddress("127.0.0.1:" .. port)
    end
end

local start = os.time()
while not answer do
    Steam.runCallbacks()
    if connection then
        local n, messages = sockets.receiveMessagesOnConnection(connection)
        if n > 0 then
            answer = messages[1]
            sockets.sendMessageToConnection(connection, "thank you", sockets.flags.Send_Reliable)
        end
    end
    assert(os.time() - start < limit, "nobody welcomed us")
end
if piece == "loop" then
    for _ = 1, 10000 do
        Steam.runCallbacks()
        sockets.receiveMessagesOnConnection(connection)
    end
elseif piece == "run" then
    Steam.runCallbacks()
end
if piece ~= "shutdown" then
    sockets.closeConnection(connection)
end
Steam.shutdown()
return answer
