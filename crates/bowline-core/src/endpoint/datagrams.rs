//! Finds out which connection a datagram is for, and answers those that need none.

use alloc::vec::Vec;

use crate::counters::DropReason;
use crate::endpoint::DatagramEvent;
use crate::endpoint::Endpoint;
use crate::endpoint::Route;
use crate::handshake::Origin;
use crate::ids::ConnectionId;
use crate::ids::PathId;
use crate::limits;
use crate::time::Timestamp;
use crate::transmit::DatagramMeta;
use crate::transmit::Ecn;
use crate::wire::data_header;
use crate::wire::udp;
use crate::wire::udp::UdpPacket;

impl Endpoint {
    pub(super) fn route_datagram(
        &mut self,
        now: Timestamp,
        from: Route,
        ecn: Option<Ecn>,
        data: &[u8],
        reply: &mut Vec<u8>,
    ) -> Result<DatagramEvent, DropReason> {
        if data.len() < limits::MIN_DATAGRAM {
            return Err(DropReason::TooShort);
        }
        if self.is_peer_socket(from.socket) {
            return self.route_peer_datagram(now, from, ecn, data);
        }
        let is_grown = data.len() > limits::MAX_DATAGRAM;
        if data.len() > limits::MAX_GROWN_DATAGRAM {
            return Err(DropReason::TooLong);
        }
        if let Some(to) = data_header::peek_to(data) {
            return match self.table.find(from, to) {
                // It knows how long they may be.
                Some(id) => Ok(forward(id, ecn, data)),
                None if is_grown => Err(DropReason::TooLong),
                None => self.stray_data(now, from, to, data, reply),
            };
        }
        if is_grown {
            return Err(DropReason::TooLong);
        }
        if let Some(asked) = udp::peek_request(data) {
            let (remote, cookie) = asked?;
            return match self.table.find_remote(from, remote) {
                Some(id) => Ok(forward(id, ecn, data)),
                None => self.admit(now, from, (remote, cookie), data, reply),
            };
        }
        match udp::parse(data)? {
            UdpPacket::Data(_) => Err(DropReason::TooShort),
            UdpPacket::ChallengeRequest(packet) => {
                if let Some(id) = self.table.find_remote(from, packet.connection_id) {
                    return Ok(forward(id, ecn, data));
                }
                self.challenge(now, from, packet, reply)
            }
            // It was looked at above.
            UdpPacket::ConnectRequest(_) => Err(DropReason::BadMessage),
            UdpPacket::ChallengeReply(packet) => {
                self.to_dialled(from, ecn, packet.connection_id, data)
            }
            UdpPacket::ConnectOk(packet) => {
                self.to_dialled(from, ecn, packet.client_connection_id, data)
            }
            UdpPacket::ConnectionClosed(packet) => {
                self.connection_closed(now, from, (ecn, data), &packet, reply)
            }
            UdpPacket::NoConnection(packet) => packet
                .to
                .and_then(|to| self.table.find(from, to))
                .map(|id| forward(id, ecn, data))
                .ok_or(DropReason::UnknownConnection),
        }
    }

    /// Data for a connection that is not there. A peer that had one hears so, now and then.
    fn stray_data(
        &mut self,
        now: Timestamp,
        from: Route,
        to: ConnectionId,
        data: &[u8],
        reply: &mut Vec<u8>,
    ) -> Result<DatagramEvent, DropReason> {
        if !self.table.knows(from) {
            return Err(if udp::is_legacy_broadcast(data) {
                DropReason::LegacyBroadcast
            } else {
                DropReason::UnknownConnection
            });
        }
        if !self.may_reply_stateless(now) {
            return Err(DropReason::UnknownConnection);
        }
        self.drops.count(DropReason::UnknownConnection);
        let answer = udp::NoConnection {
            to: None,
            from: Some(to),
        };
        answer.encode(reply);
        Ok(DatagramEvent::Reply)
    }

    fn to_dialled(
        &self,
        from: Route,
        ecn: Option<Ecn>,
        id: ConnectionId,
        data: &[u8],
    ) -> Result<DatagramEvent, DropReason> {
        match self.table.get(id) {
            Some(entry) if entry.route == from && entry.origin == Origin::Dial => {
                Ok(forward(id, ecn, data))
            }
            Some(_) | None => Err(DropReason::UnknownConnection),
        }
    }

    /// A peer closes. If we have no such connection any more, it hears so and need not go on.
    fn connection_closed(
        &mut self,
        now: Timestamp,
        from: Route,
        (ecn, data): (Option<Ecn>, &[u8]),
        packet: &udp::ConnectionClosed,
        reply: &mut Vec<u8>,
    ) -> Result<DatagramEvent, DropReason> {
        let found = match (packet.to, packet.from) {
            (Some(to), _) => self.table.find(from, to),
            (None, Some(remote)) => self.table.find_remote(from, remote),
            (None, None) => None,
        };
        if let Some(id) = found {
            return Ok(forward(id, ecn, data));
        }
        if self.table.knows(from) && !self.may_reply_stateless(now) {
            return Err(DropReason::UnknownConnection);
        }
        self.budget.take_stray_close(now)?;
        let answer = udp::NoConnection {
            to: packet.from,
            from: packet.to,
        };
        answer.encode(reply);
        Ok(DatagramEvent::Reply)
    }

    fn may_reply_stateless(&mut self, now: Timestamp) -> bool {
        let free = self
            .last_stateless_reply
            .is_none_or(|last| now.since(last) >= limits::STATELESS_REPLY_INTERVAL);
        if free {
            self.last_stateless_reply = Some(now);
        }
        free
    }
}

const fn forward(id: ConnectionId, ecn: Option<Ecn>, data: &[u8]) -> DatagramEvent {
    let meta = DatagramMeta {
        path: PathId::DIRECT,
        ecn,
        via: None,
    };
    let payload = 0..data.len();
    DatagramEvent::Forward { id, meta, payload }
}
