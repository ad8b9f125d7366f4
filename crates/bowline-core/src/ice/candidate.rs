//! Candidates: addresses at which a host may be reached, and how they are told in a line of text.
//!
//! The text is that of SDP (RFC 8839, section 5.1), as both GNS and WebRTC write it:
//! `candidate:<foundation> <component> udp <priority> <address> <port> typ <kind>`, and perhaps pairs of names and values
//! behind, which say nothing here.

use core::fmt;
use core::net::IpAddr;
use core::net::SocketAddr;

use serde::Deserialize;
use serde::Serialize;

use crate::address::PeerAddr;
use crate::counters::DropReason;
use crate::ice::dialect;
use crate::ids::LocalId;
use crate::limits::MAX_CANDIDATE_FOUNDATION;
use crate::limits::MAX_CANDIDATE_TEXT;

/// Where an address comes from.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
pub enum CandidateKind {
    /// It is one of the host itself.
    Host,
    /// A STUN server sees the host there.
    ServerReflexive,
    /// The peer saw the host there.
    PeerReflexive,
    /// A relay lends it.
    Relayed,
}

impl CandidateKind {
    /// All of them.
    pub const ALL: [Self; 4] = [
        Self::Host,
        Self::ServerReflexive,
        Self::PeerReflexive,
        Self::Relayed,
    ];

    /// As it is called in text.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Host => "host",
            Self::ServerReflexive => "srflx",
            Self::PeerReflexive => "prflx",
            Self::Relayed => "relay",
        }
    }

    fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }
}

impl fmt::Display for CandidateKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A way out of this host, and what the peer is told of it.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct LocalCandidate {
    /// What packets are sent from: a socket, or a relay's address.
    pub base: LocalId,
    /// Where the address comes from.
    pub kind: CandidateKind,
    /// What the peer is told.
    pub address: SocketAddr,
    /// The address of the base: that of the socket, or again that of the relay.
    pub base_address: SocketAddr,
    /// Which of several interfaces is preferred: the larger, the better.
    pub preference: u16,
    /// The port of the server that told the address; 0 for a host's own.
    pub server_port: u16,
}

impl LocalCandidate {
    /// How it compares with others, of this host and of the peer.
    pub const fn priority(&self) -> u32 {
        dialect::priority(self.kind, self.preference)
    }

    /// What the peer is told. Unless it may know of the base, not even its sum of bytes is in it.
    pub fn announcement(&self, may_show_base: bool) -> Candidate {
        let base = if may_show_base {
            self.base_address
        } else {
            self.address
        };
        Candidate {
            foundation: dialect::foundation(self.kind, base, self.server_port),
            component: dialect::WRITTEN_COMPONENT,
            priority: self.priority(),
            address: self.address,
            kind: self.kind,
        }
    }
}

/// A [`LocalCandidate`] as it is kept, which may be for hours: smaller.
#[derive(Clone, Copy, Debug)]
pub(super) struct Local {
    pub(super) base: LocalId,
    pub(super) kind: CandidateKind,
    pub(super) address: PeerAddr,
    pub(super) base_address: PeerAddr,
    pub(super) preference: u16,
    server_port: u16,
}

impl From<LocalCandidate> for Local {
    fn from(candidate: LocalCandidate) -> Self {
        Self {
            base: candidate.base,
            kind: candidate.kind,
            address: candidate.address.into(),
            base_address: candidate.base_address.into(),
            preference: candidate.preference,
            server_port: candidate.server_port,
        }
    }
}

impl From<Local> for LocalCandidate {
    fn from(local: Local) -> Self {
        Self {
            base: local.base,
            kind: local.kind,
            address: local.address.into(),
            base_address: local.base_address.into(),
            preference: local.preference,
            server_port: local.server_port,
        }
    }
}

/// A candidate as it is told.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Candidate {
    /// Equal for candidates that are likely to work or fail together. A foundation that is no number counts as 0.
    pub foundation: u32,
    /// Which of several streams: 0 by GNS, 1 by others.
    pub component: u16,
    /// How it compares with others.
    pub priority: u32,
    /// The address.
    pub address: SocketAddr,
    /// Where the address comes from.
    pub kind: CandidateKind,
}

impl Candidate {
    /// Reads what a peer told.
    ///
    /// # Errors
    /// [`DropReason::MdnsCandidate`] where the address is a name in `.local`, which hides the address from all
    /// but the own network, and [`DropReason::BadCandidate`] for whatever else is not a candidate over UDP.
    pub fn parse(text: &str) -> Result<Self, DropReason> {
        if text.len() > MAX_CANDIDATE_TEXT {
            return Err(DropReason::BadCandidate);
        }
        Self::read(text).ok_or(DropReason::BadCandidate)?
    }

