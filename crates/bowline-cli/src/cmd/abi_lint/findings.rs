//! What a program needs, laid beside what the library has.

use crate::cmd::abi_lint::exports;
use crate::cmd::abi_lint::exports::Export;
use crate::cmd::abi_lint::exports::Release;
use crate::cmd::abi_lint::generation::Generation;
use crate::cmd::abi_lint::program::Program;

/// All that is said of a program.
#[derive(Debug)]
pub(super) struct Findings {
    /// In words: format and processor.
    pub(super) format: String,
    /// The libraries that the program is linked to.
    pub(super) libraries: Vec<String>,
    /// What it needs of GameNetworkingSockets, by name. Of a library that lends such names itself: what
    /// programs can need of it, and so of ours in its place.
    pub(super) needs: Vec<Need>,
    /// How many names of GameNetworkingSockets the file has within itself, and does not lend.
    pub(super) own_names: usize,
    /// Versions of interfaces that it names, as it asks Steam's library for them.
    pub(super) versions: Vec<String>,
    pub(super) generation: Generation,
    /// Functions whose signature was another in the release that the program was built for.
    pub(super) hazards: Vec<&'static str>,
}

/// A name that the program needs.
#[derive(Clone, Debug)]
pub(super) struct Need {
    pub(super) name: String,
    pub(super) how: How,
    /// None if the library does not have it.
    pub(super) export: Option<Export>,
}

/// How a program comes to a name.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum How {
    /// The linker fills it in: without it the program does not start.
    Linked,
    /// It stands in the file as text, and is looked up while the program runs, if at all.
    Text,
    /// The file is a library that has it, and ours would stand in its place.
    Lent,
}

impl Findings {
    pub(super) fn of(program: &Program) -> Self {
        let need = |name: &String, how| Need {
            name: name.clone(),
            how,
            export: exports::find(name),
        };
        let linked = program.imports.iter().map(|name| need(name, How::Linked));
        let texts = program.texts.iter().map(|name| need(name, How::Text));
        let lent = program.exports.iter().map(|name| need(name, How::Lent));
        let needs: Vec<Need> = linked.chain(texts).chain(lent).collect();
        Self {
            format: program.format.clone(),
            libraries: program.libraries.clone(),
            own_names: program.defines.difference(&program.exports).count(),
            versions: program.versions.iter().cloned().collect(),
            generation: Generation::of(&needs, program),
            hazards: hazards(&needs),
            needs,
        }
    }

    /// What the library does not have.
    pub(super) fn missing(&self) -> impl Iterator<Item = &Need> {
        self.needs.iter().filter(|need| need.export.is_none())
    }
}

impl Need {
    /// Why the library does not have it, where that is known.
    pub(super) fn why_missing(&self) -> Option<&'static str> {
        OLD_CLASSES.contains(&self.name.as_str()).then_some(
            "the C++ classes of before 1.4 have their functions in another order: build the program again \
             with newer headers",
        )
    }
}

/// Accessors of C++ classes whose slots are not those of 1.4 and later.
const OLD_CLASSES: &[&str] = &[
    "SteamGameServerNetworkingSockets",
    "SteamGameServerNetworkingSockets_Lib",
    "SteamGameServerNetworkingSockets_LibV9",
    "SteamNetworkingSockets",
    "SteamNetworkingSockets_Lib",
    "SteamNetworkingSockets_LibV9",
    "SteamNetworkingUtils",
    "SteamNetworkingUtils_LibV3",
];

/// What to say of signatures other than that of `SendMessages`.
fn hazards(needs: &[Need]) -> Vec<&'static str> {
    let has = |name: &str| needs.iter().any(|need| need.name == name);
    let until = |release| {
        let of = |need: &Need| need.export.and_then(|export| export.until);
        needs
            .iter()
            .any(|need| of(need).is_some_and(|until| until <= release))
    };
    let mut hazards = Vec::new();
    if has("SteamAPI_ISteamNetworkingUtils_GetConfigValueInfo") && until(Release(1, 3)) {
        hazards.push(
            "GetConfigValueInfo: up to 1.3 it returned a bool and filled five values; the library has the \
             form of 1.4, which returns the name and fills two",
        );
    }
    if has("SteamAPI_ISteamNetworkingSockets_ConnectP2PCustomSignaling") && until(Release(1, 1)) {
        hazards.push(
            "ConnectP2PCustomSignaling: in 1.1 it had no port; the library has the form of 1.2",
        );
    }
    hazards
}

#[cfg(test)]
mod tests {
    use super::*;

    fn findings(names: &[&str]) -> Findings {
        Findings::of(&Program {
            imports: names.iter().map(|&name| name.to_owned()).collect(),
            ..Program::default()
        })
    }

    #[test]
    fn what_the_library_lacks_is_missing_and_old_classes_are_explained() {
        let found = findings(&[
            "GameNetworkingSockets_Init",
            "SteamAPI_ISteamNetworkingSockets_ReceiveMessagesOnListenSocket",
            "SteamNetworkingSockets_LibV9",
        ]);
        let missing: Vec<&Need> = found.missing().collect();
        assert_eq!(missing.len(), 2);
        assert_eq!(missing[0].why_missing(), None);
        assert!(missing[1].why_missing().unwrap().contains("C++ classes"));
    }

    #[test]
    fn a_changed_signature_is_told_where_the_release_is_known() {
        let info = "SteamAPI_ISteamNetworkingUtils_GetConfigValueInfo";
        assert!(findings(&[info]).hazards.is_empty());
        let old = [info, "SteamAPI_ISteamNetworkingUtils_GetFirstConfigValue"];
        assert!(findings(&old).hazards[0].starts_with("GetConfigValueInfo"));
        // Still declared in 1.4, which has the newer form.
        let newer = [
            info,
            "SteamAPI_ISteamNetworkingSockets_GetQuickConnectionStatus",
        ];
        assert!(findings(&newer).hazards.is_empty());
    }
}
