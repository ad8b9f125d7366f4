use proptest::prelude::*;

use super::*;

/// A 64-bit ELF file of an empty program: a header alone.
fn elf_header() -> Vec<u8> {
    let mut file = vec![0x7f, b'E', b'L', b'F', 2, 1, 1];
    file.resize(64, 0);
    // Type 1, machine 62, version 1; header, program header and section header sizes.
    file[16..24].copy_from_slice(&[1, 0, 62, 0, 1, 0, 0, 0]);
    file[52..60].copy_from_slice(&[64, 0, 56, 0, 0, 0, 64, 0]);
    file
}

#[test]
fn a_file_without_anything_needs_nothing() {
    let program = Program::parse(&elf_header()).unwrap();
    assert_eq!(program.format, "Elf object file for X86_64");
    assert!(program.imports.is_empty() && program.texts.is_empty());
}

/// An object file for a Mac: one undefined name, and one library to load.
fn macho(name: &str, library: &str) -> Vec<u8> {
    let word = u32::to_le_bytes;
    // Names and commands end with zeros, commands at a multiple of 8.
    let names = format!("\0{name}\0");
    let path = format!("{library}\0");
    let dylib_size = (24 + path.len()).next_multiple_of(8);
    let symbols = 32 + 24 + dylib_size;
    let size = |size: usize| word(u32::try_from(size).unwrap());
    let mut file = [
        // Magic, processor and its kind, object file, two commands and their size, flags, nothing.
        [word(0xfeed_facf), word(0x0100_000c), word(0), word(1)].concat(),
        [word(2), size(24 + dylib_size), word(0), word(0)].concat(),
        // The table of symbols and that of their names.
        [word(2), word(24), size(symbols), word(1)].concat(),
        [size(symbols + 16), size(names.len())].concat(),
        // The library: its name begins at 24; time and versions.
        [
            word(0xc),
            size(dylib_size),
            word(24),
            word(0),
            word(0),
            word(0),
        ]
        .concat(),
    ]
    .concat();
    file.extend(path.bytes());
    file.resize(symbols, 0);
    // Its name, that it is external and undefined, no section, no more.
    file.extend([word(1), word(0x0000_0001), word(0), word(0)].concat());
    file.extend(names.bytes());
    file
}

/// An object file for 64-bit Windows: one undefined name.
fn coff(name: &str) -> Vec<u8> {
    let names = u32::try_from(4 + name.len() + 1).unwrap();
    let mut file = vec![0x64, 0x86, 0, 0, 0, 0, 0, 0];
    // The table of symbols begins after the header and has one entry; no further header, no flags.
    file.extend([20_u32.to_le_bytes(), 1_u32.to_le_bytes(), [0; 4]].concat());
    // A name in the table of names, no value, no section, no type, external, nothing more.
    file.extend([[0; 4], 4_u32.to_le_bytes(), [0; 4], [0; 4]].concat());
    file.extend([2, 0]);
    file.extend(names.to_le_bytes());
    file.extend(name.bytes());
    file.push(0);
    file
}

#[test]
fn object_files_of_other_systems_tell_their_names() {
    let mac = macho("_SteamAPI_SteamNetworkingSockets_v009", "@rpath/libX.dylib");
    let mac = Program::parse(&mac).unwrap();
    assert_eq!(mac.format, "MachO object file for Aarch64");
    assert!(mac.imports.contains("SteamAPI_SteamNetworkingSockets_v009"));
    assert_eq!(mac.libraries, ["@rpath/libX.dylib"]);
    let windows = Program::parse(&coff("__imp_GameNetworkingSockets_Init")).unwrap();
    assert_eq!(windows.format, "Coff object file for X86_64");
    assert!(windows.imports.contains("GameNetworkingSockets_Init"));
}

#[test]
fn names_are_read_as_c_writes_them() {
    let mut names = BTreeSet::new();
    for name in [
        "_SteamAPI_SteamNetworkingSockets_v009",
        "__imp_GameNetworkingSockets_Init",
        "SteamNetworkingSockets_Lib\u{1b}[2J",
        "SteamNetworkingSocketsX",
        "_ZN22ISteamNetworkingSockets",
        "SteamAPI_Init",
        "GameNetworkingSockets_dll_iname",
    ] {
        keep(&mut names, name);
    }
    let kept: Vec<&String> = names.iter().collect();
    assert_eq!(
        kept,
        [
            "GameNetworkingSockets_Init",
            "SteamAPI_SteamNetworkingSockets_v009"
        ]
    );
}

#[test]
fn texts_are_whole_names_that_end_with_a_zero() {
    let mut program = Program::default();
    let bytes = b"\x01SteamAPI_ISteamNetworkingUtils_Gone\0 use SteamNetworkingSockets_Poll!\0\
                  SteamNetworkingSockets013\0SteamNetworkingSockets01\0SteamNetworkingSockets\0\
                  mySteamNetworkingSockets_Poll\0SteamNetworkingUtils_LibV4";
    program.add_texts_of(bytes);
    let texts: Vec<&String> = program.texts.iter().collect();
    assert_eq!(texts, ["SteamAPI_ISteamNetworkingUtils_Gone"]);
    let versions: Vec<&String> = program.versions.iter().collect();
    assert_eq!(versions, ["SteamNetworkingSockets013"]);
}

#[test]
fn what_the_file_has_within_itself_it_does_not_need() {
    let set = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect();
    let mut program = Program {
        imports: set(&["a", "b"]),
        texts: set(&["b", "c"]),
        ..Program::default()
    };
    program.settle();
    assert_eq!((program.imports.len(), program.texts), (2, set(&["c"])));
    let mut own = Program {
        imports: set(&["a", "b"]),
        defines: set(&["a"]),
        texts: set(&["c"]),
        ..Program::default()
    };
    own.settle();
    assert_eq!((own.imports, own.texts), (set(&["b"]), set(&[])));
}

/// An archive's entry for a file.
fn member(content: &[u8]) -> Vec<u8> {
    let size = content.len();
    let header = format!(
        "{:<16}{:<12}{:<6}{:<6}{:<8}{size:<10}`\n",
        "a.o/", 0, 0, 0, 644
    );
    [header.as_bytes(), content].concat()
}

#[test]
fn an_archive_needs_an_object_in_it() {
    let archive = |start: &[u8], content: &[u8]| [start, &member(content)].concat();
    let program = Program::parse(&archive(b"!<arch>\n", &elf_header())).unwrap();
    assert_eq!(program.format, "static library of 1 object files");
    let text = Program::parse(&archive(b"!<arch>\n", b"text"));
    assert!(matches!(text, Err(ProgramError::NoObjects)), "{text:?}");
    let thin = Program::parse(&archive(b"!<thin>\n", b""));
    assert!(matches!(thin, Err(ProgramError::Thin)), "{thin:?}");
}

proptest! {
    #[test]
    fn garbage_is_an_error_and_no_panic(
        magic in prop::sample::select(vec![
            &b"\x7fELF\x02\x01\x01"[..],
            b"\x7fELF\x01\x02\x01",
            b"MZ",
            b"\xcf\xfa\xed\xfe",
            b"\xca\xfe\xba\xbe",
            b"!<arch>\n",
            b"\x64\x86",
            b"",
        ]),
        rest in prop::collection::vec(any::<u8>(), 0..600),
    ) {
        let file = [magic, &rest].concat();
        // A file of which nothing can be read may pass for an empty one, but none has a name by chance.
        if let Ok(program) = Program::parse(&file) {
            prop_assert!(program.imports.is_empty());
        }
    }
}
