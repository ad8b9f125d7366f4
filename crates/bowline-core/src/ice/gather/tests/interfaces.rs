//! Interfaces that come, go, and change places.

use super::*;

#[test]
fn interfaces_come_and_go() {
    let mut lab = Lab::new();
    lab.want(1, config(2));
    let second = interface(2, "10.0.0.7:5000");
    let both = [interface(1, HOME), second];
    lab.gatherer.set_interfaces(lab.now, &both);
    lab.drain();
    let first = lab.gatherer.host(SocketId::new(1)).unwrap();
    let local = lab.gatherer.host(SocketId::new(2)).unwrap();
    assert_eq!(lab.gatherer.socket_of(local), Some(SocketId::new(2)));
    lab.gatherer.set_interfaces(lab.now, &both);
    lab.gatherer.set_interfaces(lab.now, &[second]);
    lab.drain();
    let expected = [
        format!("host {HOME}"),
        "done".into(),
        "host 10.0.0.7:5000".into(),
        format!("gone {}", first.get()),
    ];
    assert_eq!(lab.told(1), expected);
    // The same address again is another end.
    lab.gatherer.set_interfaces(lab.now, &both);
    lab.drain();
    assert_ne!(lab.gatherer.host(SocketId::new(1)), Some(first));
    assert_eq!(lab.gatherer.host(SocketId::new(2)), Some(local));
}

#[test]
fn regression_sockets_that_stay_are_preferred_as_their_order_says() {
    let mut lab = Lab::new();
    let second = interface(2, "10.0.0.7:5000");
    let third = interface(3, "10.0.0.8:5000");
    lab.gatherer
        .set_interfaces(lab.now, &[interface(1, HOME), third]);
    lab.want(1, config(2));
    let preferences = |lab: &Lab| {
        let mut latest = BTreeMap::new();
        for (_, news) in &lab.news {
            if let LocalNews::Added(candidate) = news {
                latest.insert(candidate.address, candidate.preference);
            }
        }
        [HOME, "10.0.0.7:5000", "10.0.0.8:5000"].map(|address| latest.get(&at(address)).copied())
    };
    let max = u16::MAX;
    assert_eq!(preferences(&lab), [Some(max), None, Some(max - 1)]);
    lab.gatherer
        .set_interfaces(lab.now, &[second, third, interface(1, HOME)]);
    lab.drain();
    let expected = [Some(max - 2), Some(max), Some(max - 1)];
    assert_eq!(preferences(&lab), expected);
    // Nobody is told of the others if one goes.
    let told = lab.told(1).len();
    lab.gatherer
        .set_interfaces(lab.now, &[third, interface(1, HOME)]);
    lab.drain();
    assert_eq!(lab.told(1).len(), told + 1);
}

#[test]
fn limit_interfaces() {
    let mut lab = Lab::new();
    let many: Vec<Interface> = (0..1000)
        .map(|index| interface(index, &format!("192.168.1.2:{}", 1 + index)))
        .collect();
    lab.gatherer.set_interfaces(lab.now, &many);
    lab.want(1, config(2));
    assert_eq!(lab.told(1).len(), MAX_INTERFACES + 1);
}
