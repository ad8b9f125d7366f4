//! Poll groups.

use std::rc::Rc;

use mlua::Result;

use crate::args::Handle;
use crate::module::Module;
use crate::register::Names;
use crate::report;

pub(super) fn register(names: &Names<'_>, module: &Rc<Module>) -> Result<()> {
    let state = Rc::clone(module);
    names.function("createPollGroup", &[], move |_, ()| {
        let Some(interface) = state.current() else {
            report::failed("createPollGroup", super::NO_INTERFACE);
            return Ok(0);
        };
        let group = interface.sockets().poll_group();
        Ok(interface.handles().add_group(group))
    })?;
    let state = Rc::clone(module);
    names.function(
        "destroyPollGroup",
        &["pollGroup"],
        move |_, Handle(group)| Ok(state.remove_group(group)),
    )?;
    let state = Rc::clone(module);
    names.function(
        "setConnectionPollGroup",
        &["connection", "pollGroup"],
        move |_, (Handle(connection), Handle(group))| Ok(set_group(&state, connection, group)),
    )
}

/// Group 0 takes the connection out of its group, as in the original.
fn set_group(module: &Module, connection: u32, group: u32) -> bool {
    let Some((_, connection)) = module.connection(connection) else {
        return false;
    };
    if group == 0 {
        return connection.set_poll_group(None).is_ok();
    }
    let group = module.group(group);
    group.is_some_and(|(_, group)| connection.set_poll_group(Some(&group)).is_ok())
}
