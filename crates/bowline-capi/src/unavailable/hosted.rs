//! Servers in data centers, behind relays, and the tickets by which players get there.
//!
//! Where such a server is, the data center tells it by environment variables, so that much is known.

use std::ffi::c_int;
use std::ffi::c_void;

use bowline::PopId;
use bowline::ResultCode;

use crate::abi::identity::RawIdentity;
use crate::abi::pointer;
use crate::abi::structs::ConnectionHandle;
use crate::abi::structs::ListenHandle;
use crate::abi::structs::RawOption;
use crate::abi::vtable::Object;
use crate::exports;
use crate::types::hosted::RawHostedAddress;
use crate::unavailable::missing;

exports! {
    /// Keeps a ticket: false, none is understood yet. The struct for its content is left as it is.
    fn SteamAPI_ISteamNetworkingSockets_ReceivedRelayAuthTicket(
        _this: *const Object,
        _ticket: *const c_void,
        _size: c_int,
        _parsed: *mut c_void,
    ) -> bool, else false;
        { missing("ReceivedRelayAuthTicket", WHAT); false };

    /// For how many seconds a ticket for a server is valid: 0, there is none.
    fn SteamAPI_ISteamNetworkingSockets_FindRelayAuthTicketForServer(
        _this: *const Object,
        _server: *const RawIdentity,
        _virtual_port: c_int,
        _parsed: *mut c_void,
    ) -> c_int, else 0;
        0;

    /// Connects to a server by relays: 0, there is no ticket.
    fn SteamAPI_ISteamNetworkingSockets_ConnectToHostedDedicatedServer(
        _this: *const Object,
        _server: *const RawIdentity,
        _virtual_port: c_int,
        _count: c_int,
        _options: *const RawOption,
    ) -> ConnectionHandle, else 0;
        { missing("ConnectToHostedDedicatedServer", WHAT); 0 };

    /// The port that the data center wants this server to use (`SDR_LISTEN_PORT`); 0 if this is none.
    fn SteamAPI_ISteamNetworkingSockets_GetHostedDedicatedServerPort(_this: *const Object) -> u16, else 0;
        Surroundings::here().port;

    /// The data center that this server is in (`SDR_POPID`, or "dev"); 0 if it is in none.
    fn SteamAPI_ISteamNetworkingSockets_GetHostedDedicatedServerPOPID(_this: *const Object) -> u32, else 0;
        Surroundings::here().pop;

    /// Where this server is: `k_EResultInvalidState` if it is in no data center, else `k_EResultFail`.
    fn SteamAPI_ISteamNetworkingSockets_GetHostedDedicatedServerAddress(
        _this: *const Object,
        routing: *mut RawHostedAddress,
    ) -> c_int, else ResultCode::Fail.number();
        {
            pointer::write(routing, RawHostedAddress::NONE);
            Surroundings::here().refusal().number()
        };

    /// Listens for players that come by relays: 0, there are no relays yet.
    fn SteamAPI_ISteamNetworkingSockets_CreateHostedDedicatedServerListenSocket(
        _this: *const Object,
        _virtual_port: c_int,
        _count: c_int,
        _options: *const RawOption,
    ) -> ListenHandle, else 0;
        { missing("CreateHostedDedicatedServerListenSocket", WHAT); 0 };

    /// Signs where this server is, for a backend that hands out tickets: as for its address. The blob is
    /// empty.
    fn SteamAPI_ISteamNetworkingSockets_GetGameCoordinatorServerLogin(
        _this: *const Object,
        _login: *mut c_void,
        size: *mut c_int,
        _blob: *mut c_void,
    ) -> c_int, else ResultCode::Fail.number();
        {
            pointer::write(size, 0);
            Surroundings::here().refusal().number()
        };
}

const WHAT: &str = "relays are";

/// What the data center tells a server.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
struct Surroundings {
    port: u16,
    pop: u32,
}

impl Surroundings {
    fn here() -> Self {
        let variable = |name| std::env::var(name).ok();
        Self::of(variable("SDR_LISTEN_PORT"), variable("SDR_POPID"))
    }

    fn of(port: Option<String>, pop: Option<String>) -> Self {
        let port = port
            .and_then(|port| port.trim().parse().ok())
            .filter(|port| *port != 0);
        let Some(port) = port else {
            return Self { port: 0, pop: 0 };
        };
        let pop: Option<PopId> = pop.and_then(|pop| pop.trim().parse().ok());
        let pop = pop.unwrap_or(PopId::DEV).get();
        Self { port, pop }
    }

    const fn refusal(self) -> ResultCode {
        if self.port == 0 {
            ResultCode::InvalidState
        } else {
            ResultCode::Fail
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_data_center_tells_port_and_place() {
        let of = |port: Option<&str>, pop: Option<&str>| {
            Surroundings::of(port.map(str::to_owned), pop.map(str::to_owned))
        };
        let nowhere = Surroundings { port: 0, pop: 0 };
        for port in [
            None,
            Some(""),
            Some("0"),
            Some("-1"),
            Some("65536"),
            Some("x"),
        ] {
            assert_eq!(of(port, Some("iad")), nowhere, "{port:?}");
        }
        assert_eq!(nowhere.refusal(), ResultCode::InvalidState);
        let here = of(Some(" 27015 "), Some("iad"));
        assert_eq!((here.port, here.pop), (27015, 0x0069_6164));
        assert_eq!(here.refusal(), ResultCode::Fail);
        for pop in [None, Some(""), Some("too long")] {
            assert_eq!(of(Some("27015"), pop).pop, 0x0064_6576, "{pop:?}");
        }
    }
}
