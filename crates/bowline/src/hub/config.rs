//! Which hub, and what it is shown.

use std::fmt;
use std::net::SocketAddr;
use std::str::FromStr;

use bowline_core::cert::expect::Expect;
use bowline_core::cert::keypair::KeyError;
use bowline_core::cert::keypair::KeyPair;
use bowline_core::cert::keypair::PublicKey;
use bowline_core::hub::HubLogin;
use bowline_core::hub::Role;
use bowline_core::hub::limits::MAX_HUB_ADDRESSES;
use bowline_core::identity::Identity;
use bowline_core::identity::IdentityError;

mod environment;

/// Which hub to sign in to, and how.
#[derive(Clone, Debug)]
pub struct HubConfig {
    pub(crate) addresses: Vec<HubAddress>,
    pub(crate) pin: HubPin,
    pub(crate) login: HubLogin,
    pub(crate) role: Role,
    pub(crate) identity: Option<Identity>,
    pub(crate) authorities: Vec<PublicKey>,
    pub(crate) config_keys: Vec<PublicKey>,
}

/// How a hub is known.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum HubPin {
    /// By its key. Nobody has to be trusted then.
    Key(PublicKey),
    /// By its identity, if an authority vouches for that whom [`Sockets::set_trust`](crate::Sockets::set_trust) names, by a
    /// certificate for services ([`Expect::Service`]).
    Identity(Identity),
}

/// Where a hub is.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum HubAddress {
    Is(SocketAddr),
    /// Looked up at each attempt.
    Named(String, u16),
}

