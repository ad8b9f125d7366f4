//! The table of `docs/sending.md`: what the scenarios of the `sending` tests achieve over any seeds.
//!
//! ```sh
//! cargo run --release -p bowline-sim --example sending -- 101 108
//! ```
//!
//! The scenarios are those of the tests, the very same functions. The constants of the controller were chosen with
//! the tests' own seeds in view, 1 to 5, so others say more. Everything is in virtual time: the same seeds give the
//! same table on every machine.
#![allow(clippy::print_stdout, reason = "it is made to print")]
#![allow(
    clippy::unwrap_used,
    reason = "as in the tests that it shares scenarios with"
)]
#![allow(dead_code, unused_imports, reason = "what only the tests use")]

use std::ops::RangeInclusive;

use bowline_sim::Span;

#[path = "../tests/sending/alone.rs"]
mod alone;
#[path = "../tests/sending/changes.rs"]
mod changes;
#[path = "../tests/sending/cubic.rs"]
mod cubic;
#[path = "../tests/sending/fast.rs"]
mod fast;
#[path = "../tests/sending/gns.rs"]
mod gns;
#[path = "../tests/sending/sharing.rs"]
mod sharing;
#[path = "../tests/sending/silence.rs"]
mod silence;
#[path = "../tests/sending/support.rs"]
mod support;

use support::{mbit, ms, secs};

/// What a figure has to be.
#[derive(Clone, Copy)]
enum Bound {
    Least(f64),
    Most(f64),
    Within(f64, f64),
}

impl Bound {
    fn holds(self, value: f64) -> bool {
        match self {
            Self::Least(least) => value >= least,
            Self::Most(most) => value <= most,
            Self::Within(least, most) => (least..=most).contains(&value),
        }
    }

    /// The bound, and how many of the figures keep it.
    fn text(self, values: &[f64]) -> String {
        let kept = values.iter().filter(|value| self.holds(**value)).count();
        let of = values.len();
        match self {
            Self::Least(least) => format!("≥ {least}: {kept} of {of}"),
            Self::Most(most) => format!("≤ {most}: {kept} of {of}"),
            Self::Within(least, most) => format!("{least} to {most}: {kept} of {of}"),
        }
    }
}

use Bound::{Least, Most, Within};

/// The worlds to try.
struct Table {
    seeds: RangeInclusive<u64>,
}

fn main() {
    let args = std::env::args().skip(1).map(|arg| arg.parse());
    let args: Vec<u64> = args
        .collect::<Result<_, _>>()
        .expect("usage: sending FIRST LAST");
    let (first, last) = match args[..] {
        [] => (101, 108),
        [first, last] if first <= last => (first, last),
        _ => panic!("usage: sending FIRST LAST"),
    };
    let table = Table {
        seeds: first..=last,
    };
    println!("Seeds {first} to {last}: the middle one [least..greatest].\n");
    println!("| scenario | figure | measured | test's threshold: kept by | aim: met by |");
    println!("|---|---|---|---|---|");
    table.alone();
    table.sharing();
    table.policers();
    table.changes();
    table.others();
    table.fast();
}

impl Table {
    /// One figure of a scenario. The aim is told where the test promises less.
    fn row(&self, what: &str, values: &[f64], promise: Bound, aim: Option<Bound>) {
        let mut sorted = values.to_vec();
        sorted.sort_by(f64::total_cmp);
        let middle = sorted[(sorted.len() - 1) / 2];
        let (least, greatest) = (sorted[0], sorted[sorted.len() - 1]);
        let promise = promise.text(values);
        let aim = aim.map_or(String::new(), |aim| aim.text(values));
        println!("| {what} | {middle:.1} [{least:.1}..{greatest:.1}] | {promise} | {aim} |");
    }

