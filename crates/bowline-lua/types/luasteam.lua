---@meta luasteam

-- What `require "luasteam"` gives, for lua-language-server and whoever reads. A test holds it against the module:
-- every function, parameter, constant and callback is here, and nothing else.
--
-- Unless a function says otherwise: a wrong type or a missing argument is a Lua error that names the argument; a
-- number that is no connection (any more), or a call before `Steam.init()`, is no error but a failure in what the
-- function returns.

---@class luasteam
---@field version string Which library this is: "Bowline" and its version.
---@field networkingSockets luasteam.NetworkingSockets
---@field networking luasteam.Networking
---@field networkingUtils luasteam.NetworkingUtils
---@field gameServer luasteam.GameServer
---@field user luasteam.User
---@field extra luasteam.Extra
---@field friends table Empty: there is no Steam.
---@field userStats table Empty: there is no Steam.
---@field utils table Empty: there is no Steam.
---@field UGC table Empty: there is no Steam.
---@field apps table Empty: there is no Steam.
---@field input table Empty: there is no Steam.
local Steam = {}

-- Everything that `Steam.init` can be told; each has an environment variable, for programs that call `Steam.init()`
-- as it always was. What is given here wins.
---@class luasteam.InitOptions
---@field identity? string Who this side is: a text as in certificates, like "str:anna" or "steamid:76561...". BOWLINE_IDENTITY.
---@field trust? string Text of the files of authorities, one after the other. BOWLINE_TRUST names the files.
---@field certificate? string Text of this side's certificate. BOWLINE_CERTIFICATE names the file.
---@field key? string Text of the private key that the certificate is for. BOWLINE_KEY names the file.
---@field appID? integer The app that certificates must be for. BOWLINE_APP_ID.
---@field config? luasteam.Options Settings of everything that this state makes.
---@field loopbackCandidates? boolean Peers on this machine may be reached by its loopback addresses, too.
---@field shortcuts? boolean Whether a peer in the same process is connected to in memory; yes unless said otherwise.

---Starts the library for this Lua state. Once more does nothing.
---@param options? luasteam.InitOptions
---@return boolean works false if it cannot; why is a line on stderr.
---@see GameNetworkingSockets_Init
---@see module table
function Steam.init(options) end

---Closes all connections, listen sockets and poll groups of this state. Harmless if there is nothing.
---@see GameNetworkingSockets_Kill
function Steam.shutdown() end

---Calls the callbacks for what has happened, and sends what waits for company. To be called all the time.
---
---An error in a callback goes through to the caller; the next call goes on with the rest.
---@see RunCallbacks
---@see callback pump (SDK SteamAPI_RunCallbacks equivalent)
function Steam.runCallbacks() end

-- A number of 64 bits, exact in every Lua. Has `==`, `<` and `tostring`, whose text may be a key of a table.
---@see uint64 userdata
---@class luasteam.uint64: userdata

-- A listen socket.
---@class luasteam.Socket: userdata

---@alias luasteam.Result
---| "OK"
---| "Fail"
---| "NoConnection" # The connection has ended.
---| "InvalidParam" # There is no such connection, or a value is out of range.
---| "InvalidState" # Not while the connection is in this state.
---| "Ignored" # Not sent: it could not leave at once.
---| "LimitExceeded" # The message is too large, or the send buffer is full.
---| string

---@alias luasteam.State
---| "None" # There is no connection (any more).
---| "Connecting"
---| "FindingRoute"
---| "Connected"
---| "ClosedByPeer"
---| "ProblemDetectedLocally"

---@alias luasteam.Availability
---| -102 # Cannot be tried
---| -101 # Has failed
---| -100 # Worked before, but not now
---| -10 # Is tried again
---| 1 # Was never tried
---| 2 # Waits for something else
---| 3 # Is being tried
---| 100 # Is there

---@class luasteam.User
local user = {}
Steam.user = user

