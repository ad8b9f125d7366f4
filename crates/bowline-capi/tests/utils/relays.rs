use std::ffi::c_char;

use GameNetworkingSockets::abi::identity::RawAddr;
use GameNetworkingSockets::abi::identity::RawIdentity;
use GameNetworkingSockets::abi::structs::RawPingLocation;
use GameNetworkingSockets::abi::structs::RawRelayNetworkStatus;
use GameNetworkingSockets::utils::relays::*;

use super::*;

#[test]
fn relays_cannot_be_tried() {
    let mut status = RawRelayNetworkStatus {
        availability: 7,
        is_measuring: 7,
        config: 7,
        any_relay: 7,
        debug: [7; 256],
    };
    unsafe {
        SteamAPI_ISteamNetworkingUtils_InitRelayNetworkAccess(null());
        let availability =
            SteamAPI_ISteamNetworkingUtils_GetRelayNetworkStatus(null(), &mut status);
        assert_eq!(availability, -102);
        assert_eq!(
            SteamAPI_ISteamNetworkingUtils_GetRelayNetworkStatus(null(), null_mut()),
            -102
        );
    }
    let numbers = (
        status.availability,
        status.is_measuring,
        status.config,
        status.any_relay,
    );
    assert_eq!(numbers, (-102, 0, -102, -102));
    let text = status.debug;
    assert!(text[0] != 0 && text[255] == 0);
}

#[test]
fn distances_are_unknown_and_outputs_written() {
    let used = RawPingLocation { data: [7; 512] };
    let zeros = [0; 512];
    unsafe {
        let mut location = used;
        assert_eq!(
            SteamAPI_ISteamNetworkingUtils_GetLocalPingLocation(null(), &mut location),
            -1.0
        );
        assert_eq!(location.data, zeros);
        let between =
            |a, b| SteamAPI_ISteamNetworkingUtils_EstimatePingTimeBetweenTwoLocations(null(), a, b);
        assert_eq!(between(&used, &location), -2);
        assert_eq!(between(null(), null()), -2);
        assert_eq!(
            SteamAPI_ISteamNetworkingUtils_EstimatePingTimeFromLocalHost(null(), &used),
            -2
        );
        assert_eq!(
            SteamAPI_ISteamNetworkingUtils_EstimatePingTimeFromLocalHost(null(), null()),
            -2
        );

        for age in [-1.0, 0.0, 1e10, f32::NAN, f32::INFINITY, f32::MAX] {
            assert!(!SteamAPI_ISteamNetworkingUtils_CheckPingDataUpToDate(
                null(),
                age
            ));
        }
        let mut via = 7;
        assert_eq!(
            SteamAPI_ISteamNetworkingUtils_GetPingToDataCenter(null(), 1, &mut via),
            -2
        );
        assert_eq!(via, 0);
        assert_eq!(
            SteamAPI_ISteamNetworkingUtils_GetPingToDataCenter(null(), 1, null_mut()),
            -2
        );
        assert_eq!(
            SteamAPI_ISteamNetworkingUtils_GetDirectPingToPOP(null(), 1),
            -2
        );
        assert_eq!(SteamAPI_ISteamNetworkingUtils_GetPOPCount(null()), 0);
        let mut list = [7; 2];
        for max in [-1, 0, 2] {
            assert_eq!(
                SteamAPI_ISteamNetworkingUtils_GetPOPList(null(), list.as_mut_ptr(), max),
                0
            );
        }
        assert_eq!(
            SteamAPI_ISteamNetworkingUtils_GetPOPList(null(), null_mut(), 5),
            0
        );
        assert_eq!(list, [7; 2]);
    }
}

#[test]
fn locations_have_no_text() {
    let used = RawPingLocation { data: [7; 512] };
    let zeros = [0; 512];
    unsafe {
        let mut text = [7_u8; 8];
        let to: *mut c_char = text.as_mut_ptr().cast();
        for room in [-1, 0] {
            SteamAPI_ISteamNetworkingUtils_ConvertPingLocationToString(null(), &used, to, room);
            assert_eq!(text, [7; 8]);
        }
        SteamAPI_ISteamNetworkingUtils_ConvertPingLocationToString(null(), &used, to, 8);
        assert_eq!(text[0], 0);
        SteamAPI_ISteamNetworkingUtils_ConvertPingLocationToString(null(), null(), null_mut(), 8);

        for text in [c"".as_ptr(), c"iad=10".as_ptr(), null()] {
            let mut location = used;
            assert!(!SteamAPI_ISteamNetworkingUtils_ParsePingLocationString(
                null(),
                text,
                &mut location
            ));
            assert_eq!(location.data, zeros);
            assert!(!SteamAPI_ISteamNetworkingUtils_ParsePingLocationString(
                null(),
                text,
                null_mut()
            ));
        }
    }
}

#[test]
fn no_address_is_fake() {
    let addr = RawAddr {
        ip: [1; 16],
        port: 1,
    };
    let used = RawIdentity {
        kind: 7,
        size: 7,
        data: [7; 128],
    };
    unsafe {
        for ip in [0, 0x7f00_0001, 0xa9fe_0101, u32::MAX] {
            assert!(!SteamAPI_ISteamNetworkingUtils_IsFakeIPv4(null(), ip));
            assert_eq!(
                SteamAPI_ISteamNetworkingUtils_GetIPv4FakeIPType(null(), ip),
                1
            );
        }
        for addr in [&raw const addr, null()] {
            let mut identity = used;
            let result = SteamAPI_ISteamNetworkingUtils_GetRealIdentityForFakeIP(
                null(),
                addr,
                &mut identity,
            );
            assert_eq!(result, 80);
            assert_eq!(identity, RawIdentity::INVALID);
            assert_eq!(
                SteamAPI_ISteamNetworkingUtils_GetRealIdentityForFakeIP(null(), addr, null_mut()),
                80
            );
        }
    }
}