    /// Each world in a thread of its own.
    fn each<T: Send>(&self, run: impl Fn(u64) -> T + Sync) -> Vec<T> {
        let run = &run;
        std::thread::scope(|scope| {
            let worlds: Vec<_> = self
                .seeds
                .clone()
                .map(|seed| scope.spawn(move || run(seed)))
                .collect();
            worlds
                .into_iter()
                .map(|world| world.join().unwrap())
                .collect()
        })
    }

    fn alone(&self) {
        let all = self.each(alone::narrow_bulk);
        let what = "10 Mbit/s, 80 ms, 1 % loss";
        let rates = list(&all, |run| kilo(run.0));
        self.row(&format!("{what} | kB/s"), &rates, Least(1163.0), None);
        let queues = list(&all, |run| millis(run.1));
        self.row(
            &format!("{what} | queue p99, ms"),
            &queues,
            Most(20.0),
            None,
        );
        let all = self.each(alone::narrow_with_stream);
        let what = "the same, a 30 Hz stream beside bulk";
        let rates = list(&all, |run| kilo(run.0));
        self.row(
            &format!("{what} | kB/s of bulk"),
            &rates,
            Least(1150.0),
            None,
        );
        let delays = list(&all, |run| millis(run.1));
        self.row(
            &format!("{what} | stream p99, ms"),
            &delays,
            Most(60.0),
            None,
        );
        let all = self.each(alone::one_mbit);
        let what = "1 Mbit/s, 60 ms, stream beside bulk";
        let rates = list(&all, |run| share(run.0, mbit(10)));
        self.row(
            &format!("{what} | % of the link"),
            &rates,
            Least(85.0),
            None,
        );
        let delays = list(&all, |run| millis(run.1));
        let aim = Some(Most(95.0));
        self.row(
            &format!("{what} | stream p99, ms"),
            &delays,
            Most(105.0),
            aim,
        );
    }

    fn sharing(&self) {
        for (what, gap) in [("two begin together", 0), ("one begins 5 s later", 5000)] {
            let all = self.each(|seed| sharing::two(seed, ms(gap)));
            let apart = list(&all, |run| run.0 as f64);
            self.row(
                &format!("{what} | % less for one"),
                &apart,
                Most(15.0),
                None,
            );
        }
        let all = self.each(sharing::four);
        let least = list(&all, |run| run.0 as f64);
        let what = "four together";
        self.row(
            &format!("{what} | least, % of fair"),
            &least,
            Least(80.0),
            Some(Least(88.0)),
        );
        let queues = list(&all, |run| millis(run.2));
        self.row(
            &format!("{what} | queue p99, ms"),
            &queues,
            Most(40.0),
            None,
        );
        for rate in [mbit(100), mbit(500)] {
            for tenths in [5, 10, 40] {
                let all = self.each(|seed| sharing::against_cubic(seed, rate, tenths));
                let ours = list(&all, |run| *run as f64);
                let (mbit, ms) = (rate / mbit(10), 4 * tenths);
                let what = format!("Cubic, {mbit} Mbit/s, 40 ms, queue of {ms} ms | our share, %");
                self.row(&what, &ours, Within(25.0, 75.0), Some(Within(33.0, 67.0)));
            }
        }
    }

    fn policers(&self) {
        let all =
            self.each(|seed| changes::policed(seed, [20_000, 60_000, 300_000][seed as usize % 3]));
        let what = "policer at 5 Mbit/s, 40 ms";
        let rates = list(&all, |run| share(run.0, mbit(50)));
        self.row(
            &format!("{what} | % of its rate"),
            &rates,
            Least(94.0),
            None,
        );
        let lost = list(&all, |run| run.1 as f64);
        self.row(
            &format!("{what} | % lost"),
            &lost,
            Most(10.0),
            Some(Most(9.0)),
        );
        let all = self.each(changes::policed_and_lossy);
        let what = "policer at 20 Mbit/s, 5 % loss";
        let rates = list(&all, |run| share(run.0, mbit(200)));
        self.row(
            &format!("{what} | % of its rate"),
            &rates,
            Least(86.0),
            Some(Least(90.0)),
        );
        let lost = list(&all, |run| run.1 as f64);
        self.row(
            &format!("{what} | % lost in all"),
            &lost,
            Most(16.0),
            Some(Most(12.0)),
        );
    }

