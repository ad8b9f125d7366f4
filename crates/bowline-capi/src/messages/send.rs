//! From the caller to the library.

use std::ffi::c_int;

use bowline::Connection;
use bowline::LaneIndex;
use bowline::MAX_MESSAGE;
use bowline::MessageNumber;
use bowline::OnFailure;
use bowline::Payload;
use bowline::ResultCode;
use bowline::SendError;
use bowline::SendFlags;
use bowline::SendOptions;
use bowline::ToResult;

use crate::abi::message::RawMessage;
use crate::abi::pointer;
use crate::abi::structs::ConnectionHandle;
use crate::abi::structs::RawBool;
use crate::messages::connection;
use crate::messages::generation;
use crate::messages::generation::Generation;
use crate::messages::holder;
use crate::messages::lent;

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
    // SAFETY: there is room by the caller's promise.
    unsafe { tell_one(sent, out_number) }
}

/// Writes the number of a message, or -1 if it was not sent, and returns the result code.
///
/// # Safety
/// If `out_number` is not null, there is room.
pub(crate) unsafe fn tell_one(
    sent: Result<MessageNumber, ResultCode>,
    out_number: *mut i64,
) -> c_int {
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
    let tell = |message: &mut *mut RawMessage, index: usize, result: i64| {
        if result > 0 && !delete_failed {
            *message = std::ptr::null_mut();
        }
        if !out_results.is_null() {
            // SAFETY: so many entries are there by the caller's promise.
            unsafe { pointer::write(out_results.add(index), result) };
        }
    };
    // SAFETY: they are ours if they are not null.
    let handle_of = |message: &*mut RawMessage| unsafe { handle_of(*message) };
    let first = handle_of(&messages[0]);
    if messages.iter().all(|message| handle_of(message) == first) {
        // As mostly.
        // SAFETY: they are ours, or all null.
        let results = unsafe { send_run(first, messages, on_failure, delete_failed) };
        for (index, (message, result)) in messages.iter_mut().zip(results).enumerate() {
            tell(message, index, result);
        }
        return;
    }
    let mut order: Vec<usize> = (0..count).collect();
    // Stable, so that the messages of a connection keep their order.
    order.sort_by_key(|index| handle_of(&messages[*index]));
    // They may be released before the last is sent.
    let order: Vec<_> = order
        .iter()
        .map(|index| (*index, handle_of(&messages[*index])))
        .collect();
    for run in order.chunk_by(|a, b| a.1 == b.1) {
        let own: Vec<_> = run.iter().map(|(index, _)| messages[*index]).collect();
        // SAFETY: they are ours, or all null.
        let results = unsafe { send_run(run[0].1, &own, on_failure, delete_failed) };
        for ((index, _), result) in run.iter().zip(results) {
            tell(&mut messages[*index], *index, result);
        }
    }
}

/// The connection that a message is for; `None` if there is no message.
///
/// # Safety
/// It is ours if it is not null.
unsafe fn handle_of(message: *const RawMessage) -> Option<ConnectionHandle> {
    // SAFETY: it is ours if it is not null.
    (!message.is_null()).then(|| unsafe { (*message).connection })
}

/// From which size on messages of this connection are sent where they lie: as in GNS, what goes through a
/// pipe arrives at the address that it was sent from.
fn share_from(connection: &Connection) -> usize {
    if connection.is_pipe() { 1 } else { SHARE_FROM }
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
    let connection = connection(handle);
    let share_from = connection.as_ref().map_or(SHARE_FROM, share_from);
    let results = match connection {
        // Without a connection nothing behind the first one is attempted, either.
        None if handle != 0 && on_failure == OnFailure::Stop => {
            let mut results = vec![0; run.len()];
            results[0] = refused(ResultCode::InvalidParam);
            results
        }
        None => vec![refused(ResultCode::InvalidParam); run.len()],
        // SAFETY: they are ours.
        Some(connection) => unsafe { send_to(&connection, run, on_failure, share_from) },
    };
    for (message, result) in run.iter().zip(&results) {
        // SAFETY: it is ours, and nothing uses it any more.
        unsafe { settle(*message, *result > 0, delete_failed, share_from) };
    }
    results
}

/// Sends all that can be; the results as `SendMessages` has them.
///
/// # Safety
/// They are ours.
unsafe fn send_to(
    connection: &Connection,
    run: &[*mut RawMessage],
    on_failure: OnFailure,
    share_from: usize,
) -> Vec<i64> {
    let mut results = Vec::with_capacity(run.len());
    let stops = on_failure == OnFailure::Stop;
    while results.len() < run.len() {
        let mut rest = run[results.len()..].iter();
        let next = || {
            let message = *rest.next()?;
            // SAFETY: it is ours, and stays until it is settled. A bad one ends the round.
            unsafe { outgoing(message, share_from) }
        };
        let mut has_failed = false;
        let sent = connection.send_each(on_failure, next, |sent| {
            has_failed |= sent.is_err();
            results.push(result_of(sent));
        });
        if results.len() < run.len() && !(stops && has_failed) {
            // The next one is bad, or there is nobody to send it.
            debug_assert!(
                sent.is_ok() || !has_failed,
                "a closed connection sends none"
            );
            results.push(refused(ResultCode::InvalidParam));
        }
        if stops {
            results.resize(run.len(), 0);
        }
    }
    results
}

/// Bytes and options; `None` if it cannot be sent: it says that it has bytes, and has none, or too many, or a
/// lane beyond all.
///
/// # Safety
/// The message is ours, and stays until it is settled.
unsafe fn outgoing<'a>(
    message: *mut RawMessage,
    share_from: usize,
) -> Option<(Payload<'a>, SendOptions)> {
    // SAFETY: it is ours.
    let raw = unsafe { &*message };
    let lane = LaneIndex::new(u8::try_from(raw.lane).ok()?);
    let len = usize::try_from(raw.size).ok()?;
    if len > MAX_MESSAGE || (len > 0 && raw.data.is_null()) {
        return None;
    }
    // SAFETY: it is ours, and so many bytes are there.
    let payload = unsafe {
        if len < share_from {
            Payload::Borrowed(pointer::bytes(raw.data.cast(), len)?)
        } else {
            Payload::Shared(lent::lend(message))
        }
    };
    Some((payload, SendOptions::new(flags_of(raw.flags)).lane(lane)))
}

/// Releases what is not the caller's any more.
///
/// # Safety
/// The message is ours, and was sent or not; whoever calls does not use it any more, if it is not the caller's.
unsafe fn settle(message: *mut RawMessage, is_sent: bool, delete_failed: bool, share_from: usize) {
    // SAFETY: the caller's promise.
    unsafe {
        if is_sent && (*message).size as usize >= share_from {
            lent::settle_sent(message);
        } else if is_sent || delete_failed {
            holder::release(message);
        }
    }
}

fn result_of(sent: Result<MessageNumber, SendError>) -> i64 {
    match sent {
        Ok(number) => number_of(number),
        Err(error) => refused(error.result()),
    }
}

fn refused(code: ResultCode) -> i64 {
    -i64::from(code.number())
}

fn number_of(number: MessageNumber) -> i64 {
    i64::try_from(number.get()).unwrap_or(i64::MAX)
}

/// Bits that we do not know are ignored, those that only say which thread does the work included.
pub(crate) fn flags_of(flags: c_int) -> SendFlags {
    SendFlags::from_bits((flags & 0xFF) as u8)
}
