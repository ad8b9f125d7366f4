//! Bounds of what clients and hubs tell each other; those of the hub itself are in its crate.

use crate::time::Span;

/// The longest message between a client and a hub, in bytes: a signal, or the configuration of a network.
pub const MAX_HUB_MESSAGE: usize = 160 * 1024;
/// The longest credential that a client shows a hub, in bytes: tokens of large providers have some 4 KiB.
pub const MAX_HUB_CREDENTIAL: usize = 16 * 1024;
/// The longest proof that a client gives a hub, in bytes: a signature or a MAC.
pub const MAX_HUB_PROOF: usize = 64;
/// The longest that a hub gives a client for signing in again, in bytes.
pub const MAX_HUB_RESUME: usize = 512;
/// The longest configuration of a network, in bytes.
pub const MAX_HUB_CONFIG: usize = 128 * 1024;
/// A client that lost its hub tries again within this time; it doubles with each attempt...
pub const HUB_RETRY: Span = Span::from_secs(1);
/// ...so often: to 64 s.
pub const HUB_RETRY_DOUBLINGS: u32 = 6;
/// Who was signed in this long and loses the hub begins with the shortest pause again.
pub const HUB_STEADY: Span = Span::from_secs(30);
/// A hub answers a hello within this time, whoever it has to ask.
pub const HUB_SIGN_IN_TIMEOUT: Span = Span::from_secs(15);
/// How long connecting to a hub may take. Shorter than between peers: all clients that try at the moment when a hub comes
/// back are there at once, the others each after a pause of its own.
pub const HUB_CONNECT_TIMEOUT: Span = Span::from_secs(4);
/// How long a hub may be silent when something was said to it. Shorter than between peers: coming back costs little, and
/// a call that began while the hub was away needs the rest of its ten seconds.
pub const HUB_SILENCE: Span = Span::from_secs(5);
/// A certificate is renewed this long before it expires, or when a third of its time is left if that is less.
pub const HUB_RENEW_BEFORE: Span = Span::from_secs(2 * 3600);
/// A hub that was asked for a certificate and sends none is asked again after this time, and up to half as much more.
pub const HUB_RENEW_RETRY: Span = Span::from_secs(30);
/// A hub that has promised to say what the network is like says it within this time; it sends it with the welcome. Shorter
/// than a call waits.
pub const HUB_CONFIG_PATIENCE: Span = Span::from_secs(5);
/// A certificate that holds no longer than the one before, but for this much, is as good as none. What is left is known in
/// whole seconds.
pub const HUB_RENEW_GAIN: Span = Span::from_secs(1);
/// A calendar that is set by no more than this changes nothing of when a certificate is renewed. Clocks are put right by
/// less all the time.
pub const HUB_CALENDAR_SLACK: Span = Span::from_secs(30);
/// With so many things for its owner to do a client takes no further signal.
pub const MAX_HUB_ACTIONS: usize = 256;
/// Addresses of hubs that a client may be given.
pub const MAX_HUB_ADDRESSES: usize = 8;
/// Most STUN servers that the configuration of a network names.
pub const MAX_NETWORK_SERVERS: usize = 32;
/// Most authorities that it names: those of some regions, each with the one before and the one after.
pub const MAX_NETWORK_AUTHORITIES: usize = 64;
/// Most keys that it names as revoked.
pub const MAX_NETWORK_REVOKED: usize = 4096;
