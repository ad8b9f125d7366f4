//! The cells of the matrix: two hosts each, what they know, and how they are to come together.

use crate::nat_matrix::lab::{Lab, Network, Router, RouterOptions, SERVER};
use crate::nat_matrix::theory::{Kind, Route, route};

/// Two hosts that call each other.
#[derive(Clone, Debug)]
pub(crate) struct Cell {
    pub(crate) name: String,
    /// Namespaces of the two.
    pub(crate) hosts: [String; 2],
    pub(crate) knows: Servers,
    pub(crate) meeting: Meeting,
    pub(crate) expected: Route,
    /// What happens once they have talked; then they are to talk again.
    pub(crate) change: Option<Change>,
}

/// What carries the signals of the two.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Meeting {
    SignalServer,
    /// A hub of their own.
    Hub,
    /// The same, which is killed once they have talked, and started again.
    MortalHub,
}

/// A change of the first host's network.
#[derive(Clone, Debug)]
pub(crate) struct Change {
    /// Commands for the first host's shell, by what is in the peer's last line about the way to it.
    pub(crate) commands: Vec<(String, String)>,
}

/// What both hosts are told of.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Servers {
    None,
    Stun,
    StunAndTurn,
    /// And they may use nothing else.
    TurnOnly,
}

impl Servers {
    /// Settings of `bowline p2p`.
    pub(crate) fn settings(self) -> Vec<String> {
        let stun = [format!("P2P_STUN_ServerList={SERVER}:{STUN_PORT}")];
        let turn = [
            format!("P2P_TURN_ServerList={SERVER}:{STUN_PORT}"),
            format!("P2P_TURN_UserList={TURN_USER}"),
            format!("P2P_TURN_PassList={TURN_PASSWORD}"),
        ];
        let only = ["P2P_Transport_ICE_Enable=1".to_owned()];
        match self {
            Self::None => Vec::new(),
            Self::Stun => stun.to_vec(),
            Self::StunAndTurn => [&stun[..], &turn].concat(),
            Self::TurnOnly => [&stun[..], &turn, &only].concat(),
        }
    }

    const fn suffix(self) -> &'static str {
        match self {
            Self::None => ", no servers",
            Self::Stun => "",
            Self::StunAndTurn => ", TURN",
            Self::TurnOnly => ", relay only",
        }
    }
}

pub(crate) const STUN_PORT: u16 = 3478;
pub(crate) const TURN_USER: &str = "anna";
pub(crate) const TURN_PASSWORD: &str = "secret";

/// Home networks have the same addresses everywhere, and so have the hosts in them.
const HOME: &str = "192.168.1";
const OTHER_HOME: &str = "192.168.2";
/// A carrier's (RFC 6598).
const CARRIER: &str = "100.64.0";

/// The matrix: the script that builds its networks, and its cells.
pub(crate) fn all() -> (String, Vec<Cell>) {
    let mut plan = Plan::new();
    plan.pairs();
    plan.on_one_lan();
    plan.behind_one_router();
    plan.behind_a_carrier();
    plan.with_ipv6();
    plan.with_two_interfaces();
    plan.with_loss();
    plan.on_the_internet();
    plan.with_changes();
    plan.with_hubs();
    let Plan { lab, cells, .. } = plan;
    (lab.script().to_owned(), cells)
}

struct Plan {
    lab: Lab,
    internet: Network,
    cells: Vec<Cell>,
}

impl Plan {
    fn new() -> Self {
        let (lab, internet) = Lab::new();
        Self {
            lab,
            internet,
            cells: Vec::new(),
        }
    }

