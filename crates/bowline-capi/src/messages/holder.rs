//! Where messages live.
//!
//! Programs change where a message points to, and count on what GNS does then. A message that was asked for
//! has a buffer of `malloc`, and its free function gives whatever `data` points to back to `free`; so a
//! buffer may be taken over, by setting `data` or the function to null, or be replaced by another one of
//! `malloc`, and is never used again here, because nobody can tell what became of it meanwhile. The bytes of
//! a received message lie where they arrived, which `free` knows nothing of; its function gives those back,
//! and to `free` only what they were replaced by.

use std::cell::RefCell;
use std::ffi::c_int;
use std::ffi::c_void;
use std::mem::ManuallyDrop;
use std::sync::atomic::AtomicU8;
use std::sync::atomic::Ordering;

use bowline::Message;
use bowline::SessionMessage;
use bytes::Bytes;

use crate::abi::identity::RawIdentity;
use crate::abi::message::RawMessage;

/// A message and what its bytes live in. Callers have pointers to its first field.
#[derive(Debug)]
#[repr(C)]
pub(crate) struct Holder {
    raw: RawMessage,
    /// What was received and not taken over.
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

/// A message with so much room; null if there is none.
pub(crate) fn allocate(size: c_int) -> *mut RawMessage {
    let Ok(len) = usize::try_from(size) else {
        tracing::error!(target: "bowline::capi", "AllocateMessage: a size of {size}");
        return std::ptr::null_mut();
    };
    let data = buffer(len);
    if len > 0 && data.is_null() {
        tracing::error!(target: "bowline::capi", "AllocateMessage: no memory for {size} bytes");
        return std::ptr::null_mut();
    }
    let mut holder = take();
    holder.raw = BLANK;
    if len > 0 {
        holder.raw.data = data;
        holder.raw.size = size;
        holder.raw.free_data = Some(free_allocated);
    }
    hand_out(holder)
}

/// So many bytes, which [`free_allocated`] gives back; null if there is no memory, or nothing wanted.
fn buffer(len: usize) -> *mut c_void {
    if len == 0 {
        return std::ptr::null_mut();
    }
    // SAFETY: it may be called with any size.
    let data = unsafe { malloc(len) };
    if len < LARGE && !data.is_null() {
        // Zeros, so that nothing of other messages is sent if the caller leaves a part as it is. What is
        // larger is for the caller to fill, as in GNS: to write it twice costs as much as to send it.
        // SAFETY: so many bytes are there.
        unsafe { data.cast::<u8>().write_bytes(0, len) };
    }
    data
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
    raw.channel = BLANK.channel;
    raw.flags = if message.is_reliable() { RELIABLE } else { 0 };
    raw.user_data = 0;
    raw.lane = u16::from(message.lane().get());
    hand_out_received(holder, message.into_shared_bytes())
}

/// A message that was received in a session from that peer. Its connection is not told.
pub(crate) fn received_in_session(message: SessionMessage, peer: &RawIdentity) -> *mut RawMessage {
    let mut holder = take();
    let raw = &mut holder.raw;
    raw.connection = 0;
    raw.identity_peer = *peer;
    raw.connection_user_data = -1;
    raw.time_received_us = i64::try_from(message.received_at().as_micros()).unwrap_or(i64::MAX);
    raw.number = i64::try_from(message.number().get()).unwrap_or(i64::MAX);
    raw.channel = message.channel();
    raw.flags = if message.is_reliable() { RELIABLE } else { 0 };
    raw.user_data = 0;
    raw.lane = 0;
    hand_out_received(holder, message.into_shared_bytes())
}

fn hand_out_received(mut holder: Box<Holder>, bytes: Bytes) -> *mut RawMessage {
    let raw = &mut holder.raw;
    raw.free_data = Some(free_received);
    raw.release = Some(release_one);
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
        if let Some(free) = (*message).free_data
            && !(*message).data.is_null()
        {
            free(message);
        }
        let mut holder = Box::from_raw(message.cast::<Holder>());
        // Who clears the pointer or the function before has taken the bytes over.
        let _taken_over = ManuallyDrop::new(holder.received.take());
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
    free.map(|free| free as usize).is_some_and(|free| {
        free != free_allocated as *const () as usize && free != free_received as *const () as usize
    })
}

unsafe extern "C-unwind" fn release_one(message: *mut RawMessage) {
    // SAFETY: the caller had the message from us, and calls this once.
    crate::guard::call("Release", (), || unsafe { release(message) });
}

/// The free function of a message that was asked for.
unsafe extern "C-unwind" fn free_allocated(message: *mut RawMessage) {
    if message.is_null() {
        return;
    }
    // SAFETY: the function is set in messages of ours only, and who leaves it there leaves a pointer that
    // came from `malloc`, here or elsewhere.
    unsafe { free(take_data(message)) }
}

/// The free function of a message that was received.
unsafe extern "C-unwind" fn free_received(message: *mut RawMessage) {
    if message.is_null() {
        return;
    }
    // SAFETY: the function is set in messages of ours only.
    let (data, received) = unsafe {
        let data = take_data(message);
        (data, (*message.cast::<Holder>()).received.take())
    };
    // Without them it was copied from another message, whose bytes nobody can find from here.
    if let Some(received) = received
        && !std::ptr::eq(received.as_ptr(), data.cast())
    {
        // SAFETY: who puts other bytes there and leaves the function has them from `malloc`.
        unsafe { free(data) };
    }
}

/// Clears what a message points to, and returns it.
///
/// # Safety
/// It was made here and not released.
unsafe fn take_data(message: *mut RawMessage) -> *mut c_void {
    // SAFETY: it is one of ours and still there.
    let raw = unsafe { &mut *message };
    raw.size = 0;
    std::mem::replace(&mut raw.data, std::ptr::null_mut())
}

unsafe extern "C" {
    fn malloc(size: usize) -> *mut c_void;
    fn free(data: *mut c_void);
}

impl Holder {
    fn new() -> Box<Self> {
        Box::new(Self {
            raw: BLANK,
            received: None,
            loan: AtomicU8::new(Loan::None as u8),
        })
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
