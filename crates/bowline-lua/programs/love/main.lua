-- Runs the program that is named after this folder on the command line, and quits: `love FOLDER PROGRAM`.
function love.load(arguments)
    assert(loadfile(arguments[1]))()
    love.event.quit()
end
