//! See `bowline_fuzz::targets::udp_datagram`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| bowline_fuzz::targets::udp_datagram(data));