    /// Every pair of the kinds that have names.
    fn pairs(&mut self) {
        for kind in Kind::NAMED {
            for side in ["a", "b"] {
                self.home(&host_name(kind, side), kind, RouterOptions::default());
            }
        }
        for a in Kind::NAMED {
            for b in Kind::NAMED {
                let name = format!("{} x {}", label(a), label(b));
                let hosts = [&host_name(a, "a")[..], &host_name(b, "b")];
                self.cell(&name, hosts, Servers::Stun, route(a, b, false));
                self.cell(&name, hosts, Servers::StunAndTurn, route(a, b, true));
            }
        }
        let open = [
            &host_name(Kind::FULL_CONE, "a")[..],
            &host_name(Kind::FULL_CONE, "b"),
        ];
        self.cell(
            "full cone x full cone",
            open,
            Servers::TurnOnly,
            Route::Relay,
        );
        self.cell("full cone x full cone", open, Servers::None, Route::None);
    }

    fn on_one_lan(&mut self) {
        let lan = self.home("near1", Kind::SYMMETRIC, RouterOptions::default());
        self.lab.second_host("near2", &lan.lan);
        for servers in [Servers::None, Servers::Stun] {
            self.cell("on one LAN", ["near1", "near2"], servers, Route::Direct);
        }
        let relayed = Servers::TurnOnly;
        self.cell("on one LAN", ["near1", "near2"], relayed, Route::Relay);
    }

    /// On two networks of one router, which does not forward between them.
    fn behind_one_router(&mut self) {
        let hairpin = RouterOptions {
            has_hairpin: true,
            ..RouterOptions::default()
        };
        for (name, kind, options, is_met) in [
            ("with hairpin", Kind::FULL_CONE, hairpin, true),
            (
                "without hairpin",
                Kind::PORT_RESTRICTED,
                RouterOptions::default(),
                false,
            ),
        ] {
            let [first, second] = [1, 2].map(|n| format!("{}{n}", name.replace(' ', "-")));
            let router = self.home(&first, kind, options);
            let other = self.lab.second_lan(&router, OTHER_HOME);
            self.lab.host(&second, &other);
            let hosts = [&first[..], &second];
            let name = format!("behind one router {name}");
            if is_met {
                self.cell(&name, hosts, Servers::Stun, Route::Direct);
            } else {
                self.cell(&name, hosts, Servers::Stun, Route::None);
                self.cell(&name, hosts, Servers::StunAndTurn, Route::Relay);
            }
        }
    }

    /// Double NAT: a home's router behind a carrier's.
    fn behind_a_carrier(&mut self) {
        let usual = Kind::PORT_RESTRICTED;
        let plain = RouterOptions::default();
        for (carrier, b, servers, expected) in [
            (usual, usual, Servers::Stun, Route::Direct),
            (usual, Kind::SYMMETRIC, Servers::StunAndTurn, Route::Relay),
            (
                Kind::SYMMETRIC,
                Kind::FULL_CONE,
                Servers::Stun,
                Route::Direct,
            ),
            (Kind::SYMMETRIC, usual, Servers::Stun, Route::None),
        ] {
            let host = format!("double{}", self.cells.len());
            let at_carrier = self.router(&format!("carrier-{host}"), None, CARRIER, carrier, plain);
            let home = self.router(&host, Some(&at_carrier.lan), HOME, usual, plain);
            self.lab.host(&host, &home.lan);
            let name = format!(
                "double NAT ({}, {}) x {}",
                label(usual),
                label(carrier),
                label(b)
            );
            self.cell(&name, [&host, &host_name(b, "b")], servers, expected);
        }
    }

    /// NATs that cannot be crossed, and IPv6 without, behind firewalls.
    fn with_ipv6(&mut self) {
        let options = RouterOptions {
            has_ipv6: true,
            ..RouterOptions::default()
        };
        for host in ["six1", "six2"] {
            self.home(host, Kind::SYMMETRIC, options);
        }
        let name = "symmetric x symmetric, IPv6 beside";
        self.cell(name, ["six1", "six2"], Servers::Stun, Route::Direct);
    }

