//! Whom the server lets through: a permission for each IP address, a channel for each address and port.

use alloc::collections::BTreeMap;
use core::net::IpAddr;
use core::net::SocketAddr;

use crate::limits::MAX_TURN_PEERS;
use crate::time::Span;
use crate::time::Timestamp;
use crate::turn::TurnSendError;
use crate::turn::channel_data::FIRST_CHANNEL;
use crate::turn::channel_data::LAST_CHANNEL;
use crate::turn::grant::Grant;
use crate::turn::grant::Lifetime;

/// RFC 8656, section 9: five minutes.
const PERMISSION: Lifetime = Lifetime {
    granted: Span::from_secs(300),
    refresh: Span::from_secs(240),
};
/// RFC 8656, section 12: ten minutes.
const CHANNEL: Lifetime = Lifetime {
    granted: Span::from_secs(600),
    refresh: Span::from_secs(480),
};
/// How long nothing is asked for again that was not granted for the moment.
const PUT_OFF: Span = Span::from_secs(10);
/// How long what the server has refused for good is not asked for.
const REFUSED: Span = Span::from_secs(300);

/// All permissions and channels of an allocation.
#[derive(Clone, Debug)]
pub(super) struct Peers {
    pub(super) permissions: BTreeMap<IpAddr, Grant>,
    pub(super) channels: BTreeMap<SocketAddr, Channel>,
    /// Also of channels that have lapsed, until the number is needed again: what the server thinks of them is known only
    /// if none of its answers was lost.
    pub(super) by_number: BTreeMap<u16, SocketAddr>,
    next_number: u16,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Channel {
    number: u16,
    grant: Grant,
}

/// What there is to ask the server for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Wish {
    /// A permission for an IP address.
    Permission(IpAddr),
    /// A channel with this number.
    Channel(SocketAddr, u16),
}

/// How the server has answered a wish.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Answer {
    /// Granted.
    Yes,
    /// Not now, or no answer at all.
    NotNow,
    /// Refused, with this error.
    No(u16),
}

/// How a packet gets to a peer.
#[derive(Clone, Copy, Debug)]
pub(super) struct Passage {
    /// The server lets it through.
    pub(super) is_open: bool,
    /// The channel for it, if there is one.
    pub(super) channel: Option<u16>,
    /// There is something to ask the server for.
    pub(super) is_woken: bool,
}

impl Peers {
    pub(super) const fn new() -> Self {
        Self {
            permissions: BTreeMap::new(),
            channels: BTreeMap::new(),
            by_number: BTreeMap::new(),
            next_number: FIRST_CHANNEL,
        }
    }

    /// A peer is wanted. Its permission is there or will be, unless the server refuses.
    ///
    /// # Errors
    /// [`TurnSendError::PeerRefused`] and [`TurnSendError::TooManyPeers`].
    pub(super) fn permit(&mut self, peer: SocketAddr) -> Result<(), TurnSendError> {
        let count = self.permissions.len();
        match self.permissions.get_mut(&peer.ip()) {
            Some(grant) => {
                if let Some(code) = grant.refusal() {
                    return Err(TurnSendError::PeerRefused(code));
                }
                grant.touch();
            }
            None if count >= MAX_TURN_PEERS => {
                return Err(TurnSendError::TooManyPeers);
            }
            None => {
                self.permissions.insert(peer.ip(), Grant::wanted());
            }
        }
        self.want_channel(peer);
        Ok(())
    }

