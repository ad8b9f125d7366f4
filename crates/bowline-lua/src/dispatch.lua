-- Tells the script what has happened. It calls the script's functions from Lua, so that an error in one of
-- them, whatever its value, goes through to whoever called, and a coroutine may yield in one.
local steam, start, next_event = ...

return function()
    -- Which interface it is about, and up to where it goes: a function of the script may end the interface, or
    -- call this one.
    local interface, last = start()
    while interface do
        local section, name, data = next_event(interface, last)
        if not section then
            break
        end
        local functions = steam[section]
        local handler = functions and functions[name]
        if handler then
            handler(data)
        end
    end
end
