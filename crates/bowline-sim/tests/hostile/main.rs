//! Hostile peers: a scripted one against a real endpoint and its connections.
//!
//! Each test is named after the class of attacks or faults that it stands for:
//!
//! | Classes | Where | What is tried |
//! |---|---|---|
//! | 1 to 4, 6 | `strangers` | any bytes, floods and amplification before an address is proved |
//! | 5, 9, 10 | `cookies` | cookies replayed, connection IDs chosen, packets sent back |
//! | 7 | `authorities` | certificates of a client, where an authority's are asked for |
//! | 7, 8 | `credentials` | keys, signatures, names, versions and ciphers of a client |
//! | 4, 5, 7 to 9, 16, 25, 27 | `servers` | the same and more from a server that is dialled |
//! | 11 to 13, 21 | `segments` | offsets, sizes and contents of pieces of messages |
//! | 14, 23, 24 | `numbers` | packet and message numbers: jumps, wraps, replays |
//! | 21 | `accounts` | memory that is held and not counted |
//! | 15 to 17, 20 | `acks` | acknowledgements: gaps, lies, stop-waiting, none at all |
//! | 18, 19 | `lanes` | lanes without end, messages without content |
//! | 24, 27 | `worlds` | a network that doubles packets, and one with a forger in it |
//! | 22, 25, 26 | `headers` | flags, clocks and statistics of a packet |
//!
//! Work is bounded by doing so much of it that a test would not end if it were not: a hundred thousand
//! packets, where each costs as much as all before it, take hours. Memory is counted by the allocator.

// Helpers beside the tests unwrap as the tests do.
#![allow(clippy::unwrap_used)]

mod accounts;
mod acks;
mod authorities;
mod cookies;
mod credentials;
mod headers;
mod lanes;
mod memory;
mod numbers;
mod segments;
mod servers;
mod strangers;
mod support;
mod worlds;
