-- A small shooter for several players, seen from above.
--
--     love . --name Anna                       hosts a match with three bots, and plays
--     love . --join 192.168.1.20:27300         plays at somebody else's
--
-- Move with W A S D or the arrows, aim with the mouse, shoot with its button or the space bar.
--
-- Where to read on: dm/host.lua is the server, dm/guest.lua the client, dm/messages.lua what they say to each
-- other, dm/timeline.lua why it looks smooth.
local Guest = require "dm.guest"
local Net = require "dm.net"
local Steam = require "luasteam"
local arguments = require "dm.arguments"
local draw = require "dm.draw"

---@type dm.Guest
local guest
local server
local notice = ""

function love.load(words)
    local options = arguments(words, { name = "You", join = "", port = 27300, seconds = 180, bots = 3 })
    if not Steam.init() then
        error("luasteam cannot start")
    end
    local address = options.join
    if address == "" then
        address = "127.0.0.1:" .. options.port
        -- A server has a state of its own, in a thread of its own: a slow frame here is no slow frame there.
        server = love.thread.newThread("server.lua")
        server:start("--address", "[::]:" .. options.port, "--seconds", options.seconds, "--bots", options.bots)
        -- It says whether it listens; connecting before that would only lose a moment.
        notice = love.thread.getChannel("server says"):demand(5) or "the server does not start"
    end
    guest = Guest.connect(Net.new(Steam), address, options.name)
end

-- By a clock that goes on when the window is moved.
local now = love.timer.getTime

function love.update()
    Steam.runCallbacks()
    guest:receive(now())
    guest:send(draw.input(guest, now()), now())
    if server and server:getError() then
        error(server:getError())
    end
    notice = love.thread.getChannel("server says"):pop() or notice
end

function love.draw()
    draw.everything(guest, now(), notice)
end

function love.quit()
    guest:close("gone")
    if server then
        love.thread.getChannel("stop the server"):push(true)
        server:wait()
    end
    Steam.shutdown()
end
