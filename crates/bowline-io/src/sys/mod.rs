//! The system calls that no safe crate offers, one folder or file per system.
//!
//! Each system provides the same items: `monotonic_us`, `EventHandle`, `DeadlineTimer`,
//! `PolledSocket`, `set_fragments`, `lost_in_queue`, `share_port`, `submit`, and the verdicts `is_fatal`,
//! `refuses_segments` and `lacks_segmentation` on errors of sending.
#![allow(unsafe_code)]

#[cfg(any(target_os = "android", target_os = "linux"))]
mod linux;
#[cfg(not(any(target_os = "android", target_os = "linux")))]
mod portable;
#[cfg(unix)]
mod unix;
#[cfg(all(unix, not(any(target_os = "android", target_os = "linux"))))]
mod unix_other;
#[cfg(windows)]
mod windows;

#[cfg(all(test, any(target_os = "android", target_os = "linux")))]
pub(crate) use linux::forbids_fragments;
#[cfg(any(target_os = "android", target_os = "linux"))]
pub(crate) use linux::{
    DeadlineTimer, EventHandle, lost_in_queue, monotonic_us, set_fragments, share_port, submit,
};
#[cfg(not(any(target_os = "android", target_os = "linux")))]
pub(crate) use portable::{DeadlineTimer, lost_in_queue, share_port, submit};
#[cfg(unix)]
pub(crate) use unix::{PolledSocket, is_fatal, lacks_segmentation, refuses_segments};
#[cfg(all(unix, not(any(target_os = "android", target_os = "linux"))))]
pub(crate) use unix_other::{EventHandle, monotonic_us, set_fragments};
#[cfg(windows)]
pub(crate) use windows::{
    EventHandle, PolledSocket, is_fatal, lacks_segmentation, monotonic_us, refuses_segments,
    set_fragments,
};
