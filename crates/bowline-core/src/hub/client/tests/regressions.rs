//! What went wrong once.

use super::*;
use crate::hub::Resumption;
use crate::hub::limits::MAX_HUB_CREDENTIAL;

#[test]
fn regression_nonsense_does_not_revive_who_was_refused_or_has_stopped() {
    let (mut refused_one, _) = Desk::greeting();
    refused_one.hear(&refused(Refusal::Blocked, Span::ZERO));
    let mut stopped = Desk::signed_in();
    stopped.client.stop();
    for (mut desk, stays) in [
        (refused_one, Availability::Failed),
        (stopped, Availability::NeverTried),
    ] {
        desk.actions();
        desk.client.on_message(desk.now, &[0xff; 9]);
        assert_eq!(desk.client.availability(), stays);
        assert_eq!(desk.client.poll_timeout(), None);
        assert_eq!(desk.actions(), []);
    }
}

#[test]
fn regression_pauses_grow_though_the_hub_lets_in_before_it_drops() {
    let mut longest = Span::ZERO;
    for seed in 0..20 {
        let rng = Rng::from_seed([seed; 32]);
        let mut desk = Desk::new(HubLogin::Dev);
        desk.client = HubClient::new(config(HubLogin::Dev), rustcrypto::provider(), rng);
        desk.client.start(None);
        for attempt in 0..8 {
            desk.greet();
            desk.hear(&FromHub::Welcome(welcome()));
            desk.client.on_disconnected(desk.now, "gone again");
            let waited = desk.wait();
            if attempt == 7 {
                longest = longest.max(waited);
            }
        }
        // Half a minute of peace, and it is as if nothing had been.
        desk.greet();
        desk.hear(&FromHub::Welcome(welcome()));
        desk.now += HUB_STEADY;
        desk.client.on_disconnected(desk.now, "gone again");
        assert!(desk.wait() <= HUB_RETRY);
    }
    assert!(longest > HUB_RETRY * 32, "{longest}");
}

#[test]
fn regression_what_went_wrong_last_is_told() {
    let mut desk = Desk::new(HubLogin::Dev);
    desk.client.start(None);
    for why in ["nobody there", "nobody there", "another key"] {
        desk.actions();
        desk.client.on_disconnected(desk.now, why);
        desk.wait();
    }
    let told = core::iter::from_fn(|| desk.client.poll_event());
    let told = told.filter_map(|event| match event {
        HubEvent::Availability { availability, text } => Some((availability, text)),
        _ => None,
    });
    let expected = [
        (Availability::Waiting, "connecting to the hub"),
        (Availability::Retrying, "nobody there"),
        (Availability::Retrying, "another key"),
    ];
    assert!(told.eq(expected.map(|(availability, text)| (availability, String::from(text)))));
}

#[test]
fn regression_no_debug_output_shows_what_proves_an_identity() {
    let mut desk = Desk::new(HubLogin::jwt("a secret token"));
    desk.client.start(None);
    desk.actions();
    desk.client.on_connected(desk.now, HUB_KEY);
    let greeting = std::format!("{:?}", desk.client);
    let action = std::format!("{:?}", desk.client.poll_action());
    desk.hear(&FromHub::Welcome(welcome()));
    let signed_in = std::format!("{:?}", desk.client);
    // As text, and as the bytes of "secret" and "coming back".
    for secret in ["secret", "115, 101, 99", "coming", "99, 111, 109"] {
        assert!(!greeting.contains(secret), "{greeting}");
        assert!(!action.contains(secret), "{action}");
        assert!(!signed_in.contains(secret), "{signed_in}");
    }
    assert!(signed_in.contains("can_resume: true"), "{signed_in}");
}

