//! From the caller to the library.

use std::ffi::c_int;
use std::sync::Arc;

use bowline::Connection;
use bowline::LaneIndex;
use bowline::MAX_MESSAGE;
use bowline::MessageNumber;
use bowline::OnFailure;
use bowline::Payload;
use bowline::ResultCode;
use bowline::SendFlags;
use bowline::SendOptions;
use bowline::ToResult;
use bowline::UnsentReason;

use crate::abi::message::RawMessage;
use crate::abi::pointer;
use crate::abi::structs::ConnectionHandle;
use crate::abi::structs::RawBool;
use crate::messages::connection;
use crate::messages::generation;
use crate::messages::generation::Generation;
use crate::messages::holder;
use crate::messages::lent::Lent;

/// From this size on a message is sent where it lies; smaller ones are copied, which costs less.
const SHARE_FROM: usize = 4096;

/// Sends a copy of bytes, and returns the result code.
///
/// # Safety
/// If `out_number` is not null, there is room.
pub(super) unsafe fn one(
    handle: ConnectionHandle,
    data: Option<&[u8]>,
    flags: c_int,
    out_number: *mut i64,
) -> c_int {
    let sent = connection(handle)
        .zip(data)
        .ok_or(ResultCode::InvalidParam)
        .and_then(|(connection, data)| {
            let sent = connection.send(data, flags_of(flags));
            sent.map_err(|error| error.result())
        });
    let (number, code) = match sent {
        Ok(number) => (number_of(number), ResultCode::Ok),
        Err(code) => (-1, code),
    };
    // SAFETY: there is room by the caller's promise.
    unsafe { pointer::write(out_number, number) };
    code.number()
}

/// Sends messages to the connections that they name.
///
/// # Safety
/// If the pointers are not null, there are `count` entries; each message is null or one of ours.
pub(super) unsafe fn many(
    count: c_int,
    messages: *mut *mut RawMessage,
    out_results: *mut i64,
    delete_failed: RawBool,
) {
    let (delete_failed, on_failure) = match generation::current() {
        Generation::V1_4 => (true, OnFailure::Continue),
        Generation::V1_5 => (delete_failed != 0, OnFailure::Stop),
    };
    let count = usize::try_from(count).unwrap_or(0);
    if count == 0 || messages.is_null() {
        return;
    }
    // SAFETY: so many entries are there by the caller's promise.
    let messages = unsafe { std::slice::from_raw_parts_mut(messages, count) };
    let handles: Vec<_> = messages
        .iter()
        // SAFETY: it is ours if it is not null.
        .map(|message| (!message.is_null()).then(|| unsafe { (**message).connection }))
        .collect();
    let mut order: Vec<usize> = (0..count).collect();
    // Stable, so that the messages of a connection keep their order.
    order.sort_by_key(|index| handles[*index]);
    let same = |a: &usize, b: &usize| handles[*a] == handles[*b];
    for run in order.chunk_by(same) {
        let connection = run.first().and_then(|index| handles[*index]);
        let own: Vec<_> = run.iter().map(|index| messages[*index]).collect();
        // SAFETY: they are ours, or all null.
        let results = unsafe { send_run(connection, &own, on_failure, delete_failed) };
        for (index, result) in run.iter().zip(results) {
            if result > 0 && !delete_failed {
                messages[*index] = std::ptr::null_mut();
            }
            if !out_results.is_null() {
                // SAFETY: so many entries are there by the caller's promise.
                unsafe { pointer::write(out_results.add(*index), result) };
            }
        }
    }
}

/// Sends the messages of one connection and releases those that the caller does not keep.
///
/// # Safety
/// They are ours; without a handle they are null.
unsafe fn send_run(
    handle: Option<ConnectionHandle>,
    run: &[*mut RawMessage],
    on_failure: OnFailure,
    delete_failed: bool,
) -> Vec<i64> {
    let Some(handle) = handle else {
        return vec![refused(ResultCode::InvalidParam); run.len()];
    };
    let loans: Vec<_> = run
        .iter()
        // SAFETY: they are ours.
        .map(|message| unsafe { Loan::of(*message) })
        .collect();
    let outcomes = match connection(handle) {
        // Without a connection nothing behind the first one is attempted, either.
        None if handle != 0 && on_failure == OnFailure::Stop => {
            let mut results = vec![0; run.len()];
            results[0] = refused(ResultCode::InvalidParam);
            results
        }
        None => vec![refused(ResultCode::InvalidParam); run.len()],
        Some(connection) => send_loans(&connection, &loans, on_failure),
    };
    for (loan, outcome) in loans.into_iter().zip(&outcomes) {
        // SAFETY: they are ours, and nothing uses them any more.
        unsafe { loan.settle(*outcome > 0, delete_failed) };
    }
    outcomes
}

