//! Whom the operator keeps out.

use super::*;
use crate::hub::Block;
use crate::hub::TooManyBlocks;
use crate::limits::MAX_BLOCK_TEXT;
use crate::limits::MAX_BLOCKS;
use crate::limits::MAX_KICKED;

const OTHER_APP: AppId = AppId::new(570);

fn back(welcome: Welcome) -> Hello {
    Hello {
        credential: welcome.resume,
        ..hello(Method::Resume, None)
    }
}

fn for_secs(secs: u64) -> Block {
    Block {
        until_unix_secs: Some(UNIX_US / 1_000_000 + secs),
        text: String::new(),
    }
}

/// What a client is told with its refusal or goodbye.
fn words(desk: &mut Desk, number: u32) -> String {
    let got = desk.got(number);
    match got.last() {
        Some(FromHub::Refused(refused)) => {
            assert_eq!(refused.reason, Some(Refusal::Blocked));
            assert!(refused.retry_after.is_zero(), "not to come again");
            refused.text.clone()
        }
        Some(FromHub::Goodbye { reason, text, .. }) => {
            assert_eq!(*reason, Some(Goodbye::Kicked));
            text.clone()
        }
        _ => panic!("{got:?}"),
    }
}

#[test]
fn who_is_blocked_is_out_of_all_games_and_stays_out_by_whatever_it_shows() {
    let mut desk = Desk::new(dev());
    let anna = identity("str:dev-anna");
    let note = back(desk.member(1, "str:dev-anna"));
    let elsewhere = Hello {
        app: OTHER_APP,
        ..hello(Method::Dev, Some("str:dev-anna"))
    };
    desk.hello(2, elsewhere.clone());
    desk.welcome(2);
    desk.member(3, "str:dev-ben");
    let text = "x".repeat(MAX_BLOCK_TEXT);
    let block = Block {
        until_unix_secs: None,
        text: text.clone(),
    };
    assert_eq!(desk.hub.block(&anna, block).unwrap().sessions, 2);
    desk.drain();
    for number in [1, 2] {
        assert_eq!(words(&mut desk, number), format!("blocked: {text}"));
        assert!(desk.closed.contains(&client(number)));
    }
    assert_eq!(desk.got(3), [], "somebody else");
    for (number, hello) in [
        (4, hello(Method::Dev, Some("str:dev-anna"))),
        (5, elsewhere),
        (6, note.clone()),
    ] {
        desk.hello(number, hello);
        assert_eq!(words(&mut desk, number), text);
    }
    // Taken back, it signs in; what it had for coming back stays worth nothing.
    assert!(desk.hub.unblock(&anna));
    assert!(!desk.hub.unblock(&anna));
    desk.hello(7, note);
    assert_eq!(desk.refusal(7), Refusal::Credential);
    desk.now += Span::from_secs(1);
    let later = back(desk.member(8, "str:dev-anna"));
    desk.hub.on_disconnected(client(8));
    desk.hello(9, later);
    desk.welcome(9);
}

#[test]
fn a_block_ends_when_it_was_to() {
    let mut desk = Desk::new(dev());
    let anna = identity("str:dev-anna");
    desk.hub.block(&anna, for_secs(60)).unwrap();
    assert_eq!(desk.hub.blocks(), 1);
    desk.run_for(Span::from_secs(59));
    desk.hello(1, hello(Method::Dev, Some("str:dev-anna")));
    assert_eq!(words(&mut desk, 1), "");
    desk.run_for(Span::from_secs(1));
    desk.member(2, "str:dev-anna");
    assert_eq!(desk.hub.blocks(), 0);
    assert!(!desk.hub.unblock(&anna), "there is none any more");
}

#[test]
fn who_is_blocked_while_its_credential_is_checked_is_not_let_in() {
    let mut desk = Desk::new(Policy {
        jwt: space(&["str:id-"]),
        ..Policy::default()
    });
    desk.hello(1, hello(Method::Jwt, None));
    let block = desk.hub.block(&identity("str:id-anna"), Block::default());
    assert_eq!(block.unwrap().sessions, 0);
    let verdict = Verdict::Good {
        identity: identity("str:id-anna"),
        expiry_unix_secs: None,
    };
    desk.hub.on_verdict(desk.now, client(1), verdict);
    desk.drain();
    assert_eq!(desk.refusal(1), Refusal::Blocked);
}

#[test]
fn what_the_settings_block_is_not_taken_back() {
    let anna = identity("str:dev-anna");
    let mut desk = Desk::new(Policy {
        blocked: vec![anna.clone()],
        ..dev()
    });
    assert!(desk.hub.is_blocked_by_policy(&anna));
    desk.hub.block(&anna, Block::default()).unwrap();
    assert!(desk.hub.unblock(&anna));
    desk.hello(1, hello(Method::Dev, Some("str:dev-anna")));
    assert_eq!(desk.refusal(1), Refusal::Blocked);
}

