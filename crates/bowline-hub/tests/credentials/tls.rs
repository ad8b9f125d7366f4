//! An identity provider and an operator's service that are reached by TLS, with certificates that are good and others.

use std::io::Read as _;
use std::io::Write as _;
use std::net::TcpListener;
use std::net::TcpStream;
use std::sync::Arc;

use bowline::hub::HubLogin;
use bowline_hub::auth::KeySource;
use rcgen::BasicConstraints;
use rcgen::CertificateParams;
use rcgen::CertifiedIssuer;
use rcgen::IsCa;
use rcgen::KeyPair;
use rustls::ServerConfig;
use rustls::ServerConnection;
use rustls::StreamOwned;
use serde_json::json;

use super::Endpoint;
use super::HOOK_TIMEOUT;
use super::Manner;
use super::Place;
use super::Signer;
use super::Trust;
use super::Web;
use super::auth;
use super::jwks;
use super::put_off;
use super::signer::claims;
use super::world::id;

/// Who signs certificates of servers.
struct Authority(CertifiedIssuer<'static, KeyPair>);

impl Authority {
    fn new() -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        Self(CertifiedIssuer::self_signed(params, key).unwrap())
    }

    /// Trust in this one alone.
    fn trust(&self) -> Trust {
        Trust::Only(self.0.pem().into_bytes())
    }

    /// What a server with this name shows.
    fn server(&self, name: &str) -> Arc<ServerConfig> {
        let key = KeyPair::generate().unwrap();
        let params = CertificateParams::new(vec![name.to_owned()]).unwrap();
        let cert = params.signed_by(&key, &self.0).unwrap();
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = ServerConfig::builder_with_provider(provider);
        let config = config.with_safe_default_protocol_versions().unwrap();
        let config = config.with_no_client_auth();
        let key = key.serialize_der().try_into().unwrap();
        Arc::new(
            config
                .with_single_cert(vec![cert.der().clone()], key)
                .unwrap(),
        )
    }
}

/// Puts TLS before a web server: where it is to be asked then, by the name `localhost`.
fn front(web: &Web, config: Arc<ServerConfig>) -> Endpoint {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let behind = web.address();
    // They end with the process of the test.
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let connection = ServerConnection::new(Arc::clone(&config)).unwrap();
            let stream = StreamOwned::new(connection, stream);
            let behind = TcpStream::connect(behind).unwrap();
            std::thread::spawn(move || carry(stream, behind));
        }
    });
    Endpoint::new(&format!("https://localhost:{port}/path"), false).unwrap()
}

/// One request, and its answer. A client that does not trust us sends none.
fn carry(
    mut client: StreamOwned<ServerConnection, TcpStream>,
    mut server: TcpStream,
) -> std::io::Result<()> {
    let request = super::web::read_request(&mut client);
    if request.is_empty() {
        return Ok(());
    }
    server.write_all(&request)?;
    let mut answer = Vec::new();
    server.read_to_end(&mut answer)?;
    client.write_all(&answer)?;
    client.conn.send_close_notify();
    client.flush()
}

#[test]
fn a_provider_and_a_service_behind_tls_are_asked() {
    let signer = Signer::ed25519("one");
    let authority = Authority::new();
    let config = authority.server("localhost");
    let provider = Web::new(Manner::Say(jwks(&[&signer])));
    let service = Web::new(Manner::Say(
        json!({"identity": "steamid:76561197960265729"}).to_string(),
    ));
    let keys = KeySource::Url(front(&provider, Arc::clone(&config)), authority.trust());
    let endpoint = front(&service, config);
    let auth = auth(keys, (endpoint, authority.trust()), HOOK_TIMEOUT);
    let place = Place::with_auth(provider, auth);
    let token = String::from_utf8(signer.sign(&claims())).unwrap();
    let anna = place.enter(HubLogin::jwt(token));
    assert_eq!(anna.identity(), id("str:acme-anna"));
    let ben = place.enter(HubLogin::hook("a ticket"));
    assert_eq!(ben.identity(), id("steamid:76561197960265729"));
}

#[test]
fn who_is_not_trusted_or_has_another_name_is_told_nothing() {
    let (trusted, stranger) = (Authority::new(), Authority::new());
    for config in [
        stranger.server("localhost"),
        trusted.server("elsewhere.example"),
    ] {
        let signer = Signer::ed25519("one");
        let provider = Web::new(Manner::Say(jwks(&[&signer])));
        let keys = KeySource::Url(front(&provider, Arc::clone(&config)), trusted.trust());
        let service = Web::new(Manner::Hang);
        let endpoint = front(&service, config);
        let auth = auth(keys, (endpoint, trusted.trust()), HOOK_TIMEOUT);
        let place = Place::with_auth(provider, auth);
        let token = String::from_utf8(signer.sign(&claims())).unwrap();
        for login in [HubLogin::jwt(token), HubLogin::hook("a ticket")] {
            let why = put_off(&place.begin(login));
            assert!(
                why.contains("cannot check the credential at the moment"),
                "{why}"
            );
        }
        assert!(place.provider.requests().iter().all(Vec::is_empty));
        assert!(service.requests().iter().all(Vec::is_empty));
        place.check_bystander();
    }
}
