-- Calls functions as it is told, by numbers of functions and of values. Given: the list of all functions.
local functions = ...
local sockets = Steam.networkingSockets
local unpack = table.unpack or unpack

local client, server = world.pair()
local closed = world.pair()
sockets.closeConnection(closed)
local group, ended = sockets.createPollGroup(), sockets.createPollGroup()
sockets.destroyPollGroup(ended)
sockets.setConnectionPollGroup(server, group)
local socket = world.listen()
local loop = {}
loop[1], loop.conn, loop.msg = loop, loop, loop

local values = {
    false, true, 0, 1, 2, 8, -1, 1.5, 2 ^ 31, 2 ^ 53, 2 ^ 70, 0 / 0, 1 / 0, -1 / 0, "", "5", "x", "str:a", "127.0.0.1:0",
    "\255\0", "NagleTime", ("x"):rep(600000), {}, loop, { { conn = client, msg = "y", flag = 8 } }, { { priority = 1 } },
    { reliable = true }, { NagleTime = 0 }, { [0 / 1] = 1 }, print, coroutine.create(function() end), io.stdout, socket, client,
    server, closed, group, ended,
}

-- How many functions and values there are, and what calls one; further values than there are count as nil.
return #functions, #values, function(number, arguments)
    local signature = functions[number]
    local list, count = {}, 0
    for position, value in ipairs(arguments) do
        list[position], count = values[value], position
        if signature.parameters[position] == "timeoutMs" then
            list[position] = 0
        end
    end
    local steam = signature.section == "" and Steam or Steam[signature.section]
    local worked, problem = pcall(steam[signature.name], unpack(list, 1, count))
    if not worked then
        assert(type(problem) == "string", signature.name .. " raised no text")
        assert(problem:find(signature.name, 1, true), problem)
    end
end