---This side's identity if it is a SteamID: without any other, one of this run, which is nobody's account.
---@return luasteam.uint64?
function user.getSteamID() end

---@class luasteam.Extra
local extra = {}
Steam.extra = extra

---A number from its decimal digits. What is no number is 0.
---@param text string
---@return luasteam.uint64
function extra.parseUint64(text) end

---@class luasteam.NetworkingSockets
---@field flags luasteam.Flags
local sockets = {}
Steam.networkingSockets = sockets

-- How a message is sent.
---@see networkingSockets.flags
---@see k_nSteamNetworkingSend_* flags
---@class luasteam.Flags
---@field Send_Unreliable integer May be lost, and may overtake another one.
---@field Send_UnreliableNoNagle integer The same, and does not wait for company.
---@field Send_UnreliableNoDelay integer The same, and is dropped if it cannot leave at once.
---@field Send_Reliable integer Arrives, and in order.
---@field Send_ReliableNoNagle integer The same, and does not wait for company.
---@field Unreliable integer As Send_Unreliable.
---@field UnreliableNoNagle integer As Send_UnreliableNoNagle.
---@field UnreliableNoDelay integer As Send_UnreliableNoDelay.
---@field Reliable integer As Send_Reliable.
---@field ReliableNoNagle integer As Send_ReliableNoNagle.

---@class luasteam.ConnectionChanged
---@field connection integer
---@field state luasteam.State
---@field state_old luasteam.State
---@field endReason integer Why it ended; 0 while it has not.
---@field debug string Why it ended, in words.

---@class luasteam.AuthenticationStatus
---@field status luasteam.Availability
---@field debugMsg string

-- Callbacks are fields that the script sets; `runCallbacks` calls them.

---A connection has come in, stands, or has ended. The ends must be answered with closeConnection.
---@type fun(data: luasteam.ConnectionChanged)?
---@see callback SteamNetConnectionStatusChangedCallback_t (1221)
sockets.onConnectionChanged = nil

---Authentication got ready, or not, after initAuthentication.
---@type fun(data: luasteam.AuthenticationStatus)?
---@see callback SteamNetAuthenticationStatus_t (1222)
sockets.onAuthenticationStatus = nil

---There is room again in the send buffer of a connection that has refused a message.
---@type fun(data: { connection: integer })?
sockets.onWritable = nil

---The own certificate ends soon: `expiry` in seconds since 1970.
---@type fun(data: { expiry: integer })?
sockets.onCertificateExpiring = nil

---@class luasteam.Signal
---@field connection integer The connection that it is of.
---@field peer string The identity of whom it is for, like "str:ben".
---@field signal string Up to 16 KiB of any bytes.

---A signal is to be carried to a peer, who hands it to receiveSignal. It may be lost, doubled or late.
---@type fun(data: luasteam.Signal)?
---@see ISteamNetworkingConnectionSignaling::SendSignal
sockets.onSignal = nil

-- Listening and connecting

---Listens on an address, like "[::]:55556" for all or "127.0.0.1:55556". With port 0 the system chooses one.
---@param localAddress string
---@param options? luasteam.Options
---@return luasteam.Socket socket If it cannot listen, one that is nothing; why is a line on stderr.
function sockets.createListenSocketIP(localAddress, options) end

---Connects to an address, like "127.0.0.1:55556".
---@param address string
---@param options? luasteam.Options
---@return integer connection 0 if the address is none.
function sockets.connectByIPAddress(address, options) end

---Connects like connectByIPAddress, and ends the connection (4003) unless this identity answers.
---@param address string
---@param identity string Like "str:server-1".
---@param options? luasteam.Options
---@return integer connection
---@see ConnectByIPAddress
function sockets.connectExpecting(address, identity, options) end

