//! Recording of a connection's inputs, and playing them back.
//!
//! A recording is a copy of the connection as it was, and every input since with its time. Played
//! back, it yields the very same datagrams: that is how a bad connection is looked at again.

use alloc::sync::Arc;
use alloc::vec::Vec;

use serde::Deserialize;
use serde::Serialize;

use crate::connection::Connection;
use crate::connection::input::Command;
use crate::connection::input::DatagramBytes;
use crate::connection::input::Input;
use crate::message::Outgoing;
use crate::message::Payload;
use crate::pipe::Piped;
use crate::time::Timestamp;
use crate::transmit::TransmitBuf;

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

/// Plays recorded inputs back to a copy of the connection as it was when the recording began, and
/// hands every datagram that it sends to `sent`.
pub fn replay(
    mut connection: Connection,
    inputs: Vec<Recorded>,
    mut sent: impl FnMut(Timestamp, &[u8]),
) -> Connection {
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
        Input::Piped(_) | Input::Command(_) | Input::Timeout | Input::Transmit { .. } => 0,
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
        Input::Signal(data) => Input::Signal(copy(data)),
        Input::Piped(item) => Input::Piped(item.clone()),
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
                payload: Payload::Shared(message.payload.as_slice().to_vec().into()),
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
        }),
    }
}
