//! What goes beyond GNS: `bowline.h`.
#![allow(
    clippy::unwrap_used,
    clippy::undocumented_unsafe_blocks,
    reason = "a test that cannot go on may panic; all pointers lead to locals, or are null"
)]

mod support;

use std::ffi::CStr;
use std::ffi::c_void;
use std::ptr::null;
use std::ptr::null_mut;
use std::sync::atomic::AtomicU32;
use std::sync::atomic::Ordering;
use std::time::Duration;
use std::time::Instant;

use GameNetworkingSockets::abi::message::RawMessage;
use GameNetworkingSockets::abi::vtable::Object;
use GameNetworkingSockets::beyond::*;
use GameNetworkingSockets::callbacks::SteamAPI_ISteamNetworkingSockets_RunCallbacks as run_callbacks;
use GameNetworkingSockets::messages::SteamAPI_ISteamNetworkingSockets_ReceiveMessagesOnConnection as receive;
use GameNetworkingSockets::messages::SteamAPI_ISteamNetworkingSockets_SendMessageToConnection as send;
use GameNetworkingSockets::messages::SteamAPI_SteamNetworkingMessage_t_Release as release;
use GameNetworkingSockets::sockets::flat::*;

use support::Session;
use support::close;
use support::connected;
use support::hear_until;
use support::heard;
use support::info;
use support::pair;
use support::sockets;

const RELIABLE: i32 = 8;
const NO_NAGLE: i32 = 1;

/// The oldest message of a connection, if there is one.
fn take(this: *const Object, handle: u32) -> Option<Vec<u8>> {
    let mut message: *mut RawMessage = null_mut();
    unsafe {
        if receive(this, handle, &raw mut message, 1) != 1 {
            return None;
        }
        let raw = &*message;
        let bytes = std::slice::from_raw_parts(raw.data.cast::<u8>(), raw.size as usize).to_vec();
        release(message);
        Some(bytes)
    }
}

#[test]
fn version_and_generations_are_told() {
    let version = unsafe { CStr::from_ptr(Bowline_Version()) };
    assert_eq!(version.to_str().unwrap(), env!("CARGO_PKG_VERSION"));
    let _session = Session::without_library();
    unsafe {
        assert_eq!(Bowline_GetAbiGeneration(), 15);
        assert!(Bowline_SetAbiGeneration(14));
        assert_eq!(Bowline_GetAbiGeneration(), 14);
        for wrong in [-1, 0, 1, 13, 16] {
            assert!(!Bowline_SetAbiGeneration(wrong));
        }
        assert_eq!(Bowline_GetAbiGeneration(), 14);
        assert!(Bowline_SetAbiGeneration(15));
    }
}

#[test]
fn waiting_ends_with_a_message_or_a_callback() {
    let _session = Session::start();
    let this = sockets();
    let (_, client, server) = connected(this);
    unsafe {
        while Bowline_Wait(this, 0) {
            run_callbacks(this);
        }
        heard();
        let start = Instant::now();
        assert!(!Bowline_Wait(this, 5));
        assert!(start.elapsed() >= Duration::from_millis(5));
        assert_eq!(send(this, client, b"hello".as_ptr(), 5, 9, null_mut()), 1);
        assert!(Bowline_Wait(this, -1));
        assert_eq!(take(this, server).unwrap(), b"hello");
        assert!(!Bowline_Wait(this, 0));
        assert!(close(this, client));
        assert!(Bowline_Wait(this, 10_000));
        hear_until(this, |heard| heard.connection == server && heard.new == 4);

        let group = SteamAPI_ISteamNetworkingSockets_CreatePollGroup(this);
        assert!(!Bowline_WaitOnPollGroup(this, group, 0));
        assert!(!Bowline_WaitOnPollGroup(this, group ^ 1, -1));
        let [first, second] = pair(this);
        assert!(SteamAPI_ISteamNetworkingSockets_SetConnectionPollGroup(
            this, first, group
        ));
        assert_eq!(send(this, second, b"x".as_ptr(), 1, 9, null_mut()), 1);
        assert!(Bowline_WaitOnPollGroup(this, group, -1));
        assert!(take(this, first).is_some());
        assert!(!Bowline_WaitOnPollGroup(this, group, 1));
    }
}