---Lets peers connect who know this side's identity. Needs onSignal, or a hub (signIn).
---@param virtualPort integer 0 to 65535, to tell one kind of connection from another.
---@param options? luasteam.Options
---@return luasteam.Socket socket If it cannot listen, one that is nothing; why is a line on stderr.
function sockets.createListenSocketP2P(virtualPort, options) end

---Connects to a peer by its identity. Needs onSignal, or a hub (signIn).
---@param steamID luasteam.uint64|string The number of an account, or an identity like "str:ben".
---@param virtualPort integer What the peer listens on.
---@param options? luasteam.Options
---@return integer connection 0 if it cannot be; why is a line on stderr.
function sockets.connectP2P(steamID, virtualPort, options) end

---@class luasteam.SignalOptions
---@field from? string Who sent it, if the service that carried it knows: a request in another name is ignored.
---@field newcomers? boolean Whether it may ask for a new connection; yes unless said otherwise.

---Takes in a signal that another side was given by onSignal. Who asks for a connection is told by onConnectionChanged.
---@param signal string
---@param options? luasteam.SignalOptions
---@return luasteam.Result result "Ignored" if it is of no use, as some that come twice or late are.
---@return string? why
---@see ReceivedP2PCustomSignal
function sockets.receiveSignal(signal, options) end

---@class luasteam.Step
---@field timeUs integer Since the first step.
---@field text string For people.

---What two peers have tried to reach each other, and what became of it.
---@param connection integer
---@return luasteam.Step[]? story nil if there is no such connection.
function sockets.getConnectionStory(connection) end

---Two connections within this state that are each other's peer; 0 and 0 if there cannot be.
---@param useNetwork? boolean By UDP instead of in memory.
---@param identity1? string Whom the first connection sees as its peer.
---@param identity2? string Whom the second sees.
---@return integer connection1
---@return integer connection2
function sockets.createSocketPair(useNetwork, identity1, identity2) end

---Stops listening and closes all connections that came in. What is no socket is ignored.
---@param socket? any
function sockets.closeListenSocket(socket) end

---Where a socket listens, with its port; nil if it does not.
---@param socket luasteam.Socket
---@return string?
function sockets.getListenSocketAddress(socket) end

---Lets a connection in, whose state is "Connecting".
---@param connection integer
---@return luasteam.Result
function sockets.acceptConnection(connection) end

---Closes a connection. What has come in and was not read is lost.
---@param connection integer
---@param enableLinger? boolean First delivers what was sent; goes on while the state runs.
function sockets.closeConnection(connection, enableLinger) end

---Closes a connection with a reason that the peer gets as `endReason` and `debug`.
---@param connection integer
---@param reason integer 1000 to 1999 for a normal end, 2000 to 2999 for another; what is neither becomes 1999.
---@param debug? string
---@param enableLinger? boolean
---@return boolean was There was such a connection.
---@see CloseConnection
function sockets.closeConnectionWithReason(connection, reason, debug, enableLinger) end

-- Sending

---Sends a message.
---@param connection integer
---@param message string Any bytes.
---@param flag integer One of `flags`.
---@return luasteam.Result
function sockets.sendMessageToConnection(connection, message, flag) end

---@class luasteam.SendEntry
---@field conn integer
---@field msg string
---@field flag integer

---Sends many messages.
---@param n integer How many.
---@param messages luasteam.SendEntry[]
---@return boolean[] sent For each whether it was taken.
function sockets.sendMessages(n, messages) end

---@class luasteam.SendOptions
---@field reliable? boolean Arrives, and in order of its lane. Yes unless said otherwise.
---@field noNagle? boolean Does not wait for company.
---@field noDelay? boolean Is dropped if it cannot leave at once; unreliable ones only.
---@field lane? integer The lane, from 0.
---@field deadlineMs? number Is dropped when it is older and was not sent; unreliable ones only.
---@field replaceKey? integer Takes the place of the one with this key that waits; unreliable ones only.

