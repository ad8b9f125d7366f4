//! Interfaces that sign in to a hub by a token or a ticket, which the hub has to ask others about: an identity provider
//! and an operator's service on this machine that work, lie, hang and die.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on may panic")]

mod hook;
#[path = "../../src/auth/tests/signer.rs"]
#[allow(dead_code, reason = "not all of it is needed here")]
mod signer;
mod tls;
mod tokens;
#[path = "../../src/auth/tests/web.rs"]
#[allow(dead_code, reason = "not all of it is needed here")]
mod web;
#[path = "../world/mod.rs"]
mod world;

use std::sync::Arc;
use std::time::Duration;

use bowline::Availability;
use bowline::Event;
use bowline::Sockets;
use bowline::hub::HubConfig;
use bowline::hub::HubLogin;
use bowline_hub::auth::Auth;
use bowline_hub::auth::Endpoint;
use bowline_hub::auth::Fault;
use bowline_hub::auth::HookSettings;
use bowline_hub::auth::KeySource;
use bowline_hub::auth::Template;
use bowline_hub::auth::TokenSettings;
use bowline_hub::auth::Trust;
use bowline_hub::hub::Policy;
use zeroize::Zeroizing;

use self::signer::AUDIENCE;
use self::signer::ISSUER;
use self::signer::Signer;
use self::signer::jwks;
use self::web::Manner;
use self::web::Web;
use self::world::World;
use self::world::eventually;
use self::world::space;
use self::world::until;

/// How long the operator's service may take: what is the default, so that a machine with much to do is in time.
const HOOK_TIMEOUT: Duration = Duration::from_secs(5);
/// The same where the service hangs, and a test waits for it to be over.
const SHORT_TIMEOUT: Duration = Duration::from_millis(300);

/// What the hub and the service know.
const SECRET: &str = "a secret of some length";

/// A hub that asks a provider and a service, and somebody who is signed in there by other means.
struct Place {
    world: World,
    auth: Arc<Auth>,
    /// Publishes the provider's keys.
    provider: Web,
    /// The operator's service.
    service: Web,
    bystander: Sockets,
    session: u64,
}

impl Place {
    fn new(signers: &[&Signer]) -> Self {
        Self::with_timeout(signers, HOOK_TIMEOUT)
    }

    /// One whose service may take so long.
    fn with_timeout(signers: &[&Signer], timeout: Duration) -> Self {
        let service = Web::new(Manner::Hang);
        let endpoint = service.endpoint();
        let place = Self::with_service(signers, endpoint, timeout);
        Self { service, ..place }
    }

    /// One whose service is somewhere else.
    fn with_service(signers: &[&Signer], endpoint: Endpoint, timeout: Duration) -> Self {
        let provider = Web::new(Manner::Say(jwks(signers)));
        let keys = KeySource::Url(provider.endpoint(), Trust::System);
        let auth = auth(keys, (endpoint, Trust::System), timeout);
        Self::with_auth(provider, auth)
    }

    /// One with this provider behind it, or none.
    fn with_auth(provider: Web, auth: Auth) -> Self {
        let auth = Arc::new(auth);
        let mut world = World::without_hub(policy());
        world.checker = Arc::<Auth>::clone(&auth);
        world.start();
        let bystander = world.signed_in("str:dev-ben");
        let session = bystander.hub_status().unwrap().session;
        Self {
            world,
            auth,
            provider,
            service: Web::new(Manner::Close),
            bystander,
            session,
        }
    }

    /// Somebody who has begun to sign in.
    fn begin(&self, login: HubLogin) -> Sockets {
        self.begin_with(self.world.config(login))
    }

    fn begin_with(&self, config: HubConfig) -> Sockets {
        let sockets = self.world.builder().build().unwrap();
        sockets.sign_in(config);
        sockets
    }

    /// Somebody who is signed in.
    fn enter(&self, login: HubLogin) -> Sockets {
        let sockets = self.begin(login);
        until(&sockets, Availability::Current);
        sockets
    }

    /// Somebody who signs in and is turned away for good: what that says.
    fn refused(&self, login: HubLogin) -> String {
        turned_away(&self.begin(login))
    }

    /// How often a credential was refused for that.
    fn count(&self, fault: Fault) -> u64 {
        let counters = self.auth.counters();
        let mut faults = counters.faults();
        faults.find(|(one, _)| *one == fault).unwrap().1
    }

    /// Nobody else has noticed anything.
    fn check_bystander(&self) {
        let status = self.bystander.hub_status().unwrap();
        assert_eq!(status.availability, Availability::Current);
        assert_eq!(status.session, self.session);
        assert_eq!(
            stood(&self.bystander),
            [
                Availability::Waiting,
                Availability::Attempting,
                Availability::Current
            ]
        );
    }
}

fn policy() -> Policy {
    Policy {
        dev: Some(space("str:dev-")),
        jwt: Some(space("str:acme-")),
        hook: Some(space("steamid:")),
        ..Policy::default()
    }
}

fn auth(keys: KeySource, (endpoint, trust): (Endpoint, Trust), timeout: Duration) -> Auth {
    let tokens = TokenSettings {
        issuer: ISSUER.to_owned(),
        audiences: vec![AUDIENCE.to_owned()],
        keys,
        app_claim: Some("app".to_owned()),
        template: Template::new("str:acme-{sub}").unwrap(),
        identities: space("str:acme-"),
    };
    let hook = HookSettings {
        endpoint,
        secret: Zeroizing::new(SECRET.into()),
        timeout,
        trust,
        identities: space("steamid:"),
    };
    Auth::new(vec![tokens], Some(hook)).unwrap()
}

/// How it stood, as events tell; nothing else may have happened.
fn stood(sockets: &Sockets) -> Vec<Availability> {
    let told = sockets.events().map(|event| match event {
        Event::AuthenticationChanged { status, .. } => status.availability,
        other => panic!("{other:?}"),
    });
    told.collect()
}

/// Waits until it is refused for good, and returns the words.
fn turned_away(sockets: &Sockets) -> String {
    until(sockets, Availability::Failed);
    let status = sockets.hub_status().unwrap();
    assert_eq!(status.availability, Availability::Failed);
    assert_eq!(sockets.authentication().text, status.text);
    // Each step once: it is not tried again.
    let steps = [
        Availability::Waiting,
        Availability::Attempting,
        Availability::Failed,
    ];
    assert_eq!(stood(sockets), steps, "{}", status.text);
    status.text
}

/// Waits until it is to come again, and returns why.
fn put_off(sockets: &Sockets) -> String {
    let mut why = None;
    // Not how it stands now: it may be on its way again already.
    eventually("it is to come again", || {
        why = sockets.events().find_map(|event| match event {
            Event::AuthenticationChanged { status, .. }
                if status.availability == Availability::Retrying =>
            {
                Some(status.text)
            }
            _ => None,
        });
        why.is_some()
    });
    why.unwrap()
}
