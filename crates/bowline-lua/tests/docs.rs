//! The code on the pages about the module runs.

use std::net::UdpSocket;

use mlua::Lua;

use crate::support;

const REFERENCE: &str = include_str!("../../../docs/lua.md");
const README: &str = include_str!("../README.md");

/// The pieces of Lua in a page, with the line that each begins at.
fn pieces(page: &str) -> Vec<(usize, String)> {
    let mut pieces = Vec::new();
    let mut open: Option<(usize, String)> = None;
    for (line, number) in page.lines().zip(1..) {
        match &mut open {
            None if line == "```lua" => open = Some((number, String::new())),
            None => {}
            Some(_) if line == "```" => pieces.extend(open.take()),
            Some((_, text)) => {
                text.push_str(line);
                text.push('\n');
            }
        }
    }
    assert!(open.is_none(), "a piece has no end");
    pieces
}

/// What the page says its examples have.
const PRELUDE: &str = r##"
    package.preload.luasteam = function() return Steam end
    sockets, utils = Steam.networkingSockets, Steam.networkingUtils
    assert(Steam.init())
    connection, peer = sockets.createSocketPair(true)
    for _, socket in ipairs({ connection, peer }) do
        sockets.configureConnectionLanes(socket, { {}, {}, {} })
    end
    -- An example that waits for what never comes is to fail.
    local wait, left = sockets.wait, 1000
    function sockets.wait(timeoutMs)
        left = left - 1
        assert(left > 0, "it waits for ever")
        return wait(math.min(timeoutMs, 100))
    end
    function print(...)
        for index = 1, select("#", ...) do
            assert(tostring((select(index, ...))))
        end
    end
"##;

#[test]
fn every_example_of_the_reference_runs() {
    for (line, piece) in pieces(REFERENCE) {
        let lua = support::state();
        let () = support::run(&lua, PRELUDE);
        let chunk = lua
            .load(piece)
            .set_name(format!("=docs/lua.md, from line {line}"));
        if let Err(error) = chunk.exec() {
            panic!("{error}");
        }
    }
}

#[test]
fn the_reference_names_every_function_beyond_luasteam() {
    let lua = support::state();
    for function in luasteam::functions(&lua).iter().filter(|it| it.own) {
        let call = format!("{}(", function.name);
        let is_named = ["`", "."]
            .iter()
            .any(|before| REFERENCE.contains(&format!("{before}{call}")));
        assert!(is_named, "{}", function.name);
    }
}

#[test]
fn the_pieces_of_the_readme_are_lua() {
    let lua = Lua::new();
    for (line, piece) in pieces(README) {
        if let Err(error) = lua.load(piece).into_function() {
            panic!("README.md, from line {line}: {error}");
        }
    }
}

/// A window of LÖVE, as far as the first game looks.
const WINDOW: &str = r#"
    package.preload.luasteam = function() return Steam end
    circles = {}
    mouse = { 0, 0 }
    love = {
        graphics = {
            print = function() end,
            circle = function(_, x, y) circles[#circles + 1] = x .. " " .. y end,
        },
        mouse = { getPosition = function() return mouse[1], mouse[2] end },
    }
    function frame()
        Steam.networkingSockets.wait(1)
        love.update()
        circles = {}
        love.draw()
        return circles[1] or ""
    end
"#;

#[test]
fn the_first_game_shows_where_the_other_points() {
    let game = pieces(README)
        .into_iter()
        .find(|(_, piece)| piece.contains("love.update"));
    // A port that nobody has.
    let probe = UdpSocket::bind("[::]:0").expect("a port");
    let port = probe.local_addr().expect("its address").port();
    drop(probe);
    let game = game
        .expect("the game")
        .1
        .replace("27302", &port.to_string());
    let windows = ["h", "j"].map(|key| {
        let lua = support::state();
        let () = support::run(&lua, WINDOW);
        lua.load(game.as_str())
            .set_name("=main.lua")
            .exec()
            .expect("it loads");
        let () = support::run(&lua, &format!("love.load() love.keypressed({key:?})"));
        lua
    });
    let () = support::run(&windows[0], "mouse = { 11, 12 }");
    let () = support::run(&windows[1], "mouse = { 21, 22 }");
    let start = std::time::Instant::now();
    loop {
        let shown = windows
            .each_ref()
            .map(|window| support::run::<String>(window, "return frame()"));
        if shown == ["21 22", "11 12"] {
            break;
        }
        assert!(start.elapsed().as_secs() < 10, "shown: {shown:?}");
    }
    // The other window is told of the end.
    let () = support::run(&windows[0], "love.quit()");
    while !support::run::<String>(&windows[1], "return frame()").is_empty() {
        assert!(start.elapsed().as_secs() < 20, "it is still there");
    }
}
