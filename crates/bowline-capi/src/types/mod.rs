//! The helper structs of GNS, which callers hold themselves: addresses, identities, options.
//!
//! Their functions work on the bytes as they are. A struct may hold anything, so each kind of content is
//! read no further than its field, whatever length the struct claims.

pub mod addr;
pub mod hosted;
pub mod identity;
mod identity_text;
pub mod option;
