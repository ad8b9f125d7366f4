//! The nftables rules that make a router a NAT of a kind.
//!
//! Linux' own NAT keeps the port that a packet has inside, if it can, whomever it goes to, and lets in answers only:
//! that is a mapping that is independent of the endpoint, with filtering by address and port. `fully-random` makes
//! it a new port for each flow. To let in more, the router notes what left, and from where: a map from ports outside
//! to what is behind them, and for filtering by address a set of whom they sent to.

use crate::nat_matrix::lab::RouterOptions;
use crate::nat_matrix::theory::Behaviour;
use crate::nat_matrix::theory::Kind;

/// How long a router remembers what left; longer than a cell takes.
const LIFETIME: &str = "flags dynamic,timeout; timeout 120s; size 4096";

/// The rules of a router with the address `outside` on its interface `wan`.
pub(crate) fn text(kind: Kind, outside: &str, options: RouterOptions) -> String {
    let translation = translation(kind, outside, options.has_hairpin);
    let firewall = firewall(options.is_lossy);
    format!("table ip nat {{\n{translation}}}\ntable inet firewall {{\n{firewall}}}\n")
}

fn translation(kind: Kind, outside: &str, has_hairpin: bool) -> String {
    let to_behind = "dnat ip to udp dport map @behind";
    let incoming = match kind.filtering {
        Behaviour::EndpointIndependent => format!("iifname wan {to_behind}"),
        Behaviour::AddressDependent => {
            format!("iifname wan ip saddr . udp dport @sent_to {to_behind}")
        }
        Behaviour::AddressAndPortDependent => String::new(),
    };
    let outgoing = match kind.mapping {
        Behaviour::EndpointIndependent => "oifname wan masquerade",
        Behaviour::AddressAndPortDependent => "oifname wan masquerade fully-random",
        Behaviour::AddressDependent => unreachable!("kinds without a name are not built"),
    };
    let [there, back] = if has_hairpin {
        [
            format!("iifname \"lan*\" ip daddr {outside} {to_behind}"),
            format!("oifname \"lan*\" ct status dnat snat ip to {outside}"),
        ]
    } else {
        [String::new(), String::new()]
    };
    [
        format!("  map behind {{ type inet_service : ipv4_addr . inet_service; {LIFETIME}; }}\n"),
        format!("  set sent_to {{ type ipv4_addr . inet_service; {LIFETIME}; }}\n"),
        chain(
            "incoming",
            "nat hook prerouting priority dstnat",
            &[&incoming, &there],
        ),
        chain(
            "outgoing",
            "nat hook postrouting priority srcnat",
            &[outgoing, &back],
        ),
        chain("note", "filter hook postrouting priority srcnat + 10", NOTE),
    ]
    .concat()
}

/// Notes what leaves, after it has got its address and port outside.
const NOTE: &[&str] = &[
    "oifname wan ct direction original update @behind \
     { udp sport : ct original ip saddr . ct original proto-src }",
    "oifname wan update @sent_to { ip daddr . udp sport }",
];

fn firewall(is_lossy: bool) -> String {
    // What is for nobody must not leave a trace: Linux would take its ports for used, and give the packet that goes
    // the other way a port that nobody was told.
    let input = &["iifname wan meta l4proto udp drop"];
    let loss = if is_lossy {
        "numgen random mod 20 == 0 drop"
    } else {
        ""
    };
    let forward = &[
        loss,
        "ct state established,related accept",
        "ct status dnat accept",
        "iifname wan drop",
        "iifname \"lan*\" oifname \"lan*\" drop",
    ];
    chain("input", "filter hook input priority filter", input)
        + &chain("forward", "filter hook forward priority filter", forward)
}

/// A chain. Rules without text are left out.
fn chain(name: &str, place: &str, rules: &[&str]) -> String {
    let rules = rules.iter().filter(|rule| !rule.is_empty());
    let rules: String = rules.map(|rule| format!("    {rule}\n")).collect();
    format!("  chain {name} {{\n    type {place}\n{rules}  }}\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_has_its_rules() {
        let rules = |kind| text(kind, "203.0.113.9", RouterOptions::default());
        let [full, address, port, symmetric] = Kind::NAMED.map(rules);
        assert!(full.contains("    iifname wan dnat ip to udp dport map @behind\n"));
        assert!(address.contains("iifname wan ip saddr . udp dport @sent_to dnat"));
        for closed in [&port, &symmetric] {
            assert!(!closed.contains("dnat ip to"), "{closed}");
        }
        for keeps in [full, address, port] {
            assert!(keeps.contains("    oifname wan masquerade\n"));
        }
        assert!(symmetric.contains("    oifname wan masquerade fully-random\n"));
    }

    #[test]
    fn loss_and_hairpin_are_asked_for() {
        let plain = text(Kind::FULL_CONE, "203.0.113.9", RouterOptions::default());
        assert!(!plain.contains("numgen") && !plain.contains("203.0.113.9"));
        let options = RouterOptions {
            has_hairpin: true,
            is_lossy: true,
            has_ipv6: false,
        };
        let both = text(Kind::FULL_CONE, "203.0.113.9", options);
        assert!(both.contains("numgen random mod 20 == 0 drop"));
        assert!(both.contains("ip daddr 203.0.113.9 dnat"));
        assert!(both.contains("snat ip to 203.0.113.9"));
    }
}