---Sends a message, with all that can be said about it. An unknown option is an argument error.
---@param connection integer
---@param message string
---@param options? luasteam.SendOptions
---@return luasteam.Result
---@return integer? number Its number, in its lane, if it was taken.
---@see SendMessageToConnection
function sockets.sendMessage(connection, message, options) end

---Sends at once what waits for company. runCallbacks does it, too.
---@param connection integer
---@return luasteam.Result
function sockets.flushMessagesOnConnection(connection) end

---@class luasteam.Lane
---@field priority? integer Lower goes first; 0 unless said otherwise.
---@field weight? integer The share among lanes of the same priority; 1 unless said otherwise.

---Sets up the lanes that this side sends on, the first of which is lane 0. There may be more later, never fewer.
---@param connection integer
---@param lanes luasteam.Lane[]
---@return luasteam.Result
function sockets.configureConnectionLanes(connection, lanes) end

---Whether unreliable messages that are older than one that has come before on their lane are dropped on arrival.
---@param connection integer
---@param lane integer? All lanes, if it is nil.
---@param on boolean
---@return luasteam.Result
function sockets.setSequenced(connection, lane, on) end

-- Receiving

---Up to 32 messages. To be called again until there are fewer.
---@param connection integer
---@return integer n -1 if there is no such connection; then that is all it returns.
---@return string[] messages
function sockets.receiveMessagesOnConnection(connection) end

---@class luasteam.Received
---@field conn integer
---@field msg string

---Up to 32 messages of all connections of a poll group.
---@param pollGroup integer
---@return integer n -1 if there is no such group; then that is all it returns.
---@return luasteam.Received[] messages
function sockets.receiveMessagesOnPollGroup(pollGroup) end

---@class luasteam.DetailedMessage: luasteam.Received
---@field number integer Counts the messages of its lane from 1.
---@field lane integer
---@field reliable boolean
---@field timeUs integer When it came, by getLocalTimestamp, in microseconds.
---@field userData integer Of the connection.

---Messages with all that is known about them.
---@param connection integer
---@param max? integer 32 unless said otherwise.
---@return integer n -1 alone if there is no such connection.
---@return luasteam.DetailedMessage[] messages
---@see ReceiveMessagesOnConnection
function sockets.receiveDetailedMessagesOnConnection(connection, max) end

---The same for a poll group.
---@param pollGroup integer
---@param max? integer
---@return integer n -1 alone if there is no such group.
---@return luasteam.DetailedMessage[] messages
---@see ReceiveMessagesOnPollGroup
function sockets.receiveDetailedMessagesOnPollGroup(pollGroup, max) end

---Puts up to 32 messages into a table that the script keeps, so that nothing is garbage but the strings.
---@param connection integer
---@param messages string[] Has these messages afterwards and nothing else.
---@return integer n -1 if there is no such connection.
---@see ReceiveMessagesOnConnection
function sockets.receiveInto(connection, messages) end

---The same for a poll group: `connections[i]` is where `messages[i]` came from.
---@param pollGroup integer
---@param connections integer[]
---@param messages string[]
---@return integer n -1 if there is no such group.
---@see ReceiveMessagesOnPollGroup
function sockets.receiveFromPollGroupInto(pollGroup, connections, messages) end

---Sleeps until there is something for runCallbacks or a message to receive. 0 only looks.
---@param timeoutMs number
---@return boolean something false if the time is over.
function sockets.wait(timeoutMs) end

---Sleeps until there is a message in a poll group.
---@param pollGroup integer
---@param timeoutMs number
---@return boolean something
function sockets.waitForMessages(pollGroup, timeoutMs) end

---@return integer pollGroup 0 before Steam.init().
function sockets.createPollGroup() end

---@param pollGroup integer
---@return boolean was There was such a group.
function sockets.destroyPollGroup(pollGroup) end

---Puts a connection into a poll group, or into none with 0.
---@param connection integer
---@param pollGroup integer
---@return boolean works
function sockets.setConnectionPollGroup(connection, pollGroup) end

