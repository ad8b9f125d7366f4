-- Carries signals by files in a folder that both players can write to: a file for each player, in it a line for each
-- signal. It stands for what a game has: a lobby, a chat, a server of its own.
local Mailbox = {}
Mailbox.__index = Mailbox

local function path(folder, identity)
    return folder .. "/" .. identity:gsub("%W", "-") .. ".signals"
end

local function hex(bytes)
    return (bytes:gsub(".", function(byte)
        return ("%02x"):format(byte:byte())
    end))
end

local function bytes(hex)
    return (hex:gsub("%x%x", function(digits)
        return string.char(tonumber(digits, 16))
    end))
end

-- The mailbox of a player. What lies in it from another day is of no use.
function Mailbox.open(folder, me)
    local own = path(folder, me)
    assert(io.open(own, "wb")):close()
    return setmetatable({ folder = folder, me = me, file = assert(io.open(own, "rb")), rest = "" }, Mailbox)
end

-- Has a signal carried. A signal that is lost is sent again, so that it does not matter whether it works.
function Mailbox:send(peer, signal)
    local file = io.open(path(self.folder, peer), "ab")
    if file then
        file:setvbuf("full", 65536) -- a line is written in one piece
        file:write(self.me, " ", hex(signal), "\n")
        file:close()
    end
end

-- Who has sent what since the last time.
function Mailbox:receive()
    local text = self.rest .. (self.file:read("*a") or "")
    local signals, read = {}, 1
    for from, digits, after in text:gmatch("(%S+) (%x+)\n()") do
        table.insert(signals, { from = from, signal = bytes(digits) })
        read = after
    end
    self.rest = text:sub(read)
    return signals
end

return Mailbox