/// Why a hub cannot be signed in to by what was said of it.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum HubConfigError {
    /// It is no address of a hub.
    #[error(
        "{0:?} is no address of a hub: it needs a name or an IP address, and a port, as in hub.example.com:27400"
    )]
    Address(String),
    /// There are as many addresses as there may be.
    #[error("a hub has at most {MAX_HUB_ADDRESSES} addresses")]
    TooManyAddresses,
    /// It looks like a key, and is none.
    #[error("the key of the hub: {0}")]
    Key(#[from] KeyError),
    /// Who we want to be is no identity.
    #[error("the identity to sign in with: {0}")]
    Identity(IdentityError),
    /// The authority's key is none.
    #[error("the key of the authority: {0}")]
    Authority(KeyError),
    /// The key that signs what the network is like is none.
    #[error("the key of the network's configuration: {0}")]
    ConfigKey(KeyError),
    /// The private key of a game server is none.
    #[error("the key of the game server: {0}")]
    GameServerKey(KeyError),
    /// A variable of the environment is no text.
    #[error("{0} is not UTF-8")]
    NotText(&'static str),
    /// What is said of signing in makes no sense, and what is expected.
    #[error("how to sign in to the hub: {0}")]
    Login(&'static str),
    /// A variable of the environment is missing.
    #[error("the environment names a hub, but there is no {0}")]
    Missing(&'static str),
    /// A file cannot be read.
    #[error("{file}: {why}")]
    File {
        /// Which.
        file: String,
        /// Why.
        why: String,
    },
    /// It is neither a key nor an identity.
    #[error("a hub is known by a key (ssh-ed25519 AAAA...) or by an identity (str:hub): {0}")]
    Pin(#[from] IdentityError),
}

impl HubConfig {
    /// A hub at an address, `name:port` or `IP:port`, or several with commas between them, that is known by a key or an identity as in [`HubPin`]'s text form.
    /// Signs in without a name ([`HubLogin::Anonymous`]) unless [`login`](Self::login) says otherwise.
    ///
    /// # Errors
    /// If one of the two is malformed.
    pub fn new(address: &str, pin: &str) -> Result<Self, HubConfigError> {
        let none = Self {
            addresses: Vec::new(),
            pin: pin.parse()?,
            login: HubLogin::Anonymous,
            role: Role::User,
            identity: None,
            authorities: Vec::new(),
            config_keys: Vec::new(),
        };
        let mut addresses = address.split(',');
        addresses.try_fold(none, |config, address| config.or_at(address.trim()))
    }

    /// What the environment of the process says, for programs that say nothing themselves:
    ///
    /// | variable | what it is |
    /// |---|---|
    /// | `BOWLINE_HUB` | the addresses of the hub, with commas between them |
    /// | `BOWLINE_HUB_KEY` | its key or its identity: [`HubPin`] |
    /// | `BOWLINE_HUB_LOGIN` | how to prove who we are: [`login_text`](Self::login_text); without a name if it is not set |
    /// | `BOWLINE_HUB_LOGIN_FILE` | a file that says it, so that others do not see it |
    /// | `BOWLINE_HUB_IDENTITY` | who we want to be |
    /// | `BOWLINE_HUB_AUTHORITY` | the key of the authority that vouches for peers, to be trusted |
    /// | `BOWLINE_HUB_CONFIG_KEY` | the key that signs what the network is like: [`config_key`](Self::config_key) |
    ///
    /// `None` without `BOWLINE_HUB`.
    ///
    /// # Errors
    /// If one of them is malformed or missing.
    pub fn from_env() -> Result<Option<Self>, HubConfigError> {
        environment::read(&environment::USER, std::env::var_os)
    }

    /// The same for the game server of a process that has an interface for users, too: the two cannot have one name. The
    /// variables begin with `BOWLINE_HUB_SERVER` where those of [`from_env`](Self::from_env) begin with `BOWLINE_HUB`:
    /// `BOWLINE_HUB_SERVER`, `BOWLINE_HUB_SERVER_KEY`, and so on.
    ///
    /// `None` without `BOWLINE_HUB_SERVER`.
    ///
    /// # Errors
    /// If one of them is malformed or missing.
    pub fn from_env_for_game_server() -> Result<Option<Self>, HubConfigError> {
        environment::read(&environment::GAME_SERVER, std::env::var_os)
    }

    /// Another address of the hub, or of another one with the same key or identity. They are tried in turn.
    ///
    /// # Errors
    /// If it is malformed, or there are too many.
    pub fn or_at(mut self, address: &str) -> Result<Self, HubConfigError> {
        let address = address.parse()?;
        if self.addresses.len() >= MAX_HUB_ADDRESSES {
            return Err(HubConfigError::TooManyAddresses);
        }
        self.addresses.push(address);
        Ok(self)
    }

    /// How to prove who we are.
    #[must_use]
    pub fn login(mut self, login: HubLogin) -> Self {
        self.login = login;
        self
    }

    /// The same in words: `anonymous`, `dev`, `jwt:TOKEN`, `hook:TICKET`, `shared-key:NAME:KEY`, or `game-server-key:` and a
    /// private key as OpenSSH writes it, which also makes us a [`Role::GameServer`].
    ///
    /// # Errors
    /// If it is none of these. The text itself is in no error.
    pub fn login_text(self, text: &str) -> Result<Self, HubConfigError> {
        let (kind, rest) = text.split_once(':').unwrap_or((text, ""));
        let needed = |what: &'static str| match rest {
            "" => Err(HubConfigError::Login(what)),
            rest => Ok(rest),
        };
        let login = match kind {
            "anonymous" | "dev" if kind != text => return Err(HubConfigError::Login(NOTHING)),
            "anonymous" => HubLogin::Anonymous,
            "dev" => HubLogin::Dev,
            "jwt" => HubLogin::jwt(needed("jwt: needs a token")?),
            "hook" => HubLogin::hook(needed("hook: needs a ticket")?),
            "shared-key" => match rest.split_once(':') {
                Some((name, key)) if !name.is_empty() && !key.is_empty() => {
                    HubLogin::shared_key(name, key)
                }
                _ => return Err(HubConfigError::Login(SHARED_KEY)),
            },
            "game-server-key" => {
                let pair = KeyPair::from_pem(&bowline_io::crypto::default_provider(), rest)
                    .map_err(HubConfigError::GameServerKey)?;
                let login = HubLogin::GameServerKey(pair.private().clone());
                return Ok(self.login(login).role(Role::GameServer));
            }
            _ => return Err(HubConfigError::Login(KINDS)),
        };
        Ok(self.login(login))
    }

    /// A key that signs what the hub tells about the network: authorities, revoked keys, STUN servers. With one, or several,
    /// nothing else is believed. Without one the hub is, whatever key it shows: it is the one that is [pinned](HubPin). It helps
    /// against who stands in for the hub as far as that one does not have this key.
    #[must_use]
    pub fn config_key(mut self, key: PublicKey) -> Self {
        self.config_keys.push(key);
        self
    }

    /// An authority that is trusted from the sign-in on, beside those of [`Sockets::set_trust`](crate::Sockets::set_trust): the
    /// one that signs the hub's certificates, so that peers of the same hub are known to be who they say. Not needed with a
    /// hub that tells which ones there are, as `bowline-hub` does. A later `set_trust` says anew who is trusted: put it
    /// into that, too.
    #[must_use]
    pub fn authority(mut self, key: PublicKey) -> Self {
        self.authorities.push(key);
        self
    }

    /// What we are, a [`Role::User`] unless set.
    #[must_use]
    pub const fn role(mut self, role: Role) -> Self {
        self.role = role;
        self
    }

    /// Who we want to be, where the login does not say it. The identity of the interface unless set; an interface
    /// without one gets it with the certificate.
    #[must_use]
    pub fn identity(mut self, identity: Identity) -> Self {
        self.identity = Some(identity);
        self
    }

    /// Who it is to be, if [`Self::identity`] was given; the hub takes it or refuses.
    pub const fn wanted_identity(&self) -> Option<&Identity> {
        self.identity.as_ref()
    }

    /// Whether the hub says who signs in this way (by a token, a ticket, the key of a game server, or chance), rather than the
    /// one who signs in.
    pub const fn is_named_by_hub(&self) -> bool {
        match self.login {
            HubLogin::Dev | HubLogin::SharedKey { .. } => false,
            HubLogin::Jwt(_)
            | HubLogin::Hook(_)
            | HubLogin::GameServerKey(_)
            | HubLogin::Anonymous => true,
        }
    }
}

impl HubPin {
    pub(crate) fn expect(&self) -> Expect {
        match self {
            Self::Key(key) => Expect::Key(*key),
            Self::Identity(identity) => Expect::Identity(identity.clone()),
        }
    }
}

impl FromStr for HubPin {
    type Err = HubConfigError;

    /// Reads a key as OpenSSH writes it, `ssh-ed25519 AAAA...` or only the part from `AAAA` on; anything else is an
    /// identity, like `str:hub`.
    fn from_str(text: &str) -> Result<Self, HubConfigError> {
        let text = text.trim();
        if text.starts_with("ssh-") || text.starts_with("AAAA") {
            return Ok(Self::Key(key(text)?));
        }
        Ok(Self::Identity(text.parse()?))
    }
}

impl fmt::Display for HubPin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Key(key) => key.fmt(f),
            Self::Identity(identity) => identity.fmt(f),
        }
    }
}

