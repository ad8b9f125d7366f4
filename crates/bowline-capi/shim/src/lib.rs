//! The names of GameNetworkingSockets as bindgen makes them of Bowline's headers.
#![allow(
    clippy::all,
    dead_code,
    non_camel_case_types,
    non_snake_case,
    non_upper_case_globals,
    unsafe_op_in_unsafe_fn,
    reason = "made by bindgen"
)]

include!(concat!(env!("OUT_DIR"), "/bindings.rs"));
