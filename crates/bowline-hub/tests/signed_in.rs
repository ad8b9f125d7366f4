//! Interfaces that are signed in to a hub, and meet by identity alone.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on may panic")]

mod world;

use std::time::Duration;

use bowline::Availability;
use bowline::ConfigKey;
use bowline::ConnectionInfo;
use bowline::ConnectionState;
use bowline::EndReason;
use bowline::Event;
use bowline::Messages;
use bowline::MessagesSendError;
use bowline::NotDelivered;
use bowline::SendFlags;
use bowline::ServiceMode;
use bowline::SessionMessage;
use bowline::Sockets;
use bowline::hub::HubConfig;
use bowline::hub::HubLogin;
use bowline::hub::Role;
use bowline_hub::hub::Policy;

use self::world::LONG;
use self::world::PORT;
use self::world::World;
use self::world::accept;
use self::world::eventually;
use self::world::id;
use self::world::policy;
use self::world::receive;
use self::world::server_key;
use self::world::until;

/// How it stood, as events tell; nothing else may have happened.
fn stood(sockets: &Sockets) -> Vec<Availability> {
    let told = sockets.events().map(|event| match event {
        Event::AuthenticationChanged { status, .. } => status.availability,
        other => panic!("{other:?}"),
    });
    told.collect()
}

#[test]
fn every_way_of_signing_in_gives_an_identity_and_a_certificate() {
    let world = World::new();
    let shared = |key: &[u8]| HubLogin::shared_key("main", key);
    for (login, wanted, expected) in [
        (HubLogin::Dev, Some("str:dev-anna"), Some("str:dev-anna")),
        (
            shared(b"a key of the game"),
            Some("str:shared-ben"),
            Some("str:shared-ben"),
        ),
        (HubLogin::jwt("str:id-carl"), None, Some("str:id-carl")),
        (HubLogin::hook("str:hook-dora"), None, Some("str:hook-dora")),
        (
            HubLogin::GameServerKey(server_key().private().clone()),
            Some("str:server-1"),
            Some("str:server-1"),
        ),
        (HubLogin::Anonymous, None, None),
    ] {
        let sockets = world.builder().build().unwrap();
        let is_server = matches!(login, HubLogin::GameServerKey(_));
        let mut config = world.config(login);
        if let Some(wanted) = wanted {
            config = config.identity(id(wanted));
        }
        if is_server {
            config = config.role(Role::GameServer);
        }
        sockets.sign_in(config);
        until(&sockets, Availability::Current);
        let identity = sockets.identity();
        match expected {
            Some(expected) => assert_eq!(identity, id(expected)),
            None => assert!(identity.to_string().starts_with("gen:"), "{identity}"),
        }
        let expected = [
            Availability::Waiting,
            Availability::Attempting,
            Availability::Current,
        ];
        assert_eq!(stood(&sockets), expected);
        let status = sockets.hub_status().unwrap();
        assert_eq!(status.availability, Availability::Current);
        assert_ne!(status.session, 0);
        assert_eq!(status.hub_address, Some(world.address));
        assert!(status.seen_address.is_some());
        // Nobody sees how.
        assert_eq!(sockets.connection_count(), 0);
    }
}