impl FromStr for HubAddress {
    type Err = HubConfigError;

    fn from_str(text: &str) -> Result<Self, HubConfigError> {
        let bad = || HubConfigError::Address(text.to_owned());
        if let Ok(address) = text.parse::<SocketAddr>() {
            let is_usable = address.port() != 0 && !address.ip().is_unspecified();
            return is_usable.then_some(Self::Is(address)).ok_or_else(bad);
        }
        let (name, port) = text.rsplit_once(':').ok_or_else(bad)?;
        let port = port.parse::<u16>().map_err(|_| bad())?;
        let is_name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '_');
        let is_named = (1..=MAX_NAME).contains(&name.len()) && name.chars().all(is_name);
        if port == 0 || !is_named {
            return Err(bad());
        }
        Ok(Self::Named(name.to_owned(), port))
    }
}

/// A key as OpenSSH writes it, or only the part from `AAAA` on.
fn key(text: &str) -> Result<PublicKey, KeyError> {
    match text.starts_with("AAAA") {
        true => format!("ssh-ed25519 {text}").parse(),
        false => text.parse(),
    }
}

const SHARED_KEY: &str = "shared-key: needs a name and a key, with a colon between them";
const NOTHING: &str = "nothing follows anonymous and dev";
const KINDS: &str =
    "one of anonymous, dev, jwt:, hook:, shared-key: and game-server-key: is expected";

