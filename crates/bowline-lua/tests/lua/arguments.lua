-- Calls functions with every kind of value at every position of their arguments. Given: the list of all functions.
local functions = ...
local sockets = Steam.networkingSockets
local unpack = table.unpack or unpack

local client, server = world.pair()
local group = sockets.createPollGroup()
local socket = world.listen()
-- Else nothing is made by identity.
function sockets.onSignal() end

-- What a parameter of that name takes: kinds of values, and one that is right. A `picky` one refuses some of them.
local function takes(kinds, right, picky)
    local set = {}
    for kind in kinds:gmatch("[%w]+") do
        set[kind] = true
    end
    return { kinds = set, right = right, picky = picky }
end
local number, text = "number numeral", "string numeral number"

local peer = takes("uint64 string numeral", Steam.extra and Steam.extra.parseUint64("5"))

-- By the name of the parameter, or of function and parameter where a name means several things.
local parameters = {
    allow = takes("boolean", true),
    address = takes(text, "127.0.0.1:1"),
    authTicket = takes(text, "00"),
    certificate = takes(text, "x", "in UTF-8"),
    channel = takes(number, 0),
    connection = takes(number, client),
    connections = takes("table", {}),
    debug = takes(text, "x", "text only"),
    enableLinger = takes("boolean", false),
    flag = takes(number, 0),
    gamePort = takes(number, 0, "a port"),
    hub = takes(text, "127.0.0.1:1", "in UTF-8"),
    identity = takes(text, "str:a", "an identity"),
    identity1 = takes(text, "str:a", "an identity"),
    identity2 = takes(text, "str:a", "an identity"),
    ip = takes(text, 0, "an address"),
    key = takes(text, ("11"):rep(32), "in UTF-8"),
    lane = takes(number, 0, "a lane"),
    lanes = takes("table", { {} }, "lanes"),
    level = takes(number, 0, "a level"),
    localAddress = takes(text, "127.0.0.1:0"),
    login = takes(text, "dev", "in UTF-8"),
    max = takes(number, 1, "above zero"),
    message = takes(text, "x"),
    messages = takes("table", {}),
    mode = takes(number, 1, "a mode"),
    n = takes(number, 0, "as many as there are"),
    name = takes(text, "NagleTime", "a name"),
    on = takes("boolean", true),
    options = takes("table", {}),
    packet = takes(text, "x"),
    pollGroup = takes(number, group),
    queryPort = takes(number, 0, "a port"),
    reason = takes(number, 1000, "a reason"),
    socket = takes("userdata", socket, "a socket"),
    sendType = takes(number, 2),
    signal = takes(text, "x"),
    steamID = takes("uint64", Steam.extra and Steam.extra.parseUint64("5")),
    text = takes(text, "x"),
    timeoutMs = takes(number, 0, "not negative"),
    token = takes(text, "x"),
    useNetwork = takes("boolean", false),
    userData = takes(number, 0),
    value = takes("string numeral number boolean", 5, "what the setting takes"),
    version = takes(text, "1.0"),
    virtualPort = takes(number, 0),
    ["closeListenSocket.socket"] = takes("any", socket),
    dedicated = takes("boolean nil", true),
    ["acceptP2PSessionWithUser.steamID"] = peer,
    ["closeP2PChannelWithUser.steamID"] = peer,
    ["closeP2PSessionWithUser.steamID"] = peer,
    ["connectP2P.steamID"] = peer,
    ["getP2PSessionState.steamID"] = peer,
    ["sendP2PPacket.steamID"] = peer,
    ["connectExpecting.address"] = takes(text, "127.0.0.1:1", "an address"),
    ["setSequenced.lane"] = takes(number .. " nil", 0, "a lane"),
}

