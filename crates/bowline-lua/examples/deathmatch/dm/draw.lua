-- What is seen and pressed: the only part that needs LÖVE.
local rules = require "dm.rules"

local draw = {}

local colors = {
    floor = { 0.11, 0.12, 0.15 },
    wall = { 0.32, 0.35, 0.42 },
    me = { 0.45, 0.85, 0.5 },
    other = { 0.92, 0.45, 0.4 },
    hit = { 1, 1, 1 },
    bullet = { 1, 0.9, 0.5 },
    text = { 0.9, 0.9, 0.92 },
}

-- How long somebody who was hit flashes, in seconds.
local flashTime = 0.12

-- What the player holds down.
function draw.input(guest, now)
    local isDown = love.keyboard.isDown
    local view = guest:view(now)
    local me = view and view.players[guest.id]
    local x, y = love.mouse.getPosition()
    return {
        left = isDown("a", "left"),
        right = isDown("d", "right"),
        up = isDown("w", "up"),
        down = isDown("s", "down"),
        fire = love.mouse.isDown(1) or isDown("space"),
        aim = me and math.atan2(y - me.y, x - me.x) or 0,
    }
end

function draw.everything(guest, now, notice)
    love.graphics.clear(colors.floor)
    love.graphics.setColor(colors.wall)
    for _, wall in ipairs(rules.walls) do
        love.graphics.rectangle("fill", wall[1], wall[2], wall[3], wall[4], 4)
    end
    local view = guest:view(now)
    if view then
        draw.world(guest, view, now)
    end
    draw.scores(guest)
    draw.status(guest, now, notice)
end

function draw.world(guest, view, now)
    for id, player in pairs(view.players) do
        if player.health > 0 then
            draw.player(guest, id, player, now)
        end
    end
    love.graphics.setColor(colors.bullet)
    for _, bullet in pairs(view.bullets) do
        love.graphics.circle("fill", bullet.x, bullet.y, 3)
    end
end

function draw.player(guest, id, player, now)
    local hit = guest.lastHit
    local isHit = hit and hit.id == id and now - hit.at < flashTime
    love.graphics.setColor(isHit and colors.hit or id == guest.id and colors.me or colors.other)
    love.graphics.circle("fill", player.x, player.y, rules.playerRadius)
    local reach = rules.playerRadius + 8
    love.graphics.setLineWidth(4)
    love.graphics.line(
        player.x,
        player.y,
        player.x + math.cos(player.aim) * reach,
        player.y + math.sin(player.aim) * reach
    )
    love.graphics.setColor(colors.text)
    love.graphics.printf(guest.names[id] or "?", player.x - 60, player.y - 44, 120, "center")
    local share = player.health / rules.fullHealth
    love.graphics.rectangle("fill", player.x - 16, player.y + 20, 32 * share, 3)
end

function draw.scores(guest)
    local ids = {}
    for id in pairs(guest.scores) do
        table.insert(ids, id)
    end
    table.sort(ids, function(a, b)
        local more, less = guest.scores[a], guest.scores[b]
        return more > less or (more == less and a < b)
    end)
    for line, id in ipairs(ids) do
        love.graphics.setColor(id == guest.id and colors.me or colors.text)
        love.graphics.print(("%3d  %s"):format(guest.scores[id], guest.names[id]), 12, 12 + 18 * (line - 1))
    end
end

function draw.status(guest, now, notice)
    local text = guest.closed or notice
    if guest.id and not guest.closed then
        local status = guest.sockets.getConnectionStatus(guest.connection)
        local ping = status and status.pingMs or 0
        text = ("%d s left, ping %d ms"):format(math.max(0, guest.endsAt - now), ping)
    end
    love.graphics.setColor(colors.text)
    love.graphics.printf(text, 0, rules.height - 26, rules.width - 12, "right")
end

return draw
