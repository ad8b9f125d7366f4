//! The example programs, and the code in the documentation, do what they say.

use std::path::PathBuf;

use mlua::Lua;
use mlua::Table;

use crate::support;

fn example(name: &str) -> PathBuf {
    [env!("CARGO_MANIFEST_DIR"), "examples", name]
        .iter()
        .collect()
}

/// A state in which a program of this folder finds the module and its own files.
fn state_in(folder: &str) -> Lua {
    let lua = support::state();
    let path = example(folder).join("?.lua");
    let package: Table = lua.globals().get("package").expect("the package library");
    let path = path.to_str().expect("a path in UTF-8").replace('\\', "/");
    package.set("path", path).expect("memory");
    let () = support::run(
        &lua,
        "package.preload.luasteam = function() return Steam end",
    );
    lua
}

#[test]
fn bots_play_a_match_on_a_bad_network_and_agree_on_the_scores() {
    let lua = state_in("deathmatch");
    let program = example("deathmatch").join("headless.lua");
    let () = support::run(&lua, "print = function() end");
    let words = ["--bots", "4", "--seconds", "10", "--loss", "5"];
    let program = lua.load(program).into_function().expect("it compiles");
    let hits: u32 = match program.call(mlua::Variadic::from_iter(words)) {
        Ok(hits) => hits,
        Err(error) => panic!("{error}"),
    };
    assert!(hits > 0, "nobody was hit in ten seconds");
}

#[test]
fn a_message_of_the_game_that_is_cut_or_has_more_is_none() {
    let lua = state_in("deathmatch");
    let () = support::run(
        &lua,
        r#"
        local World, messages = require "dm.world", require "dm.messages"
        local world = World.new(math.random)
        world:join(1, "a")
        world:join(2, "b").input = { fire = true, aim = 1 }
        world:step()
        local all = {
            messages.hello("a"), messages.input({ left = true, aim = 1 }), messages.welcome(1, 10),
            messages.joined(1, 0, "a"), messages.left(1), messages.over(world), messages.snapshot(world),
            messages.hit({ by = 1, id = 2, health = 66 }), messages.killed({ by = 1, id = 2 }),
        }
        for _, message in ipairs(all) do
            local kind = assert(messages.decode(message)).kind
            assert(not messages.decode(message .. "x"), kind)
            for size = 0, #message - 1 do
                assert(not messages.decode(message:sub(1, size)), kind)
            end
        end
        "#,
    );
}

/// LÖVE cannot draw other texts, so that one player's name would end the game of all.
#[test]
fn names_that_are_not_utf_8_can_be_drawn() {
    let lua = state_in("deathmatch");
    let () = support::run(
        &lua,
        r#"
        local messages = require "dm.messages"
        for sent, shown in pairs {
            ["Ann"] = "Ann",
            ["Zoë €😀"] = "Zoë €😀",
            ["\255x\n"] = "?x?",
            ["cut\226\130"] = "cut??",
            ["\237\160\128\192\128"] = "?????",
        } do
            local name = messages.decode(messages.hello(sent)).name
            assert(name == shown, name)
            assert(messages.decode(messages.joined(1, 0, sent)).name == shown, shown)
        end
        "#,
    );
}

/// Anybody can say anything to a room.
#[test]
fn a_name_of_any_bytes_does_not_end_the_chat() {
    let lua = state_in("chat");
    let () = support::run(
        &lua,
        r#"
        local Room = require "room"
        assert(Steam.init())
        local room = assert(Room.open(Steam, "127.0.0.1:0"))
        local sockets = Steam.networkingSockets
        local client = sockets.connectByIPAddress(room.address)
        local reliable = sockets.flags.Send_Reliable
        assert(sockets.sendMessageToConnection(client, "\255\0", reliable) == "OK")
        local heard
        for _ = 1, 100 do
            sockets.wait(50)
            Steam.runCallbacks()
            room:receive()
            local n, lines = sockets.receiveMessagesOnConnection(client)
            if n > 0 then
                heard = lines[1]
                break
            end
        end
        assert(heard == "\255  is here", heard)
        Steam.shutdown()
        "#,
    );
}

#[test]
fn the_result_stands_whatever_comes_after_it() {
    let lua = state_in("deathmatch");
    let () = support::run(
        &lua,
        r#"
        local messages = require "dm.messages"
        local function nothing() end
        local sockets = { connectByIPAddress = function() return 1 end, closeConnection = nothing }
        local guest = require("dm.guest").connect({ sockets = sockets, owners = {} }, "", "Anna")
        local over = messages.over({ players = { { id = 2, score = 0 } } })
        for _, message in ipairs({ messages.joined(2, 0, "Ben"), over, messages.left(2) }) do
            guest:handle(messages.decode(message), 0)
        end
        assert(guest.scores[2] == guest.result[2])
        "#,
    );
}

