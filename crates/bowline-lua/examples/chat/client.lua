-- Talk in a chat room:
--
--     luajit client.lua NAME [address]
--
-- Type a line and press Enter to say it; an empty line only shows what others have said; end with Ctrl-D.
local Member = require "member"
local Steam = require "luasteam"
local keyboard = require "keyboard"

local name, address = ...
if not name then
    io.stderr:write("who are you? luajit client.lua NAME [address]\n")
    os.exit(1)
end
assert(Steam.init())
local member = Member.enter(Steam, address or "127.0.0.1:27301", name)

while not member.closed do
    Steam.networkingSockets.wait(50)
    Steam.runCallbacks()
    member:hear(print)
    if keyboard.hasLine() then
        local line = io.read()
        if not line then
            break
        end
        if line ~= "" then
            member:say(line)
        end
    end
end
print(member.closed or "goodbye")
member:leave()
Steam.shutdown()
