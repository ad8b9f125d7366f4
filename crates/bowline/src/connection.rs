//! The handle of a connection.

use std::fmt;
use std::hash::Hash;
use std::hash::Hasher;
use std::net::SocketAddr;
use std::sync::Arc;

use bowline_core::config::LaneConfig;
use bowline_core::connection::ConnectionState;
use bowline_core::connection::LaneStatus;
use bowline_core::connection::RealTimeStatus;
use bowline_core::connection::SendCapacity;
use bowline_core::counters::DropCounters;
use bowline_core::end_reason::EndReason;
use bowline_core::identity::Identity;
use bowline_core::ids::ConnectionId;
use bowline_core::ids::LaneIndex;
use bowline_core::ids::MessageNumber;
use bowline_core::message::Payload;
use bowline_core::message::SendFlags;
use bytes::Bytes;

use crate::batch;
use crate::batch::OnFailure;
use crate::driver::Urgency;
use crate::driver::followup::Followup;
use crate::driver::limits;
use crate::driver::slot::Slot;
use crate::driver::slot::visible;
use crate::error::AcceptError;
use crate::error::LaneError;
use crate::error::NoSuchConnection;
use crate::error::PollGroupError;
use crate::error::SendError;
use crate::error::StatusError;
use crate::events::ConnectionInfo;
use crate::listener::ListenerId;
use crate::message::Message;
use crate::poll_group::PollGroup;
use crate::send_options::SendOptions;

/// The handle of a connection, cheap to clone and usable from any thread.
///
/// A handle is good until the application closes the connection, also after the peer has closed it or a
/// problem has ended it. After that each method fails with [`NoSuchConnection`]; a stale handle never
/// means another connection. Dropping a handle does nothing.
#[derive(Clone)]
pub struct Connection {
    slot: Arc<Slot>,
}

impl Connection {
    pub(crate) const fn new(slot: Arc<Slot>) -> Self {
        Self { slot }
    }

    pub(crate) const fn slot(&self) -> &Arc<Slot> {
        &self.slot
    }

    /// Accepts a connection that came in.
    ///
    /// # Errors
    /// If it did not come in, was accepted or has ended before, or its key exchange is unusable.
    pub fn accept(&self) -> Result<(), AcceptError> {
        self.command(Urgency::Now, |core, now| core.accept(now))??;
        Ok(())
    }

    /// Closes the connection, or refuses one that came in, and makes the handle stale. What was not
    /// received is dropped.
    ///
    /// The peer is told `reason` and `text` (cut at 127 bytes). The reason is the application's to
    /// choose, within 1000 to 2999; 0 becomes 1000 and anything else 1999, with a text that says so. With `linger` the connection
    /// goes on until everything that was sent reliably has arrived; without, that is dropped too.
    /// Lingering ends with the interface: [`Sockets::wait_for_linger`](crate::Sockets::wait_for_linger)
    /// waits for it.
    ///
    /// # Errors
    /// If it is closed already.
    pub fn close(
        &self,
        reason: EndReason,
        text: &str,
        linger: bool,
    ) -> Result<(), NoSuchConnection> {
        self.slot.inner.close(&self.slot, reason, text, linger)
    }

    /// Sends a message on the first lane, as [`send_on`](Self::send_on).
    ///
    /// # Errors
    /// As `send_on`.
    pub fn send(&self, data: &[u8], flags: SendFlags) -> Result<MessageNumber, SendError> {
        self.send_on(LaneIndex::ZERO, data, flags)
    }

    /// Sends a message on a lane and returns its number. Does not block.
    ///
    /// A message without `NO_NAGLE` waits up to 5 ms for company. Before the connection is established
    /// messages are queued, except unreliable ones with `NO_DELAY`; such a one is dropped too, with
    /// [`SendError::NotNow`], if it would wait for more than 200 ms.
    ///
    /// # Errors
    /// If the connection has ended, the message is too large, the send buffer is full, the lane is not
    /// configured, or the message had to go at once and could not. Nothing was sent then.
    pub fn send_on(
        &self,
        lane: LaneIndex,
        data: &[u8],
        flags: SendFlags,
    ) -> Result<MessageNumber, SendError> {
        self.send_with(data, SendOptions::new(flags).lane(lane))
    }

    /// Sends a message whose bytes are shared with the caller: a large one is not copied.
    ///
    /// # Errors
    /// As [`send_on`](Self::send_on).
    pub fn send_bytes(
        &self,
        lane: LaneIndex,
        data: Bytes,
        flags: SendFlags,
    ) -> Result<MessageNumber, SendError> {
        self.send_with(data, SendOptions::new(flags).lane(lane))
    }

