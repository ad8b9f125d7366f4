-- Everything that server and clients say to each other, as bytes: the one place that knows how it is written.
--
-- `messages.decode` gives a table with the field `kind`, or nil for what no program of ours wrote. Who receives
-- must expect that: anybody can send anything.
local bytes = require "dm.bytes"
local rules = require "dm.rules"

local messages = {}

-- By kind: its number, and how its fields are read.
local kinds, readers = {}, {}

local function define(number, kind, read)
    kinds[kind] = number
    readers[number] = function(reader)
        local message = read(reader)
        message.kind = kind
        return message
    end
end

local function start(kind)
    return bytes.writer():u8(kinds[kind])
end

-- Positions take 16 bits: 1/64 of a pixel. Angles take 8: 1/256 of a turn, which nobody sees.
local positionScale, turn = 64, 2 * math.pi

local function writePosition(writer, x, y)
    return writer:u16(x * positionScale):u16(y * positionScale)
end

local function readPosition(reader)
    local x = reader:u16() / positionScale
    return x, reader:u16() / positionScale
end

local function writeAngle(writer, angle)
    return writer:u8(math.floor(angle / turn * 256 + 0.5) % 256)
end

local function readAngle(reader)
    return reader:u8() / 256 * turn
end

-- From a client, reliably: who it is.
define(1, "hello", function(reader)
    return { name = reader:text() }
end)

function messages.hello(name)
    return start("hello"):text(name):finish()
end

-- From a client, unreliably, many times a second: what it does now. It says what is held down, not what was
-- pressed: then a lost one does no harm, since the next says it again.
local buttons = { "left", "right", "up", "down", "fire" }

define(2, "input", function(reader)
    local input, bits = {}, reader:u8()
    for _, button in ipairs(buttons) do
        input[button] = bits % 2 == 1
        bits = math.floor(bits / 2)
    end
    input.aim = readAngle(reader)
    return { input = input }
end)

function messages.input(input)
    local bits = 0
    for index, button in ipairs(buttons) do
        bits = bits + (input[button] and 2 ^ (index - 1) or 0)
    end
    return writeAngle(start("input"):u8(bits), input.aim):finish()
end

-- From the server, reliably: what happened.

define(10, "welcome", function(reader)
    return { id = reader:u8(), secondsLeft = reader:u16() }
end)

function messages.welcome(id, secondsLeft)
    return start("welcome"):u8(id):u16(secondsLeft):finish()
end

define(11, "joined", function(reader)
    return { id = reader:u8(), score = reader:u16(), name = reader:text() }
end)

function messages.joined(id, score, name)
    return start("joined"):u8(id):u16(score):text(name):finish()
end

define(12, "left", function(reader)
    return { id = reader:u8() }
end)

function messages.left(id)
    return start("left"):u8(id):finish()
end

define(13, "hit", function(reader)
    return { by = reader:u8(), id = reader:u8(), health = reader:u8() }
end)

function messages.hit(event)
    return start("hit"):u8(event.by):u8(event.id):u8(event.health):finish()
end

define(14, "killed", function(reader)
    return { by = reader:u8(), id = reader:u8() }
end)

function messages.killed(event)
    return start("killed"):u8(event.by):u8(event.id):finish()
end

define(15, "over", function(reader)
    local scores = {}
    for _ = 1, math.min(reader:u8(), rules.maxPlayers) do
        local id = reader:u8()
        scores[id] = reader:u16()
    end
    return { scores = scores }
end)

function messages.over(world)
    local writer = start("over"):u8(#world.players)
    for _, player in ipairs(world.players) do
        writer:u8(player.id):u16(player.score)
    end
    return writer:finish()
end

-- From the server, unreliably: where everything is.

define(20, "snapshot", function(reader)
    local snapshot = { tick = reader:u32(), players = {}, bullets = {} }
    for _ = 1, math.min(reader:u8(), rules.maxPlayers) do
        local id = reader:u8()
        local x, y = readPosition(reader)
        local aim, health = readAngle(reader), reader:u8()
        snapshot.players[id] = { x = x, y = y, aim = aim, health = health }
    end
    for _ = 1, reader:u8() do
        local id = reader:u16()
        local x, y = readPosition(reader)
        snapshot.bullets[id] = { x = x, y = y }
    end
    return snapshot
end)

function messages.snapshot(world)
    local writer = start("snapshot"):u32(world.tick):u8(#world.players)
    for _, player in ipairs(world.players) do
        writer:u8(player.id)
        writePosition(writer, player.x, player.y)
        writeAngle(writer, player.aim)
        writer:u8(player.health)
    end
    writer:u8(math.min(#world.bullets, 255))
    for index = 1, math.min(#world.bullets, 255) do
        local bullet = world.bullets[index]
        writePosition(writer:u16(bullet.id), bullet.x, bullet.y)
    end
    return writer:finish()
end

function messages.decode(text)
    local reader = bytes.reader(text)
    local read = readers[reader:u8()]
    local message = read and read(reader)
    return message and reader:isWhole() and message or nil
end

return messages
