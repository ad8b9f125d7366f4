//! What a file says of the names it needs, whatever system it is for.

use std::collections::BTreeSet;
use std::io;
use std::path::Path;

use object::FileKind;
use object::Object as _;
use object::ObjectKind;
use object::ObjectSection as _;
use object::ObjectSymbol as _;
use object::SectionKind;
use object::elf;
use object::read::archive::ArchiveFile;
use object::read::elf::Dyn as _;
use object::read::elf::ElfFile;
use object::read::elf::FileHeader;
use object::read::macho::FatArch;
use object::read::macho::MachHeader;
use object::read::macho::MachOFatFile32;
use object::read::macho::MachOFatFile64;
use object::read::macho::MachOFile;

/// The largest file that is read, since it is read whole. Programs are smaller: what makes games large
/// lies beside them.
const MAX_FILE_BYTES: u64 = 2 << 30;

/// What a program, library or object file says of itself.
#[derive(Debug, Default)]
pub(super) struct Program {
    /// In words: format, processor and kind.
    pub(super) format: String,
    /// The libraries that it is linked to.
    pub(super) libraries: Vec<String>,
    /// Names of GameNetworkingSockets that a linker or loader fills in.
    pub(super) imports: BTreeSet<String>,
    /// Names of GameNetworkingSockets that the file has within itself.
    pub(super) defines: BTreeSet<String>,
    /// Those of them that it lends to others: then it is such a library itself.
    pub(super) exports: BTreeSet<String>,
    /// Names of GameNetworkingSockets that stand in it as text alone. None in a file that has some within
    /// itself: there they need not be asked of a library.
    pub(super) texts: BTreeSet<String>,
    /// Version texts of interfaces.
    pub(super) versions: BTreeSet<String>,
}

