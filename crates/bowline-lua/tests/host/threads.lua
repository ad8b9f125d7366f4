-- For LÖVE: the server in the main thread and the client in another, each with the module in a state of its own.
local folder = assert(love.arg.parseGameArguments(arg)[1]):match('^(.*)/') .. '/'

-- A port that is free.
local probe = require('socket').udp()
probe:setsockname('127.0.0.1', 0)
local _, port = probe:getsockname()
probe:close()

local thread = love.thread.newThread([[
    local folder
    folder, PORT = ...
    local talk, _, shutdown = assert(loadfile(folder .. 'client.lua'))()
    repeat until talk()
    shutdown()
]])
PORT = port
local talk, hear_the_end = assert(loadfile(folder .. 'server.lua'))()
thread:start(folder, port)
local function until_true(step)
    repeat
        local done = step()
        assert(not thread:getError(), thread:getError())
    until done
end
until_true(talk)
until_true(hear_the_end)
thread:wait()
print('two threads have talked')
