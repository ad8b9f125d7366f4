//! What the fuzzer of Bowline runs.
#![forbid(unsafe_code)]

pub mod arena;
pub mod corpus;
pub mod crypto;
pub mod frames;
pub mod script;
pub mod story;
pub mod targets;
