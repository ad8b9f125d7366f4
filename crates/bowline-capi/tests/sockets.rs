//! Listen sockets, connections and poll groups, through the exported functions.
#![allow(
    clippy::undocumented_unsafe_blocks,
    reason = "all pointers lead to locals, or are null"
)]

mod support;

use std::ptr::null;

use GameNetworkingSockets::sockets::flat::*;

use support::Session;
use support::close;
use support::connect;
use support::connected;
use support::hear_until;
use support::heard;
use support::info;
use support::listen;
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
        SteamAPI_ISteamNetworkingSockets_GetListenSocketAddress(
            this,
            listener,
            std::ptr::null_mut(),
        )
    });
    assert!(unsafe {
        SteamAPI_ISteamNetworkingSockets_CloseConnection(this, client, 0, null(), 0)
    });
}