#[test]
fn what_is_shown_lies_between_two_snapshots() {
    let lua = state_in("deathmatch");
    let () = support::run(
        &lua,
        r#"
        local rules, timeline = require "dm.rules", require("dm.timeline").new()
        assert(timeline:view(0) == nil)
        -- One walks 3 a snapshot, and every other snapshot is late by a third of the time between them.
        for index = 0, 20 do
            local tick = index * rules.ticksPerSnapshot
            local player = { x = tick, y = 0, aim = 0, health = 100 }
            local late = index % 2 / 60
            timeline:add({ tick = tick, players = { player }, bullets = {} }, 100 + tick / 60 + late)
        end
        local last
        for frame = 0, 20 do
            local now = 100.9 + frame / 200
            local x = timeline:view(now).players[1].x
            local expected = (now - 100 - rules.viewDelay) * 60
            assert(math.abs(x - expected) < 1, x .. " instead of " .. expected)
            assert(not last or x > last, "it stands still")
            last = x
        end
        "#,
    );
}

#[test]
fn what_one_says_in_the_chat_all_hear() {
    let server = state_in("chat");
    let address: String = support::run(
        &server,
        r#"
        assert(Steam.init())
        room = assert(require("room").open(Steam, "127.0.0.1:0"))
        return room.address
        "#,
    );
    let mut members = Vec::new();
    for name in ["Anna", "Ben"] {
        members.push(member(&address, name));
        // Who was there before hears it, too.
        talk_until_heard(&server, &members, &format!("{name} is here"));
    }
    let () = support::run(&members[0], "member:say('hello \\27 all')");
    talk_until_heard(&server, &members, "Anna: hello   all");
    let () = support::run(&members[1], "member:leave()");
    talk_until_heard(&server, &members[..1], "Ben has left");
}

/// A state with somebody who enters the room.
fn member(address: &str, name: &str) -> Lua {
    let lua = state_in("chat");
    let globals = lua.globals();
    globals.set("address", address).expect("memory");
    globals.set("name", name).expect("memory");
    let () = support::run(
        &lua,
        r#"
        assert(Steam.init())
        heard = {}
        member = require("member").enter(Steam, address, name)
        function turn()
            Steam.networkingSockets.wait(1)
            Steam.runCallbacks()
            member:hear(function(line) heard[line] = true end)
            assert(not member.closed, member.closed)
        end
        "#,
    );
    lua
}

/// Has all do what they do, until each of the members has heard the line.
#[track_caller]
fn talk_until_heard(server: &Lua, members: &[Lua], line: &str) {
    let has_heard = format!("return heard[{line:?}] == true");
    let start = std::time::Instant::now();
    while !members
        .iter()
        .all(|member| support::run(member, &has_heard))
    {
        assert!(start.elapsed().as_secs() < 10, "not all hear {line:?}");
        let () = support::run(
            server,
            "Steam.networkingSockets.wait(1) Steam.runCallbacks() room:receive()",
        );
        for member in members {
            let () = support::run(member, "turn()");
        }
    }
}

#[test]
fn two_players_find_each_other_by_files() {
    let folder = std::env::temp_dir().join(format!("bowline-peers-{}", std::process::id()));
    std::fs::create_dir_all(&folder).expect("a folder");
    let players = [("dora", "emil"), ("emil", "dora")].map(|(name, other)| {
        let folder = folder.to_str().expect("a path in UTF-8").to_owned();
        std::thread::spawn(move || -> String {
            let lua = state_in("peers");
            let () = support::run(&lua, "print = function() end");
            let program = example("peers").join("player.lua");
            let program = lua.load(program).into_function().expect("it compiles");
            let words = mlua::Variadic::from_iter([name.to_owned(), other.to_owned(), folder]);
            match program.call::<Option<String>>(words) {
                Ok(greeting) => greeting.expect("they meet"),
                Err(error) => panic!("{error}"),
            }
        })
    });
    let heard = players.map(|player| player.join().expect("no error"));
    assert_eq!(heard, ["hello dora, I am emil", "hello emil, I am dora"]);
    std::fs::remove_dir_all(&folder).expect("what was made is removed");
}

/// Signals may be written while they are read, and files may hold anything.
#[test]
fn a_mailbox_gives_whole_signals_once() {
    let lua = state_in("peers");
    let folder = std::env::temp_dir().join(format!("bowline-mailbox-{}", std::process::id()));
    std::fs::create_dir_all(&folder).expect("a folder");
    let path = folder.to_str().expect("a path in UTF-8");
    lua.globals().set("folder", path).expect("memory");
    let () = support::run(
        &lua,
        r#"
        local Mailbox = require "mailbox"
        local anna, ben = Mailbox.open(folder, "str:anna"), Mailbox.open(folder, "str:ben")
        assert(#anna:receive() == 0)
        local all = {}
        for byte = 0, 255 do all[#all + 1] = string.char(byte) end
        ben:send("str:anna", table.concat(all))
        local file = io.open(folder .. "/str-anna.signals", "ab")
        file:write("nonsense\n\nstr:carl 00")
        file:flush()
        local got = anna:receive()
        assert(#got == 1 and got[1].from == "str:ben" and got[1].signal == table.concat(all))
        file:write("ff\n")
        file:close()
        got = anna:receive()
        assert(#got == 1 and got[1].from == "str:carl" and got[1].signal == "\0\255")
        assert(#anna:receive() == 0)
        anna:send("str:nobody/else", "x")
        "#,
    );
    drop(lua);
    std::fs::remove_dir_all(&folder).expect("what was made is removed");
}
