-- Whether there is a line to read.
--
-- Lua can only read and wait for it. LuaJIT can ask the system first; without it, a program that listens to the
-- network must let the user press Enter to go on.
local keyboard = {}

function keyboard.hasLine()
    return true
end

local hasFFI, ffi = pcall(require, "ffi")
if hasFFI and ffi.os ~= "Windows" then
    ffi.cdef [[
        struct bowline_pollfd { int fd; short events; short revents; };
        int poll(struct bowline_pollfd *fds, unsigned long count, int timeout);
    ]]
    local POLLIN = 1
    -- Of the keyboard, whose number is 0.
    local request = ffi.new("struct bowline_pollfd", { fd = 0, events = POLLIN })

    -- Lines that Lua has read ahead are none that the system knows of.
    io.stdin:setvbuf("no")

    function keyboard.hasLine()
        return ffi.C.poll(request, 1, 0) > 0
    end
end

return keyboard
