//! Whom we trust and who we are, by the functions that go beyond GNS.
#![allow(
    clippy::unwrap_used,
    clippy::undocumented_unsafe_blocks,
    reason = "a test that cannot go on may panic; all pointers lead to locals, or are null"
)]

mod support;

use std::ffi::c_void;
use std::ptr::null;
use std::ptr::null_mut;
use std::sync::atomic::AtomicU32;
use std::sync::atomic::Ordering;

use GameNetworkingSockets::abi::identity::RawIdentity;
use GameNetworkingSockets::abi::structs::RawOption;
use GameNetworkingSockets::abi::structs::RawOptionValue;
use GameNetworkingSockets::abi::vtable::Object;
use GameNetworkingSockets::beyond::*;
use GameNetworkingSockets::callbacks::SteamAPI_ISteamNetworkingSockets_RunCallbacks as run_callbacks;
use GameNetworkingSockets::process::GameNetworkingSockets_SetAppID;
use GameNetworkingSockets::sockets::flat::*;
use GameNetworkingSockets::sockets::object::SteamGameServerNetworkingSockets_LibV12 as game_server;
use bowline::cert;
use bowline::cert::Authority;
use bowline::cert::CertificateRequest;
use bowline::cert::KeyPair;
use bowline::cert::SignedCertificate;

use support::Session;
use support::hear_until;
use support::listen;
use support::sockets;

/// An authority, and what it signs.
struct Operator(KeyPair);

impl Operator {
    fn new() -> Self {
        Self(cert::generate_key_pair().unwrap())
    }

    fn sign(&self, request: &CertificateRequest, seconds: u32) -> SignedCertificate {
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
        let now = now.unwrap().as_secs() as u32;
        let authority = Authority::new(&cert::default_crypto(), self.0.private().clone());
        let signed = authority.issue(&cert::default_crypto(), &request.spec(now, now + seconds));
        SignedCertificate::from_message(signed).unwrap()
    }

    /// Its own certificate.
    fn root(&self) -> SignedCertificate {
        self.sign(&CertificateRequest::new(self.0.public()), 3600)
    }
}

fn raw_identity(text: &str) -> RawIdentity {
    RawIdentity::from(Some(&text.parse::<bowline::Identity>().unwrap()))
}

/// What the interface would have signed.
fn request(this: *const Object) -> CertificateRequest {
    let mut bytes = vec![0_u8; 4096];
    let mut size = 4096;
    let get = SteamAPI_ISteamNetworkingSockets_GetCertificateRequest;
    assert!(unsafe { get(this, &raw mut size, bytes.as_mut_ptr().cast(), null_mut()) });
    CertificateRequest::from_bytes(&bytes[..size as usize]).unwrap()
}

fn set_certificate(this: *const Object, signed: &SignedCertificate) {
    let bytes = signed.to_bytes();
    let set = SteamAPI_ISteamNetworkingSockets_SetCertificate;
    assert!(unsafe { set(this, bytes.as_ptr().cast(), bytes.len() as i32, null_mut()) });
}

#[test]
fn a_peer_must_be_the_one_expected() {
    let _session = Session::start();
    let (this, server) = (sockets(), unsafe { game_server() });
    unsafe { GameNetworkingSockets_SetAppID(480) };
    let operator = Operator::new();
    let root = operator.root().to_bytes();
    let identity = raw_identity("str:server");
    unsafe {
        assert!(Bowline_AddTrustedCert(
            root.as_ptr().cast(),
            root.len() as u32,
            null_mut()
        ));
        SteamAPI_ISteamNetworkingSockets_ResetIdentity(server, &raw const identity);
        let mut key = [0; 32];
        assert!(!Bowline_GetPublicKey(server, &raw mut key));
        let mut request = request(server);
        request.app_ids = vec![cert::AppId::new(480)];
        set_certificate(server, &operator.sign(&request, 3600));
        assert!(Bowline_GetPublicKey(server, &raw mut key));
        assert!(!Bowline_GetPublicKey(server, null_mut()));

        let hear = RawOption {
            key: 201,
            kind: 5,
            value: RawOptionValue {
                pointer: support::hear as *mut c_void,
            },
        };
        let (_, addr) = listen(server);
        let to_identity = |identity: &RawIdentity| {
            Bowline_ConnectToIdentity(this, &raw const addr, identity, 1, &raw const hear)
        };
        let accept_next = || {
            let request = hear_until(server, |heard| heard.listener != 0 && heard.new == 1);
            assert_eq!(
                SteamAPI_ISteamNetworkingSockets_AcceptConnection(server, request.connection),
                1
            );
        };
        let good = to_identity(&identity);
        accept_next();
        hear_until(this, |heard| heard.connection == good && heard.new == 3);
        let by_key =
            Bowline_ConnectToKey(this, &raw const addr, &raw const key, 1, &raw const hear);
        accept_next();
        hear_until(this, |heard| heard.connection == by_key && heard.new == 3);
        let wrong = to_identity(&raw_identity("str:another"));
        accept_next();
        let refused = hear_until(this, |heard| heard.connection == wrong && heard.new == 5);
        assert_eq!(refused.end_reason, 4003);

        assert_eq!(to_identity(&RawIdentity::INVALID), 0);
        assert_eq!(
            Bowline_ConnectToIdentity(this, &raw const addr, null(), 0, null()),
            0
        );
        assert_eq!(
            Bowline_ConnectToKey(this, &raw const addr, null(), 0, null()),
            0
        );
        GameNetworkingSockets_SetAppID(0);
    }
}

