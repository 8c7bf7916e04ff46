//! Packages by what their managers left in the image: Debian's dpkg (and its files of distroless images), Python's metadata,
//! npm's package.json, and the list that cargo-auditable puts into Rust programs.

use super::tar::Entry;
use flate2::read::ZlibDecoder;
use serde_json::Value;
use std::collections::BTreeMap;
use std::io::{self, Read};

/// Unpacked, of one program.
const MOST_AUDIT: u64 = 4 << 20;
const MOST_PROGRAM: u64 = 128 << 20;
/// Of a list of packages; that of a whole Debian desktop has some MiB.
const MOST_LIST: u64 = 16 << 20;
/// Of all that is kept.
const MOST_TOLD: usize = 256 << 20;

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Package {
    pub kind: &'static str,
    pub name: String,
    pub version: String,
    /// `amd64`, of Debian's.
    pub architecture: Option<String>,
    /// The file that tells of it.
    pub path: String,
}

/// The distribution, from os-release.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct System {
    /// `debian`
    pub id: String,
    /// `12`
    pub version: String,
    pub name: String,
}

/// What each file tells, by its path, with the number of its layer: a later layer may replace or remove it.
#[derive(Default)]
pub(super) struct Packages {
    files: BTreeMap<String, (usize, Told)>,
    bytes: usize,
}

enum Told {
    Packages(Vec<Package>),
    System(System),
}

const OS_RELEASE: [&str; 2] = ["etc/os-release", "usr/lib/os-release"];

enum Source {
    Dpkg,
    Python,
    Npm,
    System,
    Program,
}

fn source(path: &str, executable: bool) -> Option<Source> {
    let (folder, name) = path.rsplit_once('/').unwrap_or(("", path));
    let above = folder.rsplit('/').next().unwrap_or_default();
    Some(match name {
        _ if path == "var/lib/dpkg/status" => Source::Dpkg,
        _ if folder == "var/lib/dpkg/status.d" && !name.ends_with(".md5sums") => Source::Dpkg,
        "METADATA" if above.ends_with(".dist-info") => Source::Python,
        "PKG-INFO" if above.ends_with(".egg-info") => Source::Python,
        _ if name.ends_with(".egg-info") => Source::Python,
        "package.json" if is_installed_by_npm(folder) => Source::Npm,
        _ if OS_RELEASE.contains(&path) => Source::System,
        _ if executable => Source::Program,
        _ => return None,
    })
}

/// `…/node_modules/NAME` or `…/node_modules/@SCOPE/NAME`: a package.json deeper inside belongs to the package's own files.
fn is_installed_by_npm(folder: &str) -> bool {
    let mut parts = folder.rsplit('/').skip(1);
    match parts.next() {
        Some("node_modules") => true,
        Some(scope) if scope.starts_with('@') => parts.next() == Some("node_modules"),
        _ => false,
    }
}

/// How many bytes a file may have so that it is read as a whole; None: its content tells of no packages.
pub(super) fn wants(entry: &Entry) -> Option<u64> {
    source(&entry.path, entry.executable).map(|source| match source {
        Source::Program => MOST_PROGRAM,
        _ => MOST_LIST,
    })
}

/// Whether the files at such a path are lists of packages and nothing else: one that cannot be read hides packages.
pub(super) fn is_list(path: &str) -> bool {
    source(path, false).is_some()
}

impl Packages {
    /// Takes in a file of a layer.
    ///
    /// # Errors
    /// When all that is told is more than any image could have.
    pub(super) fn add(&mut self, path: &str, layer: usize, content: &[u8]) -> io::Result<()> {
        let is_program = content.starts_with(b"\x7fELF");
        let told = match source(path, is_program) {
            Some(Source::Dpkg) => Told::Packages(dpkg(path, &String::from_utf8_lossy(content))),
            Some(Source::Python) => {
                Told::Packages(python(path, &String::from_utf8_lossy(content)).into_iter().collect())
            }
            Some(Source::Npm) => Told::Packages(npm(path, content).into_iter().collect()),
            Some(Source::System) => Told::System(system(&String::from_utf8_lossy(content))),
            Some(Source::Program) => Told::Packages(rust(path, content)),
            None => Told::Packages(Vec::new()),
        };
        // It stands in the place of what was there.
        self.files.remove(path);
        self.bytes += match &told {
            Told::Packages(packages) if packages.is_empty() => return Ok(()),
            Told::Packages(packages) => {
                packages.iter().map(|p| 128 + p.name.len() + p.version.len() + path.len()).sum()
            }
            Told::System(system) => system.id.len() + system.version.len() + system.name.len(),
        };
        if self.bytes > MOST_TOLD {
            return Err(io::Error::other(format!("its lists of packages take more than {} MiB", MOST_TOLD >> 20)));
        }
        self.files.insert(path.to_string(), (layer, told));
        Ok(())
    }

