//! The TURN client against coturn, the server that most people run: real sockets, and real refusals.

use std::io::ErrorKind;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, UdpSocket};
use std::time::{Duration, Instant};

use bowline_core::rng::Rng;
use bowline_core::stun::{AddressFamily, Class, IntegrityKey, Message};
use bowline_core::time::Timestamp;
use bowline_core::turn::{
    TurnClient, TurnConfig, TurnFailure, TurnInput, TurnSendError, TurnState,
};
use bowline_interop::coturn::Coturn;

const LOCALHOST: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);
/// Longer than any failure that is waited for takes.
const PATIENCE: Duration = Duration::from_secs(20);
/// Why calls for a socket succeed.
const NO_FAULT: &str = "loopback works";

#[test]
fn coturn_tells_how_it_sees_us() {
    let server = Coturn::start(LOCALHOST, &[]);
    let socket = bound();
    let answer = server.binding(&socket).expect("it answered before");
    let message = Message::parse(&answer).unwrap();
    assert_eq!(message.class(), Class::Success);
    assert_eq!(message.mapped_address(), Some(socket.local_addr().unwrap()));
}

#[test]
fn data_passes_between_two_clients() {
    let server = Coturn::start(LOCALHOST, &[]);
    let mut a = Client::allocated(&server);
    let mut b = Client::allocated(&server);
    let (at_a, at_b) = (a.relayed(), b.relayed());
    // What one sends before the other has permitted it is lost.
    a.permit(at_b);
    b.permit(at_a);
    a.wait_for_channel(at_b);
    b.wait_for_channel(at_a);
    for size in [0, 1, 2, 3, 4, 1200] {
        let data = vec![size as u8; size];
        a.send(at_b, &data);
        b.wait_for(&(at_a, data.clone()));
        b.send(at_a, &data);
        a.wait_for(&(at_b, data));
    }
}

#[test]
fn data_passes_without_a_channel_on_either_side() {
    let server = Coturn::start(LOCALHOST, &[]);
    let mut client = Client::allocated(&server);
    let peer = bound();
    let address = peer.local_addr().unwrap();
    // Permissions are for IP addresses: this gives one for the peer, but no channel.
    let neighbour = SocketAddr::new(address.ip(), 9);
    client.permit(neighbour);
    client.wait_for_channel(neighbour);
    let now = client.now();
    client.turn.permit(now, address).unwrap();
    // The request for the channel has not left yet.
    client.send_only(address, b"as an indication");
    peer.set_read_timeout(Some(PATIENCE)).unwrap();
    let mut buffer = [0; 2000];
    let (len, from) = peer.recv_from(&mut buffer).unwrap();
    assert_eq!(
        (&buffer[..len], from),
        (&b"as an indication"[..], client.relayed())
    );
    peer.send_to(b"so is the answer", from).unwrap();
    client.wait_for(&(address, b"so is the answer".to_vec()));
}

#[test]
fn strangers_do_not_get_through() {
    let server = Coturn::start(LOCALHOST, &[]);
    let mut client = Client::allocated(&server);
    let stranger = UdpSocket::bind((Ipv4Addr::new(127, 0, 0, 2), 0)).unwrap();
    let friend = bound();
    let relayed = client.relayed();
    client.permit(friend.local_addr().unwrap());
    client.wait_for_channel(friend.local_addr().unwrap());
    stranger.send_to(b"let me in", relayed).unwrap();
    friend.send_to(b"hello", relayed).unwrap();
    client.wait_for(&(friend.local_addr().unwrap(), b"hello".to_vec()));
    assert!(client.received.is_empty());
}

#[test]
fn a_wrong_password_is_said() {
    let server = Coturn::start(LOCALHOST, &[]);
    let mut client = Client::start(&server, "anna", "guess", AddressFamily::Ipv4);
    assert_eq!(client.failure(), TurnFailure::WrongCredentials);
    let mut client = Client::start(&server, "nobody", "secret", AddressFamily::Ipv4);
    assert_eq!(client.failure(), TurnFailure::WrongCredentials);
    let mut client = Client::start(&server, "", "", AddressFamily::Ipv4);
    assert_eq!(client.failure(), TurnFailure::NoCredentials);
}

#[test]
fn a_nonce_that_goes_stale_costs_nothing() {
    let server = Coturn::start(LOCALHOST, &["--stale-nonce=1"]);
    let mut client = Client::allocated(&server);
    let relayed = client.relayed();
    for port in 1..5 {
        let peer = SocketAddr::new(LOCALHOST, port);
        client.permit(peer);
        client.wait_for_channel(peer);
        client.run_for(Duration::from_millis(1_500));
    }
    assert_eq!(client.relayed(), relayed);
    client.close();
}