-- Who and how

---Gets ready to prove who this side is. Its answer comes by onAuthenticationStatus.
---@return luasteam.Availability
function sockets.initAuthentication() end

---@return luasteam.Availability status
---@return string debugMsg
function sockets.getAuthenticationStatus() end

---This side's identity if it is a SteamID; a game server has one once it has logged on.
---@return luasteam.uint64?
function sockets.getIdentity() end

---Signs in to a hub, which says who this side is, certifies that, and carries signals. onAuthenticationStatus tells how it goes,
---after initAuthentication.
---@param hub string Where it is, "name:port", or several with commas between them.
---@param key string Its key, "ssh-ed25519 AAAA...", or its identity.
---@param login? string "anonymous" unless given, "dev", "jwt:TOKEN", "hook:TICKET", or "shared-key:NAME:KEY".
---@param identity? string Who to be, if the login does not say it.
---@return boolean begun
---@return string? error
function sockets.signIn(hub, key, login, identity) end

---Signs out of the hub. Connections stay.
function sockets.signOut() end

---What is needed to be given a certificate: a text for `bowline cert sign`.
---@return string? request nil before Steam.init().
function sockets.getCertificateRequest() end

---Uses a certificate for connections from now on.
---@param certificate string Its text.
---@return boolean works
---@return string? error
function sockets.setCertificate(certificate) end

---@param connection integer
---@return luasteam.Result result "OK", or "None" if there is no such connection.
---@return string description For people.
function sockets.getConnectionInfo(connection) end

-- What is not known (yet) is nil.
---@class luasteam.LaneStatus
---@field pendingUnreliableBytes integer Wait to be sent.
---@field pendingReliableBytes integer Wait to be sent, or to be sent again.
---@field unackedReliableBytes integer Were sent and are not acknowledged.
---@field expiredMessages integer Were dropped since they passed their deadline.
---@field replacedMessages integer Were replaced by newer ones with the same key.
---@field queueTimeUs? integer How long a message that is sent now would wait.

---@class luasteam.ConnectionStatus: luasteam.LaneStatus
---@field state luasteam.State
---@field pingMs? integer
---@field qualityLocal? number Share of the peer's packets that arrive, 0 to 1.
---@field qualityRemote? number Share of our packets that arrive, 0 to 1.
---@field outPacketsPerSec number
---@field outBytesPerSec number
---@field inPacketsPerSec number
---@field inBytesPerSec number
---@field packetBytes integer The largest packet that is sent for now.
---@field sendRateBytesPerSec? integer At which rate data may leave.
---@field maxJitterUs? integer The largest since the status was asked for the last time.
---@field skippedNumbers integer Packet numbers left out to find out a peer that lies about what it has.
---@field armour { segments: integer, bytes: integer, packets: integer } Sent again in case it is lost.
---@field loss { packets: integer, undone: integer, resentBytes: integer, timeouts: integer, reorderingWindowUs: integer }
---@field lanes luasteam.LaneStatus[] Lane 0 first.

---How a connection does right now.
---@param connection integer
---@return luasteam.ConnectionStatus?
---@see GetConnectionRealTimeStatus
function sockets.getConnectionStatus(connection) end

---@class luasteam.ConnectionDetails
---@field state luasteam.State
---@field identity? string Who the peer says it is.
---@field authenticated boolean A trusted certificate says so, too.
---@field encrypted boolean
---@field endReason integer Why it ended; 0 while it has not.
---@field debug string Why it ended, in words.
---@field rejection? string Why the server refused it, if it is set to tell.
---@field extensions string[] What both sides have agreed on beyond the original's protocol.
---@field sendEpoch integer How often the key that packets are sealed with was replaced.
---@field recvEpoch integer The same for the peer's key.
---@field flags integer Security and kind, as in the original's ConnectionInfo.
---@field description string For people.
---@field address string Where the peer is.
---@field remotePop integer The data center of the peer; 0 if there is none.
---@field relayPop integer The data center of the relay; 0 if there is none.
---@field incoming boolean It came in on a listen socket.
---@field userData integer
---@field name string As setConnectionName gave it.

