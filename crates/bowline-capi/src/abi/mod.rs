//! What callers were compiled against: layouts, vtables, and pointers from outside.

pub mod identity;
pub mod message;
pub mod pointer;
pub mod structs;
pub mod vtable;