    /// The way over one of a host's two networks is barred, that over the other is not.
    fn with_two_interfaces(&mut self) {
        let plain = RouterOptions::default();
        self.home("two", Kind::SYMMETRIC, plain);
        let other = self.router("two-other", None, OTHER_HOME, Kind::FULL_CONE, plain);
        self.lab.second_interface("two", &other.lan);
        let peer = host_name(Kind::SYMMETRIC, "b");
        let name = "two interfaces (symmetric, full cone) x symmetric";
        self.cell(name, ["two", &peer], Servers::Stun, Route::Direct);
    }

    /// Both routers lose packets, in both directions.
    fn with_loss(&mut self) {
        let options = RouterOptions {
            is_lossy: true,
            ..RouterOptions::default()
        };
        for kind in [Kind::PORT_RESTRICTED, Kind::SYMMETRIC] {
            let [a, b] = ["a", "b"].map(|side| format!("lossy-{}", host_name(kind, side)));
            self.home(&a, kind, options);
            self.home(&b, kind, options);
            let servers = if route(kind, kind, false) == Route::Direct {
                Servers::Stun
            } else {
                Servers::StunAndTurn
            };
            let name = format!("{0} x {0}, 5 % loss", label(kind));
            self.cell(&name, [&a, &b], servers, route(kind, kind, true));
        }
    }

    fn on_the_internet(&mut self) {
        self.lab.public_host("public", &self.internet);
        let peer = host_name(Kind::SYMMETRIC, "b");
        self.cell(
            "no NAT x symmetric",
            ["public", &peer],
            Servers::Stun,
            Route::Direct,
        );
    }

    /// Networks that change while two are connected: one of them stays on the internet, without a NAT, and learns of
    /// the other's new address by its packets. Over IPv4, and where nothing else works over IPv6.
    fn with_changes(&mut self) {
        self.lab.public_host("stays", &self.internet);
        self.lab.public_host("stays6", &self.internet);
        self.lab.shut_ipv4("stays6");
        for (suffix, family, has_ipv6) in [("", "IPv4", false), ("6", "IPv6", true)] {
            let options = RouterOptions {
                has_ipv6,
                ..RouterOptions::default()
            };
            let stays = format!("stays{suffix}");
            let change = |plan: &mut Self, host: &str, what: &str, commands| {
                plan.cell(what, [host, &stays], Servers::Stun, Route::Direct);
                if let Some(cell) = plan.cells.last_mut() {
                    cell.name = format!("{what}, {family}");
                    cell.change = Some(Change { commands });
                }
            };
            let host = format!("unplugged{suffix}");
            let [first, other] = self.two_homes(&host, options);
            self.lab.second_interface(&host, &other.lan);
            let pull = [(first, "eth0"), (other, "eth1")].map(|(router, device)| {
                // Addresses are printed without zeros in the middle.
                let seen = router
                    .lan
                    .prefix_v6()
                    .map(|prefix| prefix.trim_end_matches('0'));
                let seen = seen.map(|prefix| format!("[{prefix}"));
                let seen = seen.unwrap_or_else(|| format!("{}:", router.outside));
                (seen, format!("ip link set {device} down"))
            });
            change(self, &host, "the interface in use goes down", pull.into());

            let host = format!("roams{suffix}");
            let [_, other] = self.two_homes(&host, options);
            self.lab.spare_interface(&host, &other.lan);
            let moved = format!("{}\nip link set eth0 down", other.lan.plug_in());
            let moved = vec![(String::new(), moved)];
            change(self, &host, "another interface takes over", moved);

            let host = format!("renumbered{suffix}");
            let home = self.home(&host, Kind::PORT_RESTRICTED, options);
            let renumbered = vec![(String::new(), home.lan.renumber())];
            change(self, &host, "another address", renumbered);
        }
        self.with_a_change_behind_firewalls();
    }

