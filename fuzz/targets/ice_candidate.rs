//! See `bowline_fuzz::targets::ice_candidate`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| bowline_fuzz::targets::ice_candidate(data));
