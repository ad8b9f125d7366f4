//! See `bowline_fuzz::targets::snp_roundtrip`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| bowline_fuzz::targets::snp_roundtrip(data));
