-- Two players find each other by name, and greet. In two terminals, in one folder:
--
--     luajit player.lua anna ben
--     luajit player.lua ben anna
local Steam = require "luasteam"
local Mailbox = require "mailbox"
local sockets = Steam.networkingSockets

local name, other, folder = ...
assert(other, "usage: player.lua NAME OTHER [FOLDER]")
local me, peer = "str:" .. name, "str:" .. other

-- Two programs on one machine may use its loopback addresses. For players far away `config` would name a STUN server.
assert(Steam.init({ identity = me, loopbackCandidates = true }))
local mailbox = Mailbox.open(folder or ".", me)

function sockets.onSignal(data)
    mailbox:send(data.peer, data.signal)
end

local ended
function sockets.onConnectionChanged(data)
    print(data.state .. " " .. data.debug)
    ended = ended or data.state == "ClosedByPeer" or data.state == "ProblemDetectedLocally"
end

local function turn()
    sockets.wait(20) -- no longer: it does not know of the mailbox
    Steam.runCallbacks()
    for _, mail in ipairs(mailbox:receive()) do
        -- Not all are of use: some come twice, some are for who was here before.
        sockets.receiveSignal(mail.signal, { from = mail.from })
    end
end

-- Both call, and get one connection. So nobody has to listen, and who is first waits for a minute.
local connection = sockets.connectP2P(peer, 0, { SymmetricConnect = 1, TimeoutInitial = 60000 })
sockets.sendMessage(connection, "hello " .. other .. ", I am " .. name)

local greeting
repeat
    turn()
    local n, messages = sockets.receiveMessagesOnConnection(connection)
    greeting = n > 0 and messages[1]
until greeting or ended
print(greeting or "we have not met")

for _, step in ipairs(sockets.getConnectionStory(connection) or {}) do
    print(("%8.1f ms  %s"):format(step.timeUs / 1000, step.text))
end

-- The other is to have our greeting before we go.
repeat
    turn()
    local status = sockets.getConnectionStatus(connection)
until ended or not status or status.pendingReliableBytes + status.unackedReliableBytes == 0
sockets.closeConnection(connection)
Steam.shutdown()
return greeting
