//! What `networkingSockets` has beyond luasteam: functions of names that it does not use.
//!
//! They follow its ways: a connection or a poll group is a number, a result is text, and an unknown number gives the
//! answer for failure, never an error. What luasteam has no word for is given as tables whose keys are named like
//! the fields of the Rust crate, in camel case and with the unit at the end. What is not known, the ping before the
//! first answer for example, is not in the table. A key that a table of options does not have is an argument error,
//! so that a slip of the pen is found.

pub(crate) mod arguments;
mod certificates;
mod connections;
mod hub;
mod peers;
mod receiving;
mod sending;
mod status;
mod waiting;

use std::rc::Rc;

use mlua::Result;

use crate::module::Module;
use crate::register::Names;
use crate::sockets::peers::Callbacks;

pub(crate) fn register(names: &Names<'_>, module: &Rc<Module>, callbacks: Callbacks) -> Result<()> {
    sending::register(names, module)?;
    receiving::register(names, module)?;
    waiting::register(names, module)?;
    connections::register(names, module)?;
    peers::register(names, module, callbacks)?;
    status::register(names, module)?;
    certificates::register(names, module)?;
    hub::register(names, module)
}
