//! The client of a hub: the machine of [`bowline_core::hub`], and the connection that it wants.
//!
//! The connection is one like any other, but its owner is the library: the application finds it in no list, and hears of
//! it by no event. What happens to it is not handed on under its lock; the client is told to look ([`Followup`]), and does
//! so when no lock is held ([`Inner::attend_link`]): it reads what has come in, feeds the machine, and does what that
//! wants. One thread at a time *attends*; another that has something new leaves a note, and whoever attends looks again
//! before it stops. So messages keep their order, and a signal that is sent while another is taken in needs no second
//! lock. The attending thread may wait for locks of connections, as one of the application does
//! ([`Driving::suspend`](crate::driver::lock_order::Driving)).
//!
//! The lock of the client comes after that of the endpoint: what the client has to say of it is looked at with both held,
//! so that news of a hub that was left change nothing. Nothing of a connection is touched under it.
//!
//! `work` is what there is to do, one step after the other; `signals` carries signals; `network` follows what the hub says
//! about the network.
//!
//! [`Followup`]: crate::driver::followup::Followup

mod network;
mod signals;
mod work;

use std::collections::VecDeque;
use std::net::IpAddr;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::Weak;

use bowline_core::availability::Availability;
use bowline_core::cert::keypair::PublicKey;
use bowline_core::end_reason::EndReason;
use bowline_core::endpoint::Endpoint;
use bowline_core::hub::HubClient;
use bowline_core::hub::HubClientConfig;
use bowline_core::hub::HubLogin;
use bowline_core::identity::Identity;
use bowline_core::ids::ConnectionId;
use bowline_core::time::Timestamp;

use crate::driver::Inner;
use crate::driver::hub_link::network::Known;
use crate::driver::hub_link::network::Network;
use crate::driver::slot::Slot;
use crate::hub::HubAddress;
use crate::hub::HubConfig;
use crate::hub::HubStatus;

/// See the module's documentation.
#[derive(Debug, Default)]
pub(crate) struct HubLink {
    desk: Option<Box<Desk>>,
    /// How many desks there have been, by which news of one that is gone are known.
    desks: u64,
    /// What is followed of what a hub has said about the network; it outlasts the desk.
    network: Option<Network>,
    /// A thread does what there is to do.
    is_attended: bool,
    /// It shall look again.
    is_due: bool,
    /// The name that a hub gave the interface when it had none.
    given_name: Option<Identity>,
}

/// One hub, and its client.
#[derive(Debug)]
pub(crate) struct Desk {
    home: Weak<Inner>,
    config: HubConfig,
    client: HubClient,
    line: Line,
    /// Where else to try in this attempt.
    targets: VecDeque<HubAddress>,
    /// Which of the addresses worked last.
    good: Option<SocketAddr>,
    /// Why the last connection failed.
    why: String,
    status: HubStatus,
    /// Whose the last signals were, by number.
    sent: VecDeque<(u32, ConnectionId)>,
}

/// The connection to the hub.
#[derive(Debug)]
enum Line {
    /// There is none, and none is wanted.
    Down,
    /// The next address is to be tried.
    Choosing,
    /// The addresses of that name are being asked for, until then.
    Asking {
        name: String,
        port: u16,
        until: Timestamp,
    },
    /// It is being made.
    Dialled(Arc<Slot>, SocketAddr),
    /// It stands.
    Up(Arc<Slot>),
}

/// Signals whose connection is remembered, so that it hears if the hub does not carry them.
const MAX_SENT: usize = 64;

impl Line {
    const fn slot(&self) -> Option<&Arc<Slot>> {
        match self {
            Self::Dialled(slot, _) | Self::Up(slot) => Some(slot),
            Self::Down | Self::Choosing | Self::Asking { .. } => None,
        }
    }
}

