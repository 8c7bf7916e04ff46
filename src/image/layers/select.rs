//! Which files go into a layer, and where to. `model/` lays the folder's content under `to`; `model/a.onnx` and
//! `model/*.onnx` keep their path. Nothing outside of the root gets in, neither by `..` nor by a symbolic link.

use crate::config::Layer;
use crate::model::Fault;
use crate::stamp::Stamp;
use globset::GlobBuilder;
use std::collections::BTreeMap;
use std::fs::Metadata;
use std::io::ErrorKind;
use std::os::unix::fs::PermissionsExt;
use std::path::{Component, Path, PathBuf};
use walkdir::WalkDir;

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Entry {
    Folder,
    File { source: PathBuf, bytes: u64, executable: bool, stamp: Stamp },
    Link { source: PathBuf, target: PathBuf },
}

/// Entries by their path in the image, without the leading `/`, sorted.
pub(super) type Entries = BTreeMap<PathBuf, Entry>;

/// Selects a layer's files. `root` must be canonical. What lies in the folder `without` is never selected.
pub(super) fn entries(root: &Path, without: &Path, layer: &Layer) -> Result<Entries, Vec<Fault>> {
    let what = format!("select the files of the layer `{}`", layer.name);
    let mut selection = Selection { root, without, entries: Entries::new(), problems: Vec::new() };
    let mut faults = Vec::new();
    match inside(Path::new(&layer.to)) {
        Some(to) => layer.files.iter().for_each(|pattern| selection.add(pattern, &to)),
        None => selection.problem(format!("`to: {}` climbs with `..`", layer.to), "write it without `..`"),
    }
    if layer.files.is_empty() {
        selection.problem("it names no files".into(), "add `files:`");
    }
    selection.check_links();
    for (why, hint) in selection.problems {
        faults.push(Fault::new(&what, why, hint));
    }
    if faults.is_empty() { Ok(selection.entries) } else { Err(faults) }
}

struct Selection<'a> {
    root: &'a Path,
    without: &'a Path,
    entries: Entries,
    problems: Vec<(String, &'static str)>,
}

