//! Showing what is in a file.

use std::fmt::Write;
use std::path::Path;
use std::path::PathBuf;

use bowline::cert::CertificateRequest;
use bowline::cert::KeyPair;
use bowline::cert::PublicKey;
use bowline::cert::SignedCertificate;
use bowline::cert::UnixTime;
use bowline::cert::default_crypto;
use bowline::cert::text;
use clap::Args;

use crate::cmd::cert::CertError;
use crate::cmd::cert::files;
use crate::view::terminal::printable;

/// The arguments of `show`.
#[derive(Args, Debug)]
pub(crate) struct Show {
    /// Files with keys, certificates or requests, as text or binary.
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
}

/// Shows what is in the files.
pub(crate) fn run(args: &Show) -> Result<String, CertError> {
    let mut shown = String::new();
    for path in &args.files {
        shown.push_str(&show(path)?);
    }
    Ok(shown)
}

fn show(path: &Path) -> Result<String, CertError> {
    let bytes = files::read(path)?;
    let Some(content) = files::as_text(&bytes) else {
        return show_binary(path, &bytes);
    };
    let blocks = text::blocks(content).map_err(files::content(path))?;
    let mut shown = String::new();
    for block in blocks {
        let item = if block.is(text::PRIVATE_KEY_LABEL) {
            // From the whole file, since a block is no text of its own.
            let pair = KeyPair::from_pem(&default_crypto(), content);
            key(
                "private key (not shown)",
                &pair.map_err(files::content(path))?.public(),
            )
        } else {
            let bytes = block.decode().map_err(files::content(path))?;
            if block.is(text::CERT_LABEL) {
                let signed = SignedCertificate::from_bytes(&bytes);
                certificate(&signed.map_err(files::content(path))?)
            } else if block.is(text::REQUEST_LABEL) {
                let asked = CertificateRequest::from_bytes(&bytes);
                request(&asked.map_err(files::content(path))?)
            } else {
                format!("something else: {:?}\n", block.label())
            }
        };
        shown.push_str(&item);
    }
    if !shown.is_empty() {
        return Ok(shown);
    }
    if let Ok(bytes) = text::decode_base64(content)
        && !bytes.is_empty()
    {
        return show_binary(path, &bytes);
    }
    let public: Result<PublicKey, _> = content.parse();
    Ok(key("public key", &public.map_err(files::content(path))?))
}

/// The two binary forms share no field, so that none is taken for the other.
fn show_binary(path: &Path, bytes: &[u8]) -> Result<String, CertError> {
    if let Ok(asked) = CertificateRequest::from_bytes(bytes) {
        return Ok(request(&asked));
    }
    let signed = SignedCertificate::from_bytes(bytes);
    Ok(certificate(&signed.map_err(files::content(path))?))
}

fn key(what: &str, key: &PublicKey) -> String {
    format!(
        "{what}\n{}",
        fields(&[
            ("key", key.id().to_string()),
            ("public key", key.to_string())
        ])
    )
}

fn certificate(signed: &SignedCertificate) -> String {
    let cert = signed.certificate();
    let crypto = default_crypto();
    let signer = match signed.signer() {
        None => "nobody".to_owned(),
        Some(signer) if signed.is_self_signed(&crypto) => format!("{signer}, which is its own key"),
        Some(signer) => signer.to_string(),
    };
    let time = |secs: Option<u32>| match secs {
        Some(secs) => UnixTime::new(secs.into()).to_string(),
        None => "not said".to_owned(),
    };
    // Not by `PublicKey`, which takes only keys that are of use.
    let public = match PublicKey::new(*cert.key()) {
        Ok(key) => key.to_string(),
        Err(error) => error.to_string(),
    };
    let shown = fields(&[
        ("key", signed.id().to_string()),
        ("public key", public),
        (
            "identity",
            or(
                cert.identity().map(ToString::to_string),
                "nobody in particular",
            ),
        ),
        ("apps", list(cert.app_ids())),
        ("data centers", list(cert.pops())),
        ("addresses", list(cert.addresses())),
        ("made", time(cert.created_unix_secs())),
        ("expires", time(cert.expiry_unix_secs())),
        ("signed by", signer),
    ]);
    let private = if signed.private().is_some() {
        "  with its private key (not shown)\n"
    } else {
        ""
    };
    format!("certificate\n{shown}{private}")
}

fn request(asked: &CertificateRequest) -> String {
    let shown = fields(&[
        ("key", asked.key().id().to_string()),
        ("public key", asked.key().to_string()),
        (
            "identity",
            or(
                asked.identity.as_ref().map(ToString::to_string),
                "nobody in particular",
            ),
        ),
        ("apps", list(&asked.app_ids)),
        ("data centers", list(&asked.pops)),
        ("addresses", list(&asked.addresses)),
    ]);
    format!("certificate request, which proves nothing\n{shown}")
}

fn fields(fields: &[(&str, String)]) -> String {
    let mut text = String::new();
    for (name, value) in fields {
        // Identities and addresses come from others: no line of them may pass for ours.
        let value = printable(value);
        let _ = writeln!(text, "  {name:<13}{value}");
    }
    text
}

fn list<T: ToString>(items: &[T]) -> String {
    let items: Vec<String> = items.iter().map(ToString::to_string).collect();
    or(
        Some(items.join(", ")).filter(|text| !text.is_empty()),
        "any",
    )
}

fn or(text: Option<String>, otherwise: &str) -> String {
    text.unwrap_or_else(|| otherwise.to_owned())
}
