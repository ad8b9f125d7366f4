//! `SteamNetworkingIPAddr`.

use std::ffi::c_char;
use std::ffi::c_int;
use std::net::Ipv4Addr;

use bowline::FakeIpType;
use bowline::PeerAddr;

use crate::abi::identity::RawAddr;
use crate::abi::pointer;
use crate::abi::structs::RawBool;
use crate::exports;

exports! {
    /// Makes it all zero.
    fn SteamAPI_SteamNetworkingIPAddr_Clear(this: *mut RawAddr);
        pointer::write(this, RawAddr::default());

    /// Whether the address is all zero, whatever the port.
    fn SteamAPI_SteamNetworkingIPAddr_IsIPv6AllZeros(this: *const RawAddr) -> bool, else false;
        read(this).is_some_and(|addr| addr.is_unspecified());

    /// Sets it to an IPv6 address, 16 bytes in network order.
    fn SteamAPI_SteamNetworkingIPAddr_SetIPv6(this: *mut RawAddr, ipv6: *const [u8; 16], port: u16);
        if let Some(ip) = pointer::read(ipv6) { pointer::write(this, RawAddr { ip, port }) };

    /// Sets it to an IPv4 address, a number in the byte order of the host.
    fn SteamAPI_SteamNetworkingIPAddr_SetIPv4(this: *mut RawAddr, ip: u32, port: u16);
        pointer::write(this, ipv4(ip, port));

    /// Whether it is an IPv4 address.
    fn SteamAPI_SteamNetworkingIPAddr_IsIPv4(this: *const RawAddr) -> bool, else false;
        read(this).is_some_and(|addr| addr.ipv4().is_some());

    /// The IPv4 address in the byte order of the host, 0 if it is none.
    fn SteamAPI_SteamNetworkingIPAddr_GetIPv4(this: *const RawAddr) -> u32, else 0;
        read(this).map_or(0, ipv4_number);

    /// Sets it to `::1`.
    fn SteamAPI_SteamNetworkingIPAddr_SetIPv6LocalHost(this: *mut RawAddr, port: u16);
        pointer::write(this, PeerAddr::localhost(port).into());

    /// Whether it is `::1` or `127.0.0.1`, with any port.
    fn SteamAPI_SteamNetworkingIPAddr_IsLocalHost(this: *const RawAddr) -> bool, else false;
        read(this).is_some_and(|addr| addr.is_localhost());

    /// Whether two addresses and their ports are the same.
    fn SteamAPI_SteamNetworkingIPAddr_IsEqualTo(this: *const RawAddr, other: *const RawAddr) -> bool, else false;
        match (pointer::read(this), pointer::read(other)) {
            (Some(one), Some(other)) => one == other,
            (None, _) | (_, None) => false,
        };

    /// Prints it into a buffer of `room` bytes; 48 are enough.
    fn SteamAPI_SteamNetworkingIPAddr_ToString(this: *const RawAddr, to: *mut c_char, room: usize, with_port: RawBool);
        print(this, to, room, with_port);

    /// Reads it from text. If the text is no address it is cleared, and the result is false.
    fn SteamAPI_SteamNetworkingIPAddr_ParseString(this: *mut RawAddr, text: *const c_char) -> bool, else false;
        parse(this, text);

    /// Which kind of fake address it is (`ESteamNetworkingFakeIPType`), never 0.
    fn SteamAPI_SteamNetworkingIPAddr_GetFakeIPType(this: *const RawAddr) -> c_int, else FakeIpType::NotFake.number();
        fake_ip_type(this);

    /// Whether it is a fake address.
    fn SteamAPI_SteamNetworkingIPAddr_IsFakeIP(this: *const RawAddr) -> bool, else false;
        read(this).is_some_and(|addr| addr.is_fake_ip());

    /// Prints an address into a buffer of `room` bytes; 48 are enough.
    fn SteamNetworkingIPAddr_ToString(addr: *const RawAddr, to: *mut c_char, room: usize, with_port: RawBool);
        print(addr, to, room, with_port);

    /// Reads an address from text. If the text is none it is cleared, and the result is false.
    fn SteamNetworkingIPAddr_ParseString(addr: *mut RawAddr, text: *const c_char) -> bool, else false;
        parse(addr, text);

    /// Which kind of fake address it is (`ESteamNetworkingFakeIPType`), never 0.
    fn SteamNetworkingIPAddr_GetFakeIPType(addr: *const RawAddr) -> c_int, else FakeIpType::NotFake.number();
        fake_ip_type(addr);
}

/// An IPv4 address, a number in the byte order of the host.
pub(crate) fn ipv4(ip: u32, port: u16) -> RawAddr {
    PeerAddr::from_ipv4(Ipv4Addr::from_bits(ip), port).into()
}

/// The IPv4 address in the byte order of the host, 0 if it is none.
pub(crate) fn ipv4_number(addr: PeerAddr) -> u32 {
    addr.ipv4().map_or(0, Ipv4Addr::to_bits)
}

/// Prints it.
///
/// # Safety
/// There is an address, and so much room, unless the pointers are null.
pub(crate) unsafe fn print(addr: *const RawAddr, to: *mut c_char, room: usize, port: RawBool) {
    // SAFETY: the caller's promise.
    unsafe {
        let text = match read(addr) {
            None => String::new(),
            Some(addr) if port != 0 => addr.to_string(),
            Some(addr) => addr.ip().to_string(),
        };
        pointer::put_text(to, room, &text);
    }
}

/// Reads it.
///
/// # Safety
/// There is an address, and a text with its zero byte, unless the pointers are null.
pub(crate) unsafe fn parse(addr: *mut RawAddr, text: *const c_char) -> bool {
    // SAFETY: the caller's promise.
    unsafe {
        let text = pointer::text(text, pointer::MAX_TEXT).unwrap_or_default();
        let found = text.parse::<PeerAddr>().ok();
        pointer::write(addr, found.map_or_else(RawAddr::default, RawAddr::from));
        found.is_some() && !addr.is_null()
    }
}

/// Which kind of fake address it is.
///
/// # Safety
/// There is an address, unless the pointer is null.
pub(crate) unsafe fn fake_ip_type(addr: *const RawAddr) -> c_int {
    // SAFETY: the caller's promise.
    let addr = unsafe { read(addr) };
    let kind = addr.map_or(FakeIpType::NotFake, |addr| addr.fake_ip_type());
    kind.number()
}

/// # Safety
/// There is an address, unless the pointer is null.
unsafe fn read(addr: *const RawAddr) -> Option<PeerAddr> {
    // SAFETY: the caller's promise.
    unsafe { pointer::read(addr) }.map(PeerAddr::from)
}
