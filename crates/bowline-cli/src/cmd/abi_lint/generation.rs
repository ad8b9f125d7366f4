//! Which generation of the interface a program was built for.
//!
//! `SendMessages` took four arguments up to 1.4.1 and takes five since 1.5.0, under the same name, in the
//! same slot, with the same version text. A program built for the older form leaves the fifth to chance,
//! so the library has to be told. Names that only some releases declare say which it is; a program that
//! uses none of them does not show it.

use crate::cmd::abi_lint::exports::Release;
use crate::cmd::abi_lint::findings::Need;
use crate::cmd::abi_lint::program::Program;

/// The first release whose `SendMessages` has five arguments.
const FIVE_ARGUMENTS: Release = Release(1, 5);

/// The function that changed.
const FLAT: &str = "SteamAPI_ISteamNetworkingSockets_SendMessages";

/// A function that came with the change.
const SINCE_FIVE: &str = "SteamNetworkingSockets_SetServiceThreadInitCallback";

/// How many signs are told: one would do, and a whole library shows dozens.
const SIGNS_TOLD: usize = 4;

/// What is known of a program's generation.
#[derive(Clone, Debug)]
pub(super) struct Generation {
    pub(super) verdict: Verdict,
    /// The oldest release that declares every name it uses, if they are of releases at all.
    pub(super) from: Option<Release>,
    /// The newest release that declares every name it uses; none if the newest one does.
    pub(super) to: Option<Release>,
    /// What the verdict comes from.
    pub(super) evidence: Vec<String>,
}

/// What follows for `SendMessages`.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Verdict {
    /// The program does not come to `SendMessages`.
    DoesNotMatter,
    /// Five arguments.
    Newest,
    /// Four arguments.
    Old,
    /// It may be either.
    Unknown,
    /// There are signs of both.
    Both,
    /// It is our library, which has both.
    Ours,
}

/// A sign of one generation.
enum Sign {
    Old(String),
    Newest(String),
}

impl Generation {
    pub(super) fn of(needs: &[Need], program: &Program) -> Self {
        let releases = |of: fn(&Need) -> Option<Release>| needs.iter().filter_map(of);
        let from = releases(|need| need.export?.since).max();
        let to = releases(|need| need.export?.until).min();
        let without_evidence = |verdict| Self {
            verdict,
            from,
            to,
            evidence: Vec::new(),
        };
        if program.exports.contains("Bowline_Version") {
            return without_evidence(Verdict::Ours);
        }
        let ways = ways_to_send_messages(needs);
        if ways.is_empty() {
            return without_evidence(Verdict::DoesNotMatter);
        }
        let signs = signs(needs, program);
        let old = signs.iter().any(|sign| matches!(sign, Sign::Old(_)));
        let newest = signs.iter().any(|sign| matches!(sign, Sign::Newest(_)));
        let verdict = match (old, newest) {
            (false, false) => Verdict::Unknown,
            (true, false) => Verdict::Old,
            (false, true) => Verdict::Newest,
            (true, true) => Verdict::Both,
        };
        let more = signs.len().saturating_sub(SIGNS_TOLD);
        let texts = signs.into_iter().take(SIGNS_TOLD).map(|sign| match sign {
            Sign::Old(text) | Sign::Newest(text) => text,
        });
        let more = (more > 0).then(|| format!("and {more} more such signs"));
        Self {
            verdict,
            from,
            to,
            evidence: ways.into_iter().chain(texts).chain(more).collect(),
        }
    }
}

impl Verdict {
    /// The verdict in one word, for programs.
    pub(super) const fn word(self) -> &'static str {
        match self {
            Self::DoesNotMatter => "any",
            Self::Newest => "newest",
            Self::Old => "1.4",
            Self::Unknown => "unknown",
            Self::Both => "contradictory",
            Self::Ours => "ours",
        }
    }

    /// What it means.
    pub(super) const fn meaning(self) -> &'static str {
        match self {
            Self::DoesNotMatter => "does not matter: it does not use SendMessages",
            Self::Newest => "1.5 or later: SendMessages with five arguments",
            Self::Old => "1.4.1 or earlier: SendMessages with four arguments",
            Self::Unknown => "cannot be told from the file",
            Self::Both => "the file shows signs of both",
            Self::Ours => "it is our library, which serves both",
        }
    }

    /// What to do.
    pub(super) const fn advice(self) -> &'static str {
        match self {
            Self::DoesNotMatter | Self::Newest | Self::Ours => "nothing to set",
            Self::Old => {
                "set BOWLINE_GNS_ABI=1.4 in the program's environment, or build the library with \
                 --features gns-1-4, or call Bowline_SetAbiGeneration(14) first"
            }
            Self::Unknown | Self::Both => {
                "find out which headers it was built with: for 1.5.0 and later there is nothing to set, \
                 for 1.4.1 and earlier set BOWLINE_GNS_ABI=1.4 in its environment"
            }
        }
    }
}

/// How the program comes to `SendMessages`, if it does.
fn ways_to_send_messages(needs: &[Need]) -> Vec<String> {
    let mut ways = Vec::new();
    if needs.iter().any(|need| need.name == FLAT) {
        ways.push(format!(
            "uses {FLAT}, which has its name in both generations"
        ));
    }
    let classes = ["SteamNetworkingSockets", "SteamGameServerNetworkingSockets"];
    let accessor = needs.iter().find(|need| {
        classes.iter().any(|class| {
            let rest = need.name.strip_prefix(class);
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with("_Lib"))
        })
    });
    if let Some(accessor) = accessor {
        ways.push(format!(
            "has the C++ class of {}, where SendMessages has its slot in both generations",
            accessor.name
        ));
    }
    ways
}

