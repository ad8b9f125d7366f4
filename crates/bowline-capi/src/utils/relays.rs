//! Relays, distances and fake addresses: what the Rust library says of them, which is that there are none.

use std::ffi::c_char;
use std::ffi::c_int;
use std::net::Ipv4Addr;
use std::time::Duration;

use bowline::Availability;
use bowline::FakeIpType;
use bowline::PeerAddr;
use bowline::PopId;
use bowline::ResultCode;
use bowline::ToResult as _;
use bowline::utils;
use bowline::utils::PingError;
use bowline::utils::PingLocation;

use crate::abi::identity::RawAddr;
use crate::abi::identity::RawIdentity;
use crate::abi::pointer;
use crate::abi::structs::RawPingLocation;
use crate::abi::structs::RawRelayNetworkStatus;
use crate::abi::vtable::Object;
use crate::exports;

exports! {
    /// Begins to set up access to relays.
    fn SteamAPI_ISteamNetworkingUtils_InitRelayNetworkAccess(_this: *const Object);
        drop(utils::init_relay_access());

    /// How far access to relays is (`ESteamNetworkingAvailability`), and how far its parts are.
    fn SteamAPI_ISteamNetworkingUtils_GetRelayNetworkStatus(_this: *const Object, status: *mut RawRelayNetworkStatus) -> c_int, else Availability::CannotTry.number();
        relay_status(status);

    /// Where this host is, and how many seconds ago that was measured; below 0 if it was not.
    fn SteamAPI_ISteamNetworkingUtils_GetLocalPingLocation(_this: *const Object, location: *mut RawPingLocation) -> f32, else -1.0;
        {
            let found = utils::local_ping_location();
            pointer::write(location, raw_location(found.as_ref().map(|(location, _)| location)));
            found.map_or(-1.0, |(_, age)| age.as_secs_f32())
        };

    /// An estimate of the ping between two hosts in milliseconds; -1 if there is no way, -2 if not known.
    fn SteamAPI_ISteamNetworkingUtils_EstimatePingTimeBetweenTwoLocations(_this: *const Object, a: *const RawPingLocation, b: *const RawPingLocation) -> c_int, else PingError::Unknown.number();
        ms(utils::estimate_ping_between(&location(a), &location(b)));

    /// An estimate of the ping from this host in milliseconds; -1 if there is no way, -2 if not known.
    fn SteamAPI_ISteamNetworkingUtils_EstimatePingTimeFromLocalHost(_this: *const Object, remote: *const RawPingLocation) -> c_int, else PingError::Unknown.number();
        ms(utils::estimate_ping_from_here(&location(remote)));

    /// Prints a location into a buffer of `room` bytes; 1024 are enough.
    fn SteamAPI_ISteamNetworkingUtils_ConvertPingLocationToString(_this: *const Object, from: *const RawPingLocation, to: *mut c_char, room: c_int);
        pointer::put_text(to, usize::try_from(room).unwrap_or(0), &location(from).to_string());

    /// Reads a location; false if the text is none that is understood.
    fn SteamAPI_ISteamNetworkingUtils_ParsePingLocationString(_this: *const Object, text: *const c_char, to: *mut RawPingLocation) -> bool, else false;
        {
            let found = pointer::text(text, pointer::MAX_TEXT).and_then(|text| text.parse().ok());
            pointer::write(to, raw_location(found.as_ref()));
            found.is_some()
        };

    /// Whether measured distances are at most so many seconds old; begins to measure if not.
    fn SteamAPI_ISteamNetworkingUtils_CheckPingDataUpToDate(_this: *const Object, max_age_s: f32) -> bool, else false;
        utils::check_ping_data(Duration::try_from_secs_f32(max_age_s).unwrap_or_default());

    /// The ping to a data center by the best route in milliseconds, and the relay that it goes by; -1 if
    /// there is no way, -2 if not known.
    fn SteamAPI_ISteamNetworkingUtils_GetPingToDataCenter(_this: *const Object, pop: u32, via: *mut u32) -> c_int, else PingError::Unknown.number();
        {
            let ping = utils::ping_to_pop(PopId::new(pop));
            let relay = ping.ok().and_then(|(_, relay)| relay).unwrap_or(PopId::NONE);
            pointer::write(via, relay.get());
            ms(ping.map(|(ping, _)| ping))
        };

    /// The ping to a data center without a relay in between; -1 if there is no way, -2 if not known.
    fn SteamAPI_ISteamNetworkingUtils_GetDirectPingToPOP(_this: *const Object, pop: u32) -> c_int, else PingError::Unknown.number();
        ms(utils::direct_ping_to_pop(PopId::new(pop)));

    /// How many data centers are known.
    fn SteamAPI_ISteamNetworkingUtils_GetPOPCount(_this: *const Object) -> c_int, else 0;
        c_int::try_from(utils::pops().len()).unwrap_or(c_int::MAX);

    /// Writes up to `max` data centers; tells how many it wrote.
    fn SteamAPI_ISteamNetworkingUtils_GetPOPList(_this: *const Object, list: *mut u32, max: c_int) -> c_int, else 0;
        pop_list(list, max);

    /// Whether an IPv4 address, a number in the byte order of the host, is a fake one.
    fn SteamAPI_ISteamNetworkingUtils_IsFakeIPv4(_this: *const Object, ip: u32) -> bool, else false;
        FakeIpType::of(Ipv4Addr::from_bits(ip)).is_fake();

    /// Which kind of fake address it is (`ESteamNetworkingFakeIPType`).
    fn SteamAPI_ISteamNetworkingUtils_GetIPv4FakeIPType(_this: *const Object, ip: u32) -> c_int, else FakeIpType::NotFake.number();
        FakeIpType::of(Ipv4Addr::from_bits(ip)).number();

    /// Whom a fake address stands for. The result is `EResult`.
    fn SteamAPI_ISteamNetworkingUtils_GetRealIdentityForFakeIP(_this: *const Object, addr: *const RawAddr, identity: *mut RawIdentity) -> c_int, else ResultCode::Disabled.number();
        {
            let addr = pointer::read(addr).map_or(PeerAddr::UNSPECIFIED, PeerAddr::from);
            let found = utils::identity_of_fake_ip(&addr);
            pointer::write(identity, RawIdentity::from(found.as_ref().ok()));
            found.result().number()
        };
}

