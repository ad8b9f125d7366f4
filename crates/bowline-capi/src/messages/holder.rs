//! Where messages live.

use std::cell::RefCell;
use std::ffi::c_int;

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
    received: Bytes,
}

/// What is known of a received message besides its bytes.
#[derive(Debug)]
pub(crate) struct Facts {
    pub(crate) connection: u32,
    pub(crate) identity: RawIdentity,
    pub(crate) connection_user_data: i64,
    pub(crate) time_received_us: i64,
    pub(crate) number: i64,
    pub(crate) flags: c_int,
    pub(crate) lane: u16,
}

/// A message with so much room.
pub(crate) fn allocate(size: c_int) -> *mut RawMessage {
    let Ok(len) = usize::try_from(size) else {
        tracing::error!(target: "bowline::capi", "AllocateMessage: a size of {size}");
        return std::ptr::null_mut();
    };
    let mut holder = take();
    if len > 0 {
        // Zeros, so that nothing of other messages is sent if the caller leaves a part as it is.
        holder.buffer.resize(len, 0);
        holder.raw.data = holder.buffer.as_mut_ptr().cast();
        holder.raw.size = size;
        holder.raw.free_data = Some(free_own);
    }
    hand_out(holder)
}

/// A message that was received. Its bytes stay where they are.
pub(crate) fn received(bytes: Bytes, facts: Facts) -> *mut RawMessage {
    let mut holder = take();
    let raw = &mut holder.raw;
    // The caller may write there, as it may in GNS: nobody else reads these bytes any more.
    raw.data = bytes.as_ptr().cast_mut().cast();
    // A message has at most 512 KiB, whichever limit was set.
    raw.size = bytes.len() as c_int;
    raw.connection = facts.connection;
    raw.identity_peer = facts.identity;
    raw.connection_user_data = facts.connection_user_data;
    raw.time_received_us = facts.time_received_us;
    raw.number = facts.number;
    raw.flags = facts.flags;
    raw.lane = facts.lane;
    raw.free_data = Some(free_own);
    holder.received = bytes;
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
        // Who clears the function before has taken the bytes over, so they are not freed.
        if holder.raw.free_data.is_none() {
            std::mem::take(&mut holder.buffer).leak();
            Box::leak(Box::new(std::mem::take(&mut holder.received)));
        }
        put(holder);
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
            received: Bytes::new(),
        })
    }

    fn clear(&mut self) {
        self.received = Bytes::new();
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

/// How many holders a thread keeps for its next messages.
const MAX_SPARE: usize = 256;
/// The largest buffer that is kept with a holder.
const MAX_SPARE_BUFFER: usize = 2048;

thread_local! {
    #[allow(clippy::vec_box, reason = "callers have pointers to them")]
    static SPARE: RefCell<Vec<Box<Holder>>> = const { RefCell::new(Vec::new()) };
}

fn take() -> Box<Holder> {
    // A thread that is ending has no spare ones.
    let spare = SPARE.try_with(|spare| spare.borrow_mut().pop());
    spare.ok().flatten().unwrap_or_else(Holder::new)
}

fn put(mut holder: Box<Holder>) {
    holder.clear();
    holder.raw = BLANK;
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
