-- A client: says what its player does, and knows what the server has told. It decides nothing.
local Timeline = require "dm.timeline"
local messages = require "dm.messages"
local rules = require "dm.rules"

---@class dm.Guest
---@field sockets luasteam.NetworkingSockets
---@field net dm.Net
---@field name string
---@field connection integer
---@field timeline dm.Timeline
---@field names table<integer, string> By id.
---@field scores table<integer, integer> By id, as counted here.
---@field id integer? Who we are, once the server has said so.
---@field endsAt number? When the match is over.
---@field hits integer How many there were.
---@field lastHit { by: integer, id: integer, at: number }?
---@field result table<integer, integer>? The scores as the server has them, when it is over.
---@field closed string? Why there is no connection.
---@field nextInput number When the server is told the next time.
local Guest = {}
Guest.__index = Guest

-- What is held down now, or never: after a hiccup of the network nobody wants to walk the way of a second ago.
local inputOptions = { reliable = false, deadlineMs = 50 }

-- How often the server hears what the player does, in seconds.
local inputInterval = 1 / 30

function Guest.connect(net, address, name)
    local guest = setmetatable({
        sockets = net.sockets,
        net = net,
        name = name,
        connection = net.sockets.connectByIPAddress(address),
        timeline = Timeline.new(),
        names = {},
        scores = {},
        hits = 0,
        nextInput = 0,
    }, Guest)
    if guest.connection == 0 then
        guest.closed = "cannot connect to " .. address
    else
        net.owners[guest.connection] = guest
    end
    return guest
end

function Guest:connectionChanged(data)
    if data.state == "Connected" then
        -- A snapshot that was overtaken by a newer one never gets here.
        self.sockets.setSequenced(self.connection, rules.lanes.snapshots, true)
        self.sockets.sendMessage(self.connection, messages.hello(self.name))
    elseif data.state == "ClosedByPeer" or data.state == "ProblemDetectedLocally" then
        self:close(data.debug)
    end
end

-- Everything that has come in by this time, in seconds.
function Guest:receive(now)
    while not self.closed do
        local count, received = self.sockets.receiveMessagesOnConnection(self.connection)
        for index = 1, count do
            self:handle(messages.decode(received[index]), now)
        end
        if count < 32 then
            return
        end
    end
end

local handlers = {}

function Guest:handle(message, now)
    local handler = message and handlers[message.kind]
    -- What came with the result, but after it, is of no interest: others leave.
    if handler and not self.closed then
        handler(self, message, now)
    end
end

function handlers.welcome(self, message, now)
    self.id, self.endsAt = message.id, now + message.secondsLeft
end

function handlers.joined(self, message)
    self.names[message.id], self.scores[message.id] = message.name, message.score
end

function handlers.left(self, message)
    self.names[message.id], self.scores[message.id] = nil, nil
end

function handlers.hit(self, message, now)
    self.hits = self.hits + 1
    self.lastHit = { by = message.by, id = message.id, at = now }
end

function handlers.killed(self, message)
    if self.scores[message.by] then
        self.scores[message.by] = self.scores[message.by] + 1
    end
end

function handlers.snapshot(self, message, now)
    self.timeline:add(message, now)
end

-- The last that the server has to say. It waits until everybody has read it and gone.
function handlers.over(self, message)
    self.result = message.scores
    self:close("the match is over")
end

-- Tells the server what the player does, unless it has just been told.
function Guest:send(input, now)
    if self.id and not self.closed and now >= self.nextInput then
        self.nextInput = now + inputInterval
        self.sockets.sendMessage(self.connection, messages.input(input), inputOptions)
    end
end

-- What is to be drawn; nil before anything is known.
function Guest:view(now)
    return self.timeline:view(now)
end

function Guest:close(why)
    if not self.closed then
        self.closed = why
        self.sockets.closeConnection(self.connection)
        self.net.owners[self.connection] = nil
    end
end

return Guest
