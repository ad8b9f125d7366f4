//! Programs in C that sign in to a hub: by a call, and by the environment without knowing of it.
#![allow(
    clippy::unwrap_used,
    clippy::undocumented_unsafe_blocks,
    reason = "a test that cannot go on may panic; all pointers lead to locals, or are null"
)]

mod world;

use std::ffi::CStr;
use std::ffi::CString;
use std::ffi::c_char;
use std::ptr::null;
use std::ptr::null_mut;

use GameNetworkingSockets::abi::identity::RawIdentity;
use GameNetworkingSockets::abi::structs::RawAuthenticationStatus;
use GameNetworkingSockets::beyond::Bowline_SignIn;
use GameNetworkingSockets::beyond::Bowline_SignOut;
use GameNetworkingSockets::messages::SteamAPI_ISteamNetworkingSockets_SendMessageToConnection as send;
use GameNetworkingSockets::process::GameNetworkingSockets_Init;
use GameNetworkingSockets::process::GameNetworkingSockets_Kill;
use GameNetworkingSockets::process::GameNetworkingSockets_SetAppID;
use GameNetworkingSockets::sockets::flat::*;
use GameNetworkingSockets::sockets::object::SteamNetworkingSockets_LibV12 as user;
use GameNetworkingSockets::sockets::peers::SteamAPI_ISteamNetworkingSockets_ConnectP2P as connect;
use bowline::Availability;

use self::world::PORT;
use self::world::World;
use self::world::accept;
use self::world::eventually;
use self::world::id;
use self::world::receive;

fn status() -> (i32, String) {
    let mut status = RawAuthenticationStatus {
        availability: 0,
        debug: [0; 256],
    };
    let get = SteamAPI_ISteamNetworkingSockets_GetAuthenticationStatus;
    unsafe { get(user(), &raw mut status) };
    let text = unsafe { CStr::from_ptr(status.debug.as_ptr().cast()) };
    (status.availability, text.to_str().unwrap().to_owned())
}

fn until_signed_in() {
    eventually("signed in", || {
        let (availability, text) = status();
        assert_ne!(availability, Availability::Failed.number(), "{text}");
        availability == Availability::Current.number()
    });
}

/// Calls ben, who hears it, and says hello.
fn call_ben(ben: &bowline::Sockets, who: &str) {
    let peer = RawIdentity::from(Some(&id("str:dev-ben")));
    let this = unsafe { user() };
    let port = i32::from(PORT);
    let call = unsafe { connect(this, &raw const peer, port, 0, null()) };
    assert_ne!(call, 0);
    let sent = unsafe { send(this, call, c"hello".as_ptr().cast(), 5, 8, null_mut()) };
    assert_eq!(sent, 1);
    let guest = accept(ben);
    assert_eq!(guest.peer(), Some(&id(who)));
    assert!(guest.info().unwrap().authenticated);
    assert_eq!(receive(&guest), b"hello");
    let close = SteamAPI_ISteamNetworkingSockets_CloseConnection;
    assert!(unsafe { close(this, call, 0, null(), 0) });
    eventually("ben hears the end", || {
        ben.events().count();
        guest.state() != bowline::ConnectionState::Connected
    });
}

fn sign_in(hub: &str, key: &str, login: &CStr, identity: *const c_char) -> Result<(), String> {
    let (hub, key) = (CString::new(hub).unwrap(), CString::new(key).unwrap());
    let mut error = [0; 1024];
    let signs_in = unsafe {
        Bowline_SignIn(
            user(),
            hub.as_ptr(),
            key.as_ptr(),
            login.as_ptr(),
            identity,
            &raw mut error,
        )
    };
    let text = unsafe { CStr::from_ptr(error.as_ptr().cast()) };
    match signs_in {
        true => Ok(()),
        false => Err(text.to_str().unwrap().to_owned()),
    }
}

/// One test, since the environment and the library are the process's.
#[test]
fn programs_sign_in_by_the_environment_and_by_a_call() {
    let world = World::new();
    let hub = world.address.to_string();
    let key = world.keys.identity.public().to_line("");
    let authority = world.keys.authority.public().to_line("");
    let ben = world.signed_in("str:dev-ben");
    let _listener = ben.listen_p2p(PORT).unwrap();
    for (name, value) in [
        ("BOWLINE_HUB", &*hub),
        ("BOWLINE_HUB_KEY", &*key),
        ("BOWLINE_HUB_LOGIN", "dev"),
        ("BOWLINE_HUB_IDENTITY", "str:dev-anna"),
        ("BOWLINE_HUB_AUTHORITY", &*authority),
    ] {
        // Nobody else reads it meanwhile.
        unsafe { std::env::set_var(name, value) };
    }
    unsafe {
        assert!(GameNetworkingSockets_Init(null(), null_mut()));
        GameNetworkingSockets_SetAppID(480);
        let begun = SteamAPI_ISteamNetworkingSockets_InitAuthentication(user());
        assert_eq!(begun, Availability::Waiting.number());
    }
    until_signed_in();
    call_ben(&ben, "str:dev-anna");

    unsafe { Bowline_SignOut(user()) };
    let error = sign_in("nowhere", &key, c"dev", null()).unwrap_err();
    assert!(error.contains("no address of a hub"), "{error}");
    let error = sign_in(&hub, "ssh-ed25519 AAAA", c"dev", null()).unwrap_err();
    assert!(error.contains("the key of the hub"), "{error}");
    let error = sign_in(&hub, &key, c"password:1", null()).unwrap_err();
    assert!(error.contains("is expected"), "{error}");
    sign_in(&hub, &key, c"dev", c"str:dev-anna".as_ptr()).unwrap();
    until_signed_in();
    call_ben(&ben, "str:dev-anna");
    unsafe { GameNetworkingSockets_Kill() };
}