#[test]
fn regression_the_end_of_a_credential_is_not_renewed_hotly() {
    let mut desk = Desk::signed_in();
    let end = desk.now + Span::from_secs(60);
    let mut asked = 0;
    desk.client
        .on_certificate_taken(desk.now, end.since(desk.now));
    while desk.now < end {
        desk.wait();
        assert_eq!(desk.said(), [ToHub::Certificate(vec![9])]);
        asked += 1;
        desk.hear(&FromHub::Certificate(vec![4]));
        let left = end.since(desk.now);
        desk.client.on_certificate_taken(desk.now, left);
    }
    assert!(asked <= 2, "{asked}");
}

#[test]
fn regression_a_calendar_that_is_set_moves_the_renewal() {
    let day = Span::from_secs(24 * 3600);
    let year = day * 365;
    // Years behind when it signed in.
    let mut desk = Desk::signed_in();
    desk.client.on_certificate_taken(desk.now, year + day);
    assert!(desk.client.on_calendar(desk.now, day));
    let renewal = desk.client.poll_timeout().unwrap();
    assert!(renewal < desk.now + day, "{renewal}");
    // A day ahead of a sudden: the certificate has expired, and the next one is asked for at once.
    assert!(desk.client.on_calendar(desk.now, Span::ZERO));
    assert_eq!(desk.wait(), Span::ZERO);
    assert_eq!(desk.said(), [ToHub::Certificate(vec![9])]);
    // Back again, and what is put right all the time is left alone.
    assert!(desk.client.on_calendar(desk.now, day));
    let renewal = desk.client.poll_timeout();
    assert!(renewal > Some(desk.now + day / 2));
    let little = Span::from_secs(2);
    assert!(!desk.client.on_calendar(desk.now, day + little));
    assert!(
        !desk
            .client
            .on_calendar(desk.now, day.saturating_sub(little))
    );
    assert_eq!(desk.client.poll_timeout(), renewal);
    // No certificate, nothing to renew.
    let mut desk = Desk::signed_in();
    assert!(!desk.client.on_calendar(desk.now, day));
}

#[test]
fn regression_clocks_that_differ_sign_nobody_out_for_good() {
    let why = "the clocks differ";
    let mut desk = Desk::signed_in();
    desk.stood();
    let mut longest = Span::ZERO;
    for _ in 0..12 {
        desk.client.on_certificate_expired(desk.now, false, why);
        assert_eq!(desk.actions(), [HubAction::Disconnect]);
        let told = desk.client.poll_event();
        let (availability, text) = (Availability::Retrying, String::from(why));
        assert_eq!(told, Some(HubEvent::Availability { availability, text }));
        longest = longest.max(desk.wait());
        assert_eq!(desk.greet().method, Ok(Method::Resume));
        assert_eq!(desk.stood(), [], "it says no less why than before");
        desk.hear(&FromHub::Welcome(welcome()));
        assert_eq!(desk.stood(), [Availability::Current]);
    }
    assert!(longest > HUB_RETRY * 16, "{longest}");
    // Who waits for the next attempt anyway, or is wanted no more, hears nothing of it.
    desk.client.stop();
    desk.actions();
    desk.client.on_certificate_expired(desk.now, false, why);
    assert_eq!(desk.actions(), []);
}

#[test]
fn regression_a_session_lasts_while_an_earlier_certificate_does() {
    let mut desk = Desk::signed_in();
    desk.stood();
    for _ in 0..5 {
        desk.client.on_certificate_expired(desk.now, true, "clocks");
        assert_eq!(desk.actions(), []);
        let waited = desk.wait();
        assert!(waited >= HUB_RENEW_RETRY && waited <= HUB_RENEW_RETRY * 2);
        assert_eq!(desk.said(), [ToHub::Certificate(vec![9])]);
        desk.hear(&FromHub::Certificate(vec![4]));
    }
    assert_eq!(desk.stood(), []);
    desk.client
        .on_certificate_expired(desk.now, false, "clocks");
    assert_eq!(desk.actions(), [HubAction::Disconnect]);
}

