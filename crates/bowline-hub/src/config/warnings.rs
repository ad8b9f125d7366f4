//! What the file allows, and is probably not meant.

use std::net::SocketAddr;

use crate::config::Config;

impl Config {
    /// What an operator should look at though the hub starts with it, each a sentence.
    pub fn warnings(&self) -> Vec<String> {
        let mut warnings = Vec::new();
        if !self.has_way_in() {
            warnings.push("[sign_in] allows no way to sign in: everybody is refused".to_owned());
        }
        if self.sign_in.dev.is_some() && self.public_address().is_some() {
            let text =
                "sign_in.dev is on where other machines reach the hub: anybody can be anybody";
            warnings.push(text.to_owned());
        }
        let stun = self.stun.iter().flat_map(|stun| &stun.listen);
        let all: Vec<SocketAddr> = self.listen.iter().chain(stun).copied().collect();
        for (index, first) in all.iter().enumerate() {
            for second in all.iter().skip(index + 1) {
                if covers(*first, *second) || covers(*second, *first) {
                    warnings.push(format!(
                        "{first} and {second} do not go together, and one will be in use already: 0.0.0.0 is every address of \
                         IPv4, and [::] is IPv4, too"
                    ));
                }
            }
        }
        let http = self.http.as_ref().map(|http| http.listen);
        if let Some(listen) = http.filter(|listen| !is_loopback(*listen)) {
            warnings.push(format!(
                "[http] listens on {listen} without TLS: let nobody but a proxy that speaks TLS reach it, or the admin \
                 token goes over the network for all to read"
            ));
        }
        warnings
    }

    fn has_way_in(&self) -> bool {
        let sign_in = &self.sign_in;
        sign_in.anonymous.enabled
            || sign_in.dev.is_some()
            || sign_in.jwt.is_some()
            || sign_in.hook.is_some()
            || !sign_in.shared_key.is_empty()
            || !sign_in.game_server.is_empty()
    }
}

pub(super) fn is_loopback(address: SocketAddr) -> bool {
    address.ip().to_canonical().is_loopback()
}

/// Whether what listens on the first gets what is for the second.
fn covers(first: SocketAddr, second: SocketAddr) -> bool {
    let (one, other) = (first.ip(), second.ip());
    let is_all = one.is_unspecified() && (one.is_ipv6() || other.to_canonical().is_ipv4());
    first.port() != 0 && first.port() == second.port() && (is_all || one == other)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    fn warnings(listen: &str, more: &str) -> Vec<String> {
        let text = format!("listen = ['{listen}']\ndata = 'data'\n{more}");
        let config = Config::parse(&text, Path::new("hub.toml")).unwrap();
        config.warnings()
    }

    #[test]
    fn regression_a_hub_that_nobody_can_sign_in_at_is_told_of() {
        for none in ["", "[sign_in.anonymous]\nenabled = false"] {
            let told = warnings("[::]:1", none);
            assert!(
                told.len() == 1 && told[0].contains("no way to sign in"),
                "{told:?}"
            );
        }
        let shipped = include_str!("../../../../deploy/hub.toml");
        let shipped = Config::parse(shipped, Path::new("hub.toml")).unwrap();
        assert!(shipped.warnings()[0].contains("no way to sign in"));
        for one in [
            "[sign_in.anonymous]\nenabled = true",
            "[[sign_in.shared_key]]\nname = 'a'\nkey_file = 'a'\nidentities = ['str:a-']",
        ] {
            assert_eq!(warnings("[::]:1", one), [""; 0]);
        }
    }

    #[test]
    fn regression_http_that_other_machines_reach_is_told_of() {
        let told = |listen: &str| {
            let http = format!("[http]\nlisten = '{listen}'\nadmin_token_file = 'token'");
            warnings(
                "[::]:1",
                &format!("{http}\n[sign_in.anonymous]\nenabled = true"),
            )
        };
        for public in ["0.0.0.0:2", "[::]:2", "192.0.2.1:2"] {
            let told = told(public);
            assert!(told.len() == 1 && told[0].contains(public), "{told:?}");
            assert!(told[0].contains("TLS"), "{told:?}");
        }
        for local in ["127.0.0.1:2", "[::1]:2", "[::ffff:127.0.0.1]:2"] {
            assert_eq!(told(local), [""; 0], "{local}");
        }
    }

    #[test]
    fn regression_addresses_of_which_one_holds_the_other_are_told_of() {
        let told = |listen: &str, stun: &str| {
            let text = format!(
                "listen = [{listen}]\ndata = 'data'\n[stun]\nlisten = [{stun}]\n[sign_in.anonymous]\nenabled = true"
            );
            let config = Config::parse(&text, Path::new("hub.toml")).unwrap();
            config.warnings()
        };
        for (listen, stun) in [
            ("'[::]:1', '0.0.0.0:1'", "'[::]:2'"),
            ("'0.0.0.0:1', '[::]:1'", "'[::]:2'"),
            ("'[::]:1'", "'[::]:1'"),
            ("'[::]:1'", "'127.0.0.1:1'"),
            ("'0.0.0.0:1'", "'127.0.0.1:1'"),
        ] {
            let told = told(listen, stun);
            assert!(told.len() == 1 && told[0].contains(":1"), "{told:?}");
            assert!(told[0].contains("in use"), "{told:?}");
        }
        for (listen, stun) in [
            ("'[::]:1'", "'[::]:2'"),
            ("'0.0.0.0:1', '[::1]:1'", "'0.0.0.0:2'"),
            ("'127.0.0.1:1'", "'127.0.0.2:1'"),
            ("'[::]:0', '0.0.0.0:0'", "'[::]:0'"),
        ] {
            assert_eq!(told(listen, stun), [""; 0], "{listen} {stun}");
        }
    }

    #[test]
    fn who_believes_everybody_in_public_is_told_of_it() {
        let dev = "[sign_in.dev]\nidentities = ['str:dev-']\ninsecure = true";
        assert!(warnings("[::]:1", dev)[0].contains("anybody can be anybody"));
        assert_eq!(warnings("127.0.0.1:1", dev), [""; 0]);
    }
}