fn signs(needs: &[Need], program: &Program) -> Vec<Sign> {
    let mut signs = Vec::new();
    for need in needs {
        let Some(export) = need.export else { continue };
        if let Some(until) = export.until.filter(|&until| until < FIVE_ARGUMENTS) {
            signs.push(Sign::Old(format!(
                "{} was declared up to {until}",
                need.name
            )));
        } else if let Some(since) = export.since.filter(|&since| since >= FIVE_ARGUMENTS) {
            signs.push(Sign::Newest(format!(
                "{} is declared since {since}",
                need.name
            )));
        } else if need.name.ends_with("NetworkingSockets_SteamAPI_v012") {
            signs.push(Sign::Old(format!(
                "{} is of the SDK with four arguments",
                need.name
            )));
        } else if need.name.ends_with("NetworkingSockets_SteamAPI_v013") {
            signs.push(Sign::Newest(format!(
                "{} is of the SDK with five arguments",
                need.name
            )));
        }
    }
    let lends = |name: &str| program.exports.contains(name);
    if lends(FLAT) && !lends(SINCE_FIVE) {
        let text =
            format!("it is a library without {SINCE_FIVE}, which there is since {FIVE_ARGUMENTS}");
        signs.push(Sign::Old(text));
    }
    // Steam's library is asked for interfaces by text, and counted on when the arguments changed. The
    // original did not, so there 012 says nothing.
    if program.versions.contains("SteamNetworkingSockets013") {
        let text = "asks for SteamNetworkingSockets013, the SDK's with five arguments";
        signs.push(Sign::Newest(text.to_owned()));
    } else if program.uses_steam() && program.versions.contains("SteamNetworkingSockets012") {
        let text = "asks Steam for SteamNetworkingSockets012, the SDK's with four arguments";
        signs.push(Sign::Old(text.to_owned()));
    }
    signs
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cmd::abi_lint::findings::Findings;

    fn program(names: &[&str]) -> Program {
        Program {
            imports: names.iter().map(|&name| name.to_owned()).collect(),
            ..Program::default()
        }
    }

    fn generation(names: &[&str]) -> Generation {
        Findings::of(&program(names)).generation
    }

    #[test]
    fn without_send_messages_there_is_nothing_to_decide() {
        let found = generation(&[
            "SteamAPI_SteamNetworkingSockets_v008",
            "SteamAPI_ISteamNetworkingSockets_SendMessageToConnection",
        ]);
        assert_eq!(found.verdict, Verdict::DoesNotMatter);
        assert_eq!(
            (found.from, found.to),
            (Some(Release(1, 1)), Some(Release(1, 1)))
        );
    }

    #[test]
    fn names_that_only_some_releases_declare_decide() {
        let old = "SteamAPI_ISteamNetworkingSockets_GetQuickConnectionStatus";
        let new = "SteamAPI_SteamNetworkingMessages_v002";
        assert_eq!(generation(&[FLAT, old]).verdict, Verdict::Old);
        assert_eq!(generation(&[FLAT, new]).verdict, Verdict::Newest);
        assert_eq!(generation(&[FLAT, old, new]).verdict, Verdict::Both);
        assert_eq!(generation(&[FLAT]).verdict, Verdict::Unknown);
    }

    #[test]
    fn the_class_of_1_4_and_later_does_not_show_its_generation() {
        let found = generation(&["SteamNetworkingSockets_LibV12"]);
        assert_eq!(found.verdict, Verdict::Unknown);
        assert!(found.evidence[0].contains("C++ class"));
        assert_eq!((found.from, found.to), (Some(Release(1, 4)), None));
        // A setting, not the class.
        let other = generation(&["SteamNetworkingSockets_SetManualPollMode"]);
        assert_eq!(other.verdict, Verdict::DoesNotMatter);
    }

    #[test]
    fn a_library_without_what_came_with_the_change_is_of_before_it() {
        let mut library = Program::default();
        library.exports.insert(FLAT.to_owned());
        assert_eq!(Findings::of(&library).generation.verdict, Verdict::Old);
        library.exports.insert(SINCE_FIVE.to_owned());
        assert_eq!(Findings::of(&library).generation.verdict, Verdict::Newest);
        library.exports.insert("Bowline_Version".to_owned());
        assert_eq!(Findings::of(&library).generation.verdict, Verdict::Ours);
    }

    #[test]
    fn steams_accessors_and_version_texts_count_what_changed() {
        let v = |n| format!("SteamAPI_SteamNetworkingSockets_SteamAPI_v0{n}");
        assert_eq!(generation(&[FLAT, &v(12)]).verdict, Verdict::Old);
        assert_eq!(generation(&[FLAT, &v(13)]).verdict, Verdict::Newest);
        let mut asks = program(&[FLAT]);
        asks.versions.insert("SteamNetworkingSockets012".to_owned());
        assert_eq!(Findings::of(&asks).generation.verdict, Verdict::Unknown);
        asks.libraries.push("libsteam_api.so".to_owned());
        assert_eq!(Findings::of(&asks).generation.verdict, Verdict::Old);
    }
}
