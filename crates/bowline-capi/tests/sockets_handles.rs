//! Handles and what they stand for: good ones, stale ones, those of another kind, and made up ones.
#![allow(
    clippy::unwrap_used,
    clippy::undocumented_unsafe_blocks,
    reason = "a test that cannot go on may panic; all pointers lead to locals, or are null"
)]

mod support;

use std::ptr::null;
use std::ptr::null_mut;
use std::sync::Mutex;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering;
use std::thread;

use GameNetworkingSockets::abi::identity::RawIdentity;
use GameNetworkingSockets::abi::vtable::Object;
use GameNetworkingSockets::callbacks::SteamAPI_ISteamNetworkingSockets_RunCallbacks as run_callbacks;
use GameNetworkingSockets::messages::SteamAPI_ISteamNetworkingSockets_ReceiveMessagesOnPollGroup as receive;
use GameNetworkingSockets::messages::SteamAPI_ISteamNetworkingSockets_SendMessageToConnection as send;
use GameNetworkingSockets::messages::SteamAPI_SteamNetworkingMessage_t_Release as release;
use GameNetworkingSockets::process::GameNetworkingSockets_Init as init;
use GameNetworkingSockets::process::GameNetworkingSockets_Kill as kill;
use GameNetworkingSockets::sockets::flat::*;
use GameNetworkingSockets::sockets::object::SteamGameServerNetworkingSockets_LibV12;

use support::Session;
use support::close;
use support::connect;
use support::connected;
use support::info;
use support::listen;
use support::pair;
use support::sockets;

#[test]
fn an_identity_that_is_not_utf_8_is_refused_everywhere() {
    let _session = Session::start();
    let this = sockets();
    let bad = RawIdentity::of(bowline::IdentityKind::GenericString, b"caf\xE9", 5);
    let good = RawIdentity::of(bowline::IdentityKind::GenericString, b"good", 5);
    let identity = || {
        let mut identity = RawIdentity::INVALID;
        let known =
            unsafe { SteamAPI_ISteamNetworkingSockets_GetIdentity(this, &raw mut identity) };
        known.then_some(identity)
    };
    unsafe { SteamAPI_ISteamNetworkingSockets_ResetIdentity(this, &raw const good) };
    let [first, second] = pair(this);
    unsafe { SteamAPI_ISteamNetworkingSockets_ResetIdentity(this, &raw const bad) };
    assert_eq!(identity(), Some(good));
    assert!(info(this, first).is_some(), "nothing is closed, either");
    assert!(close(this, first) && close(this, second));
    for (one, other) in [(&good, &bad), (&bad, &good)] {
        let mut out = [7; 2];
        let [first, second] = &mut out;
        let make = SteamAPI_ISteamNetworkingSockets_CreateSocketPair;
        assert!(!unsafe { make(this, first, second, 0, one, other) });
        assert_eq!(out, [0, 0]);
    }
    unsafe {
        kill();
        assert!(!init(&raw const bad, null_mut()));
    }
}

#[test]
fn poll_groups_take_and_lose_connections() {
    let _session = Session::start();
    let this = sockets();
    let [first, second] = pair(this);
    let set = SteamAPI_ISteamNetworkingSockets_SetConnectionPollGroup;
    unsafe {
        let group = SteamAPI_ISteamNetworkingSockets_CreatePollGroup(this);
        let other = SteamAPI_ISteamNetworkingSockets_CreatePollGroup(this);
        assert_ne!(group, other);
        assert_eq!((group & other) >> 31, 1);
        assert!(set(this, first, group));
        assert!(set(this, first, other));
        assert!(set(this, first, group));
        assert!(!set(this, first, group ^ 0x10000));
        assert!(!set(this, first, first));
        assert!(!set(this, group, group));
        assert!(!set(this, 77, 0));
        assert_eq!(send(this, second, b"hello".as_ptr(), 5, 9, null_mut()), 1);
        let mut messages = [null_mut(); 4];
        assert_eq!(receive(this, other, messages.as_mut_ptr(), 4), 0);
        assert_eq!(receive(this, group, messages.as_mut_ptr(), 4), 1);
        assert_eq!((*messages[0]).connection, first);
        release(messages[0]);
        let destroy = SteamAPI_ISteamNetworkingSockets_DestroyPollGroup;
        assert!(destroy(this, group));
        assert!(!destroy(this, group));
        assert!(!destroy(this, 0));
        assert!(!destroy(this, first));
        assert_eq!(receive(this, group, messages.as_mut_ptr(), 4), -1);
        assert!(!set(this, first, group));
        assert!(set(this, first, 0));
        assert!(info(this, first).is_some());
    }
}

