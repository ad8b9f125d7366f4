-- The world as it is: only the server has it, and only here is decided who was hit. It knows nothing of the
-- network, so it can be tried without one.
local rules = require "dm.rules"

---@class dm.Player
---@field id integer
---@field name string
---@field score integer
---@field x number
---@field y number
---@field aim number
---@field health integer
---@field cooldown integer Ticks until it may shoot.
---@field respawn integer Ticks until it is back.
---@field input table What it holds down.

---@class dm.World
---@field tick integer
---@field players dm.Player[] In order, so that everything happens in the same order everywhere.
---@field bullets table[]
---@field events table[] What has happened.
---@field nextBullet integer
---@field random fun(n: integer): integer
local World = {}
World.__index = World

-- `random(n)` gives a whole number from 1 to n, as `math.random` does.
function World.new(random)
    return setmetatable({
        tick = 0,
        players = {},
        bullets = {},
        events = {},
        nextBullet = 1,
        random = random,
    }, World)
end

function World:join(id, name)
    local player = { id = id, name = name, score = 0, aim = 0, cooldown = 0, input = {} }
    self:spawn(player)
    table.insert(self.players, player)
    return player
end

function World:leave(id)
    for index, player in ipairs(self.players) do
        if player.id == id then
            table.remove(self.players, index)
            return
        end
    end
end

function World:player(id)
    for _, player in ipairs(self.players) do
        if player.id == id then
            return player
        end
    end
end

-- One tick. What happened in it is added to `events`, for whoever tells it.
function World:step()
    self.tick = self.tick + 1
    for _, player in ipairs(self.players) do
        if player.health > 0 then
            self:walk(player)
            self:shoot(player)
        else
            player.respawn = player.respawn - 1
            if player.respawn <= 0 then
                self:spawn(player)
            end
        end
    end
    for index = #self.bullets, 1, -1 do
        if not self:fly(self.bullets[index]) then
            table.remove(self.bullets, index)
        end
    end
end

function World:takeEvents()
    local events = self.events
    self.events = {}
    return events
end

function World:spawn(player)
    repeat
        player.x, player.y = self.random(rules.width), self.random(rules.height)
    until not rules.isBlocked(player.x, player.y, rules.playerRadius)
    player.health = rules.fullHealth
end

function World:walk(player)
    local input = player.input
    player.aim = input.aim or player.aim
    local dx = (input.right and 1 or 0) - (input.left and 1 or 0)
    local dy = (input.down and 1 or 0) - (input.up and 1 or 0)
    local length = math.sqrt(dx * dx + dy * dy)
    if length == 0 then
        return
    end
    local step = rules.playerSpeed / rules.ticksPerSecond / length
    -- One axis after the other, so that one slides along walls.
    local x, y = player.x + dx * step, player.y + dy * step
    if not rules.isBlocked(x, player.y, rules.playerRadius) then
        player.x = x
    end
    if not rules.isBlocked(player.x, y, rules.playerRadius) then
        player.y = y
    end
end

function World:shoot(player)
    player.cooldown = math.max(0, player.cooldown - 1)
    if not player.input.fire or player.cooldown > 0 then
        return
    end
    player.cooldown = rules.ticksPerShot
    local speed = rules.bulletSpeed / rules.ticksPerSecond
    table.insert(self.bullets, {
        id = self.nextBullet,
        by = player.id,
        x = player.x,
        y = player.y,
        dx = math.cos(player.aim) * speed,
        dy = math.sin(player.aim) * speed,
    })
    self.nextBullet = self.nextBullet % 65535 + 1
end

-- Moves a bullet; whether it is still there.
function World:fly(bullet)
    bullet.x, bullet.y = bullet.x + bullet.dx, bullet.y + bullet.dy
    if rules.isBlocked(bullet.x, bullet.y, 0) then
        return false
    end
    for _, player in ipairs(self.players) do
        local isNear = (player.x - bullet.x) ^ 2 + (player.y - bullet.y) ^ 2 < rules.playerRadius ^ 2
        if isNear and player.id ~= bullet.by and player.health > 0 then
            self:hit(player, bullet.by)
            return false
        end
    end
    return true
end

function World:hit(player, by)
    player.health = math.max(0, player.health - rules.bulletDamage)
    table.insert(self.events, { kind = "hit", by = by, id = player.id, health = player.health })
    if player.health > 0 then
        return
    end
    player.respawn = rules.respawnTicks
    local shooter = self:player(by) -- who may have left
    if shooter then
        shooter.score = shooter.score + 1
    end
    table.insert(self.events, { kind = "killed", by = by, id = player.id })
end

return World
