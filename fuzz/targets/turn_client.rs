//! See `bowline_fuzz::targets::turn_client`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| bowline_fuzz::targets::turn_client(data));
