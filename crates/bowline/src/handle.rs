//! A handle for event loops of other libraries.

use std::fmt;
#[cfg(unix)]
use std::os::fd::AsRawFd;
#[cfg(unix)]
use std::os::fd::RawFd;
#[cfg(windows)]
use std::os::windows::io::AsRawHandle;
#[cfg(windows)]
use std::os::windows::io::RawHandle;
use std::sync::Arc;

use crate::builder::ServiceMode;
use crate::driver::Inner;

/// Something that an event loop can watch for being readable, to learn when there is something to do
/// here. Made by [`Sockets::wait_handle`](crate::Sockets::wait_handle).
///
/// Only to be watched: never read from it. It is valid as long as this value lives.
pub struct WaitHandle {
    inner: Arc<Inner>,
    mode: ServiceMode,
}

impl WaitHandle {
    pub(crate) fn new(inner: Arc<Inner>, mode: ServiceMode) -> std::io::Result<Self> {
        match mode {
            ServiceMode::Thread => inner.lobby.make_signal()?,
            ServiceMode::Manual => {
                if cfg!(not(unix)) {
                    return Err(std::io::ErrorKind::Unsupported.into());
                }
                inner.lobby.set_watched();
            }
        }
        Ok(Self { inner, mode })
    }
}

impl fmt::Debug for WaitHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WaitHandle")
            .field("mode", &self.mode)
            .finish_non_exhaustive()
    }
}

#[cfg(unix)]
impl AsRawFd for WaitHandle {
    fn as_raw_fd(&self) -> RawFd {
        match self.mode {
            ServiceMode::Thread => self.inner.lobby.made_signal().as_raw_fd(),
            ServiceMode::Manual => self.inner.poller_fd(),
        }
    }
}

#[cfg(windows)]
impl AsRawHandle for WaitHandle {
    /// A manual-reset event.
    fn as_raw_handle(&self) -> RawHandle {
        self.inner.lobby.made_signal().as_raw_handle()
    }
}
