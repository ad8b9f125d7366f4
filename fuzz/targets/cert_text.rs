//! See `bowline_fuzz::targets::cert_text`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| bowline_fuzz::targets::cert_text(data));
