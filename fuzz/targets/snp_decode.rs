//! See `bowline_fuzz::targets::snp_decode`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| bowline_fuzz::targets::snp_decode(data));