    fn read(text: &str) -> Option<Result<Self, DropReason>> {
        let text = text.strip_prefix("candidate:")?;
        let mut words = text.split(' ').filter(|word| !word.is_empty());
        let foundation = words.next()?;
        let is_foundation = !text.starts_with(' ') && foundation.len() <= MAX_CANDIDATE_FOUNDATION;
        let component = number(words.next()?)?;
        let transport = words.next()?;
        let is_udp = transport.eq_ignore_ascii_case("udp");
        let priority = number(words.next()?)?;
        let address = words.next()?;
        let port = number(words.next()?)?;
        let is_typ = words.next()? == "typ";
        let kind = CandidateKind::from_name(words.next()?)?;
        let has_pairs = words.count().is_multiple_of(2);
        if !(is_foundation && is_udp && is_typ && has_pairs) {
            return None;
        }
        let Ok(ip) = address.parse::<IpAddr>() else {
            return is_mdns(address).then_some(Err(DropReason::MdnsCandidate));
        };
        Some(Ok(Self {
            foundation: number(foundation).unwrap_or(0),
            component,
            priority,
            address: SocketAddr::new(ip.to_canonical(), port),
            kind,
        }))
    }
}

impl fmt::Display for Candidate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            foundation,
            component,
            priority,
            address,
            kind,
        } = self;
        let (ip, port) = (address.ip(), address.port());
        write!(
            f,
            "candidate:{foundation} {component} udp {priority} {ip} {port} typ {kind}"
        )
    }
}

/// Decimal digits alone.
fn number<T: core::str::FromStr>(word: &str) -> Option<T> {
    let is_number = word.bytes().all(|letter| letter.is_ascii_digit());
    is_number.then(|| word.parse().ok()).flatten()
}

/// A name of multicast DNS, which browsers tell in place of addresses.
fn is_mdns(name: &str) -> bool {
    let Some((host, domain)) = name.rsplit_once('.') else {
        return false;
    };
    let is_letter = |letter: u8| letter.is_ascii_alphanumeric() || matches!(letter, b'-' | b'.');
    domain.eq_ignore_ascii_case("local") && !host.is_empty() && host.bytes().all(is_letter)
}

/// Whether checks may be sent to an address that a peer told. Otherwise it could aim ours at those who never
/// asked for them.
pub(crate) const fn is_target(address: SocketAddr) -> bool {
    let is_host = match address.ip() {
        IpAddr::V4(ip) => {
            let [first, ..] = ip.octets();
            first != 0 && !ip.is_multicast() && !ip.is_broadcast() && !ip.is_link_local()
        }
        IpAddr::V6(ip) => !ip.is_unspecified() && !ip.is_multicast() && !ip.is_unicast_link_local(),
    };
    is_host && address.port() != 0
}

#[cfg(test)]
mod tests {
    use std::string::ToString;

    use proptest::prelude::*;

    use super::*;

    fn parse(text: &str) -> Result<Candidate, DropReason> {
        Candidate::parse(text)
    }

    #[test]
    fn what_gns_and_browsers_write_is_read() {
        let gns = "candidate:33915281 0 udp 2130706431 192.168.1.7 50123 typ host";
        let candidate = parse(gns).unwrap();
        assert_eq!(candidate.address, "192.168.1.7:50123".parse().unwrap());
        assert_eq!(candidate.kind, CandidateKind::Host);
        assert_eq!(candidate.priority, 2_130_706_431);
        assert_eq!(candidate.to_string(), gns);
        let browser = "candidate:842163049 1 UDP 1677729535 2001:db8::7 46154 typ srflx raddr 10.0.0.7 rport 46154 \
                       generation 0 ufrag EEtu network-id 3 network-cost 10";
        let candidate = parse(browser).unwrap();
        assert_eq!(candidate.address, "[2001:db8::7]:46154".parse().unwrap());
        assert_eq!(
            (candidate.kind, candidate.component),
            (CandidateKind::ServerReflexive, 1)
        );
        let mapped = parse("candidate:x/+ 1 udp 1 ::ffff:10.0.0.1 5 typ relay").unwrap();
        assert_eq!(mapped.address, "10.0.0.1:5".parse().unwrap());
        assert_eq!(mapped.foundation, 0);
    }

