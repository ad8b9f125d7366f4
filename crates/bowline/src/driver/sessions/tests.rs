//! What the listeners of sessions go by, and who is held up by what others leave unread.

use std::time::Duration;
use std::time::Instant;

use bowline_core::config::ConfigKey;
use bowline_core::message::SendFlags;
use bowline_core::messages::Profile;
use bowline_core::messages::Room;

use super::*;
use crate::builder::ServiceMode;
use crate::sockets::Sockets;

#[test]
fn regression_without_relays_other_changes_of_the_interface_reach_who_calls() {
    let builder = Sockets::builder().service(ServiceMode::Manual);
    let sockets = builder.build().expect("an interface");
    let packets = sockets.packets().expect("it is open");
    let inner = sockets.inner();
    let key = ConfigKey::P2pTransportIceEnable;
    let set = |value: i32| sockets.set_config(key, value).expect("it is in range");
    let listens_by = || {
        let hub = inner.hub.lock();
        let (_, id) = hub
            .listener_on(SessionKind::Packets.port())
            .expect("it listens");
        hub.listener_config(id).expect("it has settings").get(key)
    };
    set(7);
    packets.allow_relay(false);
    assert_eq!(listens_by(), 6.into());
    set(3);
    assert_eq!(listens_by(), 2.into());
    set(6);
    assert_eq!(listens_by(), 6.into());
    packets.allow_relay(true);
    set(5);
    assert_eq!(listens_by(), 5.into());
}

/// In memory nothing comes in that would have it looked at again.
#[test]
fn regression_who_is_held_up_by_others_goes_on_when_they_are_read() {
    let names = ["ben", "carl", "dora", "anna"];
    let [ben, others @ ..] = names.map(|who| {
        let name = Identity::str(&format!("{who} held up")).expect("a name");
        let builder = Sockets::builder().identity(name).shortcuts(true);
        let builder = builder.service(ServiceMode::Manual);
        builder.build().expect("an interface")
    });
    let from_ben = ben.messages().expect("it is open");
    let messages = others.each_ref().map(Sockets::messages);
    let all = Room {
        messages: 8,
        bytes: 1 << 20,
    };
    *ben.inner().sessions.lock(SessionKind::Messages) = core::Sessions::new(Profile {
        all,
        ..Profile::MESSAGES
    });
    // Of three each has two, and the channel of the last message is not the one that is full.
    let sent: [&[i32]; 3] = [&[1; 8], &[], &[2, 2, 3]];
    for ((other, messages), channels) in others.iter().zip(messages).zip(sent) {
        let (from_other, peer) = (messages.expect("it is open"), ben.identity());
        let send = |channel| from_other.send(&peer, channel, b"x", SendFlags::RELIABLE);
        send(9).expect("it is near");
        from_ben.accept(&other.identity()).expect("it asks");
        from_ben.receive(9).expect("it has come");
        for channel in channels {
            send(*channel).expect("it is connected");
        }
    }
    assert!(from_ben.receive(3).is_none(), "there is no room");
    for _ in 0..8 {
        from_ben.receive(1).expect("it has come");
    }
    let end = Instant::now() + Duration::from_secs(20);
    while from_ben.receive(3).is_none() {
        assert!(Instant::now() < end, "it waits for ever");
        std::thread::sleep(Duration::from_millis(1));
        ben.poll();
    }
}

/// A thread that drives does not wait for it.
#[test]
fn regression_a_session_begins_before_the_other_side_has_heard_of_the_end() {
    let [anna, ben] = ["anna", "ben"].map(|who| {
        let name = Identity::str(&format!("{who} unheard")).expect("a name");
        let builder = Sockets::builder().identity(name).shortcuts(true);
        let builder = builder.service(ServiceMode::Manual);
        builder.build().expect("an interface")
    });
    let (annas, bens) = (anna.identity(), ben.identity());
    let (from_anna, from_ben) = (anna.messages(), ben.messages());
    let (from_anna, from_ben) = (from_anna.expect("open"), from_ben.expect("open"));
    let talk = |text: &[u8]| {
        let sent = from_anna.send(&bens, 0, text, SendFlags::RELIABLE);
        assert_eq!(sent, Ok(()));
        from_ben.accept(&annas).expect("it asks");
        assert_eq!(&*from_ben.receive(0).expect("it has come"), text);
    };
    talk(b"first");
    let kind = SessionKind::Messages;
    let end_of = |sockets: &Sockets, peer| {
        let sessions = sockets.inner().sessions.lock(kind);
        let Some(Standing::Over(id)) = sessions.standing(peer) else {
            panic!("there is a session");
        };
        drop(sessions);
        sockets.inner().index.find(id).expect("it is open")
    };
    let [ours, theirs] = [end_of(&anna, &bens), end_of(&ben, &annas)];
    let held = theirs.state.lock();
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let _driving = crate::driver::lock_order::Driving::begin();
            let inner = anna.inner();
            let closed = inner.sessions.lock(kind).close(&bens);
            assert_eq!(closed, Ok(Some(ours.id)));
            let mut follow = Followup::for_driver();
            let mut state = ours.lock_soon().expect("nobody has it");
            let Ending { reason, text } = Profile::MESSAGES.idled;
            state.close(inner.clock.now(), reason, text, false);
            ours.settle(&mut state, &mut follow);
            drop(state);
            inner.follow_up(&mut follow);
        });
    });
    drop(held);
    talk(b"second");
    assert!(ben.next_event().is_some(), "it was asked");
}
