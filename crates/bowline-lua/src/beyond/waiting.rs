//! Waiting for something to happen, in place of a loop that asks all the time.
//!
//! The calling thread looks after the network meanwhile. Other threads go on, and so do other Lua states; this one
//! stands still.

use std::rc::Rc;

use mlua::Result;

use crate::args::Handle;
use crate::beyond::arguments::Millis;
use crate::module::Module;
use crate::register::Names;

pub(super) fn register(names: &Names<'_>, module: &Rc<Module>) -> Result<()> {
    let state = Rc::clone(module);
    names.own("wait", &["timeoutMs"], move |_, Millis(timeout)| {
        let interface = state.current();
        Ok(interface.is_some_and(|it| it.wait(timeout)))
    })?;
    let state = Rc::clone(module);
    names.own(
        "waitForMessages",
        &["pollGroup", "timeoutMs"],
        move |_, (Handle(group), Millis(timeout))| {
            let found = state.group(group);
            Ok(found.is_some_and(|(_, group)| group.wait(timeout)))
        },
    )
}
