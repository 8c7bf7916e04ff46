//! Files of the user: what a folder holds, what a glob names, and how one is written. Links are followed, as tools that
//! keep data outside the repository leave links in it; what leads nowhere is a fault and never left out in silence.

use crate::model::Fault;
use std::fs::Permissions;
use std::io::{ErrorKind, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use walkdir::{DirEntry, WalkDir};

/// Git's own files and our scratch, which are no files of the user unless they are named.
const NOT_THE_USERS: [&str; 2] = [".git", ".mlgate"];

/// Writes a file whole or not at all: a run that is ended in the middle leaves the old one.
///
/// # Errors
/// The folder cannot be made or the file not be written.
pub fn write(path: &Path, bytes: &[u8]) -> Result<(), Fault> {
    let fault = |error: std::io::Error| Fault::new(format!("write {}", path.display()), error, "");
    let folder = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    std::fs::create_dir_all(folder).map_err(fault)?;
    // A new file is readable by all as far as the umask lets: another user may collect it.
    let new = Permissions::from_mode(0o666);
    let mut file = tempfile::Builder::new().prefix(".mlgate-").permissions(new).tempfile_in(folder).map_err(fault)?;
    file.write_all(bytes).map_err(fault)?;
    // What stood there keeps its mode.
    if let Ok(old) = std::fs::metadata(path) {
        file.as_file().set_permissions(old.permissions()).map_err(fault)?;
    }
    file.persist(path).map(drop).map_err(|e| fault(e.error))
}

/// Whether a text is a pattern for many files.
pub fn is_glob(text: &str) -> bool {
    text.contains(['*', '?', '[', '{'])
}

/// The files that a glob names, sorted, relative to `root`.
///
/// # Errors
/// The glob cannot be read, its folder is not there or cannot be listed, a link leads nowhere or in a circle.
pub fn glob(what: &str, root: &Path, pattern: &str) -> Result<Vec<PathBuf>, Fault> {
    let pattern = pattern.strip_prefix("./").unwrap_or(pattern);
    let glob = globset::GlobBuilder::new(pattern)
        .literal_separator(true)
        .build()
        .map_err(|e| Fault::new(what, e.kind(), "a glob knows * ? ** [ab] {a,b}"))?
        .compile_matcher();
    // Folders before the first wildcard are fixed: nothing beside them needs to be walked.
    let fixed: PathBuf = Path::new(pattern).iter().take_while(|part| !is_glob(&part.to_string_lossy())).collect();
    if !root.join(&fixed).exists() {
        return Err(Fault::new(what, format!("no folder {}", fixed.display()), ""));
    }
    // Without `**` nothing below its last part can match.
    let parts = pattern.split('/').count().saturating_sub(fixed.iter().count());
    let deepest = if pattern.contains("**") { usize::MAX } else { parts };
    walk(what, root, &fixed, deepest, |name| glob.is_match(name))
}

/// Whether a glob leaves out a name that it matches, as those of shells and of Python do: what is hidden, by a dot at its
/// beginning, is only for a part of the glob that says the dot.
pub fn leaves_out(pattern: &str, name: &str) -> bool {
    let pattern = pattern.strip_prefix("./").unwrap_or(pattern);
    let says_dot = |part: &&str| part.starts_with('.') || part.contains("{.") || part.contains(",.");
    let is_hidden = |part: &&str| part.starts_with('.');
    let (said, parts): (Vec<&str>, Vec<&str>) = (pattern.split('/').collect(), name.split('/').collect());
    match !pattern.contains("**") && said.len() == parts.len() {
        true => parts.iter().zip(&said).any(|(part, said)| is_hidden(part) && !says_dot(said)),
        // Which part of the glob matched which of the name is not known here.
        false => parts.into_iter().filter(is_hidden).count() > said.into_iter().filter(says_dot).count(),
    }
}

/// All files at or below a folder, sorted, relative to `root`, hidden ones too.
///
/// # Errors
/// A folder cannot be listed, a link leads nowhere or in a circle.
pub fn below(what: &str, root: &Path, folder: &Path) -> Result<Vec<PathBuf>, Fault> {
    walk(what, root, folder, usize::MAX, |_| true)
}

/// A link without an end.
pub fn leads_nowhere(what: &str, link: &Path) -> Fault {
    let why = format!("{} is a link that leads nowhere", link.display());
    Fault::new(what, why, "fetch what it leads to, or remove the link")
}

fn walk(
    what: &str,
    root: &Path,
    start: &Path,
    deepest: usize,
    wanted: impl Fn(&Path) -> bool,
) -> Result<Vec<PathBuf>, Fault> {
    let place = root.join(start);
    let named = |path: &Path| start.join(path.strip_prefix(&place).unwrap_or(path));
    let users = |entry: &DirEntry| entry.depth() == 0 || NOT_THE_USERS.iter().all(|name| entry.file_name() != *name);
    let mut found = Vec::new();
    for entry in WalkDir::new(&place).follow_links(true).max_depth(deepest).into_iter().filter_entry(users) {
        let error = match entry {
            Ok(entry) => {
                let name = named(entry.path());
                if entry.file_type().is_file() && wanted(&name) {
                    found.push(name);
                }
                continue;
            }
            Err(error) => error,
        };
        let is_dangling = error.io_error().is_some_and(|e| e.kind() == ErrorKind::NotFound);
        let dangling = error.path().filter(|path| is_dangling && path.is_symlink()).map(named);
        // At the bottom of the walk a link matters only by its own name, and not as a folder.
        let harmless = error.depth() == deepest
            && (error.loop_ancestor().is_some() || dangling.as_ref().is_some_and(|name| !wanted(name)));
        match dangling {
            _ if harmless => {}
            Some(link) => return Err(leads_nowhere(what, &link)),
            None => return Err(Fault::new(what, error, "")),
        }
    }
    found.sort();
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    fn folder(files: &[&str]) -> tempfile::TempDir {
        let dir = tempfile::tempdir().unwrap();
        for name in files {
            let path = dir.path().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, *name).unwrap();
        }
        dir
    }

    fn names(found: Result<Vec<PathBuf>, Fault>) -> Vec<String> {
        found.unwrap().iter().map(|path| path.display().to_string()).collect()
    }

    #[test]
    fn a_folder_holds_hidden_and_linked_files_but_not_gits_and_ours() {
        let cache = folder(&["blob", "tree/c"]);
        let dir = folder(&["m/a", "m/.hidden/b", "m/.git/HEAD", "m/.mlgate/record.json"]);
        symlink(cache.path().join("blob"), dir.path().join("m/weights")).unwrap();
        symlink(cache.path().join("tree"), dir.path().join("m/tree")).unwrap();
        let found = names(below("list", dir.path(), Path::new("m")));
        assert_eq!(found, ["m/.hidden/b", "m/a", "m/tree/c", "m/weights"]);
        assert_eq!(names(glob("list", dir.path(), "./m/*")), ["m/a", "m/weights"]);
        assert_eq!(names(glob("list", dir.path(), "m/**/[bc]")), ["m/.hidden/b", "m/tree/c"]);
    }

    #[test]
    fn what_is_hidden_must_be_said() {
        for (pattern, name, left_out) in [
            ("*.csv", "a.csv", false),
            ("*.csv", ".a.csv", true),
            (".*.csv", ".a.csv", false),
            ("{.a,b}*.csv", ".a.csv", false),
            ("*/.x/*.csv", "a/.x/b.csv", false),
            ("*/.x/*.csv", "a/.x/.b.csv", true),
            (".x/*.csv", ".x/.b.csv", true),
            (".x/**/*.csv", ".x/y/b.csv", false),
            (".x/**/*.csv", ".x/.y/b.csv", true),
            ("./**/*.csv", ".y/b.csv", true),
            ("../d/*.csv", "../d/b.csv", false),
        ] {
            assert_eq!(leaves_out(pattern, name), left_out, "{pattern} of {name}");
        }
    }

    #[test]
    fn a_file_is_written_over_with_its_mode_and_a_new_one_as_any_other() {
        let dir = folder(&["plain", "script"]);
        let mode = |name: &str| std::fs::metadata(dir.path().join(name)).unwrap().permissions().mode() & 0o777;
        std::fs::set_permissions(dir.path().join("script"), Permissions::from_mode(0o750)).unwrap();
        for name in ["script", "new/deep/file"] {
            write(&dir.path().join(name), b"after").unwrap();
            assert_eq!(std::fs::read(dir.path().join(name)).unwrap(), b"after");
        }
        assert_eq!((mode("script"), mode("new/deep/file")), (0o750, mode("plain")));
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 3, "nothing else is left");
        assert!(write(&dir.path().join("plain/below"), b"").unwrap_err().what.contains("plain/below"));
    }

    #[test]
    fn links_without_an_end_are_faults_where_they_could_be_meant() {
        let dir = folder(&["m/a.json", "m/sub/b.json"]);
        symlink("nowhere", dir.path().join("m/gone")).unwrap();
        let why = |found: Result<Vec<PathBuf>, Fault>| found.unwrap_err().why;
        assert_eq!(why(below("list", dir.path(), Path::new("m"))), "m/gone is a link that leads nowhere");
        assert_eq!(names(glob("list", dir.path(), "m/*.json")), ["m/a.json"]);
        for pattern in ["m/g*", "m/*/*.json", "m/**/*.json"] {
            assert!(why(glob("list", dir.path(), pattern)).contains("m/gone"), "{pattern}");
        }
        std::fs::remove_file(dir.path().join("m/gone")).unwrap();
        symlink("..", dir.path().join("m/sub/up")).unwrap();
        assert!(why(below("list", dir.path(), Path::new("m"))).contains("loop"));
        assert!(why(glob("list", dir.path(), "m/**/*.json")).contains("loop"));
        assert_eq!(names(glob("list", dir.path(), "m/*/*.json")), ["m/sub/b.json"]);
    }
}
