-- A server and its bots in one state, step by step. Who calls decides how often.
local Bot = require "dm.bot"
local Guest = require "dm.guest"
local Host = require "dm.host"
local Net = require "dm.net"

---@class dm.Match
---@field Steam luasteam
---@field host dm.Host
---@field bots dm.Bot[]
local Match = {}
Match.__index = Match

-- Options: `address` to listen on, `seconds` that the match lasts, `bots`. nil if it cannot listen.
function Match.new(Steam, options)
    local net = Net.new(Steam)
    local host = Host.new(net, options)
    if not host then
        return nil
    end
    local match = setmetatable({ Steam = Steam, host = host, bots = {} }, Match)
    -- Who listens on all addresses is reached at this one.
    local address = host.address:gsub("^%[::%]", "127.0.0.1"):gsub("^0%.0%.0%.0", "127.0.0.1")
    for index = 1, options.bots do
        match.bots[index] = Bot.new(Guest.connect(net, address, "Bot " .. index), options.random)
    end
    return match
end

-- Seconds, by a clock that has no calendar. `os.clock` is none: it stands still while a program sleeps.
function Match:now()
    return self.Steam.networkingUtils.getLocalTimestamp() / 1000000
end

-- Does what is to be done, and sleeps until there is more. Whether the match goes on.
function Match:step()
    local milliseconds = 1000 * (self.host:nextTick() - self:now())
    self.Steam.networkingSockets.wait(math.max(0, math.min(milliseconds, 15)))
    self.Steam.runCallbacks()
    local now = self:now()
    self.host:receive()
    self.host:advance(now)
    for _, bot in ipairs(self.bots) do
        bot.guest:receive(now)
        bot:act(now)
    end
    return not self.host.finished
end

function Match:close()
    for _, bot in ipairs(self.bots) do
        bot.guest:close("the server ends")
    end
    self.host:close()
end

return Match
