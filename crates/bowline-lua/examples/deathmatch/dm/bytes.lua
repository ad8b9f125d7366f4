-- Numbers and texts as bytes, in every Lua from 5.1 on (`string.pack` came with 5.3).
local bytes = {}

local Writer = {}
Writer.__index = Writer

function bytes.writer()
    return setmetatable({}, Writer)
end

-- Numbers that do not fit are cut to the nearest that does, so that no value can spoil what follows it.
local function fitting(number, max)
    return math.max(0, math.min(math.floor(number + 0.5), max))
end

function Writer:u8(number)
    self[#self + 1] = string.char(fitting(number, 255))
    return self
end

function Writer:u16(number)
    number = fitting(number, 65535)
    self[#self + 1] = string.char(math.floor(number / 256), number % 256)
    return self
end

function Writer:u32(number)
    number = fitting(number, 4294967295)
    return self:u16(math.floor(number / 65536)):u16(number % 65536)
end

function Writer:text(text)
    text = text:sub(1, 255)
    self:u8(#text)
    self[#self + 1] = text
    return self
end

function Writer:finish()
    return table.concat(self)
end

local Reader = {}
Reader.__index = Reader

-- Reads what a writer wrote. Behind the end everything reads as 0, and `isWhole` tells at last: so a message
-- is judged once instead of after each field.
function bytes.reader(text)
    return setmetatable({ bytes = text, at = 1 }, Reader)
end

function Reader:u8()
    local number = self.bytes:byte(self.at)
    self.at = self.at + 1
    return number or 0
end

function Reader:u16()
    local high = self:u8()
    return high * 256 + self:u8()
end

function Reader:u32()
    local high = self:u16()
    return high * 65536 + self:u16()
end

-- What may follow in UTF-8, without control characters.
local characters = {
    "^[\32-\126]",
    "^[\194-\223][\128-\191]",
    "^\224[\160-\191][\128-\191]",
    "^[\225-\236\238\239][\128-\191][\128-\191]",
    "^\237[\128-\159][\128-\191]",
    "^\240[\144-\191][\128-\191][\128-\191]",
    "^[\241-\243][\128-\191][\128-\191][\128-\191]",
    "^\244[\128-\143][\128-\191][\128-\191]",
}

local function characterAt(text, at)
    for _, character in ipairs(characters) do
        local found = text:match(character, at)
        if found then
            return found
        end
    end
end

-- LÖVE raises an error when it draws what is not UTF-8, and anybody can send it: a ? is in its place.
local function readable(text)
    local parts, at = {}, 1
    while at <= #text do
        local character = characterAt(text, at)
        parts[#parts + 1] = character or "?"
        at = at + #(character or "?")
    end
    return table.concat(parts)
end

-- A text that can be drawn.
function Reader:text()
    local size = self:u8()
    local text = self.bytes:sub(self.at, self.at + size - 1)
    self.at = self.at + size
    return readable(text)
end

-- Whether there was neither too little to read nor too much.
function Reader:isWhole()
    return self.at == #self.bytes + 1
end

return bytes
