//! See `bowline_fuzz::targets::short_texts`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| bowline_fuzz::targets::short_texts(data));