    /// Sends a message in any way that there is, and returns its number. Does not block.
    ///
    /// The other ways to send are shorthands of this one. The bytes may be a slice, which is copied, or
    /// [`Bytes`], which are not if they are many.
    ///
    /// # Errors
    /// As [`send_on`](Self::send_on), and [`SendError::OnlyUnreliable`] if a reliable message was given a
    /// deadline or a key.
    pub fn send_with<'a>(
        &self,
        data: impl Into<Payload<'a>>,
        options: impl Into<SendOptions>,
    ) -> Result<MessageNumber, SendError> {
        let options = options.into();
        let urgency = if options.is_urgent() {
            Urgency::Now
        } else {
            Urgency::Later
        };
        let message = options.message(data.into());
        self.slot.inner.send(&self.slot, urgency, message)
    }

    /// Sends messages of this connection in their order, queued together, so that they leave in as few packets
    /// as they fit into, without a list of them or of what became of them; for bindings.
    /// [`Sockets::send_batch`](crate::Sockets::send_batch) is for everybody else.
    ///
    /// `next` is asked for one after the other, and `told` what became of it, until there are no more or, with
    /// [`OnFailure::Stop`], one is refused. Both are called with the connection locked: they must not use it,
    /// or they would wait for ever.
    ///
    /// # Errors
    /// If the connection is closed; `next` was not asked then.
    pub fn send_each<'a>(
        &self,
        on_failure: OnFailure,
        next: impl FnMut() -> Option<(Payload<'a>, SendOptions)>,
        told: impl FnMut(Result<MessageNumber, SendError>),
    ) -> Result<(), NoSuchConnection> {
        batch::send_each(self, on_failure, next, told)
    }

    /// What may be sent on a lane now: what room there is, what of it leaves at once, and how long
    /// the rest waits. A game that asks each tick can fit its state to the path.
    ///
    /// ```
    /// use bowline::{Connection, LaneIndex, SendError, SendOptions};
    ///
    /// /// Sends as many chunks of a level as leave without waiting; returns how many.
    /// fn stream(connection: &Connection, chunks: &[[u8; 1024]]) -> Result<usize, SendError> {
    ///     let lane = LaneIndex::ZERO;
    ///     let room = connection.send_capacity(lane)?.at_once_bytes;
    ///     let count = chunks.len().min(room / 1024);
    ///     for chunk in &chunks[..count] {
    ///         connection.send_with(chunk, SendOptions::reliable().lane(lane))?;
    ///     }
    ///     Ok(count)
    /// }
    /// ```
    ///
    /// # Errors
    /// If the connection has ended, or the lane is not configured.
    pub fn send_capacity(&self, lane: LaneIndex) -> Result<SendCapacity, SendError> {
        let mut state = self.slot.state.lock();
        let now = state.advance(self.slot.inner.clock.now());
        Ok(state.open()?.send_capacity(now, lane)?)
    }

    /// Sends at once what waits for company.
    ///
    /// # Errors
    /// If the connection has ended or is not established yet. In the latter case what waits goes out as
    /// soon as it is.
    pub fn flush(&self) -> Result<(), SendError> {
        self.command(Urgency::Now, |core, now| core.flush(now))??;
        Ok(())
    }

    /// Takes the oldest received message, if there is one.
    ///
    /// Also after the peer closed, until nothing is left.
    ///
    /// # Errors
    /// If this side closed.
    pub fn receive(&self) -> Result<Option<Message>, NoSuchConnection> {
        let mut message = None;
        self.receive_with(1, |received| message = Some(received))?;
        Ok(message)
    }

    /// Appends up to `max` received messages to `messages`, oldest first, and tells how many.
    ///
    /// # Errors
    /// As [`receive`](Self::receive).
    pub fn receive_batch(
        &self,
        messages: &mut Vec<Message>,
        max: usize,
    ) -> Result<usize, NoSuchConnection> {
        self.receive_with(max, |message| messages.push(message))
    }

    /// How many received messages wait to be read.
    ///
    /// # Errors
    /// As [`receive`](Self::receive).
    pub fn unread_messages(&self) -> Result<usize, NoSuchConnection> {
        let mut state = self.slot.state.lock();
        Ok(state.open()?.queued_messages())
    }

    /// Sets up lanes for sending: one per entry, in order. The peer needs no setup.
    ///
    /// Lanes of a lower priority number go first; those of the same priority share by weight. May be called
    /// again at any time, also while messages wait: what was not sent yet goes by the new order. Lanes can
    /// be added, but not taken away.
    ///
    /// # Errors
    /// If there are none, more than 255, or fewer than before, if a weight is 0, or the connection has
    /// ended. [`LaneError::PeerTooOld`] if the peer speaks a protocol without lanes (before version 11) and
    /// there is more than one, which also ends the connection with 4006.
    pub fn configure_lanes(&self, lanes: &[LaneConfig]) -> Result<(), LaneError> {
        self.command(Urgency::Now, |core, now| core.configure_lanes(now, lanes))??;
        Ok(())
    }

    /// Has unreliable messages dropped on arrival that are older than one that has arrived before on the same
    /// lane, on one lane or, with `None`, on all. Off at first.
    ///
    /// The application then never sees a message, reliable or not, and after it an older unreliable one.
    /// What is dropped is counted as [`DropReason::LateMessage`](crate::DropReason::LateMessage). The peer
    /// need not know, and any peer will do: lanes that it has not used yet may be named, too.
    ///
    /// ```
    /// use bowline::{Connection, LaneIndex, NoSuchConnection};
    ///
    /// fn set_up(connection: &Connection) -> Result<(), NoSuchConnection> {
    ///     // Positions come on lane 1, and only the newest is of interest.
    ///     connection.set_sequenced(Some(LaneIndex::new(1)), true)
    /// }
    /// ```
    ///
    /// # Errors
    /// If the connection is closed.
    pub fn set_sequenced(
        &self,
        lane: Option<LaneIndex>,
        sequenced: bool,
    ) -> Result<(), NoSuchConnection> {
        self.command(Urgency::Later, |core, now| {
            core.set_sequenced(now, lane, sequenced)
        })
    }

    /// Puts the connection into a poll group, or takes it out of its group. What it has received goes
    /// with it.
    ///
    /// # Errors
    /// If it is closed, or the group is another interface's.
    pub fn set_poll_group(&self, group: Option<&PollGroup>) -> Result<(), PollGroupError> {
        if group.is_some_and(|group| !group.belongs_to(&self.slot.inner)) {
            return Err(PollGroupError::ForeignPollGroup);
        }
        let group = group.map(|group| Arc::clone(group.group()));
        let mut follow = Followup::default();
        let mut state = self.slot.state.lock();
        state.open()?;
        if group.as_ref().is_some_and(|group| group.is_over()) {
            return Err(PollGroupError::Ended);
        }
        self.slot.set_group(&mut state, group, &mut follow.nudge);
        drop(state);
        self.slot.inner.follow_up(&mut follow);
        Ok(())
    }

    /// Attaches a number for the application's own use. Messages that are read from now on carry it
    /// ([`Message::user_data`]), those included that have come in already; events that wait to be read
    /// keep what was attached when they happened.
    ///
    /// # Errors
    /// If the connection is closed.
    pub fn set_user_data(&self, user_data: i64) -> Result<(), NoSuchConnection> {
        let mut state = self.slot.state.lock();
        state.open()?;
        state.user_data = user_data;
        Ok(())
    }

    /// The number that the application attached; -1 if it attached none.
    ///
    /// # Errors
    /// If the connection is closed.
    pub fn user_data(&self) -> Result<i64, NoSuchConnection> {
        let mut state = self.slot.state.lock();
        state.open()?;
        Ok(state.user_data)
    }

    /// Names the connection for logs ([`ConnectionInfo::description`]). Cut at 31 bytes, between
    /// characters.
    ///
    /// # Errors
    /// If the connection is closed.
    pub fn set_name(&self, name: &str) -> Result<(), NoSuchConnection> {
        let end = (0..=name.len().min(limits::MAX_NAME)).rev();
        let end = end.into_iter().find(|end| name.is_char_boundary(*end));
        let name = &name[..end.unwrap_or(0)];
        let mut state = self.slot.state.lock();
        state.open()?;
        state.name = name.into();
        Ok(())
    }

    /// The name that the application gave it, empty if none.
    ///
    /// # Errors
    /// If the connection is closed.
    pub fn name(&self) -> Result<String, NoSuchConnection> {
        let mut state = self.slot.state.lock();
        state.open()?;
        Ok(state.name.to_string())
    }

    /// Its number, chosen at random, and unique among the connections of its interface that are or recently
    /// were.
    pub fn id(&self) -> ConnectionId {
        self.slot.id
    }

    /// Whether it is one end of a [`PairKind::Pipe`](crate::PairKind::Pipe), with the other end in this process and
    /// nothing between them.
    pub fn is_pipe(&self) -> bool {
        self.slot.is_pipe()
    }

    /// Where the peer is; `[::]:0` for the other end of a pipe.
    ///
    /// Between peers that found each other by signals this is what packets go to at the moment, and may change;
    /// `[::]:0` while there is no way, and if it leads through a relay, which keeps the address to itself.
    pub fn remote_addr(&self) -> SocketAddr {
        self.slot.remote_addr()
    }

    /// Which listener it came in on; `None` if this side dialled.
    pub fn listener(&self) -> Option<ListenerId> {
        self.slot.listener
    }

    /// Who the peer says it is, once the handshake is over; from then on that does not change. [`ConnectionInfo::authenticated`] tells whether somebody vouches for it.
    pub fn peer(&self) -> Option<&Identity> {
        self.slot.peer()
    }

    /// The state; [`ConnectionState::None`] once this side has closed it. A change may show here a moment
    /// before [`Event::ConnectionChanged`](crate::Event::ConnectionChanged) tells it.
    pub fn state(&self) -> ConnectionState {
        let mut state = self.slot.state.lock();
        state
            .open()
            .map_or(ConnectionState::None, |core| visible(core.state()))
    }

    /// The connection as it is now: peer, state, reason of its end. As [`Connection::state`], it may be ahead of
    /// events.
    ///
    /// # Errors
    /// If it is closed.
    pub fn info(&self) -> Result<ConnectionInfo, NoSuchConnection> {
        let mut state = self.slot.state.lock();
        state.open()?;
        self.slot.info(&state).ok_or(NoSuchConnection)
    }

    /// How well it does: ping, quality, rates, what waits to be sent.
    ///
    /// # Errors
    /// If it is closed.
    pub fn status(&self) -> Result<RealTimeStatus, NoSuchConnection> {
        let mut state = self.slot.state.lock();
        let now = state.advance(self.slot.inner.clock.now());
        let core = state.open()?;
        let status = core.status(now);
        core.reset_max_jitter();
        Ok(status)
    }

    /// All that is known of how it does, in lines of text for people and logs: rates, lanes, totals,
    /// histograms of ping, quality and jitter, what the peer reports, what was dropped and why. What it
    /// looks like may change.
    ///
    /// # Errors
    /// If it is closed.
    pub fn detailed_status(&self) -> Result<String, NoSuchConnection> {
        let mut state = self.slot.state.lock();
        let now = state.advance(self.slot.inner.clock.now());
        Ok(state.open()?.detailed_status(now))
    }

    /// What waits to be sent on a lane.
    ///
    /// # Errors
    /// If the lane is not configured or the connection is closed.
    pub fn lane_status(&self, lane: LaneIndex) -> Result<LaneStatus, StatusError> {
        let mut state = self.slot.state.lock();
        let now = state.advance(self.slot.inner.clock.now());
        let status = state.open()?.lane_status(now, lane);
        status.ok_or(StatusError::NoSuchLane { lane })
    }

    /// Packets and parts of packets that were refused, by reason.
    ///
    /// # Errors
    /// If the connection is closed.
    pub fn drops(&self) -> Result<DropCounters, NoSuchConnection> {
        let mut state = self.slot.state.lock();
        Ok(state.open()?.drops().clone())
    }

    fn receive_with(
        &self,
        max: usize,
        mut take: impl FnMut(Message),
    ) -> Result<usize, NoSuchConnection> {
        let mut state = self.slot.state.lock();
        state.open()?;
        let count = state.receive(self.slot.inner.clock.now(), max, |core, user_data| {
            take(Message::new(core, self.clone(), user_data));
        });
        self.slot
            .inner
            .after_input(&self.slot, state, Urgency::Later);
        Ok(count)
    }

    fn command<R>(
        &self,
        urgency: Urgency,
        command: impl FnOnce(
            &mut bowline_core::connection::Connection,
            bowline_core::time::Timestamp,
        ) -> R,
    ) -> Result<R, NoSuchConnection> {
        self.slot.inner.command(&self.slot, urgency, command)
    }
}

impl PartialEq for Connection {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.slot, &other.slot)
    }
}

impl Eq for Connection {}

impl Hash for Connection {
    fn hash<H: Hasher>(&self, state: &mut H) {
        Arc::as_ptr(&self.slot).hash(state);
    }
}

impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Connection").field(&self.slot.id).finish()
    }
}
