//! KCP in message mode: reliable messages only, neither handshake nor encryption. A connection is a
//! conversation number, and up as soon as it is chosen.
//!
//! Opened: "fast" settings (no delay, an interval of 10 ms, resending after two acks beyond, no
//! congestion control), windows of 1024 packets, socket buffers of 2 MiB.

use std::collections::HashMap;
use std::io::{self, Write};
use std::net::{SocketAddr, UdpSocket};
use std::rc::Rc;
use std::time::Duration;

use bytes::Bytes;
use kcp::Kcp as Conversation;

use super::{Event, Kind, Peer, udp_socket, wait_readable};
use crate::Result;
use crate::measure::now_ns;
use crate::options::Options;

/// Packets of one conversation that may wait; its own queue has no bound.
const MOST_WAITING: usize = 2048;
/// The header of a packet in bytes.
const HEADER: usize = 24;
/// The greatest message in bytes.
const MOST_MESSAGE: usize = 1 << 20;

pub(crate) struct Kcp {
    socket: [Rc<UdpSocket>; 1],
    server: Option<SocketAddr>,
    at_defaults: bool,
    conversations: HashMap<u32, Live>,
    /// Numbers of conversations that are new since the last poll.
    new: Vec<u32>,
    next: u32,
    buffer: Vec<u8>,
}

struct Live {
    kcp: Conversation<Output>,
    /// Whether something was sent or received since the last flush.
    is_dirty: bool,
}

/// Where a conversation's packets go.
struct Output(Rc<UdpSocket>, SocketAddr);

impl Write for Output {
    fn write(&mut self, packet: &[u8]) -> io::Result<usize> {
        // A packet that the socket does not take is lost, as in the network.
        let _ = self.0.send_to(packet, self.1);
        Ok(packet.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Kcp {
    pub(crate) fn new(options: &Options) -> Result<Self> {
        Ok(Self {
            socket: [Rc::new(udp_socket(options)?)],
            server: options.read("connect")?,
            at_defaults: options.is_on("defaults"),
            conversations: HashMap::new(),
            new: Vec::new(),
            next: now_ms(),
            buffer: vec![0; MOST_MESSAGE],
        })
    }

    pub(crate) fn address(&self) -> Result<SocketAddr> {
        Ok(self.socket[0].local_addr()?)
    }

    fn open(&mut self, number: u32, remote: SocketAddr) -> Result<()> {
        let mut kcp = Conversation::new(number, Output(Rc::clone(&self.socket[0]), remote));
        if !self.at_defaults {
            kcp.set_nodelay(true, 10, 2, true);
            kcp.set_wndsize(1024, 1024);
        }
        kcp.update(now_ms())?;
        self.conversations.insert(
            number,
            Live {
                kcp,
                is_dirty: false,
            },
        );
        self.new.push(number);
        Ok(())
    }

    fn flush(&mut self) -> Result<()> {
        for live in self.conversations.values_mut().filter(|live| live.is_dirty) {
            live.kcp.flush()?;
            live.is_dirty = false;
        }
        Ok(())
    }

    fn read(&mut self, events: &mut Vec<Event>) -> Result<()> {
        while let Ok((len, from)) = self.socket[0].recv_from(&mut self.buffer) {
            if len < HEADER {
                continue;
            }
            let number = kcp::get_conv(&self.buffer);
            if self.server.is_none() && !self.conversations.contains_key(&number) {
                self.open(number, from)?;
            }
            if let Some(live) = self.conversations.get_mut(&number) {
                // What cannot be read is dropped.
                live.is_dirty = live.kcp.input(&self.buffer[..len]).is_ok();
            }
        }
        events.extend(self.new.drain(..).map(|number| Event::Up(number.into())));
        let now = now_ms();
        for (&number, live) in &mut self.conversations {
            live.kcp.update(now)?;
            while let Ok(len) = live.kcp.recv(&mut self.buffer) {
                let message = Bytes::copy_from_slice(&self.buffer[..len]);
                events.push(Event::Message(number.into(), Kind::Reliable, message));
            }
        }
        Ok(())
    }
}

impl Peer for Kcp {
    fn dial(&mut self) -> Result<u64> {
        let server = self.server.ok_or("--connect is missing")?;
        self.next = self.next.wrapping_add(1);
        self.open(self.next, server)?;
        Ok(self.next.into())
    }

    fn send(&mut self, to: u64, kind: Kind, message: &[u8]) -> bool {
        let Some(live) = self.conversations.get_mut(&(to as u32)) else {
            return false;
        };
        let has_room = kind == Kind::Reliable && live.kcp.wait_snd() < MOST_WAITING;
        let is_taken = has_room && live.kcp.send(message).is_ok();
        live.is_dirty |= is_taken;
        is_taken
    }

    fn close(&mut self, connection: u64) {
        self.conversations.remove(&(connection as u32));
    }

    async fn poll(&mut self, wait: Duration, events: &mut Vec<Event>) -> Result<()> {
        self.flush()?;
        self.read(events)?;
        if events.is_empty() {
            wait_readable(&self.socket, wait)?;
            self.read(events)?;
        }
        Ok(())
    }
}

/// Milliseconds that may wrap, as KCP wants them.
fn now_ms() -> u32 {
    (now_ns() / 1_000_000) as u32
}