#[test]
fn what_a_hub_refuses_is_told_in_words_and_not_tried_again() {
    let world = World::new();
    for (login, wanted, words) in [
        (HubLogin::Dev, "str:server-1", "identity"),
        (
            HubLogin::shared_key("main", b"another key"),
            "str:shared-ben",
            "credential",
        ),
        (HubLogin::jwt("str:elsewhere"), "str:elsewhere", "identity"),
    ] {
        let sockets = world.builder().build().unwrap();
        sockets.sign_in(world.config(login).identity(id(wanted)));
        until(&sockets, Availability::Failed);
        let text = sockets.authentication().text;
        assert!(text.contains(words), "{text}");
        assert_eq!(sockets.hub_status().unwrap().text, text);
        assert_eq!(stood(&sockets).last(), Some(&Availability::Failed));
        // Somebody who calls hears of it at once.
        let peer = id("str:dev-ben");
        let sockets = world.dev("str:server-1");
        let connection = sockets.connect_peer(&peer, PORT).unwrap();
        eventually("the call failed", || {
            connection.state() == ConnectionState::ProblemDetectedLocally
        });
        // So does somebody who calls after that.
        let text = sockets.authentication().text;
        let late = sockets.connect_peer(&peer, PORT + 1).unwrap();
        eventually("the later call failed, too", || {
            late.state() == ConnectionState::ProblemDetectedLocally
        });
        let info = late.info().unwrap();
        assert_eq!(info.end_reason, EndReason::MISC_STEAM_CONNECTIVITY);
        assert_eq!(info.end_text, text);
    }
}

#[test]
fn a_hub_with_another_key_hears_nothing() {
    let world = World::new();
    let sockets = world.builder().build().unwrap();
    let pin = server_key().public().to_line("");
    let config = HubConfig::new(&world.address.to_string(), &pin).unwrap();
    sockets.sign_in(config);
    until(&sockets, Availability::Retrying);
    let text = sockets.authentication().text;
    assert!(text.contains("Expected key"), "{text}");
    let standing = world.hub.as_ref().unwrap().handle().standing().unwrap();
    assert_eq!(standing.sessions, 0);
}

#[test]
fn a_hub_is_known_by_its_identity_to_players_of_every_game_who_trust_its_authority() {
    let world = World::new();
    for app in [480, 730] {
        let sockets = world.builder().app_id(app).build().unwrap();
        let config = HubConfig::new(&world.address.to_string(), "str:bowline-hub").unwrap();
        sockets.sign_in(config.login(HubLogin::jwt("str:id-carl")));
        until(&sockets, Availability::Current);
        assert_eq!(sockets.identity(), id("str:id-carl"));
    }
}

#[test]
fn a_hub_by_its_identity_must_be_vouched_for() {
    let world = World::new();
    // Another hub's authority vouches for nothing here.
    let other = World::without_hub(policy());
    let sockets = other.builder().build().unwrap();
    let config = HubConfig::new(&world.address.to_string(), "str:bowline-hub").unwrap();
    sockets.sign_in(config);
    until(&sockets, Availability::Retrying);
    let text = sockets.authentication().text;
    assert!(
        text.contains("No authority that we trust vouches"),
        "{text}"
    );
}

#[test]
fn a_hub_that_comes_late_is_found() {
    let mut world = World::without_hub(policy());
    let sockets = world.dev("str:dev-anna");
    until(&sockets, Availability::Retrying);
    world.start();
    until(&sockets, Availability::Current);
    let told = stood(&sockets);
    let expected = [
        Availability::Waiting,
        Availability::Retrying,
        Availability::Current,
    ];
    assert_eq!(told, expected);
}

#[test]
fn peers_meet_by_identity_alone() {
    let world = World::new();
    let (anna, ben) = (
        world.signed_in("str:dev-anna"),
        world.signed_in("str:dev-ben"),
    );
    let _listener = ben.listen_p2p(PORT).unwrap();
    let call = anna.connect_peer(&id("str:dev-ben"), PORT).unwrap();
    call.send(b"hello", SendFlags::RELIABLE).unwrap();
    let guest = accept(&ben);
    assert_eq!(guest.peer(), Some(&id("str:dev-anna")));
    assert!(guest.info().unwrap().authenticated);
    assert_eq!(receive(&guest), b"hello");
    guest.send(b"welcome", SendFlags::RELIABLE).unwrap();
    assert_eq!(receive(&call), b"welcome");
    // A port on which nobody listens is silent.
    let wrong = anna.connect_peer(&id("str:dev-ben"), PORT + 1).unwrap();
    std::thread::sleep(Duration::from_secs(1));
    assert_eq!(wrong.state(), ConnectionState::Connecting);
}

