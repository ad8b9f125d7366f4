//! The second act: players who know nothing of each other but their names, and a hub. Each is an interface of its own with
//! its own sockets, as in programs of their own; nothing takes the shortcut within the process.

use std::net::SocketAddr;
use std::time::Duration;
use std::time::Instant;

use bowline::Availability;
use bowline::Connection;
use bowline::ConnectionState;
use bowline::Event;
use bowline::Identity;
use bowline::Messages;
use bowline::PeerListener;
use bowline::SendFlags;
use bowline::Sockets;
use bowline::hub::HubConfig;
use bowline::hub::HubLogin;
use bowline_hub::dev;
use bowline_hub::dev::DevOptions;
use bowline_hub::server::Running;
use serde::Serialize;

use crate::stop::Stop;

/// How the act went.
#[derive(Debug, Default, Serialize)]
pub(crate) struct Outcome {
    /// Where the hub listened.
    pub(crate) hub: Option<SocketAddr>,
    /// How long it took until all were signed in.
    pub(crate) signed_in_ms: Option<f64>,
    /// Who called whom.
    pub(crate) calls: Vec<Call>,
    /// Lines of chat that were said to somebody.
    pub(crate) lines_sent: usize,
    /// Those that arrived, in order.
    pub(crate) lines_received: usize,
    /// Why it went no further.
    pub(crate) problem: Option<String>,
}

/// A call by name.
#[derive(Debug, Serialize)]
pub(crate) struct Call {
    pub(crate) from: &'static str,
    pub(crate) to: &'static str,
    /// From the call until both were connected, in milliseconds.
    pub(crate) ms: f64,
    /// Where the other one turned out to be.
    pub(crate) found_at: SocketAddr,
}

/// Who plays.
pub(crate) const NAMES: [&str; 3] = ["anna", "ben", "carl"];
/// Lines that each says to each.
pub(crate) const LINES: usize = 5;
const PORT: u16 = 7;
const CHAT: i32 = 1;
/// How long a step may take.
const LIMIT: Duration = Duration::from_secs(10);

type Result<T = ()> = std::result::Result<T, Box<dyn std::error::Error>>;

struct Player {
    name: &'static str,
    identity: Identity,
    sockets: Sockets,
    messages: Messages,
    _listener: PeerListener,
    /// How many lines of each have arrived.
    heard: [usize; NAMES.len()],
}

/// Plays the act.
pub(crate) fn run(stop: &Stop) -> Outcome {
    let mut outcome = Outcome::default();
    if let Err(error) = play(stop, &mut outcome) {
        outcome.problem = Some(error.to_string());
    }
    outcome
}

impl Outcome {
    /// Whether everybody was reached and heard.
    pub(crate) fn is_passed(&self) -> bool {
        self.problem.is_none() && self.lines_received == self.lines_sent
    }
}

fn play(stop: &Stop, outcome: &mut Outcome) -> Result {
    let options = DevOptions {
        listen: ([127, 0, 0, 1], 0).into(),
        ..DevOptions::default()
    };
    let hub = dev::start(&options, Box::new(drop))?;
    let address = *hub.local_addrs().first().ok_or("the hub listens nowhere")?;
    outcome.hub = Some(address);

    let start = Instant::now();
    let players = NAMES.map(|name| Player::new(name, address, &hub));
    let mut players = players.into_iter().collect::<Result<Vec<_>>>()?;
    wait_for("everybody is signed in", stop, &mut players, |players| {
        players
            .iter()
            .all(|player| player.sockets.authentication().availability == Availability::Current)
    })?;
    outcome.signed_in_ms = Some(millis(start));

    // Everybody calls the next one.
    let mut calls = Vec::new();
    for from in 0..players.len() {
        let (call, connection) = call(stop, &mut players, from)?;
        outcome.calls.push(call);
        calls.push(connection);
    }
    chat(stop, &mut players, outcome)
}