#[test]
fn made_up_handles_never_hit() {
    let _session = Session::start();
    let this = sockets();
    let (listener, client, server) = connected(this);
    let group = unsafe { SteamAPI_ISteamNetworkingSockets_CreatePollGroup(this) };
    let handles = [listener, client, server, group];
    for handle in handles {
        for bit in 0..32 {
            let other = handle ^ (1 << bit);
            if !handles.contains(&other) {
                misuse(this, other);
            }
        }
    }
    // And those that are good, but of another kind.
    let close_listener = SteamAPI_ISteamNetworkingSockets_CloseListenSocket;
    let destroy = SteamAPI_ISteamNetworkingSockets_DestroyPollGroup;
    for wrong in [client, server, group] {
        assert!(!unsafe { close_listener(this, wrong) });
    }
    for wrong in [client, server, listener] {
        assert!(!unsafe { destroy(this, wrong) });
    }
    for wrong in [listener, group] {
        assert!(!close(this, wrong));
    }
    assert_eq!({ info(this, client).unwrap().state }, 3);
    assert_eq!({ info(this, server).unwrap().state }, 3);
    assert!(unsafe { close_listener(this, listener) });
    assert!(unsafe { destroy(this, group) });
}

/// Does everything with a handle that is none.
fn misuse(this: *const Object, handle: u32) {
    unsafe {
        assert!(!close(this, handle));
        assert!(!SteamAPI_ISteamNetworkingSockets_CloseListenSocket(
            this, handle
        ));
        assert!(!SteamAPI_ISteamNetworkingSockets_DestroyPollGroup(
            this, handle
        ));
        assert_eq!(
            SteamAPI_ISteamNetworkingSockets_AcceptConnection(this, handle),
            8
        );
        assert!(info(this, handle).is_none());
        assert_eq!(
            SteamAPI_ISteamNetworkingSockets_FlushMessagesOnConnection(this, handle),
            8
        );
        assert_eq!(send(this, handle, b"x".as_ptr(), 1, 8, null_mut()), 8);
        assert_eq!(receive(this, handle, [null_mut(); 1].as_mut_ptr(), 1), -1);
    }
}

#[test]
fn thirty_threads_misuse_handles_while_others_close() {
    let _session = Session::start();
    let address = sockets() as usize;
    let seen = Mutex::new(Vec::<u32>::new());
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        for thread in 0..30 {
            let (seen, done) = (&seen, &done);
            scope.spawn(move || {
                let this = address as *const Object;
                let mut turn = thread;
                while !done.load(Ordering::Relaxed) {
                    let handle = seen.lock().unwrap().get(turn % 64).copied().unwrap_or(0);
                    use_any(this, handle, turn);
                    turn += 7;
                }
            });
        }
        let this = sockets();
        let (listener, addr) = listen(this);
        for round in 0..200 {
            let [first, second] = pair(this);
            let group = unsafe { SteamAPI_ISteamNetworkingSockets_CreatePollGroup(this) };
            let dialled = connect(this, addr);
            {
                let mut seen = seen.lock().unwrap();
                seen.extend([first, second, group, dialled, first ^ 0x10000]);
                let excess = seen.len().saturating_sub(64);
                seen.drain(..excess);
            }
            thread::yield_now();
            // Others may have been faster.
            close(this, first);
            close(this, second);
            close(this, dialled);
            unsafe { SteamAPI_ISteamNetworkingSockets_DestroyPollGroup(this, group) };
            if round % 10 == 0 {
                unsafe { run_callbacks(this) };
            }
        }
        done.store(true, Ordering::Relaxed);
        assert!(unsafe { SteamAPI_ISteamNetworkingSockets_CloseListenSocket(this, listener) });
    });
    let this = sockets();
    for handle in seen.into_inner().unwrap() {
        assert!(info(this, handle).is_none());
    }
}

/// One of the things that may be done with a handle, whatever it is of.
fn use_any(this: *const Object, handle: u32, which: usize) {
    unsafe {
        match which % 10 {
            0 => drop(close(this, handle)),
            1 => drop(info(this, handle)),
            2 => drop(SteamAPI_ISteamNetworkingSockets_DestroyPollGroup(
                this, handle,
            )),
            3 => drop(SteamAPI_ISteamNetworkingSockets_SetConnectionPollGroup(
                this, handle, handle,
            )),
            4 => drop(send(this, handle, b"hello".as_ptr(), 5, 8, null_mut())),
            5 => {
                let mut message = [null_mut()];
                if receive(this, handle, message.as_mut_ptr(), 1) == 1 {
                    release(message[0]);
                }
            }
            6 => drop(SteamAPI_ISteamNetworkingSockets_AcceptConnection(
                this, handle,
            )),
            7 => drop(SteamAPI_ISteamNetworkingSockets_SetConnectionUserData(
                this, handle, 1,
            )),
            8 => drop(SteamAPI_ISteamNetworkingSockets_ConfigureConnectionLanes(
                this,
                handle,
                2,
                null(),
                null(),
            )),
            _ => run_callbacks(this),
        }
    }
}

#[test]
fn connections_of_two_interfaces_never_have_the_same_handle() {
    let _session = Session::start();
    let user = sockets();
    let server = unsafe { SteamGameServerNetworkingSockets_LibV12() };
    for _ in 0..50 {
        let [users, servers] = [user, server].map(pair);
        for handle in users.into_iter().chain(servers) {
            // Both halves count on the wire, and neither may be 0.
            assert!(handle & 0xffff != 0 && handle >> 16 != 0);
        }
        assert!(users.iter().all(|handle| handle >> 31 == 0));
        assert!(servers.iter().all(|handle| handle >> 31 == 1));
    }
}
