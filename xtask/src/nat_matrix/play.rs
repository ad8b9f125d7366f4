//! A cell is played: both hosts call each other, and each sends a line that the other has to get.

use std::path::Path;
use std::time::{Duration, Instant};

use crate::Result;
use crate::nat_matrix::cells::{Cell, Change, Meeting};
use crate::nat_matrix::hub::Hub;
use crate::nat_matrix::inside::{SIGNAL_PORT, within};
use crate::nat_matrix::lab::SERVER;
use crate::nat_matrix::terminal::Terminal;
use crate::nat_matrix::theory::Route;
use crate::stage::Job;

/// How long two hosts may take to connect or to give up.
const PATIENCE: Duration = Duration::from_secs(40);
/// How long those may take to find a direct way who are connected by a relay.
const TIME_TO_BETTER: Duration = Duration::from_secs(6);
/// How long to wait for a direct way that there must not be.
const TIME_TO_STAY: Duration = Duration::from_secs(2);
/// How long they may take to end.
const TIME_TO_CLOSE: Duration = Duration::from_secs(2);
/// How long to look at one of the two before the other.
const MOMENT: Duration = Duration::from_millis(5);
/// What each says to the other.
const HELLO: &str = "hello";
/// And after a change of networks, or without the hub.
const AGAIN: &str = "still there?";
/// And when they have found out that the hub is gone.
const LATER: &str = "and now?";
/// What they tell of the hub.
const SIGNED_IN: &str = "signed in to the hub";
const GONE: &str = "the hub has gone: the connection goes on";

/// How a cell went.
#[derive(Debug)]
pub(crate) struct Played {
    pub(crate) cell: Cell,
    pub(crate) found: Found,
    /// All that both printed.
    pub(crate) transcripts: String,
}

/// What was found.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Found {
    /// They came together.
    Met {
        /// In the end.
        route: Route,
        /// From the time when signals of both could travel, until both were connected.
        after: Duration,
        /// A relay carried their packets before.
        was_relayed: bool,
        /// From a change of the first one's network until both had heard of each other again, or from the return of the
        /// hub until it knew both again.
        recovered: Option<Duration>,
    },
    /// Both gave up.
    NotMet {
        /// From the time when signals of both could travel.
        after: Duration,
        /// The number of the reason.
        why: String,
    },
    /// Neither, or something else is wrong.
    Broken(String),
}

impl Found {
    /// How long it took.
    pub(crate) const fn after(&self) -> Duration {
        match self {
            Self::Met { after, .. } | Self::NotMet { after, .. } => *after,
            Self::Broken(_) => Duration::MAX,
        }
    }
}

impl Played {
    /// What its hosts printed.
    pub(crate) fn told(&self) -> String {
        format!("\n=== {}\n{}", self.cell.name, self.transcripts)
    }

    /// How long it took to go on after a change of networks.
    pub(crate) fn recovered(&self) -> Option<Duration> {
        match self.found {
            Found::Met { recovered, .. } => recovered,
            Found::NotMet { .. } | Found::Broken(_) => None,
        }
    }

    /// Whether theory has it so.
    pub(crate) fn is_expected(&self) -> bool {
        match &self.found {
            Found::Met { route, .. } => *route == self.cell.expected,
            Found::NotMet { .. } => self.cell.expected == Route::None,
            Found::Broken(_) => false,
        }
    }
}

/// Plays a cell; the number makes its identities unlike those of others.
pub(crate) fn play(job: &Job<'_>, program: &Path, cell: &Cell, number: usize) -> Played {
    let mut pair = match Pair::start(job, program, cell, number) {
        Ok(pair) => pair,
        Err(error) => {
            return Played {
                cell: cell.clone(),
                found: Found::Broken(error.to_string()),
                transcripts: String::new(),
            };
        }
    };
    let found = pair.come_together(job, cell).unwrap_or_else(Found::Broken);
    pair.hang_up();
    let [a, b] = &pair.terminals;
    Played {
        cell: cell.clone(),
        found,
        transcripts: format!(
            "--- {}\n{}--- {}\n{}",
            cell.hosts[0],
            a.transcript(),
            cell.hosts[1],
            b.transcript()
        ),
    }
}

