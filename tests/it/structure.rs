//! The sources keep to the design: imports point one way, and each dependency has its reason in the docs.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// Which modules of ours each module may use; itself always. What is absent here (`main`, `lib`, `commands`, `promote`)
/// ties the others together and may use them all.
const MAY_USE: [(&str, &str); 30] = [
    ("model", ""),
    ("digest", ""),
    ("stamp", "model"),
    ("patience", ""),
    ("protobuf", ""),
    ("files", "model"),
    ("stats", "model"),
    ("gate", "model stats"),
    ("config", "kube::policy kube::versions model"),
    ("kustomize", ""),
    ("kube", "kustomize"),
    ("load", "model"),
    ("process", "secret"),
    ("secret", ""),
    ("exit", "model"),
    ("error", "exit model"),
    ("cli", ""),
    ("ui", "secret"),
    ("init", "config error kube::versions model"),
    ("plan", "config model"),
    ("data", "config digest files model patience process protobuf secret stamp stats"),
    ("source", "config data digest files model record::profile secret"),
    ("quality", "config data digest files model record::measurements record::parse record::wire source stats"),
    ("image", "config digest files model patience process protobuf record::wire secret sign stamp"),
    ("sign", "digest model patience secret"),
    ("stage", "config data digest files gate image kube kustomize load model plan process quality source stats ui"),
    ("record", "digest exit files model secret stamp"),
    ("report", "model record::wire secret"),
    ("host", "digest files record::statements record::wire report secret"),
    ("settings", "cli data error files host image model record::statements report secret sign ui"),
];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Each source file without its tests and comments, and the module of the first level that it belongs to.
fn sources() -> Vec<(PathBuf, String, String)> {
    let src = root().join("src");
    let mut sources = Vec::new();
    for entry in walkdir::WalkDir::new(&src).sort_by_file_name() {
        let path = entry.unwrap().into_path();
        let inside = path.strip_prefix(&src).unwrap().to_path_buf();
        // Files of unit tests end like this.
        let is_test = path.file_name().is_some_and(|name| name.to_string_lossy().ends_with("tests.rs"));
        if path.extension().is_none_or(|extension| extension != "rs") || is_test {
            continue;
        }
        let module = Path::new(inside.iter().next().unwrap()).file_stem().unwrap().to_string_lossy().into_owned();
        let text = std::fs::read_to_string(&path).unwrap();
        let tests = ["\n#[cfg(test)]\nmod tests {", "\n#[cfg(test)]\npub(super) mod tests {"];
        let code = tests.iter().fold(text.as_str(), |code, tests| code.split(tests).next().unwrap_or_default());
        let code: Vec<&str> = code.lines().filter(|line| !line.trim_start().starts_with("//")).collect();
        sources.push((inside, module, code.join("\n")));
    }
    sources
}

/// The paths below `crate::` that the code names, such as `record::wire`, the groups in braces among them.
fn imports(code: &str) -> BTreeSet<String> {
    let path = regex::Regex::new(r"\bcrate::(\w+(?:::\w+)*)(?:::\{([^}]*)\})?").unwrap();
    let mut found = BTreeSet::new();
    for captures in path.captures_iter(code) {
        let start = &captures[1];
        match captures.get(2) {
            Some(group) => {
                let names = group.as_str().split(',').map(str::trim).filter(|name| !name.is_empty());
                found.extend(names.map(|name| if name == "self" { start.into() } else { format!("{start}::{name}") }));
            }
            None => drop(found.insert(start.to_string())),
        }
    }
    found
}

#[test]
fn imports_point_one_way() {
    let may_use: BTreeMap<&str, &str> = MAY_USE.into();
    let mut wrong = Vec::new();
    let mut unseen: BTreeSet<&str> = may_use.keys().copied().collect();
    for (file, module, code) in sources() {
        unseen.remove(module.as_str());
        assert!(!code.contains("crate::{"), "{}: one `use crate::…` for each module", file.display());
        let Some(allowed) = may_use.get(module.as_str()) else { continue };
        let allowed: Vec<&str> = allowed.split_whitespace().chain([module.as_str()]).collect();
        for import in imports(&code) {
            let fits =
                |allowed: &&str| import.strip_prefix(*allowed).is_some_and(|r| r.is_empty() || r.starts_with("::"));
            if !allowed.iter().any(fits) {
                wrong.push(format!("src/{} imports crate::{import}", file.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "against the layout:\n{}", wrong.join("\n"));
    assert!(unseen.is_empty(), "in the table and not in src/: {unseen:?}");
}

/// Each of these keeps the keys that sign from what it starts.
#[test]
fn commands_are_started_in_three_places() {
    let start = regex::Regex::new(r"\bCommand::new\(").unwrap();
    let starters: Vec<String> = sources()
        .into_iter()
        .filter(|(_, _, code)| start.is_match(code))
        .map(|(file, ..)| file.display().to_string())
        .collect();
    assert_eq!(starters, ["kustomize/program.rs", "process.rs", "source/git.rs"]);
}

/// Which environment variables steer mlgate can be read in one file; all others are handed a lookup.
#[test]
fn only_settings_read_the_environment() {
    let read = regex::Regex::new(r"\benv::(vars?(_os)?\b|\{|\*)").unwrap();
    let readers: Vec<String> = sources()
        .into_iter()
        .filter(|(_, _, code)| read.is_match(code))
        .map(|(file, ..)| file.display().to_string())
        .collect();
    assert_eq!(readers, ["settings.rs"]);
}

#[test]
fn every_dependency_has_its_reason() {
    let manifest = std::fs::read_to_string(root().join("Cargo.toml")).unwrap();
    let section = manifest.split("\n[dependencies]\n").nth(1).unwrap().split("\n[").next().unwrap();
    let used: BTreeSet<&str> =
        section.lines().filter_map(|line| line.split_once(" = ")).map(|(name, _)| name).collect();
    let page = std::fs::read_to_string(root().join("docs/dependencies.md")).unwrap();
    let rows = page.lines().filter_map(|line| line.strip_prefix("| ")?.split_once(" | "));
    let told: BTreeSet<&str> = rows
        .filter(|(names, reason)| {
            *names != "crate" && !names.starts_with("---") && reason.trim_end_matches('|').len() > 9
        })
        .flat_map(|(names, _)| names.split(", "))
        .collect();
    assert!(used.len() > 20, "{used:?}");
    let (silent, gone): (Vec<_>, Vec<_>) = (used.difference(&told).collect(), told.difference(&used).collect());
    assert!(silent.is_empty() && gone.is_empty(), "docs/dependencies.md lacks {silent:?}, and {gone:?} are not used");
}
