//! Sending what waits before the connection is closed without linger.
//!
//! [`Connection::flush`] returns at once, also when another thread, such as the service thread, is sending packets of
//! this connection: that one looks again and sends the rest. A close that comes right after could be faster than the
//! look, and drops what is left. So who means to close waits for the other thread first.

use std::thread;
use std::time::Duration;

use crate::connection::Connection;
use crate::driver::Urgency;
use crate::driver::limits;
use crate::error::SendError;

impl Connection {
    /// For bindings: like [`flush`](Self::flush), but what may leave now has left when this returns, so that a
    /// [`close`](Self::close) without linger does not overtake it. What has to wait for the peer or for the rate
    /// stays.
    ///
    /// It waits while another thread sends for this connection, and while the socket takes no more: some
    /// microseconds as a rule, and some milliseconds at most.
    ///
    /// # Errors
    /// As `flush`.
    pub fn flush_out(&self) -> Result<(), SendError> {
        let (slot, inner) = (self.slot(), &self.slot().inner);
        for turn in 0..limits::FLUSH_SPINS {
            let mut state = slot.state.lock();
            let now = state.advance(inner.clock.now());
            // Under the lock nobody else begins to send.
            if slot.may_transmit(&state, now) {
                let flushed = state.open()?.flush(now);
                inner.after_input(slot, state, Urgency::Now);
                return Ok(flushed?);
            }
            state.open()?;
            drop(state);
            match turn {
                0..limits::FLUSH_YIELDS => thread::yield_now(),
                _ => thread::sleep(Duration::from_micros(50)),
            }
        }
        self.flush()
    }
}
