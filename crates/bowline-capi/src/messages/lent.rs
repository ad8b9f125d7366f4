//! Bytes of the caller's that are being sent.
//!
//! The last packet that needs them may go, or be acknowledged, while the library holds a connection's lock;
//! a function of the caller's that ran then and used that connection would wait for ever. So where the
//! caller has a free function of its own, a thread runs it, which is started when the first such message is
//! sent and ends, with nothing left to free, at `GameNetworkingSockets_Kill`.

use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::mpsc::Receiver;
use std::sync::mpsc::Sender;
use std::sync::mpsc::channel;
use std::thread;
use std::thread::JoinHandle;

use bytes::Bytes;

use crate::abi::message::RawMessage;
use crate::life;
use crate::messages::holder;
use crate::messages::holder::Loan;

/// A pointer that may go to another thread, as messages may.
#[derive(Clone, Copy, Debug)]
struct Message(*mut RawMessage);

// SAFETY: a message belongs to one owner at a time, who may be any thread.
unsafe impl Send for Message {}
// SAFETY: while it is shared it is only read.
unsafe impl Sync for Message {}

/// The bytes of a message, where they lie. Whoever calls settles what becomes of the message when it knows
/// whether they were sent: by [`settle_sent`] if they were, or else by nothing, because then no [`Bytes`] are left.
///
/// # Safety
/// The message was made by [`holder`], has so many bytes as it says, and nobody writes them while they are
/// being sent.
pub(crate) unsafe fn lend(message: *mut RawMessage) -> Bytes {
    // SAFETY: it is one of ours by the caller's promise.
    let foreign = unsafe {
        holder::set_loan(message, Loan::Lent);
        holder::has_foreign_bytes(message)
    };
    Bytes::from_owner(View {
        message: Message(message),
        freer: foreign.then(freer).flatten(),
    })
}

/// The message was sent, so that it is the library's, which releases it with the last of its bytes, or now.
///
/// # Safety
/// It was lent, and whoever calls does not use it any more.
pub(crate) unsafe fn settle_sent(message: *mut RawMessage) {
    // SAFETY: it is one of ours and still there. Once it is the library's, the last of its bytes may
    // release it at any moment; if there are none, that is left to do here.
    unsafe {
        if holder::set_loan(message, Loan::Sent) == Loan::Returned {
            holder::release(message);
        }
    }
}

/// What the [`Bytes`] of a message lead to.
#[derive(Debug)]
struct View {
    message: Message,
    freer: Option<Sender<Order>>,
}

impl AsRef<[u8]> for View {
    fn as_ref(&self) -> &[u8] {
        let message = self.message.0;
        // SAFETY: the message lives as long as this, and was checked to have so many bytes; nobody
        // writes them while they are being sent.
        unsafe { std::slice::from_raw_parts((*message).data.cast(), (*message).size as usize) }
    }
}

impl Drop for View {
    fn drop(&mut self) {
        let message = self.message;
        // SAFETY: it is not released before this, or whoever sent it says that it is the library's.
        if unsafe { holder::set_loan(message.0, Loan::Returned) } != Loan::Sent {
            return;
        }
        let unsent = match &self.freer {
            Some(freer) => freer.send(Order::Free(message)).is_err(),
            None => true,
        };
        if unsent {
            // SAFETY: it is the library's, and nothing leads to its bytes any more.
            unsafe { holder::release(message.0) };
        }
    }
}

/// What the thread is told. It is told to end, because the way to it stays open as long as somebody has a
/// message that came through a pipe.
enum Order {
    Free(Message),
    End,
}

/// The thread that runs the caller's free functions, and how it is reached.
struct Freer {
    sender: Sender<Order>,
    thread: JoinHandle<()>,
}

static FREER: Mutex<Option<Freer>> = Mutex::new(None);

/// The way to the thread, which is started if there is none; `None` if the system has no more threads.
fn freer() -> Option<Sender<Order>> {
    let mut freer = FREER.lock().unwrap_or_else(PoisonError::into_inner);
    if freer.is_none() {
        let (sender, receiver) = channel();
        let builder = thread::Builder::new().name("bowline-free".to_owned());
        let thread = builder.spawn(move || free_all(&receiver)).ok()?;
        *freer = Some(Freer { sender, thread });
    }
    freer.as_ref().map(|freer| freer.sender.clone())
}

fn free_all(orders: &Receiver<Order>) {
    life::adopt_thread();
    while let Ok(Order::Free(message)) = orders.recv() {
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
    // If it has ended there is nobody to tell.
    let _ = sender.send(Order::End);
    // A free function may itself end the library.
    if thread.thread().id() != thread::current().id() {
        // It ends when no message is left, or has panicked, of which it has told. What comes later is freed by
        // whoever releases it.
        let _ = thread.join();
    }
}