impl Inner {
    /// Takes another hub, and signs in at once if wanted, else when it is needed.
    pub(crate) fn set_hub(self: &Arc<Self>, config: HubConfig, starts: bool) {
        self.trust_also(&config.authorities);
        let before = {
            let mut hub = self.hub.lock();
            let mut link = self.link.lock();
            // Under both locks, since a thread that signs out may be about to follow nothing any more.
            let known = Known::of(link.network.as_ref(), &config);
            let client = new_client(&mut hub.endpoint, &config, known);
            let desk = Desk::new(Arc::downgrade(self), config, client, known);
            link.desks += 1;
            link.desk.replace(Box::new(desk))
        };
        self.forget_other_network();
        self.hang_up_for_good(before);
        if starts {
            self.start_hub(true);
        } else {
            let mut hub = self.hub.lock();
            let status = (Availability::NeverTried, NOT_YET.to_owned());
            hub.endpoint.set_authority(Some(status));
            // Nobody was told anything else before.
            while hub.endpoint.poll_trust_event().is_some() {}
        }
    }

    /// Signs in, unless that is under way or done; after a refusal only if `again`.
    pub(crate) fn start_hub(self: &Arc<Self>, again: bool) {
        let wants = |client: &HubClient| match client.availability() {
            Availability::NeverTried => true,
            Availability::Failed => again,
            _ => false,
        };
        let is_wanted = {
            let link = self.link.lock();
            link.desk.as_ref().is_some_and(|desk| wants(&desk.client))
        };
        if !is_wanted {
            return;
        }
        let mut old_line = Line::Down;
        self.with_trust(|endpoint| {
            let mut link = self.link.lock();
            let HubLink {
                desk,
                given_name,
                network,
                ..
            } = &mut *link;
            let desk = desk.as_mut().filter(|desk| wants(&desk.client));
            let Some(desk) = desk else {
                return;
            };
            // A name without proof is gone with its session, and the certificate with the name.
            let is_new = matches!(desk.config.login, HubLogin::Anonymous)
                && given_name.as_ref() == Some(endpoint.identity());
            if is_new {
                endpoint.reset_identity(Identity::anonymous());
                desk.status.certificate_expiry_unix_secs = None;
            }
            if is_new || desk.client.availability() == Availability::NeverTried {
                // Who we are may have been said since the last time.
                let known = Known::of(network.as_ref(), &desk.config);
                desk.client = new_client(endpoint, &desk.config, known);
                // Its numbers begin anew.
                desk.sent.clear();
                desk.status.network_error = None;
                // What the one before wanted done is not done any more, and it may have wanted to hang up.
                old_line = std::mem::replace(&mut desk.line, Line::Down);
            }
            let request = endpoint.certificate_request();
            desk.client.start(Some(request.to_bytes()));
            // At once, so that another thread that finds it started waits for the certificate.
            desk.note(Availability::Waiting, CONNECTING);
            let status = (Availability::Waiting, CONNECTING.to_owned());
            endpoint.set_authority(Some(status));
        });
        self.hang_up(old_line.slot());
        self.attend_link();
    }

    /// A peer is called or listened for: signs in for the first time.
    pub(crate) fn want_hub(self: &Arc<Self>) {
        self.start_hub(false);
    }

    /// Signs out, and forgets the hub.
    pub(crate) fn forget_hub(&self) {
        let desk = self.drop_hub();
        if desk.is_some() {
            self.hang_up_for_good(desk);
            self.unfollow_network();
            self.with_trust_of(|hub| {
                // Another thread may have signed in meanwhile.
                if self.link.lock().desk.is_none() {
                    hub.is_certified_by_hub = false;
                    hub.endpoint.set_authority(None);
                }
            });
        }
    }

    /// The interface is somebody else from now on, and has to sign in anew.
    pub(crate) fn reset_hub(&self) {
        let old_line = self.with_trust_of(|hub| {
            let mut link = self.link.lock();
            let HubLink {
                desk,
                desks,
                network,
                ..
            } = &mut *link;
            let desk = desk.as_mut()?;
            *desks += 1;
            let known = Known::of(network.as_ref(), &desk.config);
            desk.client = new_client(&mut hub.endpoint, &desk.config, known);
            desk.sent.clear();
            desk.targets.clear();
            desk.note(Availability::NeverTried, NOT_YET);
            // Those were of somebody else.
            desk.status.session = 0;
            desk.status.seen_address = None;
            desk.status.hub_address = None;
            desk.status.certificate_expiry_unix_secs = None;
            desk.status.network_error = None;
            hub.is_certified_by_hub = false;
            // At once, too: the next thread to come may sign in.
            let status = (Availability::NeverTried, NOT_YET.to_owned());
            hub.endpoint.set_authority(Some(status));
            Some(std::mem::replace(&mut desk.line, Line::Down))
        });
        if let Some(line) = old_line {
            self.hang_up(line.slot());
        }
    }

