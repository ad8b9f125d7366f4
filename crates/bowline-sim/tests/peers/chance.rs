//! Meetings that nobody thought of: NATs, relays, losses, closes and pulled cables drawn from one number,
//! held against what theory says of them.
//!
//! `BOWLINE_PEERS_SEEDS=5000` plays so many, `BOWLINE_PEERS_FIRST=17` begins there.

use std::collections::BTreeSet;
use std::net::SocketAddr;

use bowline_core::config::Config;
use bowline_sim::{
    Chance, Conn, ConnectionState, EndReason, HostId, LinkConfig, NatBehaviour, NatConfig, NatId,
    Rng, SendFlags, SignalConfig, Span, World,
};

use crate::nats::is_direct;
use crate::support::{ACCOUNT, ms, port, secs, serve_stun, story, with};

/// How many are played if nobody asks for more.
const SEEDS: u64 = 300;
/// What both sides may take until they are connected or have given up: twice ten seconds, and signals that are
/// late.
const LIMIT: Span = Span::from_secs(24);
const BYE: EndReason = EndReason::new(1_234);

#[test]
fn meetings_by_chance_keep_every_promise() {
    let number = |name, default| {
        let text = std::env::var(name).ok();
        text.map_or(default, |text| text.parse::<u64>().unwrap())
    };
    let first = number("BOWLINE_PEERS_FIRST", 0);
    let last = first + number("BOWLINE_PEERS_SEEDS", SEEDS);
    let mut met = 0;
    let mut broken = Vec::new();
    for seed in first..last {
        let mut meeting = Meeting::draw(seed);
        let played = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| meeting.play()));
        match played.unwrap_or_else(|_| Err("a panic".into())) {
            Ok(has_met) => met += u64::from(has_met),
            Err(what) => {
                broken.push(format!("seed {seed}: {what}\n{}", meeting.tell()));
            }
        }
    }
    assert!(broken.is_empty(), "{}", broken.join("\n"));
    assert!(met * 3 > last - first, "only {met} met");
}

/// Where a host is.
#[derive(Clone, Copy, Debug)]
enum Place {
    /// Everybody can reach it.
    Open,
    /// Behind one NAT, or two: mapping and filtering of each.
    Behind(NatBehaviour, NatBehaviour),
    Twice([(NatBehaviour, NatBehaviour); 2]),
}

impl Place {
    fn draw(rng: &mut Rng) -> Self {
        let mut kind = || {
            let mut any = || NatBehaviour::ALL[rng.below(3) as usize];
            (any(), any())
        };
        let (inner, outer) = (kind(), kind());
        match rng.below(5) {
            0 => Self::Open,
            1 => Self::Twice([inner, outer]),
            _ => Self::Behind(inner.0, inner.1),
        }
    }

    /// What all NATs do together: as much as the strictest of them.
    fn kind(self) -> (NatBehaviour, NatBehaviour) {
        let strictest = |a: NatBehaviour, b: NatBehaviour| {
            let all = NatBehaviour::ALL.into_iter().rev();
            all.into_iter().find(|one| *one == a || *one == b).unwrap()
        };
        match self {
            Self::Open => (NatBehaviour::ALL[0], NatBehaviour::ALL[0]),
            Self::Behind(mapping, filtering) => (mapping, filtering),
            Self::Twice([a, b]) => (strictest(a.0, b.0), strictest(a.1, b.1)),
        }
    }

    /// Whether one of the NATs is at least as strict as the other in all that it does. Where one heeds more in its
    /// mapping and the other in its filter, the two together are less strict than [`Self::kind`] says.
    fn is_exact(self) -> bool {
        match self {
            Self::Open | Self::Behind(..) => true,
            Self::Twice(both) => both.contains(&self.kind()),
        }
    }

    fn nat(self, world: &mut World, name: &str) -> Option<NatId> {
        match self {
            Self::Open => None,
            Self::Behind(mapping, filtering) => {
                Some(world.add_nat(name, NatConfig::new(mapping, filtering)))
            }
            Self::Twice([inner, outer]) => {
                let outer = world.add_nat(name, NatConfig::new(outer.0, outer.1));
                Some(world.add_nat_behind(outer, name, NatConfig::new(inner.0, inner.1)))
            }
        }
    }
}

/// Who asks whom.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Asks {
    One,
    Both,
    BothSymmetric,
}

/// A meeting as it was drawn, and how far it has come.
struct Meeting {
    world: World,
    rng: Rng,
    hosts: [HostId; 2],
    places: [Place; 2],
    in_one_network: bool,
    has_stun: bool,
    has_turn: bool,
    asks: Asks,
    /// A close by the application: after how long.
    close_at: Option<Span>,
    /// A cable that is pulled, and put in again: whose, when, for how long.
    pulled: Option<(usize, Span, Span)>,
    conns: Vec<Conn>,
    ever_connected: BTreeSet<Conn>,
}

