//! One client: its socket, what came of a line, and what waits to be sent to it.

use std::collections::VecDeque;
use std::io;
use std::io::Read;
use std::io::Write;
use std::net::SocketAddr;
use std::time::Duration;
use std::time::Instant;

use mio::net::TcpStream;

use crate::signal_server::line::LineBuffer;

/// What may wait for a client, in bytes; signals beyond that are lost.
const MAX_WAITING: usize = 256 * 1024;
/// Time to say who it is.
const GREETING: Duration = Duration::from_secs(10);
/// A client that takes nothing of what waits for it for so long is disconnected.
const STALLED: Duration = Duration::from_secs(10);
/// Signals of a client that are forwarded at once, and in each second; those beyond are lost.
const SIGNALS_PER_SECOND: u32 = 200;
/// Reads at a time, so that all clients have their turn.
const READS: usize = 8;

/// A connected client.
#[derive(Debug)]
pub(crate) struct Client {
    pub(crate) stream: TcpStream,
    pub(crate) addr: SocketAddr,
    /// Known after its first line.
    pub(crate) identity: Option<String>,
    lines: LineBuffer,
    waiting: VecDeque<u8>,
    /// When it last sent or took something; before that, when it came.
    active: Instant,
    /// When it last took something of what waits, or something began to wait.
    progress: Instant,
    allowance: Allowance,
}

/// Why a client is disconnected.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub(crate) enum Fault {
    #[error("it hung up")]
    Gone,
    #[error("its connection broke: {0}")]
    Broken(io::ErrorKind),
    #[error("it sent a line that is too long")]
    LongLine,
    #[error("it sent something that is not UTF-8")]
    NoText,
    #[error("its identity was refused: {0}")]
    BadIdentity(String),
    #[error("it sent a line that is not an identity, a blank and hexadecimal digits")]
    BadLine,
    #[error("it did not say who it is")]
    NoGreeting,
    #[error("it does not read what it is sent")]
    Stalled,
    #[error("it was idle for too long")]
    Idle,
    #[error("a newer connection has the same identity")]
    Replaced,
}

impl Client {
    pub(crate) fn new(stream: TcpStream, addr: SocketAddr, now: Instant) -> Self {
        Self {
            stream,
            addr,
            identity: None,
            lines: LineBuffer::default(),
            waiting: VecDeque::new(),
            active: now,
            progress: now,
            allowance: Allowance::new(now),
        }
    }

    /// Reads what has come, and hands over its lines. Whether there may be more.
    pub(crate) fn read(
        &mut self,
        now: Instant,
        mut each: impl FnMut(&[u8]),
    ) -> Result<bool, Fault> {
        let mut buffer = [0; 8 * 1024];
        for _ in 0..READS {
            match self.stream.read(&mut buffer) {
                Ok(0) => return Err(Fault::Gone),
                Ok(count) => {
                    self.active = now;
                    let bytes = buffer.get(..count).unwrap_or_default();
                    self.lines.add(bytes, |line| {
                        each(line);
                        Ok(())
                    })?;
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(false),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(Fault::Broken(error.kind())),
            }
        }
        Ok(true)
    }

    /// Queues a line; whether there was room.
    pub(crate) fn queue(&mut self, line: &str, now: Instant) -> bool {
        if self.waiting.len() + line.len() > MAX_WAITING {
            return false;
        }
        if self.waiting.is_empty() {
            self.progress = now;
        }
        self.waiting.extend(line.as_bytes());
        true
    }

    /// Sends what waits, as far as the socket takes it.
    pub(crate) fn write(&mut self, now: Instant) -> Result<(), Fault> {
        while !self.waiting.is_empty() {
            let (first, _) = self.waiting.as_slices();
            match self.stream.write(first) {
                Ok(0) => return Err(Fault::Gone),
                Ok(count) => {
                    self.waiting.drain(..count);
                    self.active = now;
                    self.progress = now;
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(Fault::Broken(error.kind())),
            }
        }
        Ok(())
    }

    /// Whether it may send a signal now; counts it.
    pub(crate) fn may_send(&mut self, now: Instant) -> bool {
        self.allowance.take(now)
    }

    /// Whether it has been too slow in something.
    pub(crate) fn overdue(&self, now: Instant, idle: Duration) -> Result<(), Fault> {
        let since = |then: Instant| now.saturating_duration_since(then);
        if self.identity.is_none() && since(self.progress) > GREETING {
            return Err(Fault::NoGreeting);
        }
        if !self.waiting.is_empty() && since(self.progress) > STALLED {
            return Err(Fault::Stalled);
        }
        if since(self.active) > idle {
            return Err(Fault::Idle);
        }
        Ok(())
    }
}

/// So many at once, and as many again in each second.
#[derive(Debug)]
struct Allowance {
    left: u32,
    filled: Instant,
}

impl Allowance {
    const fn new(now: Instant) -> Self {
        Self {
            left: SIGNALS_PER_SECOND,
            filled: now,
        }
    }

    fn take(&mut self, now: Instant) -> bool {
        if now.saturating_duration_since(self.filled) >= Duration::from_secs(1) {
            *self = Self::new(now);
        }
        let Some(left) = self.left.checked_sub(1) else {
            return false;
        };
        self.left = left;
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limit_signals_per_second() {
        let now = Instant::now();
        let mut allowance = Allowance::new(now);
        let soon = now + Duration::from_millis(999);
        assert!((0..SIGNALS_PER_SECOND).all(|_| allowance.take(now)));
        assert!(!allowance.take(soon));
        assert!(allowance.take(now + Duration::from_secs(1)));
    }
}
