-- From a checkout: `luarocks make crates/bowline-lua/luasteam-scm-1.rockspec` in the repository's root. Needs Rust,
-- and a C compiler.
rockspec_format = '3.0'
package = 'luasteam'
version = 'scm-1'
source = {
    url = 'git+https://github.com/bowline-net/bowline.git',
}
description = {
    summary = 'Game sockets for Lua and LÖVE, without Steam',
    detailed = [[
        The names and behaviour of luasteam's networkingSockets, on Bowline, an open implementation of Steam's
        networking stack: reliable and unreliable messages over UDP, encrypted, between processes that need neither
        Steam nor its libraries.
    ]],
    homepage = 'https://github.com/bowline-net/bowline',
    license = 'MIT OR Apache-2.0',
    labels = { 'game', 'networking', 'udp', 'steam', 'love' },
}
dependencies = {
    'lua >= 5.1, < 5.5, ~= 5.2',
}
build = {
    type = 'command',
    build_command = '"$(LUA)" crates/bowline-lua/rock.lua build',
    install_command = '"$(LUA)" crates/bowline-lua/rock.lua install "$(LIBDIR)"',
}
