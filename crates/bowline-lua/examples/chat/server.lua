-- A chat room for everybody who connects:
--
--     luajit server.lua [address]
local Room = require "room"
local Steam = require "luasteam"

io.stdout:setvbuf("line") -- so that a log has each line at once
assert(Steam.init())
local room = assert(Room.open(Steam, ... or "[::]:27301"), "cannot listen there")
print("the room is at " .. room.address)

while true do
    -- Sleeps until somebody comes, goes or speaks.
    Steam.networkingSockets.wait(1000)
    Steam.runCallbacks()
    room:receive()
end
