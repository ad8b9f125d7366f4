//! Hubs, which sign in whoever says nothing else.

use bowline::hub::HubConfig;
use bowline::hub::HubConfigError;

use crate::abi::structs::ErrorText;
use crate::abi::vtable::Object;
use crate::library::Role;
use crate::library::called;
use crate::sockets::credentials::refuse;
use crate::sockets::peers;

/// What is said of a hub. Texts are `None` where nothing is said.
pub(super) struct Said {
    pub(super) addresses: Option<String>,
    pub(super) key: Option<String>,
    pub(super) login: Option<String>,
    pub(super) identity: Option<String>,
}

/// The hub that the environment names for that interface, for programs that know nothing of hubs.
pub(crate) fn of_environment(role: Role) -> Option<HubConfig> {
    let config = match role {
        Role::User => HubConfig::from_env(),
        Role::Server => HubConfig::from_env_for_game_server(),
    };
    match config {
        Ok(config) => config,
        Err(error) => {
            tracing::error!(target: "bowline::capi", "BOWLINE_HUB: {error}");
            None
        }
    }
}

pub(super) fn sign_in(this: *const Object, said: Said, error: *mut ErrorText) -> bool {
    let config = match said.config() {
        Ok(config) => config,
        Err(why) => return refuse(error, &why.to_string()),
    };
    peers::await_sessions(this);
    let is_begun = called(this, false, |_, interface| {
        interface.sockets().sign_in(config);
        true
    });
    is_begun
        || refuse(
            error,
            "the library does not run, or this is none of its interfaces",
        )
}

pub(super) fn sign_out(this: *const Object) {
    called(this, (), |_, interface| interface.sockets().sign_out());
}

impl Said {
    fn config(self) -> Result<HubConfig, HubConfigError> {
        let addresses = self.addresses.unwrap_or_default();
        let mut config = HubConfig::new(&addresses, &self.key.unwrap_or_default())?;
        if let Some(login) = self.login {
            config = config.login_text(&login)?;
        }
        if let Some(identity) = self.identity {
            let identity = identity.parse().map_err(HubConfigError::Identity)?;
            config = config.identity(identity);
        }
        Ok(config)
    }
}

#[cfg(test)]
mod tests {
    use bowline::Availability;

    use super::*;
    use crate::library;
    use crate::sockets::object;
    use crate::utils::config::SteamAPI_ISteamNetworkingUtils_SetGlobalCallback_MessagesSessionRequest as hear_of_sessions;

    extern "C-unwind" fn on_asked() {}

    #[test]
    fn regression_sessions_are_awaited_whenever_the_application_says_who_hears_of_them() {
        library::start(None).unwrap();
        let this = object::of(Role::User);
        let has_messages = || called(this, false, |_, interface| interface.has_messages());
        let availability = || {
            called(this, None, |_, interface| {
                let status = interface.sockets().hub_status();
                status.map(|status| status.availability)
            })
        };
        let said = Said {
            addresses: Some("127.0.0.1:9".into()),
            key: Some("str:hub".into()),
            login: None,
            identity: None,
        };
        assert!(sign_in(this, said, std::ptr::null_mut()));
        assert!(!has_messages());
        // SAFETY: it gets the address of a function, or null.
        let set = |function| unsafe { hear_of_sessions(std::ptr::null(), function) };
        assert!(set(on_asked as *const _));
        assert!(has_messages());
        // Somebody else may go on to listen only.
        called(this, (), |_, interface| interface.reset_identity(None));
        assert_eq!(availability(), Some(Availability::NeverTried));
        called(this, (), |library, interface| {
            interface.messages(library.listeners().numbering());
        });
        assert_ne!(availability(), Some(Availability::NeverTried));
        set(std::ptr::null());
        sign_out(this);
        library::stop();
    }
}
