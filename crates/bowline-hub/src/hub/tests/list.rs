//! Who is signed in, as the operator sees it.

use super::*;
use crate::limits::MAX_SESSION_PAGE;

#[test]
fn sessions_are_told_page_by_page_each_once() {
    let mut desk = Desk::new(dev());
    for number in 0..25 {
        desk.member(number, &format!("str:dev-{number}"));
    }
    let (mut after, mut seen) = (0, Vec::new());
    loop {
        let page = desk.hub.list(after, 10);
        let Some(last) = page.last() else {
            break;
        };
        assert!(page.len() <= 10);
        after = last.number;
        seen.extend(page.into_iter().map(|info| info.identity.to_string()));
    }
    seen.sort();
    let mut all: Vec<String> = (0..25).map(|number| format!("str:dev-{number}")).collect();
    all.sort();
    assert_eq!(seen, all);
}

#[test]
fn a_session_is_told_with_all_but_its_address() {
    let mut desk = Desk::new(dev());
    let welcome = desk.member(1, "str:dev-anna");
    let signal = HubSignal {
        number: 1,
        peer: "str:dev-ben".into(),
        payload: Vec::new(),
    };
    desk.say(1, &ToHub::Signal(signal));
    let list = desk.hub.list(0, 10);
    let [info] = &list[..] else {
        panic!("{list:?}");
    };
    assert_eq!(
        (info.number, info.app, info.signals),
        (welcome.session, APP, 1)
    );
    assert_eq!((info.role, info.method), (Role::User, Method::Dev));
    assert_eq!(info.identity, identity("str:dev-anna"));
    assert_eq!(info.since_unix_secs, UNIX_US / 1_000_000);
    assert_eq!(info.expiry_unix_secs, None);
    assert!(!format!("{info:?}").contains("198."), "{info:?}");
}

#[test]
fn sessions_that_are_over_are_not_told() {
    let mut desk = Desk::new(dev());
    desk.member(1, "str:dev-anna");
    desk.member(2, "str:dev-anna");
    desk.member(3, "str:dev-ben");
    let list = desk.hub.list(0, 10);
    assert_eq!(list.len(), 2);
    desk.hub.kick(APP, &identity("str:dev-anna"));
    desk.hub.on_disconnected(client(3));
    assert_eq!(desk.hub.list(0, 10), []);
    assert!(desk.hub.numbers.is_empty());
}

#[test]
fn limit_sessions_of_a_page() {
    let mut desk = Desk::new(dev());
    for number in 0..MAX_SESSION_PAGE as u32 + 1 {
        desk.member(number, &format!("str:dev-{number}"));
    }
    assert_eq!(desk.hub.list(0, usize::MAX).len(), MAX_SESSION_PAGE);
}
