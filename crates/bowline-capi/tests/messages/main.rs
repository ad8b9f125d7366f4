//! Messages that callers make, send, receive and release, through the exported functions.
//!
//! The library is one for the process, so the tests take turns.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on may panic")]
#![allow(
    clippy::undocumented_unsafe_blocks,
    reason = "all pointers lead to locals or to messages of the library"
)]

mod lent;
mod taken;

use std::ffi::c_int;
use std::ptr::null_mut;
use std::sync::Mutex;
use std::sync::MutexGuard;
use std::sync::PoisonError;
use std::time::Duration;
use std::time::Instant;

use GameNetworkingSockets::abi::identity::RawIdentity;
use GameNetworkingSockets::abi::message::RawMessage;
use GameNetworkingSockets::abi::vtable::Object;
use GameNetworkingSockets::guard;
use GameNetworkingSockets::messages::SteamAPI_ISteamNetworkingSockets_ReceiveMessagesOnConnection as receive_messages;
use GameNetworkingSockets::messages::SteamAPI_ISteamNetworkingSockets_ReceiveMessagesOnPollGroup as receive_on_group;
use GameNetworkingSockets::messages::SteamAPI_ISteamNetworkingSockets_SendMessageToConnection as send_message;
use GameNetworkingSockets::messages::SteamAPI_ISteamNetworkingSockets_SendMessages as send_messages;
use GameNetworkingSockets::messages::SteamAPI_ISteamNetworkingUtils_AllocateMessage as allocate_message;
use GameNetworkingSockets::messages::SteamAPI_SteamNetworkingMessage_t_Release as release;
use GameNetworkingSockets::messages::generation;
use GameNetworkingSockets::process::GameNetworkingSockets_Init as init;
use GameNetworkingSockets::process::GameNetworkingSockets_Kill as kill;

unsafe extern "C" {
    fn SteamNetworkingSockets_LibV12() -> *const Object;
    fn SteamAPI_ISteamNetworkingSockets_CreateSocketPair(
        this: *const Object,
        first: *mut u32,
        second: *mut u32,
        loopback: u8,
        identity1: *const RawIdentity,
        identity2: *const RawIdentity,
    ) -> bool;
    fn SteamAPI_ISteamNetworkingSockets_CreatePollGroup(this: *const Object) -> u32;
    fn SteamAPI_ISteamNetworkingSockets_SetConnectionPollGroup(
        this: *const Object,
        connection: u32,
        group: u32,
    ) -> bool;
    fn SteamAPI_ISteamNetworkingSockets_SetConnectionUserData(
        this: *const Object,
        connection: u32,
        user_data: i64,
    ) -> bool;
}

const UNRELIABLE: c_int = 0;
const RELIABLE: c_int = 8;
const RELIABLE_NO_NAGLE: c_int = 9;
const INVALID_PARAM: i64 = 8;

/// The library, with two connections to each other, for the time of one test.
struct Turn {
    sockets: *const Object,
    host: u32,
    guest: u32,
    panics: u64,
    _turn: MutexGuard<'static, ()>,
}

impl Turn {
    fn new(loopback: bool) -> Self {
        static TURN: Mutex<()> = Mutex::new(());
        let turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
        let panics = guard::panics();
        let (mut host, mut guest) = (0, 0);
        let sockets = unsafe {
            assert!(init(std::ptr::null(), null_mut()));
            let sockets = SteamNetworkingSockets_LibV12();
            assert!(SteamAPI_ISteamNetworkingSockets_CreateSocketPair(
                sockets,
                &raw mut host,
                &raw mut guest,
                u8::from(loopback),
                std::ptr::null(),
                std::ptr::null(),
            ));
            sockets
        };
        Self {
            sockets,
            host,
            guest,
            panics,
            _turn: turn,
        }
    }

    /// Sends one message from host to guest.
    fn send(&self, data: &[u8], flags: c_int) -> (c_int, i64) {
        let mut number = 77;
        let len = u32::try_from(data.len()).unwrap();
        let code = unsafe {
            send_message(
                self.sockets,
                self.host,
                data.as_ptr(),
                len,
                flags,
                &raw mut number,
            )
        };
        (code, number)
    }

