//! From hello to welcome.

use bowline_core::cert::authority::KeyId;
use bowline_core::cert::request::CertificateRequest;
use bowline_core::hub::FromHub;
use bowline_core::hub::Goodbye;
use bowline_core::hub::HUB_PROTOCOL;
use bowline_core::hub::Hello;
use bowline_core::hub::Method;
use bowline_core::hub::Refusal;
use bowline_core::hub::Welcome;
use bowline_core::identity::Identity;
use bowline_core::ids::AppId;
use bowline_core::ids::ConnectionId;
use bowline_core::time::Timestamp;
use hmac::Hmac;
use hmac::KeyInit as _;
use hmac::Mac as _;
use sha2::Sha256;

use crate::hub::Check;
use crate::hub::Hub;
use crate::hub::Notice;
use crate::hub::Output;
use crate::hub::Verdict;
use crate::hub::resume::note_of;
use crate::hub::resume::renewal;
use crate::hub::session::Allowance;
use crate::hub::session::Challenged;
use crate::hub::session::Member;
use crate::hub::session::Session;
use crate::hub::session::Stage;
use crate::limits::MAX_CHECKS;
use crate::namespace::Namespace;

const SHUTTING_DOWN: &str = "the hub is shutting down";

/// Why somebody is not let in.
pub(super) type Refused = (Refusal, String);

/// Somebody whose credential is good.
pub(super) struct Accepted {
    pub(super) identity: Identity,
    /// How it signed in first, if it comes back.
    pub(super) method: Method,
    /// When, in microseconds since 1970.
    pub(super) born_unix_us: u64,
    pub(super) expiry_unix_secs: Option<u64>,
    /// The key of a game server by which it signed in first.
    pub(super) key: Option<KeyId>,
}

impl Hub {
    /// A client says who it is.
    pub(super) fn on_hello(&mut self, now: Timestamp, client: ConnectionId, hello: Hello) {
        let Some(session) = self.sessions.get(&client) else {
            return;
        };
        let (from, is_first) = (session.from, matches!(session.stage, Stage::New));
        match &session.stage {
            Stage::SignedIn(_) => return self.dismiss(client, Goodbye::Malformed),
            _ if !is_first => return self.refuse(client, Refusal::Malformed, "two hellos"),
            _ => {}
        }
        if self.is_draining {
            return self.refuse(client, Refusal::Busy, SHUTTING_DOWN);
        }
        if !self.networks.may_sign_in(now, from) {
            return self.refuse(client, Refusal::Busy, "too many sign-ins from this network");
        }
        match self.consider(&hello) {
            Ok(method) => self.go_on(now, client, hello, method),
            Err((reason, text)) => self.refuse(client, reason, &text),
        }
    }

    /// A client answers a challenge.
    pub(super) fn on_proof(&mut self, now: Timestamp, client: ConnectionId, proof: &[u8]) {
        let Some(session) = self.sessions.get_mut(&client) else {
            return;
        };
        // What is under way is taken out of the session only if this ends it: a question stays one until it is answered.
        match &session.stage {
            Stage::Challenged(_) => {}
            Stage::SignedIn(_) => return self.dismiss(client, Goodbye::Malformed),
            Stage::New | Stage::Asked { .. } => {
                return self.refuse(client, Refusal::Malformed, "nothing was to be proven");
            }
        }
        if let Stage::Challenged(challenged) = std::mem::replace(&mut session.stage, Stage::New) {
            let Challenged { hello, nonce } = *challenged;
            match self.check_proof(now, &hello, &nonce, proof) {
                Ok(accepted) => self.welcome(now, client, hello, accepted),
                Err((reason, text)) => {
                    let told = match (reason, self.policy.missing_key(&hello)) {
                        (Refusal::Credential, Some(missing)) => format!("{text}: {missing}"),
                        _ => text.clone(),
                    };
                    self.refuse_telling(client, reason, &text, told);
                }
            }
        }
    }

