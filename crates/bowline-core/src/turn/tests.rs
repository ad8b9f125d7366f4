//! The bounds of the client, held against a server that answers as each test wants. Whole conversations are in the
//! simulator's tests, with a server that follows the RFC.

use std::net::Ipv4Addr;
use std::string::ToString;
use std::vec;
use std::vec::Vec;

use super::*;
use crate::counters::DropReason;
use crate::limits::MAX_TURN_HELD;
use crate::limits::MAX_TURN_LIFETIME;
use crate::limits::MAX_TURN_LOSSES;
use crate::limits::MAX_TURN_NONCE;
use crate::limits::MAX_TURN_NONCES;
use crate::limits::MAX_TURN_REALM;
use crate::limits::MAX_TURN_REQUESTS;
use crate::limits::MIN_TURN_REFRESH;
use crate::rng::Rng;
use crate::stun::Builder;
use crate::stun::Class;
use crate::stun::IntegrityKey;
use crate::stun::Message;
use crate::stun::Method;
use crate::time::Span;
use crate::time::Timestamp;

const SERVER: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1)), 3478);
const REALM: &[u8] = b"example.org";

/// A client, its clock, and a hand that answers.
struct Desk {
    client: TurnClient,
    now: Timestamp,
}

impl Desk {
    fn new() -> Self {
        Self::with_user("anna")
    }

    fn with_user(user: &str) -> Self {
        let config = TurnConfig {
            server: SERVER,
            user: user.into(),
            password: Zeroizing::new("secret".into()),
            family: AddressFamily::Ipv4,
        };
        let mut client = TurnClient::new(config, Rng::from_seed([5; 32]));
        let now = Timestamp::ZERO + Span::from_secs(1);
        client.start(now);
        Self { client, now }
    }

    /// One that has an allocation, of that life.
    fn allocated(seconds: u32) -> Self {
        let mut desk = Self::new();
        desk.allocate(seconds);
        desk
    }

    fn allocate(&mut self, seconds: u32) {
        for request in self.sent() {
            self.challenge(&request, 401, REALM, b"n").unwrap();
        }
        for request in self.sent() {
            self.grant(&request, seconds).unwrap();
        }
        assert!(matches!(self.client.state(), TurnState::Allocated { .. }));
    }

    /// What the client sends now.
    fn sent(&mut self) -> Vec<Vec<u8>> {
        let mut all = Vec::new();
        loop {
            let mut out = Vec::new();
            match self.client.poll_transmit(&mut out) {
                Some(to) => assert_eq!(to, SERVER),
                None => return all,
            }
            all.push(out);
        }
    }

    /// Goes to the next deadline.
    fn wait(&mut self) {
        self.now = self.client.poll_timeout().expect("something is to come");
        self.client.handle_timeout(self.now);
    }

    fn reply(
        &mut self,
        request: &[u8],
        class: Class,
        add: impl FnOnce(&mut Builder<'_>),
        is_signed: bool,
    ) -> Result<TurnInput, DropReason> {
        let request = Message::parse(request).unwrap();
        let mut out = Vec::new();
        let mut answer = Builder::new(&mut out, class, request.method(), request.transaction_id());
        add(&mut answer);
        if is_signed {
            answer.integrity(&IntegrityKey::long_term("anna", REALM, "secret"));
        }
        self.client.handle_datagram(self.now, &out)
    }

    fn challenge(
        &mut self,
        request: &[u8],
        code: u16,
        realm: &[u8],
        nonce: &[u8],
    ) -> Result<TurnInput, DropReason> {
        let add = |answer: &mut Builder<'_>| {
            answer.error_code(code, "").realm(realm).nonce(nonce);
        };
        self.reply(request, Class::Error, add, false)
    }

    fn error(&mut self, request: &[u8], code: u16) -> Result<TurnInput, DropReason> {
        let add = |answer: &mut Builder<'_>| {
            answer.error_code(code, "");
        };
        self.reply(request, Class::Error, add, true)
    }

    /// The answer that a good server gives.
    fn grant(&mut self, request: &[u8], seconds: u32) -> Result<TurnInput, DropReason> {
        let method = Message::parse(request).unwrap().method();
        let add = |answer: &mut Builder<'_>| {
            if method == Method::Allocate {
                answer.xor_relayed_address("192.0.2.1:50000".parse().unwrap());
                answer.xor_mapped_address("198.51.100.7:4000".parse().unwrap());
            }
            if matches!(method, Method::Allocate | Method::Refresh) {
                answer.lifetime(seconds);
            }
        };
        self.reply(request, Class::Success, add, true)
    }
}

