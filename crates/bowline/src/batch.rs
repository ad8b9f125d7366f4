//! Sending many messages to many connections in one call.

use std::sync::Arc;

use bowline_core::ids::MessageNumber;
use bowline_core::message::Payload;
use bytes::Bytes;

use crate::connection::Connection;
use crate::driver::Urgency;
use crate::error::NoSuchConnection;
use crate::error::SendError;
use crate::send_options::SendOptions;

/// A message of a batch, see [`Sockets::send_batch`](crate::Sockets::send_batch).
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct BatchMessage {
    /// Which connection sends it.
    pub connection: Connection,
    /// How it is sent.
    pub options: SendOptions,
    /// The bytes; large ones are not copied.
    pub data: Bytes,
}

impl BatchMessage {
    /// A message; flags alone send it on the first lane.
    pub fn new(
        connection: &Connection,
        data: impl Into<Bytes>,
        options: impl Into<SendOptions>,
    ) -> Self {
        Self {
            connection: connection.clone(),
            options: options.into(),
            data: data.into(),
        }
    }
}

/// What a failure in a batch means for the messages behind it.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
pub enum OnFailure {
    /// Further messages of the same connection are not attempted, so that none overtakes the one that
    /// failed.
    #[default]
    Stop,
    /// Further messages of the same connection are attempted.
    Continue,
}

/// A message that was not sent, given back.
#[derive(Debug, thiserror::Error)]
#[error("{reason}")]
pub struct Unsent {
    /// The message.
    pub message: BatchMessage,
    /// Why it was not sent.
    #[source]
    pub reason: UnsentReason,
}

/// Why a message of a batch was not sent.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum UnsentReason {
    /// It was refused.
    #[error(transparent)]
    Failed(#[from] SendError),
    /// A message before it, of the same connection, was refused.
    #[error("not attempted, because an earlier message of the connection was refused")]
    NotAttempted,
}

/// Sends a batch; see [`Sockets::send_batch`](crate::Sockets::send_batch).
pub(crate) fn send(
    messages: Vec<BatchMessage>,
    on_failure: OnFailure,
) -> Vec<Result<MessageNumber, Unsent>> {
    let mut order: Vec<_> = (0..messages.len()).collect();
    // Stable, so that the messages of a connection keep their order.
    order.sort_by_key(|index| Arc::as_ptr(messages[*index].connection.slot()));
    let mut outcomes = vec![Err(UnsentReason::NotAttempted); messages.len()];
    let same = |a: &usize, b: &usize| messages[*a].connection == messages[*b].connection;
    for run in order.chunk_by(same) {
        send_run(&messages, run, on_failure, &mut outcomes);
    }
    let sent = messages.into_iter().zip(outcomes);
    sent.map(|(message, outcome)| outcome.map_err(|reason| Unsent { message, reason }))
        .collect()
}

/// Sends the messages of one connection: one lock, and packets once all are queued.
fn send_run(
    messages: &[BatchMessage],
    run: &[usize],
    on_failure: OnFailure,
    outcomes: &mut [Result<MessageNumber, UnsentReason>],
) {
    let Some(first) = run.first() else {
        return;
    };
    let connection = &messages[*first].connection;
    let mut own = run.iter().map(|index| &messages[*index]);
    let next = || {
        let message = own.next()?;
        Some((Payload::Shared(message.data.clone()), message.options))
    };
    let mut told = run.iter();
    let tell = |outcome: Result<_, SendError>| {
        if let Some(index) = told.next() {
            outcomes[*index] = outcome.map_err(Into::into);
        }
    };
    if let Err(NoSuchConnection) = send_each(connection, on_failure, next, tell) {
        let refused = match on_failure {
            OnFailure::Stop => &run[..1],
            OnFailure::Continue => run,
        };
        for index in refused {
            outcomes[*index] = Err(UnsentReason::Failed(NoSuchConnection.into()));
        }
    }
}

/// Sends messages of a connection; see [`Connection::send_each`].
pub(crate) fn send_each<'a>(
    connection: &Connection,
    on_failure: OnFailure,
    mut next: impl FnMut() -> Option<(Payload<'a>, SendOptions)>,
    mut told: impl FnMut(Result<MessageNumber, SendError>),
) -> Result<(), NoSuchConnection> {
    let slot = connection.slot();
    let mut state = slot.state.lock();
    let now = state.advance(slot.inner.clock.now());
    let core = state.open()?;
    let mut urgency = Urgency::Later;
    while let Some((payload, options)) = next() {
        if options.is_urgent() {
            urgency = Urgency::Now;
        }
        let sent = core.send(now, options.message(payload));
        let stops = sent.is_err() && on_failure == OnFailure::Stop;
        told(sent.map_err(Into::into));
        if stops {
            break;
        }
    }
    slot.inner.after_input(slot, state, urgency);
    Ok(())
}
