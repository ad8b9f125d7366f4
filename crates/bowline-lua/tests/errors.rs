//! Errors are texts that name the argument and the place.

use crate::support;

#[test]
fn an_argument_of_the_wrong_type_is_named_with_the_callers_place() {
    let lua = support::state();
    let error = support::error(
        &lua,
        "\nSteam.networkingSockets.sendMessageToConnection(1, {}, 0)",
    );
    assert_eq!(
        error,
        "test:2: bad argument #2 to 'sendMessageToConnection' (message: string expected, got table)"
    );
}

#[test]
fn the_place_is_the_callers_wherever_it_is() {
    let lua = support::state();
    let (worked, error): (bool, String) = support::run(
        &lua,
        "return coroutine.resume(coroutine.create(function()\n\n Steam.networkingSockets.acceptConnection({}) end))",
    );
    assert!(!worked);
    assert_eq!(
        error,
        "test:3: bad argument #1 to 'acceptConnection' (connection: number expected, got table)"
    );
    // As with Lua's own functions there is no place if Lua did not call.
    let (worked, error): (bool, String) = support::run(
        &lua,
        "return pcall(Steam.networkingSockets.acceptConnection)",
    );
    assert!(!worked);
    assert_eq!(
        error,
        "bad argument #1 to 'acceptConnection' (connection: number expected, got nil)"
    );
}

#[test]
fn a_function_that_failed_often_still_works() {
    let lua = support::state();
    support::run::<()>(
        &lua,
        r#"
        local accept = Steam.networkingSockets.acceptConnection
        for _ = 1, 100000 do
            pcall(accept, {})
        end
        assert(accept(1) == "InvalidParam")
        "#,
    );
}
