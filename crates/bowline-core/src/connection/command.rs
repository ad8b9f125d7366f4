//! The door for inputs, and what an application can ask of a connection.

use alloc::string::String;
use alloc::vec::Vec;

use crate::config::LaneConfig;
use crate::connection::Command;
use crate::connection::Connection;
use crate::connection::ConnectionState;
use crate::connection::DatagramBytes;
use crate::connection::Input;
use crate::connection::Reply;
use crate::connection::State;
use crate::debug::log_verbose;
use crate::end_reason::EndReason;
use crate::error::AcceptError;
use crate::error::CommandError;
use crate::error::LaneError;
use crate::error::SendError;
use crate::event::ToConnection;
use crate::ids::LaneIndex;
use crate::ids::MessageNumber;
use crate::limits;
use crate::message::Message;
use crate::message::Outgoing;
use crate::message::SendFlags;
use crate::time::Timestamp;
use crate::transmit::DatagramMeta;
use crate::transmit::ProbeFailure;

/// Lanes came with this protocol version (wire.md 1.7).
const LANES_SINCE: u32 = 11;

impl Connection {
    /// Feeds an input. All that happens to a connection comes in here.
    ///
    /// # Errors
    /// What the command that the input is refuses. Other inputs do not fail: what is wrong with a
    /// datagram is counted ([`Connection::drops`]).
    pub fn handle(&mut self, now: Timestamp, input: Input<'_>) -> Result<Reply, CommandError> {
        self.note(now, &input);
        let now = self.now;
        match input {
            Input::Datagram { meta, mut data } => self.on_datagram(now, &meta, data.as_mut_slice()),
            Input::Timeout => self.on_timeout(now),
            Input::Command(command) => return self.on_command(now, command),
            Input::Signal(data) => self.on_signal(now, data.as_slice()),
            Input::Piped(item) => self.on_piped(now, item),
            Input::Endpoint(ToConnection::ReceiveWindow(bytes)) => {
                self.receiver.on_window_lent(bytes);
            }
            Input::Endpoint(news) => self.on_local_way(now, news),
            Input::Dropped(reason) => {
                self.recorder.saw_drop(reason);
                self.telemetry.drops.count(reason);
            }
            // Packets leave through `poll_transmit`, which notes the same input.
            Input::Transmit { .. } => {}
            Input::PollSignal => self.skip_signal(now),
            Input::ProbeUnsent(failure) => self.path.on_probe_unsent(now, failure),
        }
        Ok(Reply::Done)
    }

    /// A datagram came in; it is decrypted in place. Shorthand for [`Input::Datagram`].
    pub fn handle_datagram(&mut self, now: Timestamp, meta: &DatagramMeta, data: &mut [u8]) {
        let input = Input::Datagram {
            meta: *meta,
            data: DatagramBytes::Borrowed(data),
        };
        let done = self.handle(now, input);
        debug_assert!(done.is_ok());
    }

    /// A signal came in that is for this connection. Shorthand for [`Input::Signal`].
    pub fn handle_signal(&mut self, now: Timestamp, signal: &mut [u8]) {
        let done = self.handle(now, Input::Signal(DatagramBytes::Borrowed(signal)));
        debug_assert!(done.is_ok());
    }

    /// The endpoint answers ([`Endpoint::handle_event`](crate::endpoint::Endpoint::handle_event)). Shorthand
    /// for [`Input::Endpoint`].
    pub fn handle_endpoint(&mut self, now: Timestamp, answer: ToConnection) {
        let done = self.handle(now, Input::Endpoint(answer));
        debug_assert!(done.is_ok());
    }

    /// A probe of the path was not sent. Shorthand for [`Input::ProbeUnsent`].
    pub fn handle_unsent_probe(&mut self, now: Timestamp, failure: ProbeFailure) {
        let done = self.handle(now, Input::ProbeUnsent(failure));
        debug_assert!(done.is_ok());
    }

    /// A deadline has passed. Shorthand for [`Input::Timeout`].
    pub fn handle_timeout(&mut self, now: Timestamp) {
        let done = self.handle(now, Input::Timeout);
        debug_assert!(done.is_ok());
    }

