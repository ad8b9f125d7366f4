//! Files with keys, certificates and requests.

use std::fs::File;
use std::fs::OpenOptions;
use std::io;
use std::io::Read;
use std::io::Write;
use std::path::Path;
use std::path::PathBuf;

use bowline::cert::CertificateRequest;
use bowline::cert::KeyPair;
use bowline::cert::MAX_CERT_TEXT;
use bowline::cert::PublicKey;
use bowline::cert::SignedCertificate;
use bowline::cert::default_crypto;
use zeroize::Zeroizing;

use crate::cmd::cert::CertError;

/// What goes into a file that is about to be made.
pub(crate) struct NewFile<'a> {
    pub(crate) path: PathBuf,
    pub(crate) content: &'a [u8],
    /// Whether nobody else may read it.
    pub(crate) private: bool,
}

/// Makes all of these files, or none if one of them exists.
pub(crate) fn make(files: &[NewFile<'_>]) -> Result<(), CertError> {
    for file in files {
        if file.path.symlink_metadata().is_ok() {
            let path = file.path.clone();
            return Err(CertError::Exists { path });
        }
    }
    for file in files {
        write_new(file).map_err(|source| CertError::Write {
            path: file.path.clone(),
            source,
        })?;
    }
    Ok(())
}

/// NAME with that ending.
pub(crate) fn with_ending(name: &Path, ending: &str) -> PathBuf {
    let mut path = name.as_os_str().to_owned();
    path.push(ending);
    path.into()
}

/// The bytes of a file, unless it is far too long.
pub(crate) fn read(path: &Path) -> Result<Zeroizing<Vec<u8>>, CertError> {
    read_bounded(path).map_err(|source| CertError::Read {
        path: path.to_owned(),
        source,
    })
}

/// The text of a file.
pub(crate) fn read_text(path: &Path) -> Result<Zeroizing<String>, CertError> {
    let bytes = read(path)?;
    match std::str::from_utf8(&bytes) {
        Ok(text) => Ok(Zeroizing::new(text.to_owned())),
        Err(error) => Err(content(path)(error)),
    }
}

/// The private key in a file.
pub(crate) fn read_key_pair(path: &Path) -> Result<KeyPair, CertError> {
    KeyPair::from_pem(&default_crypto(), &read_text(path)?).map_err(content(path))
}

/// The certificate in a file, as text or binary.
pub(crate) fn read_certificate(path: &Path) -> Result<SignedCertificate, CertError> {
    let bytes = read(path)?;
    let parsed = match as_text(&bytes) {
        Some(text) => SignedCertificate::from_text(text),
        None => SignedCertificate::from_bytes(&bytes),
    };
    parsed.map_err(content(path))
}

/// The request in a file, as text or binary. A public key is a request for nothing.
pub(crate) fn read_request(path: &Path) -> Result<CertificateRequest, CertError> {
    let bytes = read(path)?;
    let Some(text) = as_text(&bytes) else {
        return CertificateRequest::from_bytes(&bytes).map_err(content(path));
    };
    if let Ok(key) = text.parse::<PublicKey>() {
        return Ok(CertificateRequest::new(key));
    }
    CertificateRequest::from_text(text).map_err(content(path))
}

/// The bytes as text; `None` if they are a binary form.
pub(crate) fn as_text(bytes: &[u8]) -> Option<&str> {
    let text = std::str::from_utf8(bytes).ok()?;
    let printable = |c: char| !c.is_control() || c.is_ascii_whitespace();
    text.chars().all(printable).then_some(text)
}

/// Puts the name of a file before what is wrong with it.
pub(crate) fn content<E>(path: &Path) -> impl Fn(E) -> CertError
where
    E: std::error::Error + Send + Sync + 'static,
{
    let path = path.to_owned();
    move |error| CertError::Content {
        path: path.clone(),
        source: Box::new(error),
    }
}

fn read_bounded(path: &Path) -> io::Result<Zeroizing<Vec<u8>>> {
    let file = File::open(path)?;
    // Room for all at once, since a buffer that moves leaves copies of itself behind.
    let room = usize::try_from(file.metadata()?.len()).unwrap_or(MAX);
    let mut bytes = Zeroizing::new(Vec::with_capacity(room.min(MAX) + 1));
    file.take(MAX as u64 + 1).read_to_end(&mut bytes)?;
    if bytes.len() > MAX {
        return Err(io::Error::other(format!("it is longer than {MAX} bytes")));
    }
    Ok(bytes)
}

fn write_new(file: &NewFile<'_>) -> io::Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, if file.private { 0o600 } else { 0o644 });
    options.open(&file.path)?.write_all(file.content)
}

/// The longest file that is read.
const MAX: usize = MAX_CERT_TEXT;
