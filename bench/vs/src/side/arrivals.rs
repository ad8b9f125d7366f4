//! What a receiving side counts.

use std::collections::HashMap;
use std::time::Duration;

use serde_json::{Value, json};

use super::read_stamp;
use crate::measure::{Histogram, cpu_ns};
use crate::peer::Kind;

/// Counts messages in a window of time that opens when the first of them was sent.
#[derive(Debug)]
pub(super) struct Arrivals {
    counting: Counting,
    window_ns: u64,
    opened: Option<Opened>,
    msgs: u64,
    bytes: u64,
    /// Messages that were sent in the window and came at all: what is missing of them was lost, while what
    /// comes late is only not counted.
    came: u64,
    out_of_order: u64,
    /// The number of the next reliable message, per connection.
    expected: HashMap<u64, u64>,
    latency: Histogram,
    latency_reliable: Histogram,
}

/// Which messages belong to the window.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Counting {
    /// Those that arrive in it.
    Arriving,
    /// Those that were sent in it, so that late ones weigh in.
    Sent,
}

#[derive(Clone, Copy, Debug)]
struct Opened {
    at_ns: u64,
    cpu_at_start_ns: u64,
    cpu_at_end_ns: Option<u64>,
}

impl Arrivals {
    pub(super) fn new(counting: Counting, window: Duration) -> Self {
        Self {
            counting,
            window_ns: window.as_nanos() as u64,
            opened: None,
            msgs: 0,
            bytes: 0,
            came: 0,
            out_of_order: 0,
            expected: HashMap::new(),
            latency: Histogram::default(),
            latency_reliable: Histogram::default(),
        }
    }

    /// Whether a message has come.
    pub(super) const fn has_begun(&self) -> bool {
        self.opened.is_some()
    }

    /// Counts a message that was received by `now_ns`.
    pub(super) fn count(&mut self, now_ns: u64, from: u64, kind: Kind, message: &[u8]) {
        let Some((sent_ns, number)) = read_stamp(message) else {
            return;
        };
        let opened = *self.opened.get_or_insert_with(|| Opened {
            at_ns: sent_ns,
            cpu_at_start_ns: cpu_ns(),
            cpu_at_end_ns: None,
        });
        let is_over = now_ns.saturating_sub(opened.at_ns) > self.window_ns;
        if is_over {
            self.end();
        }
        let was_sent_in_it = sent_ns.saturating_sub(opened.at_ns) <= self.window_ns;
        self.came += u64::from(was_sent_in_it);
        let counts = match self.counting {
            Counting::Arriving => !is_over,
            Counting::Sent => was_sent_in_it,
        };
        if !counts {
            return;
        }
        self.msgs += 1;
        self.bytes += message.len() as u64;
        let latency_ns = now_ns.saturating_sub(sent_ns);
        match kind {
            Kind::Reliable => {
                self.latency_reliable.record(latency_ns);
                let expected = self.expected.entry(from).or_insert(0);
                self.out_of_order += u64::from(number != *expected);
                *expected = number + 1;
            }
            Kind::Unreliable => self.latency.record(latency_ns),
        }
    }

    /// The result so far; the window ends if it has not ended.
    pub(super) fn json(&mut self) -> Value {
        self.end();
        let used_ns = self.opened.map_or(0, |opened| {
            let end_ns = opened.cpu_at_end_ns.unwrap_or(opened.cpu_at_start_ns);
            end_ns.saturating_sub(opened.cpu_at_start_ns)
        });
        json!({
            "msgs": self.msgs,
            "bytes": self.bytes,
            "came": self.came,
            "cpu_s": used_ns as f64 / 1e9,
            "out_of_order": self.out_of_order,
            "lat_us": self.latency.json_us(),
            "lat_rel_us": self.latency_reliable.json_us(),
        })
    }

    fn end(&mut self) {
        if let Some(opened) = &mut self.opened {
            opened.cpu_at_end_ns.get_or_insert_with(cpu_ns);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::write_stamp;
    use super::*;

    fn counted(counting: Counting, messages: &[(u64, u64, u64)]) -> Value {
        let mut arrivals = Arrivals::new(counting, Duration::from_nanos(1000));
        for &(now_ns, sent_ns, number) in messages {
            let mut message = [0; 16];
            write_stamp(&mut message, sent_ns, number);
            arrivals.count(now_ns, 1, Kind::Reliable, &message);
        }
        arrivals.json()
    }

    #[test]
    fn a_window_of_arrivals_leaves_late_messages_out() {
        let json = counted(
            Counting::Arriving,
            &[(150, 100, 0), (1100, 900, 1), (1101, 900, 2)],
        );
        assert_eq!(
            (json["msgs"].as_u64(), json["bytes"].as_u64()),
            (Some(2), Some(32))
        );
        assert_eq!(json["came"].as_u64(), Some(3), "late, but not lost");
        assert_eq!(json["lat_rel_us"]["max"].as_f64(), Some(0.2));
        assert!(json["lat_us"].is_null());
    }

    #[test]
    fn a_window_of_sendings_counts_late_messages() {
        let json = counted(
            Counting::Sent,
            &[(100, 100, 0), (9000, 1100, 1), (9000, 1101, 2)],
        );
        assert_eq!(json["msgs"].as_u64(), Some(2));
    }

    #[test]
    fn a_gap_is_out_of_order_once() {
        let json = counted(Counting::Sent, &[(1, 1, 0), (2, 2, 2), (3, 3, 3)]);
        assert_eq!(json["out_of_order"].as_u64(), Some(1));
    }
}
