//! A gatherer, and servers that answer as they are told.

mod accounts;
mod failures;
mod interfaces;
mod unsent;

use std::format;
use std::string::ToString;
use std::vec;

use super::*;
use crate::ice::CandidateKind;
use crate::limits::MAPPING_KEEPALIVE;
use crate::limits::MAX_RELAYS_PER_SOCKET;
use crate::stun::Builder;
use crate::stun::Class;
use crate::time::Span;

const START: Timestamp = Timestamp::from_micros(1_000_000);
const STUN: &str = "198.51.100.1:3478";
const OTHER_STUN: &str = "198.51.100.2:3478";
const TURN: &str = "198.51.100.3:3478";
const OTHER_TURN: &str = "198.51.100.4:3478";
const HOME: &str = "192.168.1.2:5000";
const MAPPED: &str = "203.0.113.5:40000";
const RELAYED: &str = "198.51.100.3:50000";

struct Lab {
    now: Timestamp,
    gatherer: Gatherer,
    /// Who answers, and what a STUN server says then.
    answering: Vec<SocketAddr>,
    mapped: SocketAddr,
    relayed: SocketAddr,
    sent: Vec<(SocketId, SocketAddr)>,
    news: Vec<(ConnectionId, LocalNews)>,
    /// To whom the system refuses to send.
    unsendable: Vec<SocketAddr>,
    /// The names of accounts that TURN servers serve, whose password is their name, too; `None` if they serve anybody.
    accounts: Option<Vec<&'static str>>,
}

fn at(text: &str) -> SocketAddr {
    text.parse().unwrap()
}

fn connection(number: u32) -> ConnectionId {
    ConnectionId::new(number << 16 | number)
}

fn interface(socket: u32, address: &str) -> Interface {
    Interface {
        socket: SocketId::new(socket),
        address: at(address),
    }
}

fn turn_server(address: &str) -> TurnServer {
    TurnServer {
        server: at(address),
        user: String::new(),
        password: String::new(),
    }
}

fn config(mask: i32) -> GatherConfig {
    GatherConfig {
        mask: CandidateTypes::from_enable(mask),
        stun: vec![at(STUN), at(OTHER_STUN)],
        turn: vec![turn_server(TURN), turn_server(OTHER_TURN)],
        failures: Vec::new(),
    }
}

impl Lab {
    fn new() -> Self {
        let mut gatherer = Gatherer::new(Rng::from_seed([3; 32]));
        gatherer.set_interfaces(START, &[interface(1, HOME)]);
        Self {
            now: START,
            gatherer,
            answering: [STUN, OTHER_STUN, TURN, OTHER_TURN].map(at).to_vec(),
            mapped: at(MAPPED),
            relayed: at(RELAYED),
            sent: Vec::new(),
            news: Vec::new(),
            unsendable: Vec::new(),
            accounts: None,
        }
    }

    fn want(&mut self, number: u32, config: GatherConfig) {
        self.gatherer.want(self.now, connection(number), config);
        self.drain();
    }

    /// Delivers everything without delay until there is nothing more.
    fn drain(&mut self) {
        loop {
            self.news
                .extend(core::iter::from_fn(|| self.gatherer.poll_event()));
            let mut bytes = Vec::new();
            let Some((socket, to)) = self.gatherer.poll_transmit(&mut bytes) else {
                break;
            };
            self.sent.push((socket, to));
            if self.unsendable.contains(&to) {
                self.gatherer.on_send_error(self.now, socket, to);
            } else if self.answering.contains(&to) && is_request(&bytes) {
                let answer = self.answer(&bytes);
                let input = self.gatherer.handle_datagram(self.now, socket, to, &answer);
                assert_eq!(input, Ok(GatherInput::Handled));
            }
        }
    }

    fn answer(&self, request: &[u8]) -> Vec<u8> {
        let request = Message::parse(request).unwrap();
        let (method, id) = (request.method(), request.transaction_id());
        assert_eq!(id.asker(), 0);
        if method != Method::Binding
            && let Some(refusal) = self.refuse(&request)
        {
            return refusal;
        }
        let mut bytes = Vec::new();
        let mut builder = Builder::new(&mut bytes, Class::Success, method, id);
        builder.xor_mapped_address(self.mapped);
        if method == Method::Allocate {
            builder.xor_relayed_address(self.relayed);
        }
        if method != Method::Binding {
            builder.lifetime(600);
        }
        if let Some(user) = request.username() {
            builder.integrity(&accounts::key_of(user));
        }
        bytes
    }

