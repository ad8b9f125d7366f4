//! `ISteamNetworkingUtils`, called as from C and, through its vtable, as from C++.
#![allow(
    clippy::undocumented_unsafe_blocks,
    reason = "pointers lead to locals and literals, or are null"
)]
#![allow(clippy::unwrap_used, reason = "tests")]

mod config;
mod debug;
mod object;
mod relays;

use std::ffi::c_void;
use std::ptr::null;
use std::ptr::null_mut;
use std::sync::Mutex;
use std::sync::MutexGuard;
use std::sync::PoisonError;

/// Tests that change what the whole process has run one after another. At the end no bug must have been
/// caught.
fn alone() -> Alone {
    static LOCK: Mutex<()> = Mutex::new(());
    Alone(LOCK.lock().unwrap_or_else(PoisonError::into_inner))
}

struct Alone(#[expect(dead_code, reason = "held")] MutexGuard<'static, ()>);

impl Drop for Alone {
    fn drop(&mut self) {
        assert_eq!(GameNetworkingSockets::guard::panics(), 0);
    }
}