impl Player {
    fn new(name: &'static str, hub: SocketAddr, running: &Running) -> Result<Self> {
        let config = HubConfig::new(&hub.to_string(), &running.key().to_line(""))?
            .login(HubLogin::Dev)
            .authority(running.authority());
        let identity = Identity::str(name)?;
        let sockets = Sockets::builder()
            .identity(identity.clone())
            .hub(config)
            .loopback_candidates(true)
            .build()?;
        Ok(Self {
            name,
            identity,
            messages: sockets.messages()?,
            _listener: sockets.listen_p2p(PORT)?,
            sockets,
            heard: [0; NAMES.len()],
        })
    }

    /// Does what a game does each frame: takes events, and what was said.
    fn frame(&mut self) -> Result {
        for event in self.sockets.events() {
            match event {
                Event::ConnectionChanged(change) if change.is_request() => {
                    change.connection.accept()?;
                }
                Event::ConnectionChanged(change) if change.is_ended() => {
                    let (name, text) = (self.name, &change.info.end_text);
                    return Err(format!("{name} has lost a connection: {text}").into());
                }
                Event::MessagesSessionRequest { peer, .. } => self.messages.accept(&peer)?,
                Event::MessagesSessionFailed { info, .. } => {
                    let (name, text) = (self.name, &info.end_text);
                    return Err(format!("{name} cannot reach somebody: {text}").into());
                }
                _ => {}
            }
        }
        while let Some(message) = self.messages.receive(CHAT) {
            let from = NAMES
                .iter()
                .position(|name| message.peer().to_string() == format!("str:{name}"));
            let from = from.ok_or("a line of a stranger")?;
            let heard = self.heard.get_mut(from).ok_or("a line of a stranger")?;
            if message[..] != *line(*heard).as_bytes() {
                return Err(format!("{} has heard the wrong line", self.name).into());
            }
            *heard += 1;
        }
        Ok(())
    }
}

fn call(stop: &Stop, players: &mut [Player], from: usize) -> Result<(Call, Connection)> {
    let to = (from + 1) % players.len();
    let (caller, callee) = (players.get(from), players.get(to));
    let (caller, callee) = caller.zip(callee).ok_or("nobody to call")?;
    let (from, to) = (caller.name, callee.name);
    let start = Instant::now();
    let connection = caller.sockets.connect_peer(&callee.identity, PORT)?;
    wait_for(&format!("{from} reaches {to}"), stop, players, |_| {
        connection
            .info()
            .is_ok_and(|info| info.state == ConnectionState::Connected)
    })?;
    let call = Call {
        from,
        to,
        ms: millis(start),
        found_at: connection.info()?.remote_addr,
    };
    Ok((call, connection))
}

/// Everybody says some lines to everybody else.
fn chat(stop: &Stop, players: &mut [Player], outcome: &mut Outcome) -> Result {
    for from in players.iter() {
        let others = players.iter().filter(|to| to.name != from.name);
        for to in others {
            for number in 0..LINES {
                let (line, flags) = (line(number), SendFlags::RELIABLE);
                from.messages
                    .send(&to.identity, CHAT, line.as_bytes(), flags)?;
                outcome.lines_sent += 1;
            }
        }
    }
    let heard = |players: &[Player]| {
        players
            .iter()
            .flat_map(|player| player.heard)
            .sum::<usize>()
    };
    let sent = outcome.lines_sent;
    let waited = wait_for("all lines arrive", stop, players, |players| {
        heard(players) == sent
    });
    outcome.lines_received = heard(players);
    waited
}

fn line(number: usize) -> String {
    format!("line {number}")
}

fn wait_for(
    what: &str,
    stop: &Stop,
    players: &mut [Player],
    is_so: impl Fn(&[Player]) -> bool,
) -> Result {
    let end = Instant::now() + LIMIT;
    while !is_so(players) {
        if stop.is_set() {
            return Err("interrupted".into());
        }
        if Instant::now() > end {
            return Err(format!("not within {} s: {what}", LIMIT.as_secs()).into());
        }
        players.iter_mut().try_for_each(Player::frame)?;
        std::thread::sleep(Duration::from_millis(1));
    }
    Ok(())
}

fn millis(since: Instant) -> f64 {
    since.elapsed().as_secs_f64() * 1e3
}
