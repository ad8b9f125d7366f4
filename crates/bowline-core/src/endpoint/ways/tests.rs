//! Names of servers.

use std::format;

use super::*;
use crate::limits::MAX_SERVER_NAMES;
use crate::time::Span;

const START: Timestamp = Timestamp::from_micros(1_000_000);
const ADDRESS: IpAddr = IpAddr::V4(core::net::Ipv4Addr::new(198, 51, 100, 1));

struct Lab {
    now: Timestamp,
    ways: Ways,
}

fn connection(number: u32) -> ConnectionId {
    ConnectionId::new(number << 16 | number)
}

impl Lab {
    fn new() -> Self {
        let rng = Rng::from_seed([3; 32]);
        Self {
            now: START,
            ways: Ways::new(rng),
        }
    }

    /// A connection that lists these names. Returns those that are to be resolved.
    fn want(&mut self, number: u32, names: &[String]) -> Vec<String> {
        let mut config = Config::default();
        config.set_stun_servers(&names.join(",")).unwrap();
        self.now += Span::from_secs(1);
        self.ways.want(self.now, connection(number), &config);
        self.asked()
    }

    fn release(&mut self, number: u32) -> Vec<String> {
        self.ways.release(self.now, connection(number));
        self.asked()
    }

    fn asked(&mut self) -> Vec<String> {
        let asked: Vec<String> = self.ways.to_resolve.drain(..).collect();
        for name in &asked {
            self.ways.resolved(self.now, name, &[ADDRESS]);
        }
        asked
    }

    fn failures(&mut self, number: u32) -> usize {
        let news = core::iter::from_fn(|| self.ways.gatherer.poll_event());
        news.filter(|(id, news)| *id == connection(number) && matches!(news, LocalNews::Failed(_)))
            .count()
    }
}

fn name(number: usize) -> String {
    format!("stun{number}.example.net")
}

#[test]
fn regression_names_that_nobody_lists_any_more_make_room_for_others() {
    let mut lab = Lab::new();
    for number in 0..3 * MAX_SERVER_NAMES {
        assert_eq!(lab.want(1, &[name(number)]), [name(number)]);
    }
    // The latest are still known, the oldest are not.
    let latest = name(3 * MAX_SERVER_NAMES - 2);
    assert_eq!(lab.want(1, &[latest]), Vec::<String>::new());
    assert_eq!(lab.want(1, &[name(0)]), [name(0)]);
    assert_eq!(lab.failures(1), 0);
}

#[test]
fn limit_server_names() {
    let mut lab = Lab::new();
    for number in 0..MAX_SERVER_NAMES {
        lab.want(number as u32 + 1, &[name(number)]);
    }
    // All are in use: whoever comes then is told, and served when there is room.
    assert_eq!(lab.want(999, &[name(999)]), Vec::<String>::new());
    assert_eq!(lab.ways.names.len(), MAX_SERVER_NAMES);
    assert_eq!(lab.failures(999), 1);
    assert_eq!(lab.release(1), [name(999)]);
    assert_eq!(lab.ways.names.len(), MAX_SERVER_NAMES);
}

#[test]
fn names_of_one_list_take_no_room_from_each_other() {
    let mut lab = Lab::new();
    for number in 0..MAX_SERVER_NAMES - 1 {
        lab.want(number as u32 + 1, &[name(number)]);
    }
    let list = [name(997), name(998)];
    assert_eq!(lab.want(999, &list), [name(997)]);
    assert_eq!(lab.failures(999), 1);
}

#[test]
fn servers_of_the_network_serve_who_has_said_nothing_of_any() {
    let mut lab = Lab::new();
    let told = |numbers: &[usize]| -> Vec<ServerUri> {
        let names = numbers.iter().map(|number| name(*number));
        names
            .map(|name| ServerUri::parse(Service::Stun, &name).unwrap())
            .collect()
    };
    // One has its own, one wants none, and one says nothing and is there before the network does.
    assert_eq!(lab.want(1, &[name(1)]), [name(1)]);
    assert!(lab.want(2, &[]).is_empty());
    lab.ways.want(START, connection(3), &Config::default());
    assert!(lab.asked().is_empty());
    lab.ways.set_network_servers(lab.now, &told(&[5]));
    assert_eq!(lab.asked(), [name(5)]);
    let listed = |lab: &Lab, number| -> Vec<String> {
        let wish = &lab.ways.wishes[&connection(number)];
        wish.names().cloned().collect()
    };
    assert_eq!(listed(&lab, 1), [name(1)]);
    assert!(listed(&lab, 2).is_empty());
    assert_eq!(listed(&lab, 3), [name(5)]);
    // What is said later stands in the place of that.
    lab.ways.want(START, connection(4), &Config::default());
    lab.ways.set_network_servers(lab.now, &told(&[6, 7]));
    assert_eq!(lab.asked(), [name(6), name(7)]);
    assert_eq!(listed(&lab, 3), [name(6), name(7)]);
    assert_eq!(listed(&lab, 4), [name(6), name(7)]);
    lab.ways.set_network_servers(lab.now, &[]);
    assert!(listed(&lab, 4).is_empty());
}
