//! What somebody who watches a hub knows, and holds it to.

use std::collections::{BTreeMap, BTreeSet};

use bowline_core::cert::authority::Authority;
use bowline_core::cert::signed::SignedCertificate;
use bowline_core::crypto::Crypto;
use bowline_core::hub::limits::MAX_HUB_MESSAGE;
use bowline_core::hub::{FromHub, Hello, Method, Resumption, Welcome};
use bowline_core::identity::Identity;
use bowline_core::ids::{AppId, ConnectionId};
use bowline_core::time::Timestamp;
use bowline_hub::hub::{Hub, Notice, Output};

/// More outputs come of nothing that happens to a hub with so few clients.
const MAX_OUTPUTS: usize = 256;
/// Notes for coming back that are kept.
const MAX_NOTES: usize = 16;

/// A connection to the hub.
#[derive(Debug, Default)]
pub(super) struct Link {
    /// What was said first.
    pub(super) hello: Option<Hello>,
    /// What is to be proven.
    pub(super) challenge: Option<[u8; 32]>,
    /// Who it is.
    pub(super) member: Option<(AppId, Identity)>,
}

/// A hub, and what has been seen of it.
pub(super) struct Watched {
    pub(super) hub: Hub,
    pub(super) now: Timestamp,
    pub(super) links: BTreeMap<ConnectionId, Link>,
    /// Those whose credential somebody else is asked about.
    pub(super) checks: Vec<ConnectionId>,
    /// What clients got for coming back, of late.
    pub(super) notes: Vec<Vec<u8>>,
    pub(super) is_draining: bool,
    /// What clients were told last about the network.
    pub(super) network: Vec<u8>,
    crypto: Crypto,
    authority: Authority,
    /// Everybody who was ever let in.
    known: BTreeSet<(AppId, String)>,
    /// The numbers of the sessions.
    numbers: BTreeSet<u64>,
}

impl Watched {
    pub(super) fn new(hub: Hub, now: Timestamp, crypto: Crypto, authority: Authority) -> Self {
        Self {
            hub,
            now,
            links: BTreeMap::new(),
            checks: Vec::new(),
            notes: Vec::new(),
            is_draining: false,
            network: Vec::new(),
            crypto,
            authority,
            known: BTreeSet::new(),
            numbers: BTreeSet::new(),
        }
    }

    /// Takes what the hub wants done, after something that this client did.
    pub(super) fn settle(&mut self, acting: Option<ConnectionId>) {
        let sender = acting.and_then(|acting| self.links.get(&acting)?.member.clone());
        let mut count = 0;
        while let Some(output) = self.hub.poll_output() {
            count += 1;
            assert!(count < MAX_OUTPUTS, "no end of it");
            match output {
                Output::Send { client, bytes } => self.hear(client, &bytes, sender.as_ref()),
                Output::Close { client, .. } => {
                    let link = self.links.remove(&client);
                    assert!(link.is_some(), "closed twice, or not there");
                }
                Output::Check(check) => {
                    let link = &self.links[&check.client];
                    let hello = link.hello.as_ref().expect("it has said hello");
                    assert_eq!(hello.credential, check.credential);
                    self.checks.push(check.client);
                }
                Output::Notice(Notice::SignedIn { session, .. }) => {
                    assert!(self.numbers.insert(session), "a number for two");
                }
                Output::Notice(Notice::Ended { session, .. }) => {
                    assert!(self.numbers.remove(&session), "ended twice");
                }
                Output::Notice(Notice::Refused { .. }) => {}
            }
        }
        let members = self.links.values().filter_map(|link| link.member.as_ref());
        let unique: BTreeSet<_> = members.clone().collect();
        assert_eq!(unique.len(), members.count(), "two owners of an identity");
        assert_eq!(self.hub.sessions(), unique.len());
        assert_eq!(self.numbers.len(), unique.len());
    }

