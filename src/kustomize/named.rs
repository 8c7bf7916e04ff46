//! The files in which a kustomization's objects and patches stand, by what the kustomization files name: the same for
//! each renderer. What generators, configurations and replacements take in is neither.

use super::Options;
use super::error::{Error, Result};
use super::files::{MAX_BYTES, Root};
use super::read::{self, Dialect};
use super::value::Value;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// Lists of files or, unless it is the last, of folders.
const PATHS: [&str; 4] = ["resources", "bases", "components", "patchesStrategicMerge"];
/// Lists of mappings with the `path` of a file.
const PATCHES: [&str; 2] = ["patches", "patchesJson6902"];

/// At or below `dir`, by their paths without links: the kustomization files, that of `dir` and those that it leads to, and
/// what they name. Files beyond the size that is rendered are left out.
pub(super) fn files(dir: &Path) -> Result<Vec<PathBuf>> {
    let failed = |e: std::io::Error| Error::new(format!("cannot open {}: {e}", dir.display()));
    let top = dir.canonicalize().map_err(failed)?;
    let (mut found, mut folders) = (BTreeSet::new(), vec![top.clone()]);
    while let Some(folder) = folders.pop() {
        // Of a folder below, the renderer says what is wrong.
        let name = match Root::open(&folder, &Options::default())?.kustomization_file() {
            Ok(name) => name,
            Err(error) if folder == top => return Err(error),
            Err(_) => continue,
        };
        let file = folder.join(name);
        if !found.insert(file.clone()) {
            continue;
        }
        for path in named(&file)? {
            // A patch that is written there, or what lies in another repository, is no path.
            let Ok(real) = folder.join(path).canonicalize() else { continue };
            let Ok(about) = real.metadata() else { continue };
            if !real.starts_with(&top) {
                continue;
            }
            if about.is_dir() {
                folders.push(real);
            } else if about.is_file() && about.len() <= MAX_BYTES {
                found.insert(real);
            }
        }
    }
    Ok(found.into_iter().collect())
}

/// What a kustomization file names.
fn named(file: &Path) -> Result<Vec<String>> {
    let bytes = std::fs::read(file).map_err(|e| Error::new(format!("cannot read {}: {e}", file.display())))?;
    let text = String::from_utf8(bytes).map_err(|_| Error::new("the file is not UTF-8 text").in_file(file))?;
    let document = read::document(&text, Dialect::Kustomization).map_err(|e| e.in_file(file))?;
    let mut found = Vec::new();
    for (key, value) in document.value.as_map().into_iter().flat_map(|map| &map.0) {
        let items = value.as_list().unwrap_or_default();
        let is_of = |names: &[&str]| names.iter().any(|name| key.eq_ignore_ascii_case(name));
        if is_of(&PATHS) {
            found.extend(items.iter().filter_map(Value::as_str).map(str::to_owned));
        } else if is_of(&PATCHES) {
            let fields = items.iter().filter_map(Value::as_map).flat_map(|map| &map.0);
            let paths = fields.filter(|(key, _)| key.eq_ignore_ascii_case("path"));
            found.extend(paths.filter_map(|(_, path)| path.as_str()).map(str::to_owned));
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder(files: &[(&str, &str)]) -> tempfile::TempDir {
        let dir = tempfile::tempdir().unwrap();
        for (name, text) in files {
            let path = dir.path().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        }
        dir
    }

    fn names(dir: &Path) -> Vec<String> {
        let top = dir.canonicalize().unwrap();
        files(dir).unwrap().iter().map(|file| file.strip_prefix(&top).unwrap().display().to_string()).collect()
    }

    #[test]
    fn what_kustomizations_name_as_objects_and_patches_is_found_and_nothing_else() {
        let all = "resources: [service.yaml, base, ../other, 'https://example.com/x', absent.yaml, plain]\n\
                   components: [parts]\n\
                   patches: [{path: a.yaml}, {patch: '[{op: remove, path: /x}]', target: {kind: Pod}}]\n\
                   patchesStrategicMerge: [b.yaml, \"kind: Pod\\n\"]\nPatchesJson6902: [{Path: sub/c.yaml, target: {}}]\n\
                   configMapGenerator: [{name: x, files: [settings.yaml]}]\nreplacements: [{path: r.yaml}]\n\
                   helmCharts: [{name: c, valuesFile: values.yaml}]\n";
        let dir = folder(&[
            ("prod/kustomization.yaml", all),
            ("prod/base/kustomization.yml", "bases: [deep, .]\nresources: [../settings2.yaml]\n"),
            ("prod/base/deep/Kustomization", "resources: [d.yaml]\n"),
            ("prod/parts/kustomization.yaml", "kind: Component\npatches: [{path: p.yaml}]\n"),
            ("prod/staging/kustomization.yaml", "resources: [s.yaml]\n"),
            ("other/kustomization.yaml", "resources: [o.yaml]\n"),
        ]);
        let empty = "service.yaml a.yaml b.yaml sub/c.yaml settings.yaml settings2.yaml r.yaml values.yaml base/deep/d.yaml \
                     parts/p.yaml staging/s.yaml ../other/o.yaml .git/HEAD plain/x.yaml";
        for name in empty.split_whitespace() {
            let path = dir.path().join("prod").join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, "").unwrap();
        }
        let wanted = "a.yaml b.yaml base/deep/Kustomization base/deep/d.yaml base/kustomization.yml kustomization.yaml \
                      parts/kustomization.yaml parts/p.yaml service.yaml settings2.yaml sub/c.yaml";
        let prod = dir.path().join("prod");
        assert_eq!(names(&prod), wanted.split_whitespace().collect::<Vec<_>>());

        let large = std::fs::File::options().write(true).open(prod.join("a.yaml")).unwrap();
        large.set_len(MAX_BYTES + 1).unwrap();
        assert!(!names(&prod).contains(&"a.yaml".to_owned()));
    }

    #[test]
    fn what_cannot_be_read_is_an_error() {
        let dir = folder(&[("x/kustomization.yaml", "resources: [a\n"), ("y/a.yaml", "")]);
        assert!(files(&dir.path().join("x")).unwrap_err().to_string().contains("kustomization.yaml"));
        assert!(files(&dir.path().join("y")).unwrap_err().to_string().contains("holds no kustomization.yaml"));
        assert!(files(&dir.path().join("z")).is_err());
    }
}
