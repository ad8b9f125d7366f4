//! What the threads share: interfaces, connections of all kinds, and the account of what must arrive.

use std::collections::BTreeMap;
use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::Mutex;
use std::time::Duration;
use std::time::Instant;

use bowline::Config;
use bowline::ConfigKey;
use bowline::Connection;
use bowline::ConnectionId;
use bowline::ConnectionState;
use bowline::EndReason;
use bowline::Event;
use bowline::Identity;
use bowline::Listener;
use bowline::Message;
use bowline::PairKind;
use bowline::PollGroup;
use bowline::SendFlags;
use bowline::ServiceMode;
use bowline::Sockets;

use crate::peers;
use crate::peers::Peers;

/// Connections that threads choose from and close; more are closed at once.
const MAX_POOL: usize = 40;
/// Connections that are never closed: sending ends, of which half are pipes.
const STEADY: usize = 4;
/// A lingering connection whose peer lives and reads nothing goes on for a minute.
const LIMIT: Duration = Duration::from_secs(90);
const LOOPBACK: &str = "127.0.0.1:0";

/// Random numbers of which each thread has its own.
pub struct Rng(u64);

impl Rng {
    pub fn new(seed: u64, thread: u64) -> Self {
        Self(seed ^ thread.wrapping_mul(0xd134_2543_de82_ef95))
    }

    /// SplitMix64.
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    pub fn below(&mut self, end: usize) -> usize {
        (self.next() % end as u64) as usize
    }

    pub fn is_even(&mut self) -> bool {
        self.next().is_multiple_of(2)
    }
}

/// Two ends of a connection that lives as long as the world.
pub struct Steady {
    from: Connection,
    to: Connection,
    /// What each thread sent, in order; held while it is numbered and sent.
    sent: Mutex<BTreeMap<usize, u32>>,
    /// What arrived of each thread; held while it is received, so that the order is known.
    arrived: Mutex<BTreeMap<usize, u32>>,
}

pub struct World {
    /// One with a service thread, one with three, and one that only `poll` and `wait` drive.
    pub interfaces: Vec<Sockets>,
    /// Of whom identity, trust and certificates change. Its connections are all closed by that.
    pub nobody: Sockets,
    pub listeners: Mutex<Vec<Listener>>,
    pub peers: Peers,
    pub groups: Vec<PollGroup>,
    pub steady: Vec<Steady>,
    pool: Mutex<Vec<Connection>>,
    /// The last state that the events of each connection told of, by interface.
    told: Vec<Mutex<HashMap<ConnectionId, ConnectionState>>>,
}

impl World {
    pub fn new() -> Self {
        let make = |mode, threads, identity| {
            let mut config = Config::new();
            // Who lingers for somebody who is gone shall not do so for long.
            config.set(ConfigKey::TimeoutInitial, 3000).unwrap();
            let builder = Sockets::builder()
                .service(mode)
                .service_threads(threads)
                .identity(identity)
                .loopback_candidates(true)
                // Calls to the last go by signals unless they are said to stay within the process.
                .shortcuts(mode == ServiceMode::Thread)
                .config(config);
            builder.build().unwrap()
        };
        let modes = [
            (ServiceMode::Thread, 1),
            (ServiceMode::Thread, 3),
            (ServiceMode::Manual, 1),
        ];
        let interfaces = modes.iter().enumerate();
        let interfaces: Vec<_> = interfaces
            .map(|(index, (mode, threads))| make(*mode, *threads, peers::name(index)))
            .collect();
        let peers = Peers::default();
        for interface in &interfaces {
            interface.set_signaling(peers.signaling());
        }
        let listen = |sockets: &Sockets| sockets.listen(LOOPBACK.parse().unwrap()).unwrap();
        let steady = (0..STEADY).map(|index| {
            let kind = [PairKind::Loopback, PairKind::Pipe][index % 2];
            let (from, to) = interfaces[index / 2].socket_pair(kind, None, None).unwrap();
            Steady {
                from,
                to,
                sent: Mutex::default(),
                arrived: Mutex::default(),
            }
        });
        Self {
            nobody: make(ServiceMode::Thread, 1, Identity::anonymous()),
            peers,
            listeners: Mutex::new(interfaces.iter().map(listen).collect()),
            groups: interfaces.iter().map(Sockets::poll_group).collect(),
            steady: steady.collect(),
            pool: Mutex::default(),
            told: interfaces.iter().map(|_| Mutex::default()).collect(),
            interfaces,
        }
    }

    pub fn interface(&self, rng: &mut Rng) -> &Sockets {
        &self.interfaces[rng.below(self.interfaces.len())]
    }

    pub fn group(&self, rng: &mut Rng) -> &PollGroup {
        &self.groups[rng.below(self.groups.len())]
    }

    /// Somebody who listens, or nobody does.
    pub fn listening(&self, rng: &mut Rng) -> Option<SocketAddr> {
        let listeners = self.listeners.lock().unwrap();
        let index = rng.below(listeners.len().max(1));
        listeners.get(index).map(Listener::local_addr)
    }

    /// A connection that other threads may be about to close, or have closed.
    pub fn connection(&self, rng: &mut Rng) -> Option<Connection> {
        let pool = self.pool.lock().unwrap();
        let index = rng.below(pool.len().max(1));
        pool.get(index).cloned()
    }

    /// Gives a connection to all threads, and closes another one if there are many.
    pub fn add(&self, rng: &mut Rng, connection: Connection) {
        let mut pool = self.pool.lock().unwrap();
        pool.push(connection);
        let surplus = (pool.len() > MAX_POOL).then(|| {
            let index = rng.below(pool.len());
            pool.swap_remove(index)
        });
        drop(pool);
        if let Some(surplus) = surplus {
            let _ = surplus.close(EndReason::APP_GENERIC, "one too many", rng.is_even());
        }
    }

