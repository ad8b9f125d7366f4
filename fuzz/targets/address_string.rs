//! See `bowline_fuzz::targets::address_string`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| bowline_fuzz::targets::address_string(data));
