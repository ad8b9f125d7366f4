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

function Reader:text()
    local size = self:u8()
    local text = self.bytes:sub(self.at, self.at + size - 1)
    self.at = self.at + size
    return text
end

-- Whether there was neither too little to read nor too much.
function Reader:isWhole()
    return self.at == #self.bytes + 1
end

return bytes
