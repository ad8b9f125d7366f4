//! Messages whose bytes the program takes over or replaces, and those that there is no memory for.

use std::ffi::c_int;
use std::ffi::c_void;

use crate::RELIABLE_NO_NAGLE;
use crate::Turn;
use crate::UNRELIABLE;
use crate::allocate_message;
use crate::release;
use crate::take;

unsafe extern "C" {
    fn malloc(size: usize) -> *mut c_void;
    fn free(data: *mut c_void);
}

#[test]
fn bytes_that_a_caller_takes_over_stay() {
    let turn = Turn::new(true);
    for clears_pointer in [false, true] {
        turn.send(&[4; 5000], RELIABLE_NO_NAGLE);
        turn.send(&[4; 50], UNRELIABLE | 1);
        let mut messages = turn.receive(2);
        messages.extend([&[4; 9000][..], &[4; 90]].map(|data| turn.message(data)));
        for (index, message) in messages.into_iter().enumerate() {
            unsafe {
                let (data, size) = ((*message).data.cast::<u8>(), (*message).size as usize);
                if clears_pointer {
                    (*message).data = std::ptr::null_mut();
                } else {
                    (*message).free_data = None;
                }
                release(message);
                // Work for the allocator, were the bytes free.
                let other = allocate_message(std::ptr::null(), size as c_int);
                let bytes = std::slice::from_raw_parts(data, size);
                assert!(bytes.iter().all(|byte| *byte == 4));
                release(other);
                if index >= 2 {
                    // Who asked for it has it from `malloc`.
                    free(data.cast());
                }
            }
        }
    }
}

#[test]
fn bytes_that_replace_a_buffer_are_sent() {
    let turn = Turn::new(true);
    for size in [40, 40_000] {
        let message = turn.message(&[1; 8]);
        unsafe {
            free((*message).data);
            (*message).data = malloc(size);
            (*message).data.cast::<u8>().write_bytes(6, size);
            (*message).size = c_int::try_from(size).unwrap();
        }
        assert!(turn.send_many(&mut [message], false)[0] > 0);
        assert_eq!(take(turn.receive(1)[0]), vec![6; size]);
    }
}

/// Runs a test of this program by itself, with an address space of one GiB; true in that process.
#[cfg(target_os = "linux")]
fn has_little_memory(test: &str) -> bool {
    const TOLD: &str = "BOWLINE_TEST_LITTLE_MEMORY";
    if std::env::var_os(TOLD).is_some() {
        return true;
    }
    let status = std::process::Command::new("sh")
        .args(["-c", "ulimit -v 1048576 && exec \"$0\" \"$@\""])
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", "--test-threads", "1", test])
        .env(TOLD, "1")
        .status();
    assert!(status.unwrap().success());
    false
}

#[cfg(target_os = "linux")]
#[test]
fn a_message_that_there_is_no_memory_for_is_null() {
    if has_little_memory("taken::a_message_that_there_is_no_memory_for_is_null") {
        unsafe {
            assert!(allocate_message(std::ptr::null(), c_int::MAX).is_null());
            let message = allocate_message(std::ptr::null(), 10);
            assert_eq!(take(message), [0; 10]);
        }
    }
}

#[cfg(target_os = "linux")]
#[test]
fn bytes_that_replace_a_buffer_are_freed() {
    const LARGE: usize = 100 << 20;
    if !has_little_memory("taken::bytes_that_replace_a_buffer_are_freed") {
        return;
    }
    let turn = Turn::new(false);
    // More than there is room for at once.
    for _ in 0..20 {
        turn.send(b"received", RELIABLE_NO_NAGLE);
        let received = turn.receive(1)[0];
        let own = turn.message(b"asked for");
        unsafe {
            free((*own).data);
            for message in [own, received] {
                (*message).data = malloc(LARGE);
                assert!(!(*message).data.is_null());
                release(message);
            }
        }
    }
}
