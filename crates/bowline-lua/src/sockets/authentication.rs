//! Who this side is, and whether it can prove it.

use std::rc::Rc;

use bowline::Availability;
use mlua::Result;

use crate::module::Module;
use crate::register::Names;
use crate::userdata::Uint64;

/// The status before `init`, and why.
const NOT_INITIALISED: (i32, &str) = (
    Availability::CannotTry.number(),
    "Steam.init or Steam.gameServer.init was not called",
);

pub(crate) fn register(names: &Names<'_>, module: &Rc<Module>) -> Result<()> {
    let state = Rc::clone(module);
    names.function("initAuthentication", &[], move |_, ()| {
        Ok(state.current().map_or(NOT_INITIALISED.0, |interface| {
            interface.init_authentication().availability.number()
        }))
    })?;
    let state = Rc::clone(module);
    names.function("getAuthenticationStatus", &[], move |_, ()| {
        Ok(match state.current() {
            Some(interface) => {
                let status = interface.authentication_status();
                (status.availability.number(), status.text)
            }
            None => (NOT_INITIALISED.0, NOT_INITIALISED.1.to_owned()),
        })
    })?;
    let state = Rc::clone(module);
    names.function("getIdentity", &[], move |lua, ()| {
        let id = state.current().and_then(|interface| interface.steam_id());
        id.map(|id| lua.create_userdata(Uint64(id))).transpose()
    })
}