    fn run_for(&mut self, span: Span) {
        let end = self.now + span;
        self.drain();
        while let Some(next) = self.gatherer.poll_timeout().filter(|next| *next <= end) {
            assert!(
                next > self.now || next == Timestamp::ZERO,
                "spins at {next}"
            );
            self.now = self.now.max(next);
            self.gatherer.handle_timeout(self.now);
            self.drain();
        }
        self.now = end;
    }

    fn sent_to(&self, server: &str) -> usize {
        self.sent.iter().filter(|(_, to)| *to == at(server)).count()
    }

    /// What a connection was told, in short.
    fn told(&self, number: u32) -> Vec<String> {
        let news = self.news.iter().filter(|(id, _)| *id == connection(number));
        news.filter_map(|(_, news)| match news {
            LocalNews::Added(candidate) => {
                Some(format!("{} {}", candidate.kind, candidate.address))
            }
            LocalNews::Removed(local) => Some(format!("gone {}", local.get())),
            LocalNews::Done => Some("done".into()),
            LocalNews::Failed(_) => None,
        })
        .collect()
    }

    /// What it was told of servers.
    fn failures(&self, number: u32) -> Vec<String> {
        let news = self.news.iter().filter(|(id, _)| *id == connection(number));
        news.filter_map(|(_, news)| match news {
            LocalNews::Failed(failure) => Some(failure.to_string()),
            LocalNews::Added(_) | LocalNews::Removed(_) | LocalNews::Done => None,
        })
        .collect()
    }
}

#[test]
fn a_connection_is_told_what_its_mask_allows() {
    let (host, reflexive) = (format!("host {HOME}"), format!("srflx {MAPPED}"));
    let relay = format!("relay {RELAYED}");
    let done = "done".to_string();
    for (mask, expected) in [
        (0, vec![&done]),
        (1, vec![&relay, &done]),
        (2, vec![&host, &done]),
        (4, vec![&reflexive, &done]),
        (6, vec![&host, &reflexive, &done]),
    ] {
        let mut lab = Lab::new();
        lab.want(1, config(mask));
        let told = lab.told(1);
        assert_eq!(told.iter().collect::<Vec<_>>(), expected, "mask {mask}");
        let (asks_stun, asks_turn) = (mask & 4 != 0, mask & 1 != 0);
        assert_eq!(lab.sent_to(STUN) > 0, asks_stun, "mask {mask}");
        assert_eq!(lab.sent_to(TURN) > 0, asks_turn, "mask {mask}");
    }
    let mut lab = Lab::new();
    lab.want(1, config(7));
    let mut told = lab.told(1);
    told.sort();
    assert_eq!(told, [done, host, relay, reflexive]);
}

#[test]
fn what_is_known_is_given_to_the_next_at_once() {
    let mut lab = Lab::new();
    lab.want(1, config(7));
    let sent = lab.sent.len();
    lab.want(2, config(7));
    assert_eq!(lab.sent.len(), sent);
    assert_eq!(lab.told(2).len(), 4);
    assert_eq!(lab.told(2).last().map(String::as_str), Some("done"));
}

#[test]
fn servers_are_asked_only_while_somebody_wants_to_know() {
    let mut lab = Lab::new();
    lab.run_for(Span::from_secs(600));
    assert_eq!(lab.sent.len(), 0);
    lab.want(1, config(4));
    lab.run_for(Span::from_secs(600));
    let expected = 600 / (MAPPING_KEEPALIVE.as_millis() as usize / 1000) + 1;
    assert_eq!(lab.sent.len(), expected);
    lab.gatherer.release(lab.now, connection(1));
    lab.run_for(Span::from_secs(600));
    assert_eq!(lab.sent.len(), expected);
    assert_eq!(lab.gatherer.poll_timeout(), None);
    // What was known is old by now.
    lab.mapped = at("203.0.113.5:40009");
    lab.want(2, config(4));
    assert_eq!(lab.told(2), ["srflx 203.0.113.5:40009", "done"]);
}

