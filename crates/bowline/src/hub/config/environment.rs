//! A hub by variables of the environment.

use std::fs;

use crate::hub::HubConfig;
use crate::hub::HubConfigError;

/// See [`HubConfig::from_env`].
pub(super) fn read(
    variable: impl Fn(&str) -> Option<String>,
) -> Result<Option<HubConfig>, HubConfigError> {
    let variable = |name| variable(name).filter(|value| !value.is_empty());
    let Some(addresses) = variable("BOWLINE_HUB") else {
        return Ok(None);
    };
    let pin = variable("BOWLINE_HUB_KEY").ok_or(HubConfigError::Missing("BOWLINE_HUB_KEY"))?;
    let mut config = HubConfig::new(&addresses, &pin)?;
    if let Some(login) = variable("BOWLINE_HUB_LOGIN") {
        config = config.login_text(&login)?;
    } else if let Some(file) = variable("BOWLINE_HUB_LOGIN_FILE") {
        let login = fs::read_to_string(&file).map_err(|error| HubConfigError::File {
            why: error.to_string(),
            file,
        })?;
        config = config.login_text(login.trim_end())?;
    }
    if let Some(identity) = variable("BOWLINE_HUB_IDENTITY") {
        config = config.identity(identity.parse()?);
    }
    if let Some(key) = variable("BOWLINE_HUB_AUTHORITY") {
        config = config.authority(super::key(&key)?);
    }
    Ok(Some(config))
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "AAAAC3NzaC1lZDI1NTE5AAAAIJrKKMQzYbpIm0Lgpz4vhALXBZMg0HRCcS4/gWnkrnQj";

    fn read_from(variables: &[(&str, &str)]) -> Result<Option<HubConfig>, HubConfigError> {
        read(|name| {
            let found = variables.iter().find(|(its, _)| *its == name);
            found.map(|(_, value)| (*value).to_owned())
        })
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
        ];
        let config = read_from(&all).unwrap().unwrap();
        assert_eq!(config.addresses.len(), 2);
        assert_eq!(config.identity, Some("str:anna".parse().unwrap()));
        assert_eq!(config.authorities.len(), 1);
        let of_file = [
            ("BOWLINE_HUB", "a:1"),
            ("BOWLINE_HUB_KEY", KEY),
            ("BOWLINE_HUB_LOGIN_FILE", "no/such/file"),
        ];
        let error = read_from(&of_file).unwrap_err();
        assert!(matches!(error, HubConfigError::File { .. }), "{error}");
    }
}
