//! Errors are texts that name the argument and the place.

#![cfg(feature = "vendored")]

mod support;

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
