//! Certificates and identities at run time, through the public API.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on may panic")]

mod support;

use std::time::Duration;

use bowline::AuthPolicy;
use bowline::Availability;
use bowline::BuildError;
use bowline::CallbackToken;
use bowline::Config;
use bowline::ConfigKey;
use bowline::ConnectionState;
use bowline::CredentialsError;
use bowline::EndReason;
use bowline::Event;
use bowline::Expect;
use bowline::Identity;
use bowline::SendFlags;
use bowline::Sockets;
use bowline::cert::AppId;
use bowline::cert::Authority;
use bowline::cert::CertError;
use bowline::cert::CertStore;
use bowline::cert::CertificateRequest;
use bowline::cert::KeyPair;
use bowline::cert::SignedCertificate;
use bowline::cert::SignedCertificateError;
use bowline::cert::default_crypto;
use bowline::cert::generate_key_pair;

use support::listen;
use support::wait_event;
use support::wait_message;
use support::wait_state;

const APP: u32 = 480;

/// An operator's authority.
struct Operator {
    root: KeyPair,
}

impl Operator {
    fn new() -> Self {
        let root = generate_key_pair().unwrap();
        Self { root }
    }

    /// Trusts this operator and nobody else.
    fn store(&self) -> CertStore {
        let mut store = CertStore::new();
        store
            .add_root(&default_crypto(), self.root.public())
            .unwrap();
        store
    }

    /// Signs what is asked for, for our app and so many seconds.
    fn sign(&self, request: &CertificateRequest, lifetime_secs: u32) -> SignedCertificate {
        let mut request = request.clone();
        request.app_ids = vec![AppId::new(APP)];
        self.issue(&request, lifetime_secs)
    }

    fn issue(&self, request: &CertificateRequest, lifetime_secs: u32) -> SignedCertificate {
        let now = unix_now();
        self.issue_for(request, now, now + lifetime_secs)
    }

    fn issue_for(
        &self,
        request: &CertificateRequest,
        created: u32,
        expiry: u32,
    ) -> SignedCertificate {
        let crypto = default_crypto();
        let authority = Authority::new(&crypto, self.root.private().clone());
        let signed = authority.issue(&crypto, &request.spec(created, expiry));
        SignedCertificate::from_message(signed).unwrap()
    }
}

fn unix_now() -> u32 {
    let now = std::time::SystemTime::now();
    let since = now.duration_since(std::time::UNIX_EPOCH).unwrap();
    u32::try_from(since.as_secs()).unwrap()
}

fn named(identity: &str) -> Sockets {
    Sockets::builder()
        .app_id(APP)
        .identity(identity.parse().unwrap())
        .build()
        .unwrap()
}

fn certified(identity: &str, operator: &Operator) -> Sockets {
    let sockets = named(identity);
    let signed = operator.sign(&sockets.certificate_request(), 3600);
    sockets.set_certificate(&signed).unwrap();
    sockets.set_trust(operator.store());
    assert_eq!(next_availability(&sockets), Availability::Current);
    sockets
}

fn strict() -> Config {
    let mut config = Config::new();
    config.set_auth(AuthPolicy::Refuse);
    config.set_auth_localhost(AuthPolicy::Refuse);
    config
}

fn next_availability(sockets: &Sockets) -> Availability {
    wait_event(sockets, |event| match event {
        Event::AuthenticationChanged { status, .. } => Some(status.availability),
        _ => None,
    })
}

#[test]
fn two_hosts_prove_who_they_are() {
    let operator = Operator::new();
    let server = certified("str:server", &operator);
    let client = certified("str:anna", &operator);
    let listener = server
        .listen_with("127.0.0.1:0".parse().unwrap(), strict())
        .unwrap();
    let expect = Expect::Identity("str:server".parse().unwrap());
    let connection = client
        .connect_expecting(listener.local_addr(), expect, strict())
        .unwrap();
    let request = wait_state(&server, ConnectionState::Connecting);
    assert_eq!(request.info.identity, Some(Identity::str("anna").unwrap()));
    assert!(request.info.authenticated);
    request.connection.accept().unwrap();
    let connected = wait_state(&client, ConnectionState::Connected);
    assert!(connected.info.authenticated);

    // A new certificate leaves the connection alone.
    let signed = operator.sign(&client.certificate_request(), 7200);
    client.set_certificate(&signed).unwrap();
    connection
        .send(b"still here", SendFlags::RELIABLE_NO_NAGLE)
        .unwrap();
    assert_eq!(&*wait_message(&server, &request.connection), b"still here");
}

