//! What people write: settings, identities, addresses and other short texts.

use std::fmt::{Debug, Display};
use std::str::FromStr;

use bowline_core::address::PeerAddr;
use bowline_core::cert::date::UnixTime;
use bowline_core::config::{Config, ConfigKey, ConfigScope};
use bowline_core::identity::Identity;
use bowline_core::pop::PopId;
use bowline_core::result_code::ResultCode;

/// Sets settings, one from each line, at each level. What was taken reads as something that is taken
/// again and changes nothing.
pub fn config_string(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let levels = [
        ConfigScope::Global,
        ConfigScope::Interface,
        ConfigScope::ListenSocket,
        ConfigScope::Connection,
    ];
    let mut configs = levels.map(Config::at);
    for line in text.lines().take(20) {
        let name = line.split('=').next().unwrap_or_default().trim();
        for config in &mut configs {
            let before = config.clone();
            match config.set_from_text(line) {
                Ok(_) => {}
                Err(error) => {
                    assert!(!error.to_string().is_empty());
                    assert_eq!(*config, before, "a refused setting changed something");
                    continue;
                }
            }
            let key: ConfigKey = name.parse().expect("it was set by this name");
            let (set, value) = (config.clone(), config.get(key));
            config.set(key, value).expect("what is set can be set");
            // The bits of a number, so that one that is none is equal to itself.
            assert_eq!(
                format!("{:?}", config.get(key)),
                format!("{:?}", set.get(key))
            );
        }
    }
    for pair in configs.windows(2) {
        let mut narrow = pair[1].clone();
        narrow.inherit(&pair[0]);
    }
}

/// Parses an identity. What is shown parses to the same, and so does what goes over the wire.
pub fn identity_string(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let Some(identity) = comes_back::<Identity>(&text) else {
        return;
    };
    let (_, string) = identity.to_wire();
    let again = Identity::from_wire(Some(&string), None, None);
    assert_eq!(again, Ok(Some(identity.clone())));
    if let (Some(legacy), _) = identity.to_wire() {
        // Old peers may know it by less, but by nothing that is malformed.
        assert!(matches!(
            Identity::from_wire(None, Some(&legacy), None),
            Ok(Some(_))
        ));
    }
}

/// Parses an address. What is shown parses to the same.
pub fn address_string(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    if let Some(address) = comes_back::<PeerAddr>(&text) {
        let socket = std::net::SocketAddr::from(address);
        assert_eq!(PeerAddr::from(socket), address);
    }
}

/// Parses data centers, dates and result codes. What is shown parses to the same.
pub fn short_texts(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    // None at all is shown as nothing, which is no code.
    if text.parse() != Ok(PopId::NONE) {
        comes_back::<PopId>(&text);
    }
    if let Ok(time) = text.parse::<UnixTime>() {
        let shown = time.to_string();
        if !shown.ends_with("after 1970") {
            assert_eq!(shown.parse(), Ok(time));
        }
    }
    if let Some(code) = ResultCode::from_name(&text) {
        assert_eq!(ResultCode::from_number(code.number()), Some(code));
        assert_eq!(ResultCode::from_name(code.name()), Some(code));
    }
}

/// Parses, shows, and parses again.
fn comes_back<T>(text: &str) -> Option<T>
where
    T: FromStr + Display + Debug + PartialEq,
    T::Err: Debug + Display,
{
    match text.parse::<T>() {
        Ok(value) => {
            let shown = value.to_string();
            let again = shown.parse::<T>();
            assert_eq!(
                again.expect("what is shown can be parsed"),
                value,
                "{shown}"
            );
            Some(value)
        }
        Err(error) => {
            assert!(!error.to_string().is_empty());
            None
        }
    }
}
