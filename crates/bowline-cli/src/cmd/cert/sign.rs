//! Signing requests.

use std::path::PathBuf;

use bowline::cert::Authority;
use bowline::cert::CertSpec;
use bowline::cert::CertificateRequest;
use bowline::cert::SignedCertificate;
use bowline::cert::default_crypto;
use clap::Args;
use clap::value_parser;

use crate::cmd::cert::CertError;
use crate::cmd::cert::files;
use crate::cmd::cert::files::NewFile;
use crate::cmd::cert::limits;
use crate::cmd::cert::limits::HostArgs;

/// Who signs.
#[derive(Args, Debug)]
pub(crate) struct SignerArgs {
    /// The private key of the authority that signs.
    #[arg(long, value_name = "FILE")]
    ca_key: PathBuf,
    /// Its certificate: nothing outside of its limits is signed then.
    #[arg(long, value_name = "FILE")]
    ca_cert: Option<PathBuf>,
}

/// The arguments of `sign`.
#[derive(Args, Debug)]
pub(crate) struct Sign {
    /// The request, or a public key.
    request: PathBuf,
    #[command(flatten)]
    signer: SignerArgs,
    /// The certificate to be made.
    #[arg(short, long, value_name = "FILE")]
    out: PathBuf,
    /// Vouch for whatever the request asks for, where nothing else is given. A request proves nothing:
    /// look at it with `show` first.
    #[arg(long)]
    as_requested: bool,
    #[command(flatten)]
    host: HostArgs,
    /// How long it holds; 730 if not given, or as long as its authority.
    #[arg(long, value_parser = value_parser!(u32).range(1..=36_500))]
    days: Option<u32>,
    /// Write the binary form, as SetCertificate of the original takes it.
    #[arg(long)]
    binary: bool,
}

/// An authority that is about to sign.
pub(crate) struct Signer {
    authority: Authority,
    cert: Option<SignedCertificate>,
}

/// Signs a request.
pub(crate) fn run(args: &Sign) -> Result<String, CertError> {
    let signer = Signer::read(&args.signer)?;
    let asked = files::read_request(&args.request)?;
    let granted = grant(args, &asked)?;
    let (created, expiry) = signer.lifetime(args.days)?;
    let spec = granted.spec(created, expiry);
    check_use(&spec)?;
    let cert = signer.sign(&spec)?;
    let content = if args.binary {
        cert.to_bytes()
    } else {
        cert.to_text().into_bytes()
    };
    files::make(&[NewFile {
        path: args.out.clone(),
        content: &content,
        private: false,
    }])?;
    Ok(format!(
        "made {}; key {} for {}\n",
        args.out.display(),
        cert.id(),
        limits::spec(&spec)
    ))
}

impl Signer {
    /// Reads key and certificate of an authority.
    pub(crate) fn read(args: &SignerArgs) -> Result<Self, CertError> {
        let pair = files::read_key_pair(&args.ca_key)?;
        let cert = match &args.ca_cert {
            Some(path) => Some(files::read_certificate(path)?),
            None => None,
        };
        if let Some(cert) = cert.as_ref().filter(|cert| cert.id() != pair.id()) {
            return Err(CertError::Refused(format!(
                "the certificate of the authority is about key {}, its private key is {}",
                cert.id(),
                pair.id()
            )));
        }
        let authority = Authority::new(&default_crypto(), pair.private().clone());
        Ok(Self { authority, cert })
    }

    /// From when until when a certificate holds, in seconds since 1970.
    pub(crate) fn lifetime(&self, days: Option<u32>) -> Result<(u32, u32), CertError> {
        let scope = self.cert.as_ref().map(limits::cert_scope);
        let last = scope.and_then(|scope| scope.expiry_unix_secs());
        limits::lifetime(days, DEFAULT_DAYS, last)
    }

    /// Signs, if it is within the limits of the authority.
    pub(crate) fn sign(&self, spec: &CertSpec) -> Result<SignedCertificate, CertError> {
        let refused = |text: String| {
            CertError::Refused(format!(
                "authority with key {}: {text}",
                self.authority.key_id()
            ))
        };
        if let Some(cert) = &self.cert {
            let scope = limits::cert_scope(cert);
            if scope.is_expired(limits::now().secs()) {
                return Err(refused("its certificate has expired".to_owned()));
            }
            let permitted = scope.permit(spec);
            permitted.map_err(|limit| refused(format!("it is {limit}")))?;
        }
        let message = self.authority.issue(&default_crypto(), spec);
        SignedCertificate::from_message(message).map_err(|error| refused(error.to_string()))
    }
}

/// What the authority grants of what is asked for.
fn grant(args: &Sign, asked: &CertificateRequest) -> Result<CertificateRequest, CertError> {
    let mut granted = CertificateRequest::new(asked.key());
    if args.as_requested {
        granted = asked.clone();
    }
    if let Some(identity) = &args.host.identity {
        if let Some(other) = asked.identity.as_ref().filter(|other| *other != identity) {
            return Err(CertError::Refused(format!(
                "the request is for {other}, not for {identity}"
            )));
        }
        granted.identity = Some(identity.clone());
    }
    let host = &args.host;
    replace(&mut granted.app_ids, &host.scope.apps);
    replace(&mut granted.pops, &host.scope.pops);
    replace(&mut granted.addresses, &host.addresses);
    Ok(granted)
}

fn replace<T: Clone>(granted: &mut Vec<T>, given: &[T]) {
    if !given.is_empty() {
        *granted = given.to_vec();
    }
}

/// Peers refuse the certificate of a host in some cases; better to hear of it now (wire.md 3.7).
fn check_use(spec: &CertSpec) -> Result<(), CertError> {
    let refused = |text: &str| Err(CertError::Refused(text.to_owned()));
    match &spec.identity {
        Some(_) if spec.app_ids.is_empty() => {
            refused("peers refuse a certificate with an identity and no app: give --app")
        }
        None if spec.pops.is_empty() => refused(
            "peers refuse a certificate without an identity unless it is an anonymous game \
             server's in a data center: give --identity (or --as-requested), or --pop",
        ),
        Some(_) | None => Ok(()),
    }
}

/// How long a certificate holds if nobody says (GNS e707b3a: `steamnetworkingsockets_certtool.cpp`).
const DEFAULT_DAYS: u32 = 730;
