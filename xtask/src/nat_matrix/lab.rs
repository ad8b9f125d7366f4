//! Networks made of network namespaces: the text of the shell script that builds one.
//!
//! Hosts and routers are namespaces, wires are pairs of virtual interfaces, and every network is a bridge. The
//! internet is a bridge too, in a namespace of its own: 203.0.113.0/24, where nobody answers for private
//! addresses, so that packets for them vanish as they would out there.

use std::fmt::Write;

use crate::nat_matrix::rules;
use crate::nat_matrix::theory::Kind;

/// A network under construction.
#[derive(Debug)]
pub(crate) struct Lab {
    script: String,
    /// So far, for the names of the interfaces at the bridges.
    wires: usize,
    /// Addresses on the internet that are given out.
    addresses: u8,
}

/// A network that hosts and routers can be attached to.
#[derive(Clone, Debug)]
pub(crate) struct Network {
    namespace: String,
    bridge: String,
    /// The first three numbers of its IPv4 addresses. Its gateway has the address 1 there.
    prefix: String,
    /// The first half of its IPv6 addresses, without the colons at the end.
    prefix_v6: Option<String>,
}

/// What a router does, besides forwarding.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct RouterOptions {
    /// Hosts inside reach each other under their outside addresses.
    pub(crate) has_hairpin: bool,
    /// It drops a packet in twenty, in both directions.
    pub(crate) is_lossy: bool,
    /// It has an IPv6 network behind it, without NAT, but with the usual firewall.
    pub(crate) has_ipv6: bool,
}

/// A router, and the network behind it.
#[derive(Clone, Debug)]
pub(crate) struct Router {
    pub(crate) lan: Network,
    /// Its address on the network outside, where it translates.
    pub(crate) outside: String,
}

/// The address of the host with the servers.
pub(crate) const SERVER: &str = "203.0.113.2";
/// Its namespace.
pub(crate) const SERVER_NAMESPACE: &str = "server";
/// The address of a host in its network, if it is the first.
const FIRST_HOST: u8 = 2;
/// One that it may have later.
const OTHER_HOST: u8 = 77;
const FORWARD_IPV6: &str = "echo 1 > /proc/sys/net/ipv6/conf/all/forwarding";

const PULL_ETH1: &str = "ip link set eth1 down";

impl Network {
    /// Commands for a host: what leaves from its address on the second interface leaves there.
    fn as_second(&self) -> String {
        let Self {
            prefix, prefix_v6, ..
        } = self;
        let mut commands = format!(
            "ip route add default via {prefix}.1 dev eth1 table 2\n\
             ip rule add from {prefix}.{FIRST_HOST} table 2"
        );
        if let Some(v6) = prefix_v6 {
            let _ = write!(
                commands,
                "\nip addr add {v6}::{FIRST_HOST}/64 dev eth1 nodad\n\
                 ip -6 route add default via {v6}::1 dev eth1 table 2\n\
                 ip -6 rule add from {v6}::{FIRST_HOST} table 2"
            );
        }
        commands
    }

    /// Commands for a host that has a spare interface there, which is in use from then on.
    pub(crate) fn plug_in(&self) -> String {
        let prefix = &self.prefix;
        let second = self.as_second();
        format!("ip link set eth1 up\nip addr add {prefix}.{FIRST_HOST}/24 dev eth1\n{second}")
    }

    /// Commands for a host that has its first interface there, and has other addresses from then on.
    pub(crate) fn renumber(&self) -> String {
        let Self {
            prefix, prefix_v6, ..
        } = self;
        match prefix_v6 {
            // The IPv4 address stays: signals go on.
            Some(v6) => format!(
                "ip addr del {v6}::{FIRST_HOST}/64 dev eth0\n\
                 ip addr add {v6}::{OTHER_HOST}/64 dev eth0 nodad"
            ),
            None => format!(
                "ip addr del {prefix}.{FIRST_HOST}/24 dev eth0\n\
                 ip addr add {prefix}.{OTHER_HOST}/24 dev eth0\n\
                 ip route replace default via {prefix}.1"
            ),
        }
    }

    /// What IPv6 addresses there begin with.
    pub(crate) fn prefix_v6(&self) -> Option<&str> {
        self.prefix_v6.as_deref()
    }
}

impl Lab {
    /// An internet with a host for servers.
    pub(crate) fn new() -> (Self, Network) {
        let mut lab = Self {
            // Names of namespaces lie in a folder that goes with the process.
            script: "mount -t tmpfs none /run\nmkdir /run/netns\n".to_owned(),
            wires: 0,
            addresses: 9,
        };
        let internet = Network {
            namespace: "internet".into(),
            bridge: "lan".into(),
            prefix: "203.0.113".into(),
            prefix_v6: Some("2001:db8:0:0".into()),
        };
        lab.namespace(&internet.namespace);
        lab.bridge(&internet);
        lab.within(&internet.namespace, FORWARD_IPV6);
        lab.namespace(SERVER_NAMESPACE);
        lab.attach(SERVER_NAMESPACE, "eth0", &internet, FIRST_HOST);
        (lab, internet)
    }

