//! See `bowline_fuzz::targets::connection_frames`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| bowline_fuzz::targets::connection_frames(data));
