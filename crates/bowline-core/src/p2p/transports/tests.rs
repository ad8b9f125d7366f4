//! The choice: scenarios in a table, and what must hold whatever happens.

mod chance;
mod live;

use alloc::vec::Vec;
use core::net::SocketAddr;

use super::*;
use crate::ids::LocalId;

pub(super) const RULES: Rules = Rules {
    is_choosing: true,
    since: Timestamp::ZERO,
    ice_penalty_ms: 0,
    relay_penalty_ms: 0,
};

pub(super) const FOLLOWING: Rules = Rules {
    is_choosing: false,
    ..RULES
};

pub(super) const fn at(ms: u64) -> Timestamp {
    Timestamp::from_micros(ms * 1000)
}

pub(super) fn route(kind: Kind) -> Route {
    let (local, remote, kind) = match kind {
        Kind::Ice => (1, "198.51.100.7:4000", RouteKind::Direct),
        Kind::Relay => (2, "203.0.113.9:443", RouteKind::Relayed),
    };
    let remote: SocketAddr = remote.parse().unwrap();
    let local = LocalId::new(local);
    let via = Via { local, remote };
    Route { via, kind }
}

/// What happens to the transports, in a line of the table.
#[derive(Clone, Copy, Debug)]
enum Step {
    /// A transport comes, with a ping in milliseconds.
    Comes(Kind, u64),
    Goes(Kind),
    /// A packet that the peer has chosen the transport for.
    Used(Kind),
    /// One that only asks after it.
    Asked(Kind),
    /// Answers stay away so often from what is taken.
    Silent(u32),
    /// So many seconds pass in which both have these pings.
    Pass {
        secs: u64,
        ice: u64,
        relay: u64,
    },
}

use Step::Asked;
use Step::Comes;
use Step::Goes;
use Step::Pass;
use Step::Silent;
use Step::Used;

const ICE: Kind = Kind::Ice;
const RELAY: Kind = Kind::Relay;

/// Time, the transports, and a number for each question.
struct Scene {
    now: Timestamp,
    transports: Transports,
    rules: Rules,
    number: u64,
}

impl Scene {
    fn new(rules: Rules) -> Self {
        Self {
            now: at(10),
            transports: Transports::new(),
            rules,
            number: 0,
        }
    }

    fn play_all(&mut self, steps: &[Step]) {
        steps.iter().for_each(|step| self.play(*step));
    }

    fn play(&mut self, step: Step) {
        let now = self.now;
        match step {
            Comes(kind, ping) => {
                let rtt = Span::from_millis(ping);
                self.transports.offer(now, kind, route(kind), Some(rtt));
            }
            Goes(kind) => self.transports.withdraw(now, kind),
            Used(kind) => drop(self.transports.on_received(now, kind, true)),
            Asked(kind) => drop(self.transports.on_received(now, kind, false)),
            Silent(times) => (0..times).for_each(|_| self.transports.on_missed_reply()),
            Pass { secs, ice, relay } => {
                let end = now + Span::from_secs(secs);
                while self.now < end {
                    self.tick([ice, relay]);
                }
            }
        }
        self.transports.choose(self.now, &self.rules);
    }

    /// 100 ms pass: what is asked is answered with these pings, and data draws answers, too.
    fn tick(&mut self, [ice, relay]: [u64; 2]) {
        self.now += Span::from_millis(100);
        let ping = |kind| Span::from_millis(if kind == ICE { ice } else { relay });
        while let Some((kind, ..)) = self.transports.wants_probe(self.now) {
            self.number += 1;
            let number = PacketNumber::new(self.number);
            self.transports.on_probe_sent(self.now, kind, number);
            self.transports
                .on_probe_answered(self.now, number, ping(kind));
            self.transports.on_received(self.now, kind, false);
        }
        if let Some(kind) = self.taken() {
            self.transports.on_ping(self.now, ping(kind));
        }
        self.transports.choose(self.now, &self.rules);
    }

    fn taken(&self) -> Option<Kind> {
        self.transports.taken.map(|taken| taken.kind)
    }
}