    /// Somebody who was asked about a credential has answered.
    pub fn on_verdict(&mut self, now: Timestamp, client: ConnectionId, verdict: Verdict) {
        self.now = now;
        let Some(session) = self.sessions.get_mut(&client) else {
            return;
        };
        if !matches!(session.stage, Stage::Asked { .. }) {
            return;
        }
        let Stage::Asked { hello, .. } = std::mem::replace(&mut session.stage, Stage::New) else {
            return;
        };
        self.checking = self.checking.saturating_sub(1);
        let born_unix_us = self.unix_us(now);
        let (reason, text) = match (verdict, &hello.method) {
            (
                Verdict::Good {
                    identity,
                    expiry_unix_secs,
                },
                Ok(method),
            ) => {
                let accepted = Accepted {
                    method: *method,
                    identity,
                    born_unix_us,
                    expiry_unix_secs,
                    key: None,
                };
                match self.check_verdict(now, &hello, &accepted) {
                    Ok(()) => return self.welcome(now, client, *hello, accepted),
                    Err(refused) => refused,
                }
            }
            (Verdict::Good { .. }, Err(_)) => (Refusal::Method, String::new()),
            (Verdict::Bad(reason, text), _) => (reason, text),
        };
        self.refuse(client, reason, &text);
    }

    /// Whether the hello makes sense here, and by what it is to be proven.
    fn consider(&self, hello: &Hello) -> Result<Method, Refused> {
        if hello.protocol != HUB_PROTOCOL {
            let text = format!(
                "the hub speaks version {HUB_PROTOCOL}, not {}",
                hello.protocol
            );
            return Err((Refusal::Protocol, text));
        }
        // Whoever has a certificate for that one passes for a service.
        if hello.app == AppId::ANY || !self.policy.serves(hello.app) {
            let text = format!("app {} is not served here", hello.app.get());
            return Err((Refusal::App, text));
        }
        let unknown = |number| {
            (
                Refusal::Method,
                format!("method {number} is not known here"),
            )
        };
        let method = hello.method.map_err(unknown)?;
        if !self.policy.allows(method) {
            let text = format!("signing in by {method} is not allowed here");
            return Err((Refusal::Method, text));
        }
        if !self.policy.gives_role(method, hello.role) {
            let text = format!("a {} cannot sign in by {method}", hello.role);
            return Err((Refusal::Role, text));
        }
        // The request is for a key; who it is for is checked once that is known.
        if let Some(request) = &hello.certificate_request {
            CertificateRequest::from_bytes(request)
                .map_err(|error| (Refusal::Certificate, error.to_string()))?;
        }
        Ok(method)
    }

    fn go_on(&mut self, now: Timestamp, client: ConnectionId, hello: Hello, method: Method) {
        let accepted = match method {
            Method::Dev => self.by_word(now, &hello),
            Method::Anonymous => Ok(Accepted {
                identity: self.random_identity(),
                method,
                born_unix_us: self.unix_us(now),
                expiry_unix_secs: None,
                key: None,
            }),
            Method::Resume => self.by_note(now, &hello),
            Method::SharedKey | Method::GameServerKey => {
                return self.challenge(client, hello);
            }
            _ => return self.ask(now, client, hello, method),
        };
        match accepted {
            Ok(accepted) => self.welcome(now, client, hello, accepted),
            Err((reason, text)) => self.refuse(client, reason, &text),
        }
    }

    fn by_word(&self, now: Timestamp, hello: &Hello) -> Result<Accepted, Refused> {
        let identity = wanted(hello)?;
        let space = self.policy.dev.as_ref();
        check_namespace(space, &identity)?;
        self.check_blocked(&identity)?;
        Ok(Accepted {
            identity,
            method: Method::Dev,
            born_unix_us: self.unix_us(now),
            expiry_unix_secs: None,
            key: None,
        })
    }

    fn challenge(&mut self, client: ConnectionId, hello: Hello) {
        let nonce = self.rng.bytes();
        if let Some(session) = self.sessions.get_mut(&client) {
            session.stage = Stage::Challenged(Box::new(Challenged { hello, nonce }));
            self.send(client, &FromHub::Challenge(nonce));
        }
    }

