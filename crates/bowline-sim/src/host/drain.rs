//! The drain rule: after each input, polls all outputs of a connection until they are dry.

use std::net::SocketAddr;

use bowline_core::connection::ConnectionState;
use bowline_core::event::{Event, ToEndpoint};
use bowline_core::ids::ConnectionId;
use bowline_core::limits;
use bowline_core::time::{Span, Timestamp};

use crate::host::slot::Life;
use crate::host::{Effects, Host, News, Received, Signal, What};
use crate::network::Datagram;

/// A timer that is due again at once and in vain, this many times in a row, does not get anywhere.
const MAX_SPINS: u32 = 16;
/// The most that may leave for one input: a burst, and acknowledgements and control packets besides.
const MAX_BURST_BYTES: usize = (limits::MAX_BURST_PACKETS + 16) * limits::ETHERNET_DATAGRAM;
/// A deadline this close is due at once.
const AT_ONCE: Span = Span::from_micros(10);

impl Host {
    /// The drain rule: polls all outputs until they are dry, then sets the timer.
    pub(super) fn drain(&mut self, now: Timestamp, id: ConnectionId, out: &mut Effects) {
        let before = out.datagrams.len();
        self.poll_outputs(now, id, out);
        while self.read_message(now, id, out) {
            self.poll_outputs(now, id, out);
        }
        let sent = out.datagrams.iter().skip(before);
        let bytes = sent.map(|datagram| datagram.bytes.len()).sum();
        if bytes > MAX_BURST_BYTES {
            let what = What::LongBurst(bytes);
            out.news.push(News { id, what });
        }
        let Some(slot) = self.slots.get_mut(&id) else {
            return;
        };
        if let Some((at, _)) = slot.deadline.take() {
            self.deadlines.remove(&(at, id));
        }
        if let Life::Alive(connection) = &slot.connection {
            slot.deadline = connection.poll_timeout();
        }
        if let Some((at, _)) = slot.deadline {
            self.deadlines.insert((at, id));
        }
    }

    fn poll_outputs(&mut self, now: Timestamp, id: ConnectionId, out: &mut Effects) {
        let local = now + self.clock_lead;
        let Some(route) = self.slots.get(&id).map(|slot| slot.route) else {
            return;
        };
        let from = self.source(route.socket);
        let Some(slot) = self.slots.get_mut(&id) else {
            return;
        };
        let Life::Alive(connection) = &mut slot.connection else {
            return;
        };
        while let Some(transmit) = connection.poll_transmit(local, &mut self.buf) {
            let bytes = self.buf.datagrams(&transmit);
            match transmit.via {
                None => out.datagrams.extend(bytes.map(|bytes| Datagram {
                    from,
                    to: slot.route.remote,
                    bytes: bytes.to_vec(),
                })),
                Some(via) => out.datagrams.extend(bytes.filter_map(|bytes| {
                    let mut wrapped = Vec::new();
                    let (socket, to) = match self.endpoint.socket_of(via.local) {
                        Some(socket) => {
                            wrapped.extend_from_slice(bytes);
                            (socket, via.remote)
                        }
                        None => self.endpoint.wrap(via, bytes, &mut wrapped)?,
                    };
                    let port = self.sockets.get(socket.get() as usize)?;
                    let bound = self.bound.get(&socket).copied();
                    Some(Datagram {
                        from: SocketAddr::new(bound.unwrap_or(self.address), *port),
                        to,
                        bytes: wrapped,
                    })
                })),
            }
            self.buf.clear();
        }
        while let Some(event) = connection.poll_event() {
            if let Event::StateChanged { new, .. } = event {
                slot.linger.on_change(local, new);
                if new == ConnectionState::Connected {
                    slot.heard_at = Some(local);
                }
            }
            slot.events.push((now, event));
            let what = What::Event(event);
            out.news.push(News { id, what });
        }
        let mut signal = Vec::new();
        while connection.poll_signal(local, &mut signal) {
            if let Some(to) = connection.info().identity {
                let bytes = signal.clone();
                out.signals.push(Signal { to, bytes });
            }
        }
        let mut is_dead = false;
        while let Some(event) = connection.poll_endpoint() {
            is_dead |= event == ToEndpoint::Dead;
            if let Some(answer) = self.endpoint.handle_event(local, id, event) {
                connection.handle_endpoint(local, answer);
            }
        }
        if is_dead {
            slot.connection = Life::Over(Box::new(connection.info()));
            let what = What::Dead;
            out.news.push(News { id, what });
        }
    }

    /// Takes a message if there is one and the application reads. Says whether there was one.
    fn read_message(&mut self, now: Timestamp, id: ConnectionId, out: &mut Effects) -> bool {
        if self.slots.get(&id).is_some_and(|slot| slot.reads_at_once) {
            self.receive(now, id, out)
        } else {
            false
        }
    }

    /// Takes a message into the inbox. Outputs must be polled afterwards.
    fn receive(&mut self, now: Timestamp, id: ConnectionId, out: &mut Effects) -> bool {
        let local = self.local(now);
        let message = self
            .connection_mut(id)
            .and_then(|connection| connection.receive(local));
        let Some(message) = message else {
            return false;
        };
        let received = Received {
            at: now,
            lane: message.lane(),
            number: message.number(),
            reliable: message.is_reliable(),
            data: message.to_vec(),
        };
        if let Some(slot) = self.slots.get_mut(&id) {
            slot.inbox.push_back(received.clone());
        }
        let what = What::Received(received);
        out.news.push(News { id, what });
        true
    }

    /// Takes one message from a connection whose application does not read at once.
    pub(crate) fn read_one(&mut self, now: Timestamp, id: ConnectionId, out: &mut Effects) {
        if self.receive(now, id, out) {
            self.drain(now, id, out);
        }
    }

    /// Notices a timer that is due again at once although nothing came of it, and breaks the circle.
    pub(super) fn check_progress(
        &mut self,
        local: Timestamp,
        id: ConnectionId,
        came_of_it: bool,
        out: &mut Effects,
    ) {
        let Some(slot) = self.slots.get_mut(&id) else {
            return;
        };
        let at_once = slot.deadline.filter(|(at, _)| *at <= local + AT_ONCE);
        let Some((at, kind)) = at_once.filter(|_| !came_of_it) else {
            slot.spins = 0;
            return;
        };
        slot.spins += 1;
        if slot.spins >= MAX_SPINS {
            slot.spins = 0;
            let later = local + Span::from_millis(1);
            slot.deadline = Some((later, kind));
            self.deadlines.remove(&(at, id));
            self.deadlines.insert((later, id));
            let what = What::Spinning(kind);
            out.news.push(News { id, what });
        }
    }
}
