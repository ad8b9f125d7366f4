//! See `bowline_fuzz::targets::ack_codec`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| bowline_fuzz::targets::ack_codec(data));
