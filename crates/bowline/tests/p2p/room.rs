//! Players in one process, and a signaling service between them that does what a test asks of it.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::MutexGuard;
use std::time::Duration;
use std::time::Instant;

use bowline::Config;
use bowline::Connection;
use bowline::ConnectionEvent;
use bowline::ConnectionId;
use bowline::ConnectionState;
use bowline::Event;
use bowline::Identity;
use bowline::Message;
use bowline::ServiceMode;
use bowline::SignalError;
use bowline::Sockets;
use bowline::SocketsBuilder;
use bowline::signaling::PeerRequest;
use bowline::signaling::ReceiveContext;
use bowline::signaling::SignalTarget;
use bowline::signaling::Signaling;
use bowline::signaling::SignalingFailed;

use crate::support::LIMIT;

/// A signal on its way.
#[derive(Clone, Debug)]
pub(crate) struct Signal {
    pub(crate) from: Identity,
    pub(crate) to: Identity,
    pub(crate) connection: ConnectionId,
    pub(crate) bytes: Vec<u8>,
}

/// The service: a queue.
#[derive(Clone, Debug, Default)]
pub(crate) struct Service(Arc<Mutex<VecDeque<Signal>>>);

/// What a player sends by.
#[derive(Debug)]
pub(crate) struct Account {
    service: Service,
    name: Identity,
}

impl Service {
    pub(crate) fn account(&self, name: &Identity) -> Arc<dyn Signaling> {
        Arc::new(Account {
            service: self.clone(),
            name: name.clone(),
        })
    }

    pub(crate) fn queue(&self) -> MutexGuard<'_, VecDeque<Signal>> {
        self.0.lock().unwrap()
    }

    fn take(&self) -> Option<Signal> {
        self.queue().pop_front()
    }
}

impl Signaling for Account {
    fn send(&self, to: &SignalTarget, signal: &[u8]) -> Result<(), SignalingFailed> {
        self.service.queue().push_back(Signal {
            from: self.name.clone(),
            to: to.peer().clone(),
            connection: to.connection(),
            bytes: signal.to_vec(),
        });
        Ok(())
    }
}

/// Somebody who plays.
#[derive(Clone)]
pub(crate) struct Player {
    pub(crate) name: Identity,
    pub(crate) sockets: Sockets,
    pub(crate) signaling: Arc<dyn Signaling>,
}

impl Player {
    /// Calls another player.
    pub(crate) fn call(&self, peer: &Self, port: u16) -> Connection {
        let signaling = Arc::clone(&self.signaling);
        let called = self.sockets.connect_p2p(&peer.name, port, signaling);
        called.unwrap()
    }

    pub(crate) fn call_with(&self, peer: &Self, port: u16, config: Config) -> Connection {
        let signaling = Arc::clone(&self.signaling);
        let called = self
            .sockets
            .connect_p2p_with(&peer.name, port, signaling, config);
        called.unwrap()
    }

    /// Hands in a signal; everybody who asks is considered.
    pub(crate) fn hear(&self, signal: &Signal) -> Result<(), SignalError> {
        let mut context = |_: &PeerRequest<'_>| Some(Arc::clone(&self.signaling));
        self.hear_with(signal, &mut context)
    }

    pub(crate) fn hear_with(
        &self,
        signal: &Signal,
        context: &mut dyn ReceiveContext,
    ) -> Result<(), SignalError> {
        self.sockets.receive_signal(&signal.bytes, context)
    }
}

/// Players and the service.
pub(crate) struct Room {
    pub(crate) service: Service,
    pub(crate) players: Vec<Player>,
    pub(crate) faults: Faults,
    luck: u64,
    overtaken: Option<Signal>,
}

/// What becomes of signals, each a chance in percent.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Faults {
    pub(crate) lost: u64,
    pub(crate) doubled: u64,
    /// Overtaken by the next.
    pub(crate) swapped: u64,
}

impl Room {
    /// Players of these names.
    pub(crate) fn new<const N: usize>(names: [&str; N]) -> (Self, [Player; N]) {
        Self::with(names, |builder| builder)
    }

    pub(crate) fn with<const N: usize>(
        names: [&str; N],
        build: impl Fn(SocketsBuilder) -> SocketsBuilder,
    ) -> (Self, [Player; N]) {
        let service = Service::default();
        let players = names.map(|name| player(&service, name, &build));
        let room = Self {
            service,
            players: players.to_vec(),
            faults: Faults::default(),
            luck: 7,
            overtaken: None,
        };
        (room, players)
    }

