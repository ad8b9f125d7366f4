//! Who may connect to whom: every case is tried, and `docs/trust.md` shows what came out.

use std::eprintln;
use std::fmt::Write;
use std::path::Path;
use std::string::String;
use std::vec::Vec;

use super::*;
use crate::crypto::cipher_negotiation::EncryptionPolicy;

/// What the presenting side shows.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Shown {
    Nothing,
    SelfSigned,
    UnknownAuthority,
    WrongApp,
    Expired,
    Right,
}

const SHOWN: [(Shown, &str); 6] = [
    (Shown::Nothing, "none"),
    (Shown::SelfSigned, "self-signed"),
    (Shown::UnknownAuthority, "unknown authority"),
    (Shown::WrongApp, "wrong app"),
    (Shown::Expired, "expired"),
    (Shown::Right, "right"),
];

const POLICIES: [AuthPolicy; 3] = [
    AuthPolicy::Refuse,
    AuthPolicy::AllowAndLog,
    AuthPolicy::Allow,
];

const OTHER_APP: AppId = AppId::new(999);

/// How the connection came out.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Outcome {
    Proven,
    Claimed,
    /// The client ends it and tells the server.
    Told,
    /// The server says nothing, and the client gives up.
    Silence,
}

impl Outcome {
    const fn text(self) -> &'static str {
        match self {
            Self::Proven => "connected, proven",
            Self::Claimed => "connected, claimed",
            Self::Told => "refused, 4003",
            Self::Silence => "refused, silence",
        }
    }
}

/// The side whose certificate is on trial.
fn presenter(shown: Shown) -> Endpoint {
    // Who shows a certificate for another app is of that app, or could not have set it; who shows an
    // expired one has a clock that is slow.
    let (app, unix_secs) = match shown {
        Shown::WrongApp => (OTHER_APP, NOW_UNIX),
        Shown::Expired => (APP, NOW_UNIX - 1000),
        Shown::Nothing | Shown::SelfSigned | Shown::UnknownAuthority | Shown::Right => {
            (APP, NOW_UNIX)
        }
    };
    let mut config = EndpointConfig::new(provider());
    config.app_id = app;
    config.identity = "str:presenter".parse().unwrap();
    config.key = Some(SigningKey::from_seed([5; 32]));
    let mut endpoint = Endpoint::new(config, [3; 32], START, unix_secs);
    trust_authority(&mut endpoint);
    let mut spec = spec(*endpoint.public_key().unwrap().as_bytes(), "str:presenter");
    let signer = match shown {
        Shown::Nothing => return endpoint,
        Shown::SelfSigned => 5,
        Shown::UnknownAuthority => 9,
        Shown::WrongApp => {
            spec.app_ids = Vec::from([OTHER_APP]);
            1
        }
        Shown::Expired => {
            spec.created_unix_secs -= 1000;
            spec.expiry_unix_secs = u32::try_from(NOW_UNIX - 10).unwrap();
            1
        }
        Shown::Right => 1,
    };
    let signed = sign(&authority(signer), &spec);
    endpoint.set_certificate(START, &signed).unwrap();
    endpoint
}

/// The side that looks: it trusts authority 1, and shows a certificate that is good for both apps.
fn verifier() -> Endpoint {
    let mut endpoint = endpoint(4, Some("str:verifier"));
    trust_authority(&mut endpoint);
    let mut spec = spec(key_of(&mut endpoint), "str:verifier");
    spec.app_ids = Vec::from([APP, OTHER_APP]);
    let signed = sign(&authority(1), &spec);
    endpoint.set_certificate(START, &signed).unwrap();
    endpoint
}

fn try_case(shown: Shown, auth: AuthPolicy, client_presents: bool, encrypted: bool) -> Outcome {
    let with_cipher = |auth| {
        let mut config = policy(auth);
        config.set_encryption(if encrypted {
            EncryptionPolicy::Required
        } else {
            EncryptionPolicy::Off
        });
        config
    };
    let (strict, open) = (with_cipher(auth), with_cipher(AuthPolicy::Allow));
    let (mut pair, client_config) = if client_presents {
        (pair(presenter(shown), verifier(), strict), open)
    } else {
        (pair(verifier(), presenter(shown), open), strict)
    };
    let id = dial(&mut pair, client_config, None);
    pair.run(Span::from_secs(11));
    let client = pair.client.connections[&id].info();
    let server = pair.server.connections.values().next().map(|c| c.info());
    let looking = if client_presents {
        server.as_ref()
    } else {
        Some(&client)
    };
    match (client.state, client.end_reason) {
        (ConnectionState::Connected, _) => {
            let looking = looking.unwrap();
            assert_eq!(looking.encrypted, encrypted);
            assert_eq!(looking.identity, Some("str:presenter".parse().unwrap()));
            if looking.authenticated {
                Outcome::Proven
            } else {
                Outcome::Claimed
            }
        }
        (_, EndReason::REMOTE_BAD_CERT) => {
            assert_eq!(server.unwrap().end_reason, EndReason::REMOTE_BAD_CERT);
            Outcome::Told
        }
        (_, EndReason::MISC_TIMEOUT) => {
            assert!(server.is_none(), "the application was told of it");
            let drops = pair.server.endpoint.drops();
            assert!(drops.of(DropReason::BadCertificate) > 0);
            Outcome::Silence
        }
        other => panic!("{shown:?} {auth:?}: {other:?}"),
    }
}

/// The rule in one expression, to hold the outcomes against.
fn expected(shown: Shown, auth: AuthPolicy, client_presents: bool) -> Outcome {
    let refused = if client_presents {
        Outcome::Silence
    } else {
        Outcome::Told
    };
    match (shown, auth) {
        (Shown::Right, _) => Outcome::Proven,
        (Shown::WrongApp, _) | (_, AuthPolicy::Refuse) => refused,
        (
            Shown::Nothing | Shown::SelfSigned | Shown::UnknownAuthority | Shown::Expired,
            AuthPolicy::AllowAndLog | AuthPolicy::Allow,
        ) => Outcome::Claimed,
    }
}

fn page() -> String {
    let mut page = String::from(HEAD);
    for (client_presents, role) in [(true, "client"), (false, "server")] {
        for (shown, name) in SHOWN {
            for (encrypted, cipher) in [(true, "yes"), (false, "no")] {
                write!(page, "| {role} | {name} | {cipher} |").unwrap();
                for auth in POLICIES {
                    let outcome = try_case(shown, auth, client_presents, encrypted);
                    assert_eq!(
                        outcome,
                        expected(shown, auth, client_presents),
                        "{role} {shown:?} {auth:?}"
                    );
                    write!(page, " {} |", outcome.text()).unwrap();
                }
                page.push('\n');
            }
        }
    }
    page.push_str(TAIL);
    page
}

#[test]
fn truth_table_is_the_page_of_the_documentation() {
    let page = page();
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/trust.md");
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(&path, &page).unwrap();
        eprintln!("wrote {}", path.display());
    }
    assert_eq!(
        std::fs::read_to_string(&path).unwrap_or_default(),
        page,
        "docs/trust.md is stale: UPDATE_DOCS=1 cargo test -p bowline-core truth_table"
    );
}

const HEAD: &str = include_str!("head.md");
const TAIL: &str = include_str!("tail.md");
