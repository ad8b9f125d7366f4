-- The numbers of the game. Both sides know them, so they never go over the network.
local rules = {}

-- The server computes the world so many times a second, and tells of it every third time. More often would
-- cost bandwidth and show nothing: the client draws what lies between (timeline.lua).
rules.ticksPerSecond = 60
rules.ticksPerSnapshot = 3

-- How far back the client looks, in seconds: two snapshots. If one is lost there is still one on either side.
rules.viewDelay = 0.1

-- Lanes from the server to a client. What happened must arrive in order, but must not wait for what moved; lanes
-- are independent streams. From a client to the server there is one.
rules.lanes = { events = 0, snapshots = 1 }

rules.maxPlayers = 16
rules.width, rules.height = 960, 600

rules.playerRadius = 14
rules.playerSpeed = 220 -- per second
rules.fullHealth = 100
rules.respawnTicks = 90

rules.bulletSpeed = 520
rules.bulletDamage = 34
rules.ticksPerShot = 15

-- Left, top, width, height.
rules.walls = {
    { 200, 120, 40, 160 },
    { 720, 320, 40, 160 },
    { 400, 280, 160, 40 },
    { 300, 460, 140, 30 },
    { 520, 110, 140, 30 },
}

-- Why the server closes a connection. An application's own reasons are from 1000 to 1999.
rules.reasons = { full = 1001, malformed = 1002 }

-- Whether a circle touches a wall or the border.
function rules.isBlocked(x, y, radius)
    if x < radius or y < radius or x > rules.width - radius or y > rules.height - radius then
        return true
    end
    for _, wall in ipairs(rules.walls) do
        local nearX = math.max(wall[1], math.min(x, wall[1] + wall[3]))
        local nearY = math.max(wall[2], math.min(y, wall[2] + wall[4]))
        if (x - nearX) ^ 2 + (y - nearY) ^ 2 < radius ^ 2 then
            return true
        end
    end
    return false
end

return rules
