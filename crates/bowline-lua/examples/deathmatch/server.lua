-- The server, for everything that runs Lua:
--
--     luajit server.lua --address [::]:27300 --seconds 180 --bots 3
--
-- It is also what the game starts in a thread of its own when it hosts a match (main.lua).
local Match = require "dm.match"
local Steam = require "luasteam"
local arguments = require "dm.arguments"

local options = arguments({ ... }, { address = "[::]:27300", seconds = 180, bots = 0 })

-- From a thread of LÖVE, how it went; on a command line, print it.
local isThread = love ~= nil
io.stdout:setvbuf("line") -- so that a log has each line at once
local function tell(text)
    if isThread then
        love.thread.getChannel("server says"):push(text)
    else
        print(text)
    end
end

-- The game wants to end.
local function isStopped()
    return isThread and love.thread.getChannel("stop the server"):pop() ~= nil
end

if not Steam.init() then
    return tell("cannot start")
end
local match = Match.new(Steam, options)
if match then
    tell("listening on " .. match.host.address)
    while not isStopped() and match:step() do
    end
    match:close()
    tell("the match is over")
else
    tell("cannot listen on " .. options.address)
end
Steam.shutdown()