    /// Delivers what the service has.
    pub(crate) fn deliver(&mut self) {
        while let Some(signal) = self.service.take() {
            let Faults {
                lost,
                doubled,
                swapped,
            } = self.faults;
            if self.happens(lost) {
                continue;
            }
            if self.happens(swapped) && self.overtaken.is_none() {
                self.overtaken = Some(signal);
                continue;
            }
            self.hand_over(Some(&signal));
            if self.happens(doubled) {
                self.hand_over(Some(&signal));
            }
            let overtaken = self.overtaken.take();
            self.hand_over(overtaken.as_ref());
        }
    }

    /// The first signal that the service has.
    pub(crate) fn first_signal(&self) -> Signal {
        let end = Instant::now() + LIMIT;
        loop {
            if let Some(signal) = self.service.take() {
                return signal;
            }
            assert!(Instant::now() < end, "no signal in time");
            std::thread::sleep(Duration::from_millis(1));
        }
    }

    /// Something with that chance in percent; the same at each run.
    fn happens(&mut self, percent: u64) -> bool {
        // Knuth's generator; its high bits are good.
        self.luck = self
            .luck
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.luck >> 33) % 100 < percent
    }

    fn hand_over(&self, signal: Option<&Signal>) {
        let Some(signal) = signal else {
            return;
        };
        let addressee = self.players.iter().find(|player| player.name == signal.to);
        if let Some(player) = addressee {
            // Some are of no use, and the connection must come about without.
            let _ = player.hear(signal);
        }
    }

    /// Lets time pass until `pick` finds what it looks for.
    pub(crate) fn run<T>(&mut self, pick: impl FnMut() -> Option<T>) -> T {
        self.run_for(LIMIT, pick)
    }

    /// The same for what takes its time.
    pub(crate) fn run_longer<T>(&mut self, pick: impl FnMut() -> Option<T>) -> T {
        self.run_for(LIMIT * 6, pick)
    }

    fn run_for<T>(&mut self, limit: Duration, mut pick: impl FnMut() -> Option<T>) -> T {
        let end = Instant::now() + limit;
        loop {
            self.deliver();
            for player in &self.players {
                if player.sockets.service_mode() == ServiceMode::Manual {
                    player.sockets.poll();
                }
            }
            if let Some(found) = pick() {
                return found;
            }
            assert!(Instant::now() < end, "not in time");
            std::thread::sleep(Duration::from_millis(1));
        }
    }

    /// The next change of a player's connections to `state`; events before it are skipped.
    pub(crate) fn wait_state(
        &mut self,
        player: &Player,
        state: ConnectionState,
    ) -> ConnectionEvent {
        let sockets = player.sockets.clone();
        self.run(|| {
            sockets.events().find_map(|event| match event {
                Event::ConnectionChanged(change) if change.new == state => Some(change),
                _ => None,
            })
        })
    }

    pub(crate) fn wait_message(&mut self, connection: &Connection) -> Message {
        self.run(|| connection.receive().unwrap())
    }

    /// Waits for a request and accepts it.
    pub(crate) fn accept(&mut self, player: &Player) -> Connection {
        let request = self.wait_state(player, ConnectionState::Connecting);
        assert!(request.is_request());
        request.connection.accept().unwrap();
        request.connection
    }

    /// Waits until both ends are connected.
    pub(crate) fn wait_connected(&mut self, ends: [&Connection; 2]) {
        self.run(|| {
            ends.iter()
                .all(|end| end.state() == ConnectionState::Connected)
                .then_some(())
        });
    }

    /// Two ends of a connection between two players.
    pub(crate) fn connect(&mut self, caller: &Player, called: &Player) -> [Connection; 2] {
        let listener = called.sockets.listen_p2p(7).unwrap();
        let dialled = caller.call(called, 7);
        let accepted = self.accept(called);
        self.wait_connected([&dialled, &accepted]);
        drop(listener);
        [dialled, accepted]
    }
}

pub(crate) fn player(
    service: &Service,
    name: &str,
    build: impl Fn(SocketsBuilder) -> SocketsBuilder,
) -> Player {
    let name = Identity::str(name).unwrap();
    let builder = Sockets::builder()
        .identity(name.clone())
        .loopback_candidates(true);
    Player {
        sockets: build(builder).build().unwrap(),
        signaling: service.account(&name),
        name,
    }
}

/// Connections that are given up soon if nobody answers.
pub(crate) fn impatient() -> Config {
    let mut config = Config::new();
    config
        .set_timeout_initial(Duration::from_millis(400))
        .unwrap();
    config
}
