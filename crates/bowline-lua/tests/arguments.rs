//! Every function with every wrong type and count of arguments. A process of its own: some set what all have in
//! common.

#![cfg(feature = "vendored")]

mod support;

use mlua::Function;
use mlua::Lua;
use mlua::Table;
use proptest::collection::vec;
use proptest::prelude::ProptestConfig;
use proptest::prelude::any;
use proptest::test_runner::TestCaseError;
use proptest::test_runner::TestRunner;

use support::run;
use support::world;

/// The functions of the state as a table for Lua.
fn functions(lua: &Lua) -> Table {
    let list = luasteam::functions(lua).into_iter().map(|signature| {
        let table = lua.create_table().expect("memory");
        table.set("section", signature.section).expect("memory");
        table.set("name", signature.name).expect("memory");
        table.set("own", signature.own).expect("memory");
        let parameters = signature.parameters.to_vec();
        table.set("parameters", parameters).expect("memory");
        table
    });
    lua.create_sequence_from(list).expect("memory")
}

fn load(lua: &Lua, name: &str, code: &str) -> Function {
    let chunk = lua.load(code).set_name(name);
    chunk.into_function().expect("it compiles")
}

#[test]
fn functions_are_where_they_are_listed_once() {
    let lua = support::state();
    let mut functions = luasteam::functions(&lua);
    let steam: Table = lua.globals().get("Steam").expect("the module");
    for function in &functions {
        let table = match function.section {
            "" => steam.clone(),
            section => steam.get(section).expect("a table"),
        };
        let value: mlua::Value = table.get(function.name).expect("a value");
        assert!(value.is_function(), "{function:?}");
    }
    let count = functions.len();
    functions.sort_by_key(|function| (function.section, function.name));
    functions.dedup_by_key(|function| (function.section, function.name));
    assert_eq!(functions.len(), count, "one is there twice");
    let seed =
        |function: &&luasteam::Signature| function.section == "networkingSockets" && !function.own;
    assert!(functions.iter().filter(seed).count() >= 16, "{functions:?}");
}

#[test]
fn a_wrong_argument_is_named_by_position_and_name() {
    let lua = world();
    let check = load(&lua, "=arguments", include_str!("lua/arguments.lua"));
    if let Err(error) = check.call::<()>(functions(&lua)) {
        panic!("{error}");
    }
}

#[test]
fn after_calls_with_anything_a_message_still_arrives() {
    let config = ProptestConfig {
        cases: 48,
        failure_persistence: None,
        ..ProptestConfig::default()
    };
    // Functions and values by number, wrapped around: how many there are only Lua knows.
    let calls = vec((any::<usize>(), vec(any::<usize>(), 0..6)), 1..60);
    let mut runner = TestRunner::new(config);
    let outcome = runner.run(&calls, |calls| {
        let lua = world();
        let prepare = load(&lua, "=random", include_str!("lua/random.lua"));
        let (count, values, call): (usize, usize, Function) =
            prepare.call(functions(&lua)).expect("the module works");
        for (function, arguments) in calls {
            // One more than there are, which is nil.
            let arguments: Vec<_> = arguments.into_iter().map(|it| it % (values + 1) + 1).collect();
            call.call::<()>((function % count + 1, arguments))
                .map_err(|error| TestCaseError::fail(error.to_string()))?;
        }
        run::<()>(
            &lua,
            r#"
            if Steam.gameServer and Steam.gameServer.shutdown then Steam.gameServer.shutdown() end
            assert(Steam.init())
            local client, server = world.pair()
            local sockets = Steam.networkingSockets
            assert(sockets.sendMessageToConnection(client, "still here", sockets.flags.Send_Reliable) == "OK")
            assert(world.receive(server, 1)[1] == "still here")
            "#,
        );
        Ok(())
    });
    if let Err(error) = outcome {
        panic!("{error}");
    }
}
