//! Every bound of the hub, with its reason.

use bowline_core::time::Span;

/// A client that has connected says hello within this time, or is sent away.
pub const HELLO_TIMEOUT: Span = Span::from_secs(10);
/// Whoever is asked about a credential answers within this time, or the client is told to come again.
pub const CHECK_TIMEOUT: Span = Span::from_secs(10);
/// Most credentials that are being checked elsewhere; further clients are told to come again.
pub const MAX_CHECKS: usize = 4096;
/// Most clients that have connected and are not signed in; a new one then takes the place of nobody, and is refused.
pub const MAX_STRANGERS: usize = 16_384;
/// A client that is refused for lack of room may come again after this time.
pub const BUSY_RETRY: Span = Span::from_secs(5);
/// Sign-ins from one network (IPv4 /24, IPv6 /48): so many per second...
pub const SIGN_INS_PER_SEC: u32 = 20;
/// ...and so many at once.
pub const SIGN_IN_BURST: u32 = 200;
/// Networks whose sign-ins are counted apart; more share what is left.
pub const NETWORK_BUCKETS: usize = 4096;
/// Signals of a session: so many per second...
pub const SIGNALS_PER_SEC: u32 = 30;
/// ...and so many at once.
pub const SIGNAL_BURST: u32 = 120;
/// Bytes of signals of a session: so many per second, twice as many at once.
pub const SIGNAL_BYTES_PER_SEC: u32 = 64 * 1024;
/// Signals of a session to one peer: so many per second...
pub const PAIR_SIGNALS_PER_SEC: u32 = 10;
/// ...and so many at once.
pub const PAIR_SIGNAL_BURST: u32 = 40;
/// Peers of a session whose signals are counted apart. One beyond takes the place of that which has been quiet longest.
pub const MAX_PAIRS: usize = 32;
/// Requests to connect that reach one identity: so many per second...
pub const REQUESTS_PER_SEC: u32 = 20;
/// ...and so many at once.
pub const REQUEST_BURST: u32 = 100;
/// A client that does not read for so long is sent away.
pub const SLOW_CLIENT: Span = Span::from_secs(30);
/// What a certificate allows for clocks of peers that are slow.
pub const CLOCK_SKEW_SECS: u32 = 300;
/// How long a client may come back by what the hub gave it, without signing in.
pub const RESUME_LIFETIME_SECS: u64 = 24 * 3600;
