//! Recording of a connection's inputs, and playing them back.
//!
//! A recording is a copy of the connection as it was, and every input since with its time. Played
//! back, it yields the very same datagrams: that is how a bad connection is looked at again.
//!
//! [`Connection::record`] records all from now on. The flight recorder (`flight`) keeps the last seconds of
//! a connection, if the settings ask for it; [`FlightRecording`] is what goes into a file: `checkpoint` is
//! the connection in it, `hide` leaves out what was said, `player` plays it back, `watch` shows what
//! happens meanwhile, `summary` is that as data, and `timeline` in words.

mod bounded;
mod checkpoint;
mod export;
mod flight;
mod hide;
mod player;
mod summary;
mod timeline;
mod watch;

use alloc::boxed::Box;
use alloc::sync::Arc;
use alloc::vec::Vec;

use serde::Deserialize;
use serde::Serialize;

use crate::connection::Connection;
use crate::connection::input::Command;
use crate::connection::input::DatagramBytes;
use crate::connection::input::Input;
use crate::crypto::key_update::KeysImage;
use crate::crypto::rustcrypto;
use crate::message::Outgoing;
use crate::message::Payload;
use crate::pipe::Piped;
use crate::time::Timestamp;
use crate::transmit::Transmit;
use crate::transmit::TransmitBuf;

pub use export::FlightCopy;
pub use export::FlightRecording;
pub use export::RecordingOptions;
pub use export::Verdict;
pub use summary::FrameSummary;
pub use summary::InputSummary;
pub use summary::PacketSummary;
pub use summary::Played;
pub use summary::SentSummary;
pub use summary::StateChange;

pub(crate) use hide::StreamHeaders;
pub(crate) use watch::Plan;

use flight::Flight;
use watch::Watch;

/// What looks on at a connection. Nothing of it changes what the connection does.
#[derive(Debug, Default)]
pub(crate) struct Recorder {
    /// All from a moment on.
    recording: Option<Box<Recording>>,
    /// The last seconds.
    flight: Option<Box<Flight>>,
    /// What is seen during a replay.
    watch: Option<Box<Watch>>,
}

/// An input and its time.
#[derive(Debug, Deserialize, Serialize)]
pub struct Recorded {
    /// When it happened.
    pub at: Timestamp,
    /// What happened.
    pub input: Input<'static>,
}

/// The inputs of a connection from a moment on.
#[derive(Debug, Default)]
pub struct Recording {
    inputs: Vec<Recorded>,
    bytes: usize,
    max_bytes: usize,
}

impl Recording {
    /// A recording that stops when it holds about `max_bytes` of datagrams and messages.
    pub(crate) const fn new(max_bytes: usize) -> Self {
        Self {
            inputs: Vec::new(),
            bytes: 0,
            max_bytes,
        }
    }

    /// The inputs so far.
    pub fn into_inputs(self) -> Vec<Recorded> {
        self.inputs
    }

    /// Whether it was cut off because it grew too large.
    pub const fn is_full(&self) -> bool {
        self.bytes > self.max_bytes
    }

    pub(crate) fn push(&mut self, at: Timestamp, input: &Input<'_>) {
        if self.is_full() {
            return;
        }
        self.bytes += size_of::<Recorded>() + payload_len(input);
        if !self.is_full() {
            let input = to_owned(input);
            self.inputs.push(Recorded { at, input });
        }
    }
}

impl Recorder {
    /// Whether a recording of inputs has begun.
    const fn holds_inputs(&self) -> bool {
        self.recording.is_some() || self.flight.is_some()
    }
}

impl Clone for Recorded {
    fn clone(&self) -> Self {
        Self {
            at: self.at,
            input: to_owned(&self.input),
        }
    }
}

impl Connection {
    /// Starts recording inputs, up to about `max_bytes` of them, and returns the connection as it is
    /// now, which the recording can be played back to with [`replay`].
    pub fn record(&mut self, max_bytes: usize) -> Self {
        self.recorder.recording = Some(Box::new(Recording::new(max_bytes)));
        self.clone()
    }

    /// Ends the recording.
    pub fn take_recording(&mut self) -> Option<Recording> {
        self.recorder.recording.take().map(|recording| *recording)
    }

    /// A copy of what the flight recorder holds; `None` if it is off
    /// ([`crate::config::Config::set_record_bytes`]) or the connection was never established.
    pub fn flight(&self) -> Option<FlightCopy> {
        let flight = self.recorder.flight.as_ref()?;
        Some(FlightCopy::new(flight.copy()))
    }

    /// Whether the flight recorder holds something.
    pub fn is_recording(&self) -> bool {
        self.recorder.flight.is_some()
    }

    /// Ends the flight recording and hands out what it holds.
    pub fn take_flight(&mut self) -> Option<FlightCopy> {
        let flight = self.recorder.flight.take()?;
        Some(FlightCopy::new(flight.into_segment()))
    }

    /// An input is about to be handled.
    #[inline]
    pub(crate) fn note(&mut self, now: Timestamp, input: &Input<'_>) {
        // Time does not go back, whatever the caller's clock does.
        self.now = self.now.max(now);
        if self.recorder.holds_inputs() || self.config.record_bytes() > 0 {
            self.note_for_recorder(input);
        }
    }

