//! `.dvcignore`: which files of a tracked folder DVC leaves out of its list. The files from the repository's folder down
//! to the one above the tracked folder count; DVC refuses one within. Syntax: <https://dvc.org/doc/user-guide/project-structure/dvcignore-files>,
//! which is gitignore's but for one thing: a pattern that names a folder also names what is in it, so that `!folder`
//! takes back the files below.

use crate::model::Fault;
use globset::{GlobBuilder, GlobMatcher};
use std::path::{Path, PathBuf};

const FILE: &str = ".dvcignore";
/// What DVC leaves out unasked.
const ALWAYS: [&str; 4] = [".hg/", ".git/", ".git", ".dvc/"];

/// The patterns that hold for a folder, the strongest last.
pub(super) struct Ignore {
    repo: PathBuf,
    rules: Vec<Rule>,
}

struct Rule {
    /// The folder that the pattern is relative to.
    base: PathBuf,
    glob: GlobMatcher,
    takes_back: bool,
    of_folders: bool,
}

impl Ignore {
    /// The patterns for what lies in `folder`.
    ///
    /// # Errors
    /// A file of patterns cannot be read, or one of them is none: what DVC left out would not be known.
    pub fn of(repo: &Path, folder: &Path) -> Result<Ignore, Fault> {
        let mut rules = Vec::new();
        for pattern in ALWAYS {
            rules.extend(rule(repo, pattern).map_err(|why| Fault::new("read DVC's own patterns", why, ""))?);
        }
        let mut above: Vec<&Path> = folder.ancestors().skip(1).take_while(|above| above.starts_with(repo)).collect();
        above.reverse();
        for base in above {
            let path = base.join(FILE);
            let what = || format!("read {}", path.strip_prefix(repo).unwrap_or(&path).display());
            let text = match std::fs::read_to_string(&path) {
                Ok(text) => text,
                Err(e) if e.kind() == std::io::ErrorKind::NotFound => continue,
                Err(e) => return Err(Fault::new(what(), e, "")),
            };
            for line in text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#')) {
                let fault = |why| Fault::new(what(), format!("`{line}` is no pattern: {why}"), "correct it");
                rules.extend(rule(base, line).map_err(fault)?);
            }
        }
        Ok(Ignore { repo: repo.to_path_buf(), rules })
    }

    /// Whether DVC leaves a file out: itself, or a folder above it.
    pub fn leaves_out(&self, file: &Path) -> bool {
        let mut above: Vec<&Path> = file.ancestors().take_while(|path| *path != self.repo).collect();
        above.reverse();
        above.iter().any(|path| {
            let is_folder = *path != file;
            let last = self.rules.iter().rev().find(|rule| rule.names(path, is_folder));
            // A repository within the repository is another one's affair.
            last.is_some_and(|rule| !rule.takes_back) || (is_folder && path.join(".dvc").is_dir())
        })
    }
}

impl Rule {
    fn names(&self, path: &Path, is_folder: bool) -> bool {
        let Ok(relative) = path.strip_prefix(&self.base) else { return false };
        (is_folder || !self.of_folders) && relative.ancestors().any(|part| self.glob.is_match(part))
    }
}

/// None: the line says nothing.
fn rule(base: &Path, line: &str) -> Result<Option<Rule>, String> {
    let (takes_back, pattern) = line.strip_prefix('!').map_or((false, line), |rest| (true, rest));
    let (of_folders, pattern) = pattern.strip_suffix('/').map_or((false, pattern), |rest| (true, rest));
    // A slash in it ties a pattern to its folder; without one it holds in all folders below, too.
    let everywhere = if pattern.contains('/') { "" } else { "**/" };
    let pattern = pattern.strip_prefix('/').unwrap_or(pattern);
    if pattern.is_empty() {
        return if takes_back { Err("it takes nothing back".into()) } else { Ok(None) };
    }
    let plain = pattern.replace('{', "\\{").replace('}', "\\}");
    let glob = GlobBuilder::new(&format!("{everywhere}{plain}")).literal_separator(true).backslash_escape(true).build();
    let glob = glob.map_err(|e| e.kind().to_string())?.compile_matcher();
    Ok(Some(Rule { base: base.to_path_buf(), glob, takes_back, of_folders }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_leave_out_what_dvc_leaves_out() {
        // As DVC 3 answers.
        for (lines, file, out) in [
            ("*.tmp", "data/a/x.tmp", true),
            ("*.tmp", "data/a/x.csv", false),
            ("/a", "data/a/x.csv", false),
            ("/data/a", "data/a/x.csv", true),
            ("data/a", "data/a/x.csv", true),
            ("a/x.csv", "data/a/x.csv", false),
            ("**/a/x.csv", "data/a/x.csv", true),
            ("data/**/x.csv", "data/a/b/x.csv", true),
            ("a/", "data/a/x.csv", true),
            ("x.csv/", "data/a/x.csv", false),
            ("# x.csv\n\\#x.csv", "data/#x.csv", true),
            ("x?.csv\n[0-9]*", "data/7.csv", true),
            ("*.csv\n!keep.csv", "data/keep.csv", false),
            ("*.csv\n!keep", "data/keep/x.csv", false),
            ("*.csv\n!keep/", "data/keep/x.csv", true),
            ("a\n!x.csv", "data/a/x.csv", true),
            ("{a,b}.csv", "data/a.csv", false),
            ("data/*", "data/a/x.csv", true),
            ("", "data/.git/x", true),
            ("", "data/.dvc/x", true),
            ("", "data/.hg", false),
            ("/\n  ", "data/x.csv", false),
        ] {
            let repo = tempfile::tempdir().unwrap();
            std::fs::write(repo.path().join(FILE), lines).unwrap();
            let ignore = Ignore::of(repo.path(), &repo.path().join("data")).unwrap();
            assert_eq!(ignore.leaves_out(&repo.path().join(file)), out, "{lines:?} on {file}");
        }
    }

    #[test]
    fn the_nearest_file_is_the_strongest_and_a_broken_one_is_a_fault() {
        let repo = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| {
            std::fs::create_dir_all(repo.path().join(name).parent().unwrap()).unwrap();
            std::fs::write(repo.path().join(name), text).unwrap();
        };
        write(".dvcignore", "*.csv\n");
        write("data/.dvcignore", "!/parts/a.csv\n");
        let folder = repo.path().join("data/parts");
        let ignore = Ignore::of(repo.path(), &folder).unwrap();
        assert!(!ignore.leaves_out(&folder.join("a.csv")));
        assert!(ignore.leaves_out(&folder.join("b.csv")));
        write("data/.dvcignore", "a[\n");
        let fault = Ignore::of(repo.path(), &folder).err().unwrap();
        assert!(fault.what.contains("data/.dvcignore") && fault.why.contains("`a[`"), "{fault}");
    }
}
