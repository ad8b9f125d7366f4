-- What the rockspec runs, in the repository's root and under the interpreter that the module is for:
--
--     lua rock.lua build            builds the module
--     lua rock.lua install FOLDER   copies it to where that interpreter looks for modules
--
-- BOWLINE_PROFILE names a profile of cargo's other than release.

-- By what it says of itself; LuaJIT says that it is Lua 5.1.
local FEATURES = { ['Lua 5.1'] = 'lua51', ['Lua 5.3'] = 'lua53', ['Lua 5.4'] = 'lua54' }

local feature = rawget(_G, 'jit') and 'luajit' or FEATURES[_VERSION]
local profile = os.getenv('BOWLINE_PROFILE') or 'release'
local target = os.getenv('CARGO_TARGET_DIR') or 'target'
local is_windows = package.config:sub(1, 1) == '\\'

local function build()
    assert(feature, 'there is no module for ' .. _VERSION)
    local command = 'cargo rustc --lib --crate-type cdylib --manifest-path crates/bowline-lua/Cargo.toml --no-default-features'
        .. ' --features aws-lc,module,' .. feature .. ' --profile ' .. profile .. ' --target-dir "' .. target .. '"'
    print(command)
    -- Lua 5.1 returns the status, later ones whether it was 0.
    local status = os.execute(command)
    assert(status == true or status == 0, 'cargo failed')
end

-- The library's name in the target folder, on each system.
local function find()
    local folder = profile == 'dev' and 'debug' or profile
    for _, name in ipairs { 'libluasteam.so', 'libluasteam.dylib', 'luasteam.dll' } do
        local file = io.open(target .. '/' .. folder .. '/' .. name, 'rb')
        if file then
            return file
        end
    end
    error('nothing is built: ' .. target)
end

local function install(folder)
    local from = find()
    local path = folder .. '/luasteam.' .. (is_windows and 'dll' or 'so')
    local to = assert(io.open(path, 'wb'))
    assert(to:write(from:read('*a')))
    assert(to:close())
    from:close()
    print('installed ' .. path)
end

local commands = { build = build, install = install }
assert(commands[arg[1]], 'usage: rock.lua build | install FOLDER')(arg[2])
