//! Who reaches whom through which NATs, by reasoning alone.
//!
//! The page `docs/nat-matrix.md` shows what comes out, for all 81 pairs. It is also what the simulator is held
//! against: `every_pair_of_nats_...` in `bowline-sim/tests/peers/nats.rs` reads the page.

use std::fmt;

/// How much of the remote address a NAT heeds, in its mapping or in its filtering (RFC 4787, 4.1 and 5).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Behaviour {
    /// Nothing.
    EndpointIndependent,
    /// The IP address.
    AddressDependent,
    /// IP address and port.
    AddressAndPortDependent,
}

impl Behaviour {
    const ALL: [Self; 3] = [
        Self::EndpointIndependent,
        Self::AddressDependent,
        Self::AddressAndPortDependent,
    ];

    /// What the page calls it.
    const fn letter(self) -> char {
        match self {
            Self::EndpointIndependent => 'I',
            Self::AddressDependent => 'A',
            Self::AddressAndPortDependent => 'P',
        }
    }
}

/// A kind of NAT.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Kind {
    pub(crate) mapping: Behaviour,
    pub(crate) filtering: Behaviour,
}

impl Kind {
    /// Those that have names of old (RFC 3489), and are all that one meets outside of laboratories.
    pub(crate) const NAMED: [Self; 4] = [
        Self::FULL_CONE,
        Self::ADDRESS_RESTRICTED,
        Self::PORT_RESTRICTED,
        Self::SYMMETRIC,
    ];
    pub(crate) const FULL_CONE: Self = Self::new(
        Behaviour::EndpointIndependent,
        Behaviour::EndpointIndependent,
    );
    pub(crate) const ADDRESS_RESTRICTED: Self =
        Self::new(Behaviour::EndpointIndependent, Behaviour::AddressDependent);
    pub(crate) const PORT_RESTRICTED: Self = Self::new(
        Behaviour::EndpointIndependent,
        Behaviour::AddressAndPortDependent,
    );
    pub(crate) const SYMMETRIC: Self = Self::new(
        Behaviour::AddressAndPortDependent,
        Behaviour::AddressAndPortDependent,
    );

    const fn new(mapping: Behaviour, filtering: Behaviour) -> Self {
        Self { mapping, filtering }
    }

    /// Its name of old, if it has one.
    pub(crate) fn name(self) -> Option<&'static str> {
        match self {
            Self::FULL_CONE => Some("full cone"),
            Self::ADDRESS_RESTRICTED => Some("address-restricted"),
            Self::PORT_RESTRICTED => Some("port-restricted"),
            Self::SYMMETRIC => Some("symmetric"),
            _ => None,
        }
    }

    /// All nine, from the most open to the strictest.
    fn all() -> impl Iterator<Item = Self> {
        let with_all = |mapping| Behaviour::ALL.map(|filtering| Self::new(mapping, filtering));
        Behaviour::ALL.into_iter().flat_map(with_all)
    }

    fn letters(self) -> String {
        format!("{}/{}", self.mapping.letter(), self.filtering.letter())
    }
}

/// How two hosts come together.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Route {
    /// By packets from one to the other.
    Direct,
    /// By a TURN server.
    Relay,
    /// Not at all.
    None,
}

impl fmt::Display for Route {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Direct => "direct",
            Self::Relay => "relay",
            Self::None => "not",
        })
    }
}

/// How two hosts behind these NATs come together, who know a STUN server.
pub(crate) fn route(a: Kind, b: Kind, has_turn: bool) -> Route {
    if is_direct(a, b) {
        Route::Direct
    } else if has_turn {
        Route::Relay
    } else {
        Route::None
    }
}

/// Whether packets get through both NATs without a relay. The page says why.
fn is_direct(a: Kind, b: Kind) -> bool {
    let is_told = |kind: Kind| kind.mapping == Behaviour::EndpointIndependent;
    let is_open = |kind: Kind| kind.filtering == Behaviour::EndpointIndependent;
    let lets_other_ports_in = |kind: Kind| kind.filtering != Behaviour::AddressAndPortDependent;
    let keeps_its_port = |kind: Kind| kind.mapping != Behaviour::AddressAndPortDependent;
    match (is_told(a), is_told(b)) {
        (true, true) => true,
        (true, false) => lets_other_ports_in(a),
        (false, true) => lets_other_ports_in(b),
        (false, false) => {
            let can_begin =
                is_open(a) && lets_other_ports_in(b) || is_open(b) && lets_other_ports_in(a);
            can_begin && (keeps_its_port(a) || keeps_its_port(b))
        }
    }
}

/// The theory as the page shows it: a row for each kind on one side, a column for each on the other.
pub(crate) fn table() -> String {
    let mut head = format!("| {:<24} |", "");
    let mut rule = format!("|{:-<26}|", "");
    for kind in Kind::all() {
        head += &format!(" {:<6} |", kind.letters());
        rule += &format!("{:-<8}|", "");
    }
    let mut text = format!("{head}\n{rule}\n");
    for a in Kind::all() {
        let name = a.name().map(|name| format!(" {name}")).unwrap_or_default();
        text += &format!("| {:<24} |", a.letters() + &name);
        for b in Kind::all() {
            text += &format!(" {:<6} |", route(a, b, true));
        }
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;

    #[test]
    fn the_page_shows_the_theory() {
        let page = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../docs/nat-matrix.md");
        let text = std::fs::read_to_string(&page).unwrap();
        let (before, rest) = text.split_once("<!-- theory -->\n").unwrap();
        let (found, after) = rest.split_once("<!-- end -->").unwrap();
        if std::env::var_os("UPDATE_DOCS").is_some() {
            let text = format!("{before}<!-- theory -->\n{}<!-- end -->{after}", table());
            std::fs::write(&page, text).unwrap();
        } else {
            assert_eq!(found, table(), "stale: UPDATE_DOCS=1 writes it");
        }
    }

    #[test]
    fn it_does_not_matter_who_is_who() {
        for a in Kind::all() {
            for b in Kind::all() {
                assert_eq!(route(a, b, false), route(b, a, false), "{a:?} {b:?}");
                assert_ne!(route(a, b, true), Route::None);
            }
        }
    }

    #[test]
    fn of_the_named_kinds_only_the_strictest_do_not_meet() {
        let strict = [Kind::PORT_RESTRICTED, Kind::SYMMETRIC];
        for a in Kind::NAMED {
            for b in Kind::NAMED {
                let is_lost = a == Kind::SYMMETRIC && strict.contains(&b)
                    || b == Kind::SYMMETRIC && strict.contains(&a);
                assert_eq!(route(a, b, false) == Route::None, is_lost, "{a:?} {b:?}");
            }
        }
    }
}
