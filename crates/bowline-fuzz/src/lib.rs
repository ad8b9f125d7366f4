//! What the fuzzer of Bowline runs, and the inputs that are kept (docs/fuzzing.md).
//!
//! [`targets`] are functions that take any bytes and panic if the code under test is wrong. The parsers
//! are called as they are; what needs two peers plays in an [`arena`], with the ciphers of [`crypto`],
//! following a [`script`] and sending [`frames`] that no honest peer would. [`corpus`] keeps inputs in
//! files, [`story`] tells what happens in a replay. The programs that libFuzzer drives are in `fuzz/`.
#![forbid(unsafe_code)]

pub mod arena;
pub mod corpus;
pub mod crypto;
pub mod frames;
mod progress;
pub mod script;
pub mod story;
pub mod targets;
