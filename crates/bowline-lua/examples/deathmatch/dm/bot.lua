-- A player that is none: wanders about and shoots at whoever is nearest. It sees what a player sees, and is a
-- guest like any other.
-- From 5.3 on `atan` takes both.
---@diagnostic disable-next-line: deprecated
local atan2 = math.atan2 or math.atan

---@class dm.Bot
---@field guest dm.Guest
---@field random fun(n: integer): integer
---@field way table Where it walks.
---@field changesAt number When it will walk elsewhere.
local Bot = {}
Bot.__index = Bot

local ways = {
    { up = true },
    { down = true },
    { left = true },
    { right = true },
    { up = true, right = true },
    { down = true, left = true },
}

function Bot.new(guest, random)
    return setmetatable({ guest = guest, random = random or math.random, way = {}, changesAt = 0 }, Bot)
end

function Bot:act(now)
    local view = self.guest:view(now)
    local me = view and view.players[self.guest.id]
    if not me then
        return
    end
    if now >= self.changesAt then
        self.way = ways[self.random(#ways)]
        self.changesAt = now + 0.2 + self.random(100) / 200
    end
    local target, distance = self:nearest(view, me)
    self.guest:send({
        left = self.way.left,
        right = self.way.right,
        up = self.way.up,
        down = self.way.down,
        aim = target and atan2(target.y - me.y, target.x - me.x) or me.aim,
        fire = target ~= nil and distance < 500,
    }, now)
end

function Bot:nearest(view, me)
    local nearest, least
    for id, other in pairs(view.players) do
        local distance = math.sqrt((other.x - me.x) ^ 2 + (other.y - me.y) ^ 2)
        if id ~= self.guest.id and other.health > 0 and (not least or distance < least) then
            nearest, least = other, distance
        end
    end
    return nearest, least
end

return Bot
