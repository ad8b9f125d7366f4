//! Our headers and our library agree: every function that is exported is declared, and takes and returns what
//! its declaration says.
//!
//! Both are read as text, and each parameter is reduced to what the machine passes: a pointer, an integer of so many
//! bits, a float. The names of the types may differ.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::path::PathBuf;

/// What a function takes, and what it returns.
#[derive(Debug, Eq, PartialEq)]
struct Signature {
    arguments: Vec<Kind>,
    result: Kind,
}

/// How the machine passes a value.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Kind {
    Nothing,
    /// Or an integer as long as one, which some declarations have in its place.
    Pointer,
    Bool,
    Float,
    Bits16,
    Bits32,
    Bits64,
    /// `SteamIPAddress_t`, by value.
    Address,
}

#[test]
fn the_library_takes_what_the_headers_say() {
    let declared = declarations();
    let defined = definitions(declared.keys());
    let exported = exported();
    let undeclared: Vec<_> = exported
        .iter()
        .filter(|name| !declared.contains_key(*name))
        .collect();
    assert!(undeclared.is_empty(), "not in a header: {undeclared:?}");
    for (name, declaration) in &declared {
        assert!(
            exported.contains(name),
            "{name} is declared, and not exported"
        );
        let definition = defined.get(name);
        let definition =
            definition.unwrap_or_else(|| panic!("{name} is declared, and not defined"));
        assert_eq!(definition, declaration, "{name}");
    }
}

/// The methods of an interface are the flat functions of the same names, in the order of the class.
#[test]
fn the_vtables_have_the_order_of_the_classes() {
    let classes = classes();
    let mut checked = 0;
    for source in files_below(&crate_folder().join("src"), "rs") {
        let text = read(&source);
        for (at, marker) in text.match_indices("= Vtable::new([") {
            let list = text[at + marker.len()..].split(']').next();
            let slots: Vec<_> = split_list(list.expect("a list ends"))
                .iter()
                .map(|slot| slot.trim().trim_end_matches(" as Slot"))
                .map(|slot| slot.rsplit("::").next().unwrap_or(slot))
                .collect();
            let is_of = |class: &String| slots[0].starts_with(&format!("SteamAPI_{class}_"));
            let Some((class, methods)) = classes.iter().find(|(class, _)| is_of(class)) else {
                // Of an object that only the library itself calls.
                continue;
            };
            let named = methods
                .iter()
                .map(|method| format!("SteamAPI_{class}_{method}"));
            assert_eq!(slots, named.collect::<Vec<_>>(), "{class}");
            checked += 1;
        }
    }
    assert_eq!(
        checked, 4,
        "sockets, utils, messages and the legacy interface"
    );
}

/// The virtual methods of every class in the headers, in order.
fn classes() -> BTreeMap<String, Vec<String>> {
    let mut found = BTreeMap::new();
    for header in files_below(&crate_folder().join("include"), "h") {
        let text = without_comments(&read(&header));
        for class in text.split("\nclass ").skip(1) {
            let Some((name, body)) = class.split_once(" {") else {
                continue;
            };
            let body = body.split("\n};").next().unwrap_or_default();
            let methods = body.split("virtual ").skip(1).map(|method| {
                let (declaration, _) = method.split_once('(').expect("a method has parameters");
                split_name(declaration).1.to_owned()
            });
            found.insert(name.to_owned(), methods.collect());
        }
    }
    found
}

