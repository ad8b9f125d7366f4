//! The nftables rules that make a router a NAT of a kind.
//!
//! Linux' own NAT keeps the port that a packet has inside, if it can, whomever it goes to, and lets in answers only:
//! that is a mapping that is independent of the endpoint, with filtering by address and port. `fully-random` makes
//! it a new port for each flow. To let in more, the router notes what left, and from where: a map from ports outside
//! to what is behind them, and for filtering by address a set of whom they sent to.

use std::fmt::Write;

use crate::nat_matrix::lab::RouterOptions;
use crate::nat_matrix::theory::Behaviour;
use crate::nat_matrix::theory::Kind;

/// How long a router remembers what left; longer than a cell takes.
const LIFETIME: &str = "flags dynamic,timeout; timeout 120s; size 4096";

/// The rules of a router with the address `outside` on its interface `wan`.
pub(crate) fn text(kind: Kind, outside: &str, options: RouterOptions) -> String {
    let RouterOptions {
        has_hairpin,
        is_lossy,
        ..
    } = options;
    let mut text = String::from("table ip nat {\n");
    // A string takes whatever is written.
    let _ = write!(
        text,
        "  map behind {{ type inet_service : ipv4_addr . inet_service; {LIFETIME}; }}\n\
         \x20 set sent_to {{ type ipv4_addr . inet_service; {LIFETIME}; }}\n"
    );
    let to_behind = "dnat ip to udp dport map @behind";
    let incoming = match kind.filtering {
        Behaviour::EndpointIndependent => format!("iifname wan {to_behind}"),
        Behaviour::AddressDependent => {
            format!("iifname wan ip saddr . udp dport @sent_to {to_behind}")
        }
        Behaviour::AddressAndPortDependent => String::new(),
    };
    let from_inside = if has_hairpin {
        format!("iifname \"lan*\" ip daddr {outside} {to_behind}")
    } else {
        String::new()
    };
    chain(
        &mut text,
        "incoming",
        "nat hook prerouting priority dstnat",
        &[&incoming, &from_inside],
    );
    let outgoing = match kind.mapping {
        Behaviour::EndpointIndependent => "oifname wan masquerade",
        _ => "oifname wan masquerade fully-random",
    };
    let hairpin = format!("oifname \"lan*\" ct status dnat snat ip to {outside}");
    let hairpin = if has_hairpin { hairpin.as_str() } else { "" };
    chain(
        &mut text,
        "outgoing",
        "nat hook postrouting priority srcnat",
        &[outgoing, hairpin],
    );
    let note = [
        "oifname wan ct direction original update @behind \
         { udp sport : ct original ip saddr . ct original proto-src }",
        "oifname wan update @sent_to { ip daddr . udp sport }",
    ];
    chain(
        &mut text,
        "note",
        "filter hook postrouting priority srcnat + 10",
        &note,
    );
    text.push_str("}\ntable inet firewall {\n");
    // What is for nobody must not leave a trace: Linux would take its ports for used, and give the packet that goes
    // the other way a port that nobody was told.
    let input = ["iifname wan meta l4proto udp drop"];
    chain(
        &mut text,
        "input",
        "filter hook input priority filter",
        &input,
    );
    let loss = if is_lossy {
        "numgen random mod 20 == 0 drop"
    } else {
        ""
    };
    let forward = [
        loss,
        "ct state established,related accept",
        "ct status dnat accept",
        "iifname wan drop",
        "iifname \"lan*\" oifname \"lan*\" drop",
    ];
    chain(
        &mut text,
        "forward",
        "filter hook forward priority filter",
        &forward,
    );
    text.push_str("}\n");
    text
}

/// Adds a chain. Rules without text are left out.
fn chain(text: &mut String, name: &str, place: &str, rules: &[&str]) {
    let _ = writeln!(text, "  chain {name} {{\n    type {place}");
    for rule in rules.iter().filter(|rule| !rule.is_empty()) {
        let _ = writeln!(text, "    {rule}");
    }
    text.push_str("  }\n");
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