#[test]
fn close_frees_the_port() {
    let server = Coturn::start(LOCALHOST, &["--user-quota=1"]);
    let mut client = Client::allocated(&server);
    let mut other = Client::start(&server, "anna", "secret", AddressFamily::Ipv4);
    assert_eq!(other.failure(), TurnFailure::Quota);
    client.close();
    let now = client.now();
    client.turn.start(now);
    client.wait_until(|turn| matches!(turn.state(), TurnState::Allocated { .. }));
}

#[test]
fn an_earlier_allocation_of_the_port_is_cleared() {
    let server = Coturn::start(LOCALHOST, &[]);
    let client = Client::allocated(&server);
    // The program is gone without a word, and the next one has the same port.
    let mut next = Client::over(
        client.socket,
        &server,
        "anna",
        "secret",
        AddressFamily::Ipv4,
    );
    next.wait_until(|turn| matches!(turn.state(), TurnState::Allocated { .. }));
}

#[test]
fn a_peer_that_the_server_denies_is_refused() {
    let server = Coturn::start(LOCALHOST, &["--denied-peer-ip=127.0.0.9"]);
    let mut client = Client::allocated(&server);
    let denied = SocketAddr::from(([127, 0, 0, 9], 9));
    client.permit(denied);
    let refused = Err(TurnSendError::PeerRefused(403));
    client.wait_until(|turn| turn.wrap(denied, b"x", &mut Vec::new()) == refused);
    let allowed = SocketAddr::new(LOCALHOST, 9);
    client.permit(allowed);
    client.wait_for_channel(allowed);
}

#[test]
fn a_server_without_ipv6_says_so() {
    let server = Coturn::start(LOCALHOST, &[]);
    let mut client = Client::start(&server, "anna", "secret", AddressFamily::Ipv6);
    assert_eq!(client.failure(), TurnFailure::Family);
}

#[test]
fn a_redirection_is_followed() {
    let second = Coturn::start(LOCALHOST, &[]);
    let alternate = format!("--alternate-server={}", second.address);
    let first = Coturn::start(LOCALHOST, &[&alternate]);
    let mut client = Client::start(&first, "anna", "secret", AddressFamily::Ipv4);
    client.wait_until(|turn| matches!(turn.state(), TurnState::Allocated { .. }));
    assert_eq!(client.turn.server(), second.address);
}

#[test]
fn coturn_checks_what_we_sign_and_signs_what_it_says() {
    // A refresh of nothing: the answer proves that the server took credentials and fingerprint as they are.
    let server = Coturn::start(LOCALHOST, &[]);
    let socket = bound();
    let challenge = server.ask(&socket, |_| {}).expect("an answer");
    let challenge = Message::parse(&challenge).unwrap();
    assert_eq!(challenge.error_code().map(|error| error.code), Some(401));
    let (realm, nonce) = (challenge.realm().unwrap(), challenge.nonce().unwrap());
    let code = |password: &str| {
        let key = IntegrityKey::long_term("anna", realm, password);
        let answer = server.ask(&socket, |message| {
            message.username("anna").realm(realm).nonce(nonce);
            message.integrity(&key);
        });
        let answer = answer.expect("an answer");
        let message = Message::parse(&answer).unwrap();
        (
            message.error_code().map(|error| error.code),
            message.check_integrity(&key),
        )
    };
    assert_eq!(code("guess").0, Some(401));
    assert_eq!(code("secret"), (Some(437), true));
}

/// A client with a socket.
struct Client {
    turn: TurnClient,
    socket: UdpSocket,
    start: Instant,
    received: Vec<(SocketAddr, Vec<u8>)>,
}

impl Client {
    /// One that has an allocation.
    fn allocated(server: &Coturn) -> Self {
        let mut client = Self::start(server, "anna", "secret", AddressFamily::Ipv4);
        client.wait_until(|turn| !matches!(turn.state(), TurnState::Allocating));
        client.relayed();
        client
    }

    fn start(server: &Coturn, user: &str, password: &str, family: AddressFamily) -> Self {
        let socket = bound();
        Self::over(socket, server, user, password, family)
    }

