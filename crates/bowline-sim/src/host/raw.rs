//! Sockets that belong to no endpoint: whoever plays the scenario speaks a protocol of its own there.

use std::collections::{BTreeMap, VecDeque};
use std::fmt;

use bowline_core::time::Timestamp;

use crate::network::Datagram;

/// Bytes of payload that wait in a socket until they are read; what goes beyond is lost. As much as
/// Linux gives a socket by default (`net.core.rmem_default`), its bookkeeping left out.
pub(crate) const SOCKET_BUFFER_BYTES: usize = 212_992;

/// Datagrams that wait to be read, up to a bound on their bytes.
#[derive(Debug, Default)]
pub(crate) struct SocketBuffer {
    waiting: VecDeque<Datagram>,
    bytes: usize,
}

impl SocketBuffer {
    /// Takes a datagram in. Says whether there was room; an empty datagram takes a byte of it.
    pub(super) fn push(&mut self, datagram: Datagram) -> bool {
        let bytes = self.bytes + datagram.bytes.len().max(1);
        let has_room = bytes <= SOCKET_BUFFER_BYTES;
        if has_room {
            self.bytes = bytes;
            self.waiting.push_back(datagram);
        }
        has_room
    }

    /// Takes out all that waits.
    pub(super) fn take(&mut self) -> VecDeque<Datagram> {
        self.bytes = 0;
        std::mem::take(&mut self.waiting)
    }
}

/// Answers a datagram.
pub(crate) type Service = Box<dyn FnMut(Timestamp, &Datagram) -> Vec<Datagram>>;

/// The raw sockets of a host, by port.
#[derive(Default)]
pub(super) struct RawSockets {
    buffers: BTreeMap<u16, SocketBuffer>,
    service: Option<Service>,
}

impl RawSockets {
    pub(super) fn open(&mut self, port: u16) {
        self.buffers.entry(port).or_default();
    }

    pub(super) fn at(&mut self, port: u16) -> Option<&mut SocketBuffer> {
        self.buffers.get_mut(&port)
    }

    /// Has whatever comes answered at once.
    pub(super) fn serve_with(&mut self, service: Service) {
        self.service = Some(service);
    }

    /// The answers, if there is a service.
    pub(super) fn serve(&mut self, now: Timestamp, datagram: &Datagram) -> Option<Vec<Datagram>> {
        Some(self.service.as_mut()?(now, datagram))
    }
}

impl fmt::Debug for RawSockets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RawSockets")
            .field("buffers", &self.buffers)
            .field("has_service", &self.service.is_some())
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn datagram(len: usize) -> Datagram {
        Datagram {
            from: ([10, 0, 0, 1], 1).into(),
            to: ([10, 0, 0, 2], 2).into(),
            bytes: vec![0; len],
        }
    }

    #[test]
    fn limit_socket_buffer_bytes() {
        let mut buffer = SocketBuffer::default();
        let fit = SOCKET_BUFFER_BYTES / 1000;
        assert!((0..fit).all(|_| buffer.push(datagram(1000))));
        assert!(!buffer.push(datagram(1000)));
        assert!(buffer.push(datagram(SOCKET_BUFFER_BYTES - fit * 1000)));
        assert!(!buffer.push(datagram(0)));
        assert_eq!(buffer.take().len(), fit + 1);
        assert!(buffer.push(datagram(0)));
    }
}
