//! `SteamNetworkingIdentity`.
//!
//! Setting one writes as many bytes as its kind takes and no more: some callers have a struct that is
//! shorter than it should be.

use std::ffi::c_char;
use std::ffi::c_int;

use bowline::FakeIpType;
use bowline::IdentityKind;
use bowline::PeerAddr;

use crate::abi::identity::RawAddr;
use crate::abi::identity::RawIdentity;
use crate::abi::pointer;
use crate::exports;
use crate::types::addr;
use crate::types::identity_text;

/// Room for a text of the application's choice, the zero byte included (GNS: `k_cchMaxGenericString`).
pub(crate) const MAX_GENERIC_STRING: usize = 32;
/// Room for an Xbox pairwise ID, the zero byte included (GNS: `k_cchMaxXboxPairwiseID`).
pub(crate) const MAX_XBOX: usize = 33;
/// Room for bytes of the application's choice (GNS: `k_cbMaxGenericBytes`).
pub(crate) const MAX_GENERIC_BYTES: usize = 32;

exports! {
    /// Makes it nobody.
    fn SteamAPI_SteamNetworkingIdentity_Clear(this: *mut RawIdentity);
        pointer::write(this, RawIdentity::INVALID);

    /// Whether it is nobody. What else it holds is not looked at.
    fn SteamAPI_SteamNetworkingIdentity_IsInvalid(this: *const RawIdentity) -> bool, else true;
        kind_of(this) == IdentityKind::Invalid.number();

    /// Sets it to a Steam account, unchecked.
    fn SteamAPI_SteamNetworkingIdentity_SetSteamID(this: *mut RawIdentity, id: u64);
        put(this, IdentityKind::SteamId, &id.to_ne_bytes(), 8);

    /// The Steam account, 0 if it is none.
    fn SteamAPI_SteamNetworkingIdentity_GetSteamID(this: *const RawIdentity) -> u64, else 0;
        number(this, IdentityKind::SteamId);

    /// Sets it to a Steam account, unchecked.
    fn SteamAPI_SteamNetworkingIdentity_SetSteamID64(this: *mut RawIdentity, id: u64);
        put(this, IdentityKind::SteamId, &id.to_ne_bytes(), 8);

    /// The Steam account, 0 if it is none.
    fn SteamAPI_SteamNetworkingIdentity_GetSteamID64(this: *const RawIdentity) -> u64, else 0;
        number(this, IdentityKind::SteamId);

    /// Sets it to an Xbox pairwise ID; false if that is empty or longer than 32 bytes.
    fn SteamAPI_SteamNetworkingIdentity_SetXboxPairwiseID(this: *mut RawIdentity, text: *const c_char) -> bool, else false;
        pointer::text_bytes(text, MAX_XBOX).is_some_and(|text| {
            !text.is_empty() && put_text(this, IdentityKind::XboxPairwiseId, text, MAX_XBOX)
        });

    /// The Xbox pairwise ID, null if it is none.
    fn SteamAPI_SteamNetworkingIdentity_GetXboxPairwiseID(this: *const RawIdentity) -> *const c_char, else std::ptr::null();
        data_of(this, IdentityKind::XboxPairwiseId).cast();

    /// Sets it to a PlayStation account.
    fn SteamAPI_SteamNetworkingIdentity_SetPSNID(this: *mut RawIdentity, id: u64);
        put(this, IdentityKind::SonyPsn, &id.to_ne_bytes(), 8);

    /// The PlayStation account, 0 if it is none.
    fn SteamAPI_SteamNetworkingIdentity_GetPSNID(this: *const RawIdentity) -> u64, else 0;
        number(this, IdentityKind::SonyPsn);

    /// Sets it to an address.
    fn SteamAPI_SteamNetworkingIdentity_SetIPAddr(this: *mut RawIdentity, addr: *const RawAddr);
        if let Some(addr) = pointer::read(addr) { put_addr(this, addr) };

    /// The address, null if it is none.
    fn SteamAPI_SteamNetworkingIdentity_GetIPAddr(this: *const RawIdentity) -> *const RawAddr, else std::ptr::null();
        data_of(this, IdentityKind::IpAddress).cast();

    /// Sets it to an IPv4 address, a number in the byte order of the host.
    fn SteamAPI_SteamNetworkingIdentity_SetIPv4Addr(this: *mut RawIdentity, ip: u32, port: u16);
        put_addr(this, addr::ipv4(ip, port));

    /// The IPv4 address in the byte order of the host, 0 if it is none.
    fn SteamAPI_SteamNetworkingIdentity_GetIPv4(this: *const RawIdentity) -> u32, else 0;
        addr_of(this).map_or(0, addr::ipv4_number);

    /// Which kind of fake address it is (`ESteamNetworkingFakeIPType`), 0 if it is no address.
    fn SteamAPI_SteamNetworkingIdentity_GetFakeIPType(this: *const RawIdentity) -> c_int, else FakeIpType::Invalid.number();
        addr_of(this).map_or(FakeIpType::Invalid, |addr| addr.fake_ip_type()).number();

    /// Whether it is a fake address.
    fn SteamAPI_SteamNetworkingIdentity_IsFakeIP(this: *const RawIdentity) -> bool, else false;
        addr_of(this).is_some_and(|addr| addr.is_fake_ip());

    /// Sets it to `::1`, which stands for somebody who does not tell.
    fn SteamAPI_SteamNetworkingIdentity_SetLocalHost(this: *mut RawIdentity);
        put_addr(this, PeerAddr::localhost(0).into());

    /// Whether it is `::1` or `127.0.0.1`.
    fn SteamAPI_SteamNetworkingIdentity_IsLocalHost(this: *const RawIdentity) -> bool, else false;
        addr_of(this).is_some_and(|addr| addr.is_localhost());

    /// Sets it to a text; false if that is longer than 31 bytes.
    fn SteamAPI_SteamNetworkingIdentity_SetGenericString(this: *mut RawIdentity, text: *const c_char) -> bool, else false;
        pointer::text_bytes(text, MAX_GENERIC_STRING).is_some_and(|text| {
            put_text(this, IdentityKind::GenericString, text, MAX_GENERIC_STRING)
        });

    /// The text, null if it is none.
    fn SteamAPI_SteamNetworkingIdentity_GetGenericString(this: *const RawIdentity) -> *const c_char, else std::ptr::null();
        data_of(this, IdentityKind::GenericString).cast();

    /// Sets it to bytes; false if there are more than 32.
    fn SteamAPI_SteamNetworkingIdentity_SetGenericBytes(this: *mut RawIdentity, data: *const u8, size: u32) -> bool, else false;
        put_bytes(this, data, size);

    /// The bytes and how many there are, null if it is none.
    fn SteamAPI_SteamNetworkingIdentity_GetGenericBytes(this: *const RawIdentity, size: *mut c_int) -> *const u8, else std::ptr::null();
        generic_bytes(this, size);

    /// Whether two identities have the same kind, size and bytes.
    fn SteamAPI_SteamNetworkingIdentity_IsEqualTo(this: *const RawIdentity, other: *const RawIdentity) -> bool, else false;
        match (pointer::read(this), pointer::read(other)) {
            (Some(one), Some(other)) => is_equal(&one, &other),
            (None, _) | (_, None) => false,
        };

    /// Prints it into a buffer of `room` bytes; 128 are enough.
    fn SteamAPI_SteamNetworkingIdentity_ToString(this: *const RawIdentity, to: *mut c_char, room: usize);
        print(this, to, room);

    /// Reads it from text; `size` is that of the struct. If the text is no identity it is cleared, and the
    /// result is false.
    ///
    /// The function of this name in Steam's own library has no size. A number that cannot be one is taken
    /// for the text.
    fn SteamAPI_SteamNetworkingIdentity_ParseString(this: *mut RawIdentity, size: usize, text: *const c_char) -> bool, else false;
        if size > MAX_SIZE {
            let text = std::ptr::with_exposed_provenance(size);
            identity_text::parse(this, size_of::<RawIdentity>(), text)
        } else {
            identity_text::parse(this, size, text)
        };

    /// Prints an identity into a buffer of `room` bytes; 128 are enough.
    fn SteamNetworkingIdentity_ToString(identity: *const RawIdentity, to: *mut c_char, room: usize);
        print(identity, to, room);

    /// Reads an identity from text; `size` is that of the struct. If the text is none the struct is
    /// cleared, and the result is false.
    fn SteamNetworkingIdentity_ParseString(identity: *mut RawIdentity, size: usize, text: *const c_char) -> bool, else false;
        identity_text::parse(identity, size, text);
}