#[cfg(unix)]
#[test]
fn the_wait_handle_can_be_watched() {
    let _session = Session::start();
    let this = sockets();
    let (mut handle, mut again) = (-1, -1);
    let [first, second] = pair(this);
    unsafe {
        assert!(Bowline_GetWaitHandle(this, &raw mut handle));
        assert!(Bowline_GetWaitHandle(this, &raw mut again));
        assert_eq!(handle, again);
        assert!(!Bowline_GetWaitHandle(this, null_mut()));
        assert!(!is_readable(handle));
        assert_eq!(send(this, first, b"x".as_ptr(), 1, 9, null_mut()), 1);
        assert!(is_readable(handle));
        assert!(take(this, second).is_some());
        assert!(!is_readable(handle));
        // Nobody is told of it, so there is nothing to do.
        assert!(close(this, first));
        assert!(!is_readable(handle));
        assert!(Bowline_GetNextTimeout(this) >= -1);
    }
}

unsafe extern "C-unwind" fn hear_writable(_connection: u32, _context: *mut c_void) {}

#[cfg(unix)]
#[test]
fn the_wait_handle_stays_readable_while_callbacks_wait() {
    let _session = Session::start();
    let this = sockets();
    let mut handle = -1;
    unsafe {
        assert!(Bowline_GetWaitHandle(this, &raw mut handle));
        assert!(Bowline_SetWritableCallback(
            this,
            Some(hear_writable),
            null_mut()
        ));
        // Of these two ends nobody is told anything.
        let [first, second] = pair(this);
        assert!(close(this, first));
        assert!(close(this, second));
        assert!(!is_readable(handle));
        assert!(!Bowline_Wait(this, 0));
        let (_, client, server) = connected(this);
        run_callbacks(this);
        assert!(close(this, client));
        for _ in 0..3 {
            assert!(Bowline_Wait(this, 10_000));
            assert!(is_readable(handle));
        }
        hear_until(this, |heard| heard.connection == server && heard.new == 4);
        run_callbacks(this);
        assert!(!is_readable(handle));
    }
}

#[cfg(unix)]
fn is_readable(handle: i32) -> bool {
    let mut poll = mio::Poll::new().unwrap();
    let mut source = mio::unix::SourceFd(&handle);
    let registry = poll.registry();
    registry
        .register(&mut source, mio::Token(0), mio::Interest::READABLE)
        .unwrap();
    let mut events = mio::Events::with_capacity(1);
    poll.poll(&mut events, Some(Duration::ZERO)).unwrap();
    !events.is_empty()
}

/// Sends a text, and tells the result and the number.
fn try_send(connection: u32, options: &RawSendOptions) -> (i32, i64) {
    let mut number = 99;
    let (text, number_to) = (b"text", &raw mut number);
    let result =
        unsafe { Bowline_SendMessage(sockets(), connection, text.as_ptr(), 4, options, number_to) };
    (result, number)
}

/// Reliable, without waiting for company.
fn reliable_now() -> RawSendOptions {
    RawSendOptions {
        size: 32,
        flags: RELIABLE | NO_NAGLE,
        ..RawSendOptions::default()
    }
}

#[test]
fn messages_are_sent_in_any_way() {
    let _session = Session::start();
    let this = sockets();
    let [first, second] = pair(this);
    let options = reliable_now();
    assert_eq!(try_send(first, &options), (1, 1));
    assert_eq!(take(this, second).unwrap(), b"text");
    let stale = RawSendOptions {
        flags: NO_NAGLE,
        deadline_us: 200_000,
        replace_key: 7,
        replaces: 1,
        ..options
    };
    assert_eq!(try_send(first, &stale), (1, 2));
}

#[test]
fn options_that_do_not_go_together_are_refused() {
    let _session = Session::start();
    let this = sockets();
    let [first, second] = pair(this);
    let options = reliable_now();
    for wrong in [
        RawSendOptions { size: 0, ..options },
        RawSendOptions {
            size: 31,
            ..options
        },
        RawSendOptions {
            deadline_us: 1,
            ..options
        },
        RawSendOptions {
            replaces: 1,
            ..options
        },
        RawSendOptions {
            flags: 0,
            deadline_us: -1,
            ..options
        },
        RawSendOptions { lane: 1, ..options },
        RawSendOptions {
            lane: 255,
            ..options
        },
        RawSendOptions {
            lane: 256,
            ..options
        },
    ] {
        assert_eq!(try_send(first, &wrong), (8, -1), "{wrong:?}");
    }
    unsafe {
        assert_eq!(
            Bowline_SendMessage(this, first, b"x".as_ptr(), 1, null(), null_mut()),
            1
        );
        assert_eq!(
            Bowline_SendMessage(this, first, null(), 1, null(), null_mut()),
            8
        );
        assert_eq!(
            Bowline_SendMessage(this, first, null(), 0, null(), null_mut()),
            1
        );
        assert_eq!(
            Bowline_SendMessage(this, 77, b"x".as_ptr(), 1, null(), null_mut()),
            8
        );
        assert!(close(this, second));
        assert_eq!(
            Bowline_SendMessage(this, first, b"x".as_ptr(), 1, null(), null_mut()),
            3
        );
    }
}

