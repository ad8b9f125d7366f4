-- Neither a window nor sound: the programs only talk.
function love.conf(t)
    for _, name in ipairs { 'audio', 'font', 'graphics', 'image', 'joystick', 'keyboard', 'math', 'mouse', 'physics',
        'sound', 'touch', 'video', 'window' } do
        t.modules[name] = false
    end
end