    /// How to send to a peer. What has lapsed is woken, and what was never asked for is wanted from now on.
    ///
    /// # Errors
    /// As [`Self::permit`].
    pub(super) fn send_to(&mut self, peer: SocketAddr) -> Result<Passage, TurnSendError> {
        let Some(permission) = self.permissions.get_mut(&peer.ip()) else {
            self.permit(peer)?;
            // A channel that has outlived it serves on.
            let channel = self.channels.get(&peer);
            let channel = channel.filter(|channel| channel.grant.is_granted());
            return Ok(Passage {
                is_open: channel.is_some(),
                channel: channel.map(|channel| channel.number),
                is_woken: true,
            });
        };
        if let Some(code) = permission.refusal() {
            return Err(TurnSendError::PeerRefused(code));
        }
        let mut passage = Passage {
            is_open: permission.is_granted(),
            channel: None,
            is_woken: permission.touch(),
        };
        if let Some(channel) = self.channels.get_mut(&peer) {
            passage.is_woken |= channel.grant.touch();
            passage.channel = channel.grant.is_granted().then_some(channel.number);
        }
        // A channel is a permission, too (RFC 8656, section 12).
        passage.is_open |= passage.channel.is_some();
        Ok(passage)
    }

    /// Whether the server lets a peer through.
    pub(super) fn is_open(&self, peer: SocketAddr) -> bool {
        let permission = self.permissions.get(&peer.ip());
        permission.is_some_and(Grant::is_granted) || self.has_channel(peer)
    }

    /// Whose channel it is.
    pub(super) fn of_channel(&self, number: u16) -> Option<SocketAddr> {
        self.by_number.get(&number).copied()
    }

    /// Whether data for a peer goes through a channel.
    pub(super) fn has_channel(&self, peer: SocketAddr) -> bool {
        let channel = self.channels.get(&peer);
        channel.is_some_and(|channel| channel.grant.is_granted())
    }

    /// Something came from a peer: says whether it may have, and by the second value whether there is something to
    /// ask for now.
    pub(super) fn heard_from(&mut self, peer: SocketAddr) -> Option<bool> {
        if !self.permissions.contains_key(&peer.ip()) && self.has_channel(peer) {
            // It has outlived the permission, which is wanted again.
            return self.permit(peer).ok().map(|()| true);
        }
        let permission = self.permissions.get_mut(&peer.ip())?;
        let woken = permission.touch();
        let channel = self.channels.get_mut(&peer);
        Some(channel.is_some_and(|channel| channel.grant.touch()) || woken)
    }

    /// What to ask for next, which counts as asked for then.
    pub(super) fn next_wish(&mut self) -> Option<Wish> {
        // Permissions first: nothing comes through without.
        for (ip, grant) in &mut self.permissions {
            if grant.is_wanted() {
                grant.asked();
                return Some(Wish::Permission(*ip));
            }
        }
        for (peer, Channel { number, grant }) in &mut self.channels {
            if grant.is_wanted() {
                grant.asked();
                return Some(Wish::Channel(*peer, *number));
            }
        }
        None
    }

    /// The server has answered, or not.
    pub(super) fn answered(&mut self, now: Timestamp, wish: Wish, answer: Answer) {
        let (grant, lifetime) = match wish {
            Wish::Permission(ip) => (self.permissions.get_mut(&ip), PERMISSION),
            Wish::Channel(peer, _) => {
                let channel = self.channels.get_mut(&peer);
                (channel.map(|channel| &mut channel.grant), CHANNEL)
            }
        };
        let Some(grant) = grant else {
            return;
        };
        match answer {
            Answer::Yes => grant.granted(now, lifetime),
            Answer::NotNow => grant.put_off(now, PUT_OFF),
            Answer::No(code) => grant.refused(now, code, REFUSED),
        }
    }

    /// Forgets what has lapsed, and finds what must be asked for again.
    pub(super) fn tick(&mut self, now: Timestamp) {
        self.permissions.retain(|_, grant| grant.tick(now));
        self.channels.retain(|_, channel| channel.grant.tick(now));
    }

    /// The server has forgotten everything; all of it is wanted again.
    pub(super) fn reset(&mut self) {
        self.permissions.values_mut().for_each(Grant::reset);
        let channels = self.channels.values_mut();
        channels.for_each(|channel| channel.grant.reset());
    }

    /// When [`Self::tick`] has something to do.
    pub(super) fn deadline(&self) -> Option<Timestamp> {
        let permissions = self.permissions.values();
        let channels = self.channels.values().map(|channel| &channel.grant);
        permissions
            .chain(channels)
            .filter_map(Grant::deadline)
            .min()
    }

