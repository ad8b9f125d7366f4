use std::format;

use proptest::collection::vec as vec_of;
use proptest::prelude::*;

use super::*;
use crate::limits::SIGNAL_RELIABLE_BYTES;

const BUDGET: usize = SIGNAL_RELIABLE_BYTES;

fn at(ms: u64) -> Timestamp {
    Timestamp::from_micros(1_000_000) + Span::from_millis(ms)
}

fn candidate(n: usize) -> ReliableMessage {
    ReliableMessage::Candidate(format!("candidate {n:3} {}", "x".repeat(66)))
}

fn sender(count: usize) -> ReliableSender {
    let mut sender = ReliableSender::new();
    for n in 0..count {
        sender.push(candidate(n)).unwrap();
    }
    sender
}

/// Number and count of what goes.
fn taken(sender: &mut ReliableSender, ms: u64, from_oldest: bool) -> Option<(u32, usize)> {
    let (first, messages) = sender.take(at(ms), BUDGET, from_oldest)?;
    let bytes: usize = messages.iter().map(ReliableMessage::encoded_len).sum();
    assert!(bytes <= BUDGET);
    Some((first, messages.len()))
}

#[test]
fn a_message_goes_once_until_its_time_is_over() {
    let mut sender = sender(3);
    assert!(sender.due(at(0)));
    assert_eq!(taken(&mut sender, 0, false), Some((1, 3)));
    assert_eq!(sender.deadline(), Some(at(1000)));
    assert_eq!(taken(&mut sender, 999, false), None);
    assert_eq!(taken(&mut sender, 1000, false), Some((1, 3)));
    assert_eq!(sender.deadline(), Some(at(2500)), "it backs off");
    assert_eq!(taken(&mut sender, 2500, false), Some((1, 3)));
    assert_eq!(sender.deadline(), Some(at(4750)));
    assert_eq!(taken(&mut sender, 4750, false), Some((1, 3)));
    assert_eq!(sender.deadline(), Some(at(7750)), "up to a bound");
    sender.ack(1).unwrap();
    assert_eq!(sender.deadline(), Some(at(5750)), "progress ends it");
    sender.ack(3).unwrap();
    assert_eq!((sender.deadline(), sender.is_empty()), (None, true));
}

#[test]
fn new_messages_go_alone() {
    let mut sender = sender(2);
    assert_eq!(taken(&mut sender, 0, false), Some((1, 2)));
    sender.push(candidate(9)).unwrap();
    assert!(sender.due(at(100)));
    assert_eq!(taken(&mut sender, 100, false), Some((3, 1)));
    // A loss voids what came after it.
    assert_eq!(taken(&mut sender, 1000, false), Some((1, 3)));
}

#[test]
fn requests_begin_with_the_oldest() {
    let mut sender = sender(2);
    assert_eq!(taken(&mut sender, 0, true), Some((1, 2)));
    sender.push(candidate(9)).unwrap();
    assert_eq!(taken(&mut sender, 100, true), Some((1, 3)));
    assert_eq!(taken(&mut sender, 600, true), Some((1, 3)));
    assert_eq!(sender.deadline(), Some(at(1600)));
}

#[test]
fn limit_bytes_of_a_signal_and_all_have_their_turn() {
    for from_oldest in [true, false] {
        let mut sender = sender(20);
        let mut next = 1;
        for ms in (0..300).step_by(100) {
            let (first, count) = taken(&mut sender, ms, from_oldest).unwrap();
            assert_eq!(first, next);
            next += u32::try_from(count).unwrap();
        }
        assert_eq!(next, 21);
        assert!(!sender.due(at(300)));
        // A request that is repeated begins anew.
        assert!(taken(&mut sender, 500, true).is_some_and(|(first, _)| first == 1));
        assert!(taken(&mut sender, 600, true).is_some_and(|(first, _)| first > 1));
    }
}

#[test]
fn a_message_longer_than_the_budget_goes_alone() {
    let mut sender = ReliableSender::new();
    let long = ReliableMessage::Candidate("x".repeat(BUDGET + 1));
    sender.push(long.clone()).unwrap();
    sender.push(long.clone()).unwrap();
    assert_eq!(
        sender.take(at(0), BUDGET, false),
        Some((1, Vec::from([long.clone()])))
    );
    assert_eq!(
        sender.take(at(1), BUDGET, false),
        Some((2, Vec::from([long])))
    );
    assert_eq!(sender.take(at(2), BUDGET, false), None);
}

#[test]
fn limit_waiting_messages() {
    let mut sender = sender(MAX_RELIABLE_SIGNALS);
    assert_eq!(sender.push(candidate(0)), Err(QueueFull));
    sender.take(at(0), usize::MAX, false);
    sender.ack(1).unwrap();
    assert_eq!(sender.push(candidate(0)), Ok(()));
}