#[test]
fn a_kick_holds_at_a_hub_that_starts_anew_and_is_told_of_it() {
    let mut before = Desk::new(dev());
    let note = back(before.member(1, "str:dev-anna"));
    let elsewhere = Hello {
        app: OTHER_APP,
        ..hello(Method::Dev, Some("str:dev-anna"))
    };
    before.hello(2, elsewhere);
    let of_other_game = Hello {
        app: OTHER_APP,
        ..back(before.welcome(2))
    };
    let anna = identity("str:dev-anna");
    let kicked = before.hub.kick(APP, &anna);
    for (app, other_is_in) in [(APP, true), (AppId::ANY, false)] {
        let mut desk = Desk::new(dev());
        desk.hub.restore_kick(app, &anna, kicked.unix_us);
        desk.hello(1, note.clone());
        assert_eq!(desk.refusal(1), Refusal::Credential);
        desk.hello(2, of_other_game.clone());
        match other_is_in {
            true => drop(desk.welcome(2)),
            false => assert_eq!(desk.refusal(2), Refusal::Credential),
        }
    }
}

#[test]
fn regression_blocks_of_a_hub_before_do_not_drive_out_its_kicks() {
    let mut before = Desk::new(dev());
    let note = back(before.member(1, "str:dev-anna"));
    let anna = identity("str:dev-anna");
    let kicked = before.hub.kick(APP, &anna);
    let mut desk = Desk::new(dev());
    desk.hub.restore_kick(APP, &anna, kicked.unix_us);
    for number in 0..MAX_KICKED {
        let identity = identity(&format!("str:dev-{number}"));
        desk.hub.restore_block(&identity, Block::default()).unwrap();
    }
    desk.hello(1, note);
    assert_eq!(desk.refusal(1), Refusal::Credential);
    desk.hello(2, hello(Method::Dev, Some("str:dev-7")));
    assert_eq!(desk.refusal(2), Refusal::Blocked);
}

#[test]
fn regression_a_wave_of_blocks_makes_no_note_good_again() {
    let mut desk = Desk::new(dev());
    let note = back(desk.member(1, "str:dev-anna"));
    desk.hub.kick(APP, &identity("str:dev-anna"));
    let of_ben = back(desk.member(2, "str:dev-ben"));
    let ben = identity("str:dev-ben");
    desk.hub.block(&ben, for_secs(60)).unwrap();
    for number in 0..MAX_KICKED {
        let identity = identity(&format!("str:dev-{number}"));
        desk.hub.block(&identity, Block::default()).unwrap();
    }
    desk.drain();
    desk.run_for(Span::from_secs(60));
    desk.hello(3, note);
    assert_eq!(desk.refusal(3), Refusal::Credential);
    desk.hello(4, of_ben);
    assert_eq!(desk.refusal(4), Refusal::Credential, "of before the block");
}

#[test]
fn regression_a_clock_that_is_ahead_for_a_moment_ends_no_block() {
    let mut desk = Desk::new(dev());
    let [anna, ben] = ["str:dev-anna", "str:dev-ben"].map(identity);
    desk.hub.block(&anna, for_secs(60)).unwrap();
    desk.hub.set_unix_time(desk.now, UNIX_US + 3_600_000_000);
    // Told of it then, as with a start.
    desk.hub.restore_block(&ben, for_secs(60)).unwrap();
    assert_eq!(desk.hub.blocks(), 0);
    desk.hub.set_unix_time(desk.now, UNIX_US);
    assert_eq!(desk.hub.blocks(), 2);
    for (number, name) in [(1, "str:dev-anna"), (2, "str:dev-ben")] {
        desk.hello(number, hello(Method::Dev, Some(name)));
        assert_eq!(desk.refusal(number), Refusal::Blocked);
    }
}

#[test]
fn limit_identities_that_are_blocked() {
    let mut desk = Desk::new(dev());
    let name = |number: usize| identity(&format!("str:{number}"));
    desk.hub.block(&name(0), for_secs(60)).unwrap();
    for number in 1..MAX_BLOCKS {
        desk.hub.block(&name(number), Block::default()).unwrap();
    }
    desk.drain();
    let more = desk.hub.block(&name(MAX_BLOCKS), Block::default());
    assert_eq!(more, Err(TooManyBlocks));
    assert!(
        more.unwrap_err()
            .to_string()
            .starts_with("65536 identities")
    );
    desk.hub.block(&name(1), for_secs(60)).unwrap();
    assert_eq!(desk.hub.blocks(), MAX_BLOCKS, "no other than before");
    // Those that have ended make room.
    desk.run_for(Span::from_secs(60));
    desk.now += Span::from_micros(1);
    desk.connect(1);
    desk.hub.block(&name(MAX_BLOCKS), Block::default()).unwrap();
    assert_eq!(desk.hub.blocks(), MAX_BLOCKS - 1);
}