#[test]
fn a_relay_is_given_back_when_nobody_needs_it() {
    let mut lab = Lab::new();
    lab.want(1, config(1));
    lab.want(2, config(1));
    assert_eq!(lab.told(2).len(), 2);
    lab.gatherer.release(lab.now, connection(1));
    lab.run_for(Span::from_secs(1));
    let before = lab.sent.len();
    lab.gatherer.release(lab.now, connection(2));
    lab.run_for(Span::from_secs(3600));
    assert_eq!(lab.sent.len(), before + 1);
    let local = lab.news.iter().find_map(|(_, news)| match news {
        LocalNews::Added(candidate) => Some(candidate.base),
        LocalNews::Removed(_) | LocalNews::Done | LocalNews::Failed(_) => None,
    });
    let peer = at("203.0.113.77:9");
    let local = local.unwrap();
    let mut out = Vec::new();
    assert_eq!(lab.gatherer.wrap(local, peer, b"x", &mut out), None);
}

#[test]
fn the_next_server_is_asked_when_one_is_silent() {
    let mut lab = Lab::new();
    lab.answering = vec![at(OTHER_STUN), at(OTHER_TURN)];
    lab.want(1, config(5));
    lab.run_for(Span::from_secs(5));
    assert_eq!(lab.told(1), Vec::<String>::new());
    lab.run_for(Span::from_secs(2));
    let mut told = lab.told(1);
    told.sort();
    assert_eq!(told.len(), 3, "{told:?}");
    assert_eq!((lab.sent_to(STUN), lab.sent_to(TURN)), (5, 5));
}

#[test]
fn it_is_done_when_all_servers_are_silent_and_asks_again_later() {
    let mut lab = Lab::new();
    lab.answering.clear();
    lab.want(1, config(6));
    assert_eq!(lab.told(1), [format!("host {HOME}")]);
    lab.run_for(Span::from_secs(11));
    assert_eq!(lab.told(1).last().map(String::as_str), Some("done"));
    lab.answering = vec![at(STUN)];
    lab.run_for(Span::from_secs(30));
    assert_eq!(lab.told(1).last(), Some(&format!("srflx {MAPPED}")));
}

#[test]
fn nothing_spins_when_no_server_answers() {
    let mut lab = Lab::new();
    lab.answering.clear();
    lab.want(1, config(7));
    lab.run_for(Span::from_secs(3600));
    let sent = lab.sent.len();
    assert!((40..=400).contains(&sent), "{sent} packets in an hour");
}

#[test]
fn without_a_nat_there_is_no_reflexive_candidate() {
    let mut lab = Lab::new();
    lab.mapped = at(HOME);
    lab.want(1, config(6));
    assert_eq!(lab.told(1), [format!("host {HOME}"), "done".into()]);
}

#[test]
fn another_mapping_replaces_the_one_before() {
    let mut lab = Lab::new();
    lab.want(1, config(6));
    lab.run_for(Span::from_secs(100));
    assert_eq!(lab.told(1).len(), 3);
    lab.mapped = at("203.0.113.5:40001");
    lab.run_for(Span::from_secs(16));
    assert_eq!(lab.told(1)[3..], ["srflx 203.0.113.5:40001"]);
}

fn is_request(bytes: &[u8]) -> bool {
    Message::parse(bytes).unwrap().class() == Class::Request
}

