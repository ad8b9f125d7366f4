//! Ed25519 key pairs and their text forms, which are those of OpenSSH as GNS writes them.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;
use core::str::FromStr;

use ed25519_dalek::VerifyingKey;
use zeroize::Zeroizing;

use crate::cert::authority::KeyId;
use crate::cert::text::{PRIVATE_KEY_LABEL, TextError, armor, block, decode_base64, encode_base64};
use crate::crypto::Crypto;
use crate::crypto::keys::SigningKey;
use crate::rng::Rng;

/// A private key with its public key. Wipes itself when dropped and never shows in a log.
#[derive(Clone)]
pub struct KeyPair {
    private: SigningKey,
    public: PublicKey,
}

/// An Ed25519 public key that can verify something: a point of the curve, and not of low order.
#[derive(Clone, Copy, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct PublicKey([u8; 32]);

/// Why something is not a key.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum KeyError {
    /// It is not even text of the right form.
    #[error(transparent)]
    Text(#[from] TextError),
    /// A private key that needs a passphrase.
    #[error("the private key is encrypted: take its passphrase off (ssh-keygen -p) first")]
    Encrypted,
    /// A key of another kind than Ed25519.
    #[error("a key of type {0:?} where ssh-ed25519 is needed")]
    KeyType(String),
    /// Not the structure of a key file with one key.
    #[error("the key is malformed")]
    Malformed,
    /// The public key in the file belongs to another private key.
    #[error("the public and the private key in the file do not belong together")]
    Mismatch,
    /// A public key that is no point of the curve, or for which anybody can make signatures.
    #[error("the public key is no point of the curve or one of low order")]
    BadPoint,
    /// No line of the form `ssh-ed25519 AAAA...`.
    #[error("there is no line `ssh-ed25519 AAAA...`")]
    NoPublicKey,
}

impl KeyPair {
    /// A fresh key pair; `rng` must have been seeded with fresh entropy.
    pub fn generate(crypto: &Crypto, rng: &mut Rng) -> Self {
        Self::new(crypto, SigningKey::generate(rng))
    }

    /// The pair of a private key.
    pub fn new(crypto: &Crypto, private: SigningKey) -> Self {
        let public = PublicKey(private.public(crypto));
        Self { private, public }
    }

    /// Reads a private key file of GNS or of OpenSSH, with other text around it or without.
    ///
    /// # Errors
    /// If there is none in it, if it is encrypted, or if it is not one Ed25519 key.
    pub fn from_pem(crypto: &Crypto, text: &str) -> Result<Self, KeyError> {
        let bytes = block(text, PRIVATE_KEY_LABEL)?.decode()?;
        let file = parse_private(&bytes)?;
        let pair = Self::new(crypto, SigningKey::from_seed(*file.seed));
        if pair.public.0 != file.public {
            return Err(KeyError::Mismatch);
        }
        Ok(pair)
    }

    /// The private key as a file that GNS reads, byte for byte as GNS writes it. OpenSSH's own tools
    /// want a comment and padding at its end, which GNS leaves out.
    pub fn to_pem(&self) -> Zeroizing<String> {
        let public = public_blob(&self.public.0);
        let mut private = Zeroizing::new(Vec::with_capacity(256));
        private.extend_from_slice(&[CHECK, CHECK].concat());
        private.extend_from_slice(&public);
        private.extend_from_slice(&SECRET_LEN);
        private.extend_from_slice(self.private.seed());
        private.extend_from_slice(&self.public.0);
        let mut file = Zeroizing::new(Vec::with_capacity(512));
        file.extend_from_slice(MAGIC);
        put_string(&mut file, NONE);
        put_string(&mut file, NONE);
        put_string(&mut file, &[]);
        file.extend_from_slice(&ONE_KEY);
        put_string(&mut file, &public);
        put_string(&mut file, &private);
        armor(PRIVATE_KEY_LABEL, &file, "\r\n")
    }

    /// The private key.
    pub const fn private(&self) -> &SigningKey {
        &self.private
    }

    /// The public key.
    pub const fn public(&self) -> PublicKey {
        self.public
    }

    /// The ID of the public key.
    pub fn id(&self) -> KeyId {
        self.public.id()
    }
}

impl PublicKey {
    /// Checks the bytes of a public key.
    ///
    /// # Errors
    /// [`KeyError::BadPoint`] if nothing can be verified with it.
    pub fn new(bytes: [u8; 32]) -> Result<Self, KeyError> {
        match VerifyingKey::from_bytes(&bytes) {
            Ok(key) if !key.is_weak() => Ok(Self(bytes)),
            Ok(_) | Err(_) => Err(KeyError::BadPoint),
        }
    }

    /// The line `ssh-ed25519 AAAA... comment`, without a line end and, if `comment` is empty, without
    /// the comment.
    pub fn to_line(&self, comment: &str) -> String {
        let base64 = encode_base64(&public_blob(&self.0));
        let line = format!("{KEY_TYPE} {} {comment}", &*base64);
        line.trim_end().into()
    }

    /// Its 32 bytes.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// The ID that certificates name it by.
    pub fn id(&self) -> KeyId {
        KeyId::of(&self.0)
    }
}

