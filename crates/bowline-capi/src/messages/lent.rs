//! Bytes of the caller's that are being sent.
//!
//! The last packet that needs them may go, or be acknowledged, while the library holds a connection's lock;
//! a function of the caller's that ran then and used that connection would wait for ever. So where the
//! caller has a free function of its own, a thread runs it, which is started when the first such message is
//! sent and ends, with nothing left to free, at `GameNetworkingSockets_Kill`.

use std::sync::Arc;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering;
use std::sync::mpsc::Receiver;
use std::sync::mpsc::Sender;
use std::sync::mpsc::channel;
use std::thread;
use std::thread::JoinHandle;

use bytes::Bytes;

use crate::abi::message::RawMessage;
use crate::messages::holder;

/// A message whose bytes are being sent. It is released with the last of the [`Bytes`] that lead to it.
#[derive(Debug)]
pub(crate) struct Lent {
    message: Message,
    /// It was sent, so that it is the library's.
    is_ours: AtomicBool,
    freer: Option<Sender<Message>>,
}

/// A pointer that may go to another thread, as messages may.
#[derive(Clone, Copy, Debug)]
struct Message(*mut RawMessage);

// SAFETY: a message belongs to one owner at a time, who may be any thread.
unsafe impl Send for Message {}
// SAFETY: while it is shared it is only read.
unsafe impl Sync for Message {}

impl Lent {
    /// Takes a message that has bytes.
    ///
    /// # Safety
    /// It was made by [`holder`], and whoever calls leaves it alone from then on, unless [`give_back`] is called.
    ///
    /// [`give_back`]: Self::give_back
    pub(crate) unsafe fn new(message: *mut RawMessage) -> Arc<Self> {
        // SAFETY: it is one of ours by the caller's promise.
        let foreign = unsafe { holder::has_foreign_bytes(message) };
        Arc::new(Self {
            message: Message(message),
            is_ours: AtomicBool::new(true),
            freer: foreign.then(freer).flatten(),
        })
    }

    /// The bytes, where they lie.
    pub(crate) fn bytes(self: &Arc<Self>) -> Bytes {
        Bytes::from_owner(View(Arc::clone(self)))
    }

    /// It was not sent: it is the caller's again.
    pub(crate) fn give_back(&self) {
        self.is_ours.store(false, Ordering::Relaxed);
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        if !*self.is_ours.get_mut() {
            return;
        }
        let message = self.message;
        let unsent = match &self.freer {
            Some(freer) => freer.send(message).err().map(|error| error.0),
            None => Some(message),
        };
        if let Some(message) = unsent {
            // SAFETY: it is the library's, and nothing leads to its bytes any more.
            unsafe { holder::release(message.0) };
        }
    }
}

struct View(Arc<Lent>);

impl AsRef<[u8]> for View {
    fn as_ref(&self) -> &[u8] {
        let message = self.0.message.0;
        // SAFETY: the message lives as long as this, and was checked to have so many bytes; nobody
        // writes them while they are being sent.
        unsafe { std::slice::from_raw_parts((*message).data.cast(), (*message).size as usize) }
    }
}

/// The thread that runs the caller's free functions, and how it is reached.
struct Freer {
    sender: Sender<Message>,
    thread: JoinHandle<()>,
}

static FREER: Mutex<Option<Freer>> = Mutex::new(None);

/// The way to the thread, which is started if there is none; `None` if the system has no more threads.
fn freer() -> Option<Sender<Message>> {
    let mut freer = FREER.lock().unwrap_or_else(PoisonError::into_inner);
    if freer.is_none() {
        let (sender, receiver) = channel();
        let builder = thread::Builder::new().name("bowline-free".to_owned());
        let thread = builder.spawn(move || free_all(&receiver)).ok()?;
        *freer = Some(Freer { sender, thread });
    }
    freer.as_ref().map(|freer| freer.sender.clone())
}

fn free_all(messages: &Receiver<Message>) {
    for message in messages {
        // SAFETY: it was handed over by its last owner.
        unsafe { holder::release(message.0) };
    }
}

/// Waits until what was sent and is no longer needed has been freed, and ends the thread. Called when no
/// connection is left.
pub(crate) fn finish() {
    let freer = FREER.lock().unwrap_or_else(PoisonError::into_inner).take();
    let Some(Freer { sender, thread }) = freer else {
        return;
    };
    drop(sender);
    // A free function may itself end the library.
    if thread.thread().id() != thread::current().id() {
        // It ends when no message is left, or has panicked, of which it has told.
        let _ = thread.join();
    }
}
