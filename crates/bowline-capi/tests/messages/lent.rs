//! Bytes of the caller's own, and the functions that free them.

use std::ffi::c_int;
use std::ptr::null_mut;
use std::sync::Mutex;
use std::sync::MutexGuard;
use std::sync::PoisonError;
use std::sync::atomic::AtomicI32;
use std::sync::atomic::Ordering;

use GameNetworkingSockets::abi::message::RawMessage;

use crate::INVALID_PARAM;
use crate::RELIABLE_NO_NAGLE;
use crate::Turn;
use crate::allocate_message;
use crate::kill;
use crate::release;
use crate::send_message;
use crate::take;

/// How often the functions below ran.
static FREED: AtomicI32 = AtomicI32::new(0);
/// Tests that count take turns, to their very end.
static COUNTING: Mutex<()> = Mutex::new(());

fn count() -> MutexGuard<'static, ()> {
    let turn = COUNTING.lock().unwrap_or_else(PoisonError::into_inner);
    FREED.store(0, Ordering::SeqCst);
    turn
}

unsafe extern "C-unwind" fn free_boxed(message: *mut RawMessage) {
    unsafe {
        let len = usize::try_from((*message).size).unwrap();
        drop(Vec::from_raw_parts((*message).data.cast::<u8>(), len, len));
    }
    FREED.fetch_add(1, Ordering::SeqCst);
}

/// A message to the guest with bytes of the caller's.
fn lent(turn: &Turn, data: Vec<u8>) -> *mut RawMessage {
    let message = unsafe { allocate_message(std::ptr::null(), 0) };
    let data = data.into_boxed_slice();
    unsafe {
        (*message).size = c_int::try_from(data.len()).unwrap();
        (*message).data = Box::into_raw(data).cast();
        (*message).free_data = Some(free_boxed);
        (*message).connection = turn.host;
        (*message).flags = RELIABLE_NO_NAGLE;
    }
    message
}

#[test]
fn bytes_of_the_caller_are_freed_once_each_whatever_becomes_of_them() {
    let _counting = count();
    let turn = Turn::new(true);
    let large: Vec<u8> = (0..100_000_u32).map(|at| at as u8).collect();
    let mut messages = [lent(&turn, large.clone()), lent(&turn, vec![5; 10])];
    assert_eq!(turn.send_many(&mut messages, false), [1, 2]);
    let received: Vec<_> = turn.receive(2).into_iter().map(take).collect();
    assert_eq!(received[0], large);
    assert_eq!(received[1], [5; 10]);

    let refused = lent(&turn, vec![1; 8000]);
    unsafe { (*refused).connection = 99 };
    assert_eq!(turn.send_many(&mut [refused], false), [-INVALID_PARAM]);
    // It is still the caller's, with its bytes.
    assert_eq!(unsafe { (*refused).data.cast::<u8>().read() }, 1);
    let bad_lane = lent(&turn, vec![1; 8000]);
    unsafe { (*bad_lane).lane = 9 };
    assert_eq!(turn.send_many(&mut [bad_lane], false), [-INVALID_PARAM]);
    assert_eq!(unsafe { (*bad_lane).data.cast::<u8>().read() }, 1);
    unsafe { release(bad_lane) };
    let deleted = lent(&turn, vec![1; 8000]);
    unsafe { (*deleted).lane = 9 };
    assert_eq!(turn.send_many(&mut [deleted], true), [-INVALID_PARAM]);
    unsafe { release(refused) };
    // Never sent at all: nobody reads.
    let mut unread = [lent(&turn, vec![2; 200_000]), lent(&turn, vec![2; 200_000])];
    assert!(turn.send_many(&mut unread, true)[0] > 0);
    drop(turn);
    assert_eq!(FREED.load(Ordering::SeqCst), 7);
}

unsafe extern "C-unwind" fn free_and_send(message: *mut RawMessage) {
    // Uses the very connection that the message went by.
    let code = unsafe {
        send_message(
            std::ptr::null(),
            (*message).connection,
            b"freed".as_ptr(),
            5,
            RELIABLE_NO_NAGLE,
            null_mut(),
        )
    };
    assert_eq!(code, 1);
    FREED.fetch_add(1, Ordering::SeqCst);
}

#[test]
fn a_free_function_may_use_the_connection() {
    static BYTES: [u8; 50_000] = [3; 50_000];
    let _counting = count();
    let turn = Turn::new(true);
    let message = unsafe { allocate_message(std::ptr::null(), 0) };
    unsafe {
        (*message).data = BYTES.as_ptr().cast_mut().cast();
        (*message).size = 50_000;
        (*message).free_data = Some(free_and_send);
        (*message).connection = turn.host;
        (*message).flags = RELIABLE_NO_NAGLE;
    }
    assert_eq!(turn.send_many(&mut [message], false), [1]);
    let received: Vec<_> = turn.receive(2).into_iter().map(take).collect();
    assert_eq!(received[0], BYTES);
    assert_eq!(received[1], b"freed");
    // It counts after it has sent, and the end waits for it.
    unsafe { kill() };
    assert_eq!(FREED.load(Ordering::SeqCst), 1);
}

#[test]
fn what_goes_through_a_pipe_arrives_where_it_lay_and_may_outlive_the_library() {
    let _counting = count();
    let turn = Turn::new(false);
    let own = turn.message(b"a buffer of the library");
    let sent = [own, lent(&turn, vec![7; 300]), lent(&turn, vec![8; 30_000])];
    let data = sent.map(|message| unsafe { (*message).data });
    assert_eq!(turn.send_many(&mut sent.clone(), true), [1, 2, 3]);
    let received = turn.receive(3);
    let arrived: Vec<_> = received
        .iter()
        .map(|message| unsafe { (**message).data })
        .collect();
    assert_eq!(arrived, data);
    assert_eq!(take(received[1]), [7; 300]);
    // The library ends although a message is still with its reader. The turn does not: others count, too.
    unsafe { kill() };
    assert_eq!(FREED.load(Ordering::SeqCst), 1);
    assert_eq!(take(received[0]), b"a buffer of the library");
    assert_eq!(take(received[2]), [8; 30_000]);
    assert_eq!(FREED.load(Ordering::SeqCst), 2);
}
