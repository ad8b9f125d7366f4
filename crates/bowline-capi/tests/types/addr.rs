use GameNetworkingSockets::types::addr::*;

use super::*;

fn parse(text: &CStr) -> Option<RawAddr> {
    let mut addr = RawAddr {
        ip: [9; 16],
        port: 9,
    };
    let good = unsafe { SteamAPI_SteamNetworkingIPAddr_ParseString(&mut addr, text.as_ptr()) };
    let mut again = addr;
    again.port = 17;
    let same = unsafe { SteamNetworkingIPAddr_ParseString(&mut again, text.as_ptr()) };
    assert_eq!((good, addr), (same, again));
    if !good {
        assert_eq!(addr, RawAddr::default(), "cleared");
    }
    good.then_some(addr)
}

fn text(addr: &RawAddr, room: usize, with_port: u8) -> String {
    let flat = printed(room, |to, room| unsafe {
        SteamAPI_SteamNetworkingIPAddr_ToString(addr, to, room, with_port);
    });
    let plain = printed(room, |to, room| unsafe {
        SteamNetworkingIPAddr_ToString(addr, to, room, with_port);
    });
    assert_eq!(flat, plain);
    flat
}

#[test]
fn texts_are_read_and_printed_as_by_the_original() {
    for (given, with_port, without) in [
        (c"1.2.3.4:5", "1.2.3.4:5", "1.2.3.4"),
        (c"1.2.3.4", "1.2.3.4:0", "1.2.3.4"),
        (c"1.2.3.4:x", "1.2.3.4:0", "1.2.3.4"),
        (c"::1", "[::1]:0", "::1"),
        (c"[2001:DB8::1]:80", "[2001:db8::1]:80", "2001:db8::1"),
        (c"::ffff:1.2.3.4", "1.2.3.4:0", "1.2.3.4"),
        (c"0.0.0.0:65535", "0.0.0.0:65535", "0.0.0.0"),
    ] {
        let addr = parse(given).expect("an address");
        assert_eq!(text(&addr, 48, 1), with_port);
        assert_eq!(text(&addr, 48, 255), with_port, "every truth is true");
        assert_eq!(text(&addr, 48, 0), without);
    }
    for bad in [
        c"",
        c"127.0.0.1:99999",
        c"fe80::1%eth0",
        c"localhost:80",
        c"256.1.1.1",
        c"1.2.3",
        c"\xff\xff",
    ] {
        assert_eq!(parse(bad), None, "{bad:?}");
    }
    no_panics();
}

#[test]
fn short_buffers_cut_and_end_with_zero() {
    let addr = parse(c"[2001:db8::1]:80").unwrap();
    assert_eq!(text(&addr, 0, 1), "");
    assert_eq!(text(&addr, 1, 1), "");
    assert_eq!(text(&addr, 5, 1), "[200");
    assert_eq!(text(&addr, 5, 0), "2001");
    unsafe { SteamNetworkingIPAddr_ToString(&addr, null_mut(), 48, 1) };
    let nothing = printed(48, |to, room| unsafe {
        SteamNetworkingIPAddr_ToString(null(), to, room, 1);
    });
    assert_eq!(nothing, "");
}

