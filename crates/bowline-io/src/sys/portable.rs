//! For systems without a list call or a precise timer that a poll can wait for.

use std::io;
use std::num::NonZeroU16;

use bowline_core::transmit::Ecn;
use mio::{Registry, Token};
use noq_udp::{EcnCodepoint, Transmit, UdpSocketState};
use socket2::Socket;

use super::PolledSocket;
use crate::udp::Piece;

/// Hands the pieces to the system one by one and returns how many it took; the error is that of the
/// first piece.
pub(crate) fn submit(
    socket: &PolledSocket,
    state: &UdpSocketState,
    pieces: &[Piece<'_>],
) -> io::Result<usize> {
    for (taken, piece) in pieces.iter().enumerate() {
        let transmit = Transmit {
            destination: piece.to,
            ecn: piece.ecn.map(|ecn| match ecn {
                Ecn::Ect0 => EcnCodepoint::Ect0,
                Ecn::Ect1 => EcnCodepoint::Ect1,
                Ecn::Ce => EcnCodepoint::Ce,
            }),
            contents: piece.bytes,
            segment_size: piece.segment_size.map(NonZeroU16::get).map(usize::from),
            src_ip: None,
        };
        if let Err(error) = socket.with(|socket| state.try_send(socket, &transmit)) {
            return if taken == 0 { Err(error) } else { Ok(taken) };
        }
    }
    Ok(pieces.len())
}

/// Where several sockets may have a port, one of them gets all datagrams.
pub(crate) fn share_port(_socket: &Socket) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}

/// Nobody tells.
pub(crate) const fn lost_in_queue(_socket: &PolledSocket) -> Option<u32> {
    None
}

/// Stands in for a timer: the timeout of the poll does the work.
#[derive(Debug)]
pub(crate) struct DeadlineTimer;

impl DeadlineTimer {
    /// Whether it replaces the timeout of a poll.
    pub(crate) const REPLACES_TIMEOUT: bool = false;

    pub(crate) fn new(_registry: &Registry, _token: Token) -> io::Result<Self> {
        Ok(Self)
    }

    #[expect(
        clippy::needless_pass_by_ref_mut,
        reason = "the signature of the real timer"
    )]
    pub(crate) fn arm(&mut self, _deadline_us: u64, _now_us: u64) -> io::Result<()> {
        Ok(())
    }
}