impl FromStr for PublicKey {
    type Err = KeyError;

    /// Reads the first line `ssh-ed25519 AAAA...` of a text. Lines that begin with `#` do not count.
    fn from_str(text: &str) -> Result<Self, KeyError> {
        let lines = text
            .lines()
            .filter(|line| !line.trim_start().starts_with('#'));
        for line in lines {
            if let Some(base64) = key_in_line(line)? {
                return parse_public(&decode_base64(base64)?);
            }
        }
        Err(KeyError::NoPublicKey)
    }
}

impl fmt::Display for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.to_line(""))
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PublicKey({self})")
    }
}

impl fmt::Debug for KeyPair {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeyPair")
            .field("public", &self.public)
            .finish_non_exhaustive()
    }
}

/// What a private key file says.
struct PrivateFile {
    seed: Zeroizing<[u8; 32]>,
    public: [u8; 32],
}

/// The base64 text of a public key, if the line holds one.
fn key_in_line(line: &str) -> Result<Option<&str>, KeyError> {
    let mut words = line
        .split_whitespace()
        .skip_while(|word| !word.starts_with("ssh-"));
    match (words.next(), words.next()) {
        (Some(KEY_TYPE), Some(base64)) => Ok(Some(base64)),
        (Some(KEY_TYPE), None) => Err(KeyError::Malformed),
        (Some(other), Some(base64)) if base64.starts_with("AAAA") => {
            Err(KeyError::KeyType(other.into()))
        }
        (Some(_) | None, _) => Ok(None),
    }
}

fn parse_public(blob: &[u8]) -> Result<PublicKey, KeyError> {
    let mut rest = blob;
    PublicKey::new(take_public(&mut rest)?)
}

fn parse_private(bytes: &[u8]) -> Result<PrivateFile, KeyError> {
    let mut rest = bytes.strip_prefix(MAGIC).ok_or(KeyError::Malformed)?;
    let ciphers = [take_string(&mut rest)?, take_string(&mut rest)?];
    if ciphers != [NONE, NONE] {
        return Err(KeyError::Encrypted);
    }
    if !take_string(&mut rest)?.is_empty() || take::<4>(&mut rest)? != ONE_KEY {
        return Err(KeyError::Malformed);
    }
    let public = take_public(&mut take_string(&mut rest)?)?;
    let mut private = take_string(&mut rest)?;
    if take::<4>(&mut private)? != take::<4>(&mut private)? {
        return Err(KeyError::Malformed);
    }
    let again = take_public(&mut private)?;
    let mut secret = take_string(&mut private)?;
    let seed = Zeroizing::new(take::<32>(&mut secret)?);
    if again != public || secret != public {
        return Err(KeyError::Mismatch);
    }
    Ok(PrivateFile { seed, public })
}

fn take_public(rest: &mut &[u8]) -> Result<[u8; 32], KeyError> {
    let key_type = take_string(rest)?;
    if key_type != KEY_TYPE.as_bytes() {
        let key_type = String::from_utf8_lossy(key_type);
        return Err(KeyError::KeyType(key_type.chars().take(32).collect()));
    }
    let key = take_string(rest)?;
    key.try_into().map_err(|_| KeyError::Malformed)
}

/// A string of OpenSSH: a big-endian length, then as many bytes.
fn take_string<'a>(rest: &mut &'a [u8]) -> Result<&'a [u8], KeyError> {
    let len = u32::from_be_bytes(take::<4>(rest)?);
    let len = usize::try_from(len).map_err(|_| KeyError::Malformed)?;
    let (string, tail) = rest.split_at_checked(len).ok_or(KeyError::Malformed)?;
    *rest = tail;
    Ok(string)
}

fn take<const N: usize>(rest: &mut &[u8]) -> Result<[u8; N], KeyError> {
    let (head, tail) = rest.split_first_chunk::<N>().ok_or(KeyError::Malformed)?;
    *rest = tail;
    Ok(*head)
}

fn public_blob(key: &[u8; 32]) -> Vec<u8> {
    let mut blob = Vec::new();
    put_string(&mut blob, KEY_TYPE.as_bytes());
    put_string(&mut blob, key);
    blob
}

fn put_string(to: &mut Vec<u8>, string: &[u8]) {
    let len = u32::try_from(string.len()).expect("parts of a key file are short");
    to.extend_from_slice(&len.to_be_bytes());
    to.extend_from_slice(string);
}

const KEY_TYPE: &str = "ssh-ed25519";
/// How a private key file of OpenSSH begins.
const MAGIC: &[u8] = b"openssh-key-v1\0";
/// The name of the cipher and of the key derivation of a file that is not encrypted.
const NONE: &[u8] = b"none";
const ONE_KEY: [u8; 4] = 1_u32.to_be_bytes();
/// The length of a secret: the seed, then the public key once more.
const SECRET_LEN: [u8; 4] = 64_u32.to_be_bytes();
/// Twice in the file; random in OpenSSH, where it shows that the passphrase was right.
/// GNS e707b3a: `keypair.cpp`.
const CHECK: [u8; 4] = 0x1234_5678_u32.to_be_bytes();

#[cfg(test)]
mod tests;