    /// Sends messages; the pointers as they are afterwards, and the results.
    fn send_many(&self, messages: &mut [*mut RawMessage], delete_failed: bool) -> Vec<i64> {
        let mut results = vec![77; messages.len()];
        let count = c_int::try_from(messages.len()).unwrap();
        unsafe {
            send_messages(
                self.sockets,
                count,
                messages.as_mut_ptr(),
                results.as_mut_ptr(),
                u8::from(delete_failed),
            );
        }
        results
    }

    /// A message to the guest with these bytes in a buffer of the library.
    fn message(&self, data: &[u8]) -> *mut RawMessage {
        let message =
            unsafe { allocate_message(std::ptr::null(), c_int::try_from(data.len()).unwrap()) };
        unsafe {
            assert_eq!((*message).size as usize, data.len());
            std::ptr::copy_nonoverlapping(data.as_ptr(), (*message).data.cast(), data.len());
            (*message).connection = self.host;
            (*message).flags = RELIABLE_NO_NAGLE;
        }
        message
    }

    /// Waits for so many messages at the guest.
    fn receive(&self, count: usize) -> Vec<*mut RawMessage> {
        let mut all = Vec::new();
        let end = Instant::now() + Duration::from_secs(20);
        while all.len() < count {
            assert!(Instant::now() < end, "only {} of {count} came", all.len());
            let mut some = [null_mut(); 16];
            let got = unsafe { receive_messages(self.sockets, self.guest, some.as_mut_ptr(), 16) };
            all.extend_from_slice(&some[..usize::try_from(got).unwrap()]);
            if got == 0 {
                std::thread::sleep(Duration::from_millis(1));
            }
        }
        all
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        unsafe { kill() };
        if !std::thread::panicking() {
            assert_eq!(guard::panics(), self.panics, "a panic was caught");
        }
    }
}

/// The bytes of a message, which is released.
fn take(message: *mut RawMessage) -> Vec<u8> {
    unsafe {
        let len = usize::try_from((*message).size).unwrap();
        let bytes = std::slice::from_raw_parts((*message).data.cast::<u8>(), len).to_vec();
        release(message);
        bytes
    }
}

#[test]
fn a_message_is_made_as_in_the_original() {
    unsafe {
        let empty = allocate_message(std::ptr::null(), 0);
        assert!((*empty).data.is_null() && (*empty).free_data.is_none());
        assert_eq!(((*empty).size, (*empty).channel, (*empty).lane), (0, -1, 0));
        assert_eq!(((*empty).connection, (*empty).flags), (0, 0));
        release(empty);
        let filled = allocate_message(std::ptr::null(), 4095);
        assert_eq!(take(filled), [0; 4095]);
        // What is larger is as it is.
        let large = allocate_message(std::ptr::null(), 100_000);
        assert_eq!((*large).size, 100_000);
        (*large).data.cast::<u8>().write_bytes(7, 100_000);
        assert_eq!(take(large), [7; 100_000]);
        assert!(allocate_message(std::ptr::null(), -1).is_null());
        release(null_mut());
        // A small buffer that is used again shows nothing of the message before.
        let first = allocate_message(std::ptr::null(), 64);
        (*first).data.cast::<u8>().write_bytes(9, 64);
        release(first);
        let second = allocate_message(std::ptr::null(), 64);
        assert_eq!(take(second), [0; 64]);
    }
}

