//! A hub by variables of the environment.

use std::ffi::OsString;
use std::fs;

use crate::hub::HubConfig;
use crate::hub::HubConfigError;

/// What the variables of an interface are called.
pub(super) struct Names {
    hub: &'static str,
    key: &'static str,
    login: &'static str,
    login_file: &'static str,
    identity: &'static str,
    authority: &'static str,
    config_key: &'static str,
}

/// Of the interface for users.
pub(super) const USER: Names = Names {
    hub: "BOWLINE_HUB",
    key: "BOWLINE_HUB_KEY",
    login: "BOWLINE_HUB_LOGIN",
    login_file: "BOWLINE_HUB_LOGIN_FILE",
    identity: "BOWLINE_HUB_IDENTITY",
    authority: "BOWLINE_HUB_AUTHORITY",
    config_key: "BOWLINE_HUB_CONFIG_KEY",
};

/// Of the interface of a game server.
pub(super) const GAME_SERVER: Names = Names {
    hub: "BOWLINE_HUB_SERVER",
    key: "BOWLINE_HUB_SERVER_KEY",
    login: "BOWLINE_HUB_SERVER_LOGIN",
    login_file: "BOWLINE_HUB_SERVER_LOGIN_FILE",
    identity: "BOWLINE_HUB_SERVER_IDENTITY",
    authority: "BOWLINE_HUB_SERVER_AUTHORITY",
    config_key: "BOWLINE_HUB_SERVER_CONFIG_KEY",
};

