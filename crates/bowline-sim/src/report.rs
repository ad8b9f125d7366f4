//! What became of a match, for people and for assertions: who sent what to whom, how much of it
//! arrived, and how long that took.
//!
//! The world writes a [`Journal`] as it goes: when each message was accepted for sending and when it
//! was handed to the application at the other end. [`World::report`] makes a [`Report`] of it.

use std::collections::BTreeMap;
use std::fmt;

use bowline_core::connection::ConnectionState;
use bowline_core::ids::{LaneIndex, MessageNumber};
use bowline_core::time::{Span, Timestamp};
use hdrhistogram::Histogram;

use crate::host::{Conn, HostId};
use crate::link::{LinkConfig, LinkCounters};
use crate::world::World;

/// What became of everything that was sent in a world; prints as prose.
///
/// ```
/// use bowline_sim::{Chance, HostConfig, LinkConfig, SendFlags, Span, World};
///
/// let mut world = World::new(7);
/// let server = world.add_host("server", HostConfig::default());
/// let player = world.add_host("player", HostConfig::default());
/// world.set_links(LinkConfig::PERFECT.latency(Span::from_millis(30)));
/// let address = world.listen(server, 27015);
/// let (player, _) = world.connect_pair(player, address).unwrap();
/// world.send(player, SendFlags::UNRELIABLE_NO_NAGLE, b"input").unwrap();
/// world.run_for(Span::from_secs(1));
///
/// let report = world.report();
/// let inputs = report.flow(player).unwrap().unreliable();
/// assert_eq!((inputs.sent(), inputs.arrived()), (1, 1));
/// assert!(inputs.delay(99.0) >= Some(Span::from_millis(30)));
/// println!("{report}");
/// ```
#[derive(Clone, Debug)]
pub struct Report {
    seed: u64,
    age: Span,
    hosts: usize,
    flows: Vec<FlowReport>,
    violations: Vec<String>,
}

/// What became of the messages that one end of a connection sent to the other.
#[derive(Clone, Debug)]
pub struct FlowReport {
    sender: Conn,
    receiver: Option<HostId>,
    began: Timestamp,
    from: String,
    to: String,
    link: LinkConfig,
    counters: LinkCounters,
    end: Option<String>,
    kinds: Kinds,
}

/// What became of the reliable messages of a flow, or of the unreliable ones.
#[derive(Clone, Debug)]
pub struct KindReport {
    sent: u64,
    /// Times on the way, in microseconds.
    delays: Histogram<u64>,
}

impl Report {
    /// Each direction of each connection that carried messages: by sender, by receiver, the earlier
    /// connection first.
    pub fn flows(&self) -> &[FlowReport] {
        &self.flows
    }

    /// What this end of a connection sent; `None` if nothing.
    pub fn flow(&self, sender: Conn) -> Option<&FlowReport> {
        self.flows.iter().find(|flow| flow.sender == sender)
    }

    /// What became of all messages of a kind, in all flows together: the reliable ones or the others.
    pub fn total(&self, reliable: bool) -> KindReport {
        self.totals().of(reliable).clone()
    }

    /// Whether every promise was kept ([`World::verify`]).
    pub const fn is_clean(&self) -> bool {
        self.violations.is_empty()
    }

    fn totals(&self) -> Kinds {
        let mut totals = Kinds::default();
        self.flows.iter().for_each(|flow| totals.add(&flow.kinds));
        totals
    }
}

impl FlowReport {
    /// The end of the connection that sent these messages.
    pub const fn sender(&self) -> Conn {
        self.sender
    }

    /// The name of the host that sent them.
    pub fn from(&self) -> &str {
        &self.from
    }

    /// The name of the host that they were for.
    pub fn to(&self) -> &str {
        &self.to
    }

    /// Messages sent reliably.
    pub const fn reliable(&self) -> &KindReport {
        &self.kinds.reliable
    }

    /// Messages sent unreliably.
    pub const fn unreliable(&self) -> &KindReport {
        &self.kinds.unreliable
    }
}

impl KindReport {
    /// Messages accepted for sending.
    pub const fn sent(&self) -> u64 {
        self.sent
    }

    /// Messages that the application at the other end has taken.
    pub fn arrived(&self) -> u64 {
        self.delays.len()
    }

    /// The time from sending to the other application that `percent` of the messages that arrived did
    /// not exceed, to three digits; `None` if none arrived. 50 is the median, 100 the slowest.
    pub fn delay(&self, percent: f64) -> Option<Span> {
        let value = || self.delays.value_at_percentile(percent);
        (!self.delays.is_empty()).then(|| Span::from_micros(value()))
    }
}

impl World {
    /// What became of everything that was sent so far.
    pub fn report(&self) -> Report {
        let flow = |(sender, flow): (&Conn, &Flow)| self.flow_report(*sender, flow);
        let mut flows: Vec<FlowReport> = self.journal().flows.iter().map(flow).collect();
        flows.sort_by_key(|flow| (flow.sender.host, flow.receiver, flow.began));
        Report {
            seed: self.seed_number(),
            age: self.age(),
            hosts: self.host_count(),
            flows,
            violations: self.tell_violations(),
        }
    }

