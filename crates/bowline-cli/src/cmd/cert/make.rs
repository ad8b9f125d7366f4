//! Making keys, authorities and requests.

use std::path::Path;
use std::path::PathBuf;

use bowline::cert::Authority;
use bowline::cert::CertSpec;
use bowline::cert::CertificateRequest;
use bowline::cert::KeyPair;
use bowline::cert::SignedCertificate;
use bowline::cert::default_crypto;
use bowline::cert::generate_key_pair;
use clap::Args;
use clap::value_parser;

use crate::cmd::cert::CertError;
use crate::cmd::cert::files;
use crate::cmd::cert::files::NewFile;
use crate::cmd::cert::limits;
use crate::cmd::cert::limits::HostArgs;
use crate::cmd::cert::limits::ScopeArgs;
use crate::cmd::cert::sign::Signer;
use crate::cmd::cert::sign::SignerArgs;

/// The arguments of `keygen`.
#[derive(Args, Debug)]
pub(crate) struct Keygen {
    /// What the files are called, without the ending.
    name: PathBuf,
}

/// The arguments of `ca`.
#[derive(Args, Debug)]
pub(crate) struct Ca {
    /// What the files are called, without the ending.
    name: PathBuf,
    #[command(flatten)]
    scope: ScopeArgs,
    /// How long it holds.
    #[arg(long, default_value_t = 3650, value_parser = value_parser!(u32).range(1..=36_500))]
    days: u32,
}

/// The arguments of `intermediate`.
#[derive(Args, Debug)]
pub(crate) struct Intermediate {
    /// What the files are called, without the ending.
    name: PathBuf,
    #[command(flatten)]
    signer: SignerArgs,
    /// Sign this public key instead of making one.
    #[arg(long, value_name = "FILE")]
    public_key: Option<PathBuf>,
    #[command(flatten)]
    scope: ScopeArgs,
    /// How long it holds; 730 if not given, or as long as its authority.
    #[arg(long, value_parser = value_parser!(u32).range(1..=36_500))]
    days: Option<u32>,
}

/// The arguments of `request`.
#[derive(Args, Debug)]
pub(crate) struct Request {
    /// What the files are called, without the ending.
    name: PathBuf,
    /// Use this private key instead of making one.
    #[arg(long, value_name = "FILE")]
    key: Option<PathBuf>,
    #[command(flatten)]
    host: HostArgs,
    /// Write the binary form, as GetCertificateRequest of the original makes it.
    #[arg(long)]
    binary: bool,
}

/// Makes a key pair.
pub(crate) fn keygen(args: &Keygen) -> Result<String, CertError> {
    let pair = generate()?;
    make_with_key(&args.name, &pair, None)?;
    Ok(made(&args.name, ".key and .pub", &pair))
}

/// Makes a root.
pub(crate) fn ca(args: &Ca) -> Result<String, CertError> {
    let pair = generate()?;
    let (created_unix_secs, expiry_unix_secs) = limits::lifetime(Some(args.days), 0, None)?;
    let crypto = default_crypto();
    let authority = Authority::new(&crypto, pair.private().clone());
    let message = authority.issue(
        &crypto,
        &CertSpec {
            key: *pair.public().as_bytes(),
            identity: None,
            app_ids: args.scope.apps.clone(),
            pops: args.scope.pops.clone(),
            addresses: Vec::new(),
            created_unix_secs,
            expiry_unix_secs,
        },
    );
    let path = files::with_ending(&args.name, ".cert");
    let cert = SignedCertificate::from_message(message).map_err(files::content(&path))?;
    let text = cert.to_text();
    make_with_key(&args.name, &pair, Some((path, text.as_bytes())))?;
    Ok(made(&args.name, ".key, .pub and .cert", &pair))
}

/// Makes an authority below another.
pub(crate) fn intermediate(args: &Intermediate) -> Result<String, CertError> {
    let signer = Signer::read(&args.signer)?;
    let (pair, public) = match &args.public_key {
        Some(path) => {
            let key = files::read_text(path)?.parse();
            (None, key.map_err(files::content(path))?)
        }
        None => {
            let pair = generate()?;
            let public = pair.public();
            (Some(pair), public)
        }
    };
    let (created_unix_secs, expiry_unix_secs) = signer.lifetime(args.days)?;
    let cert = signer.sign(&CertSpec {
        key: *public.as_bytes(),
        identity: None,
        app_ids: args.scope.apps.clone(),
        pops: args.scope.pops.clone(),
        addresses: Vec::new(),
        created_unix_secs,
        expiry_unix_secs,
    })?;
    let path = files::with_ending(&args.name, ".cert");
    let text = cert.to_text();
    match &pair {
        Some(pair) => {
            make_with_key(&args.name, pair, Some((path, text.as_bytes())))?;
            Ok(made(&args.name, ".key, .pub and .cert", pair))
        }
        None => {
            files::make(&[public_file(path, text.as_bytes())])?;
            let name = args.name.display();
            Ok(format!("made {name}.cert; key {}\n", public.id()))
        }
    }
}

/// Asks for a certificate.
pub(crate) fn request(args: &Request) -> Result<String, CertError> {
    let pair = match &args.key {
        Some(path) => files::read_key_pair(path)?,
        None => generate()?,
    };
    let mut request = CertificateRequest::new(pair.public());
    request.identity.clone_from(&args.host.identity);
    request.app_ids.clone_from(&args.host.scope.apps);
    request.pops.clone_from(&args.host.scope.pops);
    request.addresses.clone_from(&args.host.addresses);
    let content = if args.binary {
        request.to_bytes()
    } else {
        request.to_text().into_bytes()
    };
    let path = files::with_ending(&args.name, ".req");
    if args.key.is_some() {
        files::make(&[public_file(path, &content)])?;
        return Ok(made(&args.name, ".req", &pair));
    }
    make_with_key(&args.name, &pair, Some((path, &content)))?;
    Ok(made(&args.name, ".key, .pub and .req", &pair))
}

fn generate() -> Result<KeyPair, CertError> {
    generate_key_pair().map_err(CertError::Entropy)
}

fn make_with_key(
    name: &Path,
    pair: &KeyPair,
    other: Option<(PathBuf, &[u8])>,
) -> Result<(), CertError> {
    let pem = pair.to_pem();
    let line = pair.public().to_line(&format!("ID{}", pair.id())) + "\n";
    let mut new = vec![
        NewFile {
            path: files::with_ending(name, ".key"),
            content: pem.as_bytes(),
            private: true,
        },
        public_file(files::with_ending(name, ".pub"), line.as_bytes()),
    ];
    new.extend(other.map(|(path, content)| public_file(path, content)));
    files::make(&new)
}

const fn public_file(path: PathBuf, content: &[u8]) -> NewFile<'_> {
    NewFile {
        path,
        content,
        private: false,
    }
}

fn made(name: &Path, endings: &str, pair: &KeyPair) -> String {
    format!("made {}{endings}; key {}\n", name.display(), pair.id())
}
