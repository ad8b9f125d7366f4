function love.conf(t)
    local rules = require "dm.rules"
    t.identity = "bowline-deathmatch"
    t.version = "11.4"
    t.window.title = "Deathmatch on Bowline"
    t.window.width, t.window.height = rules.width, rules.height
end
