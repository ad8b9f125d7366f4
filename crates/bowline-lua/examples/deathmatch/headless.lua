-- Bots play a match on this machine, over a network that loses packets, without a window. In the end all must have
-- the same scores as the server: each has counted for itself what it was told.
--
--     luajit headless.lua --bots 4 --seconds 10 --loss 5
local Match = require "dm.match"
local Steam = require "luasteam"
local arguments = require "dm.arguments"

-- With port 0 the system chooses one.
local options = arguments({ ... }, { address = "127.0.0.1:0", seconds = 10, bots = 4, loss = 5 })

assert(Steam.init())
assert(Steam.networkingUtils.setConfigValue("FakePacketLoss_Send", options.loss))
local match = assert(Match.new(Steam, options))
while match:step() do
end

assert(#match.host.world.players == 0, "somebody did not read the result")
for _, bot in ipairs(match.bots) do
    local guest = bot.guest
    assert(guest.result, guest.name .. ": " .. tostring(guest.closed))
    for id, score in pairs(guest.result) do
        assert(guest.scores[id] == score, guest.name .. " has counted otherwise than the server")
    end
    print(("%-8s %3d"):format(guest.name, guest.result[guest.id]))
end
print(match.bots[1].guest.hits .. " hits")
match:close()
Steam.shutdown()
return match.bots[1].guest.hits -- for the test that runs this