    /// Lets time pass until then, as the hub's timer wants or with a pause of the machine.
    pub(super) fn pass(&mut self, until: Timestamp, in_steps: bool) {
        while let Some(at) = self.hub.poll_timeout()
            && at <= until
        {
            self.now = if in_steps { self.now.max(at) } else { until };
            self.hub.handle_timeout(self.now);
            self.settle(None);
            let next = self.hub.poll_timeout();
            assert!(next.is_none_or(|next| next > self.now), "it rings again");
        }
        self.now = until;
    }

    /// A message for a client.
    fn hear(&mut self, client: ConnectionId, bytes: &[u8], sender: Option<&(AppId, Identity)>) {
        assert!(bytes.len() <= MAX_HUB_MESSAGE);
        let message = FromHub::parse(bytes).expect("clients understand what a hub says");
        let link = self.links.get_mut(&client);
        let link = link.expect("nothing is said to who is gone");
        match message {
            FromHub::Challenge(nonce) => {
                assert!(link.member.is_none());
                link.challenge = Some(nonce);
            }
            FromHub::Welcome(welcome) => self.welcome(client, welcome),
            FromHub::Refused(refused) => {
                assert!(link.member.is_none(), "too late to refuse");
                assert!(refused.reason.is_some());
            }
            FromHub::Signal(signal) => {
                let (app, _) = link.member.as_ref().expect("signals are for members");
                let (of, sender) = sender.expect("somebody has sent it");
                assert_eq!((of, &signal.peer), (app, &sender.to_string()));
            }
            FromHub::Resume(Resumption(note)) => {
                assert!(link.member.is_some());
                self.note(note);
            }
            FromHub::Certificate(bytes) => self.check_certificate(client, &bytes),
            FromHub::Nack { .. } | FromHub::Goodbye { .. } => {
                assert!(link.member.is_some());
            }
            FromHub::Config { .. } => {
                assert!(link.member.is_some());
                bytes.clone_into(&mut self.network);
            }
            FromHub::Unknown => panic!("it says what it does not know"),
        }
    }

    fn welcome(&mut self, client: ConnectionId, welcome: Welcome) {
        assert!(!self.is_draining, "nobody is let in any more");
        let link = self.links.get_mut(&client).expect("it was there");
        assert!(link.member.is_none(), "welcomed twice");
        let hello = link.hello.as_ref().expect("it has said hello");
        let method = hello.method.expect("a method that there is");
        let name = welcome.identity.to_string();
        let key = (hello.app, name.clone());
        assert!(
            may_give(method, &name) || self.known.contains(&key),
            "{name}"
        );
        if let Some(wanted) = &hello.wanted_identity
            && !matches!(method, Method::Anonymous | Method::Resume)
        {
            assert_eq!(*wanted, welcome.identity);
        }
        assert_eq!(
            welcome.certificate.is_some(),
            hello.certificate_request.is_some()
        );
        link.member = Some((hello.app, welcome.identity));
        self.known.insert(key);
        self.note(welcome.resume);
        if let Some(bytes) = welcome.certificate {
            self.check_certificate(client, &bytes);
        }
    }

    /// It is for who it is given to.
    fn check_certificate(&self, client: ConnectionId, bytes: &[u8]) {
        let member = self.links[&client].member.as_ref();
        let (app, identity) = member.expect("certificates are for members");
        let signed = SignedCertificate::from_bytes(bytes).expect("a certificate");
        assert!(signed.is_signed_by(&self.crypto, self.authority.public()));
        assert_eq!(signed.certificate().identity(), Some(identity));
        assert_eq!(signed.certificate().app_ids(), [*app]);
    }

    fn note(&mut self, note: Vec<u8>) {
        if self.notes.len() >= MAX_NOTES {
            self.notes.remove(0);
        }
        self.notes.push(note);
    }
}

/// Whom a way of signing in may make of anybody.
fn may_give(method: Method, name: &str) -> bool {
    let prefix = match method {
        Method::Dev => "str:dev-",
        Method::SharedKey => "str:shared-",
        Method::Jwt => "str:id-",
        Method::Hook => "steamid:",
        Method::GameServerKey => "str:server-1",
        Method::Anonymous => "gen:",
        // Only those who were there before.
        _ => return false,
    };
    name.starts_with(prefix)
}