#[test]
fn which_game_it_is_may_be_told_later() {
    let server = Sockets::builder().app_id(7).build().unwrap();
    let client = Sockets::builder().app_id(8).build().unwrap();
    let listener = listen(&server);
    client.set_app_id(7);
    client.connect(listener.local_addr()).unwrap();
    let request = wait_state(&server, ConnectionState::Connecting);
    request.connection.accept().unwrap();
    wait_state(&client, ConnectionState::Connected);
}

#[test]
fn the_wrong_server_gets_no_message() {
    let operator = Operator::new();
    let server = certified("str:impostor", &operator);
    let client = certified("str:anna", &operator);
    let listener = listen(&server);
    let pin = Expect::Key(generate_key_pair().unwrap().public());
    for expect in [Expect::Identity("str:server".parse().unwrap()), pin] {
        let connection = client
            .connect_expecting(listener.local_addr(), expect, Config::new())
            .unwrap();
        connection
            .send(b"secret", SendFlags::RELIABLE_NO_NAGLE)
            .unwrap();
        let request = wait_state(&server, ConnectionState::Connecting);
        request.connection.accept().unwrap();
        let ended = wait_state(&client, ConnectionState::ProblemDetectedLocally);
        assert_eq!(ended.info.end_reason, EndReason::REMOTE_BAD_CERT);
        let closed = wait_state(&server, ConnectionState::ClosedByPeer);
        assert_eq!(closed.info.end_reason, EndReason::REMOTE_BAD_CERT);
        assert!(closed.connection.receive().unwrap().is_none());
    }
}

#[test]
fn who_shows_no_certificate_waits_in_vain() {
    let operator = Operator::new();
    let server = certified("str:server", &operator);
    let client = named("str:anna");
    let listener = server
        .listen_with("127.0.0.1:0".parse().unwrap(), strict())
        .unwrap();
    let mut hurried = Config::new();
    hurried
        .set_timeout_initial(Duration::from_millis(300))
        .unwrap();
    client.connect_with(listener.local_addr(), hurried).unwrap();
    let ended = wait_state(&client, ConnectionState::ProblemDetectedLocally);
    assert_eq!(ended.info.end_reason, EndReason::MISC_TIMEOUT);
    assert!(server.next_event().is_none());
}

#[test]
fn a_status_change_carries_the_callback_that_was_in_force() {
    let key = ConfigKey::CallbackAuthStatusChanged;
    let operator = Operator::new();
    let sockets = named("str:anna");
    sockets.set_config(key, CallbackToken::new(9)).unwrap();
    let signed = operator.sign(&sockets.certificate_request(), 3600);
    sockets.set_certificate(&signed).unwrap();
    sockets.unset_config(key).unwrap();
    let callback = wait_event(&sockets, |event| match event {
        Event::AuthenticationChanged { callback, .. } => Some(callback),
        _ => None,
    });
    assert_eq!(callback, CallbackToken::new(9));
}

#[test]
fn status_changes_are_told_once_each() {
    let operator = Operator::new();
    let sockets = named("str:anna");
    let status = sockets.init_authentication();
    assert_eq!(status.availability, Availability::CannotTry);
    // Less than three seconds are less than a third of what it had: it is due at once.
    let request = sockets.certificate_request();
    let signed = operator.sign(&request, 2);
    sockets.set_certificate(&signed).unwrap();
    sockets.set_certificate(&signed).unwrap();
    assert_eq!(next_availability(&sockets), Availability::Current);
    let expires = wait_event(&sockets, |event| match event {
        Event::CertificateExpiring { expiry_unix_secs } => Some(expiry_unix_secs),
        Event::AuthenticationChanged { status, .. } => panic!("{status:?}"),
        _ => None,
    });
    assert!(expires <= u64::from(unix_now()) + 2);
    assert_eq!(next_availability(&sockets), Availability::Previously);
    assert!(sockets.authentication().text.contains("expired"));
    let signed = operator.sign(&request, 3600);
    sockets.set_certificate(&signed).unwrap();
    assert_eq!(next_availability(&sockets), Availability::Current);
    assert_eq!(sockets.authentication().text, "OK");
}

