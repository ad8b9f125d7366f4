-- Somebody in the room: says lines, and hears all lines that are said.
---@class chat.Member
---@field sockets luasteam.NetworkingSockets
---@field connection integer
---@field closed string? Why it is no longer in the room.
local Member = {}
Member.__index = Member

-- Enters a room under a name.
---@return chat.Member
function Member.enter(Steam, address, name)
    local sockets = Steam.networkingSockets
    local member = setmetatable({ sockets = sockets }, Member)
    function sockets.onConnectionChanged(data)
        if data.state == "ClosedByPeer" or data.state == "ProblemDetectedLocally" then
            sockets.closeConnection(data.connection)
            member.closed = data.debug
        end
    end
    member.connection = sockets.connectByIPAddress(address)
    if member.connection == 0 then
        member.closed = "there is no such address"
    end
    -- What is said before the connection stands waits for it.
    member:say(name)
    return member
end

function Member:say(line)
    self.sockets.sendMessageToConnection(self.connection, line, self.sockets.flags.Send_Reliable)
end

-- Hands every line that was said to `tell`.
function Member:hear(tell)
    repeat
        local count, lines = self.sockets.receiveMessagesOnConnection(self.connection)
        for index = 1, count do
            tell(lines[index])
        end
    until count < 32
end

-- What was said last is still delivered.
function Member:leave()
    self.sockets.closeConnection(self.connection, true)
end

return Member
