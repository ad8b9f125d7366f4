//! Where messages live.

use std::cell::RefCell;
use std::ffi::c_int;
use std::sync::atomic::AtomicU8;
use std::sync::atomic::Ordering;

use bowline::Message;
use bytes::Bytes;

use crate::abi::identity::RawIdentity;
use crate::abi::message::RawMessage;

/// A message and what its bytes live in. Callers have pointers to its first field.
#[derive(Debug)]
#[repr(C)]
pub(crate) struct Holder {
    raw: RawMessage,
    /// A buffer that was asked for.
    buffer: Vec<u8>,
    /// What was received.
    received: Option<Bytes>,
    /// Whose the message is while its bytes are being sent: one of the constants of [`Loan`].
    loan: AtomicU8,
}

/// Whose a message is while its bytes are being sent where they lie.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[repr(u8)]
pub(crate) enum Loan {
    /// The bytes are not being sent.
    None,
    /// The call that sends it is not over.
    Lent,
    /// Nothing needs the bytes any more, and the call that sends it is not over.
    Returned,
    /// It was sent, so that it is the library's.
    Sent,
}

/// A message with so much room.
pub(crate) fn allocate(size: c_int) -> *mut RawMessage {
    let Ok(len) = usize::try_from(size) else {
        tracing::error!(target: "bowline::capi", "AllocateMessage: a size of {size}");
        return std::ptr::null_mut();
    };
    let mut holder = take();
    holder.raw = BLANK;
    if len > 0 {
        if len < LARGE {
            // Zeros, so that nothing of other messages is sent if the caller leaves a part as it is.
            holder.buffer.resize(len, 0);
        } else {
            // As in GNS: it is for the caller to fill, and to write it twice costs as much as to send it.
            holder.buffer = Vec::with_capacity(len);
        }
        holder.raw.data = holder.buffer.as_mut_ptr().cast();
        holder.raw.size = size;
        holder.raw.free_data = Some(free_own);
    }
    hand_out(holder)
}

/// A message that was received from that peer. Its bytes stay where they are.
pub(crate) fn received(message: Message, connection: u32, peer: &RawIdentity) -> *mut RawMessage {
    let mut holder = take();
    // Each where it belongs: a message built elsewhere first would be copied as a whole.
    let raw = &mut holder.raw;
    raw.connection = connection;
    raw.identity_peer = *peer;
    raw.connection_user_data = message.user_data();
    raw.time_received_us = i64::try_from(message.received_at().as_micros()).unwrap_or(i64::MAX);
    raw.number = i64::try_from(message.number().get()).unwrap_or(i64::MAX);
    raw.free_data = Some(free_own);
    raw.release = Some(release_one);
    raw.channel = BLANK.channel;
    raw.flags = if message.is_reliable() { RELIABLE } else { 0 };
    raw.user_data = 0;
    raw.lane = u16::from(message.lane().get());
    let bytes = message.into_shared_bytes();
    // The caller may write there, as it may in GNS: nobody else reads these bytes any more.
    raw.data = bytes.as_ptr().cast_mut().cast();
    // A message has at most 512 KiB, whichever limit was set.
    raw.size = bytes.len() as c_int;
    holder.received = Some(bytes);
    hand_out(holder)
}

/// Releases a message: its bytes, by whatever function it has for them, and itself.
///
/// # Safety
/// It is null, or was made here and not released before.
pub(crate) unsafe fn release(message: *mut RawMessage) {
    if message.is_null() {
        return;
    }
    // SAFETY: it is one of ours and still there.
    unsafe {
        if has_foreign_bytes(message)
            && let Some(free) = (*message).free_data
            && !(*message).data.is_null()
        {
            free(message);
        }
        let mut holder = Box::from_raw(message.cast::<Holder>());
        // Who clears the function before has taken the bytes over, so they are not freed.
        if holder.raw.free_data.is_none() {
            std::mem::take(&mut holder.buffer).leak();
            Box::leak(Box::new(holder.received.take()));
        }
        put(holder);
    }
}

