//! Signals that are of no use.

use bowline::ConnectionState;
use bowline::DropReason;
use bowline::SignalError;
use bowline::signaling::NobodyNew;

use crate::room::Room;

#[test]
fn what_is_no_signal_is_dropped_and_counted() {
    let (_room, [anna]) = Room::new(["anna"]);
    let before = anna.sockets.drops().total();
    let junk: [&[u8]; 4] = [b"", b"hello", &[0xFF; 100], &[0; 70_000]];
    for bytes in junk {
        let refused = anna.sockets.receive_signal(bytes, &mut NobodyNew);
        assert!(
            matches!(refused, Err(SignalError::Dropped(_))),
            "{refused:?}"
        );
    }
    assert_eq!(anna.sockets.drops().total() - before, 4);
    assert_eq!(anna.sockets.connection_count(), 0);
}

#[test]
fn a_signal_for_somebody_else_is_dropped() {
    let (room, [anna, ben, carl]) = Room::new(["anna", "ben", "carl"]);
    let _dialled = anna.call(&ben, 7);
    let signal = room.first_signal();
    assert_eq!(
        carl.hear(&signal),
        Err(SignalError::Dropped(DropReason::SignalForAnother))
    );
}

#[test]
fn every_broken_signal_is_dropped_and_the_whole_one_still_counts() {
    let (mut room, [anna, ben]) = Room::new(["anna", "ben"]);
    let _listener = ben.sockets.listen_p2p(7).unwrap();
    let dialled = anna.call(&ben, 7);
    let signal = room.first_signal();
    for cut in 0..signal.bytes.len() {
        let mut broken = signal.clone();
        broken.bytes.truncate(cut);
        // Some are whole signals that say less.
        let _ = ben.hear_with(&broken, &mut NobodyNew);
        let mut broken = signal.clone();
        broken.bytes[cut] ^= 0x55;
        let _ = ben.hear_with(&broken, &mut NobodyNew);
    }
    assert_eq!(ben.sockets.connection_count(), 0);
    // So much junk makes Ben deaf for a moment, and Anna asks again.
    let accepted = room.accept(&ben);
    room.wait_connected([&dialled, &accepted]);
}

#[test]
fn who_answers_for_another_is_not_believed() {
    let (room, [anna, ben, mallory]) = Room::new(["anna", "ben", "mallory"]);
    let dialled = anna.call(&ben, 7);
    let signal = room.first_signal();
    // The service brings Anna's call to Mallory, who answers as herself.
    let mut stolen = signal.clone();
    stolen.to = mallory.name.clone();
    assert!(mallory.hear(&stolen).is_err(), "it is not addressed to her");
    assert_eq!(dialled.state(), ConnectionState::Connecting);
}
