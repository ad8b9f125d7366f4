//! What Bowline needs of the operating system: UDP batches, poll loop, clock, entropy.
//!
//! This is the only crate of Bowline that knows which system it runs on. `bowline-core` has no
//! sockets, no clock and no randomness of its own; the parts here feed it, and the simulator
//! replaces them in tests.
//!
//! ```text
//! udp/      UdpSocket: lists of datagrams out, batches in
//! poll      Poller, Waker: sleep until a socket, a deadline or another thread has something
//! handle    Signal: a handle for the application's own event loop
//! interfaces  the addresses of this machine
//! resolve   Resolver: names to addresses
//! clock     Clock: monotonic, runs on while the machine sleeps
//! entropy   the seed that the core's generator grows from
//! faults    failures of the system, on demand, for tests
//! crypto    which crypto provider runs by default; aws_lc is one of them
//! sys/      the unsafe blocks, one folder or file per system
//! ```
#![deny(unsafe_code)]

#[cfg(feature = "aws-lc")]
pub mod aws_lc;
pub mod clock;
pub mod crypto;
pub mod entropy;
#[cfg(any(test, feature = "test-support"))]
pub mod faults;
pub mod handle;
pub mod interfaces;
pub mod poll;
pub mod resolve;
mod sys;
pub mod udp;
