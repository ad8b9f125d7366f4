//! Bugs that others had: each as an attack through the whole stack, sealed so that it reaches the code.
//!
//! Named by the number of the advisory or of the commit that repaired it. `cves` has the four of GNS
//! from 2020, `gns` its later repairs, `neighbours` those of similar libraries.
//!
//! Not here: e57ad38 (GNS never looks at the points of presence of a certificate; direct connections ask
//! for none here either, and where one is asked for, the tests of `bowline_core::cert::verify` hold it);
//! d515f45 (sockets that die with delayed packets: `bowline/tests/hostile`); a8c9af8 and 3b8113c (ICE and
//! signals, which direct connections have none of).

// Helpers beside the tests unwrap as the tests do.
#![allow(clippy::unwrap_used)]

mod cves;
mod gns;
mod neighbours;
mod support;