---Who a connection is with, and how it stands.
---@param connection integer
---@return luasteam.ConnectionDetails?
---@see GetConnectionInfo
function sockets.getConnectionDetails(connection) end

---Everything about a connection in several lines, for people.
---@param connection integer
---@return string?
function sockets.getDetailedConnectionStatus(connection) end

---@class luasteam.SendCapacity
---@field bufferBytes integer The largest message that the send buffer takes.
---@field atOnceBytes integer How much of it would leave at once.
---@field delayUs? integer How long a message that is sent now would wait.

---What may be sent right now.
---@param connection integer
---@param lane? integer
---@return luasteam.SendCapacity?
function sockets.getSendCapacity(connection, lane) end

---What was thrown away of what came in, by reason: of a connection, or of all.
---@param connection? integer
---@return table<string, integer>?
function sockets.getDropCounts(connection) end

---Gives a connection a name, for logs and descriptions.
---@param connection integer
---@param name string
---@return boolean works
function sockets.setConnectionName(connection, name) end

---@param connection integer
---@return string?
function sockets.getConnectionName(connection) end

---Attaches a number to a connection.
---@param connection integer
---@param userData integer
---@return boolean works
function sockets.setConnectionUserData(connection, userData) end

---@param connection integer
---@return integer? userData -1 unless one was attached.
function sockets.getConnectionUserData(connection) end

---@class luasteam.NetworkingUtils
local utils = {}
Steam.networkingUtils = utils

---@class luasteam.DebugOutput
---@field level integer
---@field source string
---@field text string

---A line of the log, after setDebugOutput.
---@type fun(data: luasteam.DebugOutput)?
utils.onDebugOutput = nil

---Does nothing: there are no relays yet.
function utils.initRelayNetworkAccess() end

---@return luasteam.Availability status -102: there are no relays yet.
function utils.getRelayNetworkStatus() end

---A clock in microseconds that never goes back.
---@return integer
function utils.getLocalTimestamp() end

---Sets a setting for everything that this state makes.
---@param name luasteam.Setting
---@param value luasteam.SettingValue
---@return boolean works
function utils.setConfigValue(name, value) end

---Sets a setting for the process, so also for other Lua states.
---@param name luasteam.Setting
---@param value luasteam.SettingValue
---@return boolean works
---@see SetGlobalConfigValueInt32
---@see SetGlobalConfigValueFloat
---@see SetGlobalConfigValueString
function utils.setGlobalConfigValue(name, value) end

---@param connection integer
---@param name luasteam.Setting
---@param value luasteam.SettingValue
---@return boolean works
---@see SetConnectionConfigValueInt32
---@see SetConnectionConfigValueFloat
---@see SetConnectionConfigValueString
function utils.setConnectionConfigValue(connection, name, value) end

---@param name luasteam.Setting
---@param connection? integer
---@return luasteam.SettingValue?
function utils.getConfigValue(name, connection) end

---Lets a setting be what it is one level above: for the process, or for this state if there is a connection.
---@param name luasteam.Setting
---@param connection? integer
---@return boolean works
function utils.resetConfigValue(name, connection) end

---@class luasteam.SettingInfo
---@field name luasteam.Setting
---@field number integer
---@field type string "int32", "int64", "float", "string" or "callback".
---@field scope string "global" or "connection".
---@field default? luasteam.SettingValue
---@field min? number
---@field max? number
---@field unit? string
---@field description string
---@field change "always"|"before connecting"|"never" When it may be changed.
---@field waitsFor? string What must exist before it has an effect.

---@param name luasteam.Setting
---@return luasteam.SettingInfo?
function utils.getConfigValueInfo(name) end