/// Why a file cannot be read.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ProgramError {
    #[error("it cannot be opened")]
    Io(#[from] io::Error),
    #[error("it is no file")]
    NotAFile,
    #[error("its {bytes} bytes are more than the {MAX_FILE_BYTES} that are read")]
    TooLarge { bytes: u64 },
    #[error("it is no program, library or object file")]
    Format(#[from] object::read::Error),
    #[error("it is an archive that only names its files: give those")]
    Thin,
    #[error("it is an archive without object files")]
    NoObjects,
}

impl Program {
    /// Reads a file.
    pub(super) fn read(path: &Path) -> Result<Self, ProgramError> {
        let facts = std::fs::metadata(path)?;
        if !facts.is_file() {
            return Err(ProgramError::NotAFile);
        }
        if facts.len() > MAX_FILE_BYTES {
            return Err(ProgramError::TooLarge { bytes: facts.len() });
        }
        Self::parse(&std::fs::read(path)?)
    }

    /// Reads a file's content.
    pub(super) fn parse(data: &[u8]) -> Result<Self, ProgramError> {
        let mut program = Self::default();
        match FileKind::parse(data)? {
            FileKind::Archive => program.add_archive(data)?,
            FileKind::MachOFat32 => {
                let fat = MachOFatFile32::parse(data)?;
                program.add_fat(data, fat.arches())?;
            }
            FileKind::MachOFat64 => {
                let fat = MachOFatFile64::parse(data)?;
                program.add_fat(data, fat.arches())?;
            }
            // Whatever else it may be, the reader says whether it knows it.
            _ => program.add_object(data)?,
        }
        program.settle();
        Ok(program)
    }

    /// Whether the program is linked to Steam's own library.
    pub(super) fn uses_steam(&self) -> bool {
        let steam = |name: &String| name.contains("steam_api") || name.contains("steamclient");
        self.libraries.iter().any(steam)
    }

    /// Reads the objects of a static library. Members that are none (indexes, metadata of a compiler) are
    /// passed over.
    fn add_archive(&mut self, data: &[u8]) -> Result<(), ProgramError> {
        let archive = ArchiveFile::parse(data)?;
        if archive.is_thin() {
            return Err(ProgramError::Thin);
        }
        let mut objects = 0_usize;
        for member in archive.members() {
            let content = member?.data(data)?;
            objects += usize::from(self.add_object(content).is_ok());
        }
        if objects == 0 {
            return Err(ProgramError::NoObjects);
        }
        self.format = format!("static library of {objects} object files");
        self.exports = self.defines.clone();
        Ok(())
    }

    /// Reads a file that holds a program once for each processor.
    fn add_fat(&mut self, data: &[u8], arches: &[impl FatArch]) -> Result<(), ProgramError> {
        for arch in arches {
            self.add_object(arch.data(data)?)?;
        }
        if arches.len() != 1 {
            self.format = format!("Mach-O for {} processors", arches.len());
        }
        Ok(())
    }

    fn add_object(&mut self, data: &[u8]) -> Result<(), ProgramError> {
        let file = object::File::parse(data)?;
        let kind = match file.kind() {
            ObjectKind::Relocatable => "object file",
            ObjectKind::Executable => "program",
            ObjectKind::Dynamic => "shared library or program",
            _ => "file",
        };
        self.format = format!("{:?} {kind} for {:?}", file.format(), file.architecture());
        self.add_libraries(&file)?;
        // What Windows loads by is not among the symbols; and a program that is not stripped has symbols for
        // the jumps to what it loads, which define nothing.
        let mut loaded = BTreeSet::new();
        for import in file.imports()? {
            keep_bytes(&mut loaded, import.name());
        }
        let mut defined = BTreeSet::new();
        for symbol in file.dynamic_symbols().chain(file.symbols()) {
            let Ok(name) = symbol.name() else { continue };
            if symbol.is_undefined() {
                keep(&mut self.imports, name);
            } else if symbol.is_global() {
                keep(&mut defined, name);
            }
        }
        self.defines.extend(defined.difference(&loaded).cloned());
        self.imports.append(&mut loaded);
        for export in file.exports()? {
            keep_bytes(&mut self.exports, export.name());
        }
        self.add_texts(&file);
        Ok(())
    }

    fn add_libraries(&mut self, file: &object::File<'_>) -> Result<(), ProgramError> {
        let mut libraries = match file {
            object::File::Elf32(elf) => elf_libraries(elf)?,
            object::File::Elf64(elf) => elf_libraries(elf)?,
            object::File::MachO32(macho) => macho_libraries(macho)?,
            object::File::MachO64(macho) => macho_libraries(macho)?,
            _ => {
                let imports = file.imports()?;
                let names = imports.iter().map(|import| text_of(import.library()));
                names.filter(|name| !name.is_empty()).collect()
            }
        };
        self.libraries.append(&mut libraries);
        Ok(())
    }

    /// Looks through everything that is loaded with the program; what is for debuggers names functions that
    /// nobody calls.
    fn add_texts(&mut self, file: &object::File<'_>) {
        for section in file.sections() {
            let is_loaded = matches!(
                section.kind(),
                SectionKind::Text
                    | SectionKind::Data
                    | SectionKind::ReadOnlyData
                    | SectionKind::ReadOnlyDataWithRel
                    | SectionKind::ReadOnlyString
            );
            // A section whose bytes lie outside of the file has no texts.
            if let (true, Ok(bytes)) = (is_loaded, section.data()) {
                self.add_texts_of(bytes);
            }
        }
    }

    /// A text is a run of the letters of names with a zero after it.
    fn add_texts_of(&mut self, bytes: &[u8]) {
        let is_letter = |&byte: &u8| byte.is_ascii_alphanumeric() || byte == b'_';
        let mut rest = bytes;
        while let Some(start) = rest.iter().position(is_letter) {
            rest = &rest[start..];
            let Some(end) = rest.iter().position(|byte| !is_letter(byte)) else {
                return;
            };
            let (run, after) = rest.split_at(end);
            rest = after;
            let Ok(run) = std::str::from_utf8(run) else {
                continue;
            };
            if after[0] != 0 {
                continue;
            }
            if is_version(run) {
                self.versions.insert(run.to_owned());
            } else if is_networking(run) && run.contains('_') {
                self.texts.insert(run.to_owned());
            }
        }
    }

    /// Takes out what the parts of the file say of each other.
    fn settle(&mut self) {
        self.libraries.sort_unstable();
        self.libraries.dedup();
        self.defines.extend(self.exports.iter().cloned());
        let defines = &self.defines;
        self.imports.retain(|name| !defines.contains(name));
        let imports = &self.imports;
        self.texts
            .retain(|name| defines.is_empty() && !imports.contains(name));
    }
}

/// The libraries that the loader of an ELF system is told to load.
fn elf_libraries<E: FileHeader>(file: &ElfFile<'_, E>) -> Result<Vec<String>, ProgramError> {
    let (endian, data, sections) = (file.endian(), file.data(), file.elf_section_table());
    let Some((entries, link)) = sections.dynamic(endian, data)? else {
        return Ok(Vec::new());
    };
    let strings = sections.strings(endian, data, link)?;
    let needed = entries
        .iter()
        .filter(|entry| entry.tag32(endian) == Some(elf::DT_NEEDED));
    needed
        .map(|entry| Ok(text_of(entry.string(endian, strings)?)))
        .collect()
}

/// The libraries that the loader of an Apple system is told to load.
fn macho_libraries<M: MachHeader>(file: &MachOFile<'_, M>) -> Result<Vec<String>, ProgramError> {
    let endian = file.endian();
    let mut libraries = Vec::new();
    let mut commands = file.macho_load_commands()?;
    while let Some(command) = commands.next()? {
        if let Some(dylib) = command.dylib()? {
            libraries.push(text_of(command.string(endian, dylib.dylib.name)?));
        }
    }
    Ok(libraries)
}

fn text_of(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn keep_bytes(names: &mut BTreeSet<String>, name: &[u8]) {
    if let Ok(name) = std::str::from_utf8(name) {
        keep(names, name);
    }
}

/// Keeps a name of GameNetworkingSockets, as it is written in C.
fn keep(names: &mut BTreeSet<String>, name: &str) {
    // What object files for Windows call a function of a DLL, and what Apple's compilers and those for
    // 32-bit Windows put before all names of C.
    let name = name.strip_prefix("__imp_").unwrap_or(name);
    let name = name.strip_prefix('_').unwrap_or(name);
    let is_of_c = name
        .bytes()
        .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    // Where an import library of mingw has the DLL's name.
    let is_place = name.ends_with("_dll_iname");
    if is_of_c && !is_place && is_networking(name) {
        names.insert(name.to_owned());
    }
}

/// Whether a name is of the interface that our library stands for.
fn is_networking(name: &str) -> bool {
    const CLASSES: &[&str] = &[
        "SteamGameServerNetworkingMessages",
        "SteamGameServerNetworkingSockets",
        "SteamNetworkingMessages",
        "SteamNetworkingSockets",
        "SteamNetworkingUtils",
    ];
    const PREFIXES: &[&str] = &[
        "Bowline_",
        "GameNetworkingSockets_",
        "SteamAPI_ISteamNetworking",
        "SteamAPI_SteamDatagramHostedAddress",
        "SteamAPI_SteamGameServerNetworking",
        "SteamAPI_SteamNetworking",
        "SteamNetworkingIPAddr_",
        "SteamNetworkingIdentity_",
    ];
    let class = CLASSES.iter().find_map(|class| name.strip_prefix(class));
    class.is_some_and(|rest| rest.is_empty() || rest.starts_with('_'))
        || PREFIXES.iter().any(|prefix| name.starts_with(prefix))
}

/// Whether a text is the version of an interface, as Steam's library is asked for it.
fn is_version(text: &str) -> bool {
    const INTERFACES: &[&str] = &[
        "SteamNetworking",
        "SteamNetworkingMessages",
        "SteamNetworkingSockets",
        "SteamNetworkingUtils",
    ];
    let number = |rest: &str| rest.len() == 3 && rest.bytes().all(|byte| byte.is_ascii_digit());
    let rests = INTERFACES.iter().filter_map(|name| text.strip_prefix(name));
    rests.into_iter().any(number)
}

#[cfg(test)]
mod tests;