    /// Removes a file, or all below a folder, of the layers below one.
    pub(super) fn remove(&mut self, path: &str, below: usize) {
        for known in within(&self.files, path) {
            if self.files.get(&known).is_some_and(|(layer, _)| *layer < below) {
                self.files.remove(&known);
            }
        }
    }

    /// Every package, sorted.
    pub(super) fn all(&self) -> Vec<Package> {
        let told = self.files.values().filter_map(|(_, told)| match told {
            Told::Packages(packages) => Some(packages),
            Told::System(_) => None,
        });
        let mut all: Vec<Package> = told.flatten().cloned().collect();
        all.sort();
        all
    }

    pub(super) fn system(&self) -> Option<System> {
        OS_RELEASE.iter().find_map(|path| match self.files.get(*path) {
            Some((_, Told::System(system))) => Some(system.clone()),
            _ => None,
        })
    }
}

/// Names of a path and of all below it as a folder; all names where the path is empty.
pub(super) fn within<V>(map: &BTreeMap<String, V>, path: &str) -> Vec<String> {
    let path = path.trim_end_matches('/');
    let folder = if path.is_empty() { String::new() } else { format!("{path}/") };
    let below = map.range(folder.clone()..).map(|(name, _)| name).take_while(|name| name.starts_with(&folder));
    map.get_key_value(path).map(|(name, _)| name).into_iter().chain(below).cloned().collect()
}

/// Fields of a paragraph: `Name: value`, the first of a name counts.
fn field<'a>(paragraph: &'a str, name: &str) -> Option<&'a str> {
    let value = |line: &'a str| {
        let (key, value) = line.split_once(':')?;
        key.eq_ignore_ascii_case(name).then(|| value.trim())
    };
    paragraph.lines().find_map(value).filter(|value| !value.is_empty())
}

fn dpkg(path: &str, text: &str) -> Vec<Package> {
    let package = |paragraph: &str| {
        // Files of distroless images have no status: what is there is installed.
        let status = field(paragraph, "Status").unwrap_or("install ok installed");
        let is_installed = status.split(' ').nth(2).is_some_and(|state| state == "installed");
        let (name, version) = (field(paragraph, "Package")?.to_string(), field(paragraph, "Version")?.to_string());
        let architecture = field(paragraph, "Architecture").map(str::to_string);
        is_installed.then(|| Package { kind: "deb", name, version, architecture, path: path.to_string() })
    };
    text.split("\n\n").filter_map(package).collect()
}

/// Core metadata: the header ends at the first empty line, and the description follows.
fn python(path: &str, text: &str) -> Option<Package> {
    let text = text.replace("\r\n", "\n");
    let header = text.split("\n\n").next()?;
    let (name, version) = (field(header, "Name")?.to_string(), field(header, "Version")?.to_string());
    Some(Package { kind: "pypi", name, version, architecture: None, path: path.to_string() })
}

fn npm(path: &str, content: &[u8]) -> Option<Package> {
    let value: Value = serde_json::from_slice(content).ok()?;
    let text = |key: &str| value[key].as_str().filter(|text| !text.is_empty()).map(str::to_string);
    Some(Package { kind: "npm", name: text("name")?, version: text("version")?, architecture: None, path: path.into() })
}

fn system(text: &str) -> System {
    let value = |key: &str| {
        let of_line = |line: &str| Some(line.split_once('=').filter(|(name, _)| *name == key)?.1.to_string());
        let value = text.lines().find_map(of_line).unwrap_or_default();
        value.trim().trim_matches(['"', '\'']).to_string()
    };
    System { id: value("ID"), version: value("VERSION_ID"), name: value("PRETTY_NAME") }
}

/// The section `.dep-v0`: JSON, compressed by zlib
/// (<https://github.com/rust-secure-code/cargo-auditable/blob/v0.7.0/PARSING.md>).
fn rust(path: &str, program: &[u8]) -> Vec<Package> {
    let Some(section) = section(program, b".dep-v0") else { return Vec::new() };
    let mut text = Vec::new();
    if ZlibDecoder::new(section).take(MOST_AUDIT).read_to_end(&mut text).is_err() {
        return Vec::new();
    }
    let list: Value = serde_json::from_slice(&text).unwrap_or_default();
    let packages = list["packages"].as_array().map(Vec::as_slice).unwrap_or_default();
    let package = |package: &Value| {
        let (name, version) = (package["name"].as_str()?.to_string(), package["version"].as_str()?.to_string());
        // What only built it is not in it.
        let is_inside = package["kind"].as_str().is_none_or(|kind| kind == "runtime");
        is_inside.then(|| Package { kind: "cargo", name, version, architecture: None, path: path.to_string() })
    };
    packages.iter().filter_map(package).collect()
}