    fn ask(&mut self, now: Timestamp, client: ConnectionId, hello: Hello, method: Method) {
        if self.checking.max(self.asking.len() / 16) >= MAX_CHECKS {
            return self.refuse(
                client,
                Refusal::Busy,
                "too many credentials are being checked",
            );
        }
        let check = Check {
            client,
            method,
            credential: hello.credential.clone(),
            app: hello.app,
            role: hello.role,
            wanted_identity: hello.wanted_identity.clone(),
        };
        if let Some(session) = self.sessions.get_mut(&client) {
            let hello = Box::new(hello);
            session.stage = Stage::Asked { at: now, hello };
            self.asking.push_back((now, client));
            self.checking += 1;
            self.outputs.push_back(Output::Check(check));
        }
    }

    fn check_proof(
        &self,
        now: Timestamp,
        hello: &Hello,
        nonce: &[u8; 32],
        proof: &[u8],
    ) -> Result<Accepted, Refused> {
        let bad = || (Refusal::Credential, "the proof is not right".to_owned());
        let identity = wanted(hello)?;
        let message = hello.statement(self.key.as_bytes(), nonce);
        let method = hello.method.map_err(|_| bad())?;
        let key = match method {
            Method::SharedKey => {
                let key = self.policy.shared_key(hello.app, &hello.credential);
                let key = key.ok_or_else(bad)?;
                let mac = Hmac::<Sha256>::new_from_slice(&key.key).map_err(|_| bad())?;
                let mac = mac.chain_update(&message);
                mac.verify_slice(proof).map_err(|_| bad())?;
                check_namespace(Some(&key.identities), &identity)?;
                None
            }
            _ => {
                let server = self.policy.game_server(hello.app, &identity);
                let server = server.ok_or_else(bad)?;
                let signature = proof.try_into().map_err(|_| bad())?;
                let key = server.key.as_bytes();
                let verified = self.crypto.ed25519_verify(key, &message, signature);
                verified.map_err(|_| bad())?;
                Some(server.key.id())
            }
        };
        self.check_revoked(key)?;
        self.check_blocked(&identity)?;
        Ok(Accepted {
            identity,
            method,
            born_unix_us: self.unix_us(now),
            expiry_unix_secs: None,
            key,
        })
    }

    /// Whether the key that somebody signs in by is still trusted.
    pub(super) fn check_revoked(&self, key: Option<KeyId>) -> Result<(), Refused> {
        match key {
            Some(key) if self.revoked.contains(&key) => {
                Err((Refusal::Credential, "the key was revoked".to_owned()))
            }
            _ => Ok(()),
        }
    }

    fn check_verdict(
        &self,
        now: Timestamp,
        hello: &Hello,
        accepted: &Accepted,
    ) -> Result<(), Refused> {
        let space = match accepted.method {
            Method::Jwt => self.policy.jwt.as_ref(),
            _ => self.policy.hook.as_ref(),
        };
        check_namespace(space, &accepted.identity)?;
        let wanted = hello.wanted_identity.as_ref();
        if wanted.is_some_and(|wanted| *wanted != accepted.identity) {
            let text = "the credential is for another identity".to_owned();
            return Err((Refusal::Identity, text));
        }
        if accepted
            .expiry_unix_secs
            .is_some_and(|expiry| expiry <= self.unix_secs(now))
        {
            return Err((Refusal::Expired, String::new()));
        }
        self.check_blocked(&accepted.identity)
    }

