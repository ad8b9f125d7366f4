//! Sixteen players who notice what a flood does to them.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering;
use std::thread;
use std::thread::JoinHandle;
use std::time::Duration;
use std::time::Instant;

use bowline::Connection;
use bowline::ConnectionState;
use bowline::SendFlags;
use bowline::Sockets;

use crate::Result;

/// Bytes of what a player sends; nobody else sends messages of this length.
pub(crate) const MESSAGE_BYTES: usize = 103;
const PLAYERS: usize = 16;
const INTERVAL: Duration = Duration::from_nanos(1_000_000_000 / 30);
/// An echo that takes longer is of no use to a game.
const TOO_LATE: Duration = Duration::from_millis(500);

/// Players that play in a thread of their own.
#[derive(Debug)]
pub(crate) struct Players {
    sockets: Sockets,
    addr: SocketAddr,
    connections: Arc<Vec<Connection>>,
    is_over: Arc<AtomicBool>,
    thread: Option<JoinHandle<Experience>>,
}

/// What players have noticed.
#[derive(Clone, Debug, Default)]
pub(crate) struct Experience {
    pub(crate) sent: u64,
    /// There and back, for each echo that came in time.
    pub(crate) round_trips: Vec<Duration>,
}

impl Experience {
    /// The share of messages without an echo in time, in percent.
    pub(crate) fn loss_percent(&self) -> f64 {
        let lost = self.sent.saturating_sub(self.round_trips.len() as u64);
        100.0 * lost as f64 / self.sent.max(1) as f64
    }

    /// The round trip that 99 of a hundred are below.
    pub(crate) fn p99(&mut self) -> Duration {
        self.round_trips.sort_unstable();
        let at = self.round_trips.len() * 99 / 100;
        self.round_trips.get(at).copied().unwrap_or_default()
    }
}

impl Players {
    /// Connects all of them.
    pub(crate) fn connect(addr: SocketAddr) -> Result<Self> {
        let sockets = Sockets::new()?;
        let connections = (0..PLAYERS).map(|_| sockets.connect(addr));
        let connections: Vec<Connection> = connections.collect::<std::result::Result<_, _>>()?;
        let players = Self {
            sockets,
            addr,
            connections: Arc::new(connections),
            is_over: Arc::default(),
            thread: None,
        };
        for connection in players.connections.iter() {
            players.await_connected(connection, Duration::from_secs(10))?;
        }
        Ok(players)
    }

    /// Plays until [`Self::stop`].
    pub(crate) fn start(&mut self) {
        self.is_over = Arc::default();
        let (connections, is_over) = (Arc::clone(&self.connections), Arc::clone(&self.is_over));
        self.thread = Some(thread::spawn(move || play(&connections, &is_over)));
    }

    /// What they noticed.
    pub(crate) fn stop(&mut self) -> Experience {
        self.is_over.store(true, Ordering::Relaxed);
        let thread = self.thread.take();
        let played = thread.and_then(|thread| thread.join().ok());
        played.unwrap_or_default()
    }

    /// How long a new player takes to connect; `None` if it does not succeed.
    pub(crate) fn another_joins(&self) -> Result<Option<Duration>> {
        let start = Instant::now();
        let connection = self.sockets.connect(self.addr)?;
        let joined = self.await_connected(&connection, Duration::from_secs(10));
        Ok(joined.is_ok().then(|| start.elapsed()))
    }

    fn await_connected(&self, connection: &Connection, patience: Duration) -> Result {
        let start = Instant::now();
        while connection.state() != ConnectionState::Connected {
            if start.elapsed() > patience {
                return Err("a player cannot connect".into());
            }
            self.sockets.wait(Duration::from_millis(10));
            while self.sockets.next_event().is_some() {}
        }
        Ok(())
    }
}

fn play(connections: &[Connection], is_over: &AtomicBool) -> Experience {
    let start = Instant::now();
    let mut seen = Experience::default();
    let mut turn = 0u32;
    while !is_over.load(Ordering::Relaxed) {
        // Each at its own time within the interval.
        let player = turn as usize % PLAYERS;
        let next = start + INTERVAL * turn / PLAYERS as u32;
        listen(connections, start, &mut seen, next);
        let mut message = [0; MESSAGE_BYTES];
        let sent_at = start.elapsed().as_nanos() as u64;
        message[..8].copy_from_slice(&sent_at.to_le_bytes());
        if connections[player]
            .send(&message, SendFlags::UNRELIABLE_NO_NAGLE)
            .is_ok()
        {
            seen.sent += 1;
        }
        turn += 1;
    }
    listen(connections, start, &mut seen, Instant::now() + TOO_LATE);
    seen
}

/// Takes in echoes until it is time to send.
fn listen(connections: &[Connection], start: Instant, seen: &mut Experience, until: Instant) {
    loop {
        for connection in connections {
            while let Ok(Some(message)) = connection.receive() {
                let Some(sent_at) = message.first_chunk::<8>() else {
                    continue;
                };
                let sent_at = Duration::from_nanos(u64::from_le_bytes(*sent_at));
                let round_trip = start.elapsed().saturating_sub(sent_at);
                if round_trip <= TOO_LATE {
                    seen.round_trips.push(round_trip);
                }
            }
        }
        let left = until.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return;
        }
        thread::sleep(left.min(Duration::from_micros(500)));
    }
}