---The names of all settings.
---@return luasteam.Setting[]
---@see IterateGenericEditableConfigValues
function utils.configValues() end

---Has the log delivered by onDebugOutput, up to a level: from 1, bugs, to 8, everything.
---@param level? integer 0 or nil turns it off.
---@return boolean works
---@see SetDebugOutputFunction
function utils.setDebugOutput(level) end

---Whether a text is an identity as `Steam.init` takes it.
---@param text string
---@return boolean
---@see ISteamNetworkingUtils::SteamNetworkingIdentity_ParseString
function utils.isIdentity(text) end

---Whether an address is one of those that stand for an identity.
---@param address string
---@return boolean
---@see IsFakeIPv4
function utils.isFakeIP(address) end

-- Packets to identities, as Steam's legacy API has them; luasteam has nothing of it. Their signals go by
-- `networkingSockets.onSignal` and `receiveSignal`. A peer is a uint64, the number of a Steam account, or a text,
-- any identity.
---@class luasteam.Networking
---@field send luasteam.P2PSend How a packet is sent.
---@field sessionError luasteam.P2PSessionError Why a peer was not reached.
---@field socketConnectionType { NotConnected: integer, UDP: integer, UDPRelay: integer } Of sockets that are not served.
---@field socketState luasteam.SNetSocketState Of sockets that are not served.
local networking = {}

---@class luasteam.P2PSend
---@field Unreliable integer 0: may be lost; at most 1200 bytes.
---@field UnreliableNoDelay integer 1: the same, and dropped while there is no connection.
---@field Reliable integer 2: arrives, in order; at most 1 MiB.
---@field ReliableWithBuffering integer 3: the same, and may wait for others to share a packet with.

---@class luasteam.P2PSessionError
---@field None integer 0
---@field NotRunningApp integer 1: never said.
---@field NoRightsToApp integer 2
---@field DestinationNotLoggedOn integer 3: never said.
---@field Timeout integer 4
---@field Max integer 5

---@class luasteam.SNetSocketState
---@field Invalid integer 0
---@field Connected integer 1
---@field Initiated integer 10
---@field LocalCandidatesFound integer 11
---@field ReceivedRemoteCandidates integer 12
---@field ChallengeHandshake integer 15
---@field Disconnecting integer 21
---@field LocalDisconnect integer 22
---@field TimeoutDuringConnect integer 23
---@field RemoteEndDisconnected integer 24
---@field ConnectionBroken integer 25

---@class luasteam.P2PSessionState
---@field connectionActive boolean
---@field connecting boolean
---@field sessionError integer
---@field usingRelay boolean
---@field bytesQueuedForSend integer
---@field packetsQueuedForSend integer
---@field remoteIP? string Where the peer is, if packets go there directly.
---@field remotePort? integer

---A peer wants to send packets: accept the session, send something, or close it. Again about every 10 s while it keeps
---asking.
---@see callback P2PSessionRequest_t (1202)
---@type fun(data: { steamIDRemote: luasteam.uint64|string })?
networking.onP2PSessionRequest = nil

---A peer was not reached within 20 s, or not any more. What was queued for it is gone; the next packet begins anew.
---@see callback P2PSessionConnectFail_t (1203)
---@type fun(data: { steamIDRemote: luasteam.uint64|string, sessionError: integer })?
networking.onP2PSessionConnectFail = nil

---Sends a packet. Begins a session if there is none, and accepts one that the peer asks for.
---@param steamID luasteam.uint64|string
---@param packet string
---@param sendType integer One of networking.send.
---@param channel? integer 0 unless said otherwise.
---@return boolean sent false if nothing was sent; why is a line on stderr.
---@see SendP2PPacket
---@see EP2PSend
function networking.sendP2PPacket(steamID, packet, sendType, channel) end

---Whether packets may go by relays, for connections that begin from now on: they may unless set.
---@param allow boolean
---@return boolean always true
---@see AllowP2PPacketRelay
function networking.allowP2PPacketRelay(allow) end