    /// Reads events of an interface, and keeps account of them.
    pub fn read_events(&self, index: usize, rng: &mut Rng) {
        let mut told = self.told[index].lock().unwrap();
        while let Some(event) = self.interfaces[index].next_event() {
            self.note_event(&mut told, event, rng);
        }
    }

    /// The same by the other call.
    pub fn run_callbacks(&self, index: usize, rng: &mut Rng) {
        let mut told = self.told[index].lock().unwrap();
        self.interfaces[index].run_callbacks(|event| self.note_event(&mut told, event, rng));
    }

    /// The states of a connection follow on each other, and nothing comes after its end.
    fn note_event(
        &self,
        told: &mut HashMap<ConnectionId, ConnectionState>,
        event: Event,
        rng: &mut Rng,
    ) {
        let Event::ConnectionChanged(change) = event else {
            return;
        };
        let id = change.connection.id();
        match told.insert(id, change.new) {
            Some(before) => assert_eq!(before, change.old, "{id}"),
            // Pairs are connected from the start.
            None => assert!(matches!(
                change.old,
                ConnectionState::None | ConnectionState::Connected
            )),
        }
        if change.is_request() {
            if rng.below(10) > 0 {
                let _ = change.connection.accept();
            }
            self.add(rng, change.connection);
        } else if change.is_ended() {
            let _ = change.connection.close(EndReason::APP_GENERIC, "", false);
        }
    }

    /// Sends a numbered message on a connection that stays.
    pub fn send_steady(&self, rng: &mut Rng, thread: usize) {
        let steady = &self.steady[rng.below(STEADY)];
        let mut sent = steady.sent.lock().unwrap();
        let next = sent.entry(thread).or_default();
        let bytes = [&(thread as u32).to_le_bytes()[..], &next.to_le_bytes()].concat();
        let flags = if rng.is_even() {
            SendFlags::RELIABLE
        } else {
            SendFlags::RELIABLE_NO_NAGLE
        };
        // Refused while its buffer is full; then the number is free for the next one.
        if steady.from.send(&bytes, flags).is_ok() {
            *next += 1;
        }
    }

    pub fn receive_steady(&self, rng: &mut Rng) {
        self.steady[rng.below(STEADY)].receive();
    }

    fn finish_steady(&self, end: Instant) {
        for steady in &self.steady {
            while !steady.has_all() {
                assert!(Instant::now() < end, "not all came: {}", steady.account());
                for sockets in &self.interfaces {
                    sockets.poll();
                }
                steady.receive();
            }
            for connection in [&steady.from, &steady.to] {
                connection.close(EndReason::APP_GENERIC, "", false).unwrap();
            }
        }
    }

    fn close_sessions(&self) {
        for sockets in &self.interfaces {
            for peer in (0..self.interfaces.len()).map(peers::name) {
                if let Ok(messages) = sockets.messages() {
                    let _ = messages.close(&peer);
                }
                if let Ok(packets) = sockets.packets() {
                    let _ = packets.close(&peer);
                }
            }
        }
    }

    fn close_pool(&self) {
        for connection in self.pool.lock().unwrap().drain(..) {
            // Most are closed already.
            let _ = connection.close(EndReason::APP_GENERIC, "", false);
        }
    }

    /// Everything ends, and everything that lived has delivered.
    pub fn finish(self) {
        let end = Instant::now() + LIMIT;
        self.finish_steady(end);
        self.close_pool();
        let listeners = std::mem::take(&mut *self.listeners.lock().unwrap());
        listeners.into_iter().for_each(Listener::close);
        self.peers.listeners.lock().unwrap().clear();
        self.close_sessions();
        let mut rng = Rng::new(0, 0);
        loop {
            let left: Vec<_> = self
                .interfaces
                .iter()
                .map(Sockets::connection_count)
                .collect();
            if left.iter().all(|count| *count == 0) {
                break;
            }
            assert!(Instant::now() < end, "left: {left:?}");
            for (index, sockets) in self.interfaces.iter().enumerate() {
                self.read_events(index, &mut rng);
                sockets.wait(Duration::from_millis(1));
            }
            self.close_pool();
            self.close_sessions();
        }
        for (index, told) in self.told.iter().enumerate() {
            self.read_events(index, &mut rng);
            for (id, state) in told.lock().unwrap().iter() {
                assert_eq!(
                    *state,
                    ConnectionState::None,
                    "{id} was not told to be gone"
                );
            }
        }
    }
}

impl Steady {
    fn receive(&self) {
        let mut arrived = self.arrived.lock().unwrap();
        let mut messages = Vec::new();
        self.to.receive_batch(&mut messages, 64).unwrap();
        for message in messages {
            let (thread, number) = parse(&message);
            let next = arrived.entry(thread).or_default();
            assert_eq!(number, *next, "of thread {thread}");
            *next += 1;
        }
    }

    /// Whether anything was sent, and all of it has arrived.
    fn has_all(&self) -> bool {
        let sent = self.sent.lock().unwrap();
        !sent.is_empty() && *sent == *self.arrived.lock().unwrap()
    }

    fn account(&self) -> String {
        let (sent, arrived) = (self.sent.lock().unwrap(), self.arrived.lock().unwrap());
        format!("sent {sent:?}, arrived {arrived:?}")
    }
}

fn parse(message: &Message) -> (usize, u32) {
    let number = |at: usize| u32::from_le_bytes(message[at..at + 4].try_into().unwrap());
    (number(0) as usize, number(4))
}
