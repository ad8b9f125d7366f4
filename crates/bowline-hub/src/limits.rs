//! Every bound of the hub, with its reason.

use std::time::Duration;

use bowline_core::time::Span;

/// A client that has connected says hello within this time, or is sent away.
pub const HELLO_TIMEOUT: Span = Span::from_secs(10);
/// Whoever is asked about a credential answers within this time, or the client is told to come again.
pub const CHECK_TIMEOUT: Span = Span::from_secs(10);
/// A question about a credential that has waited for so long is not put any more, and the client is told to come again: half of
/// [`CHECK_TIMEOUT`], so that the answer to one that is put still finds the client there.
pub const QUESTION_PATIENCE: Duration = Duration::from_secs(5);
/// Most credentials that are being checked elsewhere; further clients are told to come again.
pub const MAX_CHECKS: usize = 4096;
/// Threads that check credentials: so many may wait for somebody else's answer at a time.
pub const CHECK_THREADS: usize = 16;
/// Messages that the hub takes in before it looks after everything else.
pub const MESSAGE_ROUND: usize = 1024;
/// Events of connections that the hub takes in before it looks after everything else.
pub const EVENT_ROUND: usize = 1024;
/// Requests of the operator that may wait; who asks more waits.
pub const MAX_REQUESTS: usize = 64;
/// Longest file of a secret, in bytes.
pub const MAX_SECRET_FILE: usize = 16 * 1024;
/// What waits for a client to read it, in bytes; what comes on top is dropped.
pub const CLIENT_QUEUE_BYTES: usize = 256 * 1024;
/// Most clients that have connected and are not signed in; a new one then takes the place of nobody, and is refused.
pub const MAX_STRANGERS: usize = 16_384;
/// How many of them may be of one network (IPv4 /24, IPv6 /48): a 32nd, so that a few networks keep nobody out.
pub const MAX_STRANGERS_OF_NETWORK: usize = 512;
/// What a session had used up is remembered for so long after it: by then it is all restored.
pub const ALLOWANCE_KEPT: Span = Span::from_secs(10);
/// Of so many sessions; the oldest make room.
pub const MAX_PAST_SESSIONS: usize = 16_384;
/// Identities that the operator has sent away, whose old resumptions are worth nothing; the oldest make room.
pub const MAX_KICKED: usize = 4096;
/// The store is looked through for the oldest once in so many kicks, and keeps as many more meanwhile: with each kick, a wave of
/// them would take the longer the more there are.
pub const KICK_ROUND: u32 = 256;
/// Identities that the operator blocks beside those of the settings; no further ones are taken. Some 20 MiB with the longest texts.
pub const MAX_BLOCKS: usize = 65_536;
/// Longest block that ends by itself, in seconds: ten years.
pub const MAX_BLOCK_SECS: u64 = 10 * 365 * 24 * 3600;
/// Longest text of a block, in bytes: with what stands before it a client gets all of it.
pub const MAX_BLOCK_TEXT: usize = 100;
/// Identities that have signed in elsewhere, whose resumptions from before are worth nothing; the oldest make room. Apart from
/// the ones above, since clients fill it.
pub const MAX_SUPERSEDED: usize = 16_384;
/// A client that is refused for lack of room may come again after this time.
pub const BUSY_RETRY: Span = Span::from_secs(5);
/// Sign-ins from one network (IPv4 /24, IPv6 /48): so many per second...
pub const SIGN_INS_PER_SEC: u32 = 20;
/// ...and so many at once.
pub const SIGN_IN_BURST: u32 = 200;
/// Networks whose sign-ins are counted apart; more share what is left.
pub const NETWORK_BUCKETS: usize = 4096;
/// Questions of one network to the STUN server: so many per second...
pub const STUN_PER_SEC: u32 = 50;
/// ...and so many at once.
pub const STUN_BURST: u32 = 200;
/// Certificates that a session may ask for at once, beside one per second.
pub const CERTIFICATE_BURST: u32 = 4;
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
/// Bytes of signals of a session to one peer: so many per second, so that it takes several to use up what reaches one
/// identity...
pub const PAIR_BYTES_PER_SEC: u32 = 8 * 1024;
/// ...and so many at once: two of the largest signals.
pub const PAIR_BYTES_BURST: u32 = 32 * 1024;
/// Peers of a session whose signals are counted apart. One beyond takes the place of that which has been quiet longest.
pub const MAX_PAIRS: usize = 32;
/// Requests to connect that reach one identity: so many per second...
pub const REQUESTS_PER_SEC: u32 = 20;
/// ...and so many at once.
pub const REQUEST_BURST: u32 = 100;
/// Bytes of signals that reach one identity, with the names of their senders: so many per second from all together whom it has
/// signalled lately, and so many from all others. Further ones are dropped, so that many senders together do not fill what waits
/// for a client to read it, and strangers keep nobody from the answers to what it has sent.
pub const RECEIVED_BYTES_PER_SEC: u32 = 64 * 1024;
/// So many at once: of both together three quarters of [`CLIENT_QUEUE_BYTES`].
pub const RECEIVED_BYTES_BURST: u32 = 96 * 1024;
/// Whom an identity has signalled is no stranger to it for so long after the last signal.
pub const ACQUAINTED: Span = Span::from_secs(60);
/// A client that does not read for so long is sent away.
pub const SLOW_CLIENT: Span = Span::from_secs(30);
/// Clients that are told at once that the network has changed...
pub const ANNOUNCE_ROUND: usize = 1024;
/// ...and bytes of what they are told...
pub const ANNOUNCE_ROUND_BYTES: usize = 512 * 1024;
/// ...and how long after them the next ones.
pub const ANNOUNCE_PAUSE: Span = Span::from_millis(10);
/// What a certificate allows for clocks of peers that are slow, and a resumption for that of the hub.
pub const CLOCK_SKEW_SECS: u32 = 300;
/// How long a client may come back by what the hub gave it, without signing in.
pub const RESUME_LIFETIME_SECS: u64 = 24 * 3600;
/// It gets another such note after this time, long before the last one is worth nothing: one or two may be lost...
pub const RESUME_RENEWAL: Span = Span::from_secs(6 * 3600);
/// ...and up to so many seconds more.
pub const RESUME_RENEWAL_SPREAD_SECS: u64 = 3600;
/// Longest path of a key in the store, in bytes: the longest identity, written so that any store takes it, and an app.
pub const MAX_KEY_LEN: usize = 512;
/// Longest value in the store, in bytes: a signed network config of a large network.
pub const MAX_VALUE_LEN: usize = 256 * 1024;
/// Most keys of a bucket: a session per key on the largest node there is.
pub const MAX_BUCKET_ENTRIES: usize = 1 << 20;
/// Most bytes of keys and values of a bucket, which the embedded store holds in memory.
pub const MAX_BUCKET_BYTES: usize = 256 * 1024 * 1024;
/// Changes of a bucket that the embedded store keeps for watchers. Who is further behind lists again.
pub const MAX_WATCH_HISTORY: usize = 16_384;
/// Bytes of keys and values in those changes.
pub const MAX_WATCH_HISTORY_BYTES: usize = 16 * 1024 * 1024;
/// A watcher that waits looks again after this time, whatever it is told.
pub const WATCH_RECHECK: Span = Span::from_secs(1);
/// Leases on disk live at least this long after a start, so that their holders can come back: as long as a FakeIP is
/// kept for a session that is gone.
pub const RESTART_GRACE: Span = Span::from_secs(300);
/// Longest record of a log, in bytes.
pub const MAX_LOG_RECORD_LEN: usize = 4096;
/// Most records that are appended at once.
pub const MAX_LOG_BATCH: usize = 1024;
/// Bytes of a log; the oldest records make room.
pub const MAX_LOG_BYTES: usize = 16 * 1024 * 1024;
/// What a record of a log counts for beside its bytes.
pub const LOG_RECORD_OVERHEAD: usize = 32;
/// Longest message on the bus, in bytes: a signal and its envelope, with room to grow.
pub const MAX_BUS_MESSAGE_LEN: usize = 64 * 1024;
/// Messages that wait for a subscriber; the oldest make room.
pub const MAX_BUS_QUEUE: usize = 4096;
/// Bytes of messages that wait for a subscriber; the oldest make room.
pub const MAX_BUS_QUEUE_BYTES: usize = 4 * 1024 * 1024;
/// Most subscriptions at once.
pub const MAX_SUBSCRIPTIONS: usize = 4096;
/// Issuers of tokens that a hub may trust.
pub const MAX_ISSUERS: usize = 16;
/// Longest token, in bytes. Those of large companies, with many groups, have four thousand.
pub const MAX_TOKEN_LEN: usize = 8192;
/// How far the clocks of hub and issuer may be apart, in seconds.
pub const TOKEN_LEEWAY_SECS: u64 = 60;
/// Claims that one identity may be made of.
pub const MAX_TEMPLATE_CLAIMS: usize = 4;
/// Longest set of an issuer's keys, in bytes.
pub const MAX_JWKS_LEN: u64 = 256 * 1024;
/// Most keys of an issuer.
pub const MAX_JWKS_KEYS: usize = 64;
/// The longest that fetching keys may take: less than [`CHECK_TIMEOUT`], so that those who wait for them still hear of it.
pub const JWKS_TIMEOUT: Duration = Duration::from_secs(5);
/// Keys that are older are fetched again.
pub const JWKS_MAX_AGE: Duration = Duration::from_secs(600);
/// Keys that could not be fetched are tried again after this time.
pub const JWKS_RETRY: Duration = Duration::from_secs(10);
/// Keys are fetched for a token whose key nobody knows no sooner than this after the last time: anybody can make such tokens.
pub const JWKS_UNKNOWN_KEY_RETRY: Duration = Duration::from_secs(60);
/// Keys that could not be fetched again stay good for this time.
pub const JWKS_MAX_STALE: Duration = Duration::from_secs(24 * 3600);
/// Longest header of an answer over HTTP, in bytes.
pub const MAX_HTTP_ANSWER_HEADERS: usize = 16 * 1024;
/// Shortest secret for the operator's service, in bytes.
pub const MIN_HOOK_SECRET_LEN: usize = 16;
/// Longest answer of the operator's service, in bytes.
pub const MAX_HOOK_ANSWER: u64 = 4096;
/// Characters of what somebody else says that a line of the log has room for.
pub const MAX_TOLD: usize = 200;
/// Characters of its words that a client gets to read.
pub const MAX_HOOK_WORDS: usize = 200;
/// Calls of the operator's service at a time: fewer than there are threads that check.
pub const MAX_HOOK_CALLS: usize = 6;
/// How long a question waits for its turn at the operator's service.
pub const HOOK_PATIENCE: Duration = Duration::from_millis(500);
/// Failures in a row after which the operator's service is not asked for a while: at first...
pub const HOOK_FAILURES: u32 = 5;
/// ...for this time...
pub const HOOK_CLOSED_FIRST: Duration = Duration::from_secs(1);
/// ...and for this at most.
pub const HOOK_CLOSED_LONGEST: Duration = Duration::from_secs(30);
/// Connections of HTTP at a time; further ones wait.
pub const MAX_HTTP_CONNECTIONS: usize = 64;
/// The headers of a request are there within this time, and the next request of a connection as well.
pub const HTTP_HEADER_TIMEOUT: Duration = Duration::from_secs(5);
/// A request is read and answered within this time.
pub const HTTP_REQUEST_TIMEOUT: Duration = Duration::from_secs(10);
/// A connection of HTTP lives no longer.
pub const HTTP_CONNECTION_LIFETIME: Duration = Duration::from_secs(300);
/// Bytes of the headers of a request.
pub const MAX_HTTP_HEAD: usize = 16 * 1024;
/// Headers of a request.
pub const MAX_HTTP_HEADERS: usize = 64;
/// Bytes of the body of a request.
pub const MAX_HTTP_BODY: usize = 4096;
/// How long the HTTP side waits for the hub.
pub const HUB_ANSWER_TIMEOUT: Duration = Duration::from_secs(2);
/// Most sessions, or blocks, in an answer.
pub const MAX_SESSION_PAGE: usize = 500;
/// Shortest admin token, in bytes.
pub const MIN_ADMIN_TOKEN_LEN: usize = 16;
