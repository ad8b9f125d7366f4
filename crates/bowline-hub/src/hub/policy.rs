//! Whom a hub lets in.

use bowline_core::cert::keypair::PublicKey;
use bowline_core::hub::Hello;
use bowline_core::hub::Method;
use bowline_core::hub::Role;
use bowline_core::identity::Identity;
use bowline_core::ids::AppId;
use bowline_core::limits::MAX_SIGNAL;
use bowline_core::pop::PopId;
use zeroize::Zeroizing;

use crate::limits::MAX_TOLD;
use crate::namespace::Namespace;
use crate::namespace::NamespaceError;

/// What the operator has decided.
#[derive(Clone, Debug)]
pub struct Policy {
    /// The games that are served; all if there are none.
    pub apps: Vec<AppId>,
    /// Which identities clients may give themselves; `None` if they may not.
    pub dev: Option<Namespace>,
    /// Keys that clients of a game share.
    pub shared_keys: Vec<SharedKey>,
    /// Which identities tokens may give; `None` if they are not accepted.
    pub jwt: Option<Namespace>,
    /// Which identities the operator's service may give; `None` if there is none.
    pub hook: Option<Namespace>,
    /// Game servers by their keys.
    pub game_servers: Vec<GameServerKey>,
    /// Whether the hub names those who have no name.
    pub anonymous: bool,
    /// Identities that are not let in.
    pub blocked: Vec<Identity>,
    /// How long certificates hold, in seconds.
    pub certificate_lifetime_secs: u32,
    /// The largest signal, in bytes.
    pub max_signal: usize,
    /// The most sessions at a time.
    pub max_sessions: usize,
}

/// A key that all clients of a game share, and the identities that they may give themselves.
#[derive(Clone)]
pub struct SharedKey {
    /// What clients call it.
    pub name: String,
    /// The games that it is for; all if there are none.
    pub apps: Vec<AppId>,
    /// The key.
    pub key: Zeroizing<Vec<u8>>,
    /// The identities.
    pub identities: Namespace,
}

/// A game server that the operator knows.
#[derive(Clone, Debug)]
pub struct GameServerKey {
    /// Its public key.
    pub key: PublicKey,
    /// Who it is.
    pub identity: Identity,
    /// The games that it serves; all if there are none.
    pub apps: Vec<AppId>,
    /// The data centers that its certificate may name.
    pub pops: Vec<PopId>,
}

/// Without the key.
impl std::fmt::Debug for SharedKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SharedKey")
            .field("name", &self.name)
            .field("identities", &self.identities)
            .finish_non_exhaustive()
    }
}

impl Default for Policy {
    /// Nobody is let in.
    fn default() -> Self {
        Self {
            apps: Vec::new(),
            dev: None,
            shared_keys: Vec::new(),
            jwt: None,
            hook: None,
            game_servers: Vec::new(),
            anonymous: false,
            blocked: Vec::new(),
            certificate_lifetime_secs: 24 * 3600,
            max_signal: MAX_SIGNAL,
            max_sessions: 200_000,
        }
    }
}

impl Policy {
    /// Whether no two ways of signing in can give the same identity.
    ///
    /// # Errors
    /// The first two that can. Two game servers may have the same identity if they serve different games.
    pub fn check(&self) -> Result<(), NamespaceError> {
        let mut spaces: Vec<Namespace> = Vec::new();
        spaces.extend(
            [&self.dev, &self.jwt, &self.hook]
                .into_iter()
                .flatten()
                .cloned(),
        );
        spaces.extend(self.shared_keys.iter().map(|key| key.identities.clone()));
        if self.anonymous {
            spaces.push(Namespace::new(["gen:"])?);
        }
        for (index, space) in spaces.iter().enumerate() {
            for other in spaces.iter().skip(index + 1) {
                space.check_disjoint(other)?;
            }
        }
        for (index, server) in self.game_servers.iter().enumerate() {
            let exact = Namespace::exact(&server.identity)?;
            for space in &spaces {
                space.check_disjoint(&exact)?;
            }
            let mut others = self.game_servers.iter().skip(index + 1);
            if others.any(|other| server.is_in_the_way_of(other)) {
                exact.check_disjoint(&exact)?;
            }
        }
        Ok(())
    }

