-- What the client shows: the world a little ago, between two snapshots.
--
-- Snapshots come twenty times a second, unevenly, and some not at all. Drawn as they come everything would
-- jerk. So the client shows what was `rules.viewDelay` ago: then there is a snapshot before that moment and
-- one after it, nearly always, and things are drawn on the line between.
local rules = require "dm.rules"

---@class dm.Timeline
---@field snapshots table[] The oldest first.
---@field lag number? Our clock less the server's.
local Timeline = {}
Timeline.__index = Timeline

-- As many snapshots as are kept: more than a second of them.
local maxSnapshots = 32

function Timeline.new()
    return setmetatable({ snapshots = {} }, Timeline)
end

-- A snapshot that came at this time, in seconds by the clock of this side.
function Timeline:add(snapshot, now)
    local newest = self.snapshots[#self.snapshots]
    if newest and snapshot.tick <= newest.tick then
        return -- cannot be, on a sequenced lane; but a server may be wrong
    end
    table.insert(self.snapshots, snapshot)
    if #self.snapshots > maxSnapshots then
        table.remove(self.snapshots, 1)
    end
    -- Our clock less the server's. The snapshot that was quickest tells best; to follow clocks that drift apart
    -- the others may raise it, slowly.
    local lag = now - snapshot.tick / rules.ticksPerSecond
    self.lag = self.lag and math.min(lag, self.lag + 0.001) or lag
end

local function between(from, to, share)
    return from + (to - from) * share
end

-- The shorter way round.
local function betweenAngles(from, to, share)
    local way = (to - from + math.pi) % (2 * math.pi) - math.pi
    return from + way * share
end

-- Whoever died or came back in between is not dragged across the arena.
local function isSame(old, new)
    return new and (old.health == nil or (old.health > 0 and new.health > 0))
end

local function blend(olds, news, share)
    local blended = {}
    for id, old in pairs(olds) do
        local new = news[id]
        if isSame(old, new) then
            blended[id] = {
                x = between(old.x, new.x, share),
                y = between(old.y, new.y, share),
                aim = old.aim and betweenAngles(old.aim, new.aim, share),
                health = old.health,
            }
        else
            blended[id] = old
        end
    end
    return blended
end

-- Players and bullets as they are to be drawn at this time; nil before the first snapshot.
function Timeline:view(now)
    local newest = self.snapshots[#self.snapshots]
    if not newest then
        return nil
    end
    local tick = (now - self.lag - rules.viewDelay) * rules.ticksPerSecond
    for index = #self.snapshots - 1, 1, -1 do
        local old, new = self.snapshots[index], self.snapshots[index + 1]
        if tick >= old.tick and tick < new.tick then
            local share = (tick - old.tick) / (new.tick - old.tick)
            return {
                players = blend(old.players, new.players, share),
                bullets = blend(old.bullets, new.bullets, share),
            }
        end
    end
    -- Too early, or nothing has come for a while: better still than wrong.
    return tick < newest.tick and self.snapshots[1] or newest
end

return Timeline
