//! Servers that do not do what they are for.

use super::*;

#[test]
fn servers_that_fail_are_told_once_to_those_who_list_them() {
    let mut lab = Lab::new();
    lab.answering = vec![at(OTHER_STUN)];
    lab.want(1, config(7));
    // Nobody who does not ask for reflexive addresses or relays has to know.
    lab.want(2, config(2));
    let mut other = config(7);
    other.stun.remove(0);
    other.turn.remove(0);
    lab.want(3, other);
    assert_eq!(lab.failures(1), Vec::<String>::new());
    lab.run_for(Span::from_secs(120));
    let silent_stun = format!("{STUN}: the STUN server does not answer");
    let silent_turn = |server| format!("{server}: the TURN server does not answer");
    let mut told = lab.failures(1);
    told.sort();
    assert_eq!(
        told,
        [silent_stun, silent_turn(TURN), silent_turn(OTHER_TURN)]
    );
    assert_eq!(lab.failures(2), Vec::<String>::new());
    assert_eq!(lab.failures(3), [silent_turn(OTHER_TURN)]);
    // For whoever comes later they are asked once more.
    lab.want(4, config(7));
    assert_eq!(lab.failures(4).len(), 1);
    lab.run_for(Span::from_secs(12));
    assert_eq!(lab.failures(4).len(), 3);
}

#[test]
fn regression_an_old_failure_of_a_relay_is_not_told_while_it_is_asked_again() {
    let mut lab = Lab::new();
    lab.answering.clear();
    lab.want(1, config(1));
    lab.run_for(Span::from_secs(11));
    assert_eq!(lab.failures(1).len(), 2);
    // Both are being asked again.
    lab.run_for(Span::from_secs(12));
    lab.answering = vec![at(TURN), at(OTHER_TURN)];
    lab.want(2, config(1));
    lab.run_for(Span::from_secs(5));
    assert_eq!(lab.failures(2), Vec::<String>::new());
    assert!(lab.told(2).contains(&format!("relay {RELAYED}")));
}

#[test]
fn regression_servers_that_failed_long_are_asked_at_once_for_a_new_connection() {
    let mut lab = Lab::new();
    lab.answering.clear();
    lab.want(1, config(7));
    // Pauses have grown to minutes.
    lab.run_for(Span::from_secs(1000));
    lab.answering = vec![at(STUN), at(TURN)];
    lab.run_for(Span::from_secs(20));
    assert_eq!(lab.told(1).len(), 2, "{:?}", lab.told(1));
    lab.want(2, config(7));
    lab.run_for(Span::from_secs(1));
    for number in [1, 2] {
        assert_eq!(lab.told(number).len(), 4, "{:?}", lab.told(number));
    }
}

#[test]
fn connections_without_end_do_not_have_servers_asked_without_end() {
    let mut lab = Lab::new();
    lab.accounts = Some(Vec::new());
    lab.answering = vec![at(TURN), at(OTHER_TURN)];
    for number in 1..=1000 {
        lab.want(number, config(7));
        lab.run_for(Span::from_millis(10));
        // Who says the same again is not new.
        lab.want(number, config(7));
        lab.gatherer.release(lab.now, connection(number));
    }
    // In ten seconds; the first question is refused at once, since there is no account.
    let sent = [TURN, OTHER_TURN].map(|server| lab.sent_to(server));
    assert!(sent.iter().all(|sent| *sent <= 11), "{sent:?}");
    let stun = lab.sent_to(STUN) + lab.sent_to(OTHER_STUN);
    assert!(stun <= 10, "{stun}");
}

#[test]
fn regression_what_is_wrong_with_servers_that_nobody_lists_fills_no_list() {
    let mut lab = Lab::new();
    lab.answering.clear();
    for number in 1..=3 * MAX_SERVERS as u16 {
        let mut config = config(6);
        let server = SocketAddr::new([198, 51, 100, 9].into(), number);
        config.stun = vec![server];
        lab.want(1, config);
        lab.run_for(Span::from_secs(400));
        let told = lab.failures(1);
        let silent = format!("{server}: the STUN server does not answer");
        assert!(told.contains(&silent), "{told:?}");
        // Another connection each time, since one is not told for ever.
        lab.gatherer.release(lab.now, connection(1));
        lab.news.clear();
    }
}

#[test]
fn a_server_that_serves_another_socket_is_not_told_of() {
    let mut lab = Lab::new();
    lab.answering.clear();
    lab.want(1, config(6));
    lab.run_for(Span::from_secs(5));
    lab.answering = vec![at(STUN), at(OTHER_STUN)];
    let interfaces = [interface(1, HOME), interface(2, "192.168.7.2:5000")];
    lab.gatherer.set_interfaces(lab.now, &interfaces);
    lab.run_for(Span::from_secs(2));
    assert_eq!(lab.failures(1), Vec::<String>::new());
}

#[test]
fn limit_failures_that_are_told() {
    let mut lab = Lab::new();
    let mut config = config(6);
    let unknown = |number| ServerFailure::StunUnknown { number };
    for first in [0, 100] {
        config.failures = (first..first + 100).map(unknown).collect();
        lab.want(1, config.clone());
    }
    assert_eq!(lab.failures(1).len(), 4 * MAX_SERVERS);
}
