-- A state has one function for what happens to its connections. This one passes it on to whose connection it is, so
-- that a server and bots can live in the same state.
---@class dm.Net
---@field sockets luasteam.NetworkingSockets
---@field owners table<integer, dm.Guest> By connection.
---@field host dm.Host? Hears of connections that nobody owns: those that come in.
local Net = {}
Net.__index = Net

function Net.new(Steam)
    local net = setmetatable({
        sockets = Steam.networkingSockets,
        owners = {},
    }, Net)
    function Steam.networkingSockets.onConnectionChanged(data)
        local owner = net.owners[data.connection] or net.host
        if owner then
            owner:connectionChanged(data)
        end
    end
    return net
end

return Net
