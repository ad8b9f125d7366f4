-- Words like `--bots 3`: for programs on the command line, LÖVE and its threads alike.
--
-- Gives `defaults` with what the words say in its place. Numbers where the default is one.
return function(words, defaults)
    local options = {}
    for name, value in pairs(defaults) do
        options[name] = value
    end
    for index = 1, #words, 2 do
        local name, value = words[index]:match("^%-%-(%w+)$"), words[index + 1]
        if type(options[name]) == "number" then
            value = tonumber(value)
        end
        if options[name] == nil or value == nil then
            error("unknown or incomplete: " .. words[index], 0)
        end
        options[name] = value
    end
    return options
end