impl Selection<'_> {
    fn problem(&mut self, why: String, hint: &'static str) {
        self.problems.push((why, hint));
    }

    /// Adds what one pattern matches, each under `to`.
    fn add(&mut self, pattern: &str, to: &Path) {
        let given = Path::new(pattern);
        let path = match inside(given) {
            Some(path) if !given.is_absolute() => path,
            _ => return self.problem(format!("`{pattern}` leads outside of the folder of mlops.yaml"), OUTSIDE),
        };
        let found = self.root.join(&path);
        match found.symlink_metadata() {
            Ok(_) if !self.holds(&found) => {
                self.problem(format!("`{pattern}` leads outside of the folder of mlops.yaml"), OUTSIDE);
            }
            // A link that is named itself is followed: its content was asked for.
            Ok(_) if found.is_dir() => self.add_folder(pattern, &found, to),
            Ok(_) => match found.metadata() {
                Ok(metadata) => self.add_file(found, &metadata, to.join(&path)),
                Err(e) => self.problem(format!("`{pattern}`: {e}"), ""),
            },
            Err(_) if pattern.contains(['*', '?', '[', '{']) => self.add_glob(pattern, &path, to),
            Err(_) => self.problem(format!("`{pattern}` matches nothing"), MISSING),
        }
    }

    fn add_folder(&mut self, pattern: &str, folder: &Path, to: &Path) {
        let mut files = 0;
        let walk = WalkDir::new(folder).min_depth(1).sort_by_file_name().into_iter();
        let without = self.without;
        for entry in walk.filter_entry(|entry| entry.path() != without) {
            match entry {
                Ok(entry) => {
                    let below = entry.path().strip_prefix(folder).unwrap_or(entry.path());
                    files += usize::from(!entry.file_type().is_dir());
                    self.add_found(&entry, to.join(below));
                }
                Err(e) => self.problem(format!("`{pattern}`: {e}"), ""),
            }
        }
        if files == 0 {
            self.problem(format!("`{pattern}` matches nothing: the folder holds no file"), MISSING);
        }
    }

    /// `*` stays within a folder, `**` does not. A folder that matches goes in with all that is in it.
    fn add_glob(&mut self, pattern: &str, path: &Path, to: &Path) {
        let glob = GlobBuilder::new(&path.to_string_lossy()).literal_separator(true).empty_alternates(true).build();
        let glob = match glob {
            Ok(glob) => glob.compile_matcher(),
            Err(e) => return self.problem(format!("`{pattern}` is no valid pattern: {e}"), ""),
        };
        // Only below the part without wildcards, so that `model/*.onnx` does not walk through everything.
        let plain = |part: &Component<'_>| !part.as_os_str().to_string_lossy().contains(['*', '?', '[', '{']);
        let start = self.root.join(path.components().take_while(plain).collect::<PathBuf>());
        let mut files = 0;
        let walk = WalkDir::new(&start).sort_by_file_name().into_iter();
        let without = self.without;
        for entry in walk.filter_entry(|entry| entry.path() != without) {
            let entry = match entry {
                Ok(entry) => entry,
                Err(e) if e.io_error().is_some_and(|e| e.kind() == ErrorKind::NotFound) => continue,
                Err(e) => {
                    self.problem(format!("`{pattern}`: {e}"), "");
                    continue;
                }
            };
            let Ok(below) = entry.path().strip_prefix(self.root) else { continue };
            if below.ancestors().any(|path| !path.as_os_str().is_empty() && glob.is_match(path)) {
                files += usize::from(!entry.file_type().is_dir());
                self.add_found(&entry, to.join(below));
            }
        }
        if files == 0 {
            self.problem(format!("`{pattern}` matches nothing"), MISSING);
        }
    }

    fn add_found(&mut self, entry: &walkdir::DirEntry, place: PathBuf) {
        let source = entry.path().to_path_buf();
        if entry.file_type().is_dir() {
            self.put(place, Entry::Folder);
        } else if entry.file_type().is_symlink() {
            match std::fs::read_link(&source) {
                Ok(target) => self.put(place, Entry::Link { source, target }),
                Err(e) => self.problem(format!("{}: {e}", self.shown(&source)), ""),
            }
        } else {
            match entry.metadata() {
                Ok(metadata) => self.add_file(source, &metadata, place),
                Err(e) => self.problem(format!("{}: {e}", self.shown(&source)), ""),
            }
        }
    }

    fn add_file(&mut self, source: PathBuf, metadata: &Metadata, place: PathBuf) {
        if !metadata.is_file() {
            let hint = "remove it, or name the files one by one";
            return self.problem(format!("{} is neither a file nor a folder nor a link", self.shown(&source)), hint);
        }
        let executable = metadata.permissions().mode() & 0o111 != 0;
        let stamp = Stamp::of(metadata);
        self.put(place, Entry::File { source, bytes: metadata.len(), executable, stamp });
    }

    fn put(&mut self, place: PathBuf, entry: Entry) {
        match self.entries.get(&place) {
            None => drop(self.entries.insert(place, entry)),
            Some(known) if *known == entry => {}
            Some(_) => {
                let why = format!("two different files would become /{}", place.display());
                self.problem(why, "put them into two layers, or under two `to:`");
            }
        }
    }

    /// A link must lead to something in this layer, by a relative path, or it would be broken or different in the
    /// image.
    fn check_links(&mut self) {
        let mut wrong = Vec::new();
        for (place, entry) in &self.entries {
            let Entry::Link { source, target } = entry else { continue };
            let lead = place.parent().map(|folder| resolve(folder, target));
            let held = !target.is_absolute()
                && lead.flatten().is_some_and(|lead| {
                    // What lies in a folder comes right after it.
                    self.entries.range(lead.clone()..).next().is_some_and(|(known, _)| known.starts_with(&lead))
                });
            if !held {
                wrong.push(format!(
                    "the link {} leads to {}, which is not in the layer",
                    self.shown(source),
                    target.display()
                ));
            }
        }
        for why in wrong {
            self.problem(why, "replace the link by the file it leads to (DVC: `dvc config cache.type copy`)");
        }
    }

    /// Whether a path, its links followed, lies under the root.
    fn holds(&self, path: &Path) -> bool {
        path.canonicalize().map_or(true, |real| real.starts_with(self.root))
    }

    fn shown(&self, path: &Path) -> String {
        path.strip_prefix(self.root).unwrap_or(path).display().to_string()
    }
}

const OUTSIDE: &str = "only files under the folder of mlops.yaml can be part of the image";
const MISSING: &str = "is it built, or pulled (`dvc pull`), before mlgate runs?";

/// A path without `.`, a leading `/` and `..`; none when it climbs out.
fn inside(path: &Path) -> Option<PathBuf> {
    resolve(Path::new(""), path)
}

fn resolve(folder: &Path, path: &Path) -> Option<PathBuf> {
    let mut found = folder.to_path_buf();
    for part in path.components() {
        match part {
            Component::Normal(name) => found.push(name),
            Component::ParentDir => {
                if !found.pop() {
                    return None;
                }
            }
            Component::CurDir | Component::RootDir | Component::Prefix(_) => {}
        }
    }
    Some(found)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Compression;
    use std::os::unix::fs::symlink;

    fn tree() -> tempfile::TempDir {
        let dir = tempfile::tempdir().unwrap();
        for path in ["model/a.onnx", "model/sub/b.onnx", "src/app.py", "note.txt", ".mlgate/image/old.onnx"] {
            let file = dir.path().join("root").join(path);
            std::fs::create_dir_all(file.parent().unwrap()).unwrap();
            std::fs::write(file, path).unwrap();
        }
        std::fs::write(dir.path().join("secret"), "s").unwrap();
        dir
    }

    fn select(dir: &tempfile::TempDir, files: &[&str]) -> Result<Vec<String>, Vec<String>> {
        let root = dir.path().join("root").canonicalize().unwrap();
        let files = files.iter().map(|file| file.to_string()).collect();
        let compression = Compression::Auto;
        let layer = Layer { name: "model".into(), files, to: "/app".into(), compression, kind: None };
        let found = entries(&root, &root.join(".mlgate"), &layer)
            .map_err(|faults| faults.iter().map(|f| f.why.clone()).collect::<Vec<_>>())?;
        Ok(found.keys().map(|path| path.display().to_string()).collect())
    }

    #[test]
    fn folders_lay_their_content_files_and_globs_keep_their_path() {
        let dir = tree();
        assert_eq!(select(&dir, &["model/"]).unwrap(), ["app/a.onnx", "app/sub", "app/sub/b.onnx"]);
        assert_eq!(select(&dir, &["src/app.py", "./note.txt"]).unwrap(), ["app/note.txt", "app/src/app.py"]);
        assert_eq!(select(&dir, &["model/*.onnx"]).unwrap(), ["app/model/a.onnx"]);
        assert_eq!(select(&dir, &["**/*.onnx"]).unwrap(), ["app/model/a.onnx", "app/model/sub/b.onnx"]);
        assert_eq!(select(&dir, &["model/s*"]).unwrap(), ["app/model/sub", "app/model/sub/b.onnx"]);
    }

    #[test]
    fn all_that_is_wrong_is_told_at_once() {
        let dir = tree();
        let told = select(&dir, &["../secret", "/etc/passwd", "nothing.bin", "*.nothing", "src/app.py"]).unwrap_err();
        assert_eq!(told.len(), 4, "{told:?}");
        assert!(told[0].contains("outside") && told[1].contains("outside"));
        assert!(told[2].contains("matches nothing") && told[3].contains("matches nothing"));
        assert!(select(&dir, &[]).unwrap_err()[0].contains("no files"));
    }

    #[test]
    fn links_stay_within_the_layer() {
        let dir = tree();
        let model = dir.path().join("root/model");
        symlink("a.onnx", model.join("latest")).unwrap();
        assert!(select(&dir, &["model/"]).unwrap().contains(&"app/latest".to_string()));
        symlink("../../secret", model.join("stolen")).unwrap();
        symlink("/etc", model.join("etc")).unwrap();
        let told = select(&dir, &["model/"]).unwrap_err();
        assert_eq!(told.len(), 2, "{told:?}");
        symlink("../secret", dir.path().join("root/named")).unwrap();
        assert!(select(&dir, &["named"]).unwrap_err()[0].contains("outside"));
    }

    #[test]
    fn pipes_sockets_and_devices_are_no_files_of_an_image() {
        let dir = tree();
        let model = dir.path().join("root/model");
        let made = std::process::Command::new("mkfifo").arg(model.join("pipe")).status();
        assert!(made.unwrap().success());
        let _socket = std::os::unix::net::UnixListener::bind(model.join("socket")).unwrap();
        let told = select(&dir, &["model/", "model/*.onnx"]).unwrap_err();
        assert_eq!(told.len(), 2, "{told:?}");
        assert!(told[0].contains("model/pipe is neither a file nor") && told[1].contains("model/socket"), "{told:?}");
        // Named itself it is not opened either: that would wait for a writer.
        assert!(select(&dir, &["model/pipe"]).unwrap_err()[0].contains("neither a file nor"));
        symlink("/dev/zero", dir.path().join("root/zeros")).unwrap();
        assert!(select(&dir, &["zeros"]).unwrap_err()[0].contains("outside"));
    }

    #[test]
    fn thousands_of_links_and_of_nested_folders_are_no_trouble() {
        let dir = tree();
        let model = dir.path().join("root/model");
        for number in 0..3000 {
            symlink(format!("{}/x", number + 1), model.join(number.to_string())).unwrap();
        }
        assert_eq!(select(&dir, &["model/"]).unwrap_err().len(), 3000, "each link into a link leads nowhere");
        // As deep as a path can be.
        let deep = dir.path().join("root/deep").join("d/".repeat(1500));
        std::fs::create_dir_all(&deep).unwrap();
        (0..100).for_each(|n| std::fs::write(deep.join(n.to_string()), "x").unwrap());
        assert_eq!(select(&dir, &["deep/"]).unwrap().len(), 1600);
    }

    #[test]
    fn two_files_cannot_take_one_place() {
        let dir = tree();
        std::fs::create_dir_all(dir.path().join("root/other")).unwrap();
        std::fs::write(dir.path().join("root/other/a.onnx"), "x").unwrap();
        assert!(select(&dir, &["model/", "other/"]).unwrap_err()[0].contains("would become /app/a.onnx"));
        assert!(select(&dir, &["model/", "model/"]).is_ok());
    }
}