fn peer(number: u16) -> SocketAddr {
    let [high, low] = number.to_be_bytes();
    SocketAddr::from(([203, 0, high, low], 27015))
}

#[test]
fn limit_turn_realms_have_a_longest() {
    let mut desk = Desk::new();
    let request = desk.sent().remove(0);
    let too_long = desk.challenge(&request, 401, &[b'r'; MAX_TURN_REALM + 1], b"n");
    assert_eq!(too_long, Err(DropReason::BadStun));
    let longest = desk.challenge(&request, 401, &[b'r'; MAX_TURN_REALM], b"n");
    assert_eq!(longest, Ok(TurnInput::Handled));
    assert_eq!(desk.sent().len(), 1);
}

#[test]
fn limit_turn_nonces_have_a_longest() {
    let mut desk = Desk::new();
    let request = desk.sent().remove(0);
    let too_long = desk.challenge(&request, 401, REALM, &[b'n'; MAX_TURN_NONCE + 1]);
    assert_eq!(too_long, Err(DropReason::BadStun));
    let longest = desk.challenge(&request, 401, REALM, &[b'n'; MAX_TURN_NONCE]);
    assert_eq!(longest, Ok(TurnInput::Handled));
    let request = desk.sent().remove(0);
    let nonce = Message::parse(&request).unwrap().nonce();
    assert_eq!(nonce.map(<[u8]>::len), Some(MAX_TURN_NONCE));
}

#[test]
fn limit_turn_nonces_are_taken_so_often() {
    let mut desk = Desk::new();
    let mut count: u8 = 0;
    let request = desk.sent().remove(0);
    desk.challenge(&request, 401, REALM, b"n").unwrap();
    while let Some(request) = desk.sent().pop() {
        count += 1;
        desk.challenge(&request, 438, REALM, &[count]).unwrap();
    }
    assert_eq!(count, MAX_TURN_NONCES + 1);
    assert_eq!(
        desk.client.state(),
        TurnState::Failed(TurnFailure::NonceLoop)
    );
    assert_eq!(desk.client.poll_timeout(), None);
}

#[test]
fn limit_turn_requests_are_so_many_at_a_time() {
    let mut desk = Desk::allocated(600);
    for number in 0..50 {
        desk.client.permit(desk.now, peer(number)).unwrap();
    }
    let mut total = 0;
    loop {
        let requests = desk.sent();
        assert!(requests.len() <= MAX_TURN_REQUESTS);
        if requests.is_empty() {
            break;
        }
        total += requests.len();
        for request in requests {
            desk.grant(&request, 0).unwrap();
        }
    }
    // A permission and a channel for each.
    assert_eq!(total, 100);
}

#[test]
fn limit_turn_peers_are_so_many() {
    let mut desk = Desk::allocated(600);
    for number in 0..MAX_TURN_PEERS as u16 {
        assert_eq!(desk.client.permit(desk.now, peer(number)), Ok(()));
    }
    let one_more = desk.client.permit(desk.now, peer(9999));
    assert_eq!(one_more, Err(TurnSendError::TooManyPeers));
    // A known address with another port has a permission already, but there is no channel left.
    let other = SocketAddr::new(peer(0).ip(), 1);
    assert_eq!(desk.client.permit(desk.now, other), Ok(()));
    assert_eq!(desk.client.peers.counts(), (MAX_TURN_PEERS, MAX_TURN_PEERS));
}

#[test]
fn limit_turn_losses_are_so_many() {
    let mut desk = Desk::allocated(600);
    for _ in 1..MAX_TURN_LOSSES {
        desk.client.permit(desk.now, peer(1)).unwrap();
        let request = desk.sent().remove(0);
        desk.error(&request, 437).unwrap();
        assert_eq!(desk.client.state(), TurnState::Allocating);
        for request in desk.sent() {
            desk.grant(&request, 600).unwrap();
        }
    }
    let request = desk.sent().remove(0);
    desk.error(&request, 437).unwrap();
    assert_eq!(
        desk.client.state(),
        TurnState::Failed(TurnFailure::Forgotten)
    );
    assert!(desk.sent().is_empty());
}

#[test]
fn limit_turn_lifetimes_have_a_longest() {
    let mut desk = Desk::allocated(u32::MAX);
    let start = desk.now;
    desk.wait();
    assert_eq!(desk.now, start + MAX_TURN_LIFETIME / 2);
}

#[test]
fn limit_turn_refreshes_keep_a_distance() {
    let mut desk = Desk::allocated(12);
    for _ in 0..5 {
        let before = desk.now;
        desk.wait();
        assert_eq!(desk.now, before + MIN_TURN_REFRESH);
        let request = desk.sent().remove(0);
        desk.grant(&request, 12).unwrap();
    }
}

