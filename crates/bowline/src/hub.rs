//! Signing in to a hub: a server that says who somebody is, signs certificates that say so, and carries signals
//! between those who know nothing but each other's identities.
//!
//! With a hub an identity is all that one has to know of a peer:
//!
//! ```no_run
//! use bowline::hub::{HubConfig, HubLogin};
//! use bowline::{Identity, SendFlags, Sockets};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! // The address, and the key by which the hub is known: `bowline-hub --config FILE keys show`.
//! let hub = HubConfig::new("hub.example.com:27400", "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIPfz...")?
//!     .login(HubLogin::jwt("eyJhbGciOi..."));
//! let sockets = Sockets::builder().app_id(480).build()?;
//! sockets.sign_in(hub);
//!
//! // Who knows our identity may connect...
//! let _listener = sockets.listen_p2p(7)?;
//! // ...and so may we. Until the hub has let us in, the connection waits.
//! let connection = sockets.connect_peer(&Identity::str("ben")?, 7)?;
//! connection.send(b"hello", SendFlags::RELIABLE)?;
//! # Ok(())
//! # }
//! ```
//!
//! # What happens
//!
//! The interface holds one connection to the hub, which the application sees nothing of: no event tells of it, and no
//! list has it. It needs no thread; whoever drives the sockets drives it. On it the client says who it is and proves it, and
//! gets an identity and a certificate, which the interface takes for its own. The certificate is renewed before it expires.
//! [`Sockets::authentication`] tells how far all that is, and an
//! [`Event::AuthenticationChanged`](crate::Event::AuthenticationChanged) tells of each change.
//!
//! A token or a ticket may end: then the hub ends the session, and takes the client in again only by another one
//! ([`Sockets::sign_in`]).
//!
//! A hub that is gone is looked for again, after a second at first, and after a minute at most. What was connected
//! meanwhile stays connected; who wants to connect waits for as long as the settings allow
//! ([`ConfigKey::TimeoutInitial`](crate::ConfigKey::TimeoutInitial)). A hub that refuses is not asked again
//! before the application does.
//!
//! The hub is known by its key, or by its identity if an authority that is trusted vouches for that: see [`HubPin`]. It
//! hears nothing before it has proved that it is the one.
//!
//! # What the hub tells about the network
//!
//! A hub tells its clients which authorities sign certificates of peers, which keys nobody trusts any more, and which STUN servers
//! there are, signed and with a revision that only grows. It is believed because the hub is the one that is pinned; with
//! [`HubConfig::config_key`] only if that key signed it. Authorities are trusted beside those that the application trusts
//! ([`Sockets::set_trust`]), so that peers of the hub are known to be who they say, and whoever has no certificate of it is
//! refused as a peer. They do not vouch for a hub. The STUN servers are asked for connections whose settings say nothing of any,
//! also for those that exist; the rest counts for connections made from then on. All of that ends when the interface signs out
//! or signs in to another hub.
//!
//! # Signals
//!
//! They go by the hub unless something else carries them ([`Sockets::set_signaling`]). The hub says of each who it is from;
//! one that says something else itself is dropped, and counted as
//! [`DropReason::SignalFromAnother`](crate::DropReason::SignalFromAnother).

mod config;

use std::net::SocketAddr;

use bowline_core::availability::Availability;

use crate::sockets::Sockets;

pub use bowline_core::hub::HubLogin;
pub use bowline_core::hub::NetworkConfigError;
pub use bowline_core::hub::Role;

pub use config::HubConfig;
pub use config::HubConfigError;
pub use config::HubPin;

pub(crate) use config::HubAddress;

/// How it stands with the hub.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct HubStatus {
    /// How far signing in has come. Unlike [`Sockets::authentication`] it says nothing of a certificate.
    pub availability: Availability,
    /// The same in words; after a refusal, those of the hub.
    pub text: String,
    /// The number that the hub gave the session, for its operator; 0 before the first.
    pub session: u64,
    /// Where the hub sees this machine, or saw it last.
    pub seen_address: Option<SocketAddr>,
    /// Where the hub is that is connected to.
    pub hub_address: Option<SocketAddr>,
    /// When the certificate expires that the hub has signed last, in seconds since 1970; `None` if there is none. Another one
    /// comes two hours before, or when a third of its time is left if that is less; but none outlasts what was signed in with.
    /// Where no later one has come by then, this is when the session with the hub ends.
    pub certificate_expiry_unix_secs: Option<u64>,
    /// The revision of what the hub has told about the network and is followed; 0 if there is none.
    pub network_revision: u64,
    /// Why what the hub told last about the network is not followed, if it is not. What it told before is.
    pub network_error: Option<NetworkConfigError>,
}

impl Sockets {
    /// Signs in to a hub, and stays so until [`sign_out`](Self::sign_out). Returns at once; events tell how it goes.
    ///
    /// It is also how another credential is shown before the one that was signed in with ends, as tokens do: with the same
    /// hub and another [`login`](HubConfig::login). A session that the hub ended for that reason comes back by the same
    /// call, and not by itself.
    ///
    /// An interface is signed in once: what it had before, at this hub or another one, ends. Who was connected stays
    /// connected, and so do sessions of [`Messages`](crate::Messages).
    pub fn sign_in(&self, config: HubConfig) {
        self.inner().set_hub(config, true);
    }

    /// Signs out and forgets the hub, and what it has told about the network: peers are held to what the application trusts
    /// from now on ([`set_trust`](Self::set_trust)). The certificate stays for as long as it holds.
    pub fn sign_out(&self) {
        self.inner().forget_hub();
    }

    /// How it stands with the hub; `None` if there is none.
    pub fn hub_status(&self) -> Option<HubStatus> {
        self.inner().hub_status()
    }
}