#[test]
fn regression_a_hub_whose_clock_was_set_gives_another_name() {
    let named = |name: &str| {
        FromHub::Welcome(Welcome {
            identity: name.parse().unwrap(),
            ..welcome()
        })
    };
    for (login, is_taken) in [(HubLogin::Anonymous, true), (HubLogin::jwt("a"), false)] {
        let mut desk = Desk::new(login);
        desk.client.config.identity = None;
        desk.client.start(Some(vec![9]));
        desk.greet();
        desk.hear(&named("str:anon-1"));
        desk.client
            .on_certificate_expired(desk.now, false, "clocks");
        desk.actions();
        desk.wait();
        desk.greet();
        desk.hear(&refused(Refusal::Expired, Span::ZERO));
        desk.actions();
        desk.wait();
        desk.greet();
        desk.hear(&named("str:anon-2"));
        assert_eq!(desk.client.availability().is_current(), is_taken);
    }
}

#[test]
fn limit_max_hub_actions() {
    let mut desk = Desk::signed_in();
    let ben: Identity = "str:dev-ben".parse().unwrap();
    for _ in 0..MAX_HUB_ACTIONS {
        desk.client.send_signal(&ben, b"signal").unwrap();
    }
    let error = desk.client.send_signal(&ben, b"signal").unwrap_err();
    assert_eq!(error, HubSendError::TooMany);
    assert_eq!(desk.said().len(), MAX_HUB_ACTIONS);
    desk.client.send_signal(&ben, b"signal").unwrap();
}

#[test]
fn regression_a_long_session_comes_back_by_what_it_was_given_last() {
    let mut desk = Desk::signed_in();
    let given = Resumption(b"for later".to_vec());
    assert!(
        !alloc::format!("{given:?}").contains("102"),
        "it is printed"
    );
    desk.hear(&FromHub::Resume(given));
    desk.client.on_disconnected(desk.now, "gone");
    desk.wait();
    let hello = desk.greet();
    assert_eq!(hello.method, Ok(Method::Resume));
    assert_eq!(hello.credential, b"for later");
}

#[test]
fn regression_limit_a_credential_that_fits_into_no_message_is_not_tried_for_ever() {
    let of = |len: usize| {
        [
            HubLogin::jwt("x".repeat(len)),
            HubLogin::hook(vec![7; len]),
            HubLogin::shared_key("x".repeat(len), b"a key"),
        ]
    };
    for login in of(MAX_HUB_CREDENTIAL) {
        let mut desk = Desk::new(login);
        desk.client.start(None);
        let hello = desk.greet();
        let again = ToHub::parse(&ToHub::Hello(hello.clone()).encode());
        assert_eq!(again, Ok(ToHub::Hello(hello)));
    }
    for login in of(MAX_HUB_CREDENTIAL + 1) {
        let mut desk = Desk::new(login);
        desk.client.start(None);
        assert!(!desk.actions().contains(&HubAction::Connect));
        assert_eq!(desk.client.poll_timeout(), None);
        let event = desk.client.poll_event();
        let Some(HubEvent::Availability { availability, text }) = event else {
            panic!("{event:?}");
        };
        assert_eq!(availability, Availability::Failed);
        assert!(text.contains(&MAX_HUB_CREDENTIAL.to_string()), "{text}");
        // Another one is tried at once.
        desk.client.set_login(HubLogin::jwt("a token"));
        assert_eq!(desk.greet().credential, b"a token");
    }
}

#[test]
fn regression_a_credential_that_came_while_it_connected_may_be_too_long_as_well() {
    let mut desk = Desk::new(HubLogin::Dev);
    desk.client.start(None);
    assert_eq!(desk.actions(), [HubAction::Connect]);
    let login = HubLogin::jwt("x".repeat(MAX_HUB_CREDENTIAL + 1));
    desk.client.set_login(login);
    desk.client.on_connected(desk.now, HUB_KEY);
    assert_eq!(desk.actions(), [HubAction::Disconnect]);
    assert_eq!(desk.client.availability(), Availability::Failed);
}
