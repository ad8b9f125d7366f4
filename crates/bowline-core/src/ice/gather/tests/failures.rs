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
    // Whoever comes later hears it at once.
    lab.want(4, config(7));
    assert_eq!(lab.failures(4).len(), 3);
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
