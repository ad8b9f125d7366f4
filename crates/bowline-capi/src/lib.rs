//! The interface of Valve's GameNetworkingSockets (GNS) in C and C++, on top of [`bowline`].
//!
//! A program that was built for GNS finds here the names, vtables and layouts that it was built for, and
//! behaves as before. The layers, from the caller inwards:
//!
//! - the exported functions ([`process`], [`sockets::flat`], [`utils`] and others): one line each,
//!   under a [`guard`] that lets no panic out;
//! - [`abi`]: layouts, vtables, and how pointers from outside are read and written;
//! - the modules behind the exported functions, which translate between GNS's conventions and the Rust
//!   library's;
//! - `library`: what `GameNetworkingSockets_Init` makes and `GameNetworkingSockets_Kill` ends.
//!
//! A method of a C++ interface takes its object as its first argument, like the flat function of that
//! name, so the slots of the vtables are the flat functions themselves.
//!
//! Handles are looked up in full: one that is stale, made up or of another kind finds nothing. Pointers may
//! be null wherever that makes sense; what is done then is what GNS documents, or the refusal that the
//! function has.
#![allow(
    non_snake_case,
    non_upper_case_globals,
    reason = "names of the original"
)]

pub mod abi;
pub mod beyond;
pub mod callbacks;
mod common;
mod defaults;
pub mod guard;
mod library;
mod life;
pub mod messages;
mod objects;
pub mod packets;
pub mod process;
pub mod sessions;
pub mod sockets;
pub mod types;
pub mod unavailable;
pub mod utils;
