//! Signing in to a hub, which says who players are and carries their signals.

use std::rc::Rc;

use bowline::hub::HubConfig;
use bowline::hub::HubConfigError;

use crate::beyond::arguments::Text;
use crate::module::Module;
use crate::register::Names;

pub(super) fn register(names: &Names<'_>, module: &Rc<Module>) -> mlua::Result<()> {
    let state = Rc::clone(module);
    names.own(
        "signIn",
        &["hub", "key", "login?", "identity?"],
        move |_, (hub, key, login, identity): (Text, Text, Option<Text>, Option<Text>)| {
            let config = config(&hub, &key, login.as_ref(), identity.as_ref());
            Ok(match (config, state.current()) {
                (Ok(config), Some(interface)) => {
                    interface.sign_in(config);
                    (true, None)
                }
                (Ok(_), None) => (false, Some("not initialised".to_owned())),
                (Err(error), _) => (false, Some(error.to_string())),
            })
        },
    )?;
    let state = Rc::clone(module);
    names.own("signOut", &[], move |_, ()| {
        if let Some(interface) = state.current() {
            interface.sockets().sign_out();
        }
        Ok(())
    })
}

fn config(
    Text(hub): &Text,
    Text(key): &Text,
    login: Option<&Text>,
    identity: Option<&Text>,
) -> Result<HubConfig, HubConfigError> {
    let mut config = HubConfig::new(hub, key)?;
    if let Some(Text(login)) = login {
        config = config.login_text(login)?;
    }
    if let Some(Text(identity)) = identity {
        let identity = identity.parse().map_err(HubConfigError::Identity)?;
        config = config.identity(identity);
    }
    Ok(config)
}