    #[test]
    fn what_is_no_candidate_is_refused() {
        let good = "candidate:1 0 udp 1 10.0.0.1 5 typ host";
        assert!(parse(good).is_ok());
        let bad = [
            "",
            "candidate:",
            "a=candidate:1 0 udp 1 10.0.0.1 5 typ host",
            "candidate: 1 0 udp 1 10.0.0.1 5 typ host",
            "candidate:1 0 tcp 1 10.0.0.1 5 typ host",
            "candidate:1 0 udp 1 10.0.0.1 5 typ",
            "candidate:1 0 udp 1 10.0.0.1 5 typ hosts",
            "candidate:1 0 udp 1 10.0.0.1 5 type host",
            "candidate:1 0 udp 1 10.0.0.1 65536 typ host",
            "candidate:1 0 udp 4294967296 10.0.0.1 5 typ host",
            "candidate:1 0 udp -1 10.0.0.1 5 typ host",
            "candidate:1 0 udp +1 10.0.0.1 5 typ host",
            "candidate:1 65536 udp 1 10.0.0.1 5 typ host",
            "candidate:1 0 udp 1 10.0.0 5 typ host",
            "candidate:1 0 udp 1 [::1] 5 typ host",
            "candidate:1 0 udp 1 example.com 5 typ host",
            "candidate:1 0 udp 1 .local 5 typ host",
            "candidate:1 0 udp 1 10.0.0.1 5 typ host raddr",
            "candidate:1\t0 udp 1 10.0.0.1 5 typ host",
            "candidate:123456789012345678901234567890123 0 udp 1 10.0.0.1 5 typ host",
        ];
        for text in bad {
            assert_eq!(parse(text), Err(DropReason::BadCandidate), "{text}");
        }
    }

    #[test]
    fn a_name_of_multicast_dns_is_refused_as_such() {
        let text = "candidate:1 1 udp 1 4f0ba1a8-90ed-4e3a.local 5 typ host generation 0";
        assert_eq!(parse(text), Err(DropReason::MdnsCandidate));
    }

    #[test]
    fn limit_candidate_text() {
        let text = "candidate:1 0 udp 1 10.0.0.1 5 typ host";
        let mut long = text.to_string();
        while long.len() + 4 <= MAX_CANDIDATE_TEXT {
            long.push_str(" a b");
        }
        assert!(parse(&long).is_ok());
        long.push_str(" a b");
        assert_eq!(parse(&long), Err(DropReason::BadCandidate));
    }

    #[test]
    fn checks_are_not_aimed_at_everybody() {
        let is_target = |text: &str| is_target(text.parse().unwrap());
        for good in ["10.0.0.1:5", "203.0.113.1:65535", "[2001:db8::1]:1"] {
            assert!(is_target(good), "{good}");
        }
        let bad = [
            "10.0.0.1:0",
            "0.0.0.0:5",
            "0.1.2.3:5",
            "224.0.0.251:5353",
            "255.255.255.255:9",
            "169.254.1.1:5",
            "[::]:5",
            "[ff02::fb]:5353",
            "[fe80::1]:5",
        ];
        for bad in bad {
            assert!(!is_target(bad), "{bad}");
        }
    }

    #[test]
    fn what_hides_the_base_does_not_depend_on_it() {
        let candidate = |base: &str| LocalCandidate {
            base: LocalId::new(1),
            kind: CandidateKind::ServerReflexive,
            address: "203.0.113.1:7".parse().unwrap(),
            base_address: base.parse().unwrap(),
            preference: 1,
            server_port: 3478,
        };
        let (one, other) = (candidate("10.0.0.1:5"), candidate("10.0.0.2:5"));
        assert_ne!(one.announcement(true), other.announcement(true));
        assert_eq!(one.announcement(false), other.announcement(false));
    }

    proptest! {
        #[test]
        fn a_candidate_makes_the_round_trip(
            foundation in any::<u32>(), component in any::<u16>(), priority in any::<u32>(),
            ip in any::<IpAddr>(), port in any::<u16>(), kind in 0..4_usize,
        ) {
            let address = SocketAddr::new(ip.to_canonical(), port);
            let kind = CandidateKind::ALL[kind];
            let candidate = Candidate { foundation, component, priority, address, kind };
            prop_assert_eq!(Candidate::parse(&candidate.to_string()), Ok(candidate));
        }

        #[test]
        fn no_text_panics(text in ".{0,80}") {
            let _ = Candidate::parse(&text);
            let _ = Candidate::parse(&std::format!("candidate:{text}"));
        }
    }
}
