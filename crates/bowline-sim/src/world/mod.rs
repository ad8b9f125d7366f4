//! The world: virtual time, hosts, the network between them, and everything that happens.

mod app;
mod bounds;
mod fault;
mod linger;
mod nat;
mod oracle;
mod raw;
mod settle;
mod signals;
mod story;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::net::SocketAddr;

use bowline_core::crypto::Crypto;
use bowline_core::crypto::once::NonceWatch;
use bowline_core::event::Event;
use bowline_core::rng::Rng;
use bowline_core::time::{Span, Timestamp};
use sha2::{Digest, Sha256};

use crate::check::{Fault, Violation};
use crate::gns_receiver::GnsReceiver;
use crate::host::{Conn, Effects, Host, HostConfig, HostId, News, Power, What};
use crate::link::{Fate, LinkConfig, LinkCounters};
use crate::model::{DeliveryModel, SequenceModel};
use crate::network::{Datagram, Network, RealmId};
use crate::queue::EventQueue;
use crate::report::Journal;
use crate::trace::{Trace, TraceHash};

use self::bounds::Bounds;
use self::signals::SignalService;
use self::story::{Story, in_words};

pub use self::signals::{SignalConfig, SignalCounters};
pub use self::story::Stuck;

/// A world of its own: hosts, links and a clock that only moves when something happens.
///
/// Everything that seems random grows from the seed, so the same world, asked to do the same, does
/// the same to the last byte. Deliveries are held against a [`DeliveryModel`] throughout; see
/// [`World::verify`].
pub struct World {
    now: Timestamp,
    seed_number: u64,
    seed: [u8; 32],
    crypto: Crypto,
    hosts: Vec<Host>,
    network: Network,
    queue: EventQueue<Planned>,
    trace: Trace,
    story: Story,
    /// What each end of each connection has sent to the other.
    flows: BTreeMap<Conn, DeliveryModel>,
    /// What each end has asked for of what it receives.
    sequences: BTreeMap<Conn, SequenceModel>,
    /// Models of GNS in front of receivers.
    gns: BTreeMap<Conn, GnsReceiver>,
    journal: Journal,
    nonces: NonceWatch,
    signals: SignalService,
    /// How often something happened to a host.
    touches: u64,
    /// What ends might hold under settings that they do not have any more.
    bounds: BTreeMap<Conn, Bounds>,
    /// Ends that were closed with linger.
    lingering: BTreeSet<Conn>,
    violations: Vec<Violation>,
    filter: Option<Filter>,
}

type Filter = Box<dyn FnMut(Timestamp, &mut Datagram) -> Verdict>;

/// What a filter says to a datagram that is about to be sent.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Verdict {
    /// Goes its way.
    Pass,
    /// Is lost.
    Drop,
}

/// What will happen.
#[derive(Debug)]
enum Planned {
    Arrival(RealmId, Datagram),
    Wake(HostId),
    Signal(HostId, Vec<u8>),
}

/// When the world begins. Not zero, so that times before it can be told from no time at all.
const START: Timestamp = Timestamp::from_micros(1_000_000);

impl World {
    /// An empty world.
    pub fn new(seed: u64) -> Self {
        let seed_number = seed;
        let seed = seed_bytes(seed);
        let (nonces, crypto) = NonceWatch::pair();
        Self {
            now: START,
            seed_number,
            seed,
            crypto,
            hosts: Vec::new(),
            network: Network::new(seed),
            queue: EventQueue::new(),
            trace: Trace::new(START),
            story: Story::default(),
            flows: BTreeMap::new(),
            sequences: BTreeMap::new(),
            gns: BTreeMap::new(),
            journal: Journal::default(),
            nonces,
            signals: SignalService::new(seed),
            touches: 0,
            bounds: BTreeMap::new(),
            lingering: BTreeSet::new(),
            violations: Vec::new(),
            filter: None,
        }
    }

    /// Adds a host. Its address is in 10.0.0.0/8, its clock shows some time of its own, and it is
    /// linked with all others. The name is for stories.
    ///
    /// # Panics
    /// If there are 65,536 hosts already.
    pub fn add_host(&mut self, name: &str, config: HostConfig) -> HostId {
        self.add_host_in(RealmId::PUBLIC, name, config)
    }