/// A section of an ELF file of 64 bits, little-endian, by its name.
fn section<'a>(elf: &'a [u8], wanted: &[u8]) -> Option<&'a [u8]> {
    let number = |at: usize, bytes: usize| -> Option<usize> {
        let bytes = elf.get(at..at.checked_add(bytes)?)?;
        usize::try_from(bytes.iter().rev().fold(0u64, |number, byte| number << 8 | u64::from(*byte))).ok()
    };
    if elf.get(..6)? != b"\x7fELF\x02\x01" {
        return None;
    }
    let (table, size, count, names) = (number(0x28, 8)?, number(0x3a, 2)?, number(0x3c, 2)?, number(0x3e, 2)?);
    let header = |index: usize| table.checked_add(index.checked_mul(size)?);
    let content = |index: usize| {
        let (from, length) =
            (number(header(index)?.checked_add(0x18)?, 8)?, number(header(index)?.checked_add(0x20)?, 8)?);
        elf.get(from..from.checked_add(length)?)
    };
    let names = content(names)?;
    let found = (0..count).find(|index| {
        let name = header(*index).and_then(|at| number(at, 4)).and_then(|at| names.get(at..));
        name.and_then(|name| name.strip_prefix(wanted)).is_some_and(|rest| rest.first().is_none_or(|end| *end == 0))
    })?;
    content(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_each_manager_left_is_read() {
        let status = "Package: bash\nStatus: install ok installed\nArchitecture: amd64\nVersion: 5.2-1\nDescription: a\n \
                      shell\n\nPackage: gone\nStatus: deinstall ok config-files\nVersion: 1\n";
        let found = dpkg("var/lib/dpkg/status", status);
        assert_eq!((found.len(), found[0].name.as_str(), found[0].version.as_str()), (1, "bash", "5.2-1"));
        assert_eq!(dpkg("x", "Package: tzdata\nVersion: 2024a\n").len(), 1, "of a distroless image");
        let metadata = "Metadata-Version: 2.1\nName: numpy\nVersion: 2.1.0\n\nName: another\n";
        assert_eq!(python("x", metadata).unwrap().name, "numpy");
        assert_eq!(npm("x", b"{\"name\": \"@a/b\", \"version\": \"1.0.0\"}").unwrap().name, "@a/b");
        assert!(npm("x", b"[").is_none() && npm("x", b"{\"name\": \"a\"}").is_none());
        let system = system("PRETTY_NAME=\"Debian 12\"\nID=debian\nVERSION_ID=\"12\"\n");
        assert_eq!((system.id.as_str(), system.version.as_str()), ("debian", "12"));
    }

    #[test]
    fn places_are_those_of_installed_packages() {
        let is = |path: &str| source(path, false).is_some();
        for yes in [
            "var/lib/dpkg/status",
            "var/lib/dpkg/status.d/tzdata",
            "usr/lib/python3/dist-packages/numpy-2.dist-info/METADATA",
            "usr/lib/python3/dist-packages/old.egg-info",
            "app/node_modules/left-pad/package.json",
            "app/node_modules/@a/b/package.json",
            "etc/os-release",
        ] {
            assert!(is(yes), "{yes}");
        }
        for no in [
            "var/lib/dpkg/status.d/tzdata.md5sums",
            "app/package.json",
            "app/node_modules/a/test/package.json",
            "app/METADATA",
            "srv/etc/os-release",
        ] {
            assert!(!is(no), "{no}");
        }
    }

    #[test]
    fn broken_programs_have_no_list() {
        for broken in
            [&b""[..], b"\x7fELF", b"\x7fELF\x02\x01", &[b"\x7fELF\x02\x01".as_slice(), &[0xff; 100]].concat()]
        {
            assert!(rust("x", broken).is_empty());
        }
    }

    #[test]
    fn removed_and_replaced_files_tell_nothing_any_more() {
        let mut packages = Packages::default();
        let npm = |name: &str| format!("{{\"name\": \"{name}\", \"version\": \"1\"}}");
        packages.add("app/node_modules/a/package.json", 0, npm("a").as_bytes()).unwrap();
        packages.add("app/node_modules/ab/package.json", 0, npm("ab").as_bytes()).unwrap();
        packages.remove("app/node_modules/a", 1);
        let names = |packages: &Packages| packages.all().into_iter().map(|p| p.name).collect::<Vec<_>>();
        assert_eq!(names(&packages), ["ab"]);
        packages.add("app/node_modules/ab/package.json", 1, npm("new").as_bytes()).unwrap();
        assert_eq!(names(&packages), ["new"]);
        packages.remove("app/", 1);
        assert_eq!(names(&packages), ["new"], "a layer removes what is below it, and nothing of its own");
        packages.remove("", 2);
        assert!(names(&packages).is_empty());
    }
}
