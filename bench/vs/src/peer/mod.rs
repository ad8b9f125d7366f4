//! The libraries that are compared, each behind the same few calls, so that the workloads are written
//! once.
//!
//! A library is used as its documentation says: what has an event loop of its own runs in it, what is
//! polled is polled as soon as its socket is readable. [`Peer::poll`] is where packets move. Of what a
//! library leaves at its default, `--defaults 1` leaves everything; otherwise each module opens what it
//! names at its head, and the report lists it.

use std::net::UdpSocket;
use std::os::fd::AsFd;
use std::time::Duration;

use bytes::Bytes;
use rustix::event::{PollFd, PollFlags, Timespec};
use socket2::SockRef;

use crate::Result;
use crate::options::Options;

pub(crate) mod enet;
pub(crate) mod gns;
pub(crate) mod kcp;
pub(crate) mod quinn;
pub(crate) mod raw;
pub(crate) mod renet;

/// How a message is sent.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Kind {
    /// It arrives, in order with its like.
    Reliable,
    /// It may be lost; where there are priorities it goes before reliable ones.
    Unreliable,
}

/// What a poll may report.
#[derive(Debug)]
pub(crate) enum Event {
    /// A connection is up, dialled or accepted.
    Up(u64),
    /// A connection has ended.
    Down(u64),
    /// A message has come.
    Message(u64, Kind, Bytes),
}

/// One side's use of a library. Connections are named by numbers.
pub(crate) trait Peer {
    /// Starts a connection to the server; [`Event::Up`] tells of its success.
    fn dial(&mut self) -> Result<u64>;

    /// Hands a message over; `false` if there is no room now, or no connection any more.
    fn send(&mut self, to: u64, kind: Kind, message: &[u8]) -> bool;

    /// Ends a connection without ceremony. No event tells of it.
    fn close(&mut self, connection: u64);

    /// Moves packets and reports what they bring. Waits for them, if none are there, at most for `wait`,
    /// or for less.
    async fn poll(&mut self, wait: Duration, events: &mut Vec<Event>) -> Result<()>;

    /// Whether it keeps its timers itself, so that a wait may be long. What is polled must come by.
    fn keeps_timers(&self) -> bool {
        false
    }

    /// How many messages a flood may send between two polls if none is refused.
    fn burst(&self) -> usize {
        32
    }

    /// Whether the library takes reliable messages without bound, so that a flood needs the credit of
    /// its receiver.
    fn needs_credit(&self) -> bool {
        false
    }
}

/// Waits until one of the sockets is readable, at most for `wait`.
fn wait_readable<'a, S: AsFd + 'a>(
    sockets: impl IntoIterator<Item = &'a S>,
    wait: Duration,
) -> Result<()> {
    if wait.is_zero() {
        return Ok(());
    }
    let mut fds: Vec<_> = sockets
        .into_iter()
        .map(|socket| PollFd::new(socket, PollFlags::IN))
        .collect();
    let wait = Timespec::try_from(wait)?;
    match rustix::event::poll(&mut fds, Some(&wait)) {
        Ok(_) | Err(rustix::io::Errno::INTR) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

/// The size that socket buffers are asked to have, unless all is at defaults.
const SOCKET_BUFFER: usize = 2 << 20;

/// A socket on the address that the server listens at, or on any for a client.
fn udp_socket(options: &Options) -> Result<UdpSocket> {
    let address = match options.text("listen") {
        Some(_) => options.address("listen")?,
        None => "127.0.0.1:0".parse()?,
    };
    let socket = UdpSocket::bind(address)?;
    if !options.is_on("defaults") {
        let socket = SockRef::from(&socket);
        socket.set_recv_buffer_size(SOCKET_BUFFER)?;
        socket.set_send_buffer_size(SOCKET_BUFFER)?;
    }
    socket.set_nonblocking(true)?;
    Ok(socket)
}
