//! What the system refuses to send.

use super::*;

#[test]
fn regression_an_address_of_a_peer_that_nothing_can_be_sent_to_stops_no_server() {
    let mut lab = Lab::new();
    let peer = at("203.0.113.77:9");
    lab.answering.clear();
    lab.want(1, config(7));
    for _ in 0..3 {
        lab.gatherer.on_send_error(lab.now, SocketId::new(1), peer);
    }
    // The next repetition is answered.
    lab.answering = vec![at(STUN), at(TURN)];
    lab.run_for(Span::from_secs(1));
    assert_eq!(lab.told(1).len(), 4, "{:?}", lab.told(1));
    // And so is whoever comes later.
    lab.gatherer.on_send_error(lab.now, SocketId::new(1), peer);
    lab.want(2, config(7));
    assert_eq!(lab.told(2).len(), 4, "{:?}", lab.told(2));
}

#[test]
fn regression_what_is_known_stays_known_when_a_server_cannot_be_asked_again() {
    let mut lab = Lab::new();
    lab.want(1, config(6));
    lab.unsendable = vec![at(STUN)];
    lab.run_for(MAPPING_KEEPALIVE + Span::from_secs(2));
    assert_eq!(lab.sent_to(STUN), 5);
    lab.want(2, config(6));
    assert_eq!(lab.told(2), lab.told(1));
}

#[test]
fn a_server_that_nothing_can_be_sent_to_gives_way_to_the_next() {
    let mut lab = Lab::new();
    lab.unsendable = vec![at(STUN), at(TURN)];
    lab.want(1, config(7));
    lab.run_for(Span::from_secs(1));
    assert_eq!(lab.told(1).len(), 4, "{:?}", lab.told(1));
    assert_eq!((lab.sent_to(STUN), lab.sent_to(TURN)), (2, 2));
    let mut told = lab.failures(1);
    told.sort();
    let expected = [
        format!("{STUN}: nothing can be sent to the STUN server from here"),
        format!("{TURN}: nothing can be sent to the TURN server from here"),
    ];
    assert_eq!(told, expected);
}

#[test]
fn a_packet_that_the_system_refused_once_is_repeated() {
    let mut lab = Lab::new();
    lab.unsendable = vec![at(STUN), at(TURN)];
    lab.want(1, config(7));
    lab.unsendable.clear();
    lab.run_for(Span::from_secs(1));
    assert_eq!(lab.told(1).len(), 4, "{:?}", lab.told(1));
    assert_eq!(lab.sent_to(OTHER_STUN) + lab.sent_to(OTHER_TURN), 0);
    assert_eq!(lab.failures(1), Vec::<String>::new());
}

#[test]
fn nothing_spins_when_nothing_can_be_sent() {
    let mut lab = Lab::new();
    lab.unsendable = lab.answering.clone();
    lab.want(1, config(7));
    lab.run_for(Span::from_secs(3600));
    let sent = lab.sent.len();
    assert!(sent <= 200, "{sent} attempts in an hour");
    // It can be done without.
    assert!(lab.told(1).contains(&"done".into()));
    lab.unsendable.clear();
    lab.run_for(Span::from_secs(600));
    assert_eq!(lab.told(1).len(), 4, "{:?}", lab.told(1));
}
