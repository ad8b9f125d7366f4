//! What a receiving side counts.

use std::collections::HashMap;
use std::time::Duration;

use bowline::Connection;
use bowline::Message;
use serde_json::Value;
use serde_json::json;

use crate::cmd::bench::Histogram;
use crate::cmd::bench::options::STAMP;
use crate::cmd::bench::process::cpu_ns;

/// Counts messages in a window of time, which opens when the first message was sent.
#[derive(Debug)]
pub(crate) struct Arrivals {
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
    expected: HashMap<Connection, u64>,
    latency: Histogram,
    latency_reliable: Histogram,
}

/// Which messages belong to the window.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Counting {
    /// Those that arrive in it.
    Arriving,
    /// Those that were sent in it, so that late ones weigh in.
    Sent,
}

/// The window, once it is open.
#[derive(Clone, Copy, Debug)]
struct Opened {
    at_ns: u64,
    cpu_at_start_ns: u64,
    cpu_at_end_ns: Option<u64>,
}

impl Arrivals {
    pub(crate) fn new(counting: Counting, window: Duration) -> Self {
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
    pub(crate) const fn has_begun(&self) -> bool {
        self.opened.is_some()
    }

    /// Counts messages that were received by `now_ns`.
    pub(crate) fn count(&mut self, now_ns: u64, messages: &[Message]) {
        // Batches come in runs of one connection each.
        for run in messages.chunk_by(|a, b| a.connection() == b.connection()) {
            self.count_run(now_ns, run);
        }
    }

    /// Ends the window if it has not ended.
    pub(crate) fn end(&mut self) {
        if let Some(opened) = &mut self.opened {
            opened.cpu_at_end_ns.get_or_insert_with(cpu_ns);
        }
    }

    /// The result, for the harness.
    pub(crate) fn json(&mut self) -> Value {
        self.end();
        let cpu_ns = self.opened.map_or(0, |opened| {
            let end = opened.cpu_at_end_ns.unwrap_or(opened.cpu_at_start_ns);
            end.saturating_sub(opened.cpu_at_start_ns)
        });
        json!({
            "msgs": self.msgs,
            "bytes": self.bytes,
            "came": self.came,
            "cpu_s": cpu_ns as f64 / 1e9,
            "window_s": self.window_ns as f64 / 1e9,
            "out_of_order": self.out_of_order,
            "lat_us": self.latency.summary_us(),
            "lat_rel_us": self.latency_reliable.summary_us(),
        })
    }

    fn count_run(&mut self, now_ns: u64, run: &[Message]) {
        let Some(first) = run.first() else {
            return;
        };
        let mut expected = self.expected.get(first.connection()).copied().unwrap_or(0);
        for message in run {
            if let Some((sent_ns, number)) = read_stamp(message) {
                let reliable = message.is_reliable();
                if self.count_one(now_ns, sent_ns, reliable, message.len()) && reliable {
                    self.out_of_order += u64::from(number != expected);
                    expected = number + 1;
                }
            }
        }
        if run.iter().any(Message::is_reliable) {
            self.expected.insert(first.connection().clone(), expected);
        }
    }

    /// Counts one message, unless it is outside of the window.
    fn count_one(&mut self, now_ns: u64, sent_ns: u64, reliable: bool, len: usize) -> bool {
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
        if counts {
            self.msgs += 1;
            self.bytes += len as u64;
            let latency_ns = now_ns.saturating_sub(sent_ns);
            if reliable {
                self.latency_reliable.record(latency_ns);
            } else {
                self.latency.record(latency_ns);
            }
        }
        counts
    }
}

/// Writes the first bytes of a message.
pub(crate) fn write_stamp(message: &mut [u8], sent_ns: u64, number: u64) {
    message[..8].copy_from_slice(&sent_ns.to_le_bytes());
    message[8..STAMP].copy_from_slice(&number.to_le_bytes());
}

/// Reads the first bytes of a message; `None` if it is too short.
pub(crate) fn read_stamp(message: &[u8]) -> Option<(u64, u64)> {
    let (sent_ns, rest) = message.split_first_chunk()?;
    let (number, _) = rest.split_first_chunk()?;
    Some((u64::from_le_bytes(*sent_ns), u64::from_le_bytes(*number)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn arrivals(counting: Counting) -> Arrivals {
        Arrivals::new(counting, Duration::from_nanos(1000))
    }

    #[test]
    fn a_window_of_arrivals_leaves_late_messages_out() {
        let mut arrivals = arrivals(Counting::Arriving);
        assert!(arrivals.count_one(150, 100, true, 16));
        assert!(arrivals.count_one(1100, 900, true, 16));
        assert!(!arrivals.count_one(1101, 900, true, 16));
        let json = arrivals.json();
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
        let mut arrivals = arrivals(Counting::Sent);
        assert!(arrivals.count_one(100, 100, false, 16));
        assert!(arrivals.count_one(9000, 1100, false, 16));
        assert!(!arrivals.count_one(9000, 1101, false, 16));
    }

    #[test]
    fn stamps_are_read_as_written() {
        let mut message = [0; 20];
        write_stamp(&mut message, 7, u64::MAX);
        assert_eq!(read_stamp(&message), Some((7, u64::MAX)));
        assert_eq!(read_stamp(&message[..15]), None);
    }
}