    /// Whether a game is served.
    pub(super) fn serves(&self, app: AppId) -> bool {
        is_for(&self.apps, app)
    }

    /// Whether a way of signing in is allowed at all.
    pub(super) fn allows(&self, method: Method) -> bool {
        match method {
            Method::Dev => self.dev.is_some(),
            Method::SharedKey => !self.shared_keys.is_empty(),
            Method::Jwt => self.jwt.is_some(),
            Method::Hook => self.hook.is_some(),
            Method::GameServerKey => !self.game_servers.is_empty(),
            Method::Anonymous => self.anonymous,
            Method::Resume => true,
            // A method of a newer core: not without a policy for it.
            _ => false,
        }
    }

    /// Whether that is a way for game servers to sign in. Only a key says that one is.
    pub(super) fn gives_role(&self, method: Method, role: Role) -> bool {
        match role {
            Role::User => method != Method::GameServerKey,
            Role::GameServer => {
                matches!(method, Method::GameServerKey | Method::Dev | Method::Resume)
            }
            _ => false,
        }
    }

    /// The game server of that name, if there is one for that game.
    pub(super) fn game_server(&self, app: AppId, identity: &Identity) -> Option<&GameServerKey> {
        let mut servers = self.game_servers.iter();
        servers.find(|server| server.identity == *identity && is_for(&server.apps, app))
    }

    /// The shared key of that name, if there is one for that game.
    pub(super) fn shared_key(&self, app: AppId, name: &[u8]) -> Option<&SharedKey> {
        let mut keys = self.shared_keys.iter();
        keys.find(|key| key.name.as_bytes() == name && is_for(&key.apps, app))
    }

    /// Which key is not there that somebody wants to sign in by. Strangers do not hear which there are.
    pub(super) fn missing_key(&self, hello: &Hello) -> Option<String> {
        let app = hello.app;
        match hello.method {
            Ok(Method::SharedKey) => match self.shared_key(app, &hello.credential) {
                Some(_) => None,
                None => {
                    let name = String::from_utf8_lossy(&hello.credential);
                    let name: String = name.chars().take(MAX_TOLD).collect();
                    Some(format!("there is no shared key {name:?} for app {app}"))
                }
            },
            Ok(Method::GameServerKey) => {
                let identity = hello.wanted_identity.as_ref()?;
                match (self.game_server(app, identity), identity) {
                    (Some(_), _) => None,
                    (None, Identity::Ip { .. }) => Some("an address is no game server".to_owned()),
                    (None, _) => Some(format!("there is no game server {identity} for app {app}")),
                }
            }
            _ => None,
        }
    }

    /// Whether a way of signing in gives that identity, as things are now.
    pub(super) fn gives(&self, method: Method, app: AppId, identity: &Identity) -> bool {
        let contains = |space: &Option<Namespace>| {
            space.as_ref().is_some_and(|space| space.contains(identity))
        };
        match method {
            Method::Dev => contains(&self.dev),
            Method::Jwt => contains(&self.jwt),
            Method::Hook => contains(&self.hook),
            Method::Anonymous => self.anonymous,
            Method::GameServerKey => self.game_server(app, identity).is_some(),
            Method::SharedKey => self
                .shared_keys
                .iter()
                .any(|key| is_for(&key.apps, app) && key.identities.contains(identity)),
            _ => false,
        }
    }
}

impl GameServerKey {
    /// Whether one of the two could sign in as the other.
    fn is_in_the_way_of(&self, other: &Self) -> bool {
        let shares_a_game = self.apps.is_empty()
            || other.apps.is_empty()
            || self.apps.iter().any(|app| other.apps.contains(app));
        shares_a_game && self.identity == other.identity
    }
}

fn is_for(apps: &[AppId], app: AppId) -> bool {
    apps.is_empty() || apps.contains(&app)
}