#[test]
fn an_allocation_that_dies_at_once_is_not_asked_for_again_and_again() {
    let mut desk = Desk::allocated(1);
    let mut allocations = 1;
    while !matches!(desk.client.state(), TurnState::Failed(_)) {
        desk.wait();
        for request in desk.sent() {
            allocations += 1;
            desk.grant(&request, 1).unwrap();
        }
    }
    assert_eq!(
        desk.client.state(),
        TurnState::Failed(TurnFailure::Forgotten)
    );
    assert_eq!(allocations, MAX_TURN_LOSSES);
}

#[test]
fn a_user_name_that_fits_nowhere_is_said() {
    let desk = Desk::with_user(&"u".repeat(MAX_STUN_USERNAME + 1));
    let TurnState::Failed(failure) = desk.client.state() else {
        panic!("{:?}", desk.client.state());
    };
    assert_eq!(
        failure.to_string(),
        "the user name for the TURN server is longer than 508 bytes"
    );
}

#[test]
fn passwords_are_not_shown() {
    let desk = Desk::allocated(600);
    let shown = std::format!("{:?}", desk.client);
    assert!(
        shown.contains("anna") && !shown.contains("secret"),
        "{shown}"
    );
}

#[test]
fn answers_without_integrity_do_not_count() {
    let mut desk = Desk::new();
    let request = desk.sent().remove(0);
    desk.challenge(&request, 401, REALM, b"n").unwrap();
    let request = desk.sent().remove(0);
    for code in [300, 403, 437, 486, 508] {
        let add = |answer: &mut Builder<'_>| {
            answer.error_code(code, "");
        };
        let result = desk.reply(&request, Class::Error, add, false);
        assert_eq!(result, Err(DropReason::BadIntegrity));
    }
    assert_eq!(desk.client.state(), TurnState::Allocating);
    desk.grant(&request, 600).unwrap();
    assert!(matches!(desk.client.state(), TurnState::Allocated { .. }));
    // A second one to the same request is to nobody.
    assert_eq!(
        desk.grant(&request, 600),
        Err(DropReason::UnknownTransaction)
    );
}

#[test]
fn a_relayed_address_that_cannot_be_one_is_refused() {
    for relayed in ["0.0.0.0:1", "224.0.0.1:1", "192.0.2.1:0", "[2001:db8::1]:1"] {
        let mut desk = Desk::new();
        let request = desk.sent().remove(0);
        let add = |answer: &mut Builder<'_>| {
            answer.xor_relayed_address(relayed.parse().unwrap());
            answer.xor_mapped_address(peer(1)).lifetime(600);
        };
        let result = desk.reply(&request, Class::Success, add, false);
        assert_eq!(result, Err(DropReason::BadStun), "{relayed}");
        while desk.client.poll_timeout().is_some() {
            desk.wait();
        }
        assert_eq!(desk.client.state(), TurnState::Failed(TurnFailure::Garbage));
    }
}

#[test]
fn a_redirection_is_followed_once_and_not_just_anywhere() {
    let redirected = |to: &str| {
        let mut desk = Desk::new();
        let request = desk.sent().remove(0);
        let add = |answer: &mut Builder<'_>| {
            answer
                .error_code(300, "")
                .alternate_server(to.parse().unwrap());
        };
        desk.reply(&request, Class::Error, add, false).unwrap();
        (desk.client.state(), desk.client.server())
    };
    let elsewhere = "192.0.2.2:3478";
    let state = (TurnState::Allocating, elsewhere.parse().unwrap());
    assert_eq!(redirected(elsewhere), state);
    for bad in [
        "192.0.2.1:3478",
        "127.0.0.1:1",
        "224.0.0.1:1",
        "0.0.0.0:1",
        "[2001:db8::1]:1",
    ] {
        let state = (TurnState::Failed(TurnFailure::Redirected), SERVER);
        assert_eq!(redirected(bad), state, "{bad}");
    }
}