#[test]
fn a_declaration_is_read_as_the_machine_sees_it() {
    let text = "/* STEAMNETWORKINGSOCKETS_INTERFACE no f(); */\n\
        STEAMNETWORKINGSOCKETS_INTERFACE EResult f(ISteamX *self, BOWLINE_REF(const Y) y, uint16 z,\n  bool b);\n\
        BOWLINE_API const char *g(void (*callback)(int a, int b), int64_t c);\n\
        STEAMNETWORKINGSOCKETS_INTERFACE void h(void);";
    let declared = declarations_in(text);
    use Kind::*;
    let expected = [
        ("f", vec![Pointer, Pointer, Bits16, Bool], Bits32),
        ("g", vec![Pointer, Bits64], Pointer),
        ("h", vec![], Nothing),
    ];
    let expected = expected
        .map(|(name, arguments, result)| (name.to_owned(), Signature { arguments, result }));
    assert_eq!(declared, BTreeMap::from(expected));
}

/// The functions of all headers.
fn declarations() -> BTreeMap<String, Signature> {
    let mut found = BTreeMap::new();
    for header in files_below(&crate_folder().join("include"), "h") {
        found.extend(declarations_in(&read(&header)));
    }
    assert!(found.len() > 200, "{} functions", found.len());
    found
}

fn declarations_in(text: &str) -> BTreeMap<String, Signature> {
    let text = without_comments(text);
    let mut found = BTreeMap::new();
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    let text = lines.collect::<Vec<_>>().join(" ");
    for marker in ["STEAMNETWORKINGSOCKETS_INTERFACE ", "BOWLINE_API "] {
        for (at, _) in text.match_indices(marker) {
            let declaration = &text[at + marker.len()..];
            let open = declaration.find('(').expect("a declaration has parameters");
            let (result, name) = split_name(&declaration[..open]);
            let parameters = within_parentheses(&declaration[open..]);
            let arguments = split_list(parameters).into_iter().map(|parameter| {
                let parameter = parameter.trim();
                let is_pointer =
                    parameter.contains(['*', '[']) || parameter.starts_with("BOWLINE_REF");
                if is_pointer {
                    Kind::Pointer
                } else {
                    c_kind(split_name(parameter).0)
                }
            });
            let arguments = match parameters.trim() {
                "void" | "" => Vec::new(),
                _ => arguments.collect(),
            };
            let result = if result.contains('*') {
                Kind::Pointer
            } else {
                c_kind(result)
            };
            found.insert(name.to_owned(), Signature { arguments, result });
        }
    }
    found
}

fn c_kind(name: &str) -> Kind {
    match name.trim().trim_start_matches("const ") {
        "void" => Kind::Nothing,
        "bool" => Kind::Bool,
        "float" => Kind::Float,
        "uint16" => Kind::Bits16,
        "int"
        | "int32"
        | "int32_t"
        | "uint32"
        | "uint32_t"
        | "AppId_t"
        | "SteamNetworkingPOPID"
        | "SNetSocket_t"
        | "SNetListenSocket_t" => Kind::Bits32,
        "int64"
        | "uint64"
        | "int64_t"
        | "uint64_t"
        | "uint64_steamid"
        | "SteamNetworkingMicroseconds" => Kind::Bits64,
        "size_t" | "intptr_t" | "va_list" => Kind::Pointer,
        "SteamIPAddress_t" => Kind::Address,
        name if name.starts_with("HSteam") || name.starts_with('E') => Kind::Bits32,
        name if name.starts_with('F') => Kind::Pointer,
        name => panic!("what is {name}?"),
    }
}

/// The functions of these names in our sources.
fn definitions<'a>(names: impl Iterator<Item = &'a String>) -> BTreeMap<String, Signature> {
    let mut text = String::new();
    for source in files_below(&crate_folder().join("src"), "rs") {
        text += &read(&source);
    }
    let mut found = BTreeMap::new();
    for name in names {
        let Some(at) = text.find(&format!("fn {name}(")) else {
            continue;
        };
        let rest = &text[at + 3 + name.len()..];
        let parameters = within_parentheses(rest);
        let after = rest[parameters.len() + 2..].trim_start();
        let result = after.strip_prefix("->").map_or(Kind::Nothing, |result| {
            let end = result
                .find([',', ';', '{'])
                .expect("something follows the result");
            rust_kind(&text, &result[..end])
        });
        let arguments = split_list(parameters).into_iter().filter_map(|parameter| {
            let (_, kind) = parameter.split_once(':')?;
            Some(rust_kind(&text, kind))
        });
        let arguments = arguments.collect();
        found.insert(name.clone(), Signature { arguments, result });
    }
    found
}