#[test]
fn trust_is_given_as_bytes_text_or_key() {
    let _session = Session::start();
    let operator = Operator::new();
    let text = operator.root().to_text() + "\0";
    let body = text
        .lines()
        .filter(|line| !line.starts_with('-'))
        .collect::<String>();
    let mut error = [0; 1024];
    unsafe {
        for text in [&text, &body] {
            assert!(Bowline_AddTrustedCert(
                text.as_ptr().cast(),
                text.len() as u32 - 1,
                null_mut()
            ));
            assert!(GameNetworkingSockets_AddTrustedCert(
                text.as_ptr().cast(),
                null_mut()
            ));
            let add = SteamAPI_ISteamNetworkingSockets_AddTrustedRootCA;
            assert!(add(sockets(), text.as_ptr().cast(), null_mut()));
        }
        assert!(Bowline_AddTrustedRoot(
            Operator::new().0.public().as_bytes(),
            null_mut()
        ));
        assert!(Bowline_RevokeKey(5, null_mut()));
        Bowline_ClearTrust();

        for (bytes, size) in [(null(), 0), (null(), 9), (c"what".as_ptr(), 4)] {
            error = [0; 1024];
            assert!(!Bowline_AddTrustedCert(bytes.cast(), size, &raw mut error));
            assert_ne!(error[0], 0);
        }
        assert!(!GameNetworkingSockets_AddTrustedCert(
            null(),
            &raw mut error
        ));
        assert!(!GameNetworkingSockets_AddTrustedCert(
            c"".as_ptr(),
            &raw mut error
        ));
        assert!(!Bowline_AddTrustedRoot(null(), null_mut()));
        // No authority: it is about somebody.
        let mut request = CertificateRequest::new(Operator::new().0.public());
        request.identity = Some("str:somebody".parse().unwrap());
        let peer = operator.sign(&request, 3600).to_bytes();
        assert!(!Bowline_AddTrustedCert(
            peer.as_ptr().cast(),
            peer.len() as u32,
            &raw mut error
        ));
    }
}

#[test]
fn certificate_and_key_come_as_texts_and_the_key_is_wiped() {
    let _session = Session::start();
    let this = sockets();
    let operator = Operator::new();
    let own = cert::generate_key_pair().unwrap();
    let mut request = CertificateRequest::new(own.public());
    request.identity = Some("str:somebody".parse().unwrap());
    let signed = operator.sign(&request, 3600).to_text();
    let set = SteamAPI_ISteamNetworkingSockets_SetCertificateAndPrivateKey;
    let mut error = [0; 1024];
    unsafe {
        let size = signed.len() as i32;
        let mut other = cert::generate_key_pair()
            .unwrap()
            .to_pem()
            .as_bytes()
            .to_vec();
        assert!(!set(
            this,
            signed.as_ptr(),
            size,
            other.as_mut_ptr(),
            other.len() as i32,
            &raw mut error
        ));
        assert_ne!(error[0], 0);
        assert!(other.iter().all(|byte| *byte == 0));
        assert!(!set(this, signed.as_ptr(), size, null_mut(), 5, null_mut()));
        assert!(!set(this, null(), 5, null_mut(), 0, null_mut()));

        let mut key = own.to_pem().as_bytes().to_vec();
        let set = set(
            this,
            signed.as_ptr(),
            size,
            key.as_mut_ptr(),
            key.len() as i32,
            &raw mut error,
        );
        assert!(set, "{}", String::from_utf8_lossy(&error));
        assert!(key.iter().all(|byte| *byte == 0));
        let mut identity = RawIdentity::INVALID;
        assert!(SteamAPI_ISteamNetworkingSockets_GetIdentity(
            this,
            &raw mut identity
        ));
        assert_eq!(identity, raw_identity("str:somebody"));
    }
}

#[test]
fn a_certificate_that_ends_is_told() {
    static TOLD: AtomicU32 = AtomicU32::new(0);
    unsafe extern "C-unwind" fn expiring(unix_secs: u64, _context: *mut c_void) {
        assert!(unix_secs > 1_600_000_000);
        TOLD.fetch_add(1, Ordering::Relaxed);
    }
    let _session = Session::start();
    let this = sockets();
    assert!(unsafe { Bowline_SetCertificateExpiringCallback(this, Some(expiring), null_mut()) });
    // It is to be renewed after two thirds of that.
    set_certificate(this, &Operator::new().sign(&request(this), 3));
    assert!(unsafe { Bowline_Wait(this, 10_000) });
    unsafe { run_callbacks(this) };
    assert_eq!(TOLD.load(Ordering::Relaxed), 1);
}