#[test]
fn requests_and_stray_data_are_refused() {
    let mut desk = Desk::new();
    let request = desk.sent().remove(0);
    let now = desk.now;
    let mut handle = |bytes: &[u8]| desk.client.handle_datagram(now, bytes);
    assert_eq!(handle(&request), Err(DropReason::WrongRole));
    assert_eq!(handle(b"\x40\0\0\x01x"), Err(DropReason::NotPermitted));
    assert_eq!(handle(&[0xFF; 30]), Err(DropReason::BadStun));
    let id = crate::stun::TransactionId::from_bytes([0; 12]);
    let mut data = Vec::new();
    Builder::new(&mut data, Class::Indication, Method::Data, id)
        .xor_peer_address(peer(1))
        .data(b"x");
    assert_eq!(handle(&data), Err(DropReason::WrongState));
    let mut desk = Desk::allocated(600);
    let now = desk.now;
    let stranger = desk.client.handle_datagram(now, &data);
    assert_eq!(stranger, Err(DropReason::NotPermitted));
    desk.client.permit(now, peer(1)).unwrap();
    let payload = data.len() - 4..data.len() - 3;
    let expected = TurnInput::Data {
        peer: peer(1),
        payload,
    };
    assert_eq!(desk.client.handle_datagram(now, &data), Ok(expected));
}

#[test]
fn what_cannot_be_sent_says_why() {
    let mut desk = Desk::new();
    let mut out = Vec::new();
    let result = desk.client.wrap(peer(1), b"x", &mut out);
    assert_eq!(result, Err(TurnSendError::NotAllocated));
    desk.allocate(600);
    let v6 = "[2001:db8::1]:1".parse().unwrap();
    let wrong = TurnSendError::WrongFamily;
    assert_eq!(desk.client.permit(desk.now, v6), Err(wrong));
    assert_eq!(desk.client.wrap(v6, b"x", &mut out), Err(wrong));
    desk.client.permit(desk.now, peer(1)).unwrap();
    let result = desk.client.wrap(peer(1), &vec![0; 9000], &mut out);
    assert_eq!(result, Err(TurnSendError::TooLong(9000)));
    assert!(out.is_empty());
    let request = desk.sent().remove(0);
    desk.error(&request, 403).unwrap();
    let refused = TurnSendError::PeerRefused(403);
    assert_eq!(desk.client.wrap(peer(1), b"x", &mut out), Err(refused));
    assert_eq!(desk.client.permit(desk.now, peer(1)), Err(refused));
}

#[test]
fn regression_what_is_sent_before_the_server_lets_the_peer_through_waits_for_that() {
    let mut desk = Desk::allocated(600);
    let mut out = Vec::new();
    for number in [1, 2] {
        let wrapped = desk.client.wrap(peer(number), b"check", &mut out);
        assert_eq!((wrapped, out.len()), (Ok(Wrapped::Held), 0));
    }
    assert_eq!(desk.client.poll_timeout(), Some(Timestamp::ZERO));
    desk.client.handle_timeout(desk.now);
    // Each a permission and a channel.
    let requests = desk.sent();
    assert_eq!(requests.len(), 4);
    desk.grant(&requests[0], 0).unwrap();
    let left = desk.sent();
    assert_eq!(left.len(), 1);
    let left = Message::parse(&left[0]).unwrap();
    assert_eq!(
        (left.class(), left.method()),
        (Class::Indication, Method::Send)
    );
    assert_eq!(left.peer_address(), Some(peer(1)));
    assert_eq!(desk.client.wrap(peer(1), b"x", &mut out), Ok(Wrapped::Now));
    // The other is refused, and what waits for it is not sent.
    desk.error(&requests[1], 403).unwrap();
    assert_eq!(desk.sent().len(), 0);
}

#[test]
fn limit_what_waits_to_be_let_through() {
    let mut desk = Desk::allocated(600);
    let mut out = Vec::new();
    for number in 0..2 * MAX_TURN_HELD {
        let payload = vec![number as u8];
        desk.client.wrap(peer(1), &payload, &mut out).unwrap();
    }
    desk.client.handle_timeout(desk.now);
    let requests = desk.sent();
    desk.grant(&requests[0], 0).unwrap();
    let left = desk.sent();
    assert_eq!(left.len(), MAX_TURN_HELD);
    let first = Message::parse(&left[0]).unwrap().data_range().unwrap();
    assert_eq!(left[0][first], [MAX_TURN_HELD as u8]);
}

#[test]
fn overhead_is_what_is_added() {
    let mut desk = Desk::allocated(600);
    desk.client.permit(desk.now, peer(1)).unwrap();
    let requests = desk.sent();
    desk.grant(&requests[0], 0).unwrap();
    for is_bound in [false, true] {
        if is_bound {
            desk.grant(&requests[1], 0).unwrap();
        }
        let most = (0..8).map(|len| {
            let mut out = Vec::new();
            desk.client.wrap(peer(1), &vec![7; len], &mut out).unwrap();
            out.len() - len
        });
        let most = most.max().unwrap();
        assert_eq!(most, desk.client.overhead(peer(1)));
        assert_eq!(most, if is_bound { 4 } else { 39 });
        desk.client
            .handle_timeout(desk.now + Span::from_millis(400));
    }
}
