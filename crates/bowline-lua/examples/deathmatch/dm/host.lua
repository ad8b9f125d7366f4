-- The server: admits players, takes their inputs, and tells everybody what becomes of them.
local World = require "dm.world"
local messages = require "dm.messages"
local rules = require "dm.rules"

---@class dm.Host
---@field net dm.Net
---@field sockets luasteam.NetworkingSockets
---@field socket luasteam.Socket
---@field address string Where it listens.
---@field group integer The poll group of all players.
---@field world dm.World
---@field lastTick integer
---@field peers table<integer, { player: dm.Player? }> By connection. No player until it has said its name.
---@field started number? When the match began.
---@field overAt number? When it was over.
---@field finished boolean Nobody is left.
local Host = {}
Host.__index = Host

-- How long players have to read the result before the server goes, in seconds.
local farewellTime = 3

-- A position that could not leave within this time, in milliseconds, is not sent at all: the next one is better.
local snapshotOptions =
    { reliable = false, lane = rules.lanes.snapshots, deadlineMs = 1000 * rules.ticksPerSnapshot / rules.ticksPerSecond }
local eventOptions = { lane = rules.lanes.events }

-- Listens. nil if it cannot.
function Host.new(net, options)
    local sockets = net.sockets
    local socket = sockets.createListenSocketIP(options.address)
    local address = sockets.getListenSocketAddress(socket)
    if not address then
        return nil
    end
    local host = setmetatable({
        net = net,
        sockets = sockets,
        socket = socket,
        address = address,
        group = sockets.createPollGroup(),
        world = World.new(options.random or math.random),
        lastTick = options.seconds * rules.ticksPerSecond,
        peers = {},
        finished = false,
    }, Host)
    net.host = host
    return host
end

function Host:connectionChanged(data)
    local connection = data.connection
    if data.state == "Connecting" then
        self:admit(connection)
    elseif data.state == "Connected" then
        -- What is late is of no use: the newest input counts.
        self.sockets.setSequenced(connection, 0, true)
    elseif data.state == "ClosedByPeer" or data.state == "ProblemDetectedLocally" then
        self.sockets.closeConnection(connection)
        self:forget(connection)
    end
end

function Host:admit(connection)
    local count = 0
    for _ in pairs(self.peers) do
        count = count + 1
    end
    if count >= rules.maxPlayers or self.overAt then
        self.sockets.closeConnectionWithReason(connection, rules.reasons.full, "no room")
        return
    end
    if self.sockets.acceptConnection(connection) ~= "OK" then
        return
    end
    -- What happened goes before where things are.
    self.sockets.configureConnectionLanes(connection, { { priority = 0 }, { priority = 1 } })
    self.sockets.setConnectionPollGroup(connection, self.group)
    self.peers[connection] = {}
end

function Host:forget(connection)
    local peer = self.peers[connection]
    self.peers[connection] = nil
    if peer and peer.player then
        self.world:leave(peer.player.id)
        self:tellAll(messages.left(peer.player.id))
    end
end

-- Everything that has come in.
function Host:receive()
    repeat
        local count, received = self.sockets.receiveMessagesOnPollGroup(self.group)
        for index = 1, count do
            self:handle(received[index].conn, messages.decode(received[index].msg))
        end
    until count < 32
end

function Host:handle(connection, message)
    local peer = self.peers[connection]
    if not peer then
        return -- closed since
    end
    if message and message.kind == "input" and peer.player then
        peer.player.input = message.input
    elseif message and message.kind == "hello" and not peer.player then
        self:enter(connection, peer, message.name)
    else
        self.sockets.closeConnectionWithReason(connection, rules.reasons.malformed, "not a message of this game")
        self:forget(connection)
    end
end

function Host:enter(connection, peer, name)
    local id = 1
    while self.world:player(id) do
        id = id + 1
    end
    local secondsLeft = (self.lastTick - self.world.tick) / rules.ticksPerSecond
    self:tell(connection, messages.welcome(id, secondsLeft))
    for _, player in ipairs(self.world.players) do
        self:tell(connection, messages.joined(player.id, player.score, player.name))
    end
    peer.player = self.world:join(id, name)
    self.sockets.setConnectionName(connection, name) -- shows in logs
    self:tellAll(messages.joined(id, 0, name))
end

-- Computes what is due by this time, in seconds, and tells it.
function Host:advance(now)
    if self.overAt then
        self.finished = next(self.peers) == nil or now > self.overAt + farewellTime
        return
    end
    self.started = self.started or now
    local due = math.floor((now - self.started) * rules.ticksPerSecond)
    while self.world.tick < math.min(due, self.lastTick) do
        self:step()
    end
    if self.world.tick >= self.lastTick then
        self.overAt = now
        self:tellAll(messages.over(self.world))
    end
end

-- When the next tick is due, by the clock that `advance` is given.
function Host:nextTick()
    return (self.started or 0) + (self.world.tick + 1) / rules.ticksPerSecond
end

function Host:step()
    self.world:step()
    for _, event in ipairs(self.world:takeEvents()) do
        self:tellAll(messages[event.kind](event))
    end
    if self.world.tick % rules.ticksPerSnapshot ~= 0 then
        return
    end
    local snapshot = messages.snapshot(self.world)
    for connection, peer in pairs(self.peers) do
        if peer.player then
            self.sockets.sendMessage(connection, snapshot, snapshotOptions)
            -- Nothing else is to come for a while, so it need not wait for company.
            self.sockets.flushMessagesOnConnection(connection)
        end
    end
end

-- Frees the port, which also closes what is still connected.
function Host:close()
    self.sockets.closeListenSocket(self.socket)
    self.sockets.destroyPollGroup(self.group)
    self.net.host = nil
end

function Host:tell(connection, message)
    self.sockets.sendMessage(connection, message, eventOptions)
end

function Host:tellAll(message)
    for connection, peer in pairs(self.peers) do
        if peer.player then
            self:tell(connection, message)
        end
    end
end

return Host
