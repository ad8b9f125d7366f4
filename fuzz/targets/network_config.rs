//! See `bowline_fuzz::targets::network_config`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| bowline_fuzz::targets::network_config(data));