/// # Safety
/// There is room for a status, unless the pointer is null.
unsafe fn relay_status(to: *mut RawRelayNetworkStatus) -> c_int {
    let status = utils::relay_status();
    let mut raw = RawRelayNetworkStatus {
        availability: status.availability.number(),
        is_measuring: status.is_measuring.into(),
        config: status.network_config.number(),
        any_relay: status.any_relay.number(),
        debug: [0; 256],
    };
    pointer::fill_text(&mut raw.debug, &status.text);
    // SAFETY: the caller's promise.
    unsafe { pointer::write(to, raw) };
    status.availability.number()
}

/// A location is held as its text, with zeros after it.
fn raw_location(location: Option<&PingLocation>) -> RawPingLocation {
    let mut raw = RawPingLocation { data: [0; 512] };
    if let Some(location) = location {
        pointer::fill_text(&mut raw.data, &location.to_string());
    }
    raw
}

/// # Safety
/// There is a location, unless the pointer is null.
unsafe fn location(from: *const RawPingLocation) -> PingLocation {
    // SAFETY: the caller's promise; a text in it ends within it.
    let text = unsafe { pointer::text(from.cast(), size_of::<RawPingLocation>()) };
    text.and_then(|text| text.parse().ok()).unwrap_or_default()
}

fn ms(ping: Result<u32, PingError>) -> c_int {
    match ping {
        Ok(ms) => c_int::try_from(ms).unwrap_or(c_int::MAX),
        Err(error) => error.number(),
    }
}

/// # Safety
/// There is room for `max` entries, unless the pointer is null.
unsafe fn pop_list(list: *mut u32, max: c_int) -> c_int {
    if list.is_null() {
        return 0;
    }
    let mut count = 0;
    let max = usize::try_from(max).unwrap_or(0);
    for (at, pop) in utils::pops().into_iter().take(max).enumerate() {
        // SAFETY: there is room by the caller's promise.
        unsafe { pointer::write(list.add(at), pop.get()) };
        count += 1;
    }
    count
}