/// The longest name of a machine, in characters (RFC 1035, 2.3.4).
const MAX_NAME: usize = 253;

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "AAAAC3NzaC1lZDI1NTE5AAAAIJrKKMQzYbpIm0Lgpz4vhALXBZMg0HRCcS4/gWnkrnQj";

    #[test]
    fn addresses_are_names_or_ips_with_a_port() {
        for good in [
            "hub.example.com:1",
            "127.0.0.1:27400",
            "[::1]:65535",
            "localhost:7",
        ] {
            assert!(good.parse::<HubAddress>().is_ok(), "{good}");
        }
        for bad in [
            "",
            "hub",
            "hub:",
            "hub:0",
            "hub:65536",
            ":7",
            "0.0.0.0:7",
            "1.2.3.4:0",
            "a b:7",
            "::1:7",
        ] {
            let error = bad.parse::<HubAddress>();
            assert_eq!(error, Err(HubConfigError::Address(bad.into())), "{bad}");
        }
    }

    #[test]
    fn pins_are_keys_or_identities() {
        let line = format!("ssh-ed25519 {KEY}");
        let key = HubPin::Key(line.parse().unwrap());
        assert_eq!(line.parse(), Ok(key.clone()));
        assert_eq!(KEY.parse(), Ok(key.clone()));
        assert_eq!(key.to_string(), line);
        let hub = HubPin::Identity(Identity::str("hub").unwrap());
        assert_eq!("str:hub".parse(), Ok(hub));
        assert!(matches!(
            "AAAA".parse::<HubPin>(),
            Err(HubConfigError::Key(_))
        ));
        assert!(matches!(
            "hub".parse::<HubPin>(),
            Err(HubConfigError::Pin(_))
        ));
    }

    #[test]
    fn ways_of_signing_in_have_words() {
        let config = || HubConfig::new("a:1, b:2", "str:hub").unwrap();
        assert_eq!(config().addresses.len(), 2);
        for (text, method) in [
            ("anonymous", "anonymous"),
            ("dev", "dev"),
            ("jwt:eyJ", "token"),
            ("hook:a:b", "ticket"),
            ("shared-key:main:a key: with colons", "shared key"),
        ] {
            let login = config().login_text(text).unwrap().login;
            assert_eq!(login.method().to_string(), method);
        }
        let crypto = bowline_io::crypto::default_provider();
        let mut rng = bowline_core::rng::Rng::from_seed([3; 32]);
        let pem = KeyPair::generate(&crypto, &mut rng).to_pem();
        let text = format!("game-server-key:{}", &*pem);
        let server = config().login_text(&text).unwrap();
        assert_eq!(server.login.method().to_string(), "game server key");
        assert_eq!(server.role, Role::GameServer);
        for text in [
            "",
            "jwt",
            "jwt:",
            "hook:",
            "shared-key:main",
            "shared-key::x",
            "password:x",
            "anonymous:x",
            "dev:str:anna",
        ] {
            let error = config().login_text(text).unwrap_err();
            assert!(matches!(error, HubConfigError::Login(_)), "{text}");
        }
    }

    #[test]
    fn limit_max_hub_addresses() {
        let mut config = HubConfig::new("a:1", "str:hub").unwrap();
        for _ in 1..MAX_HUB_ADDRESSES {
            config = config.or_at("b:2").unwrap();
        }
        let error = config.or_at("c:3").unwrap_err();
        assert_eq!(error, HubConfigError::TooManyAddresses);
    }
}
