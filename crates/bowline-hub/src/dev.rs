//! A hub for development: on this machine, with keys that last as long as it runs unless a folder keeps them, and clients
//! that are who they say.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use bowline_core::ids::AppId;

use crate::hub::Policy;
use crate::keys::HubKeys;
use crate::keys::KeysError;
use crate::namespace::Namespace;
use crate::server::NoChecker;
use crate::server::OnNotice;
use crate::server::Running;
use crate::server::Server;
use crate::server::Setup;
use crate::server::StartError;

/// Where a hub for development listens unless told otherwise.
pub const DEV_ADDRESS: SocketAddr = SocketAddr::new(
    std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST),
    DEV_PORT,
);

const DEV_PORT: u16 = 27400;

/// What a hub for development is like.
#[derive(Clone, Debug)]
pub struct DevOptions {
    /// Where it listens.
    pub listen: SocketAddr,
    /// The games that it serves; all if there are none.
    pub apps: Vec<AppId>,
    /// Whether others than this machine may reach it, where anybody can be anybody.
    pub insecure: bool,
    /// The folder of its keys, which are made if there are none. Without one they last as long as the hub.
    pub keys: Option<PathBuf>,
}

/// Why there is no hub for development.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DevError {
    /// Others could reach it.
    #[error(
        "{0} can be reached from other machines, and a hub for development lets anybody be anybody: \
         listen on 127.0.0.1, or say --insecure-dev"
    )]
    Public(SocketAddr),
    /// The folder of its keys is of no use.
    #[error(transparent)]
    Keys(#[from] KeysError),
    /// It cannot start.
    #[error(transparent)]
    Start(#[from] StartError),
}

impl Default for DevOptions {
    fn default() -> Self {
        Self {
            listen: DEV_ADDRESS,
            apps: Vec::new(),
            insecure: false,
            keys: None,
        }
    }
}

/// Starts a hub for development.
///
/// # Errors
/// If others could reach it and that is not wanted, its keys are of no use, or it cannot start.
pub fn start(options: &DevOptions, on_notice: OnNotice) -> Result<Running, DevError> {
    if !options.insecure && !options.listen.ip().to_canonical().is_loopback() {
        return Err(DevError::Public(options.listen));
    }
    let crypto = bowline::cert::default_crypto();
    let keys = match &options.keys {
        Some(folder) => HubKeys::load_or_make(folder, &crypto)?,
        None => HubKeys::generate(&crypto).map_err(StartError::System)?,
    };
    let server = Server::new(Setup {
        listen: vec![options.listen],
        keys,
        policy: policy(options.apps.clone()),
        checker: Arc::new(NoChecker),
    })?;
    Ok(server.spawn(on_notice).map_err(StartError::System)?)
}

/// What a client is started with, to be pasted before its command.
pub fn client_line(hub: &Running) -> String {
    let address = hub.local_addrs().first().copied().unwrap_or(DEV_ADDRESS);
    let [key, authority] = [hub.key(), hub.authority()].map(|key| {
        let line = key.to_line("");
        line.trim_start_matches("ssh-ed25519 ").to_owned()
    });
    format!(
        "BOWLINE_HUB={address} BOWLINE_HUB_KEY={key} BOWLINE_HUB_AUTHORITY={authority} \
         BOWLINE_HUB_LOGIN=dev"
    )
}

/// Everybody is who they say, but for names that the hub gives by chance.
fn policy(apps: Vec<AppId>) -> Policy {
    let identities = ["str:", "steamid:", "xboxpwid:", "psn:"];
    Policy {
        apps,
        dev: Some(Namespace::new(identities).expect("they have kinds")),
        anonymous: true,
        ..Policy::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(address: &str, insecure: bool) -> Result<Running, DevError> {
        let options = DevOptions {
            listen: address.parse().unwrap(),
            insecure,
            ..DevOptions::default()
        };
        start(&options, Box::new(|_| {}))
    }

    #[test]
    fn others_reach_it_only_if_that_is_wanted() {
        for public in ["0.0.0.0:0", "[::]:0", "192.0.2.1:0", "[::ffff:192.0.2.1]:0"] {
            let error = at(public, false).unwrap_err();
            assert!(matches!(error, DevError::Public(_)), "{error}");
            assert!(error.to_string().contains("--insecure-dev"), "{error}");
        }
        at("0.0.0.0:0", true).unwrap();
    }

    #[test]
    fn regression_a_hub_that_has_ended_says_so() {
        let hub = at("127.0.0.1:0", false).unwrap();
        assert!(!hub.is_finished());
        hub.handle().stop();
        let began = std::time::Instant::now();
        while !hub.is_finished() {
            assert!(began.elapsed() < std::time::Duration::from_secs(20));
            std::thread::sleep(std::time::Duration::from_millis(5));
        }
    }

    #[test]
    fn regression_everybody_is_who_they_say_with_identities_of_every_shop() {
        let policy = policy(Vec::new());
        let allowed = policy.dev.unwrap();
        for identity in [
            "str:anna",
            "steamid:76561197960287930",
            "xboxpwid:abc",
            "psn:7",
        ] {
            assert!(allowed.contains(&identity.parse().unwrap()), "{identity}");
        }
        for identity in ["gen:00ff", "ip:192.0.2.1"] {
            assert!(!allowed.contains(&identity.parse().unwrap()), "{identity}");
        }
    }

    #[test]
    fn keys_in_a_folder_outlast_it() {
        let name = format!("bowline-hub-dev-{}", std::process::id());
        let folder = std::env::temp_dir().join(name);
        let options = DevOptions {
            listen: "127.0.0.1:0".parse().unwrap(),
            keys: Some(folder.clone()),
            ..DevOptions::default()
        };
        let [first, second] = [1, 2].map(|_| {
            let hub = start(&options, Box::new(|_| {})).unwrap();
            (hub.key(), hub.authority())
        });
        assert_eq!(first, second);
        std::fs::write(folder.join("identity.pem"), "none").unwrap();
        let error = start(&options, Box::new(|_| {})).unwrap_err();
        assert!(matches!(error, DevError::Keys(_)), "{error}");
        std::fs::remove_dir_all(&folder).unwrap();
    }

    #[test]
    fn it_tells_where_and_who_it_is() {
        let hub = at("127.0.0.1:0", false).unwrap();
        let line = client_line(&hub);
        assert!(line.contains(&hub.local_addrs()[0].to_string()), "{line}");
        let text = |name: &str| {
            let rest = line.split_once(name).unwrap().1;
            rest.split(' ').next().unwrap().to_owned()
        };
        let key =
            |name: &str| format!("ssh-ed25519 {}", text(name)).parse::<bowline::cert::PublicKey>();
        assert_eq!(key("BOWLINE_HUB_KEY=").unwrap(), hub.key());
        assert_eq!(key("BOWLINE_HUB_AUTHORITY=").unwrap(), hub.authority());
        policy(Vec::new()).check().unwrap();
    }
}
