//! Listen sockets and connections, through the exported functions.
#![allow(
    clippy::unwrap_used,
    clippy::undocumented_unsafe_blocks,
    reason = "a test that cannot go on may panic; all pointers lead to locals, or are null"
)]

mod support;

use std::ptr::null;
use std::ptr::null_mut;

use GameNetworkingSockets::abi::identity::RawAddr;
use GameNetworkingSockets::abi::identity::RawIdentity;
use GameNetworkingSockets::abi::structs::RawAuthenticationStatus;
use GameNetworkingSockets::abi::structs::RawLaneStatus;
use GameNetworkingSockets::abi::structs::RawOption;
use GameNetworkingSockets::abi::structs::RawOptionValue;
use GameNetworkingSockets::abi::structs::RawRealTimeStatus;
use GameNetworkingSockets::sockets::flat::*;

use support::Session;
use support::close;
use support::connect;
use support::connected;
use support::hear_until;
use support::heard;
use support::info;
use support::listen;
use support::local;
use support::pair;
use support::sockets;

#[test]
fn a_connection_is_requested_accepted_and_closed() {
    let _session = Session::start();
    let this = sockets();
    let (listener, addr) = listen(this);
    let client = connect(this, addr);
    let dialled = hear_until(this, |heard| heard.connection == client);
    assert_eq!((dialled.old, dialled.new, dialled.listener), (0, 1, 0));
    let request = hear_until(this, |heard| heard.connection != client);
    assert_eq!((request.old, request.new), (0, 1));
    assert_eq!(request.listener, listener);
    let server = request.connection;
    assert_eq!(info(this, server).unwrap().listen_socket, listener);
    let accept = SteamAPI_ISteamNetworkingSockets_AcceptConnection;
    assert_eq!(unsafe { accept(this, server) }, 1);
    assert_eq!(unsafe { accept(this, server) }, 11);
    let established = hear_until(this, |heard| heard.connection == client);
    assert_eq!((established.old, established.new), (1, 3));

    let text = c"because";
    let closed = unsafe {
        SteamAPI_ISteamNetworkingSockets_CloseConnection(this, client, 1234, text.as_ptr(), 0)
    };
    assert!(closed);
    assert!(!close(this, client));
    let ended = hear_until(this, |heard| heard.connection == server && heard.new == 4);
    assert_eq!((ended.old, ended.end_reason), (3, 1234));
    let known = info(this, server).unwrap();
    assert_eq!({ known.end_reason }, 1234);
    assert_eq!(&{ known.end_debug }[..8], b"because\0");
    assert!(close(this, server));
    let own = hear_until(this, |heard| heard.connection == server && heard.new == 0);
    assert_eq!(own.old, 4);
    assert!(info(this, server).is_none());
}

#[test]
fn the_listener_of_a_connection_is_told_when_it_is_closed_too() {
    let _session = Session::start();
    let this = sockets();
    let (listener, client, server) = connected(this);
    assert_eq!(info(this, server).unwrap().listen_socket, listener);
    assert_eq!(info(this, client).unwrap().listen_socket, 0);
    heard();
    let close = SteamAPI_ISteamNetworkingSockets_CloseListenSocket;
    assert!(unsafe { close(this, listener) });
    assert!(!unsafe { close(this, listener) });
    assert!(info(this, server).is_none());
    let ended = hear_until(this, |heard| heard.connection == client);
    assert_eq!((ended.old, ended.new), (3, 4));
    assert!(!unsafe {
        SteamAPI_ISteamNetworkingSockets_GetListenSocketAddress(this, listener, null_mut())
    });
    assert!(unsafe {
        SteamAPI_ISteamNetworkingSockets_CloseConnection(this, client, 0, null(), 0)
    });
}

#[test]
fn an_option_that_cannot_be_set_makes_nothing() {
    let _session = Session::start();
    let this = sockets();
    let addr = local(27_016);
    let bad = RawOption {
        key: 9999,
        kind: 1,
        value: RawOptionValue { int32: 1 },
    };
    unsafe {
        let listen = SteamAPI_ISteamNetworkingSockets_CreateListenSocketIP;
        assert_eq!(listen(this, &raw const addr, 1, &raw const bad), 0);
        // Entries that are not there.
        assert_eq!(listen(this, &raw const addr, 1, null()), 0);
        assert_eq!(listen(this, null(), 0, null()), 0);
        let connect = SteamAPI_ISteamNetworkingSockets_ConnectByIPAddress;
        assert_eq!(connect(this, &raw const addr, 1, &raw const bad), 0);
        assert_eq!(connect(this, &raw const addr, 1, null()), 0);
        assert_eq!(connect(this, null(), 0, null()), 0);
        // A negative count is none.
        assert_ne!(connect(this, &raw const addr, -1, null()), 0);
    }
}

