//! Connections between two hosts that find each other by signals.
//!
//! A signal is a small blob that somebody else carries: a lobby, a chat, a server of the game. The whole
//! handshake crosses in signals, so that both ends hold keys before the first packet finds a path. Signals
//! may be lost, doubled and reordered.
//!
//! - [`signal`]: a signal as a typed value, and its bytes.
//! - [`reliable_signal`]: the numbered messages inside of signals, which arrive whatever is lost.
//! - [`signal_pacer`]: when the next signal may go.
//! - [`tie_break`]: who becomes the server when both have asked.
//!
//! None of them knows a connection; each is driven by one.

pub mod reliable_signal;
pub mod signal;
pub mod signal_pacer;
pub mod tie_break;