/// Whose the message is while its bytes are being sent; sets that, and tells what it was.
///
/// # Safety
/// It was made here and not released.
pub(crate) unsafe fn set_loan(message: *const RawMessage, loan: Loan) -> Loan {
    // SAFETY: it is one of ours and still there; other threads look at this field only.
    let cell = unsafe { &(*message.cast::<Holder>()).loan };
    match cell.swap(loan as u8, Ordering::AcqRel) {
        1 => Loan::Lent,
        2 => Loan::Returned,
        3 => Loan::Sent,
        _ => Loan::None,
    }
}

/// Whether the caller has bytes of its own in it, with a function that frees them.
///
/// # Safety
/// It was made here and not released.
pub(crate) unsafe fn has_foreign_bytes(message: *const RawMessage) -> bool {
    // SAFETY: it is one of ours and still there.
    let free = unsafe { (*message).free_data };
    free.is_some_and(|free| free as usize != free_own as *const () as usize)
}

unsafe extern "C-unwind" fn release_one(message: *mut RawMessage) {
    // SAFETY: the caller had the message from us, and calls this once.
    crate::guard::call("Release", (), || unsafe { release(message) });
}

unsafe extern "C-unwind" fn free_own(message: *mut RawMessage) {
    if message.is_null() {
        return;
    }
    // SAFETY: the function is set in messages of ours only.
    let holder = unsafe { &mut *message.cast::<Holder>() };
    holder.raw.data = std::ptr::null_mut();
    holder.raw.size = 0;
    holder.clear();
}

impl Holder {
    fn new() -> Box<Self> {
        Box::new(Self {
            raw: BLANK,
            buffer: Vec::new(),
            received: None,
            loan: AtomicU8::new(Loan::None as u8),
        })
    }

    fn clear(&mut self) {
        self.received = None;
        if self.buffer.capacity() > MAX_SPARE_BUFFER {
            self.buffer = Vec::new();
        } else {
            self.buffer.clear();
        }
    }
}

/// As in GNS: a message on no channel, and all else 0.
const BLANK: RawMessage = RawMessage {
    data: std::ptr::null_mut(),
    size: 0,
    connection: 0,
    identity_peer: RawIdentity::INVALID,
    connection_user_data: 0,
    time_received_us: 0,
    number: 0,
    free_data: None,
    release: Some(release_one),
    channel: -1,
    flags: 0,
    user_data: 0,
    lane: 0,
    pad: 0,
};

/// `k_nSteamNetworkingSend_Reliable`.
const RELIABLE: c_int = 8;
/// How many holders a thread keeps for its next messages.
const MAX_SPARE: usize = 256;
/// From this size on the bytes of a new message are what they are.
const LARGE: usize = 4096;
/// The largest buffer that is kept with a holder.
const MAX_SPARE_BUFFER: usize = 2048;

thread_local! {
    #[allow(clippy::vec_box, reason = "callers have pointers to them")]
    static SPARE: RefCell<Vec<Box<Holder>>> = const { RefCell::new(Vec::new()) };
}

/// A holder in which only `raw` may be left from what it held before.
fn take() -> Box<Holder> {
    // A thread that is ending has no spare ones.
    let spare = SPARE.try_with(|spare| spare.borrow_mut().pop());
    spare.ok().flatten().unwrap_or_else(Holder::new)
}

fn put(mut holder: Box<Holder>) {
    holder.clear();
    *holder.loan.get_mut() = Loan::None as u8;
    let _ = SPARE.try_with(|spare| {
        let mut spare = spare.borrow_mut();
        if spare.len() < MAX_SPARE {
            spare.push(holder);
        }
    });
}

fn hand_out(holder: Box<Holder>) -> *mut RawMessage {
    Box::into_raw(holder).cast()
}
