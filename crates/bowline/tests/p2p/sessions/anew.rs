//! A player whose program has crashed comes back, or one who becomes somebody else.

use bowline::ServiceMode;

use super::*;
use crate::room::player;

/// Two who move only while the room lets time pass: who is taken out of it is as dead as after a crash.
#[test]
fn regression_a_player_who_has_crashed_has_a_session_again_at_once() {
    let manual = |builder: bowline::SocketsBuilder| builder.service(ServiceMode::Manual);
    let (mut room, [anna, ben]) = Room::with(["anna", "ben"], manual);
    let messages_of = |player: &Player| {
        player.sockets.set_signaling(Arc::clone(&player.signaling));
        player.sockets.messages().unwrap()
    };
    let [from_anna, from_ben] = [&anna, &ben].map(messages_of);
    room.acquaint([&anna, &ben], [&from_anna, &from_ben]);
    room.players.pop();
    let ben_again = player(&room.service, "ben", manual);
    room.players.push(ben_again.clone());
    let from_ben_again = messages_of(&ben_again);
    from_ben_again
        .send(&anna.name, CHANNEL, b"me again", RELIABLE)
        .unwrap();
    assert_eq!(room.wait_request(&anna), ben.name);
    from_anna.accept(&ben.name).unwrap();
    assert_eq!(&*room.wait_on(&from_anna, CHANNEL), b"me again");
    drop((ben, from_ben));
}

#[test]
fn regression_sessions_of_who_one_was_are_forgotten() {
    let (mut room, [anna, ben], [from_anna, from_ben]) = talkers(["anna", "ben"]);
    room.acquaint([&anna, &ben], [&from_anna, &from_ben]);
    from_ben
        .send(&anna.name, CHANNEL, b"for anna", RELIABLE)
        .unwrap();
    room.wait_delivered(&from_ben, &anna);
    // A session that has failed, for nobody is there.
    let nobody = Identity::str("nobody").unwrap();
    anna.sockets
        .set_config(ConfigKey::TimeoutInitial, 200)
        .unwrap();
    from_anna.send(&nobody, 0, b"hello?", RELIABLE).unwrap();
    room.wait_failure(&anna);
    let refused = from_anna.send(&nobody, 0, b"hello?", RELIABLE);
    assert_eq!(refused, Err(MessagesSendError::Broken));
    let another = Identity::str("another").unwrap();
    anna.sockets.reset_identity(Some(another));
    while anna.sockets.next_event().is_some() {}
    assert_eq!(from_anna.session_count(), 0);
    assert!(from_anna.receive(CHANNEL).is_none());
    assert!(
        !anna.sockets.wait(Duration::ZERO),
        "nothing is left to read"
    );
    from_anna.send(&nobody, 0, b"hello?", RELIABLE).unwrap();
}
