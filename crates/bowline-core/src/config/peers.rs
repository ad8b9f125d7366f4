//! Settings of connections between peers, with types.

use crate::config::Config;
use crate::config::ConfigError;
use crate::config::ConfigKey;
use crate::ice::CandidateTypes;
use crate::ids::VirtualPort;
use crate::stun::uri;
use crate::stun::uri::ServerListError;
use crate::stun::uri::Service;

/// Why a list of servers was not taken.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum ServersError {
    /// The list cannot be read.
    #[error(transparent)]
    List(#[from] ServerListError),
    /// Not as many names, or not as many passwords, as servers.
    #[error(
        "{servers} TURN servers, {accounts} accounts: each server needs one, which may be empty"
    )]
    Accounts {
        /// How many servers.
        servers: usize,
        /// How many accounts.
        accounts: usize,
    },
    /// A name or a password has a comma in it, which separates them.
    #[error("a name or a password with a comma cannot be listed")]
    Comma,
    /// The settings take no more changes.
    #[error(transparent)]
    Config(#[from] ConfigError),
}

impl Config {
    /// The STUN servers that tell how this host is seen from outside, separated by commas, such as
    /// `stun:stun.example.org:3478`; none, and there is no way through a NAT without a relay (none).
    ///
    /// # Errors
    /// If one of them cannot be used; the error tells which, and why.
    pub fn set_stun_servers(&mut self, list: &str) -> Result<&mut Self, ServersError> {
        uri::parse_list(Service::Stun, list)?;
        Ok(self.set(ConfigKey::P2pStunServerList, list)?)
    }

    /// The STUN servers, separated by commas.
    pub fn stun_servers(&self) -> &str {
        self.text(ConfigKey::P2pStunServerList)
    }

    /// The TURN servers, separated by commas, through which packets go where no direct way is found, and a name
    /// and a password for each (none).
    ///
    /// # Errors
    /// If one of them cannot be used, or there is not an account for each.
    pub fn set_turn_servers(
        &mut self,
        list: &str,
        accounts: &[(&str, &str)],
    ) -> Result<&mut Self, ServersError> {
        let servers = uri::parse_list(Service::Turn, list)?.len();
        if accounts.len() != servers {
            let accounts = accounts.len();
            return Err(ServersError::Accounts { servers, accounts });
        }
        let has_comma =
            |(user, password): &(&str, &str)| user.contains(',') || password.contains(',');
        if accounts.iter().any(has_comma) {
            return Err(ServersError::Comma);
        }
        let (users, passwords): (alloc::vec::Vec<_>, alloc::vec::Vec<_>) =
            accounts.iter().copied().unzip();
        self.set(ConfigKey::P2pTurnServerList, list)?;
        self.set(ConfigKey::P2pTurnUserList, users.join(","))?;
        Ok(self.set(ConfigKey::P2pTurnPassList, passwords.join(","))?)
    }

    /// The TURN servers, separated by commas.
    pub fn turn_servers(&self) -> &str {
        self.text(ConfigKey::P2pTurnServerList)
    }

    /// The names for the TURN servers, separated by commas.
    pub fn turn_users(&self) -> &str {
        self.text(ConfigKey::P2pTurnUserList)
    }

    /// The passwords for the TURN servers, separated by commas.
    pub fn turn_passwords(&self) -> &str {
        self.text(ConfigKey::P2pTurnPassList)
    }

    /// Which ways to a peer may be looked for, by `P2P_Transport_ICE_Enable`.
    pub const fn ice_candidates(&self) -> CandidateTypes {
        CandidateTypes::from_enable(self.int(ConfigKey::P2pTransportIceEnable))
    }

    /// By how much ways that ICE finds count as slower than they are, in milliseconds: `P2P_Transport_ICE_Penalty`.
    pub const fn ice_penalty_ms(&self) -> u32 {
        self.int(ConfigKey::P2pTransportIcePenalty).unsigned_abs()
    }

    /// The same for relays: `P2P_Transport_SDR_Penalty`.
    pub const fn relay_penalty_ms(&self) -> u32 {
        self.int(ConfigKey::P2pTransportSdrPenalty).unsigned_abs()
    }

    /// Whether a connection to a peer may be one with the connection that the peer may be starting at the
    /// same time (it may not).
    ///
    /// # Errors
    /// If the setting is locked.
    pub fn set_symmetric_connect(&mut self, value: bool) -> Result<&mut Self, ConfigError> {
        self.set(ConfigKey::SymmetricConnect, i32::from(value))
    }

    /// Whether a connection may be one with the peer's.
    pub const fn is_symmetric_connect(&self) -> bool {
        self.int(ConfigKey::SymmetricConnect) > 0
    }

    /// The virtual port that a connection to a peer is from; `None` is the same as the peer's.
    ///
    /// # Errors
    /// If the setting is locked.
    pub fn set_local_virtual_port(
        &mut self,
        port: Option<VirtualPort>,
    ) -> Result<&mut Self, ConfigError> {
        let number = port.map_or(-1, |port| port.get().cast_signed());
        self.set(ConfigKey::LocalVirtualPort, number)
    }

    /// The virtual port that a connection to a peer is from, if one was set.
    pub fn local_virtual_port(&self) -> Option<VirtualPort> {
        let number = u32::try_from(self.int(ConfigKey::LocalVirtualPort)).ok()?;
        VirtualPort::new(number)
    }
}
