//! What must hold whatever happens, in whatever order.

use alloc::vec::Vec;

use proptest::prelude::*;

use super::*;

#[derive(Clone, Debug)]
enum Happens {
    Step(Step),
    /// Time passes with these pings.
    Ticks {
        count: u8,
        pings: [u64; 2],
    },
}

fn kinds() -> impl Strategy<Value = Kind> {
    prop_oneof![Just(ICE), Just(RELAY)]
}

fn happenings() -> impl Strategy<Value = Vec<Happens>> {
    let step = prop_oneof![
        (kinds(), 0..400u64).prop_map(|(kind, ping)| Comes(kind, ping)),
        kinds().prop_map(Goes),
        kinds().prop_map(Used),
        kinds().prop_map(Asked),
        (1..5u32).prop_map(Silent),
    ];
    let ticks = (1..200u8, 0..400u64, 0..400u64).prop_map(|(count, ice, relay)| Happens::Ticks {
        count,
        pings: [ice, relay],
    });
    prop::collection::vec(prop_oneof![step.prop_map(Happens::Step), ticks], 0..40)
}

fn rules() -> impl Strategy<Value = Rules> {
    (any::<bool>(), 0..200u32, 0..200u32).prop_map(|(is_choosing, ice, relay)| Rules {
        is_choosing,
        ice_penalty_ms: ice,
        relay_penalty_ms: relay,
        ..RULES
    })
}

/// What is taken, confirmed and sticky after a step, and when.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
struct Seen {
    at: Timestamp,
    taken: Option<Kind>,
    /// A change since the last look was due to a comparison alone: nothing came, went, or fell silent.
    by_score: bool,
}

impl Scene {
    fn confirmed(&self) -> Vec<Kind> {
        let list = self.transports.list.iter();
        list.filter(|transport| transport.is_confirmed)
            .map(|transport| transport.kind)
            .collect()
    }

    /// Plays all, and checks what holds at every moment; returns the changes.
    fn run(&mut self, happenings: &[Happens]) -> Vec<Seen> {
        let mut seen = Vec::new();
        for happens in happenings {
            match happens {
                Happens::Step(step) => {
                    let (before, confirmed) = (self.taken(), self.confirmed());
                    self.play(*step);
                    self.check(before, &confirmed);
                    self.note(before, false, &mut seen);
                }
                Happens::Ticks { count, pings } => {
                    for _ in 0..*count {
                        let (before, confirmed) = (self.taken(), self.confirmed());
                        let was_sticky = self.transports.taken.is_some_and(|it| it.is_sticky);
                        let stood = before.is_some_and(|kind| confirmed.contains(&kind));
                        self.tick(*pings);
                        self.check(before, &confirmed);
                        self.note(before, was_sticky && stood, &mut seen);
                    }
                }
            }
        }
        seen
    }

    fn note(&self, before: Option<Kind>, by_score: bool, seen: &mut Vec<Seen>) {
        let (at, taken) = (self.now, self.taken());
        if taken != before {
            seen.push(Seen {
                at,
                taken,
                by_score,
            });
        }
    }

    fn check(&self, before: Option<Kind>, were_confirmed: &[Kind]) {
        let confirmed = self.confirmed();
        let is_known = |kind: Kind| self.transports.list.iter().any(|it| it.kind == kind);
        let taken = self.taken();
        assert!(self.transports.list.len() <= limits::MAX_TRANSPORTS);
        assert!(taken.is_none_or(is_known), "what is gone is not taken");
        if let [only] = self.transports.list.as_slice() {
            assert_eq!(taken, Some(only.kind), "the only one is taken");
        }
        if taken != before
            && let (Some(old), Some(new)) = (before, taken)
            && is_known(old)
        {
            assert!(
                confirmed.contains(&new),
                "{new:?} took the place of {old:?}"
            );
        }
        // One that has just been confirmed is taken as soon as the rules let the side choose.
        if let ([only], true) = (confirmed.as_slice(), self.rules.is_choosing)
            && were_confirmed == [*only]
        {
            assert_eq!(taken, Some(*only), "the only one that is confirmed");
        }
        let deadline = self.transports.deadline(self.now, &self.rules);
        let has_several = self.transports.list.len() > 1;
        assert!(has_several || deadline.is_none(), "a timer for one");
    }
}

proptest! {
    #[test]
    fn whatever_happens_the_choice_is_sound(rules in rules(), happenings in happenings()) {
        let mut scene = Scene::new(rules);
        let seen = scene.run(&happenings);
        // The same again.
        prop_assert_eq!(Scene::new(rules).run(&happenings), seen);
    }

    /// Once a choice has settled, comparisons change it at most every 15 seconds.
    #[test]
    fn a_settled_choice_does_not_flip_back_and_forth(
        pings in prop::collection::vec((1..80u8, 0..400u64, 0..400u64), 1..60),
    ) {
        let mut scene = Scene::new(RULES);
        scene.play_all(&[Comes(ICE, 50), Used(ICE), Comes(RELAY, 50), Asked(RELAY)]);
        let happenings: Vec<_> = pings
            .into_iter()
            .map(|(count, ice, relay)| Happens::Ticks { count, pings: [ice, relay] })
            .collect();
        let seen = scene.run(&happenings);
        let settled: Vec<_> = seen.iter().filter(|change| change.by_score).collect();
        for pair in settled.windows(2) {
            prop_assert!(pair[0].at + Span::from_secs(14) <= pair[1].at, "{seen:?}");
        }
    }
}