    fn add_host_in(&mut self, realm: RealmId, name: &str, config: HostConfig) -> HostId {
        let index = u16::try_from(self.hosts.len()).expect("at most 65,536 hosts");
        let id = HostId::new(index);
        let address = self.network.add_host(id, realm);
        let mut rng = Rng::from_seed(self.seed).child(&format!("host {index}"));
        let clock_lead = Span::from_micros(u64::from(rng.u32()) * 1000);
        let (crypto, seed) = (self.crypto.clone(), rng.bytes());
        let host = Host::new(name, address, config, crypto, seed, clock_lead, self.now);
        self.hosts.push(host);
        id
    }

    /// What time it is.
    pub const fn now(&self) -> Timestamp {
        self.now
    }

    /// How long the world exists.
    pub const fn age(&self) -> Span {
        self.now.since(START)
    }

    /// A number generator for the scenario itself, grown from the world's seed and a label.
    pub fn rng(&self, label: &str) -> Rng {
        Rng::from_seed(self.seed).child(&format!("scenario {label}"))
    }

    /// Sets all links, between all hosts in both directions.
    pub fn set_links(&mut self, config: LinkConfig) {
        self.network.set_all(config);
        self.tell(format!("all links: {config}"));
    }

    /// Sets one direction between two hosts.
    pub fn set_link(&mut self, from: HostId, to: HostId, config: LinkConfig) {
        self.network.set_link(from, to, config);
        let (from, to) = (self.name(from), self.name(to));
        self.tell(format!("link {from} to {to}: {config}"));
    }

    /// How one direction between two hosts is set.
    pub fn link(&self, from: HostId, to: HostId) -> LinkConfig {
        self.network.config(from, to)
    }

    /// What one direction between two hosts has done.
    pub fn link_counters(&self, from: HostId, to: HostId) -> LinkCounters {
        self.network.counters(from, to)
    }

    /// How long a datagram would wait now in front of the bottleneck of one direction between two hosts. All
    /// connections between them share it.
    pub fn link_queue(&self, from: HostId, to: HostId) -> Span {
        self.network.queue(self.now, from, to)
    }

    /// Shows every datagram to `filter` before it is sent; it may change or drop it.
    pub fn set_filter(
        &mut self,
        filter: impl FnMut(Timestamp, &mut Datagram) -> Verdict + 'static,
    ) {
        self.filter = Some(Box::new(filter));
    }

    /// Ends the filter.
    pub fn clear_filter(&mut self) {
        self.filter = None;
    }

    /// Puts the limits of a GNS receiver in front of a connection: what GNS would refuse does not
    /// arrive. The connection must not be encrypted, and nothing may have been sent to it yet.
    pub fn receive_as_gns(&mut self, receiver: Conn) {
        let start = self.host(receiver.host).config.start.unwrap_or_default();
        let model = GnsReceiver::starting_at(receiver.id, start);
        self.gns.insert(receiver, model);
    }

    /// The same for every connection of a host that wants it, before anything can arrive.
    pub(crate) fn put_gns_in_front(&mut self, conn: Conn) {
        if self.host(conn.host).config.is_like_gns {
            self.receive_as_gns(conn);
        }
    }

    /// What the model has seen so far; `None` without [`Self::receive_as_gns`].
    pub fn gns_receiver(&self, receiver: Conn) -> Option<&GnsReceiver> {
        self.gns.get(&receiver)
    }

    /// Lets time pass until `end`.
    pub fn run_until(&mut self, end: Timestamp) {
        while self.step(end) {}
        self.now = self.now.max(end);
    }

    /// Lets time pass.
    pub fn run_for(&mut self, span: Span) {
        self.run_until(self.now + span);
    }

    /// Lets time pass until `done`, but no longer than `limit`. `what` is what it waits for, for
    /// the story if it does not come.
    ///
    /// # Errors
    /// If it does not come in time. The error tells how things stand and what happened last.
    pub fn wait_for(
        &mut self,
        what: &str,
        limit: Span,
        mut done: impl FnMut(&mut Self) -> bool,
    ) -> Result<(), Stuck> {
        let end = self.now + limit;
        while !done(self) {
            if !self.step(end) {
                self.now = end;
                return Err(Stuck::new(
                    format!("waited {limit} for: {what}"),
                    self.tell_all(),
                ));
            }
        }
        Ok(())
    }