/// See [`HubConfig::from_env`].
pub(super) fn read(
    names: &Names,
    variable: impl Fn(&'static str) -> Option<OsString>,
) -> Result<Option<HubConfig>, HubConfigError> {
    let variable = |name| {
        let value = variable(name).filter(|value| !value.is_empty());
        let text = value.map(OsString::into_string);
        text.transpose().map_err(|_| HubConfigError::NotText(name))
    };
    let Some(addresses) = variable(names.hub)? else {
        return Ok(None);
    };
    let pin = variable(names.key)?.ok_or(HubConfigError::Missing(names.key))?;
    let mut config = HubConfig::new(&addresses, &pin)?;
    if let Some(login) = variable(names.login)? {
        config = config.login_text(&login)?;
    } else if let Some(file) = variable(names.login_file)? {
        let login = fs::read_to_string(&file).map_err(|error| HubConfigError::File {
            why: error.to_string(),
            file,
        })?;
        config = config.login_text(login.trim_end())?;
    }
    if let Some(identity) = variable(names.identity)? {
        let identity = identity.parse().map_err(HubConfigError::Identity)?;
        config = config.identity(identity);
    }
    if let Some(key) = variable(names.authority)? {
        let key = super::key(&key).map_err(HubConfigError::Authority)?;
        config = config.authority(key);
    }
    if let Some(key) = variable(names.config_key)? {
        let key = super::key(&key).map_err(HubConfigError::ConfigKey)?;
        config = config.config_key(key);
    }
    Ok(Some(config))
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "AAAAC3NzaC1lZDI1NTE5AAAAIJrKKMQzYbpIm0Lgpz4vhALXBZMg0HRCcS4/gWnkrnQj";

    fn read_from(variables: &[(&str, &str)]) -> Result<Option<HubConfig>, HubConfigError> {
        read(&USER, |name| {
            let found = variables.iter().find(|(its, _)| *its == name);
            found.map(|(_, value)| OsString::from(*value))
        })
    }

    #[test]
    fn regression_errors_name_what_is_wrong() {
        let of = |name, value| {
            let all = [
                ("BOWLINE_HUB", "a:1"),
                ("BOWLINE_HUB_KEY", KEY),
                (name, value),
            ];
            read_from(&all).unwrap_err()
        };
        let error = of("BOWLINE_HUB_IDENTITY", "anna");
        assert!(matches!(error, HubConfigError::Identity(_)), "{error}");
        let error = of("BOWLINE_HUB_AUTHORITY", "AAAA");
        assert!(matches!(error, HubConfigError::Authority(_)), "{error}");
        let error = of("BOWLINE_HUB_CONFIG_KEY", "AAAA");
        assert!(matches!(error, HubConfigError::ConfigKey(_)), "{error}");
        let error = of("BOWLINE_HUB_LOGIN", "game-server-key:AAAA");
        assert!(matches!(error, HubConfigError::GameServerKey(_)), "{error}");
    }

    #[cfg(unix)]
    #[test]
    fn regression_a_variable_that_is_no_text_is_not_taken_for_none() {
        use std::os::unix::ffi::OsStringExt as _;

        let config = read(&USER, |name| match name {
            "BOWLINE_HUB" => Some("a:1".into()),
            "BOWLINE_HUB_KEY" => Some(KEY.into()),
            _ => Some(OsString::from_vec(vec![0xff])),
        });
        let error = config.unwrap_err();
        assert_eq!(error, HubConfigError::NotText("BOWLINE_HUB_LOGIN"));
    }

    #[test]
    fn variables_say_which_hub_it_is() {
        assert!(read_from(&[]).unwrap().is_none());
        assert!(read_from(&[("BOWLINE_HUB", "")]).unwrap().is_none());
        let error = read_from(&[("BOWLINE_HUB", "a:1")]).unwrap_err();
        assert_eq!(error, HubConfigError::Missing("BOWLINE_HUB_KEY"));
        let all = [
            ("BOWLINE_HUB", "a:1,b:2"),
            ("BOWLINE_HUB_KEY", KEY),
            ("BOWLINE_HUB_LOGIN", "dev"),
            ("BOWLINE_HUB_IDENTITY", "str:anna"),
            ("BOWLINE_HUB_AUTHORITY", KEY),
            ("BOWLINE_HUB_CONFIG_KEY", KEY),
        ];
        let config = read_from(&all).unwrap().unwrap();
        assert_eq!(config.addresses.len(), 2);
        assert_eq!(config.identity, Some("str:anna".parse().unwrap()));
        assert_eq!(config.authorities.len(), 1);
        assert_eq!(config.config_keys.len(), 1);
        let of_file = [
            ("BOWLINE_HUB", "a:1"),
            ("BOWLINE_HUB_KEY", KEY),
            ("BOWLINE_HUB_LOGIN_FILE", "no/such/file"),
        ];
        let error = read_from(&of_file).unwrap_err();
        assert!(matches!(error, HubConfigError::File { .. }), "{error}");
    }

    #[test]
    fn regression_a_game_server_takes_no_variable_of_the_user() {
        let all = [
            ("BOWLINE_HUB", "a:1"),
            ("BOWLINE_HUB_KEY", KEY),
            ("BOWLINE_HUB_IDENTITY", "str:anna"),
            ("BOWLINE_HUB_CONFIG_KEY", KEY),
        ];
        let variable = |name: &str| {
            let found = all.iter().find(|(its, _)| *its == name);
            found.map(|(_, value)| OsString::from(*value))
        };
        assert!(read(&GAME_SERVER, variable).unwrap().is_none());
        let of_server = |name: &str| variable(&name.replace("_SERVER", ""));
        let config = read(&GAME_SERVER, of_server).unwrap().unwrap();
        assert_eq!(config.identity, Some("str:anna".parse().unwrap()));
        assert_eq!(config.config_keys.len(), 1);
        // What is not said for it is not taken from the user.
        let of_both = |name: &str| match name {
            "BOWLINE_HUB_SERVER" | "BOWLINE_HUB_SERVER_KEY" => of_server(name),
            _ => variable(name),
        };
        let config = read(&GAME_SERVER, of_both).unwrap().unwrap();
        assert_eq!(config.identity, None);
        assert!(config.config_keys.is_empty());
    }
}