---Whether a packet waits on a channel, and its size in bytes.
---@param channel? integer 0 unless said otherwise.
---@return boolean available
---@return integer? size
---@see IsP2PPacketAvailable
function networking.isP2PPacketAvailable(channel) end

---The size in bytes of the packet that is next on a channel, 0 if there is none. Drops empty packets, which it could not tell from
---none; `isP2PPacketAvailable` tells of them.
---@param channel? integer 0 unless said otherwise.
---@return integer size
---@see IsP2PPacketAvailable
function networking.getAvailableP2PPacketSize(channel) end

---Takes the oldest packet of a channel; nil if there is none.
---@param channel? integer 0 unless said otherwise.
---@return string? packet
---@return luasteam.uint64|string|nil steamID Who has sent it.
---@see ReadP2PPacket
function networking.readP2PPacket(channel) end

---Lets a peer have the session that it asks for.
---@param steamID luasteam.uint64|string
---@return boolean works false only if there can be no such peer, or nothing is set up.
---@see AcceptP2PSessionWithUser
function networking.acceptP2PSessionWithUser(steamID) end

---Ends a session, or refuses one that the peer asks for.
---@param steamID luasteam.uint64|string
---@return boolean closed false if there is none.
---@see CloseP2PSessionWithUser
function networking.closeP2PSessionWithUser(steamID) end

---Ends a channel of a session, and with the last one the session.
---@param steamID luasteam.uint64|string
---@param channel integer
---@return boolean closed false if it is not open.
---@see CloseP2PChannelWithUser
function networking.closeP2PChannelWithUser(steamID, channel) end

---How the session with a peer does; nil if there is none.
---@param steamID luasteam.uint64|string
---@return luasteam.P2PSessionState?
---@see GetP2PSessionState
---@see EP2PSessionError
function networking.getP2PSessionState(steamID) end

-- While a game server is up, `networkingSockets` is its.
---@class luasteam.GameServer
---@field mode { NoAuthentication: integer, Authentication: integer, AuthenticationAndSecure: integer }
local server = {}
Steam.gameServer = server

---Logged on.
---@type fun(data: table)?
server.onSteamServersConnected = nil

---Logged off.
---@type fun(data: { result: string })?
server.onSteamServersDisconnected = nil

---Never called: there is no Steam to fail.
---@type fun(data: { result: string, stillRetrying: boolean })?
server.onSteamServerConnectFailure = nil

---Never called: there is no Steam to ask.
---@type fun(data: { steam_id: luasteam.uint64, owner_steam_id: luasteam.uint64, response: string })?
server.onValidateAuthTicketResponse = nil

---Starts a game server. Of the arguments only `options` have an effect.
---@param ip string|integer
---@param gamePort integer
---@param queryPort integer
---@param mode integer
---@param version string
---@param options? luasteam.InitOptions
---@return boolean works
---@see SteamGameServerNetworkingSockets()
---@see gameServer
function server.init(ip, gamePort, queryPort, mode, version, options) end

function server.shutdown() end

---As Steam.runCallbacks, for the server.
function server.runCallbacks() end

---Works at once: there is no Steam to ask. onSteamServersConnected comes by runCallbacks.
---@param token string
function server.logOn(token) end

---The same.
function server.logOnAnonymous() end

function server.logOff() end

---@return boolean
function server.bLoggedOn() end

---@return boolean secure false
function server.bSecure() end

---@return luasteam.uint64
function server.getSteamID() end

---@param dedicated boolean
function server.setDedicatedServer(dedicated) end

---@param authTicket string
---@param steamID luasteam.uint64
---@return integer result 1, invalid: there is no Steam to ask.
function server.beginAuthSession(authTicket, steamID) end

---@param steamID luasteam.uint64
function server.endAuthSession(steamID) end

return Steam