    /// The fingerprint of every datagram and event so far. Equal for equal runs.
    pub fn trace_hash(&self) -> TraceHash {
        self.trace.digest()
    }

    /// What should not have happened.
    pub fn violations(&self) -> &[Violation] {
        &self.violations
    }

    /// Whether everything was as it should be: see [the list](crate#what-is-checked-without-being-asked).
    ///
    /// # Errors
    /// If something was not. The error tells what, how things stand and what happened last.
    pub fn verify(&self) -> Result<(), Stuck> {
        if self.violations.is_empty() {
            return Ok(());
        }
        let list = self.tell_violations();
        let what = format!("this should not have happened:\n  {}", list.join("\n  "));
        Err(Stuck::new(what, self.tell_all()))
    }

    pub(crate) const fn seed_number(&self) -> u64 {
        self.seed_number
    }

    pub(crate) const fn host_count(&self) -> usize {
        self.hosts.len()
    }

    pub(crate) const fn journal(&self) -> &Journal {
        &self.journal
    }

    pub(crate) const fn trace(&self) -> &Trace {
        &self.trace
    }

    /// Lets the next thing happen, if it happens before `end`.
    fn step(&mut self, end: Timestamp) -> bool {
        let Some((at, planned)) = self.queue.pop_until(end) else {
            return false;
        };
        self.now = self.now.max(at);
        match planned {
            Planned::Arrival(realm, mut datagram) => {
                if let Some(host) = self.network.enter(at, realm, &mut datagram) {
                    self.arrive(host, datagram);
                }
            }
            Planned::Signal(host, bytes) => self.deliver_signal(host, bytes),
            Planned::Wake(host) => {
                if self.host(host).planned_wake == Some(at) {
                    self.host_mut(host).planned_wake = None;
                    self.touch(host, |host, now, out| host.wake(now, out));
                }
            }
        }
        true
    }

    fn arrive(&mut self, host: HostId, datagram: Datagram) {
        if let Power::Off = self.host(host).power {
            return;
        }
        if !self.is_taken_by_gns(host, &datagram.bytes) {
            return;
        }
        self.touch(host, |host, now, out| host.arrived(now, datagram, out));
    }

    /// Lets something happen to a host and sees to what comes of it.
    fn touch<T>(
        &mut self,
        id: HostId,
        what: impl FnOnce(&mut Host, Timestamp, &mut Effects) -> T,
    ) -> T {
        let mut effects = Effects::default();
        let now = self.now;
        self.begin_watch();
        let result = what(self.host_mut(id), now, &mut effects);
        self.see_to(id, effects);
        result
    }

    /// Sends what a host wants to send, hears what it tells, and plans when to wake it.
    fn see_to(&mut self, id: HostId, effects: Effects) {
        let now = self.now;
        let host = self.host_mut(id);
        match &mut host.power {
            Power::On => {
                if let Some(at) = host.plan_wake(now) {
                    self.queue.plan(at, Planned::Wake(id));
                }
                for datagram in effects.datagrams {
                    self.send_datagram(id, datagram);
                }
                self.carry_signals(id, effects.signals);
            }
            Power::Paused(stopped) => stopped.outgoing.extend(effects.datagrams),
            Power::Off => {}
        }
        for news in effects.news {
            self.hear(id, news);
        }
        self.end_watch(id);
    }