#[test]
fn who_calls_before_being_signed_in_waits_and_is_connected() {
    let world = World::new();
    let ben = world.signed_in("str:dev-ben");
    let _listener = ben.listen_p2p(PORT).unwrap();
    // With the builder it signs in when it is needed, and not before.
    let config = world.config(HubLogin::Dev).identity(id("str:dev-anna"));
    let anna = world.builder().hub(config).build().unwrap();
    assert_eq!(anna.authentication().availability, Availability::NeverTried);
    assert_eq!(stood(&anna), []);
    let call = anna.connect_peer(&id("str:dev-ben"), PORT).unwrap();
    call.send(b"hello", SendFlags::RELIABLE).unwrap();
    let guest = accept(&ben);
    assert_eq!(receive(&guest), b"hello");
    assert_eq!(guest.peer(), Some(&id("str:dev-anna")));
    assert!(guest.info().unwrap().authenticated);
}

#[test]
fn messages_go_to_an_identity() {
    let world = World::new();
    let (anna, ben) = (
        world.signed_in("str:dev-anna"),
        world.signed_in("str:dev-ben"),
    );
    let (from_anna, from_ben) = (anna.messages().unwrap(), ben.messages().unwrap());
    from_anna
        .send(&id("str:dev-ben"), 3, b"hello", SendFlags::RELIABLE)
        .unwrap();
    let got = accept_and_read(&ben, &from_ben);
    assert_eq!(&*got, b"hello");
    assert_eq!(*got.peer(), id("str:dev-anna"));
}

/// The next message on the channel of these tests, whoever asks.
fn accept_and_read(sockets: &Sockets, messages: &Messages) -> SessionMessage {
    let mut got = None;
    eventually("the message came", || {
        for event in sockets.events() {
            if let Event::MessagesSessionRequest { peer, .. } = event {
                messages.accept(&peer).unwrap();
            }
        }
        got = messages.receive(3);
        got.is_some()
    });
    got.unwrap()
}

#[test]
fn who_has_signed_out_talks_to_those_whom_it_has_met_and_hears_of_the_others() {
    let world = World::new();
    let [anna, ben, carl] = ["anna", "ben", "carl"].map(|who| world.dev(&format!("str:dev-{who}")));
    for sockets in [&anna, &ben, &carl] {
        until(sockets, Availability::Current);
    }
    let [from_anna, from_ben, _carls] =
        [&anna, &ben, &carl].map(|sockets| sockets.messages().unwrap());
    let send =
        |to: &Sockets, text: &[u8]| from_anna.send(&to.identity(), 3, text, SendFlags::RELIABLE);
    send(&ben, b"hello").unwrap();
    assert_eq!(&*accept_and_read(&ben, &from_ben), b"hello");
    let sent = from_anna.wait_until_delivered(&ben.identity(), LONG);
    assert_eq!(sent, Ok(()));
    // Carl is asked, and does not answer yet.
    anna.set_config(ConfigKey::TimeoutInitial, 3_000).unwrap();
    send(&carl, b"are you there?").unwrap();
    let is_request = |event| matches!(event, Event::MessagesSessionRequest { .. });
    eventually("Carl is asked", || carl.events().any(is_request));

    anna.sign_out();
    send(&ben, b"still here").unwrap();
    let sent = from_anna.wait_until_delivered(&ben.identity(), LONG);
    assert_eq!(sent, Ok(()));
    assert_eq!(&*accept_and_read(&ben, &from_ben), b"still here");
    let to_nobody = from_anna.send(&id("str:dev-dora"), 3, b"x", SendFlags::RELIABLE);
    assert_eq!(to_nobody, Err(MessagesSendError::NoSignaling));
    // What was taken before and cannot arrive any more is told.
    let lost = from_anna.wait_until_delivered(&carl.identity(), LONG);
    assert!(matches!(lost, Err(NotDelivered::Broken { .. })), "{lost:?}");
    let failed = anna.events().any(|event| {
        let whose = |info: &ConnectionInfo| info.identity == Some(carl.identity());
        matches!(&event, Event::MessagesSessionFailed { info, .. } if whose(info))
    });
    assert!(failed);
    assert_eq!(send(&carl, b"again"), Err(MessagesSendError::Broken));
}