struct Pair {
    terminals: [Terminal; 2],
    hub: Option<Hub>,
}

impl Pair {
    fn start(job: &Job<'_>, program: &Path, cell: &Cell, number: usize) -> Result<Self> {
        let [a, b] = ["a", "b"].map(|side| format!("str:{side}{number}"));
        let hub = match cell.meeting {
            Meeting::SignalServer => None,
            Meeting::Hub | Meeting::MortalHub => Some(Hub::start(job, program, number)?),
        };
        let start = |host: &str, me: &str, peer: &str| {
            let mut command = within(job, host, program);
            command.args(["p2p", "--identity", me, "--peer", peer]);
            match &hub {
                Some(hub) => command.args(hub.arguments()),
                None => command.args(["--signal", &format!("{SERVER}:{SIGNAL_PORT}")]),
            };
            for setting in cell.knows.settings() {
                command.args(["--set", &setting]);
            }
            Terminal::start(&mut command, peer)
        };
        let terminals = [
            start(&cell.hosts[0], &a, &b)?,
            start(&cell.hosts[1], &b, &a)?,
        ];
        Ok(Self { terminals, hub })
    }

    /// Waits until both are connected or have given up.
    fn come_together(&mut self, job: &Job<'_>, cell: &Cell) -> std::result::Result<Found, String> {
        let limit = Instant::now() + PATIENCE;
        let is_decided = |one: &Terminal| one.connected().is_some() || one.ended().is_some();
        if !self.look_until(limit, |[a, b]| is_decided(a) && is_decided(b)) {
            return Err("neither connected nor given up".into());
        }
        let Some(begin) = self.latest(Terminal::called) else {
            return Err("did not call".into());
        };
        let connected = self.latest(|one| one.connected().map(|(at, _)| at));
        let Some(connected) = connected else {
            return self.given_up(begin, limit);
        };
        self.settle(cell.expected);
        if !self.exchange(HELLO) {
            return Err("connected, but data does not pass".into());
        }
        let recovered = match (&cell.change, cell.meeting) {
            (Some(change), _) => Some(self.change(job, &cell.hosts[0], change)?),
            (None, Meeting::MortalHub) => Some(self.lose_hub(job)?),
            (None, Meeting::SignalServer | Meeting::Hub) => None,
        };
        let routes = self.terminals.each_ref().map(Terminal::connected);
        let is_relayed = routes
            .iter()
            .flatten()
            .any(|(_, route)| *route == Route::Relay);
        Ok(Found::Met {
            route: if is_relayed {
                Route::Relay
            } else {
                Route::Direct
            },
            after: connected.saturating_duration_since(begin),
            was_relayed: self.terminals.iter().any(Terminal::was_relayed),
            recovered,
        })
    }

    /// Changes the first one's network. Tells how long it took until a line of each had arrived that was typed
    /// after that.
    fn change(
        &mut self,
        job: &Job<'_>,
        host: &str,
        change: &Change,
    ) -> std::result::Result<Duration, String> {
        let [_, stays] = &self.terminals;
        let way = stays.last_route().unwrap_or_default();
        let mut commands = change.commands.iter();
        let fitting = commands.find(|(seen, _)| way.contains(seen.as_str()));
        let (_, commands) = fitting.ok_or_else(|| format!("a way that nobody planned: {way}"))?;
        let mut shell = within(job, host, Path::new("sh"));
        job.run(shell.args(["-euc", commands]))
            .map_err(|error| error.to_string())?;
        let since = Instant::now();
        if !self.exchange(AGAIN) {
            return Err("data does not pass any more after the change".into());
        }
        Ok(since.elapsed())
    }

