//! What happened last and how things stand, for people.

use std::collections::VecDeque;
use std::fmt;
use std::fmt::Write as _;

use bowline_core::config::ConfigKey;
use bowline_core::connection::ConnectionState;
use bowline_core::event::Event;
use bowline_core::time::Span;

use crate::check::Violation;
use crate::host::{Conn, HostId, Power};
use crate::world::{START, World};

/// Lines that are remembered, for whoever plays a scenario again to look into it.
const MAX_LINES: usize = 10_000;
/// Lines that are told of a failure.
const LAST_LINES: usize = 40;

/// The last notable things that happened.
#[derive(Clone, Debug, Default)]
pub(crate) struct Story {
    lines: VecDeque<(Span, String)>,
    forgotten: u64,
}

impl Story {
    pub(crate) fn tell(&mut self, at: Span, line: String) {
        if self.lines.len() == MAX_LINES {
            self.lines.pop_front();
            self.forgotten += 1;
        }
        self.lines.push_back((at, line));
    }
}

/// Something did not come, or should not have: what it was, how things stand, what happened last.
#[derive(Clone)]
pub struct Stuck {
    what: String,
    story: String,
}

impl Stuck {
    pub(crate) const fn new(what: String, story: String) -> Self {
        Self { what, story }
    }

    /// What did not come, or should not have.
    pub(crate) fn what(&self) -> &str {
        &self.what
    }
}

impl fmt::Display for Stuck {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}\n{}", self.what, self.story)
    }
}

impl fmt::Debug for Stuck {
    /// The same as for people, since this is what `unwrap` shows.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl std::error::Error for Stuck {}

impl World {
    /// How things stand and what happened last, in words.
    pub(crate) fn tell_all(&self) -> String {
        self.tell_last(LAST_LINES)
    }

    /// The same with all that is remembered.
    pub(crate) fn tell_whole_story(&self) -> String {
        self.tell_last(MAX_LINES)
    }

    fn tell_last(&self, lines: usize) -> String {
        let mut out = String::new();
        // Writing to a string cannot fail.
        let _ = self.write_all(&mut out, lines);
        out
    }

    /// The violations, with the host and how old the world was.
    pub(crate) fn tell_violations(&self) -> Vec<String> {
        let tell = |violation: &Violation| {
            let age = seconds(violation.at.since(START));
            format!("{age} on {}, {violation}", self.name(violation.host))
        };
        self.violations.iter().map(tell).collect()
    }

    fn write_all(&self, out: &mut String, max_lines: usize) -> fmt::Result {
        writeln!(
            out,
            "after {}, {} events planned",
            seconds(self.age()),
            self.queue.len()
        )?;
        for (index, host) in self.hosts.iter().enumerate() {
            let off = match host.power {
                Power::On => "",
                Power::Paused(_) => ", paused",
                Power::Off => ", switched off",
            };
            write!(out, "{} at {}{off}", host.name, host.address)?;
            let settings = &host.config.connection;
            if ConfigKey::all().any(|key| settings.origin(key).is_some()) {
                write!(out, ", settings {settings:?}")?;
            }
            writeln!(out)?;
            let index = u16::try_from(index).unwrap_or(u16::MAX);
            for conn in self.connections(HostId::new(index)) {
                self.write_connection(out, conn)?;
            }
        }
        for nat in self.network.nats() {
            let (name, address) = (&nat.name, nat.address);
            let (config, counters) = (nat.config(), nat.counters());
            writeln!(out, "nat {name} at {address}: {config}; {counters}")?;
        }
        for (from, to, link) in self.network.links() {
            let (from, to) = (self.name(from), self.name(to));
            let (config, counters) = (link.config(), link.counters());
            writeln!(out, "link {from} to {to}: {config}; {counters}")?;
        }
        let skipped = self.story.lines.len().saturating_sub(max_lines);
        match self.story.forgotten + skipped as u64 {
            0 => writeln!(out, "what happened:")?,
            more => writeln!(out, "what happened last, {more} lines before it left out:")?,
        }
        for (at, line) in self.story.lines.iter().skip(skipped) {
            writeln!(out, "  {} {line}", seconds(*at))?;
        }
        Ok(())
    }

    fn write_connection(&self, out: &mut String, conn: Conn) -> fmt::Result {
        let info = self.info(conn);
        write!(out, "  {} {}", conn.id, info.state)?;
        if info.end_reason.code() != 0 {
            write!(out, ", ended {} {:?}", info.end_reason, info.end_text)?;
        }
        if let Some(status) = self.status(conn) {
            let (rate, ping) = (status.send_rate_bytes_per_sec, status.ping_ms);
            let pending = status.pending_reliable_bytes;
            let unacked = status.unacked_reliable_bytes;
            if let (Some(ping), Some(rate)) = (ping, rate) {
                write!(out, ", ping {ping} ms, rate {rate} B/s")?;
            }
            write!(out, ", reliable bytes {pending} pending, {unacked} unacked")?;
        }
        let host = self.host(conn.host);
        if let Some((at, kind)) = host.slot(conn.id).and_then(|slot| slot.deadline()) {
            let wait = at.since(host.local(self.now));
            write!(out, ", timer {kind:?} in {wait}")?;
        }
        if let Some(flow) = self.deliveries(conn) {
            write!(out, ", of its messages {}", flow.counts())?;
            let due = flow.reliable_due();
            if due > 0 {
                write!(out, ", {due} reliable ones are still to come")?;
            }
        }
        if let Some(connection) = host.connection(conn.id) {
            let drops = connection.drops();
            drops
                .iter()
                .try_for_each(|(reason, n)| write!(out, ", {n} {reason}"))?;
        }
        writeln!(out)
    }
}

/// What a connection tells its application, for people.
pub(super) fn in_words(event: Event) -> String {
    match event {
        Event::StateChanged {
            old: ConnectionState::None,
            new,
        } => format!("is {new}"),
        Event::StateChanged { old, new } => format!("was {old}, is {new}"),
        Event::Writable => "has room to send again".into(),
    }
}

fn seconds(span: Span) -> String {
    let us = span.as_micros();
    format!("{}.{:06}s", us / 1_000_000, us % 1_000_000)
}

#[cfg(test)]
mod tests {
    use bowline_core::message::SendFlags;

    use super::*;
    use crate::host::HostConfig;
    use crate::link::LinkConfig;
    use crate::nat::NatConfig;

    #[test]
    fn a_story_tells_in_words_and_only_of_what_there_was() {
        let mut world = World::new(1);
        let server = world.add_host("server", HostConfig::default());
        let home = world.add_nat("home", NatConfig::PORT_RESTRICTED);
        let player = world.add_host_behind(home, "player", HostConfig::default());
        let address = world.listen(server, 1);
        let (player, _) = world.connect_pair(player, address).unwrap();
        world.set_links(LinkConfig::PERFECT.down());
        world.send(player, SendFlags::RELIABLE, b"lost").unwrap();
        let stuck = world.wait_for_delivery(player, Span::from_secs(1));
        let text = stuck.unwrap_err().to_string();
        for part in [
            "server at 10.0.0.1\n",
            "of its messages 0 of 1 reliable and 0 of 0 unreliable received, 1 reliable ones are still to come",
            "nat home at ",
            "; 1 mappings, ",
            " lost while it was down\n",
            "what happened:\n",
            ": was Connecting, is Connected\n",
        ] {
            assert!(text.contains(part), "{part:?} is not in:\n{text}");
        }
        for part in ["{", "None", "Some(", "lost in bursts"] {
            assert!(!text.contains(part), "{part:?} is in:\n{text}");
        }
    }
}
