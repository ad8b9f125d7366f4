//! The reference for what the machine can do: a UDP socket, one system call and one AES-256-GCM
//! operation with a fixed key per packet. Messages may be lost and have at most 1200 bytes. A ping is
//! waited for in the call that receives it, and nothing else is looked for then.
//!
//! Opened: socket buffers of 2 MiB.

use std::net::{SocketAddr, UdpSocket};
use std::time::Duration;

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use bytes::Bytes;
use rustix::net::RecvFlags;

use super::{Event, Kind, Peer, udp_socket};
use crate::Result;
use crate::options::Options;

/// Packets taken in one poll of a flood.
const BATCH: usize = 512;
/// The longest wait in the call that receives.
const LONGEST: Duration = Duration::from_millis(50);
const KEY: [u8; 32] = [7; 32];
/// The only connection of a socket.
const ONLY: u64 = 0;

pub(crate) struct Raw {
    socket: UdpSocket,
    remote: Option<SocketAddr>,
    key: LessSafeKey,
    number: u64,
    is_up: bool,
    /// Packets taken in one poll.
    batch: usize,
    packet: Vec<u8>,
}

impl Raw {
    pub(crate) fn new(options: &Options) -> Result<Self> {
        let key = UnboundKey::new(&AES_256_GCM, &KEY).map_err(|_| "a key of 32 bytes")?;
        let is_ping = options.text("workload") == Some("ping");
        let socket = udp_socket(options)?;
        socket.set_nonblocking(false)?;
        socket.set_read_timeout(Some(LONGEST))?;
        Ok(Self {
            socket,
            remote: options.read("connect")?,
            key: LessSafeKey::new(key),
            number: 0,
            is_up: false,
            batch: if is_ping { 1 } else { BATCH },
            packet: vec![0; 2048],
        })
    }

    pub(crate) fn address(&self) -> Result<SocketAddr> {
        Ok(self.socket.local_addr()?)
    }

    /// Takes what is there; if nothing is and `waits`, waits for the first packet.
    fn read(&mut self, waits: bool, events: &mut Vec<Event>) {
        if self.remote.is_some() && !self.is_up {
            self.is_up = true;
            events.push(Event::Up(ONLY));
        }
        while events.len() < self.batch {
            self.packet.resize(2048, 0);
            let flags = if waits && events.is_empty() {
                RecvFlags::empty()
            } else {
                RecvFlags::DONTWAIT
            };
            let received = rustix::net::recvfrom(&self.socket, &mut self.packet[..], flags);
            let Ok((len, _, Some(from))) = received else {
                return;
            };
            let Some((nonce, sealed)) = self.packet[..len].split_first_chunk_mut() else {
                continue;
            };
            let nonce = Nonce::assume_unique_for_key(*nonce);
            if let Ok(message) = self.key.open_in_place(nonce, Aad::empty(), sealed) {
                if self.remote.is_none() {
                    self.remote = SocketAddr::try_from(from).ok();
                }
                let message = Bytes::copy_from_slice(message);
                events.push(Event::Message(ONLY, Kind::Unreliable, message));
            }
        }
    }
}

impl Peer for Raw {
    fn dial(&mut self) -> Result<u64> {
        Ok(ONLY)
    }

    fn send(&mut self, _to: u64, _kind: Kind, message: &[u8]) -> bool {
        let Some(remote) = self.remote else {
            return false;
        };
        let mut nonce = [0; NONCE_LEN];
        nonce[..8].copy_from_slice(&self.number.to_le_bytes());
        self.number += 1;
        self.packet.clear();
        self.packet.extend(nonce);
        self.packet.extend(message);
        let (nonce, plain) = self.packet.split_at_mut(NONCE_LEN);
        let nonce = Nonce::try_assume_unique_for_key(nonce);
        let tag = nonce.and_then(|nonce| {
            self.key
                .seal_in_place_separate_tag(nonce, Aad::empty(), plain)
        });
        let Ok(tag) = tag else {
            return false;
        };
        self.packet.extend(tag.as_ref());
        self.socket.send_to(&self.packet, remote).is_ok()
    }

    fn close(&mut self, _connection: u64) {}

    async fn poll(&mut self, wait: Duration, events: &mut Vec<Event>) -> Result<()> {
        self.read(!wait.is_zero(), events);
        Ok(())
    }

    fn keeps_timers(&self) -> bool {
        true
    }
}