#[test]
fn what_is_sent_arrives_with_its_facts() {
    let turn = Turn::new(true);
    let user_data = unsafe {
        SteamAPI_ISteamNetworkingSockets_SetConnectionUserData(turn.sockets, turn.guest, 4711)
    };
    assert!(user_data);
    assert_eq!(turn.send(b"hello", RELIABLE_NO_NAGLE), (1, 1));
    assert_eq!(turn.send(b"", RELIABLE_NO_NAGLE), (1, 2));
    let received = turn.receive(2);
    unsafe {
        let first = &*received[0];
        assert_eq!(first.connection, turn.guest);
        assert_eq!((first.connection_user_data, first.number), (4711, 1));
        assert_eq!((first.flags, first.channel, first.lane), (RELIABLE, -1, 0));
        assert!(first.time_received_us > 24 * 3600 * 30 * 1_000_000);
        // An anonymous peer, ip:::1.
        assert_eq!({ first.identity_peer.kind }, 1);
    }
    assert_eq!(take(received[0]), b"hello");
    assert_eq!(take(received[1]), b"");
}

#[test]
fn refused_sends_say_why() {
    let turn = Turn::new(true);
    let big = vec![0; 524_289];
    assert_eq!(turn.send(&big, RELIABLE), (8, -1));
    let code = |connection, data: *const u8, len| unsafe {
        send_message(turn.sockets, connection, data, len, RELIABLE, null_mut())
    };
    assert_eq!(code(turn.host, std::ptr::null(), 5), 8);
    assert_eq!(code(turn.host, std::ptr::null(), 0), 1);
    for wrong in [0, turn.host ^ 0x10000, turn.host ^ 1, u32::MAX] {
        assert_eq!(code(wrong, big.as_ptr(), 5), 8);
    }
    // The send buffer is 512 KiB, and what it holds leaves at 256 KiB/s.
    let half = vec![0; 500_000];
    let refused = (0..20).find_map(|_| Some(turn.send(&half, RELIABLE)).filter(|sent| sent.0 != 1));
    assert_eq!(refused, Some((25, -1)));
    unsafe { kill() };
    assert_eq!(code(turn.host, big.as_ptr(), 5), 8);
    let mut out = null_mut();
    let received = unsafe { receive_messages(turn.sockets, turn.guest, &raw mut out, 1) };
    assert_eq!(received, -1);
}

#[test]
fn a_batch_stops_at_what_fails_and_leaves_it_to_the_caller() {
    let turn = Turn::new(true);
    let bad_lane = turn.message(b"bad lane");
    let nowhere = turn.message(b"nowhere");
    unsafe {
        (*bad_lane).lane = 300;
        (*nowhere).connection = 12_345;
    }
    let mut messages = [
        turn.message(b"one"),
        null_mut(),
        nowhere,
        bad_lane,
        turn.message(b"behind"),
    ];
    let behind = messages[4];
    let results = turn.send_many(&mut messages, false);
    assert_eq!(
        results,
        [1, -INVALID_PARAM, -INVALID_PARAM, -INVALID_PARAM, 0]
    );
    assert_eq!(
        messages,
        [null_mut(), null_mut(), nowhere, bad_lane, behind]
    );
    unsafe { (*bad_lane).lane = 0 };
    let mut again = [bad_lane, behind];
    assert_eq!(turn.send_many(&mut again, true), [2, 3]);
    let received: Vec<_> = turn.receive(3).into_iter().map(take).collect();
    assert_eq!(received, [&b"one"[..], b"bad lane", b"behind"]);
    unsafe { release(nowhere) };
}

#[test]
fn programs_of_before_1_5_get_what_they_were_built_for() {
    let turn = Turn::new(true);
    assert!(!generation::set(16) && !generation::set(0));
    assert!(generation::set(14));
    let bad = turn.message(b"bad");
    unsafe { (*bad).lane = 200 };
    let mut messages = [turn.message(b"one"), bad, turn.message(b"three")];
    let before = messages;
    // Whatever is in the register of the fifth argument.
    let results = turn.send_many(&mut messages, false);
    assert!(generation::set(15));
    assert_eq!(results, [1, -INVALID_PARAM, 2]);
    assert_eq!(messages, before, "the caller's array is left alone");
    let received: Vec<_> = turn.receive(2).into_iter().map(take).collect();
    assert_eq!(received, [&b"one"[..], b"three"]);
}