/// No struct is larger than this, and no text is at an address as low.
const MAX_SIZE: usize = 4096;

/// Prints it.
///
/// # Safety
/// There is an identity, and so much room, unless the pointers are null.
pub(crate) unsafe fn print(identity: *const RawIdentity, to: *mut c_char, room: usize) {
    // SAFETY: the caller's promise.
    unsafe {
        let identity = pointer::read(identity);
        let text = identity.map_or_else(Vec::new, |raw| identity_text::render(&raw, room));
        pointer::put_bytes(to, room, &text);
    }
}

/// Sets kind, size and the bytes that count.
///
/// # Safety
/// There is room for them, unless the pointer is null.
pub(crate) unsafe fn put(this: *mut RawIdentity, kind: IdentityKind, bytes: &[u8], size: usize) {
    if this.is_null() {
        return;
    }
    let size = c_int::try_from(size).expect("identities are small");
    // SAFETY: there is room by the caller's promise; the struct is packed, so alignment does not matter.
    unsafe {
        (&raw mut (*this).kind).write_unaligned(kind.number());
        (&raw mut (*this).size).write_unaligned(size);
        let data = (&raw mut (*this).data).cast::<u8>();
        std::ptr::copy(bytes.as_ptr(), data, bytes.len());
    }
}

/// # Safety
/// As [`put`].
unsafe fn put_addr(this: *mut RawIdentity, addr: RawAddr) {
    let bytes = addr.to_bytes();
    // SAFETY: the caller's promise.
    unsafe { put(this, IdentityKind::IpAddress, &bytes, bytes.len()) };
}

