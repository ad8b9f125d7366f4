//! The functions of addresses, identities and options, called as from C.
#![allow(
    clippy::undocumented_unsafe_blocks,
    reason = "pointers lead to locals and literals, or are null"
)]

mod addr;
mod hosted;
mod identity;
mod identity_text;
mod option;

use std::ffi::CStr;
use std::ffi::c_char;
use std::ptr::null;
use std::ptr::null_mut;

use GameNetworkingSockets::abi::identity::RawAddr;
use GameNetworkingSockets::abi::identity::RawIdentity;

/// What a printing function wrote into a buffer of `room` bytes, and that it wrote no further.
fn printed(room: usize, print: impl FnOnce(*mut c_char, usize)) -> String {
    let mut buffer = vec![b'#'; room + 8];
    print(buffer.as_mut_ptr().cast(), room);
    assert_eq!(&buffer[room..], b"########", "beyond the buffer");
    if room == 0 {
        return String::new();
    }
    let text = CStr::from_bytes_until_nul(&buffer).expect("it ends within the buffer");
    String::from_utf8_lossy(text.to_bytes()).into_owned()
}

fn no_panics() {
    assert_eq!(GameNetworkingSockets::guard::panics(), 0);
}
