//! What a server keeps for a client.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};

use bowline_core::stun::TransactionId;
use bowline_core::time::{Span, Timestamp};

/// RFC 8656, section 9.
const PERMISSION: Span = Span::from_secs(300);
/// RFC 8656, section 12.
const CHANNEL: Span = Span::from_secs(600);

/// A relayed address, and who may use it until when.
#[derive(Clone, Debug)]
pub(super) struct Allocation {
    pub(super) relayed: SocketAddr,
    pub(super) expires: Timestamp,
    /// The request that it was made for, whose repetitions get the same answer.
    pub(super) made_for: TransactionId,
    permissions: BTreeMap<IpAddr, Timestamp>,
    channels: BTreeMap<u16, (SocketAddr, Timestamp)>,
}

impl Allocation {
    pub(super) const fn new(
        relayed: SocketAddr,
        expires: Timestamp,
        made_for: TransactionId,
    ) -> Self {
        Self {
            relayed,
            expires,
            made_for,
            permissions: BTreeMap::new(),
            channels: BTreeMap::new(),
        }
    }

    pub(super) fn permit(&mut self, now: Timestamp, ip: IpAddr) {
        self.permissions.insert(ip, now + PERMISSION);
    }

    /// Binds a channel, which is a permission too. `None` if number or peer are bound otherwise.
    pub(super) fn bind(&mut self, now: Timestamp, number: u16, peer: SocketAddr) -> Option<()> {
        let is_other =
            |(n, (p, _)): (&u16, &(SocketAddr, Timestamp))| (*n == number) != (*p == peer);
        if !(0x4000..=0x4FFF).contains(&number) || self.channels.iter().any(is_other) {
            return None;
        }
        self.channels.insert(number, (peer, now + CHANNEL));
        self.permit(now, peer.ip());
        Some(())
    }

    pub(super) fn permits(&self, ip: IpAddr) -> bool {
        self.permissions.contains_key(&ip)
    }

    pub(super) fn peer_of(&self, number: u16) -> Option<SocketAddr> {
        self.channels.get(&number).map(|(peer, _)| *peer)
    }

    pub(super) fn channel_of(&self, peer: SocketAddr) -> Option<u16> {
        let mut channels = self.channels.iter();
        let found = channels.find(|(_, (bound, _))| *bound == peer);
        found.map(|(number, _)| *number)
    }

    /// Ends what is over. Says whether the allocation lives.
    pub(super) fn tick(&mut self, now: Timestamp) -> bool {
        self.permissions.retain(|_, until| *until > now);
        self.channels.retain(|_, (_, until)| *until > now);
        self.expires > now
    }
}