#[test]
fn connections_outlive_the_hub_and_new_ones_wait_for_it() {
    let mut world = World::new();
    let (anna, ben) = (
        world.signed_in("str:dev-anna"),
        world.signed_in("str:dev-ben"),
    );
    let _listener = ben.listen_p2p(PORT).unwrap();
    let call = anna.connect_peer(&id("str:dev-ben"), PORT).unwrap();
    let guest = accept(&ben);
    for _earlier in anna.events() {}
    world.kill();
    eventually("its death is noticed", || {
        !anna.authentication().availability.is_current()
            && !ben.authentication().availability.is_current()
    });
    for round in 0..20u8 {
        call.send(&[round], SendFlags::RELIABLE_NO_NAGLE).unwrap();
        assert_eq!(receive(&guest), [round]);
    }
    // Who calls now waits.
    let later = anna.connect_peer(&id("str:dev-ben"), PORT).unwrap();
    std::thread::sleep(Duration::from_millis(700));
    assert_eq!(later.state(), ConnectionState::Connecting);
    world.start();
    until(&anna, Availability::Current);
    until(&ben, Availability::Current);
    let second = accept(&ben);
    second.send(b"again", SendFlags::RELIABLE).unwrap();
    assert_eq!(receive(&later), b"again");
    call.send(b"still", SendFlags::RELIABLE).unwrap();
    assert_eq!(receive(&guest), b"still");
    let told: Vec<_> = anna
        .events()
        .filter_map(|event| match event {
            Event::AuthenticationChanged { status, .. } => Some(status.availability),
            _ => None,
        })
        .collect();
    let mut without_doubles = told.clone();
    without_doubles.dedup();
    assert_eq!(told, without_doubles);
    assert_eq!(told.first(), Some(&Availability::Previously));
    assert_eq!(told.last(), Some(&Availability::Current));
}

#[test]
fn of_three_who_want_one_name_the_last_has_it_and_the_others_say_why() {
    let world = World::new();
    let mut all = Vec::new();
    for _ in 0..3 {
        all.push(world.signed_in("str:dev-anna"));
    }
    for loser in &all[..2] {
        until(loser, Availability::Failed);
        let text = loser.authentication().text;
        assert!(text.contains("elsewhere"), "{text}");
    }
    std::thread::sleep(Duration::from_secs(2));
    assert!(all[2].authentication().availability.is_current());
    let standing = world.hub.as_ref().unwrap().handle().standing().unwrap();
    assert_eq!(standing.counters.superseded, 2);
}

#[test]
fn certificates_are_renewed_before_they_expire() {
    let world = World::with(Policy {
        certificate_lifetime_secs: 15,
        ..policy()
    });
    let anna = world.signed_in("str:dev-anna");
    let counted = || {
        let standing = world.hub.as_ref().unwrap().handle().standing();
        standing.unwrap().counters.certificates
    };
    eventually("it was renewed twice", || counted() >= 3);
    assert!(anna.authentication().availability.is_current());
    let expected = [
        Availability::Waiting,
        Availability::Attempting,
        Availability::Current,
    ];
    assert_eq!(stood(&anna), expected);
    // Neither is it asked for all the time.
    assert!(counted() < 10);
}

