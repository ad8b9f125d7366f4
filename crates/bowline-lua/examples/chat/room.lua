-- The server of the chat: passes on what one says to all.
--
-- The first message of somebody who connects is the name; every other one is said to all.
---@class chat.Room
---@field sockets luasteam.NetworkingSockets
---@field socket luasteam.Socket
---@field address string Where it listens.
---@field group integer The poll group: one call receives from everybody.
---@field names table<integer, string|false> By connection; false until the name is known.
local Room = {}
Room.__index = Room

local maxName, maxLine = 32, 500

-- Opens a room at an address; nil if something else has it.
---@return chat.Room?
function Room.open(Steam, address)
    local sockets = Steam.networkingSockets
    local socket = sockets.createListenSocketIP(address)
    local room = setmetatable({
        sockets = sockets,
        socket = socket,
        address = sockets.getListenSocketAddress(socket),
        group = sockets.createPollGroup(),
        names = {},
    }, Room)
    function sockets.onConnectionChanged(data)
        room:connectionChanged(data)
    end
    return room.address and room or nil
end

function Room:connectionChanged(data)
    local connection = data.connection
    if data.state == "Connecting" then
        if self.sockets.acceptConnection(connection) == "OK" then
            self.sockets.setConnectionPollGroup(connection, self.group)
            self.names[connection] = false
        end
    elseif data.state == "ClosedByPeer" or data.state == "ProblemDetectedLocally" then
        self.sockets.closeConnection(connection)
        local name = self.names[connection]
        self.names[connection] = nil
        if name then
            self:say(name .. " has left")
        end
    end
end

-- Reads what has come in.
function Room:receive()
    repeat
        local count, messages = self.sockets.receiveMessagesOnPollGroup(self.group)
        for index = 1, count do
            local message = messages[index]
            self:hear(message.conn, message.msg)
        end
    until count < 32
end

function Room:hear(connection, text)
    local name = self.names[connection]
    -- Nobody shall make the terminals of the others blink.
    text = text:gsub("%c", " "):sub(1, name and maxLine or maxName)
    if name then
        self:say(name .. ": " .. text)
    elseif name == false then
        self.names[connection] = text
        self.sockets.setConnectionName(connection, text) -- shows in logs
        self:say(text .. " is here")
    end
end

-- Says something to all whose name is known: one call, and one list to be sent.
function Room:say(text)
    local messages = {}
    for connection, name in pairs(self.names) do
        if name then
            messages[#messages + 1] =
                { conn = connection, msg = text, flag = self.sockets.flags.Send_Reliable }
        end
    end
    self.sockets.sendMessages(#messages, messages)
end

function Room:close()
    self.sockets.closeListenSocket(self.socket)
    self.sockets.destroyPollGroup(self.group)
end

return Room