    /// How many there are: permissions, then channels.
    #[cfg(test)]
    pub(super) fn counts(&self) -> (usize, usize) {
        assert!(self.channels.len() <= self.by_number.len());
        (self.permissions.len(), self.channels.len())
    }

    /// A peer without a channel can be sent to as well, only that it costs more.
    fn want_channel(&mut self, peer: SocketAddr) {
        if let Some(channel) = self.channels.get_mut(&peer) {
            channel.grant.touch();
            return;
        }
        if self.channels.len() >= MAX_TURN_PEERS {
            return;
        }
        let Some(number) = self.number_for(peer) else {
            return;
        };
        let grant = Grant::wanted();
        self.channels.insert(peer, Channel { number, grant });
    }

    /// The number that the peer's channel had before, or one that no living channel has.
    fn number_for(&mut self, peer: SocketAddr) -> Option<u16> {
        let mut known = self.by_number.iter();
        if let Some((number, _)) = known.find(|(_, of)| **of == peer) {
            return Some(*number);
        }
        // Around in a circle, since a number must rest before another peer gets it.
        let mut numbers = (self.next_number..=LAST_CHANNEL).chain(FIRST_CHANNEL..self.next_number);
        let is_free = |number: &u16| {
            let of = self.by_number.get(number);
            of.is_none_or(|of| !self.channels.contains_key(of))
        };
        let number = numbers.find(is_free)?;
        self.next_number = match number {
            LAST_CHANNEL.. => FIRST_CHANNEL,
            _ => number + 1,
        };
        self.by_number.insert(number, peer);
        Some(number)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn peer(number: u16) -> SocketAddr {
        SocketAddr::from(([203, 0, 113, 7], number))
    }

    /// The number that is asked for.
    fn bound(peers: &mut Peers, of: u16) -> u16 {
        peers.permit(peer(of)).unwrap();
        let mut number = None;
        while let Some(wish) = peers.next_wish() {
            if let Wish::Channel(address, asked) = wish {
                assert_eq!(address, peer(of));
                number = Some(asked);
            }
        }
        number.expect("a channel is wanted")
    }

    #[test]
    fn a_peer_that_comes_back_gets_its_number_back() {
        let mut peers = Peers::new();
        let first = bound(&mut peers, 1);
        assert_eq!(bound(&mut peers, 2), first + 1);
        // Nobody answers, and nobody uses them.
        for of in 1..=2 {
            let wish = Wish::Channel(peer(of), FIRST_CHANNEL);
            peers.answered(Timestamp::ZERO, wish, Answer::NotNow);
        }
        peers.tick(Timestamp::ZERO + PUT_OFF);
        assert_eq!(peers.counts().1, 0);
        assert_eq!(peers.of_channel(first), Some(peer(1)));
        assert_eq!(bound(&mut peers, 3), first + 2);
        assert_eq!(bound(&mut peers, 1), first);
    }

    #[test]
    fn numbers_go_around_and_leave_out_those_in_use() {
        let mut peers = Peers::new();
        let (kept, lapsed) = (bound(&mut peers, 1), bound(&mut peers, 2));
        assert_eq!((kept, lapsed), (FIRST_CHANNEL, FIRST_CHANNEL + 1));
        peers.answered(
            Timestamp::ZERO,
            Wish::Channel(peer(2), lapsed),
            Answer::NotNow,
        );
        peers.tick(Timestamp::ZERO + PUT_OFF);
        peers.next_number = LAST_CHANNEL;
        assert_eq!(bound(&mut peers, 3), LAST_CHANNEL);
        // The first is somebody's, the second has rested for a whole round.
        assert_eq!(bound(&mut peers, 4), lapsed);
        assert_eq!(peers.of_channel(kept), Some(peer(1)));
        assert_eq!(peers.of_channel(lapsed), Some(peer(4)));
    }
}
