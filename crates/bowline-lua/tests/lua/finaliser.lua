-- Uses the module while finalisers of the script use it, too.
local sockets = Steam.networkingSockets
local client, server = world.pair()
local other, grouped = world.pair()
local group = sockets.createPollGroup()
assert(sockets.setConnectionPollGroup(grouped, group))

-- What came in, in finalisers or not; what finalisers did, and what went wrong in them.
local received, finalised, problems = {}, 0, {}
local expected = {}

local function receive()
    local n, messages = sockets.receiveMessagesOnConnection(server)
    assert(n == #messages)
    for _, message in ipairs(messages) do
        table.insert(received, message)
    end
    n, messages = sockets.receiveMessagesOnPollGroup(group)
    assert(n == #messages)
    for _, message in ipairs(messages) do
        assert(message.conn == grouped)
        table.insert(received, message.msg)
    end
end

local function finalise()
    finalised = finalised + 1
    receive()
    Steam.runCallbacks()
    sockets.flushMessagesOnConnection(client)
    assert(sockets.getConnectionInfo(client) == "OK")
    assert(sockets.sendMessages(1, { { conn = 0, msg = "", flag = 8 } })[1] == false)
    assert(sockets.destroyPollGroup(sockets.createPollGroup()))
    assert(not pcall(sockets.acceptConnection, {}))
    sockets.closeListenSocket(sockets.createListenSocketP2P(0))
end

local function guarded()
    local worked, problem = pcall(finalise)
    if not worked then
        table.insert(problems, tostring(problem))
    end
end

-- Something whose finaliser uses the module; tables have none in Lua 5.1.
local function litter()
    if newproxy then
        getmetatable(newproxy(true)).__gc = guarded
    else
        setmetatable({}, { __gc = guarded })
    end
end

local function send(connection, text)
    if sockets.sendMessageToConnection(connection, text, sockets.flags.Send_Reliable) == "OK" then
        expected[text] = true
    end
end

for number = 1, 600 do
    litter()
    send(client, "one " .. number)
    send(other, "two " .. number)
    collectgarbage("step", 1)
    receive()
    Steam.runCallbacks()
    if number % 50 == 0 then
        collectgarbage()
    end
end
local missing = 0
for _ in pairs(expected) do
    missing = missing + 1
end
world.untilTrue(function()
    receive()
    return #received >= missing
end)
assert(#problems == 0, problems[1])
for _, message in ipairs(received) do
    assert(expected[message], message)
    expected[message] = nil
end
assert(next(expected) == nil)
assert(finalised > 300, finalised)