#[test]
fn data_through_a_relay_names_relay_and_peer() {
    let mut lab = Lab::new();
    lab.want(1, config(1));
    let candidate = lab.news.iter().find_map(|(_, news)| match news {
        LocalNews::Added(candidate) => Some(*candidate),
        LocalNews::Removed(_) | LocalNews::Done | LocalNews::Failed(_) => None,
    });
    let candidate = candidate.unwrap();
    assert_eq!(candidate.kind, CandidateKind::Relayed);
    assert_eq!(candidate.base_address, at(RELAYED), "nothing of the host");
    let local = candidate.base;
    let socket = SocketId::new(1);
    assert_eq!(lab.gatherer.socket_of(local), None);
    let peer = at("203.0.113.77:9");
    let mut out = Vec::new();
    let (now, before) = (lab.now, lab.sent_to(TURN));
    let held = lab.gatherer.wrap(local, peer, b"hello", &mut out);
    assert_eq!((held, out.len()), (None, 0));
    lab.run_for(Span::ZERO);
    // The permission, the channel, and what waited for it.
    assert_eq!(lab.sent_to(TURN) - before, 3);
    let sent = lab.gatherer.wrap(local, peer, b"hello", &mut out);
    assert_eq!(sent, Some((socket, at(TURN))));
    assert!(out.windows(5).any(|window| window == b"hello"));
    // The same bytes come back, as if the peer had sent them: by the channel, or as an indication.
    let input = lab.gatherer.handle_datagram(now, socket, at(TURN), &out);
    let Ok(GatherInput::Relayed {
        local: over,
        peer: from,
        payload,
    }) = input
    else {
        panic!("{input:?}");
    };
    assert_eq!((over, from), (local, peer));
    assert_eq!(&out[payload], b"hello");
    lab.gatherer.permit(now, LocalId::new(99), peer);
    lab.drain();
}

#[test]
fn what_is_not_for_the_gatherer_is_left_to_connections() {
    let mut lab = Lab::new();
    lab.want(1, config(4));
    let (now, socket) = (lab.now, SocketId::new(1));
    let mut handle =
        |from: &str, bytes: &[u8]| lab.gatherer.handle_datagram(now, socket, at(from), bytes);
    assert_eq!(
        handle("203.0.113.9:1", b"data of a connection"),
        Ok(GatherInput::NotMine)
    );
    let mut rng = Rng::from_seed([5; 32]);
    let mut bytes = Vec::new();
    let id = crate::stun::TransactionId::new(0x0001_0001, &mut rng);
    Builder::new(&mut bytes, Class::Success, Method::Binding, id);
    assert_eq!(handle(STUN, &bytes), Ok(GatherInput::NotMine));
    bytes.clear();
    let id = crate::stun::TransactionId::new(0, &mut rng);
    Builder::new(&mut bytes, Class::Success, Method::Binding, id).xor_mapped_address(at(MAPPED));
    let dropped = Err(DropReason::UnknownTransaction);
    assert_eq!(handle(STUN, &bytes), dropped);
    assert_eq!(handle("203.0.113.9:1", &bytes), dropped);
    bytes.clear();
    Builder::new(&mut bytes, Class::Request, Method::Binding, id).username("a:b");
    assert_eq!(handle("203.0.113.9:1", &bytes), Ok(GatherInput::NotMine));
}

#[test]
fn servers_of_another_family_or_on_loopback_are_not_asked() {
    let mut lab = Lab::new();
    let mut config = config(4);
    config.stun = vec![at("[2001:db8::1]:3478"), at("127.0.0.1:3478")];
    lab.want(1, config);
    assert_eq!(lab.sent.len(), 0);
    assert_eq!(lab.told(1), ["done"]);
}

#[test]
fn limit_relays_per_socket() {
    let mut lab = Lab::new();
    for index in 0..100 {
        let mut config = config(1);
        config.turn = vec![turn_server(&format!("198.51.100.{index}:3479"))];
        lab.want(index + 1, config);
    }
    assert_eq!(lab.sent.len(), MAX_RELAYS_PER_SOCKET);
}

#[test]
fn limit_servers_asked() {
    let mut lab = Lab::new();
    let mut config = config(4);
    config.stun = (1..=1000)
        .map(|port| SocketAddr::new([198, 51, 100, 9].into(), port))
        .collect();
    lab.want(1, config);
    lab.run_for(Span::from_secs(6 * MAX_SERVERS as u64));
    let mut asked: Vec<SocketAddr> = lab.sent.iter().map(|(_, to)| *to).collect();
    asked.sort_unstable();
    asked.dedup();
    assert_eq!(asked.len(), MAX_SERVERS);
}

#[test]
fn servers_that_are_known_later_are_asked_and_nothing_is_told_twice() {
    let mut lab = Lab::new();
    let mut unresolved = config(6);
    unresolved.stun.clear();
    lab.want(1, unresolved);
    assert_eq!(lab.told(1), [format!("host {HOME}"), "done".into()]);
    lab.want(1, config(6));
    assert_eq!(lab.told(1)[2..], [format!("srflx {MAPPED}")]);
}