    fn send_datagram(&mut self, from: HostId, mut datagram: Datagram) {
        let (source, target) = (bytes_of(datagram.from), bytes_of(datagram.to));
        self.trace
            .record(self.now, &[b"datagram", &source, &target, &datagram.bytes]);
        if let Some(filter) = &mut self.filter
            && filter(self.now, &mut datagram) == Verdict::Drop
        {
            return;
        }
        self.show_answer_to_gns(from, &datagram);
        let way = self.network.leave(self.now, from, &mut datagram);
        self.tell_mappings();
        let Some((realm, to)) = way else {
            return;
        };
        match self.network.carry(self.now, from, to, &mut datagram.bytes) {
            Fate::Arrives(at) => self.queue.plan(at, Planned::Arrival(realm, datagram)),
            Fate::ArrivesTwice(at, again) => {
                let copy = datagram.clone();
                self.queue.plan(at, Planned::Arrival(realm, copy));
                self.queue.plan(again, Planned::Arrival(realm, datagram));
            }
            Fate::Lost => {}
        }
    }

    /// Takes note of something that a host tells about a connection.
    fn hear(&mut self, host: HostId, news: News) {
        let conn = Conn { host, id: news.id };
        let id = news.id.get().to_le_bytes();
        let index = (host.index() as u32).to_le_bytes();
        let text = match &news.what {
            What::Received(message) => {
                format!("received {} {}", message.lane.get(), message.number.get())
            }
            What::Event(event) => format!("{event:?}"),
            What::Incoming(from) => format!("comes in from {from}"),
            What::Dead => "is over".into(),
            What::Spinning(timer) => format!("timer {timer:?} gets nowhere"),
            What::LongBurst(bytes) => format!("sends {bytes} bytes at once"),
        };
        self.trace
            .record(self.now, &[b"news", &index, &id, text.as_bytes()]);
        match news.what {
            What::Received(message) => self.check_delivery(conn, &message),
            What::Spinning(timer) => self.violate(host, Some(conn), Fault::IdleTimer(timer)),
            What::LongBurst(bytes) => {
                self.violate(host, Some(conn), Fault::LongBurst { bytes });
            }
            What::Event(event) => {
                self.tell_of(conn, &in_words(event));
                if let Event::StateChanged { old, new } = event {
                    self.check_silence(conn, old, new);
                }
            }
            What::Incoming(_) => {
                self.put_gns_in_front(conn);
                self.tell_of(conn, &text);
            }
            What::Dead => self.tell_of(conn, &text),
        }
    }

    fn tell_of(&mut self, conn: Conn, text: &str) {
        let who = self.describe(conn);
        self.tell(format!("{who}: {text}"));
    }

    /// The other end of a connection, as far as this end knows it.
    fn sender_of(&self, conn: Conn) -> Option<Conn> {
        let slot = self.host(conn.host).slot(conn.id)?;
        let id = slot.info().remote_id?;
        if let Some(host) = self.network.host_at(slot.route.remote) {
            return Some(Conn { host, id });
        }
        // Behind a NAT, or moved away. IDs of two hosts may be the same, pairs of them are not.
        let is_other_end = |host: &HostId| {
            let slot = self.host(*host).slot(id);
            slot.is_some_and(|slot| slot.info().remote_id == Some(conn.id))
        };
        let host = self.host_ids().into_iter().find(is_other_end)?;
        Some(Conn { host, id })
    }

    fn host(&self, id: HostId) -> &Host {
        &self.hosts[id.index()]
    }

    fn host_mut(&mut self, id: HostId) -> &mut Host {
        &mut self.hosts[id.index()]
    }

    pub(crate) fn name(&self, id: HostId) -> String {
        self.host(id).name.clone()
    }

    pub(crate) fn describe(&self, conn: Conn) -> String {
        format!("{} {}", self.host(conn.host).name, conn.id)
    }

    /// Takes down a fault: it belongs to the story, and two runs must have the same.
    fn note(&mut self, line: String) {
        self.trace.record(self.now, &[b"fault", line.as_bytes()]);
        self.tell(line);
    }

    pub(crate) fn tell(&mut self, line: String) {
        self.story.tell(self.now.since(START), line);
    }
}

impl fmt::Debug for World {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.tell_all())
    }
}

/// 32 bytes from a handy number.
fn seed_bytes(seed: u64) -> [u8; 32] {
    let mut hash = Sha256::new();
    hash.update(b"bowline-sim");
    hash.update(seed.to_le_bytes());
    hash.finalize().into()
}

/// An address as bytes, for the trace.
fn bytes_of(address: SocketAddr) -> Vec<u8> {
    address.to_string().into_bytes()
}