    /// Accepts an incoming connection. Shorthand for [`Command::Accept`].
    ///
    /// # Errors
    /// If it did not come in, was decided upon before, or its key exchange fails, which also closes it.
    pub fn accept(&mut self, now: Timestamp) -> Result<(), AcceptError> {
        match self.handle(now, Input::Command(Command::Accept)) {
            Ok(_) => Ok(()),
            Err(CommandError::Accept(error)) => Err(error),
            Err(_) => Err(AcceptError::WrongState(self.state())),
        }
    }

    /// Ends the connection, or refuses an incoming one. Shorthand for [`Command::Close`].
    pub fn close(&mut self, now: Timestamp, reason: EndReason, text: &str, linger: bool) {
        let command = Command::Close {
            reason,
            text: String::from(text),
            linger,
        };
        let done = self.handle(now, Input::Command(command));
        debug_assert!(done.is_ok());
    }

    /// Sends a message. Shorthand for [`Command::Send`].
    ///
    /// # Errors
    /// See [`SendError`]. Nothing of a refused message is sent.
    pub fn send(
        &mut self,
        now: Timestamp,
        message: Outgoing<'_>,
    ) -> Result<MessageNumber, SendError> {
        // Not by way of `handle`: there is one of these for each message, and the detour costs.
        let input = Input::Command(Command::Send(message));
        self.note(now, &input);
        let Input::Command(Command::Send(message)) = input else {
            return Err(SendError::WrongState(self.state()));
        };
        self.on_send(self.now, message)
    }

    /// Lets queued messages wait for company no longer. Shorthand for [`Command::Flush`].
    ///
    /// # Errors
    /// If the connection is closed, or not established yet. In the latter case the messages wait for
    /// that alone.
    pub fn flush(&mut self, now: Timestamp) -> Result<(), SendError> {
        match self.handle(now, Input::Command(Command::Flush)) {
            Ok(_) => Ok(()),
            Err(CommandError::Send(error)) => Err(error),
            Err(_) => Err(SendError::WrongState(self.state())),
        }
    }

    /// Sets the lanes. Shorthand for [`Command::ConfigureLanes`].
    ///
    /// # Errors
    /// See [`LaneError`].
    pub fn configure_lanes(
        &mut self,
        now: Timestamp,
        lanes: &[LaneConfig],
    ) -> Result<(), LaneError> {
        let command = Command::ConfigureLanes(Vec::from(lanes));
        match self.handle(now, Input::Command(command)) {
            Ok(_) => Ok(()),
            Err(CommandError::Lane(error)) => Err(error),
            Err(_) => Err(LaneError::WrongState(self.state())),
        }
    }

    /// Has unreliable messages that are older than one already received dropped on arrival, in one lane
    /// or in all. Shorthand for [`Command::SetSequenced`].
    pub fn set_sequenced(&mut self, now: Timestamp, lane: Option<LaneIndex>, sequenced: bool) {
        let command = Command::SetSequenced { lane, sequenced };
        let done = self.handle(now, Input::Command(command));
        debug_assert!(done.is_ok());
    }

    /// Takes the oldest received message; also after the peer has closed. Shorthand for
    /// [`Command::Receive`].
    pub fn receive(&mut self, now: Timestamp) -> Option<Message> {
        self.note(now, &Input::Command(Command::Receive));
        self.on_receive(self.now)
    }

    fn on_command(&mut self, now: Timestamp, command: Command<'_>) -> Result<Reply, CommandError> {
        match command {
            Command::Accept => self.on_accept(now)?,
            Command::Close {
                reason,
                text,
                linger,
            } => self.on_close(now, reason, &text, linger),
            Command::Send(message) => return Ok(Reply::Sent(self.on_send(now, message)?)),
            Command::Flush => self.on_flush(now)?,
            Command::ConfigureLanes(lanes) => self.on_configure_lanes(now, &lanes)?,
            Command::SetSequenced { lane, sequenced } => {
                self.receiver.set_sequenced(lane, sequenced);
            }
            Command::Receive => return Ok(Reply::Received(self.on_receive(now))),
            Command::Configure(config) => self.on_configure(config),
            Command::AwaitRoom(bytes) => self.on_await_room(bytes),
        }
        Ok(Reply::Done)
    }

