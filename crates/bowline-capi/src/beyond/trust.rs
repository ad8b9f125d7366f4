//! Whom we trust, and who we are by certificate.
//!
//! Whom we trust is one list for all interfaces of the process. It is there before the library is started
//! too, and forgotten when it is ended.

use std::convert::Infallible;
use std::ffi::c_int;
use std::str;

use bowline::cert;
use bowline::cert::CertStore;
use bowline::cert::KeyId;
use bowline::cert::KeyPair;
use bowline::cert::PublicKey;
use bowline::cert::SignedCertificate;

use crate::abi::pointer;
use crate::abi::structs::ErrorText;
use crate::abi::vtable::Object;
use crate::library::called;
use crate::library::change_trust;
use crate::sockets::credentials::refuse;

pub(super) fn clear() {
    // It cannot fail.
    let _ = change_trust(|store| {
        *store = CertStore::new();
        Ok::<_, Infallible>(())
    });
}

/// Adds the certificate of an authority: its bytes, its text, or only the base64 of that.
pub(super) fn add_certificate(certificate: Option<&[u8]>, error: *mut ErrorText) -> bool {
    let Some(certificate) = certificate else {
        return refuse(error, "no certificate");
    };
    tell(
        error,
        change_trust(|store| {
            let signed = parse(certificate)?;
            let crypto = cert::default_crypto();
            let added = if signed.is_self_signed(&crypto) {
                store.add_root_certificate(&crypto, &signed).map_err(text)
            } else {
                store
                    .add_authority(&crypto, &signed.to_message())
                    .map_err(text)
            };
            added.map(drop)
        }),
    )
}

pub(super) fn add_root(bytes: Option<[u8; 32]>, error: *mut ErrorText) -> bool {
    let Some(key) = bytes.and_then(key) else {
        return refuse(error, "no Ed25519 key");
    };
    let add = |store: &mut CertStore| store.add_root(&cert::default_crypto(), key).map_err(text);
    tell(error, change_trust(|store| add(store).map(drop)))
}

pub(super) fn revoke(key_id: u64, error: *mut ErrorText) -> bool {
    let id = KeyId::new(key_id);
    tell(
        error,
        change_trust(|store| store.revoke(&cert::default_crypto(), id).map_err(text)),
    )
}

/// # Safety
/// The pointer leads to room for a key, or is null.
pub(super) unsafe fn public_key(this: *const Object, out: *mut [u8; 32]) -> bool {
    let key = called(this, None, |_, interface| interface.sockets().public_key());
    match key {
        Some(key) if !out.is_null() => {
            // SAFETY: the caller's promise.
            unsafe { pointer::write(out, *key.as_bytes()) };
            true
        }
        Some(_) | None => false,
    }
}

/// A key of these bytes; `None` if it is none.
pub(super) fn key(bytes: [u8; 32]) -> Option<PublicKey> {
    PublicKey::new(bytes).ok()
}

/// # Safety
/// The pointers lead to so many bytes and to an error text, or are null.
pub(super) unsafe fn set_certificate_and_key(
    this: *const Object,
    certificate: Option<&[u8]>,
    key: *mut u8,
    key_size: c_int,
    error: *mut ErrorText,
) -> bool {
    // SAFETY: the caller's promise.
    let Some(key_text) = (unsafe { pointer::list(key.cast_const(), key_size) }) else {
        return refuse(error, "no private key");
    };
    let signed = with_key(certificate.unwrap_or(&[]), key_text);
    for index in 0..key_text.len() {
        // SAFETY: within the caller's bytes, which nothing refers to any more. Volatile, so that it is not
        // left out for want of a reader.
        unsafe { key.add(index).write_volatile(0) };
    }
    let set = called(
        this,
        Err("the library does not run".to_owned()),
        |_, interface| {
            interface
                .sockets()
                .set_certificate(&signed?)
                .map_err(text)?;
            interface.set_nobody(false);
            Ok(())
        },
    );
    tell(error, set)
}

/// A certificate with its private key.
fn with_key(certificate: &[u8], key: &[u8]) -> Result<SignedCertificate, String> {
    let key = str::from_utf8(key).map_err(text)?;
    let pair = KeyPair::from_pem(&cert::default_crypto(), key).map_err(text)?;
    let mut message = parse(certificate)?.to_message();
    message.private_key_data = Some(pair.private().seed().to_vec());
    SignedCertificate::from_message(message).map_err(text)
}

/// A certificate as text, as base64, or as bytes.
fn parse(certificate: &[u8]) -> Result<SignedCertificate, String> {
    let by_text = match str::from_utf8(certificate) {
        Ok(certificate) => match SignedCertificate::from_text(certificate) {
            Ok(signed) => return Ok(signed),
            Err(error) => Some(text(error)),
        },
        Err(_) => None,
    };
    let by_bytes = SignedCertificate::from_bytes(certificate);
    by_bytes.map_err(|error| by_text.unwrap_or_else(|| text(error)))
}

fn tell(error: *mut ErrorText, result: Result<(), String>) -> bool {
    match result {
        Ok(()) => true,
        Err(why) => refuse(error, &why),
    }
}

fn text(error: impl std::fmt::Display) -> String {
    error.to_string()
}