    fn flow_report(&self, sender: Conn, flow: &Flow) -> FlowReport {
        let info = self.info(sender);
        let to = self.peer_of(sender).map(|peer| peer.host);
        // The reason stays when the application closes what has ended already.
        let end = if info.end_reason.code() != 0 {
            Some(format!("{}: {}", info.end_reason, info.end_text))
        } else if info.state == ConnectionState::Dead {
            Some("its process".into())
        } else {
            None
        };
        FlowReport {
            sender,
            receiver: to,
            began: flow.began,
            from: self.name(sender.host),
            to: to.map_or_else(|| "nobody".into(), |host| self.name(host)),
            link: to.map_or(LinkConfig::PERFECT, |to| self.link(sender.host, to)),
            counters: to.map_or_else(LinkCounters::default, |to| {
                self.link_counters(sender.host, to)
            }),
            end,
            kinds: flow.kinds.clone(),
        }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (hosts, age, seed) = (self.hosts, Seconds(self.age), self.seed);
        writeln!(
            f,
            "{hosts} hosts, {age} of their time, seed {seed}. In all:"
        )?;
        for (name, kind) in self.totals().named() {
            writeln!(f, "  {name}: {kind}")?;
        }
        for flow in &self.flows {
            writeln!(f, "\n{flow}")?;
        }
        if self.is_clean() {
            return writeln!(f, "\nEvery promise was kept.");
        }
        writeln!(f, "\nBroken promises:")?;
        self.violations
            .iter()
            .try_for_each(|violation| writeln!(f, "  {violation}"))
    }
}

impl fmt::Display for FlowReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} to {}, over {}", self.from, self.to, self.link)?;
        let lost = self.counters.lost_in_all();
        if lost > 0 {
            write!(f, " ({lost} of {} datagrams lost)", self.counters.sent)?;
        }
        f.write_str(":")?;
        for (name, kind) in self.kinds.named() {
            write!(f, "\n  {name}: {kind}")?;
        }
        match &self.end {
            Some(end) => write!(f, "\n  The connection ended with {end}."),
            None => Ok(()),
        }
    }
}

impl fmt::Display for KindReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (sent, arrived) = (self.sent, self.arrived());
        if arrived == sent {
            write!(f, "all {sent} arrived")?;
        } else {
            let per_mille = arrived * 1000 / sent.max(1);
            let (whole, tenth) = (per_mille / 10, per_mille % 10);
            write!(f, "{arrived} of {sent} arrived ({whole}.{tenth} %)")?;
        }
        let at = |percent| self.delay(percent).map(Millis);
        if let (Some(median), Some(p99), Some(most)) = (at(50.0), at(99.0), at(100.0)) {
            write!(
                f,
                "; half within {median}, 99 of 100 within {p99}, the slowest in {most}"
            )?;
        }
        f.write_str(".")
    }
}

/// When messages were sent, until they arrive.
#[derive(Debug, Default)]
pub(crate) struct Journal {
    flows: BTreeMap<Conn, Flow>,
}

#[derive(Debug)]
struct Flow {
    /// When the first message was sent.
    began: Timestamp,
    kinds: Kinds,
    under_way: BTreeMap<(LaneIndex, MessageNumber), (Timestamp, bool)>,
}

#[derive(Clone, Debug)]
struct Kinds {
    reliable: KindReport,
    unreliable: KindReport,
}

impl Journal {
    pub(crate) fn sent(
        &mut self,
        now: Timestamp,
        sender: Conn,
        message: (LaneIndex, MessageNumber),
        reliable: bool,
    ) {
        let flow = self.flows.entry(sender).or_insert_with(|| Flow {
            began: now,
            kinds: Kinds::default(),
            under_way: BTreeMap::new(),
        });
        flow.kinds.of(reliable).sent += 1;
        flow.under_way.insert(message, (now, reliable));
    }

    pub(crate) fn received(
        &mut self,
        now: Timestamp,
        sender: Conn,
        message: (LaneIndex, MessageNumber),
    ) {
        let Some(flow) = self.flows.get_mut(&sender) else {
            return;
        };
        if let Some((sent, reliable)) = flow.under_way.remove(&message) {
            let delay_us = now.since(sent).as_micros();
            let recorded = flow.kinds.of(reliable).delays.record(delay_us);
            recorded.expect("it grows with what it is given");
        }
    }
}

impl Default for Kinds {
    fn default() -> Self {
        Self {
            reliable: KindReport::new(),
            unreliable: KindReport::new(),
        }
    }
}

impl Kinds {
    const fn of(&mut self, reliable: bool) -> &mut KindReport {
        if reliable {
            &mut self.reliable
        } else {
            &mut self.unreliable
        }
    }

    fn add(&mut self, other: &Self) {
        self.reliable.add(&other.reliable);
        self.unreliable.add(&other.unreliable);
    }