    fn changes(&self) {
        let all = self.each(|seed| changes::longer_route(seed).0);
        let after = list(&all, |after| after.map_or(f64::INFINITY, millis));
        let what = "40 ms become 200 | ms until the rate is back";
        self.row(what, &after, Most(3000.0), None);
        let rates = list(&self.each(changes::bursts_of_loss), |rate| {
            share(*rate, mbit(200))
        });
        let what = "30 % loss for 100 of 500 ms | % of the link";
        self.row(what, &rates, Least(72.0), Some(Least(79.0)));
        let rates = list(&self.each(changes::lasting_loss), |rate| {
            share(*rate, mbit(200))
        });
        self.row(
            "15 % loss comes to stay | % of the link",
            &rates,
            Least(75.0),
            None,
        );
        let all = self.each(|seed| changes::jittery([seed; 3]));
        let rows = [
            ("jitter of 3 ms, in order", 80.0, Some(Least(92.0))),
            ("jitter of 8 ms, in order", 30.0, Some(Least(50.0))),
            ("jitter of 8 ms, out of order", 90.0, None),
        ];
        for (index, (what, least, aim)) in rows.into_iter().enumerate() {
            let rates = list(&all, |run| run[index] as f64);
            self.row(
                &format!("{what} | % of the link"),
                &rates,
                Least(least),
                aim,
            );
        }
    }

    fn others(&self) {
        let all = self.each(|seed| silence::lost_tail(seed).0);
        let took = list(&all, |took| millis(*took));
        self.row(
            "a lost last packet, 40 ms | ms until it is there",
            &took,
            Most(80.0),
            None,
        );
        for (loss, least, aim) in [(0, 11.4, None), (1, 7.0, None), (5, 2.5, Some(Least(4.0)))] {
            let all = self.each(|seed| gns::toward_gns(seed, loss, false).0);
            let rates = list(&all, |rate| mega(*rate));
            let what = format!("GNS receiver, 100 Mbit/s, 60 ms, {loss} % loss | MB/s");
            self.row(&what, &rates, Least(least), aim);
        }
    }

    fn fast(&self) {
        let rate = |(rtt, loss, link, time): (u64, u32, u64, u64), from: u64| {
            self.each(|seed| {
                let (path, flow) = fast::lossy(seed, rtt, loss, link, time);
                mega(path.goodput(flow, secs(from), secs(time)))
            })
        };
        let rates = rate((600, 1, mbit(200), 30), 15);
        self.row(
            "20 Mbit/s, 600 ms, 1 % loss | MB/s",
            &rates,
            Least(2.125),
            None,
        );
        let rates = rate((150, 20, mbit(3000), 8), 4);
        let what = "300 Mbit/s, 150 ms, 20 % loss | MB/s";
        self.row(what, &rates, Least(25.0), None);
        let rates = rate((50, 5, mbit(8000), 4), 2);
        self.row(
            "800 Mbit/s, 50 ms, 5 % loss | MB/s",
            &rates,
            Least(60.0),
            None,
        );
    }
}

fn list<T>(all: &[T], figure: impl Fn(&T) -> f64) -> Vec<f64> {
    all.iter().map(figure).collect()
}

fn kilo(bytes: u64) -> f64 {
    bytes as f64 / 1e3
}

fn mega(bytes: u64) -> f64 {
    bytes as f64 / 1e6
}

fn millis(span: Span) -> f64 {
    span.as_micros() as f64 / 1e3
}

fn share(part: u64, whole: u64) -> f64 {
    part as f64 * 100.0 / whole as f64
}