#[test]
fn certificates_that_are_not_ours_are_refused_by_cause() {
    let operator = Operator::new();
    let sockets = named("str:anna");
    let anybody = operator.sign(&named("str:anna").certificate_request(), 60);
    assert_eq!(
        sockets.set_certificate(&anybody),
        Err(CredentialsError::NoPrivateKey)
    );
    let request = sockets.certificate_request();
    assert!(matches!(
        sockets.set_certificate(&anybody),
        Err(CredentialsError::KeyMismatch { .. })
    ));
    let mut wanted = request;
    wanted.app_ids = vec![AppId::new(APP + 1)];
    let app = AppId::new(APP);
    assert_eq!(
        sockets.set_certificate(&operator.issue(&wanted, 60)),
        Err(CredentialsError::WrongApp { app })
    );
    wanted.identity = Some("str:bob".parse().unwrap());
    assert!(matches!(
        sockets.set_certificate(&operator.issue(&wanted, 60)),
        Err(CredentialsError::IdentityMismatch { .. })
    ));
    wanted.identity = Some("str:anna".parse().unwrap());
    wanted.app_ids = vec![app];
    let mut unsigned = operator.issue(&wanted, 60).to_message();
    unsigned.ca_signature = None;
    let unsigned = SignedCertificate::from_message(unsigned).unwrap();
    assert_eq!(
        sockets.set_certificate(&unsigned),
        Err(CredentialsError::Cert(CertError::NoSignature))
    );
    let Err(CredentialsError::Expired { expiry, now }) =
        sockets.set_certificate(&operator.issue_for(&wanted, 1, 1_700_000_000))
    else {
        panic!("it has expired");
    };
    assert!(expiry < now);
    assert_eq!(expiry.to_string(), "2023-11-14 22:13:20 UTC");
    assert!(matches!(
        SignedCertificate::from_bytes(b"nonsense"),
        Err(SignedCertificateError::Cert(CertError::Malformed))
    ));
    assert_eq!(
        sockets.authentication().availability,
        Availability::CannotTry
    );
    assert!(sockets.next_event().is_none());
}

#[test]
fn a_request_makes_a_key_once_and_names_us() {
    let sockets = named("str:anna");
    assert_eq!(sockets.public_key(), None);
    let request = sockets.certificate_request();
    assert_eq!(sockets.public_key(), Some(request.key()));
    assert_eq!(sockets.certificate_request(), request);
    assert_eq!(request.identity, Some(Identity::str("anna").unwrap()));
    let sent = CertificateRequest::from_bytes(&request.to_bytes());
    assert_eq!(sent, Ok(request));
    let anonymous = Sockets::new().unwrap().certificate_request();
    assert_eq!(anonymous.identity, None);
}

#[test]
fn a_certificate_may_bring_its_private_key() {
    let operator = Operator::new();
    let key = generate_key_pair().unwrap();
    let mut request = CertificateRequest::new(key.public());
    request.identity = Some("str:anna".parse().unwrap());
    let mut message = operator.sign(&request, 60).to_message();
    message.private_key_data = Some(key.private().seed().to_vec());
    let whole = SignedCertificate::from_message(message).unwrap();
    let whole = SignedCertificate::from_bytes(&whole.to_bytes_with_key()).unwrap();
    let sockets = Sockets::builder().app_id(APP).build().unwrap();
    sockets.set_certificate(&whole).unwrap();
    assert_eq!(sockets.public_key(), Some(key.public()));
    assert_eq!(sockets.identity(), Identity::str("anna").unwrap());
    let other = named("str:anna");
    other.certificate_request();
    assert_eq!(
        other.set_certificate(&whole),
        Err(CredentialsError::PrivateKeyMismatch)
    );
}

