//! See `bowline_fuzz::targets::stats_blob`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| bowline_fuzz::targets::stats_blob(data));