#[test]
fn addresses_are_set_and_asked() {
    let mut addr = RawAddr::default();
    unsafe {
        assert!(SteamAPI_SteamNetworkingIPAddr_IsIPv6AllZeros(&addr));
        SteamAPI_SteamNetworkingIPAddr_SetIPv4(&mut addr, 0x0102_0304, 99);
        assert!(SteamAPI_SteamNetworkingIPAddr_IsIPv4(&addr));
        assert_eq!(SteamAPI_SteamNetworkingIPAddr_GetIPv4(&addr), 0x0102_0304);
        assert!(!SteamAPI_SteamNetworkingIPAddr_IsIPv6AllZeros(&addr));
        assert_eq!(
            addr.ip,
            [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 255, 255, 1, 2, 3, 4]
        );
        let six: [u8; 16] = std::array::from_fn(|at| at as u8);
        SteamAPI_SteamNetworkingIPAddr_SetIPv6(&mut addr, &six, 7);
        assert_eq!((addr.ip, { addr.port }), (six, 7));
        assert!(!SteamAPI_SteamNetworkingIPAddr_IsIPv4(&addr));
        assert_eq!(SteamAPI_SteamNetworkingIPAddr_GetIPv4(&addr), 0);
        assert!(!SteamAPI_SteamNetworkingIPAddr_IsLocalHost(&addr));
        SteamAPI_SteamNetworkingIPAddr_SetIPv6LocalHost(&mut addr, 8);
        assert!(SteamAPI_SteamNetworkingIPAddr_IsLocalHost(&addr));
        assert_eq!(text(&addr, 48, 1), "[::1]:8");
        let other = addr;
        assert!(SteamAPI_SteamNetworkingIPAddr_IsEqualTo(&addr, &other));
        addr.port = 9;
        assert!(!SteamAPI_SteamNetworkingIPAddr_IsEqualTo(&addr, &other));
        for (ip, local) in [(0x7f00_0001, true), (0x7f00_0002, false)] {
            SteamAPI_SteamNetworkingIPAddr_SetIPv4(&mut addr, ip, 1);
            assert_eq!(SteamAPI_SteamNetworkingIPAddr_IsLocalHost(&addr), local);
        }
        SteamAPI_SteamNetworkingIPAddr_Clear(&mut addr);
        assert_eq!(addr, RawAddr::default());
        // Only the address counts, not the port.
        addr.port = 5;
        assert!(SteamAPI_SteamNetworkingIPAddr_IsIPv6AllZeros(&addr));
    }
    no_panics();
}

#[test]
fn no_address_is_fake() {
    for text in [c"169.254.1.1:2000", c"::1", c"1.2.3.4"] {
        let addr = parse(text).unwrap();
        unsafe {
            assert_eq!(SteamNetworkingIPAddr_GetFakeIPType(&addr), 1);
            assert_eq!(SteamAPI_SteamNetworkingIPAddr_GetFakeIPType(&addr), 1);
            assert!(!SteamAPI_SteamNetworkingIPAddr_IsFakeIP(&addr));
        }
    }
}

#[test]
fn null_is_no_address() {
    let addr = RawAddr::default();
    unsafe {
        SteamAPI_SteamNetworkingIPAddr_Clear(null_mut());
        SteamAPI_SteamNetworkingIPAddr_SetIPv4(null_mut(), 1, 1);
        SteamAPI_SteamNetworkingIPAddr_SetIPv6(null_mut(), null(), 1);
        SteamAPI_SteamNetworkingIPAddr_SetIPv6LocalHost(null_mut(), 1);
        assert!(!SteamAPI_SteamNetworkingIPAddr_IsIPv6AllZeros(null()));
        assert!(!SteamAPI_SteamNetworkingIPAddr_IsIPv4(null()));
        assert_eq!(SteamAPI_SteamNetworkingIPAddr_GetIPv4(null()), 0);
        assert!(!SteamAPI_SteamNetworkingIPAddr_IsLocalHost(null()));
        assert!(!SteamAPI_SteamNetworkingIPAddr_IsEqualTo(&addr, null()));
        assert!(!SteamAPI_SteamNetworkingIPAddr_IsEqualTo(null(), null()));
        assert_eq!(SteamNetworkingIPAddr_GetFakeIPType(null()), 1);
        assert!(!SteamAPI_SteamNetworkingIPAddr_IsFakeIP(null()));
        assert!(!SteamNetworkingIPAddr_ParseString(
            null_mut(),
            c"::1".as_ptr()
        ));
        let mut cleared = RawAddr {
            ip: [1; 16],
            port: 1,
        };
        assert!(!SteamNetworkingIPAddr_ParseString(&mut cleared, null()));
        assert_eq!(cleared, addr);
    }
    no_panics();
}