local values = {
    { kind = "nil", value = nil },
    { kind = "boolean", value = true },
    { kind = "number", value = 0 },
    { kind = "number", value = -1 },
    { kind = "number", value = 2 ^ 31, long = true },
    { kind = "number", value = 2 ^ 53, long = true },
    { kind = "number", value = 1.5, odd = true },
    { kind = "number", value = 2 ^ 70, odd = true, long = true },
    { kind = "number", value = 0 / 0, odd = true },
    { kind = "number", value = 1 / 0, odd = true },
    { kind = "number", value = -1 / 0, odd = true },
    { kind = "numeral", value = "5" },
    { kind = "string", value = "x" },
    { kind = "string", value = "\255\0" },
    { kind = "table", value = {} },
    { kind = "table", value = setmetatable({}, { __index = error, __newindex = error, __pairs = error, __len = error }) },
    { kind = "function", value = print },
    { kind = "thread", value = coroutine.create(function() end) },
    { kind = "userdata", value = io.stdout },
    { kind = "userdata", value = socket },
}

-- What is not as it should be.
local problems = {}

local function expect(is, ...)
    if not is then
        table.insert(problems, table.concat({ ... }, " "))
    end
    return is
end

local function named(signature)
    local steam = signature.section == "" and Steam or Steam[signature.section]
    return steam[signature.name]
end

local function try(signature, position, case, count, arguments)
    local worked, problem = pcall(named(signature), unpack(arguments, 1, count))
    local parameter = signature.parameters[position]
    local name = parameter:gsub("%?$", "")
    local takes = parameters[signature.name .. "." .. name] or parameters[name]
    local optional = parameter ~= name and case.kind == "nil"
    local right = takes.kinds.any or takes.kinds[case.kind] or optional
    local shown = tostring(case.value):gsub("[^%w%p ]", "?")
    local what = ("%s(#%d = %s %s)"):format(signature.name, position, case.kind, shown)
    if worked then
        expect(right, what, "was accepted")
    elseif expect(type(problem) == "string", what, "raised no text") then
        if right then
            -- It may be what another argument is wrong with.
            local expected = ("^bad argument #%%d to '%s' %%(%%w+: "):format(signature.name)
            expect(problem:match(expected), what, "raised", problem)
            expect(case.odd or takes.picky, what, "raised", problem)
        else
            local expected = ("bad argument #%d to '%s' (%s: "):format(position, signature.name, name)
            expect(problem:sub(1, #expected) == expected, what, "raised", problem)
        end
    end
end

-- With what is right everywhere nothing is raised, nor with one argument more to luasteam's own.
local function tryRight(signature, right)
    local count = #signature.parameters
    local call = named(signature)
    local worked, problem = pcall(call, unpack(right, 1, count))
    expect(worked, signature.name, "raised", tostring(problem))
    worked, problem = pcall(call, unpack(right, 1, count + 1))
    expect(worked, signature.name, "with nil at the end raised", tostring(problem))
    right[count + 1] = 0
    worked, problem = pcall(call, unpack(right, 1, count + 1))
    expect(worked == not signature.own, signature.name, "with one argument too many")
    if not worked then
        local expected = ("bad argument #%d to '%s' (no more than %d argument"):format(count + 1, signature.name, count)
        expect(problem:sub(1, #expected) == expected, signature.name, "raised", problem)
    end
end

local function check(signature)
    local right = {}
    for position, parameter in ipairs(signature.parameters) do
        local name = parameter:gsub("%?$", "")
        local takes = parameters[signature.name .. "." .. name] or parameters[name]
        if not expect(takes, "tests/lua/arguments.lua has to say what", name, "of", signature.name, "takes") then
            return
        end
        right[position] = takes.right
    end
    local count = #signature.parameters
    for position = 1, count do
        local kept = right[position]
        for _, case in ipairs(values) do
            -- Else it would wait.
            if not (case.long and signature.parameters[position] == "timeoutMs") then
                right[position] = case.value
                try(signature, position, case, count, right)
            end
        end
        right[position] = kept
        try(signature, position, { kind = "nil" }, position - 1, right)
    end
    tryRight(signature, right)
end

-- Those that begin and end the interface come last.
for _, last in ipairs { false, true } do
    for _, signature in ipairs(functions) do
        if (signature.section == "" or signature.section == "gameServer") == last then
            check(signature)
        end
    end
end
assert(#problems == 0, table.concat(problems, "\n"))