    /// Lets a client in.
    fn welcome(&mut self, now: Timestamp, client: ConnectionId, hello: Hello, accepted: Accepted) {
        // It may have said hello before, and only now be known.
        if self.is_draining {
            return self.refuse(client, Refusal::Busy, SHUTTING_DOWN);
        }
        let key = (hello.app, accepted.identity.clone());
        if self.owners.len() >= self.policy.max_sessions && !self.owners.contains_key(&key) {
            return self.refuse(
                client,
                Refusal::Busy,
                "there are as many sessions as there may be",
            );
        }
        let mut member = self.new_member(now, &hello, accepted);
        let certificate = match &hello.certificate_request {
            None => None,
            Some(request) => match self.issue(now, &mut member, request) {
                Ok(signed) => Some(signed),
                Err(text) => return self.refuse(client, Refusal::Certificate, &text),
            },
        };
        self.take_over(&key, &mut member);
        if let Some(before) = self.owners.insert(key, client) {
            self.counters.superseded += 1;
            self.dismiss(before, Goodbye::Superseded);
        }
        self.counters
            .signed_in(hello.method.unwrap_or(member.method));
        self.outputs.push_back(Output::Notice(Notice::SignedIn {
            session: member.number,
            identity: member.identity.clone(),
            app: member.app,
            method: member.method,
        }));
        let Some(session) = self.sessions.get_mut(&client) else {
            return;
        };
        let welcome = Welcome {
            identity: member.identity.clone(),
            session: member.number,
            unix_ms: self.unix_epoch_us.saturating_add(now.as_micros()) / 1000,
            seen_address: Some(session.from),
            config_revision: self.announcement.revision(),
            resume: Vec::new(),
            certificate,
            max_signal: self.policy.max_signal as u32,
        };
        if let Some(expiry) = member.expiry_unix_secs {
            self.expiring.insert((expiry, client));
        }
        self.numbers.insert(member.number, client);
        self.renewing.insert((member.renew_at, client));
        let note = note_of(&member, self.unix_secs(now));
        let resume = self.seal.seal(&mut self.rng, &note);
        if let Some(session) = self.sessions.get_mut(&client) {
            session.stage = Stage::SignedIn(Box::new(member));
            self.networks.leave(session.from);
        }
        self.send(client, &FromHub::Welcome(Welcome { resume, ..welcome }));
        self.tell_network(client);
    }

    fn new_member(&mut self, now: Timestamp, hello: &Hello, accepted: Accepted) -> Member {
        let expiry_unix_secs = accepted.expiry_unix_secs;
        let number = self.rng.u64();
        Member {
            identity: accepted.identity,
            app: hello.app,
            role: hello.role,
            method: accepted.method,
            number,
            renew_at: renewal(now, number),
            born_unix_us: accepted.born_unix_us,
            expiry_unix_secs,
            signed_in_by: accepted.key,
            key: None,
            sent: 0,
            allowance: Allowance::default(),
        }
    }

    /// Who signs in again has used up what it had used up before, whether or not that session is over.
    fn take_over(&mut self, key: &(AppId, Identity), member: &mut Member) {
        let before = self.owners.get(key).copied();
        let session = before.and_then(|before| self.sessions.get_mut(&before));
        if let Some(before) = session.and_then(Session::member_mut) {
            member.allowance = std::mem::take(&mut before.allowance);
            if before.born_unix_us < member.born_unix_us {
                self.past.supersede(self.now, member.born_unix_us, key);
            }
        } else if let Some(kept) = self.past.take(key) {
            member.allowance = kept;
        }
    }

    fn random_identity(&mut self) -> Identity {
        let bytes: [u8; 16] = self.rng.bytes();
        Identity::generic(&bytes).expect("16 bytes are few enough")
    }
}

fn wanted(hello: &Hello) -> Result<Identity, Refused> {
    let wanted = hello.wanted_identity.clone();
    wanted.ok_or_else(|| {
        let text = "this way of signing in needs an identity".to_owned();
        (Refusal::Identity, text)
    })
}

fn check_namespace(space: Option<&Namespace>, identity: &Identity) -> Result<(), Refused> {
    if space.is_some_and(|space| space.contains(identity)) {
        return Ok(());
    }
    let allowed = space.map_or_else(String::new, Namespace::to_string);
    // Logs have this text, and no addresses.
    let text = match identity {
        Identity::Ip { .. } => format!("an address is not among {allowed}"),
        identity => format!("{identity} is not among {allowed}"),
    };
    Err((Refusal::Identity, text))
}