impl Meeting {
    fn draw(seed: u64) -> Self {
        let mut world = World::new(seed);
        let mut rng = world.rng("meeting");
        let mut one_in = |n| rng.below(n) == 0;
        let (has_server, in_one_network) = (!one_in(5), one_in(8));
        let (has_turn, is_lossy, is_late) = (has_server && one_in(3), one_in(2), one_in(2));
        let (closes, pulls) = (one_in(3), one_in(4));
        let mut links = LinkConfig::PERFECT.latency(ms(1 + u64::from(rng.below(80))));
        if is_lossy {
            links = links
                .loss(Chance::percent(rng.below(8)))
                .reorder(Chance::percent(rng.below(10)), ms(30))
                .duplicate(Chance::percent(rng.below(10)), ms(30));
        }
        world.set_links(links);
        world.set_signals(SignalConfig {
            latency: ms(1 + u64::from(rng.below(100))),
            jitter: ms(if is_late {
                u64::from(rng.below(300))
            } else {
                0
            }),
            loss_percent: if is_lossy { rng.below(25) } else { 0 },
            twice_percent: if is_late { rng.below(30) } else { 0 },
        });
        let asks = [Asks::One, Asks::Both, Asks::BothSymmetric][rng.below(3) as usize];
        let server = has_server.then(|| serve_stun(&mut world).1);
        let places = [Place::draw(&mut rng), Place::draw(&mut rng)];
        let shared = in_one_network.then(|| places[0].nat(&mut world, "shared"));
        let hosts = [("alice", places[0]), ("bob", places[1])].map(|(name, place)| {
            let nat = shared.unwrap_or_else(|| place.nat(&mut world, name));
            let host = with(name, |config| {
                settings(config, server, has_turn, asks == Asks::BothSymmetric);
            });
            match nat {
                None => world.add_host(name, host),
                Some(nat) => world.add_host_behind(nat, name, host),
            }
        });
        for host in hosts {
            world.open_peer_socket(host);
            world.listen_p2p(host, port()).unwrap();
        }
        let mut later = |below| ms(u64::from(rng.below(below)));
        Self {
            close_at: closes.then(|| later(8_000)),
            pulled: pulls.then(|| (usize::from(later(2) == ms(1)), later(6_000), later(3_000))),
            world,
            rng,
            hosts,
            places,
            in_one_network,
            has_stun: has_server,
            has_turn,
            asks,
            conns: Vec::new(),
            ever_connected: BTreeSet::new(),
        }
    }

    /// Whether there is a way, if nobody closes and no cable is pulled.
    fn has_way(&self) -> bool {
        let [a, b] = self.places;
        let is_open = |place| matches!(place, Place::Open);
        let reaches = match self.has_stun {
            true => is_direct(a.kind(), b.kind()),
            false => is_open(a) || is_open(b),
        };
        self.in_one_network || self.has_turn || reaches
    }

    /// Lets it happen; says whether they met.
    fn play(&mut self) -> Result<bool, String> {
        self.ask();
        let start = self.world.now();
        let mut closed = None;
        let mut has_pulled = (false, false);
        while self.world.now().since(start) < LIMIT {
            let step = ms(1 + u64::from(self.rng.below(400)));
            self.world.run_for(step);
            self.look();
            let age = self.world.now().since(start);
            if let Some((who, at, span)) = self.pulled {
                if !has_pulled.0 && age >= at {
                    has_pulled.0 = true;
                    self.world.close_peer_socket(self.hosts[who]);
                } else if has_pulled.0 && !has_pulled.1 && age >= at + span {
                    has_pulled.1 = true;
                    self.world.open_peer_socket(self.hosts[who]);
                }
            }
            if self.close_at.is_some_and(|at| age >= at) && closed.is_none() {
                closed = self.close_one();
            }
            self.say_something();
        }
        self.check_meeting(closed)?;
        self.end()?;
        Ok(!self.ever_connected.is_empty())
    }

    fn ask(&mut self) {
        let [alice, bob] = self.hosts;
        let ours = self.world.connect_p2p(alice, bob, port());
        self.conns.extend(ours);
        if self.asks == Asks::One {
            return;
        }
        let pause = ms(u64::from(self.rng.below(300)));
        self.world.run_for(pause);
        // It is refused if they have met already.
        self.conns
            .extend(self.world.connect_p2p(bob, alice, port()));
    }

    /// All ends that there ever were.
    fn ends(&self) -> Vec<Conn> {
        let ends = self.hosts.map(|host| self.world.connections(host));
        ends.concat()
    }

    fn look(&mut self) {
        let up = |conn: &Conn| self.world.state(*conn) == ConnectionState::Connected;
        let connected: Vec<Conn> = self.ends().into_iter().filter(up).collect();
        self.ever_connected.extend(connected);
    }