/// # Safety
/// As [`put`].
unsafe fn put_text(this: *mut RawIdentity, kind: IdentityKind, text: &[u8], max: usize) -> bool {
    if text.len() >= max || this.is_null() {
        return false;
    }
    let mut bytes = [0; MAX_XBOX];
    bytes[..text.len()].copy_from_slice(text);
    let size = text.len() + 1;
    // SAFETY: the caller's promise.
    unsafe { put(this, kind, &bytes[..size], size) };
    true
}

/// # Safety
/// As [`put`], and so many bytes are there.
unsafe fn put_bytes(this: *mut RawIdentity, data: *const u8, size: u32) -> bool {
    let size = size as usize;
    if size > MAX_GENERIC_BYTES || this.is_null() {
        return false;
    }
    // SAFETY: the caller's promise.
    unsafe {
        let Some(bytes) = pointer::bytes(data, size) else {
            return false;
        };
        put(this, IdentityKind::GenericBytes, bytes, size);
    }
    true
}

/// # Safety
/// There is an identity, unless the pointer is null.
unsafe fn kind_of(this: *const RawIdentity) -> c_int {
    // SAFETY: the caller's promise; the kind is the first field.
    unsafe { pointer::read(this.cast()) }.unwrap_or(IdentityKind::Invalid.number())
}

/// Where the content is, if it is of that kind.
///
/// # Safety
/// There is an identity, unless the pointer is null.
unsafe fn data_of(this: *const RawIdentity, kind: IdentityKind) -> *const u8 {
    // SAFETY: the caller's promise.
    unsafe {
        if this.is_null() || kind_of(this) != kind.number() {
            return std::ptr::null();
        }
        (&raw const (*this).data).cast()
    }
}

/// # Safety
/// There is an identity, unless the pointer is null.
unsafe fn number(this: *const RawIdentity, kind: IdentityKind) -> u64 {
    // SAFETY: the caller's promise.
    unsafe { pointer::read(data_of(this, kind).cast()) }.unwrap_or(0)
}

/// # Safety
/// There is an identity, unless the pointer is null.
unsafe fn addr_of(this: *const RawIdentity) -> Option<PeerAddr> {
    // SAFETY: the caller's promise.
    let addr = unsafe { pointer::read(data_of(this, IdentityKind::IpAddress).cast::<RawAddr>()) };
    addr.map(PeerAddr::from)
}

/// # Safety
/// There is an identity, and room for a number, unless the pointers are null.
unsafe fn generic_bytes(this: *const RawIdentity, size: *mut c_int) -> *const u8 {
    // SAFETY: the caller's promise.
    unsafe {
        let data = data_of(this, IdentityKind::GenericBytes);
        if !data.is_null() {
            let claimed = (&raw const (*this).size).read_unaligned();
            pointer::write(size, claimed.clamp(0, MAX_GENERIC_BYTES as c_int));
        }
        data
    }
}

/// A size that cannot be counts as all that there is room for.
fn is_equal(one: &RawIdentity, other: &RawIdentity) -> bool {
    let size = usize::try_from(one.size).unwrap_or(usize::MAX);
    let size = size.min(one.data.len());
    let head = |identity: &RawIdentity| (identity.kind, identity.size);
    head(one) == head(other) && one.data[..size] == other.data[..size]
}