#[test]
fn a_hundred_sign_in_at_once() {
    let world = World::new();
    let all: Vec<Sockets> = (0..100)
        .map(|index| world.dev(&format!("str:dev-{index}")))
        .collect();
    for sockets in &all {
        until(sockets, Availability::Current);
    }
    let standing = world.hub.as_ref().unwrap().handle().standing().unwrap();
    assert_eq!(standing.sessions, 100);
    drop(all);
    eventually("all are gone", || {
        let standing = world.hub.as_ref().unwrap().handle().standing().unwrap();
        standing.sessions == 0
    });
}

#[test]
fn without_threads_polling_is_enough() {
    let world = World::new();
    let sockets = world
        .builder()
        .identity(id("str:dev-anna"))
        .service(ServiceMode::Manual)
        .build()
        .unwrap();
    sockets.sign_in(world.config(HubLogin::Dev));
    eventually("signed in", || {
        sockets.poll();
        sockets.authentication().availability.is_current()
    });
    // A name is looked up beside.
    let port = world.address.port();
    let pin = world.keys.identity.public().to_line("");
    let config = HubConfig::new(&format!("localhost:{port}"), &pin).unwrap();
    sockets.sign_in(config.login(HubLogin::Dev));
    assert!(!sockets.hub_status().unwrap().availability.is_current());
    eventually("signed in by name", || {
        sockets.poll();
        sockets.hub_status().unwrap().availability.is_current()
    });
}

#[test]
fn the_second_address_serves_where_the_first_is_dead() {
    let world = World::new();
    let dead = World::without_hub(policy());
    let pin = world.keys.identity.public().to_line("");
    let config = HubConfig::new(&dead.address.to_string(), &pin).unwrap();
    let config = config.or_at(&world.address.to_string()).unwrap();
    let sockets = world.builder().build().unwrap();
    sockets.sign_in(config.login(HubLogin::jwt("str:id-carl")));
    until(&sockets, Availability::Current);
    assert_eq!(sockets.identity(), id("str:id-carl"));
}

#[test]
fn who_signs_out_is_gone_and_who_resets_may_come_back_as_another() {
    let world = World::new();
    let sockets = world.signed_in("str:dev-anna");
    let handle = world.hub.as_ref().unwrap().handle();
    sockets.reset_identity(Some(id("str:dev-ben")));
    eventually("gone", || handle.standing().unwrap().sessions == 0);
    assert_eq!(
        sockets.authentication().availability,
        Availability::NeverTried
    );
    sockets.init_authentication();
    until(&sockets, Availability::Current);
    assert_eq!(sockets.identity(), id("str:dev-ben"));
    sockets.sign_out();
    assert_eq!(sockets.hub_status(), None);
    eventually("gone", || handle.standing().unwrap().sessions == 0);
    let error = sockets.connect_peer(&id("str:dev-anna"), PORT).unwrap_err();
    assert!(error.to_string().contains("sign in to a hub"), "{error}");
}

#[test]
fn regression_who_has_no_name_may_come_back_under_another() {
    let world = World::new();
    let sockets = world.builder().build().unwrap();
    let mut names = Vec::new();
    for _ in 0..3 {
        sockets.sign_in(world.config(HubLogin::Anonymous));
        until(&sockets, Availability::Current);
        let name = sockets.identity();
        assert!(!names.contains(&name), "{name}");
        names.push(name);
        sockets.sign_out();
    }
}

#[test]
fn a_call_that_no_hub_is_there_for_ends_in_time_with_a_reason() {
    let world = World::without_hub(policy());
    let sockets = world.dev("str:dev-anna");
    let mut config = bowline::Config::new();
    config.set_timeout_initial(Duration::from_secs(1)).unwrap();
    let peer = id("str:dev-ben");
    let call = sockets.connect_peer_with(&peer, PORT, config).unwrap();
    eventually("it gave up", || {
        call.state() == ConnectionState::ProblemDetectedLocally
    });
    let info = call.info().unwrap();
    assert_eq!(info.end_reason, EndReason::MISC_STEAM_CONNECTIVITY);
    assert!(info.end_text.contains("certificate"), "{}", info.end_text);
}
