//! Identities as text.
//!
//! Unlike [`Identity`], which is what can be, these are structs of the caller's that hold anything, and
//! texts that need not be UTF-8.

use std::ffi::c_char;
use std::fmt::Write as _;

use bowline::Identity;
use bowline::IdentityKind;
use bowline::PeerAddr;

use crate::abi::identity::RawIdentity;
use crate::abi::pointer;
use crate::types::identity;
use crate::utils::scan;

/// The text for a buffer of `room` bytes. Bytes are printed as far as both digits fit, all else may be
/// cut.
pub(super) fn render(raw: &RawIdentity, room: usize) -> Vec<u8> {
    let with_text = |prefix: &str, max| [prefix.as_bytes(), raw.text(max)].concat();
    let kind = raw.kind;
    if kind == IdentityKind::Invalid.number() {
        b"invalid".to_vec()
    } else if kind == IdentityKind::SteamId.number() {
        format!("steamid:{}", raw.number()).into_bytes()
    } else if kind == IdentityKind::XboxPairwiseId.number() {
        with_text("xboxpwid:", identity::MAX_XBOX)
    } else if kind == IdentityKind::SonyPsn.number() {
        format!("psn:{}", raw.number()).into_bytes()
    } else if kind == IdentityKind::IpAddress.number() {
        match PeerAddr::from(raw.addr()) {
            addr if addr.port() == 0 => format!("ip:{}", addr.ip()).into_bytes(),
            addr => format!("ip:{addr}").into_bytes(),
        }
    } else if kind == IdentityKind::GenericString.number() {
        with_text("str:", identity::MAX_GENERIC_STRING)
    } else if kind == IdentityKind::GenericBytes.number() {
        generic_bytes(raw, room).into_bytes()
    } else if kind == IdentityKind::UnknownType.number() {
        raw.text(raw.data.len()).to_vec()
    } else {
        format!("bad_type:{kind}").into_bytes()
    }
}

fn generic_bytes(raw: &RawIdentity, room: usize) -> String {
    let prefix = "gen:";
    let fitting = room.saturating_sub(prefix.len() + 1) / 2;
    let size = usize::try_from(raw.size).unwrap_or(0);
    let size = size.min(identity::MAX_GENERIC_BYTES).min(fitting);
    let mut text = prefix.to_owned();
    for byte in &raw.data[..size] {
        write!(text, "{byte:02x}").expect("writing to a string does not fail");
    }
    text
}

/// Reads an identity into a struct of `size` bytes, which is cleared first. False if the text is none, or
/// none that the struct has room for.
///
/// # Safety
/// There are `size` bytes, and a text with its zero byte, unless the pointers are null.
pub(super) unsafe fn parse(to: *mut RawIdentity, size: usize, text: *const c_char) -> bool {
    if to.is_null() || size < MIN_SIZE {
        return false;
    }
    let size = size.min(size_of::<RawIdentity>());
    // The text may be in the struct that is cleared.
    // SAFETY: the caller's promise.
    let found = unsafe { pointer::text_bytes(text, pointer::MAX_TEXT) }.and_then(read);
    // SAFETY: so many bytes are there.
    unsafe { to.cast::<u8>().write_bytes(0, size) };
    let Some(found) = found else {
        return false;
    };
    let used = usize::try_from(found.size).expect("sizes of what was read are small");
    // Bytes must leave one free, as if they ended with zero, too.
    let is_bytes = found.kind == IdentityKind::GenericBytes.number();
    if used + usize::from(is_bytes) > size - HEADER {
        return false;
    }
    // SAFETY: so many bytes are there.
    unsafe {
        std::ptr::copy_nonoverlapping((&raw const found).cast::<u8>(), to.cast(), HEADER + used)
    };
    true
}

/// Kind and size.
const HEADER: usize = 8;
/// No struct has ever been smaller (GNS e707b3a: `SteamNetworkingIdentity_ParseString`).
const MIN_SIZE: usize = 32;

/// The identity that a text stands for. Numbers and addresses are read as leniently as by GNS.
fn read(text: &[u8]) -> Option<RawIdentity> {
    let after = |prefix: &str| text.strip_prefix(prefix.as_bytes());
    if let Some(id) = after("steamid:") {
        let id = scan::unsigned(&String::from_utf8_lossy(id))?;
        return Some(RawIdentity::from(Some(&Identity::steam_id(id).ok()?)));
    }
    if let Some(id) = after("psn:") {
        let id = scan::unsigned(&String::from_utf8_lossy(id))?;
        return Some(RawIdentity::from(Some(&Identity::playstation(id))));
    }
    if let Some(addr) = after("ip:") {
        let addr: PeerAddr = String::from_utf8_lossy(addr).parse().ok()?;
        return Some(RawIdentity::from(Some(&Identity::ip(addr.into()))));
    }
    if let Some(name) = after("str:") {
        return with_text(
            IdentityKind::GenericString,
            name,
            identity::MAX_GENERIC_STRING,
        );
    }
    if let Some(id) = after("xboxpwid:") {
        let id = Some(id).filter(|id| !id.is_empty())?;
        return with_text(IdentityKind::XboxPairwiseId, id, identity::MAX_XBOX);
    }
    let parsed: Identity = String::from_utf8_lossy(text).parse().ok()?;
    if IdentityKind::of(Some(&parsed)) == IdentityKind::UnknownType {
        let room = RawIdentity::INVALID.data.len();
        return with_text(IdentityKind::UnknownType, text, room);
    }
    Some(RawIdentity::from(Some(&parsed)))
}

fn with_text(kind: IdentityKind, text: &[u8], room: usize) -> Option<RawIdentity> {
    (text.len() < room).then(|| RawIdentity::of(kind, text, text.len() + 1))
}
