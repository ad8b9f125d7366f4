//! The system calls that no safe crate offers, one folder or file per system.
//!
//! Each system provides the same items: `monotonic_us`, `EventHandle`, `DeadlineTimer`,
//! `PolledSocket`, `forbid_fragments`, `allow_fragments`, `lost_in_queue`, `share_port`, `submit`, and the
//! verdicts `is_fatal`, `is_too_long`, `refuses_segments` and `lacks_segmentation` on errors of sending.
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
    DeadlineTimer, EventHandle, allow_fragments, forbid_fragments, lost_in_queue, monotonic_us,
    share_port, submit,
};
#[cfg(not(any(target_os = "android", target_os = "linux")))]
pub(crate) use portable::{DeadlineTimer, lost_in_queue, share_port, submit};
#[cfg(unix)]
pub(crate) use unix::{PolledSocket, is_fatal, is_too_long, lacks_segmentation, refuses_segments};
#[cfg(all(unix, not(any(target_os = "android", target_os = "linux"))))]
pub(crate) use unix_other::{EventHandle, allow_fragments, forbid_fragments, monotonic_us};
#[cfg(windows)]
pub(crate) use windows::{
    EventHandle, PolledSocket, allow_fragments, forbid_fragments, is_fatal, is_too_long,
    lacks_segmentation, monotonic_us, refuses_segments,
};