#[test]
fn pointless_batches_do_nothing() {
    let turn = Turn::new(false);
    let message = turn.message(b"unsent");
    let mut messages = [message];
    unsafe {
        send_messages(turn.sockets, 0, messages.as_mut_ptr(), null_mut(), 1);
        send_messages(turn.sockets, -3, messages.as_mut_ptr(), null_mut(), 1);
        send_messages(turn.sockets, 1, null_mut(), null_mut(), 1);
        // Without results.
        (*message).connection = 0;
        send_messages(turn.sockets, 1, messages.as_mut_ptr(), null_mut(), 0);
        assert_eq!((*message).size, 6);
        (*message).size = -1;
        (*message).connection = turn.host;
        assert_eq!(turn.send_many(&mut messages, false), [-INVALID_PARAM]);
        (*message).size = 6;
    }
    assert_eq!(turn.send_many(&mut messages, false), [1]);
    assert_eq!(take(turn.receive(1)[0]), b"unsent");
}

#[test]
fn a_received_message_may_be_sent_on_and_written_to() {
    let turn = Turn::new(true);
    let large = vec![8; 60_000];
    assert_eq!(turn.send(&large, RELIABLE_NO_NAGLE), (1, 1));
    assert_eq!(turn.send(b"small", RELIABLE_NO_NAGLE), (1, 2));
    let mut received = turn.receive(2);
    for message in &received {
        unsafe {
            (**message).data.cast::<u8>().write(9);
            (**message).connection = turn.host;
            (**message).flags = RELIABLE_NO_NAGLE;
        }
    }
    assert_eq!(turn.send_many(&mut received, false), [3, 4]);
    let back: Vec<_> = turn.receive(2).into_iter().map(take).collect();
    assert_eq!(back[0][..2], [9, 8]);
    assert_eq!(back[0].len(), 60_000);
    assert_eq!(back[1], b"\x09mall");
}

#[test]
fn messages_outlive_the_library_and_are_released_by_any_thread() {
    let turn = Turn::new(true);
    let large = vec![6; 20_000];
    turn.send(&large, RELIABLE_NO_NAGLE);
    turn.send(b"small", RELIABLE_NO_NAGLE);
    let received = turn.receive(2);
    drop(turn);
    let addresses: Vec<usize> = received.iter().map(|message| *message as usize).collect();
    let thread = std::thread::spawn(move || {
        addresses
            .into_iter()
            .map(|address| take(address as *mut RawMessage))
            .collect::<Vec<_>>()
    });
    assert_eq!(thread.join().unwrap(), [large, b"small".to_vec()]);
}

#[test]
fn a_poll_group_hands_out_messages_of_its_connections() {
    let turn = Turn::new(true);
    let group = unsafe { SteamAPI_ISteamNetworkingSockets_CreatePollGroup(turn.sockets) };
    assert!(group & 0x8000_0000 != 0);
    let joined = unsafe {
        SteamAPI_ISteamNetworkingSockets_SetConnectionPollGroup(turn.sockets, turn.guest, group)
    };
    assert!(joined);
    turn.send(b"to the group", RELIABLE_NO_NAGLE);
    let mut out = null_mut();
    let end = Instant::now() + Duration::from_secs(20);
    while unsafe { receive_on_group(turn.sockets, group, &raw mut out, 1) } == 0 {
        assert!(Instant::now() < end);
    }
    assert_eq!(unsafe { (*out).connection }, turn.guest);
    assert_eq!(take(out), b"to the group");
    for wrong in [0, group ^ 1, group ^ 0x10000, turn.guest] {
        assert_eq!(
            unsafe { receive_on_group(turn.sockets, wrong, &raw mut out, 1) },
            -1
        );
    }
    for (room, max) in [(null_mut(), 1), (&raw mut out, 0), (&raw mut out, -1)] {
        assert_eq!(
            unsafe { receive_on_group(turn.sockets, group, room, max) },
            0
        );
        assert_eq!(
            unsafe { receive_messages(turn.sockets, turn.guest, room, max) },
            0
        );
    }
}