    #[cold]
    fn note_for_recorder(&mut self, input: &Input<'_>) {
        if let Some(recording) = &mut self.recorder.recording {
            recording.push(self.now, input);
        }
        match self.config.record_bytes() {
            0 => self.recorder.flight = None,
            max_bytes => self.note_flight(max_bytes, input),
        }
    }

    fn note_flight(&mut self, max_bytes: usize, input: &Input<'_>) {
        let now = self.now;
        let flight = self.recorder.flight.take();
        let mut flight = match flight {
            Some(mut flight) => {
                flight.set_max_bytes(max_bytes);
                if flight.is_full(now) && self.is_recordable() {
                    flight.turn(self.clone());
                }
                flight
            }
            None if self.is_recordable() => Box::new(Flight::new(self.clone(), max_bytes)),
            None => return,
        };
        flight.push(now, input);
        self.recorder.flight = Some(flight);
    }

    /// Datagrams were handed out.
    #[inline]
    pub(super) fn note_sent(&mut self, transmit: &Transmit, buf: &TransmitBuf) {
        if let Some(flight) = &mut self.recorder.flight {
            for datagram in buf.datagrams(transmit) {
                flight.push_sent(datagram);
            }
        }
    }
}

/// Plays recorded inputs back to a copy of the connection as it was when the recording began, and
/// hands every datagram that it sends to `sent`.
pub fn replay(
    mut connection: Connection,
    inputs: Vec<Recorded>,
    mut sent: impl FnMut(Timestamp, &[u8]),
) -> Connection {
    connection.use_own_ciphers();
    for Recorded { at, input } in inputs {
        if let Input::Transmit { max_datagrams } = input {
            let mut buf = TransmitBuf::new(max_datagrams);
            if let Some(transmit) = connection.poll_transmit(at, &mut buf) {
                buf.datagrams(&transmit).for_each(|bytes| sent(at, bytes));
            }
            continue;
        }
        // What was refused when recorded is refused again.
        let _ = connection.handle(at, input);
        while connection.poll_event().is_some() {}
        while connection.poll_endpoint().is_some() {}
        while connection.poll_piped().is_some() {}
    }
    connection
}

fn payload_len(input: &Input<'_>) -> usize {
    match input {
        Input::Datagram { data, .. } | Input::Signal(data) => data.as_slice().len(),
        Input::Command(Command::Send(message)) => message.payload.len(),
        Input::Piped(Piped::Message { data, .. }) => data.len(),
        Input::Piped(_)
        | Input::Command(_)
        | Input::Timeout
        | Input::Transmit { .. }
        | Input::Endpoint(_)
        | Input::Dropped(_)
        | Input::PollSignal
        | Input::ProbeUnsent(_) => 0,
    }
}

fn to_owned(input: &Input<'_>) -> Input<'static> {
    let copy = |data: &DatagramBytes<'_>| DatagramBytes::Owned(data.as_slice().to_vec());
    match input {
        Input::Datagram { meta, data } => Input::Datagram {
            meta: *meta,
            data: copy(data),
        },
        Input::Timeout => Input::Timeout,
        Input::Dropped(reason) => Input::Dropped(*reason),
        Input::PollSignal => Input::PollSignal,
        Input::ProbeUnsent(failure) => Input::ProbeUnsent(*failure),
        Input::Signal(data) => Input::Signal(copy(data)),
        Input::Piped(item) => Input::Piped(item.clone()),
        Input::Endpoint(answer) => Input::Endpoint(*answer),
        Input::Transmit { max_datagrams } => Input::Transmit {
            max_datagrams: *max_datagrams,
        },
        Input::Command(command) => Input::Command(match command {
            Command::Accept => Command::Accept,
            Command::Close {
                reason,
                text,
                linger,
            } => Command::Close {
                reason: *reason,
                text: text.clone(),
                linger: *linger,
            },
            Command::Send(message) => Command::Send(Outgoing {
                payload: match &message.payload {
                    Payload::Borrowed(bytes) => Payload::Shared(bytes.to_vec().into()),
                    Payload::Shared(bytes) => Payload::Shared(bytes.clone()),
                },
                ..*message
            }),
            Command::Flush => Command::Flush,
            Command::ConfigureLanes(lanes) => Command::ConfigureLanes(lanes.clone()),
            Command::SetSequenced { lane, sequenced } => Command::SetSequenced {
                lane: *lane,
                sequenced: *sequenced,
            },
            Command::Receive => Command::Receive,
            Command::Configure(config) => Command::Configure(Arc::clone(config)),
            Command::AwaitRoom(bytes) => Command::AwaitRoom(*bytes),
        }),
    }
}

impl Connection {
    /// Makes the ciphers anew with the portable provider: what watches over the original's, so that they
    /// seal no packet twice, is not for a copy.
    fn use_own_ciphers(&mut self) {
        let crypto = rustcrypto::provider();
        if let Some(keys) = &mut self.keys {
            *keys = KeysImage::of(keys).restore(&crypto);
        }
        Arc::make_mut(&mut self.host).crypto = crypto;
    }
}
