//! See `bowline_fuzz::targets::world_script`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| bowline_fuzz::targets::world_script(data));