    fn close_one(&mut self) -> Option<Conn> {
        let open = |conn: &Conn| !self.world.state(*conn).is_closed();
        let ends: Vec<Conn> = self.ends().into_iter().filter(open).collect();
        let count = u32::try_from(ends.len()).unwrap();
        let conn = *ends.get(self.rng.below(count.max(1)) as usize)?;
        let linger = self.rng.below(2) == 0;
        self.world.close(conn, BYE, "bye", linger);
        Some(conn)
    }

    fn say_something(&mut self) {
        for conn in self.ends() {
            if self.rng.below(8) == 0 {
                let len = self.rng.below(4_000) as usize;
                let flags = [SendFlags::RELIABLE, SendFlags::UNRELIABLE][len % 2];
                // Refused where it is over.
                let _ = self.world.send(conn, flags, &vec![len as u8; len]);
            }
        }
    }

    fn check_meeting(&self, closed: Option<Conn>) -> Result<(), String> {
        let ends = self.ends();
        let is_exact = self.places.into_iter().all(Place::is_exact);
        if !self.has_way() && is_exact && !self.ever_connected.is_empty() {
            return Err("they met where theory says that they cannot".into());
        }
        let is_calm = closed.is_none();
        if self.has_way() && is_calm {
            let up = |conn: &&Conn| self.world.state(**conn) == ConnectionState::Connected;
            let count = ends.iter().filter(up).count();
            let expected = match self.asks {
                Asks::One | Asks::BothSymmetric => 2,
                Asks::Both => 4,
            };
            if count != expected || ends.len() != expected {
                return Err(format!("{count} of {} ends are connected", ends.len()));
            }
        }
        if self.asks == Asks::BothSymmetric && is_calm && self.has_way() && ends.len() > 2 {
            return Err(format!("{} ends of a symmetric pair", ends.len()));
        }
        if !self.has_way()
            && is_exact
            && let Some(open) = ends
                .iter()
                .find(|conn| !self.world.state(**conn).is_closed())
        {
            return Err(format!("{} still tries", open.id));
        }
        if let Some(closed) = closed {
            self.check_end(closed)?;
        }
        self.world.verify().map_err(|stuck| stuck.to_string())
    }

    /// The peer of an end that was closed must know by now, and of the right reason where it could be told.
    fn check_end(&self, closed: Conn) -> Result<(), String> {
        let Some(peer) = self.world.peer_of(closed) else {
            return Ok(());
        };
        let info = self.world.info(peer);
        let told = [
            BYE,
            EndReason::MISC_PEER_SENT_NO_CONNECTION,
            EndReason::MISC_TIMEOUT,
            EndReason::MISC_P2P_RENDEZVOUS,
            EndReason::MISC_P2P_NAT_FIREWALL,
            EndReason::LOCAL_ICE_NO_PUBLIC_ADDRESSES,
            EndReason::REMOTE_ICE_NO_PUBLIC_ADDRESSES,
        ];
        if !info.state.is_closed() {
            return Err(format!("{} is open, its peer closed", peer.id));
        }
        match told.contains(&info.end_reason) {
            true => Ok(()),
            false => Err(format!("{} ended with {}", peer.id, info.end_reason)),
        }
    }

    /// When all have closed, nothing remains.
    fn end(&mut self) -> Result<(), String> {
        for conn in self.ends() {
            self.world.close(conn, BYE, "the end", false);
        }
        self.world.run_for(secs(40));
        self.world.verify().map_err(|stuck| stuck.to_string())?;
        for host in self.hosts {
            let left = self.world.open_connections(host);
            if left > 0 {
                return Err(format!("{left} connections remain"));
            }
        }
        Ok(())
    }

    fn tell(&self) -> String {
        let Self {
            places,
            in_one_network,
            has_stun,
            has_turn,
            asks,
            close_at,
            pulled,
            ..
        } = self;
        let mut text = format!(
            "{places:?}, one network: {in_one_network}, STUN: {has_stun}, TURN: {has_turn}, {asks:?}, close: {close_at:?}, pulled: {pulled:?}\n"
        );
        for conn in self.ends() {
            let info = self.world.info(conn);
            text += &format!(
                "{:?} {}: {} {} {:?}\n{}",
                conn.host,
                conn.id,
                info.state,
                info.end_reason,
                info.end_text,
                story(&self.world, conn)
            );
        }
        text
    }
}

fn settings(config: &mut Config, server: Option<SocketAddr>, has_turn: bool, symmetric: bool) {
    if let Some(server) = server.map(|server| server.to_string()) {
        config.set_stun_servers(&server).unwrap();
        if has_turn {
            config.set_turn_servers(&server, &[ACCOUNT]).unwrap();
        }
    }
    config.set_symmetric_connect(symmetric).unwrap();
}