fn rust_kind(sources: &str, name: &str) -> Kind {
    let name = name.trim();
    match name {
        _ if name.starts_with(['*', '&']) || name.starts_with("Option<") => Kind::Pointer,
        "bool" | "RawBool" => Kind::Bool,
        "f32" => Kind::Float,
        "u16" => Kind::Bits16,
        "c_int" | "i32" | "u32" => Kind::Bits32,
        "i64" | "u64" => Kind::Bits64,
        "usize" | "isize" => Kind::Pointer,
        "RawSteamIp" => Kind::Address,
        _ => {
            let alias = format!("type {name} = ");
            let at = sources
                .find(&alias)
                .unwrap_or_else(|| panic!("what is {name}?"));
            let target = &sources[at + alias.len()..];
            let end = target.find(';').expect("an alias ends");
            rust_kind(sources, &target[..end])
        }
    }
}

/// The first column of the list of exports.
fn exported() -> Vec<String> {
    let list = read(&crate_folder().join("exports.csv"));
    let names = list
        .lines()
        .skip(1)
        .filter_map(|line| line.split(',').next());
    names.map(str::to_owned).collect()
}

#[test]
fn the_page_of_names_counts_them() {
    let list = read(&crate_folder().join("exports.csv"));
    let page = read(&crate_folder().join("../../docs/abi.md"));
    for origin in ["open", "sdr", "sdk", "old", "fork", "ours"] {
        let rows = list.lines().skip(1);
        let count = rows.filter(|row| row.split(',').nth(1) == Some(origin));
        let row = format!("| `{origin}` | {} |", count.count());
        assert!(page.contains(&row), "docs/abi.md has no {row}");
    }
}

fn without_comments(text: &str) -> String {
    let mut kept = String::new();
    let mut rest = text;
    while let Some((before, comment)) = rest.split_once("/*") {
        kept += before;
        rest = comment.split_once("*/").map_or("", |(_, after)| after);
    }
    kept + rest
}

/// What is between the parenthesis that `text` begins with and its partner.
fn within_parentheses(text: &str) -> &str {
    let mut depth = 0;
    for (at, letter) in text.char_indices() {
        match letter {
            '(' => depth += 1,
            ')' => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return &text[1..at];
        }
    }
    panic!("no end of {text}")
}

/// The parts between commas that are not within brackets.
fn split_list(list: &str) -> Vec<&str> {
    let mut parts = Vec::new();
    let (mut depth, mut start) = (0, 0);
    for (at, letter) in list.char_indices() {
        match letter {
            '(' | '<' | '[' => depth += 1,
            ')' | '>' | ']' => depth -= 1,
            ',' if depth == 0 => {
                parts.push(&list[start..at]);
                start = at + 1;
            }
            _ => {}
        }
    }
    parts.push(&list[start..]);
    parts.retain(|part| !part.trim().is_empty());
    parts
}

/// A declaration's type, and the name at its end.
fn split_name(declaration: &str) -> (&str, &str) {
    let declaration = declaration.trim();
    let is_name = |letter: char| letter.is_ascii_alphanumeric() || letter == '_';
    let at = declaration.trim_end_matches(is_name).len();
    (declaration[..at].trim(), &declaration[at..])
}

fn files_below(folder: &Path, extension: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).expect("the folder can be read") {
        let path = entry.expect("the folder can be read").path();
        if path.is_dir() {
            found.extend(files_below(&path, extension));
        } else if path.extension().is_some_and(|end| end == extension) {
            found.push(path);
        }
    }
    found.sort_unstable();
    found
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn crate_folder() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}