/// What it shows, the rules, what happens, and what is taken in the end.
type Line = (&'static str, Rules, &'static [Step], Option<Kind>);

/// The relay is faster.
const fn slow(secs: u64) -> Step {
    Pass {
        secs,
        ice: 90,
        relay: 20,
    }
}

/// The relay is slower, as at the beginning.
const fn quick(secs: u64) -> Step {
    Pass {
        secs,
        ice: 20,
        relay: 60,
    }
}

const SCENARIOS: &[Line] = &[
    ("nothing", RULES, &[], None),
    (
        "the only one, confirmed or not",
        RULES,
        &[Comes(RELAY, 60)],
        Some(RELAY),
    ),
    (
        "the only one that is left",
        RULES,
        &[Comes(RELAY, 60), Comes(ICE, 20), Goes(RELAY)],
        Some(ICE),
    ),
    ("none is left", RULES, &[Comes(ICE, 20), Goes(ICE)], None),
    (
        "the first stays while the better one is unconfirmed",
        RULES,
        &[Comes(RELAY, 60), Comes(ICE, 20)],
        Some(RELAY),
    ),
    (
        "the better one is taken once it is confirmed",
        RULES,
        &[Comes(RELAY, 60), Used(RELAY), Comes(ICE, 20), Asked(ICE)],
        Some(ICE),
    ),
    (
        "a penalty decides",
        Rules {
            ice_penalty_ms: 50,
            ..RULES
        },
        &[Comes(RELAY, 60), Used(RELAY), Comes(ICE, 20), Asked(ICE)],
        Some(RELAY),
    ),
    (
        "a penalty on the other side, too",
        Rules {
            relay_penalty_ms: 60,
            ..RULES
        },
        &[Comes(ICE, 60), Used(ICE), Comes(RELAY, 20), Asked(RELAY)],
        Some(ICE),
    ),
    (
        "who follows takes what the peer uses",
        FOLLOWING,
        &[Comes(RELAY, 60), Comes(ICE, 20), Asked(ICE), Used(RELAY)],
        Some(RELAY),
    ),
    (
        "unless it is far worse",
        FOLLOWING,
        &[Comes(RELAY, 300), Comes(ICE, 20), Asked(ICE), Used(RELAY)],
        Some(ICE),
    ),
    (
        "silence makes room for the other",
        RULES,
        &[
            Comes(ICE, 20),
            Used(ICE),
            Comes(RELAY, 60),
            Asked(RELAY),
            Silent(3),
        ],
        Some(RELAY),
    ),
    (
        "two missed replies do not",
        RULES,
        &[
            Comes(ICE, 20),
            Used(ICE),
            Comes(RELAY, 60),
            Asked(RELAY),
            Silent(2),
        ],
        Some(ICE),
    ),
    (
        "a settled choice is left after 15 seconds",
        RULES,
        &[
            Comes(ICE, 20),
            Used(ICE),
            Comes(RELAY, 60),
            Asked(RELAY),
            quick(5),
            slow(40),
        ],
        Some(RELAY),
    ),
    (
        "and not before",
        RULES,
        &[
            Comes(ICE, 20),
            Used(ICE),
            Comes(RELAY, 60),
            Asked(RELAY),
            quick(5),
            slow(13),
        ],
        Some(ICE),
    ),
    (
        "nor for a little",
        RULES,
        &[
            Comes(ICE, 60),
            Used(ICE),
            Comes(RELAY, 100),
            Asked(RELAY),
            Pass {
                secs: 5,
                ice: 60,
                relay: 100,
            },
            Pass {
                secs: 60,
                ice: 60,
                relay: 70,
            },
        ],
        Some(ICE),
    ),
    (
        "what goes is replaced at once",
        RULES,
        &[
            Comes(ICE, 20),
            Used(ICE),
            Comes(RELAY, 60),
            Asked(RELAY),
            quick(5),
            Goes(ICE),
        ],
        Some(RELAY),
    ),
];

#[test]
fn scenarios() {
    for (name, rules, steps, expected) in SCENARIOS {
        let mut scene = Scene::new(*rules);
        scene.play_all(steps);
        assert_eq!(scene.taken(), *expected, "{name}");
    }
}