    /// Both let in answers only, so that the new address has to be told by signals.
    fn with_a_change_behind_firewalls(&mut self) {
        let options = RouterOptions {
            has_ipv6: true,
            ..RouterOptions::default()
        };
        let home = self.home("renumbered-six", Kind::SYMMETRIC, options);
        self.home("stays-six", Kind::SYMMETRIC, options);
        let hosts = ["renumbered-six", "stays-six"];
        let name = "another address, IPv6, both behind firewalls";
        self.cell(name, hosts, Servers::Stun, Route::Direct);
        if let Some(cell) = self.cells.last_mut() {
            let commands = vec![(String::new(), home.lan.renumber())];
            cell.change = Some(Change { commands });
        }
    }

    /// Hubs carry signals as well as the server does, and are not needed by those who have met.
    fn with_hubs(&mut self) {
        let (open, usual, strict) = (Kind::FULL_CONE, Kind::PORT_RESTRICTED, Kind::SYMMETRIC);
        for (a, b, servers, meeting) in [
            (open, strict, Servers::Stun, Meeting::Hub),
            (usual, usual, Servers::Stun, Meeting::Hub),
            (strict, strict, Servers::StunAndTurn, Meeting::Hub),
            (usual, open, Servers::Stun, Meeting::MortalHub),
        ] {
            let how = match meeting {
                Meeting::MortalHub => "by a hub that dies",
                Meeting::Hub | Meeting::SignalServer => "by a hub",
            };
            let name = format!("{} x {}, {how}", label(a), label(b));
            let hosts = [&host_name(a, "a")[..], &host_name(b, "b")];
            let expected = route(a, b, servers == Servers::StunAndTurn);
            self.cell(&name, hosts, servers, expected);
            if let Some(cell) = self.cells.last_mut() {
                cell.meeting = meeting;
            }
        }
    }

    /// Two routers for a host, which has an interface behind the first.
    fn two_homes(&mut self, host: &str, options: RouterOptions) -> [Router; 2] {
        let first = self.home(host, Kind::PORT_RESTRICTED, options);
        let name = format!("{host}-other");
        let kind = Kind::PORT_RESTRICTED;
        let other = self.router(&name, None, OTHER_HOME, kind, options);
        [first, other]
    }

    /// A router of its own for a host.
    fn home(&mut self, host: &str, kind: Kind, options: RouterOptions) -> Router {
        let router = self.router(host, None, HOME, kind, options);
        self.lab.host(host, &router.lan);
        router
    }

    fn router(
        &mut self,
        name: &str,
        upstream: Option<&Network>,
        prefix: &str,
        kind: Kind,
        options: RouterOptions,
    ) -> Router {
        let upstream = upstream.unwrap_or(&self.internet);
        self.lab.router(name, upstream, prefix, kind, options)
    }

    fn cell(&mut self, name: &str, hosts: [&str; 2], knows: Servers, expected: Route) {
        self.cells.push(Cell {
            name: format!("{name}{}", knows.suffix()),
            hosts: hosts.map(str::to_owned),
            knows,
            meeting: Meeting::SignalServer,
            expected,
            change: None,
        });
    }
}

fn label(kind: Kind) -> &'static str {
    kind.name().expect("only kinds with names are built")
}

fn host_name(kind: Kind, side: &str) -> String {
    format!("{}-{side}", label(kind).replace(' ', "-"))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::nat_matrix::lab::SERVER_NAMESPACE;

    #[test]
    fn every_cell_has_a_name_of_its_own_and_hosts_that_are_built() {
        let (script, cells) = all();
        let names: BTreeSet<_> = cells.iter().map(|cell| &cell.name).collect();
        assert_eq!(names.len(), cells.len());
        for host in cells.iter().flat_map(|cell| &cell.hosts) {
            assert!(script.contains(&format!("ip netns add {host}\n")), "{host}");
        }
        assert!(script.contains(&format!("ip netns add {SERVER_NAMESPACE}\n")));
    }

    #[test]
    fn nothing_is_built_twice() {
        let (script, _) = all();
        let built: Vec<_> = script
            .lines()
            .filter(|line| line.starts_with("ip netns add"))
            .collect();
        let distinct: BTreeSet<_> = built.iter().collect();
        assert_eq!(distinct.len(), built.len());
    }
}