/// What a message lends for the time of the call.
enum Loan {
    /// It cannot be sent: it says that it has bytes, and has none, or too many, or a lane beyond all.
    Bad(*mut RawMessage),
    /// Its bytes are copied.
    Small(*mut RawMessage),
    /// Its bytes are sent where they lie.
    Large(Arc<Lent>, *mut RawMessage),
}

impl Loan {
    /// # Safety
    /// The message is ours.
    unsafe fn of(message: *mut RawMessage) -> Self {
        // SAFETY: it is ours.
        let (data, size, lane) = unsafe { ((*message).data, (*message).size, (*message).lane) };
        match usize::try_from(size) {
            _ if u8::try_from(lane).is_err() => Self::Bad(message),
            Ok(0) => Self::Small(message),
            Ok(len) if data.is_null() || len > MAX_MESSAGE => Self::Bad(message),
            Ok(len) if len < SHARE_FROM => Self::Small(message),
            // SAFETY: it is ours; it is given back below if it is not sent.
            Ok(_) => Self::Large(unsafe { Lent::new(message) }, message),
            Err(_) => Self::Bad(message),
        }
    }

    fn message(&self) -> *mut RawMessage {
        match self {
            Self::Bad(message) | Self::Small(message) | Self::Large(_, message) => *message,
        }
    }

    /// Bytes and options; `None` if it is bad.
    fn outgoing(&self) -> Option<(Payload<'_>, SendOptions)> {
        let message = self.message();
        // SAFETY: it is ours, and so many bytes are there.
        let (payload, flags, lane) = unsafe {
            let payload = match self {
                Self::Bad(_) => return None,
                Self::Small(_) => Payload::Borrowed(pointer::bytes(
                    (*message).data.cast(),
                    (*message).size as usize,
                )?),
                Self::Large(lent, _) => Payload::Shared(lent.bytes()),
            };
            (payload, (*message).flags, (*message).lane)
        };
        let lane = LaneIndex::new(u8::try_from(lane).ok()?);
        let options = SendOptions::new(flags_of(flags)).lane(lane);
        Some((payload, options))
    }

    /// Releases what is not the caller's any more.
    ///
    /// # Safety
    /// Nothing else uses the message.
    unsafe fn settle(self, is_sent: bool, delete_failed: bool) {
        match self {
            Self::Bad(message) | Self::Small(message) => {
                if is_sent || delete_failed {
                    // SAFETY: it is ours, and nothing else uses it.
                    unsafe { holder::release(message) };
                }
            }
            Self::Large(lent, _) => {
                if !is_sent && !delete_failed {
                    lent.give_back();
                }
            }
        }
    }
}

/// Sends all that can be; the results as `SendMessages` has them.
fn send_loans(connection: &Connection, loans: &[Loan], on_failure: OnFailure) -> Vec<i64> {
    let mut results = Vec::with_capacity(loans.len());
    let mut rest = loans;
    while !rest.is_empty() {
        let good = rest.iter().map_while(Loan::outgoing);
        let sent = connection.send_many(good, on_failure);
        rest = &rest[sent.len()..];
        let failed = sent.iter().any(Result::is_err);
        results.extend(sent.into_iter().map(|result| result_of(&result)));
        if let [bad, after @ ..] = rest {
            let is_attempted = !(failed && on_failure == OnFailure::Stop);
            let bad = if matches!(bad, Loan::Bad(_)) && is_attempted {
                refused(ResultCode::InvalidParam)
            } else {
                0
            };
            results.push(bad);
            if on_failure == OnFailure::Stop {
                results.resize(loans.len(), 0);
                return results;
            }
            rest = after;
        }
    }
    results
}

fn result_of(result: &Result<MessageNumber, UnsentReason>) -> i64 {
    match result {
        Ok(number) => number_of(*number),
        Err(reason) => refused(reason.result()),
    }
}

fn refused(code: ResultCode) -> i64 {
    -i64::from(code.number())
}

fn number_of(number: MessageNumber) -> i64 {
    i64::try_from(number.get()).unwrap_or(i64::MAX)
}

/// Bits that we do not know are ignored, those that only say which thread does the work included.
fn flags_of(flags: c_int) -> SendFlags {
    SendFlags::from_bits((flags & 0xFF) as u8)
}