#[test]
fn trust_is_replaced_as_a_whole() {
    let operator = Operator::new();
    let server = certified("str:server", &operator);
    let client = certified("str:anna", &operator);
    let listener = listen(&server);
    let refusal = || {
        let connection = client.connect_with(listener.local_addr(), strict());
        let request = wait_state(&server, ConnectionState::Connecting);
        request.connection.accept().unwrap();
        let ended = wait_state(&client, ConnectionState::ProblemDetectedLocally);
        assert_eq!(ended.connection, connection.unwrap());
        assert_eq!(ended.info.end_reason, EndReason::REMOTE_BAD_CERT);
        ended.info.end_text
    };
    client.set_trust(Operator::new().store());
    let text = refusal();
    assert!(text.contains("unknown"), "{text}");
    let root = operator.root.id();
    assert!(text.contains(&format!("signed by {root}")), "{text}");

    client.set_trust(operator.store());
    client.revoke(root).unwrap();
    assert_eq!(client.trust().scope(root), None);
    let text = refusal();
    assert!(
        text.contains("authority of certificate is not trusted"),
        "{text}"
    );

    client.set_trust(operator.store());
    let (_, connection) = support::connect(&server, &client, listener.local_addr());
    assert!(connection.info().unwrap().authenticated);
}

#[test]
fn key_and_certificate_can_be_given_at_the_start() {
    let operator = Operator::new();
    let key = generate_key_pair().unwrap();
    let mut request = CertificateRequest::new(key.public());
    request.identity = Some("str:anna".parse().unwrap());
    request.app_ids = vec![AppId::new(APP)];
    let signed = operator.issue(&request, 60);
    let builder = Sockets::builder()
        .app_id(APP)
        .certificate(signed)
        .trust(operator.store());
    assert!(matches!(
        builder.clone().build(),
        Err(BuildError::Certificate(CredentialsError::NoPrivateKey))
    ));
    let sockets = builder.key(key.clone()).build().unwrap();
    // An anonymous interface becomes whom the certificate names.
    assert_eq!(sockets.identity(), Identity::str("anna").unwrap());
    assert_eq!(sockets.public_key(), Some(key.public()));
    assert_eq!(next_availability(&sockets), Availability::Current);
}

#[test]
fn a_reset_closes_all_connections_and_forgets_the_certificate() {
    let operator = Operator::new();
    let server = certified("str:server", &operator);
    let client = certified("str:anna", &operator);
    let listener = listen(&server);
    let (accepted, dialled) = support::connect(&server, &client, listener.local_addr());
    client.reset_identity(Some("str:bob".parse().unwrap()));
    assert_eq!(dialled.state(), ConnectionState::None);
    assert_eq!(client.identity(), Identity::str("bob").unwrap());
    assert_eq!(client.public_key(), None);
    let closed = wait_state(&server, ConnectionState::ClosedByPeer);
    assert_eq!(closed.connection, accepted);
    assert_eq!(closed.info.end_text, "the identity was reset");
    client.reset_identity(None);
    assert!(client.identity().is_anonymous());
}

#[test]
fn a_revoked_key_is_refused() {
    let operator = Operator::new();
    let server = certified("str:server", &operator);
    let client = certified("str:anna", &operator);
    client.revoke(server.public_key().unwrap().id()).unwrap();
    let listener = listen(&server);
    client
        .connect_with(listener.local_addr(), strict())
        .unwrap();
    let request = wait_state(&server, ConnectionState::Connecting);
    request.connection.accept().unwrap();
    let ended = wait_state(&client, ConnectionState::ProblemDetectedLocally);
    assert_eq!(ended.info.end_reason, EndReason::REMOTE_BAD_CERT);
    assert!(ended.info.end_text.contains("revoked"));
    let key = server.public_key().unwrap().id().to_string();
    assert!(ended.info.end_text.contains(&key), "which key");
}
