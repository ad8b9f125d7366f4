//! Ways of sending that GNS does not have.

use std::ffi::c_int;

use bowline::Connection;
use bowline::LaneIndex;
use bowline::ResultCode;
use bowline::SendError;
use bowline::SendOptions;
use bowline::Span;
use bowline::ToResult;

use crate::abi::pointer;
use crate::abi::structs::ConnectionHandle;
use crate::abi::vtable::Object;
use crate::messages::send;
use crate::sockets::connections::MAX_LANES;
use crate::sockets::connections::with;

/// `BowlineSendOptions`.
#[derive(Clone, Copy, Debug, Default)]
#[repr(C)]
pub struct RawSendOptions {
    /// The size of this struct.
    pub size: u32,
    /// `k_nSteamNetworkingSend_*`.
    pub flags: i32,
    /// The age in microseconds at which the message is dropped; 0 for never.
    pub deadline_us: i64,
    /// Whose place it takes, if it replaces.
    pub replace_key: u64,
    /// The lane.
    pub lane: u16,
    /// Whether the key counts.
    pub replaces: u8,
    /// Zeros.
    pub reserved: [u8; 5],
}

/// `BowlineSendCapacity`.
#[derive(Clone, Copy, Debug, Default)]
#[repr(C)]
pub struct RawSendCapacity {
    /// The size of this struct.
    pub size: u32,
    /// The room in the send buffer.
    pub buffer_bytes: u32,
    /// What leaves at once.
    pub at_once_bytes: u32,
    /// Zero.
    pub reserved: u32,
    /// How long a message would wait that is queued now, in microseconds; -1 if not known.
    pub delay_us: i64,
}

const _: () = assert!(size_of::<RawSendOptions>() == 32);
const _: () = assert!(size_of::<RawSendCapacity>() == 24);

/// # Safety
/// The pointers lead to options and to room for a number, or are null.
pub(super) unsafe fn send_with(
    this: *const Object,
    handle: ConnectionHandle,
    data: Option<&[u8]>,
    options: *const RawSendOptions,
    out_number: *mut i64,
) -> c_int {
    // SAFETY: the caller's promise.
    let options = unsafe { read_options(options) };
    let sent = match (data, options) {
        (Some(data), Some(options)) => with(this, handle, |connection| {
            let sent = connection.send_with(data, options);
            sent.map_err(|error| error.result())
        }),
        _ => None,
    };
    let sent = sent.unwrap_or(Err(ResultCode::InvalidParam));
    // SAFETY: the caller's promise.
    unsafe { send::tell_one(sent, out_number) }
}

/// # Safety
/// The pointer leads to a capacity, or is null.
pub(super) unsafe fn capacity(
    this: *const Object,
    handle: ConnectionHandle,
    lane: c_int,
    out: *mut RawSendCapacity,
) -> c_int {
    // SAFETY: the caller's promise.
    let size = unsafe { pointer::read(out.cast::<u32>().cast_const()) };
    let (Some(lane), true) = (
        lane_of(lane),
        size == Some(size_of_u32::<RawSendCapacity>()),
    ) else {
        return ResultCode::InvalidParam.number();
    };
    let tell = |connection: &Connection| match connection.send_capacity(lane) {
        Ok(capacity) => {
            let delay = capacity.delay.map(Span::as_micros);
            let told = RawSendCapacity {
                size: size_of_u32::<RawSendCapacity>(),
                buffer_bytes: saturate(capacity.buffer_bytes),
                at_once_bytes: saturate(capacity.at_once_bytes),
                reserved: 0,
                delay_us: delay.map_or(-1, |us| i64::try_from(us).unwrap_or(i64::MAX)),
            };
            // SAFETY: there is a struct of that size, by the caller's promise.
            unsafe { pointer::write(out, told) };
            ResultCode::Ok
        }
        Err(SendError::NoSuchLane { .. }) => ResultCode::InvalidParam,
        Err(_) => ResultCode::NoConnection,
    };
    with(this, handle, tell)
        .unwrap_or(ResultCode::NoConnection)
        .number()
}

pub(super) fn set_sequenced(
    this: *const Object,
    handle: ConnectionHandle,
    lane: c_int,
    sequenced: bool,
) -> c_int {
    let lane = match lane {
        -1 => None,
        lane => match lane_of(lane) {
            Some(lane) => Some(lane),
            None => return ResultCode::InvalidParam.number(),
        },
    };
    let set = with(this, handle, |connection| {
        connection.set_sequenced(lane, sequenced).result()
    });
    set.unwrap_or(ResultCode::NoConnection).number()
}

/// # Safety
/// The pointer leads to options, or is null.
unsafe fn read_options(options: *const RawSendOptions) -> Option<SendOptions> {
    if options.is_null() {
        return Some(SendOptions::unreliable());
    }
    // SAFETY: at least the size is there.
    if unsafe { pointer::read(options.cast::<u32>()) } != Some(size_of_u32::<RawSendOptions>()) {
        return None;
    }
    // SAFETY: all of that size is there.
    let raw = unsafe { pointer::read(options) }?;
    let mut options = SendOptions::new(send::flags_of(raw.flags)).lane(lane_of(raw.lane.into())?);
    match u64::try_from(raw.deadline_us).ok()? {
        0 => {}
        us => options = options.deadline(Span::from_micros(us)),
    }
    if raw.replaces != 0 {
        options = options.replace(raw.replace_key);
    }
    Some(options)
}

/// The lane of that number; `None` if there cannot be one.
fn lane_of(lane: c_int) -> Option<LaneIndex> {
    let lane = u8::try_from(lane)
        .ok()
        .filter(|lane| usize::from(*lane) < MAX_LANES)?;
    Some(LaneIndex::new(lane))
}

fn saturate(count: usize) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}

const fn size_of_u32<T>() -> u32 {
    size_of::<T>() as u32
}