#[test]
fn limit_messages_of_a_signal() {
    let mut sender = sender(MAX_RELIABLE_SIGNALS);
    let (_, messages) = sender.take(at(0), usize::MAX, false).unwrap();
    assert_eq!(messages.len(), MAX_SIGNAL_MESSAGES);
}

#[test]
fn acks_of_what_was_never_sent_are_refused() {
    let mut sender = sender(20);
    let (_, count) = taken(&mut sender, 0, false).unwrap();
    let newest = u32::try_from(count).unwrap();
    for beyond in [newest + 1, 20, 21, 1000, u32::MAX] {
        assert_eq!(sender.ack(beyond), Err(DropReason::AckOfUnsent));
    }
    assert_eq!(sender.len(), 20);
    assert_eq!(sender.ack(0), Ok(()));
    assert_eq!(sender.ack(newest), Ok(()));
    assert_eq!(sender.ack(1), Ok(()), "a late one says nothing new");
    assert_eq!(sender.len(), 20 - count);
}

#[test]
fn an_ack_from_the_round_before_counts() {
    let mut sender = sender(20);
    while taken(&mut sender, 0, false).is_some() {}
    // The next round has sent only some when the ack for all arrives.
    assert!(taken(&mut sender, 1000, false).is_some());
    sender.ack(20).unwrap();
    assert_eq!((sender.deadline(), sender.is_empty()), (None, true));
    sender.push(candidate(0)).unwrap();
    assert_eq!(taken(&mut sender, 1001, false), Some((21, 1)));
}

#[test]
fn numbers_go_on_after_all_was_forgotten() {
    let mut sender = sender(3);
    taken(&mut sender, 0, false);
    sender.clear();
    assert_eq!(sender.deadline(), None);
    sender.push(candidate(0)).unwrap();
    assert_eq!(taken(&mut sender, 1, false), Some((4, 1)));
}

#[test]
fn numbers_end_without_wrapping() {
    let mut sender = ReliableSender::new();
    sender.first = u32::MAX - 1;
    sender.push(candidate(0)).unwrap();
    assert_eq!(sender.push(candidate(1)), Err(QueueFull));
    taken(&mut sender, 0, false);
    sender.ack(u32::MAX - 1).unwrap();
    assert_eq!(sender.push(candidate(2)), Err(QueueFull));
    let mut receiver = ReliableReceiver {
        newest: u32::MAX - 1,
    };
    let new = receiver.on_messages(u32::MAX, Vec::from([candidate(0), candidate(1)]));
    assert_eq!((new.len(), receiver.ack()), (1, u32::MAX));
    assert!(
        receiver
            .on_messages(u32::MAX, Vec::from([candidate(2)]))
            .is_empty()
    );
}

#[test]
fn a_receiver_takes_what_is_new_and_nothing_behind_a_gap() {
    let messages = |range: core::ops::Range<usize>| range.map(candidate).collect::<Vec<_>>();
    let mut receiver = ReliableReceiver::new();
    assert!(receiver.on_messages(2, messages(1..3)).is_empty());
    assert_eq!(receiver.ack(), 0);
    assert_eq!(receiver.on_messages(1, messages(0..2)), messages(0..2));
    assert_eq!(receiver.ack(), 2);
    assert!(receiver.on_messages(1, messages(0..2)).is_empty());
    assert_eq!(receiver.on_messages(1, messages(0..3)), messages(2..3));
    assert!(receiver.on_messages(5, messages(4..5)).is_empty());
    assert_eq!(receiver.on_messages(4, messages(3..6)), messages(3..6));
    assert_eq!(receiver.ack(), 6);
    assert!(
        receiver.on_messages(0, messages(0..7)).is_empty(),
        "the number is taken at its word"
    );
    assert!(receiver.on_messages(7, Vec::new()).is_empty());
    assert_eq!(receiver.ack(), 6);
}

proptest! {
    /// Signals both ways get lost or come twice; all messages arrive once, in order.
    #[test]
    fn all_arrives_in_order(
        count in 0_usize..60,
        fates in vec_of(0_u8..4, 400),
        from_oldest in any::<bool>(),
    ) {
        let mut sender = ReliableSender::new();
        let mut receiver = ReliableReceiver::new();
        let mut received = Vec::new();
        let mut pushed = 0;
        let mut fates = fates.into_iter();
        let mut fate = || fates.next().unwrap_or(1);
        for step in 0..2000 {
            if pushed < count && step % 3 == 0 {
                sender.push(candidate(pushed)).unwrap();
                pushed += 1;
            }
            let now = at(step * 100);
            if !sender.due(now) {
                continue;
            }
            let (first, messages) = sender.take(now, BUDGET, from_oldest).unwrap();
            // 0 is lost, 2 comes twice.
            for _ in 0..fate().min(2) {
                received.extend(receiver.on_messages(first, messages.clone()));
            }
            if fate() > 0 {
                sender.ack(receiver.ack()).unwrap();
            }
        }
        prop_assert_eq!(received, (0..count).map(candidate).collect::<Vec<_>>());
        prop_assert!(sender.is_empty());
    }
}