    /// Kills the hub, before both know of it and after that has them talk, and starts it again. Tells how long it took
    /// from then until it knew both.
    fn lose_hub(&mut self, job: &Job<'_>) -> std::result::Result<Duration, String> {
        let has_more = |text: &'static str, before: [usize; 2]| {
            move |[a, b]: &[Terminal; 2]| a.count(text) > before[0] && b.count(text) > before[1]
        };
        let before = self.terminals.each_ref().map(|one| one.count(GONE));
        if let Some(hub) = &mut self.hub {
            hub.kill();
        }
        if !self.exchange(AGAIN) {
            return Err("data does not pass any more without the hub".into());
        }
        let limit = Instant::now() + PATIENCE;
        if !self.look_until(limit, has_more(GONE, before)) {
            return Err("the end of the hub is not noticed".into());
        }
        if !self.exchange(LATER) {
            return Err("data does not pass any more once the end of the hub is known".into());
        }
        let before = self.terminals.each_ref().map(|one| one.count(SIGNED_IN));
        let since = Instant::now();
        if let Some(hub) = &mut self.hub {
            hub.restart(job).map_err(|error| error.to_string())?;
        }
        if !self.look_until(since + PATIENCE, has_more(SIGNED_IN, before)) {
            return Err("the hub is there again, but not everybody is signed in".into());
        }
        Ok(since.elapsed())
    }

    /// Has each say this. Tells whether both hear it.
    fn exchange(&mut self, text: &str) -> bool {
        for terminal in &mut self.terminals {
            terminal.say(text);
        }
        let limit = Instant::now() + PATIENCE;
        self.look_until(limit, |[a, b]| a.has_heard(text) && b.has_heard(text))
    }

    /// Gives those who are connected the time to find a better way, or to show that they find none.
    fn settle(&mut self, expected: Route) {
        let is_direct = |one: &Terminal| {
            one.connected()
                .is_some_and(|(_, route)| route == Route::Direct)
        };
        let patience = if expected == Route::Direct {
            TIME_TO_BETTER
        } else {
            TIME_TO_STAY
        };
        self.look_until(Instant::now() + patience, |[a, b]| {
            is_direct(a) && is_direct(b)
        });
    }

    fn given_up(&mut self, begin: Instant, limit: Instant) -> std::result::Result<Found, String> {
        let is_over = |[a, b]: &[Terminal; 2]| a.ended().is_some() && b.ended().is_some();
        if !self.look_until(limit, is_over) {
            return Err("one is connected, the other has given up".into());
        }
        let end = self.latest(Terminal::ended).unwrap_or(begin);
        Ok(Found::NotMet {
            after: end.saturating_duration_since(begin),
            why: self.reason(),
        })
    }

    /// The number of the reason that one of them gave: the other hears it from there, or finds the same.
    fn reason(&self) -> String {
        let errors = self.terminals.iter().filter_map(Terminal::error);
        let mut reasons = errors.filter_map(|error| error.rsplit_once("(reason "));
        let number = reasons
            .next()
            .map(|(_, number)| number.trim_end_matches(')'));
        number.map_or_else(String::new, |number| format!("reason {number}"))
    }

    /// Has both close the connection, so that relays are free again.
    fn hang_up(&mut self) {
        for terminal in &mut self.terminals {
            terminal.hang_up();
        }
        let is_over = |[a, b]: &[Terminal; 2]| a.ended().is_some() && b.ended().is_some();
        self.look_until(Instant::now() + TIME_TO_CLOSE, is_over);
    }

    /// The later of two times, if both have come.
    fn latest(&self, when: impl Fn(&Terminal) -> Option<Instant>) -> Option<Instant> {
        let [a, b] = &self.terminals;
        Some(when(a)?.max(when(b)?))
    }

    /// Looks at what both print until something holds. Tells whether it does.
    fn look_until(&mut self, limit: Instant, holds: impl Fn(&[Terminal; 2]) -> bool) -> bool {
        while !holds(&self.terminals) {
            let now = Instant::now();
            if now > limit {
                return false;
            }
            for terminal in &mut self.terminals {
                terminal.look(Instant::now() + MOMENT);
            }
        }
        true
    }
}