/// The side that does not choose waits a second for the other's choice, if there are several.
#[test]
fn who_follows_waits_for_the_peers_choice_but_not_for_ever() {
    let mut scene = Scene::new(FOLLOWING);
    // Both come at once, as when an application accepts late.
    scene
        .transports
        .offer(scene.now, ICE, route(ICE), Some(Span::from_millis(20)));
    scene
        .transports
        .offer(scene.now, RELAY, route(RELAY), Some(Span::from_millis(60)));
    scene.play(Asked(ICE));
    assert_eq!(scene.taken(), None);
    assert!(scene.transports.deadline(scene.now, &FOLLOWING) <= Some(at(1000)));
    scene.now = at(999);
    assert_eq!(scene.transports.choose(scene.now, &FOLLOWING), None);
    scene.now = at(1000);
    let taken = scene.transports.choose(scene.now, &FOLLOWING);
    assert_eq!(taken, Some(route(ICE)));
}

/// No timer runs, and nothing is kept for comparisons, while there is one transport only.
#[test]
fn limit_one_transport_needs_no_timer_and_little_memory() {
    let mut scene = Scene::new(RULES);
    scene.play(Comes(ICE, 20));
    scene.play(Used(ICE));
    scene.play(Silent(2));
    assert_eq!(scene.transports.deadline(scene.now, &RULES), None);
    assert_eq!(scene.transports.wants_probe(at(1_000_000)), None);
    assert!(scene.transports.heap_bytes() <= 160);
    scene.play(Comes(RELAY, 60));
    assert!(scene.transports.heap_bytes() <= Transports::HEAP_BOUND);
    assert!(scene.transports.deadline(scene.now, &RULES).is_some());
    scene.play(Goes(RELAY));
    assert_eq!(scene.transports.deadline(scene.now, &RULES), None);
    // The list keeps its place for a second one.
    assert!(scene.transports.heap_bytes() <= 320);
}

/// A transport that is not taken is asked five times, then every ten seconds, and is not counted on any more when
/// three questions stay unanswered.
#[test]
fn a_spare_transport_is_asked_rarely_and_given_up_when_silent() {
    let mut scene = Scene::new(RULES);
    scene.play_all(&[Comes(ICE, 20), Used(ICE), Comes(RELAY, 60), Asked(RELAY)]);
    let mut asked = Vec::new();
    while scene.now < at(60_000) {
        scene.now += Span::from_millis(10);
        if let Some((kind, via, is_taken)) = scene.transports.wants_probe(scene.now) {
            assert_eq!((kind, via, is_taken), (RELAY, route(RELAY).via, false));
            let number = PacketNumber::new(asked.len() as u64);
            scene.transports.on_probe_sent(scene.now, kind, number);
            asked.push(scene.now);
        }
        scene.transports.choose(scene.now, &RULES);
    }
    assert_eq!(asked.len(), 5 + 5, "{asked:?}");
    let relay = scene.transports.find(RELAY).unwrap();
    assert!(!relay.is_confirmed);
    // So it does not replace what falls silent, too, which is no worse.
    scene.play(Silent(3));
    assert_eq!(scene.taken(), Some(ICE));
}

/// A port that changes leaves a transport confirmed; another address does not.
#[test]
fn another_way_of_a_transport_is_to_be_confirmed_anew() {
    let mut scene = Scene::new(RULES);
    scene.play(Comes(ICE, 20));
    scene.play(Used(ICE));
    let mut moved = route(ICE);
    moved.via.remote.set_port(9);
    scene.transports.offer(scene.now, ICE, moved, None);
    assert!(scene.transports.find(ICE).unwrap().is_confirmed);
    assert_eq!(scene.transports.choose(scene.now, &RULES), Some(moved));
    moved.via.remote.set_ip([192, 0, 2, 1].into());
    scene.transports.offer(scene.now, ICE, moved, None);
    assert!(!scene.transports.find(ICE).unwrap().is_confirmed);
}