    /// A router between `upstream` and a new network, whose addresses begin with `prefix`.
    pub(crate) fn router(
        &mut self,
        name: &str,
        upstream: &Network,
        prefix: &str,
        kind: Kind,
        options: RouterOptions,
    ) -> Router {
        self.addresses += 1;
        let number = self.addresses;
        let namespace = format!("router-{name}");
        self.namespace(&namespace);
        let outside = self.attach(&namespace, "wan", upstream, number);
        let lan = Network {
            namespace: namespace.clone(),
            bridge: "lan".into(),
            prefix: prefix.into(),
            prefix_v6: options.has_ipv6.then(|| format!("2001:db8:{number}:0")),
        };
        self.bridge(&lan);
        self.within(&namespace, "echo 1 > /proc/sys/net/ipv4/ip_forward");
        if let (Some(inside), Some(v6)) = (&lan.prefix_v6, &upstream.prefix_v6) {
            self.within(&namespace, FORWARD_IPV6);
            let route = format!("ip -6 route add {inside}::/64 via {v6}::{number}");
            self.within(&upstream.namespace, &route);
        }
        let rules = rules::text(kind, &outside, options);
        self.within(&namespace, &format!("nft -f - <<'RULES'\n{rules}RULES"));
        Router { lan, outside }
    }

    /// A second network behind a router. It does not forward between the two, but for what it translates.
    pub(crate) fn second_lan(&mut self, router: &Router, prefix: &str) -> Network {
        let lan = Network {
            bridge: "lan2".into(),
            prefix: prefix.into(),
            prefix_v6: None,
            ..router.lan.clone()
        };
        self.bridge(&lan);
        lan
    }

    /// A host; the name is its namespace's.
    pub(crate) fn host(&mut self, name: &str, network: &Network) {
        self.namespace(name);
        self.attach(name, "eth0", network, FIRST_HOST);
    }

    /// One more host of a network that has one.
    pub(crate) fn second_host(&mut self, name: &str, network: &Network) {
        self.namespace(name);
        self.attach(name, "eth0", network, FIRST_HOST + 1);
    }

    /// Gives a host on the internet an address of its own.
    pub(crate) fn public_host(&mut self, name: &str, internet: &Network) {
        self.addresses += 1;
        self.namespace(name);
        self.attach(name, "eth0", internet, self.addresses);
    }

    /// Gives a host a second interface. What leaves from its address leaves there.
    pub(crate) fn second_interface(&mut self, host: &str, network: &Network) {
        self.wire(host, "eth1", network, FIRST_HOST);
        self.within(host, &network.as_second());
    }

    /// Gives a host the wire of a second interface, which is not in use: [`Network::plug_in`] puts it to use.
    pub(crate) fn spare_interface(&mut self, host: &str, network: &Network) {
        self.wire(host, "eth1", network, FIRST_HOST);
        self.within(host, &format!("ip addr flush dev eth1\n{PULL_ETH1}"));
    }

    /// Lets a host get nothing over IPv4 but what is not UDP.
    pub(crate) fn shut_ipv4(&mut self, host: &str) {
        let rules = "table ip shut {\nchain input {\ntype filter hook input priority filter\n\
                     meta l4proto udp drop\n}\n}";
        self.within(host, &format!("nft -f - <<'RULES'\n{rules}\nRULES"));
    }

    /// The script, for a shell in a network and mount namespace of its own.
    pub(crate) fn script(&self) -> &str {
        &self.script
    }

    fn namespace(&mut self, name: &str) {
        self.line(&format!("ip netns add {name}"));
        // Nobody else can have an address that is given out here, so nobody is asked for seconds.
        // And what crosses a bridge is not forwarded, whatever the firewall of the router thinks that it lies in.
        let commands = "echo 0 > /proc/sys/net/ipv6/conf/default/accept_dad\n\
                        for flag in /proc/sys/net/bridge/bridge-nf-call-*; do\n\
                        if [ -e $flag ]; then echo 0 > $flag; fi; done\n\
                        ip link set lo up";
        self.within(name, commands);
    }

    fn bridge(&mut self, network: &Network) {
        let Network { bridge, prefix, .. } = network;
        let mut commands = format!(
            "ip link add {bridge} type bridge\n\
             ip addr add {prefix}.1/24 dev {bridge}\n\
             ip link set {bridge} up"
        );
        if let Some(v6) = &network.prefix_v6 {
            let _ = write!(commands, "\nip addr add {v6}::1/64 dev {bridge} nodad");
        }
        self.within(&network.namespace, &commands);
    }

    /// Attaches an interface, with the network's gateway for the rest of the world. Returns its address.
    fn attach(&mut self, namespace: &str, device: &str, network: &Network, number: u8) -> String {
        let address = self.wire(namespace, device, network, number);
        let mut commands = format!("ip route add default via {}.1", network.prefix);
        if let Some(v6) = &network.prefix_v6 {
            let _ = write!(
                commands,
                "\nip addr add {v6}::{number}/64 dev {device} nodad\n\
                 ip -6 route add default via {v6}::1"
            );
        }
        self.within(namespace, &commands);
        address
    }

    fn wire(&mut self, namespace: &str, device: &str, network: &Network, number: u8) -> String {
        self.wires += 1;
        let end = format!("port{}", self.wires);
        let Network {
            namespace: at,
            bridge,
            prefix,
            ..
        } = network;
        self.line(&format!(
            "ip link add {device} netns {namespace} type veth peer name {end} netns {at}"
        ));
        self.within(at, &format!("ip link set {end} master {bridge} up"));
        let address = format!("{prefix}.{number}");
        let commands = format!(
            "ip addr add {address}/24 dev {device}\n\
             ip link set {device} up"
        );
        self.within(namespace, &commands);
        address
    }

    /// Has commands run in a namespace.
    fn within(&mut self, namespace: &str, commands: &str) {
        self.line(&format!(
            "nsenter --net=/run/netns/{namespace} sh -eu <<'END'\n{commands}\nEND"
        ));
    }

    fn line(&mut self, line: &str) {
        self.script.push_str(line);
        self.script.push('\n');
    }
}