#[test]
fn a_listen_socket_needs_a_port_that_is_free() {
    let _session = Session::start();
    let this = sockets();
    let listen_at = |addr: RawAddr| unsafe {
        SteamAPI_ISteamNetworkingSockets_CreateListenSocketIP(this, &raw const addr, 0, null())
    };
    assert_eq!(listen_at(local(0)), 0);
    let (first, addr) = listen(this);
    assert_eq!(listen_at(addr), 0);
    let get = SteamAPI_ISteamNetworkingSockets_GetListenSocketAddress;
    let mut told = RawAddr::default();
    assert!(unsafe { get(this, first, &raw mut told) });
    assert_eq!(told, addr);
    assert!(unsafe { get(this, first, null_mut()) });
    assert!(!unsafe { get(this, first ^ 0x10000, &raw mut told) });
}

#[test]
fn any_address_is_told_as_such() {
    let _session = Session::start();
    let this = sockets();
    let port = std::net::UdpSocket::bind("[::]:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port();
    let any = RawAddr { ip: [0; 16], port };
    let listener = unsafe {
        SteamAPI_ISteamNetworkingSockets_CreateListenSocketIP(this, &raw const any, 0, null())
    };
    let mut told = local(1);
    let get = SteamAPI_ISteamNetworkingSockets_GetListenSocketAddress;
    assert!(unsafe { get(this, listener, &raw mut told) });
    assert_eq!(told, any);
}

#[test]
fn closing_tells_reasons_as_they_may_be() {
    let _session = Session::start();
    let this = sockets();
    let long = [b'x'; 300];
    let cases: [(i32, *const u8, i32, &[u8]); 6] = [
        (0, null(), 1000, b"Application closed connection\0"),
        (
            2000,
            c"".as_ptr().cast(),
            2000,
            b"Application closed connection in an unusual way\0",
        ),
        (1234, c"good reason".as_ptr().cast(), 1234, b"good reason\0"),
        (
            5,
            c"text".as_ptr().cast(),
            1999,
            b"Invalid numeric reason code\0",
        ),
        (-1, null(), 1999, b"Invalid numeric reason code\0"),
        // Without an end within what is looked at.
        (1001, long.as_ptr(), 1001, &long[..127]),
    ];
    for (reason, text, told, words) in cases {
        let [first, second] = pair(this);
        let close = SteamAPI_ISteamNetworkingSockets_CloseConnection;
        assert!(unsafe { close(this, first, reason, text.cast(), 1) });
        let info = info(this, second).unwrap();
        assert_eq!(({ info.state }, { info.end_reason }), (4, told));
        assert_eq!(&{ info.end_debug }[..words.len()], words);
        assert_eq!({ info.end_debug }[127], 0);
    }
}

#[test]
fn numbers_and_names_of_connections() {
    let _session = Session::start();
    let this = sockets();
    let [first, _] = pair(this);
    let read_name = |handle, room: i32| {
        let mut name = [b'#'; 64];
        let get = SteamAPI_ISteamNetworkingSockets_GetConnectionName;
        let known = unsafe { get(this, handle, name.as_mut_ptr().cast(), room) };
        known.then(|| {
            name.iter()
                .take_while(|byte| **byte != 0)
                .map(|byte| char::from(*byte))
                .collect::<String>()
        })
    };
    let set_name = SteamAPI_ISteamNetworkingSockets_SetConnectionName;
    let set = SteamAPI_ISteamNetworkingSockets_SetConnectionUserData;
    let get = SteamAPI_ISteamNetworkingSockets_GetConnectionUserData;
    unsafe {
        assert_eq!(get(this, first), -1);
        assert!(set(this, first, i64::MIN));
        assert_eq!(get(this, first), i64::MIN);
        assert_eq!({ info(this, first).unwrap().user_data }, i64::MIN);
        assert!(!set(this, 77, 1));
        assert_eq!(get(this, 77), -1);

        assert_eq!(read_name(first, 64), Some(String::new()));
        let long = [b'n'; 200];
        set_name(this, first, long.as_ptr().cast());
        assert_eq!(read_name(first, 64), Some("n".repeat(31)));
        assert_eq!(read_name(first, 5), Some("nnnn".to_owned()));
        set_name(this, first, c"lobby".as_ptr());
        let description = info(this, first).unwrap().description;
        assert!(String::from_utf8_lossy(&description).contains("'lobby'"));
        set_name(this, first, null());
        assert_eq!(read_name(first, 64), Some(String::new()));
        set_name(this, 77, c"x".as_ptr());
        assert_eq!(read_name(77, 64), None);
        let get_name = SteamAPI_ISteamNetworkingSockets_GetConnectionName;
        assert!(!get_name(this, first, null_mut(), 64));
        let mut untouched = 1;
        assert!(get_name(this, first, &raw mut untouched, 0));
        assert!(get_name(this, first, &raw mut untouched, -5));
        assert_eq!(untouched, 1);
    }
}

#[test]
fn how_a_connection_does() {
    let _session = Session::start();
    let this = sockets();
    let [first, _] = pair(this);
    let real_time = SteamAPI_ISteamNetworkingSockets_GetConnectionRealTimeStatus;
    let quick = SteamAPI_ISteamNetworkingSockets_GetQuickConnectionStatus;
    let configure = SteamAPI_ISteamNetworkingSockets_ConfigureConnectionLanes;
    unsafe {
        let mut status = std::mem::zeroed::<RawRealTimeStatus>();
        let mut lanes = [std::mem::zeroed::<RawLaneStatus>(); 4];
        let lanes = lanes.as_mut_ptr();
        assert_eq!(real_time(this, first, &raw mut status, 1, lanes), 1);
        assert_eq!({ status.state }, 3);
        assert!((1..=0x1000_0000).contains(&{ status.send_rate_bytes_per_sec }));
        assert_eq!(real_time(this, first, null_mut(), 0, null_mut()), 1);
        assert_eq!(real_time(this, first, null_mut(), 0, lanes), 1);
        assert_eq!(real_time(this, first, null_mut(), 2, lanes), 8);
        assert_eq!(real_time(this, first, null_mut(), -1, lanes), 8);
        assert_eq!(real_time(this, first, null_mut(), 1, null_mut()), 8);
        assert_eq!(real_time(this, first, null_mut(), -1, null_mut()), 8);
        assert_eq!(real_time(this, first, null_mut(), i32::MAX, lanes), 8);
        assert_eq!(real_time(this, 77, null_mut(), 0, null_mut()), 3);
        assert!(quick(this, first, &raw mut status));
        assert!(quick(this, first, null_mut()));
        assert!(!quick(this, 77, &raw mut status));

        assert_eq!(
            configure(this, first, 3, [3, 1, 2].as_ptr(), [1, 2, 3].as_ptr()),
            1
        );
        assert_eq!(real_time(this, first, null_mut(), 3, lanes), 1);
        assert_eq!(configure(this, first, 3, null(), null()), 1);
        assert_eq!(configure(this, first, 2, null(), null()), 8);
        assert_eq!(configure(this, first, 4, null(), [1, 1, 0, 1].as_ptr()), 8);
        for count in [0, -1, 256, i32::MAX, i32::MIN] {
            assert_eq!(configure(this, first, count, null(), null()), 8, "{count}");
        }
        assert_eq!(configure(this, 77, 1, null(), null()), 3);
        assert_eq!(configure(this, first, 255, null(), null()), 1);
    }
}

#[test]
fn a_connection_that_ended_takes_no_lanes_and_no_flush() {
    let _session = Session::start();
    let this = sockets();
    let [first, second] = pair(this);
    assert!(close(this, first));
    let configure = SteamAPI_ISteamNetworkingSockets_ConfigureConnectionLanes;
    let flush = SteamAPI_ISteamNetworkingSockets_FlushMessagesOnConnection;
    let accept = SteamAPI_ISteamNetworkingSockets_AcceptConnection;
    unsafe {
        assert_eq!(configure(this, second, 2, null(), null()), 11);
        assert_eq!(flush(this, second), 3);
        assert_eq!(flush(this, first), 8);
        assert_eq!(accept(this, first), 8);
        assert_eq!(accept(this, second), 11);
    }
    let addr = local(9);
    let dialled = connect(this, addr);
    assert_eq!(unsafe { flush(this, dialled) }, 41);
    assert_eq!(unsafe { accept(this, dialled) }, 8);
    let [first, _] = pair(this);
    assert_eq!(unsafe { flush(this, first) }, 1);
    assert_eq!(unsafe { accept(this, first) }, 11);
}

#[test]
fn the_detailed_status_tells_what_room_it_needs() {
    let _session = Session::start();
    let this = sockets();
    let [first, _] = pair(this);
    let get = SteamAPI_ISteamNetworkingSockets_GetDetailedConnectionStatus;
    unsafe {
        let size = get(this, first, null_mut(), 0);
        assert!(size > 1024);
        assert_eq!(get(this, first, null_mut(), 100_000), size);
        let mut text = vec![b'#'; size as usize];
        assert!(get(this, first, text.as_mut_ptr().cast(), 10) > 1024);
        assert_eq!((text[9], text[10]), (0, b'#'));
        assert!(get(this, first, text.as_mut_ptr().cast(), -3) > 1024);
        assert_eq!(get(this, first, text.as_mut_ptr().cast(), size), 0);
        assert!(text.contains(&0));
        assert_eq!(get(this, 77, text.as_mut_ptr().cast(), size), -1);
    }
}

#[test]
fn pairs_see_each_other_as_told() {
    let _session = Session::start();
    let this = sockets();
    let raw = |text: &str| RawIdentity::from(Some(&text.parse::<bowline::Identity>().unwrap()));
    let (one, two) = (raw("str:one"), raw("str:two"));
    for (network, flags) in [(0, 12), (1, 9)] {
        let [mut first, mut second] = [0; 2];
        let make = SteamAPI_ISteamNetworkingSockets_CreateSocketPair;
        assert!(unsafe {
            make(
                this,
                &raw mut first,
                &raw mut second,
                network,
                &raw const one,
                &raw const two,
            )
        });
        assert_eq!({ info(this, first).unwrap().identity_remote }, one);
        assert_eq!({ info(this, second).unwrap().identity_remote }, two);
        for handle in [first, second] {
            let info = info(this, handle).unwrap();
            assert_eq!(({ info.state }, { info.flags }), (3, flags));
        }
        assert!(close(this, first) && close(this, second));
        assert!(unsafe {
            make(
                this,
                &raw mut first,
                &raw mut second,
                network,
                null(),
                null(),
            )
        });
        let seen = { info(this, first).unwrap().identity_remote };
        assert_eq!(seen.identity().unwrap().to_string(), "ip:::1");
    }
    let mut one = 5;
    let make = SteamAPI_ISteamNetworkingSockets_CreateSocketPair;
    assert!(!unsafe { make(this, &raw mut one, null_mut(), 0, null(), null()) });
    assert_eq!(one, 0);
    assert!(heard().is_empty());
}

#[test]
fn certificate_requests_and_certificates_are_checked() {
    let _session = Session::start();
    let this = sockets();
    let request = SteamAPI_ISteamNetworkingSockets_GetCertificateRequest;
    let set = SteamAPI_ISteamNetworkingSockets_SetCertificate;
    unsafe {
        let mut size = 0;
        assert!(request(this, &raw mut size, null_mut(), null_mut()));
        assert!(size > 32);
        let mut bytes = vec![0_u8; size as usize];
        let mut short = size - 1;
        let mut error = [0; 1024];
        assert!(!request(this, null_mut(), null_mut(), &raw mut error));
        assert!(!request(
            this,
            &raw mut short,
            bytes.as_mut_ptr().cast(),
            &raw mut error
        ));
        assert_eq!(short, size);
        assert_ne!(error[0], 0);
        assert!(bytes.iter().all(|byte| *byte == 0));
        assert!(!request(
            this,
            null_mut(),
            bytes.as_mut_ptr().cast(),
            &raw mut error
        ));
        assert!(request(
            this,
            &raw mut size,
            bytes.as_mut_ptr().cast(),
            &raw mut error
        ));
        assert!(bytes.iter().any(|byte| *byte != 0));

        for (bytes, size) in [
            (null(), 0),
            (null(), 5),
            (c"junk".as_ptr().cast(), 4),
            (null(), -1),
        ] {
            error = [0; 1024];
            assert!(!set(this, bytes, size, &raw mut error));
            assert_ne!(error[0], 0);
        }
        assert!(!set(this, null(), 0, null_mut()));
        let mut status = std::mem::zeroed::<RawAuthenticationStatus>();
        let get = SteamAPI_ISteamNetworkingSockets_GetAuthenticationStatus;
        assert_eq!(get(this, &raw mut status), -102);
        assert_eq!({ status.availability }, -102);
        assert_ne!({ status.debug }[0], 0);
        assert_eq!(get(this, null_mut()), -102);
    }
}
