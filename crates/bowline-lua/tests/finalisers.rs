//! Finalisers of the script run whenever Lua allocates, also within functions of the module.

use crate::support::run;
use crate::support::world;

#[test]
fn finalisers_may_use_the_module_while_it_makes_values() {
    let lua = world();
    run::<()>(
        &lua,
        "collectgarbage('setpause', 0) collectgarbage('setstepmul', 100000)",
    );
    run::<()>(&lua, include_str!("lua/finaliser.lua"));
}

#[cfg(feature = "lua54")]
#[test]
fn finalisers_may_use_the_module_with_generations() {
    let lua = world();
    run::<()>(&lua, "collectgarbage('generational', 1, 1)");
    run::<()>(&lua, include_str!("lua/finaliser.lua"));
}