#[test]
fn what_may_be_sent_is_told() {
    let _session = Session::start();
    let this = sockets();
    let [first, second] = pair(this);
    let mut capacity = RawSendCapacity {
        size: 24,
        ..RawSendCapacity::default()
    };
    unsafe {
        assert_eq!(
            Bowline_GetSendCapacity(this, first, 0, &raw mut capacity),
            1
        );
        assert!(capacity.buffer_bytes > 0);
        assert_eq!(
            Bowline_GetSendCapacity(this, first, 1, &raw mut capacity),
            8
        );
        assert_eq!(
            Bowline_GetSendCapacity(this, first, -1, &raw mut capacity),
            8
        );
        assert_eq!(Bowline_GetSendCapacity(this, first, 0, null_mut()), 8);
        assert_eq!(Bowline_GetSendCapacity(this, 77, 0, &raw mut capacity), 3);
        assert!(close(this, second));
        assert_eq!(
            Bowline_GetSendCapacity(this, first, 0, &raw mut capacity),
            3
        );
        capacity.size = 20;
        assert_eq!(
            Bowline_GetSendCapacity(this, first, 0, &raw mut capacity),
            8
        );
        assert_eq!(capacity.size, 20);
    }
}

#[test]
fn lanes_may_be_sequenced() {
    let _session = Session::start();
    let this = sockets();
    let [first, _] = pair(this);
    unsafe {
        assert_eq!(Bowline_SetSequenced(this, first, -1, 1), 1);
        assert_eq!(Bowline_SetSequenced(this, first, 254, 0), 1);
        for wrong in [-2, 255, 256, i32::MAX, i32::MIN] {
            assert_eq!(Bowline_SetSequenced(this, first, wrong, 1), 8);
        }
        assert_eq!(Bowline_SetSequenced(this, 77, 0, 1), 3);
    }
}

#[test]
fn room_in_the_send_buffer_is_told() {
    static TOLD: AtomicU32 = AtomicU32::new(0);
    unsafe extern "C-unwind" fn writable(connection: u32, context: *mut c_void) {
        assert_eq!(context.addr(), 5);
        TOLD.store(connection, Ordering::Relaxed);
    }
    let _session = Session::start();
    let this = sockets();
    let fill = |first| unsafe {
        let bytes = vec![0_u8; 300_000];
        while send(
            this,
            first,
            bytes.as_ptr(),
            bytes.len() as u32,
            RELIABLE,
            null_mut(),
        ) == 1
        {}
    };
    let drain = |second| while take(this, second).is_some() {};
    let context = std::ptr::without_provenance_mut(5);
    assert!(unsafe { Bowline_SetWritableCallback(this, Some(writable), context) });
    let [first, second] = pair(this);
    fill(first);
    drain(second);
    unsafe { run_callbacks(this) };
    assert_eq!(TOLD.swap(0, Ordering::Relaxed), first);
    // Whoever is not told any more finds nothing waiting either.
    assert!(unsafe { Bowline_SetWritableCallback(this, None, null_mut()) });
    let [first, second] = pair(this);
    fill(first);
    drain(second);
    assert!(!unsafe { Bowline_Wait(this, 0) });
    unsafe { run_callbacks(this) };
    assert_eq!(TOLD.load(Ordering::Relaxed), 0);
}

#[test]
fn lingering_can_be_waited_for() {
    let _session = Session::start();
    let this = sockets();
    let (_, client, server) = connected(this);
    let bytes = vec![7_u8; 200_000];
    unsafe {
        assert_eq!(
            send(
                this,
                client,
                bytes.as_ptr(),
                bytes.len() as u32,
                RELIABLE,
                null_mut()
            ),
            1
        );
        assert!(SteamAPI_ISteamNetworkingSockets_CloseConnection(
            this,
            client,
            0,
            null(),
            1
        ));
        assert!(Bowline_WaitForLinger(this, 10_000));
        assert_eq!(take(this, server).unwrap(), bytes);
    }
    assert_eq!({ info(this, server).unwrap().state }, 4);
}