    fn on_send(
        &mut self,
        now: Timestamp,
        message: Outgoing<'_>,
    ) -> Result<MessageNumber, SendError> {
        self.check_sendable()?;
        if self.pipe.is_some() {
            return self.send_piped(now, message);
        }
        let soon_or_never =
            message.flags.contains(SendFlags::NO_DELAY) && !message.flags.is_reliable();
        if soon_or_never && !self.would_leave_soon(now, message.lane) {
            return Err(SendError::NotNow);
        }
        let result = self.sender.submit(now, message);
        // It may have made room by dropping what is too old.
        self.tell_writable();
        let number = result?;
        log_verbose!(self, Message "bowline::message", number = number.get(), "message to send");
        Ok(number)
    }

    /// Ends all waits for company, and refuses as GNS does if nothing can leave yet even so.
    fn on_flush(&mut self, now: Timestamp) -> Result<(), SendError> {
        self.check_sendable()?;
        self.sender.flush(now);
        match self.state() {
            ConnectionState::Connected => Ok(()),
            state => Err(SendError::WrongState(state)),
        }
    }

    /// Whether a message queued now would leave within [`limits::MAX_NO_DELAY_WAIT`].
    fn would_leave_soon(&mut self, now: Timestamp, lane: LaneIndex) -> bool {
        if !matches!(self.state, State::Connected { .. }) {
            return false;
        }
        if self.sender.can_send_at_once(now) {
            return true;
        }
        let wait = self.queue_time(now, lane);
        wait.is_some_and(|wait| wait <= limits::MAX_NO_DELAY_WAIT)
    }

    pub(super) fn check_sendable(&self) -> Result<(), SendError> {
        match self.state() {
            ConnectionState::Connecting
            | ConnectionState::FindingRoute
            | ConnectionState::Connected => Ok(()),
            ConnectionState::None
            | ConnectionState::ClosedByPeer
            | ConnectionState::ProblemDetectedLocally
            | ConnectionState::FinWait
            | ConnectionState::Linger
            | ConnectionState::Dead => Err(SendError::WrongState(self.state())),
        }
    }

    fn on_configure_lanes(
        &mut self,
        now: Timestamp,
        lanes: &[LaneConfig],
    ) -> Result<(), LaneError> {
        if self.check_sendable().is_err() {
            return Err(LaneError::WrongState(self.state()));
        }
        self.sender.check_lanes(lanes)?;
        self.check_peer_knows_lanes(now, lanes.len())?;
        #[cfg(any(test, feature = "test-support"))]
        let before = self.sender.lanes();
        self.sender.configure_lanes(lanes)?;
        #[cfg(any(test, feature = "test-support"))]
        self.start_lanes(before);
        if let Some(pipe) = &mut self.pipe {
            pipe.configure_lanes(lanes);
        }
        Ok(())
    }

    /// Ends a connection that uses lanes if the peer knows none. Of a peer that is being dialled nothing is
    /// known yet.
    pub(super) fn check_peer_knows_lanes(
        &mut self,
        now: Timestamp,
        lanes: usize,
    ) -> Result<(), LaneError> {
        let version = self.peer.version;
        if lanes <= 1 || version >= LANES_SINCE {
            return Ok(());
        }
        let reason = EndReason::REMOTE_BAD_PROTOCOL_VERSION;
        self.fail(now, reason, "The peer is too old for lanes");
        Err(LaneError::PeerTooOld(version))
    }

    fn on_receive(&mut self, now: Timestamp) -> Option<Message> {
        let message = self.receiver.pop();
        // Only looked at, so that it is handed on from where it is.
        if let Some(message) = &message {
            if let Err(refusal) = self.receiver.let_in(now) {
                self.on_refusal(now, refusal);
            }
            let number = message.number.get();
            log_verbose!(self, Message "bowline::message", number, "message received");
            if let Some(pipe) = &mut self.pipe {
                pipe.on_read(message.len(), self.receiver.queued_messages() == 0);
            }
            if self.receives_no_more() {
                self.give_window_back();
            }
        }
        message
    }
}
