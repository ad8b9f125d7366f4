//! Every bound of the driver in one place: the value, and why.

use bowline_core::time::Span;

/// Events that may wait to be read. A connection causes at most six (made, three changes of state,
/// closed, writable), and beyond this bound no connection is made: incoming ones are refused and
/// outgoing ones fail. Of a session there is one event of room at a time and a failure for each
/// connection, and requests are told while there is room. So none is ever lost, and an application that reads none does no harm.
pub(crate) const MAX_EVENTS: usize = 1 << 16;

/// Events that tell how it stands with our certificate and may wait to be read; the oldest makes room. A hub that comes and
/// goes causes some by the minute, which must not use up what there is for connections.
pub(crate) const MAX_STATUS_EVENTS: usize = 16;

/// Datagrams in one run: 50 of 1300 bytes stay below the 65,507 bytes that one call takes, and of larger ones the
/// core puts fewer into a run.
pub(crate) const MAX_RUN_DATAGRAMS: usize = 50;

/// Bytes of one connection after which it is another's turn: nearly a run.
pub(crate) const MAX_TURN_BYTES: usize = 48 * 1024;

/// Bytes gathered from several connections before they are sent.
pub(crate) const MAX_ROUND_BYTES: usize = 128 * 1024;

/// Runs gathered from several connections before they are sent.
pub(crate) const MAX_ROUND_RUNS: usize = 32;

/// Receive calls per ready socket before timers and other sockets have their turn.
pub(crate) const MAX_RECV_BATCHES: usize = 16;

/// Receive calls' buffers, of 64 KiB each, taken into use as traffic needs them.
pub(crate) const RECV_SLOTS: usize = 32;

/// Connections whose timers are handled before sockets have their turn again. With more, a driver that is
/// far behind probes peers whose answers it does not get round to reading, and in the end takes them for
/// lost.
pub(crate) const MAX_TIMER_ROUND: usize = 256;

/// Holds [`MAX_TIMER_ROUND`] to its reason.
const _: () = assert!(
    MAX_TIMER_ROUND < MAX_RECV_BATCHES * RECV_SLOTS,
    "answers are read faster than they are asked for"
);

/// Service threads of an interface. Each has 2 MiB of addresses to receive into, three descriptors, and a socket
/// per listener; and beyond the processors of a large machine there is nothing to gain.
pub(crate) const MAX_SERVICE_THREADS: usize = 32;

/// How long a socket that takes no more is left alone.
pub(crate) const BLOCKED_RETRY: Span = Span::from_millis(1);

/// How long the service thread leaves the sockets to an application that waits on them itself or polls all the
/// time, counted from its last wait or poll. Covers the work between two waits, so that a busy loop has no hand-over.
pub(crate) const WAIT_GRACE: Span = Span::from_millis(1);

/// The longest name of a connection in bytes (GNS: 31 characters).
pub(crate) const MAX_NAME: usize = 31;

/// How often a closing listener looks, every 50 us, whether the last user of its socket is gone: long enough for
/// a thread that a busy system keeps off its processor for some time slices.
pub(crate) const CLOSE_SPINS: u32 = 10_000;

/// How often a flush that is to be over looks whether the other thread that sends is done: at first at once, then
/// every 50 us. In all as long as that thread may be kept off its processor for some time slices.
pub(crate) const FLUSH_SPINS: u32 = 300;

/// How many of the [`FLUSH_SPINS`] are without a pause.
pub(crate) const FLUSH_YIELDS: u32 = 100;

/// A pause after the operating system failed to wait for sockets, which it never should.
pub(crate) const POLL_ERROR_PAUSE: std::time::Duration = std::time::Duration::from_millis(10);

/// How often the calendar is looked at, by which certificates expire.
pub(crate) const CALENDAR_INTERVAL: Span = Span::from_secs(60);

/// How often a connection's lock is tried before it is put off: a few microseconds, in which nearly
/// every call is over.
pub(crate) const HELD_TRIES: u32 = 100;

/// After which time a connection is tried again whose lock was taken.
pub(crate) const HELD_RETRY: Span = Span::from_micros(200);

/// Bytes of datagrams that wait for a connection whose lock is taken; further ones are lost. As many as
/// GNS has a socket's receive buffer hold.
pub(crate) const MAX_INBOX_BYTES: usize = 256 * 1024;

/// How often a batch is halved to get the share of a connection, at most: down to one datagram of a batch
/// without glued ones.
pub(crate) const MAX_SHARE_HALVINGS: u32 = 6;

/// What the kernel drops in a turn counts if it is this part of what was received in it: less is no reason to
/// drop more.
pub(crate) const OVERRUN_PART: usize = 16;

/// The same where little was received.
pub(crate) const LEAST_OVERRUN: usize = 8;

/// How long that bound stays before it is relieved: long enough that a flood that goes on is let in again for a
/// hundredth of the time only, short enough that a fast sender hardly notices.
pub(crate) const SHARE_RELIEF: Span = Span::from_millis(100);

/// How often the addresses of this machine are looked at while connections between peers may be made: soon enough
/// that a game goes on after a change of networks, seldom enough to cost nothing.
pub(crate) const LOOK_INTERVAL: Span = Span::from_secs(3);

/// How soon they are looked at after a socket could not send, which is how a change shows first.
pub(crate) const LOOK_AFTER_ERROR: Span = Span::from_millis(250);
