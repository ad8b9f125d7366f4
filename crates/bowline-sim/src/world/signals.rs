//! Peers that find each other by signals, and the service that carries those: late, twice, or not at all.

use bowline_core::error::{ConnectP2pError, ListenP2pError};
use bowline_core::identity::Identity;
use bowline_core::ids::VirtualPort;
use bowline_core::rng::Rng;
use bowline_core::time::{Span, Timestamp};

use crate::host::{Conn, HostId, Power, Signal};
use crate::network::Datagram;
use crate::world::{Planned, World};

/// How signals are carried.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct SignalConfig {
    /// How long one is on its way at least.
    pub latency: Span,
    /// How much longer it may be, by chance; those that begin later may overtake it.
    pub jitter: Span,
    /// How many of a hundred are lost.
    pub loss_percent: u32,
    /// How many of a hundred arrive twice.
    pub twice_percent: u32,
}

/// What has become of signals.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct SignalCounters {
    /// Sent by a host.
    pub sent: u64,
    /// Bytes of those.
    pub bytes: u64,
    /// Lost on the way.
    pub lost: u64,
    /// The largest, in bytes.
    pub largest: usize,
}

/// Whoever carries signals from host to host.
pub(crate) struct SignalService {
    config: SignalConfig,
    rng: Rng,
    pub(crate) counters: SignalCounters,
    filter: Option<SignalFilter>,
}

type SignalFilter = Box<dyn FnMut(Timestamp, &mut Vec<u8>) -> bool>;

impl Default for SignalConfig {
    /// 20 ms, and nothing is lost.
    fn default() -> Self {
        Self {
            latency: Span::from_millis(20),
            jitter: Span::ZERO,
            loss_percent: 0,
            twice_percent: 0,
        }
    }
}

impl SignalService {
    pub(crate) fn new(seed: [u8; 32]) -> Self {
        Self {
            config: SignalConfig::default(),
            rng: Rng::from_seed(seed).child("signals"),
            counters: SignalCounters::default(),
            filter: None,
        }
    }

    /// When the signal arrives: never, once or twice.
    fn carry(&mut self, now: Timestamp, bytes: &mut Vec<u8>) -> Vec<Timestamp> {
        self.counters.sent += 1;
        self.counters.bytes += bytes.len() as u64;
        self.counters.largest = self.counters.largest.max(bytes.len());
        let passes = self.filter.as_mut().is_none_or(|filter| filter(now, bytes));
        let SignalConfig {
            latency,
            jitter,
            loss_percent,
            twice_percent,
        } = self.config;
        let lost = self.rng.u32() % 100 < loss_percent;
        if lost || !passes {
            self.counters.lost += 1;
            return Vec::new();
        }
        let copies = 1 + usize::from(self.rng.u32() % 100 < twice_percent);
        let arrivals = (0..copies).map(|_| {
            let late = self.rng.u64() % (jitter.as_micros() + 1);
            now + latency + Span::from_micros(late)
        });
        arrivals.collect()
    }
}

impl World {
    /// Sets how signals are carried.
    pub fn set_signals(&mut self, config: SignalConfig) {
        self.signals.config = config;
        self.tell(format!("signals: {config:?}"));
    }

    /// Shows every signal to `filter` before it is sent; it may change it, or say that it is lost.
    pub fn set_signal_filter(
        &mut self,
        filter: impl FnMut(Timestamp, &mut Vec<u8>) -> bool + 'static,
    ) {
        self.signals.filter = Some(Box::new(filter));
    }

    /// What has become of signals.
    pub const fn signal_counters(&self) -> SignalCounters {
        self.signals.counters
    }

    /// Gives a host the socket that its connections between peers share.
    pub fn open_peer_socket(&mut self, host: HostId) {
        self.touch(host, |host, now, out| host.open_peer_socket(now, out));
    }

    /// Takes that socket away again, as when a cable is pulled.
    pub fn close_peer_socket(&mut self, host: HostId) {
        self.touch(host, |host, now, out| host.close_peer_socket(now, out));
    }

    /// Lets peers connect to a virtual port of a host, with the settings that it has now.
    ///
    /// # Errors
    /// If somebody listens there.
    pub fn listen_p2p(&mut self, host: HostId, port: VirtualPort) -> Result<(), ListenP2pError> {
        self.touch(host, |host, _, _| host.listen_p2p(port))
    }

    /// Connects a host to another one by its identity.
    ///
    /// # Errors
    /// See [`ConnectP2pError`].
    pub fn connect_p2p(
        &mut self,
        from: HostId,
        to: HostId,
        port: VirtualPort,
    ) -> Result<Conn, ConnectP2pError> {
        let peer = self.host(to).config.identity.clone();
        let id = self.touch(from, |host, now, out| {
            host.connect_p2p(now, &peer, port, out)
        })?;
        Ok(Conn { host: from, id })
    }

    /// Hands a host a signal, whoever made it.
    pub fn inject_signal(&mut self, to: HostId, bytes: &[u8]) {
        self.deliver_signal(to, bytes.to_vec());
    }

    /// Has a host answer all datagrams in a way of its own, as a server of another kind does, such as a
    /// [`StunServer`](crate::stun_server::StunServer).
    pub fn serve(
        &mut self,
        host: HostId,
        service: impl FnMut(Timestamp, &Datagram) -> Vec<Datagram> + 'static,
    ) {
        self.host_mut(host).serve(Box::new(service));
    }

    /// Takes signals from a host to where they are to go.
    pub(super) fn carry_signals(&mut self, from: HostId, signals: Vec<Signal>) {
        for Signal { to, mut bytes } in signals {
            let index = (from.index() as u32).to_le_bytes();
            self.trace.record(
                self.now,
                &[b"signal", &index, to.to_string().as_bytes(), &bytes],
            );
            let arrivals = self.signals.carry(self.now, &mut bytes);
            let Some(host) = self.host_of(&to) else {
                continue;
            };
            for at in arrivals {
                self.queue.plan(at, Planned::Signal(host, bytes.clone()));
            }
        }
    }

    pub(super) fn deliver_signal(&mut self, to: HostId, bytes: Vec<u8>) {
        if let Power::On = self.host(to).power {
            self.touch(to, |host, now, out| host.signalled(now, bytes, out));
        }
    }

    fn host_of(&self, identity: &Identity) -> Option<HostId> {
        let mut hosts = self.host_ids().into_iter();
        hosts.find(|host| self.host(*host).config.identity == *identity)
    }
}