    /// Those of which there were any, with their names.
    fn named(&self) -> impl Iterator<Item = (&'static str, &KindReport)> {
        let both = [
            ("unreliable", &self.unreliable),
            ("reliable", &self.reliable),
        ];
        both.into_iter().filter(|(_, kind)| kind.sent > 0)
    }
}

impl KindReport {
    fn new() -> Self {
        Self {
            sent: 0,
            delays: Histogram::new(3).expect("three digits are within what it can do"),
        }
    }

    fn add(&mut self, other: &Self) {
        self.sent += other.sent;
        let added = self.delays.add(&other.delays);
        added.expect("it grows with what it is given");
    }
}

/// A span in seconds, to a tenth.
struct Seconds(Span);

impl fmt::Display for Seconds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let tenths = self.0.as_micros() / 100_000;
        write!(f, "{}.{} s", tenths / 10, tenths % 10)
    }
}

/// A span in milliseconds, to a tenth.
struct Millis(Span);

impl fmt::Display for Millis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let tenths = self.0.as_micros() / 100;
        write!(f, "{}.{} ms", tenths / 10, tenths % 10)
    }
}

#[cfg(test)]
mod tests {
    use bowline_core::end_reason::EndReason;
    use bowline_core::message::SendFlags;

    use super::*;
    use crate::host::HostConfig;
    use crate::link::Chance;

    fn ms(ms: u64) -> Span {
        Span::from_millis(ms)
    }

    fn play(link: LinkConfig) -> (World, Conn) {
        let mut world = World::new(3);
        let server = world.add_host("server", HostConfig::default());
        let player = world.add_host("player", HostConfig::default());
        let address = world.listen(server, 1);
        let (player, _) = world.connect_pair(player, address).unwrap();
        world.set_links(link);
        for _ in 0..200 {
            world
                .send(player, SendFlags::UNRELIABLE_NO_NAGLE, b"input")
                .unwrap();
            world.run_for(ms(20));
        }
        world
            .send(player, SendFlags::RELIABLE_NO_NAGLE, b"done")
            .unwrap();
        world.run_for(Span::from_secs(5));
        (world, player)
    }

    #[test]
    fn delays_are_those_of_the_link() {
        let (world, player) = play(LinkConfig::PERFECT.latency(ms(40)));
        let report = world.report();
        let flow = report.flow(player).unwrap();
        assert_eq!((flow.from(), flow.to()), ("player", "server"));
        let unreliable = flow.unreliable();
        assert_eq!((unreliable.sent(), unreliable.arrived()), (200, 200));
        for percent in [50.0, 100.0] {
            let delay_us = unreliable.delay(percent).unwrap().as_micros();
            assert!((40_000..=40_100).contains(&delay_us), "{delay_us}");
        }
        assert_eq!(flow.reliable().arrived(), 1);
        assert_eq!(report.total(false).arrived(), 200);
        let text = report.to_string();
        for part in [
            "2 hosts, ",
            "seed 3. In all:",
            "player to server, over 40",
            "unreliable: all 200 arrived; half within 40.",
            "reliable: all 1 arrived",
            "Every promise was kept.",
        ] {
            assert!(text.contains(part), "{part:?} is not in:\n{text}");
        }
    }

    #[test]
    fn what_was_lost_is_told() {
        let (world, player) = play(LinkConfig::PERFECT.loss(Chance::percent(30)));
        let report = world.report();
        let flow = report.flow(player).unwrap();
        let arrived = flow.unreliable().arrived();
        assert!((110..170).contains(&arrived), "{arrived}");
        let text = flow.to_string();
        assert!(
            text.contains(&format!("{arrived} of 200 arrived (")),
            "{text}"
        );
        assert!(text.contains(" datagrams lost)"), "{text}");
    }

    #[test]
    fn an_end_is_told() {
        let (mut world, player) = play(LinkConfig::PERFECT);
        world.set_links(LinkConfig::PERFECT.down());
        world
            .send(player, SendFlags::RELIABLE, b"anyone there?")
            .unwrap();
        world.run_for(Span::from_secs(30));
        let text = world.report().to_string();
        assert!(text.contains("1 of 2 arrived (50.0 %)"), "{text}");
        assert!(text.contains("The connection ended with "), "{text}");
        world.close(player, EndReason::APP_GENERIC, "", false);
        let end = "The connection ended with 5003: The peer fell silent.";
        let text = world.report().to_string();
        assert!(text.contains(end), "{text}");
    }

    #[test]
    fn a_crash_ends_connections_and_those_after_it_come_later() {
        let (mut world, player) = play(LinkConfig::PERFECT);
        let (host, server) = (player.host, world.peer_of(player).unwrap().host);
        world.restart(host);
        let address = world.listen(server, 1);
        let (again, _) = world.connect_pair(host, address).unwrap();
        world.send(again, SendFlags::RELIABLE, b"back").unwrap();
        let report = world.report();
        let senders = report.flows().iter().map(FlowReport::sender);
        assert_eq!(senders.collect::<Vec<_>>(), [player, again]);
        let text = report.to_string();
        let ends = text.matches("The connection ended with its process.");
        assert_eq!(ends.count(), 1, "{text}");
    }
}
