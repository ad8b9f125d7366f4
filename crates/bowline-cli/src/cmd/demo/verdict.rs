//! Whether all went well.

use serde::Serialize;

use crate::cmd::demo::board::Direction;
use crate::cmd::demo::board::Row;

/// The judgement over all clients.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub(crate) struct Verdict {
    pub(crate) reliable_sent: u64,
    pub(crate) reliable_received: u64,
    pub(crate) unreliable_sent: u64,
    pub(crate) unreliable_received: u64,
    /// Why it did not pass; empty if it did.
    pub(crate) problems: Vec<String>,
}

/// The share of unreliable messages that must arrive, in percent.
const UNRELIABLE_PERCENT: u64 = 99;

impl Verdict {
    pub(crate) fn of(rows: &[Row]) -> Self {
        let directions = || rows.iter().flat_map(|row| [row.up, row.down]);
        let mut verdict = Self {
            reliable_sent: directions().map(|direction| direction.sent.reliable).sum(),
            reliable_received: directions()
                .map(|direction| direction.received.reliable)
                .sum(),
            unreliable_sent: directions()
                .map(|direction| direction.sent.unreliable)
                .sum(),
            unreliable_received: directions()
                .map(|direction| direction.received.unreliable)
                .sum(),
            problems: rows.iter().flat_map(problems_of).collect(),
        };
        let needed = verdict.unreliable_sent * UNRELIABLE_PERCENT;
        if verdict.unreliable_received * 100 < needed {
            verdict.problems.push(format!(
                "only {} of {} unreliable messages arrived, less than {UNRELIABLE_PERCENT} %",
                verdict.unreliable_received, verdict.unreliable_sent
            ));
        }
        verdict
    }

    pub(crate) const fn is_passed(&self) -> bool {
        self.problems.is_empty()
    }
}

fn problems_of(row: &Row) -> Vec<String> {
    let mut problems = Vec::new();
    problems.extend(row.problem.clone());
    if !row.is_connected {
        problems.push("did not connect".to_owned());
    } else if row.up.sent.unreliable == 0 || row.up.sent.reliable == 0 {
        problems.push("sent nothing".to_owned());
    } else if row.down.sent.reliable == 0 {
        problems.push("was sent no level".to_owned());
    }
    for (direction, way) in [(&row.up, "to the server"), (&row.down, "from the server")] {
        problems.extend(problems_on_the_way(direction).map(|problem| format!("{problem} {way}")));
    }
    problems
        .into_iter()
        .map(|problem| format!("{}: {problem}", row.name))
        .collect()
}

fn problems_on_the_way(direction: &Direction) -> impl Iterator<Item = String> {
    let (sent, received) = (direction.sent, direction.received);
    let missing = sent.reliable.saturating_sub(received.reliable);
    let surplus = received.reliable.saturating_sub(sent.reliable);
    let counts = [
        (missing, "reliable messages are missing"),
        (surplus, "reliable messages came that were not sent"),
        (received.repeated, "messages came twice"),
        (received.disordered, "reliable messages came out of order"),
        (received.damaged, "messages were damaged"),
    ];
    let found = counts.into_iter().filter(|(count, _)| *count > 0);
    found.map(|(count, what)| format!("{count} {what}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cmd::demo::traffic::Received;
    use crate::cmd::demo::traffic::Sent;

    fn direction(unreliable: u64, reliable: u64) -> Direction {
        Direction {
            sent: Sent {
                unreliable,
                reliable,
                bytes: 0,
            },
            received: Received {
                unreliable,
                reliable,
                ..Received::default()
            },
        }
    }

    fn row() -> Row {
        Row {
            name: "player-1".to_owned(),
            is_connected: true,
            up: direction(150, 10),
            down: direction(150, 1),
            ..Row::default()
        }
    }

    fn problems(change: impl FnOnce(&mut Row)) -> Vec<String> {
        let mut row = row();
        change(&mut row);
        Verdict::of(&[row]).problems
    }

    #[test]
    fn all_arrived_is_a_pass() {
        let verdict = Verdict::of(&[row(), row()]);
        assert!(verdict.is_passed());
        assert_eq!(
            (verdict.reliable_sent, verdict.unreliable_received),
            (22, 600)
        );
    }

    #[test]
    fn one_percent_of_unreliable_messages_may_be_lost() {
        assert!(problems(|row| row.up.received.unreliable = 147).is_empty());
        let found = problems(|row| row.up.received.unreliable = 146);
        assert_eq!(
            found,
            ["only 296 of 300 unreliable messages arrived, less than 99 %"]
        );
    }

    #[test]
    fn a_reliable_message_must_arrive_once_in_order_and_whole() {
        let found = problems(|row| row.down.received.reliable = 0);
        assert_eq!(
            found,
            ["player-1: 1 reliable messages are missing from the server"]
        );
        assert_eq!(problems(|row| row.up.received.reliable = 11).len(), 1);
        assert_eq!(problems(|row| row.up.received.repeated = 1).len(), 1);
        assert_eq!(problems(|row| row.up.received.disordered = 1).len(), 1);
        assert_eq!(problems(|row| row.up.received.damaged = 1).len(), 1);
    }

    #[test]
    fn nothing_sent_is_no_pass() {
        assert!(!problems(|row| row.up = direction(0, 0)).is_empty());
        assert!(!problems(|row| row.down.sent.reliable = 0).is_empty());
        assert!(!problems(|row| row.is_connected = false).is_empty());
        assert!(!problems(|row| row.problem = Some("lost".to_owned())).is_empty());
    }
}