    fn over(
        socket: UdpSocket,
        server: &Coturn,
        user: &str,
        password: &str,
        family: AddressFamily,
    ) -> Self {
        let config = TurnConfig {
            server: server.address,
            user: user.into(),
            password: String::from(password).into(),
            family,
        };
        let mut client = Self {
            turn: TurnClient::new(config, rng()),
            socket,
            start: Instant::now(),
            received: Vec::new(),
        };
        let now = client.now();
        client.turn.start(now);
        client
    }

    fn now(&self) -> Timestamp {
        Timestamp::ZERO + self.start.elapsed().into()
    }

    fn relayed(&self) -> SocketAddr {
        match self.turn.state() {
            TurnState::Allocated { relayed, mapped } => {
                assert_eq!(mapped, self.socket.local_addr().expect(NO_FAULT));
                relayed
            }
            state => panic!("{state:?}"),
        }
    }

    fn failure(&mut self) -> TurnFailure {
        self.wait_until(|turn| !matches!(turn.state(), TurnState::Allocating));
        match self.turn.state() {
            TurnState::Failed(failure) => failure,
            state => panic!("{state:?}"),
        }
    }

    fn permit(&mut self, peer: SocketAddr) {
        let now = self.now();
        let permitted = self.turn.permit(now, peer);
        permitted.expect("the peer is of the right family");
    }

    fn wait_for_channel(&mut self, peer: SocketAddr) {
        self.wait_until(|turn| turn.has_channel(peer));
    }

    fn send(&mut self, peer: SocketAddr, data: &[u8]) {
        self.send_only(peer, data);
        self.transmit();
    }

    /// Without what else there may be to send.
    fn send_only(&mut self, peer: SocketAddr, data: &[u8]) {
        let mut bytes = Vec::new();
        let wrapped = self.turn.wrap(peer, data, &mut bytes);
        wrapped.expect("the peer is permitted");
        let sent = self.socket.send_to(&bytes, self.turn.server());
        sent.expect(NO_FAULT);
    }

    /// Waits for data, and takes it.
    fn wait_for(&mut self, expected: &(SocketAddr, Vec<u8>)) {
        let end = Instant::now() + PATIENCE;
        loop {
            if let Some(index) = self.received.iter().position(|got| got == expected) {
                self.received.remove(index);
                return;
            }
            assert!(Instant::now() < end, "{expected:?} did not come");
            self.step();
        }
    }

    fn wait_until(&mut self, mut is_so: impl FnMut(&mut TurnClient) -> bool) {
        let end = Instant::now() + PATIENCE;
        while !is_so(&mut self.turn) {
            assert!(Instant::now() < end, "{:?}", self.turn.state());
            self.step();
        }
    }

    fn run_for(&mut self, time: Duration) {
        let end = Instant::now() + time;
        while Instant::now() < end {
            self.step();
        }
    }

    fn close(&mut self) {
        let now = self.now();
        self.turn.close(now);
        let end = Instant::now() + Duration::from_secs(3);
        self.wait_until(|turn| turn.state() == TurnState::Idle);
        assert!(Instant::now() < end, "the server did not answer");
    }

    /// Sends what there is, and waits for a moment for what comes.
    fn step(&mut self) {
        self.transmit();
        let moment = Duration::from_millis(20);
        let set = self.socket.set_read_timeout(Some(moment));
        set.expect(NO_FAULT);
        let mut buffer = [0; 2000];
        match self.socket.recv_from(&mut buffer) {
            Ok((len, from)) if from == self.turn.server() => {
                let now = self.now();
                let datagram = &buffer[..len];
                if let Ok(TurnInput::Data { peer, payload }) =
                    self.turn.handle_datagram(now, datagram)
                {
                    self.received.push((peer, datagram[payload].to_vec()));
                }
            }
            Ok(_) => {}
            Err(error) => assert!(
                matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut),
                "{error}"
            ),
        }
        let now = self.now();
        if self.turn.poll_timeout().is_some_and(|at| at <= now) {
            self.turn.handle_timeout(now);
        }
        self.transmit();
    }

    fn transmit(&mut self) {
        loop {
            let mut bytes = Vec::new();
            let Some(to) = self.turn.poll_transmit(&mut bytes) else {
                return;
            };
            self.socket.send_to(&bytes, to).expect(NO_FAULT);
        }
    }
}

fn rng() -> Rng {
    let mut seed = [0; 32];
    getrandom::fill(&mut seed).expect("the system has randomness");
    Rng::from_seed(seed)
}

fn bound() -> UdpSocket {
    UdpSocket::bind((LOCALHOST, 0)).expect(NO_FAULT)
}
