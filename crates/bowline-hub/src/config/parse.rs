//! Values of the file, with words for what is expected.

use std::fmt::Display;
use std::net::SocketAddr;
use std::path::PathBuf;

use bowline::cert::PublicKey;
use bowline_core::identity::Identity;
use bowline_core::ids::AppId;
use bowline_core::limits::MAX_SIGNAL;
use bowline_core::pop::PopId;
use serde::Deserialize;
use serde::Deserializer;
use serde::de::Error as _;

use crate::limits::MAX_BUCKET_ENTRIES;
use crate::namespace::Namespace;

/// Certificates hold at least this long: clients renew them before they expire.
const MIN_LIFETIME_SECS: u32 = 60;
/// And at most a year.
const MAX_LIFETIME_SECS: u32 = 366 * 24 * 3600;
/// A signal has room for a connect request with a certificate.
const MIN_SIGNAL: usize = 4096;

/// A text that says something.
pub(super) fn text<'de, D: Deserializer<'de>>(from: D) -> Result<String, D::Error> {
    let text = String::deserialize(from)?;
    match text.trim().is_empty() {
        true => Err(D::Error::custom("expected some text")),
        false => Ok(text),
    }
}

pub(super) fn optional_text<'de, D>(from: D) -> Result<Option<String>, D::Error>
where
    D: Deserializer<'de>,
{
    text(from).map(Some)
}

/// The name of a file or folder.
pub(super) fn path<'de, D: Deserializer<'de>>(from: D) -> Result<PathBuf, D::Error> {
    text(from).map(PathBuf::from)
}

pub(super) fn addresses<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<SocketAddr>, D::Error> {
    let list = Vec::<String>::deserialize(from)?;
    if list.is_empty() {
        return Err(D::Error::custom("expected at least one address"));
    }
    list.iter().map(|text| to_address(text)).collect()
}

pub(super) fn address<'de, D: Deserializer<'de>>(from: D) -> Result<SocketAddr, D::Error> {
    to_address(&String::deserialize(from)?)
}

pub(super) fn apps<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<AppId>, D::Error> {
    let list = Vec::<u32>::deserialize(from)?;
    Ok(list.into_iter().map(AppId::new).collect())
}

pub(super) fn namespace<'de, D: Deserializer<'de>>(from: D) -> Result<Namespace, D::Error> {
    let list = Vec::<String>::deserialize(from)?;
    if list.is_empty() {
        return Err(D::Error::custom(
            "expected at least one prefix of identities, such as \"str:dev-\"",
        ));
    }
    Namespace::new(list).map_err(D::Error::custom)
}

pub(super) fn identity<'de, D: Deserializer<'de>>(from: D) -> Result<Identity, D::Error> {
    one(
        &String::deserialize(from)?,
        "an identity such as \"str:server-1\"",
    )
}

pub(super) fn identities<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<Identity>, D::Error> {
    let list = Vec::<String>::deserialize(from)?;
    let expected = "an identity such as \"steamid:76561197960287930\"";
    list.iter().map(|text| one(text, expected)).collect()
}

pub(super) fn public_key<'de, D: Deserializer<'de>>(from: D) -> Result<PublicKey, D::Error> {
    one(
        &String::deserialize(from)?,
        "a public key such as \"ssh-ed25519 AAAA...\"",
    )
}

pub(super) fn pops<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<PopId>, D::Error> {
    let list = Vec::<String>::deserialize(from)?;
    let expected = "a data center of three or four letters";
    list.iter().map(|text| one(text, expected)).collect()
}

pub(super) fn lifetime<'de, D: Deserializer<'de>>(from: D) -> Result<u32, D::Error> {
    within(from, MIN_LIFETIME_SECS, MAX_LIFETIME_SECS, "seconds")
}

pub(super) fn signal_bytes<'de, D: Deserializer<'de>>(from: D) -> Result<usize, D::Error> {
    within(from, MIN_SIGNAL, MAX_SIGNAL, "bytes")
}

pub(super) fn sessions<'de, D: Deserializer<'de>>(from: D) -> Result<usize, D::Error> {
    within(from, 1, MAX_BUCKET_ENTRIES, "sessions")
}

/// A number that lies between two others.
pub(super) fn within<'de, D, T>(from: D, least: T, most: T, unit: &str) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: Copy + Deserialize<'de> + Display + PartialOrd,
{
    let value = T::deserialize(from)?;
    if value < least || value > most {
        return Err(D::Error::custom(format!(
            "{value} is out of range, expected {least} to {most} {unit}"
        )));
    }
    Ok(value)
}

fn to_address<E: serde::de::Error>(text: &str) -> Result<SocketAddr, E> {
    one(
        text,
        "an address and a port such as \"0.0.0.0:27400\" or \"[::]:27400\"",
    )
}

fn one<T, E>(text: &str, expected: &str) -> Result<T, E>
where
    T: std::str::FromStr<Err: Display>,
    E: serde::de::Error,
{
    text.parse()
        .map_err(|error| E::custom(format!("{text:?}: {error}, expected {expected}")))
}
