//! See `bowline_fuzz::targets::recording`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| bowline_fuzz::targets::recording(data));