    /// How it stands.
    pub(crate) fn hub_status(&self) -> Option<HubStatus> {
        let link = self.link.lock();
        link.desk.as_ref().map(|desk| desk.status.clone())
    }

    /// Takes the hub out, to be dropped without the lock.
    pub(crate) fn drop_hub(&self) -> Option<Box<Desk>> {
        let mut link = self.link.lock();
        link.desks += 1;
        link.desk.take()
    }

    /// The addresses of a name are known; none if it has none.
    pub(crate) fn tell_hub_resolved(&self, name: &str, addresses: &[IpAddr]) {
        {
            let mut link = self.link.lock();
            let Some(desk) = &mut link.desk else {
                return;
            };
            let Line::Asking {
                name: asked, port, ..
            } = &desk.line
            else {
                return;
            };
            if asked != name {
                return;
            }
            if addresses.is_empty() {
                desk.why = "the name of the hub has no address".to_owned();
            }
            for ip in addresses.iter().rev() {
                let address = SocketAddr::new(*ip, *port);
                desk.targets.push_front(HubAddress::Is(address));
            }
            desk.line = Line::Choosing;
        }
        self.attend_link();
    }

    fn trust_also(&self, keys: &[PublicKey]) {
        for key in keys {
            let added = self.with_trust(|endpoint| {
                let mut store = endpoint.trust().clone();
                let crypto = endpoint.crypto().clone();
                store.add_root(&crypto, *key)?;
                endpoint.set_trust(store);
                Ok::<_, bowline_core::cert::CertError>(())
            });
            if let Err(error) = added {
                tracing::warn!(%error, "the authority of the hub is not trusted");
            }
        }
    }

    fn hang_up_for_good(&self, desk: Option<Box<Desk>>) {
        if let Some(desk) = desk {
            self.hang_up(desk.line.slot());
        }
    }

    fn hang_up(&self, slot: Option<&Arc<Slot>>) {
        if let Some(slot) = slot {
            // It may have ended by itself.
            let _ = self.close(slot, EndReason::APP_GENERIC, "", false);
        }
    }
}

impl Desk {
    fn new(home: Weak<Inner>, config: HubConfig, client: HubClient, known: Known) -> Self {
        Self {
            home,
            config,
            client,
            line: Line::Down,
            targets: VecDeque::new(),
            good: None,
            why: String::new(),
            status: HubStatus {
                availability: Availability::NeverTried,
                text: NOT_YET.to_owned(),
                session: 0,
                seen_address: None,
                hub_address: None,
                certificate_expiry_unix_secs: None,
                network_revision: known.followed(),
                network_error: None,
            },
            sent: VecDeque::new(),
        }
    }

    /// Begins an attempt with the address that worked last.
    fn begin(&mut self) {
        self.targets.clear();
        let good = self.good.map(HubAddress::Is);
        let is_good = |address: &&HubAddress| Some(*address) != good.as_ref();
        self.targets.extend(good.clone());
        self.targets
            .extend(self.config.addresses.iter().filter(is_good).cloned());
        self.line = Line::Choosing;
    }

    fn note(&mut self, availability: Availability, text: &str) {
        self.status.availability = availability;
        text.clone_into(&mut self.status.text);
    }
}

fn new_client(endpoint: &mut Endpoint, config: &HubConfig, known: Known) -> HubClient {
    let own = endpoint.identity();
    let own = (!own.is_anonymous()).then(|| own.clone());
    let client = HubClientConfig {
        app: endpoint.app_id(),
        role: config.role,
        login: config.login.clone(),
        identity: config.identity.clone().or(own),
        version: concat!("bowline ", env!("CARGO_PKG_VERSION")).to_owned(),
    };
    let crypto = endpoint.crypto().clone();
    let client = HubClient::new(client, crypto, endpoint.hub_rng());
    known.tell(client, config.config_keys.clone())
}

const NOT_YET: &str = "not signed in to the hub";
const CONNECTING: &str = "connecting to the hub";
