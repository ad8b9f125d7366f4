//! What the endpoint wants done for connections between peers: packets of its own, news for connections, names
//! to be resolved. Collected under its lock after every input, and done without.

use std::net::SocketAddr;
use std::ops::Range;
use std::sync::Arc;

use bowline_core::event::ToConnection;

use crate::driver::Inner;
use crate::driver::followup::Followup;
use crate::driver::hub::Hub;
use crate::driver::slot::Slot;
use crate::driver::ways::LocalSocket;

/// See the module's documentation.
#[derive(Debug, Default)]
pub(crate) struct Errands {
    packets: Vec<Packet>,
    bytes: Vec<u8>,
    news: Vec<(Arc<Slot>, ToConnection)>,
    names: Vec<String>,
    scratch: Vec<u8>,
}

/// A packet of the endpoint's own, to a STUN or TURN server.
#[derive(Debug)]
struct Packet {
    from: LocalSocket,
    to: SocketAddr,
    bytes: Range<usize>,
}

impl Errands {
    fn is_empty(&self) -> bool {
        self.packets.is_empty() && self.news.is_empty() && self.names.is_empty()
    }
}

impl Hub {
    /// Collects what the endpoint wants done. Nothing, as long as nobody has needed peers.
    pub(crate) fn collect_errands(&mut self, errands: &mut Errands) {
        if !self.ways.are_open() {
            return;
        }
        loop {
            let scratch = &mut errands.scratch;
            let Some((id, to)) = self.endpoint.poll_server_packet(scratch) else {
                break;
            };
            // Without a socket the address is gone, and the packet is lost with it.
            if let Some(socket) = self.any_socket(id) {
                let start = errands.bytes.len();
                errands.bytes.extend_from_slice(&errands.scratch);
                errands.packets.push(Packet {
                    from: LocalSocket { id, socket },
                    to,
                    bytes: start..errands.bytes.len(),
                });
            }
        }
        while let Some((id, news)) = self.endpoint.poll_to_connection() {
            if let Some(slot) = self.slot(id) {
                errands.news.push((Arc::clone(slot), news));
            }
        }
        while let Some(name) = self.endpoint.poll_resolve() {
            errands.names.push(name);
        }
    }
}

impl Inner {
    /// Does what the endpoint wants done.
    pub(crate) fn do_errands(&self, follow: &mut Followup) {
        if follow.errands.is_empty() {
            return;
        }
        let mut errands = std::mem::take(&mut follow.errands);
        let now = self.clock.now();
        for (slot, news) in errands.news.drain(..) {
            slot.keep_answer(now, news);
            slot.put_off(&mut follow.nudge);
        }
        let ecn = self.network.ecn();
        for packet in errands.packets.drain(..) {
            let bytes = &errands.bytes[packet.bytes];
            // What is lost is sent again.
            let border = packet.from.border(packet.to, ecn);
            let _ = self.send_between_peers(&packet.from, border, bytes, bytes.len());
        }
        for name in errands.names.drain(..) {
            let resolver = self.resolver.get();
            let resolver = resolver
                .expect("it is made before ways are open, and names are asked for after that");
            if let Err(error) = resolver.ask(&name) {
                tracing::warn!(name, %error, "a server's name is not resolved");
                self.tell_resolved(&name, &[]);
            }
        }
        errands.bytes.clear();
        // For its memory; what came up meanwhile was done by those who caused it.
        follow.errands = errands;
    }
}
