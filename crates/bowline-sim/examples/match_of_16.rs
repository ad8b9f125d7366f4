//! A match of 16 players over bad links, as a game's own CI would play it; see `docs/simulator.md`.
//!
//! ```sh
//! cargo run --release -p bowline-sim --example match_of_16 -- 42
//! ```
//!
//! The game is small but whole: players move and sometimes score; the server sends everybody's position
//! thirty times a second and announces each goal.

#![allow(clippy::print_stdout)]

use std::time::Instant;

use bowline_sim::{Chance, Conn, HostConfig, LinkConfig, SendFlags, Span, Timestamp, World};

const PLAYERS: u64 = 16;
const TICK: Span = Span::from_micros(33_333);
const LENGTH: Span = Span::from_secs(60);

/// A player's copy of the game.
struct Player {
    conn: Conn,
    /// The last position of everybody that it heard of, and when the server took it down.
    snapshot_at: Timestamp,
    goals_heard: Vec<u8>,
    /// The oldest picture of the match that it ever had to play by.
    worst_picture: Span,
}

/// The server's copy.
struct Server {
    conns: Vec<Conn>,
    positions: Vec<u8>,
    goals: Vec<u8>,
}

fn main() {
    let mut args = std::env::args().skip(1);
    let seed = args
        .next()
        .map_or(42, |arg| arg.parse().expect("a seed, such as 42"));
    let began = Instant::now();
    let mut world = World::new(seed);
    let (goals, worst) = whole_match(&mut world);
    println!("{}", world.report());
    println!("{goals} goals; nobody's picture of the match was older than {worst}.");
    let played = world.age().as_micros() as f64 / 1e6;
    let took = began.elapsed().as_secs_f64();
    let times = played / took;
    println!("{played:.0} s were played in {took:.2} s, {times:.0} times as fast.");
}

/// Plays the match and holds it to what this game asks of its network. Returns how many goals there
/// were and how old the picture was that somebody had to play by at worst.
pub(crate) fn whole_match(world: &mut World) -> (usize, Span) {
    let (mut server, mut players) = set_up(world);
    play(world, &mut server, &mut players);
    let mut worst = Span::ZERO;
    for player in &players {
        // Everybody heard of every goal, in order.
        assert_eq!(player.goals_heard, server.goals, "{}", world.report());
        worst = worst.max(player.worst_picture);
    }
    assert!(worst < Span::from_secs(1), "{worst}\n{}", world.report());
    world.verify().expect("the protocol keeps its promises");
    (server.goals.len(), worst)
}

/// One server, sixteen players, each on a link worse than the one before.
fn set_up(world: &mut World) -> (Server, Vec<Player>) {
    let host = world.add_host("server", HostConfig::default());
    let address = world.listen(host, 27015);
    let mut server = Server {
        conns: Vec::new(),
        positions: vec![0; PLAYERS as usize],
        goals: Vec::new(),
    };
    let mut players = Vec::new();
    for n in 0..PLAYERS {
        let host_of_player = world.add_host(&format!("player {n}"), HostConfig::default());
        let link = LinkConfig::PERFECT
            .latency(Span::from_millis(5 + 5 * n))
            .jitter_out_of_order(Span::from_millis(n))
            .loss(Chance::per_million(2_500 * n as u32));
        world.set_link(host_of_player, host, link);
        world.set_link(host, host_of_player, link);
        let (ours, theirs) = world
            .connect_pair(host_of_player, address)
            .expect("connects");
        server.conns.push(theirs);
        players.push(Player {
            conn: ours,
            snapshot_at: world.now(),
            goals_heard: Vec::new(),
            worst_picture: Span::ZERO,
        });
    }
    (server, players)
}

fn play(world: &mut World, server: &mut Server, players: &mut [Player]) {
    let mut luck = world.rng("goals");
    for player in players.iter_mut() {
        player.snapshot_at = world.now();
    }
    let end = world.now() + LENGTH;
    while world.now() < end {
        for player in players.iter_mut() {
            player.tick(world);
        }
        server.tick(world, luck.below(60) == 0);
        world.run_for(TICK);
    }
    // The whistle: nothing more is sent, what is on its way arrives.
    for conn in &server.conns {
        let all = world.wait_for_delivery(*conn, Span::from_secs(5));
        all.expect("every goal is heard of soon after");
    }
    players.iter_mut().for_each(|player| player.tick(world));
}

impl Player {
    fn tick(&mut self, world: &mut World) {
        while let Some(message) = world.receive(self.conn) {
            if message.reliable {
                self.goals_heard.extend(message.data);
            } else {
                let at: [u8; 8] = message.data[..8]
                    .try_into()
                    .expect("a snapshot begins with its time");
                self.snapshot_at = self
                    .snapshot_at
                    .max(Timestamp::from_micros(u64::from_le_bytes(at)));
            }
        }
        self.worst_picture = self.worst_picture.max(world.now().since(self.snapshot_at));
        let step = [world.now().as_micros() as u8];
        // An input that does not fit now is worth nothing later.
        let _ = world.send(self.conn, SendFlags::UNRELIABLE_NO_DELAY, &step);
    }
}

impl Server {
    fn tick(&mut self, world: &mut World, goal: bool) {
        for (position, conn) in self.positions.iter_mut().zip(&self.conns) {
            while let Some(message) = world.receive(*conn) {
                *position = position.wrapping_add(message.data[0]);
            }
        }
        let mut snapshot = world.now().as_micros().to_le_bytes().to_vec();
        snapshot.extend(self.positions.iter().cycle().take(600));
        for conn in &self.conns {
            let _ = world.send(*conn, SendFlags::UNRELIABLE_NO_NAGLE, &snapshot);
        }
        if goal {
            let number = self.goals.len() as u8;
            self.goals.push(number);
            for conn in &self.conns {
                let sent = world.send(*conn, SendFlags::RELIABLE_NO_NAGLE, &[number]);
                sent.expect("the send buffer has room for a byte");
            }
        }
    }
}
